"""The oracle itself, against other implementations and by hand."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from oracle.dataset import Dataset, Shuffle, deal
from oracle.hashing import digest, hashed_ids, key_bytes, uniform
from oracle.permutation import draws, permutation, splitmix64, state
from oracle.steps import AntiJoin, Downsample
from oracle.tensors import Tensor
from oracle.xxh64 import xxh64, xxh64_many, xxh64_rows

SEEDS = (0, 1, 42, (1 << 63) - 1, (1 << 64) - 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_xxh64_is_that_of_the_xxhash_package(seed: int) -> None:
    source = random.Random(7)
    values = [source.randbytes(n) for n in range(100)] + [source.randbytes(1000)]
    expected = [xxhash.xxh64_intdigest(value, seed) for value in values]
    assert [xxh64(value, seed) for value in values] == expected
    assert xxh64_many(values, seed).tolist() == expected
    matrix = np.frombuffer(source.randbytes(50 * 37), dtype=np.uint8).reshape(50, 37)
    of_rows = [xxhash.xxh64_intdigest(row.tobytes(), seed) for row in matrix]
    assert xxh64_rows(matrix, seed).tolist() == of_rows


def test_a_negative_seed_is_its_twos_complement() -> None:
    assert xxh64(b"abc", -1) == xxhash.xxh64_intdigest(b"abc", (1 << 64) - 1)
    assert xxh64_many([b"abc"], -1).tolist() == [xxh64(b"abc", -1)]


def test_splitmix64_gives_the_published_numbers() -> None:
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert splitmix64(1234567, 3) == published
    assert draws(1234567, 3).tolist() == published


def test_the_state_of_a_permutation_is_the_hash_of_label_and_numbers() -> None:
    data = b"rows\0" + struct.pack("<qq", 3, 5)
    assert state("rows", [3, 5], 42) == xxhash.xxh64_intdigest(data, 42)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 1000])
def test_a_permutation_is_fisher_yates_from_the_last_index_down(n: int) -> None:
    order, numbers = list(range(n)), iter(splitmix64(state("row_groups", [1], 9), n))
    for i in range(n - 1, -1, -1):
        j = next(numbers) % (i + 1)
        order[i], order[j] = order[j], order[i]
    assert permutation("row_groups", [1], 9, n).tolist() == order
    assert sorted(order) == list(range(n))


def test_every_permutation_of_three_comes_up_equally_often() -> None:
    counts: dict[tuple[int, ...], int] = {}
    for seed in range(6000):
        order = tuple(permutation("rows", [0, 0], seed, 3).tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert all(850 < count < 1150 for count in counts.values()), counts


def test_key_bytes_are_the_documented_ones() -> None:
    assert key_bytes(pa.array([1, None, -1], pa.int16())) == [
        b"\x01" + struct.pack("<q", 1),
        b"\x00",
        b"\x01" + struct.pack("<q", -1),
    ]
    assert key_bytes(pa.array(["", "ü"])) == [
        b"\x02\x00\x00\x00\x00",
        b"\x02\x02\x00\x00\x00" + "ü".encode(),
    ]
    assert key_bytes(pa.array([True, False])) == [b"\x03\x01", b"\x03\x00"]
    at = pa.array([1_500], pa.timestamp("ms"))
    assert key_bytes(at) == [b"\x01" + struct.pack("<q", 1_500_000)]
    assert key_bytes(pa.array([3], pa.date32())) == [b"\x01" + struct.pack("<q", 3)]


def test_u_is_the_hash_of_salt_and_keys_as_a_share() -> None:
    keys = [key_bytes(pa.array([5])), key_bytes(pa.array(["a"]))]
    key = b"\x01" + struct.pack("<q", 5) + b"\x02\x01\x00\x00\x00a"
    once = xxhash.xxh64_intdigest(b"downsample\0" + key, 42)
    assert uniform("downsample", keys, 42, None)[0] == once / 2**64
    anew = xxhash.xxh64_intdigest(b"downsample" + struct.pack("<q", 2) + b"\0" + key, 42)
    assert uniform("downsample", keys, 42, 2)[0] == anew / 2**64


def test_hashed_ids_are_below_the_number_of_buckets() -> None:
    assert hashed_ids(["a", None, "b"], 10, 3) == [
        xxhash.xxh64_intdigest(b"a", 3) % 10,
        None,
        xxhash.xxh64_intdigest(b"b", 3) % 10,
    ]


def test_the_digest_is_a_running_sum() -> None:
    sums = digest(["a", "b/c"], np.array([0, 1, 0]), np.array([0, 7, 0]))
    a = xxhash.xxh64_intdigest(b"a\0" + struct.pack("<q", 0), 0)
    b = xxhash.xxh64_intdigest(b"b/c\0" + struct.pack("<q", 7), 0)
    assert sums.tolist() == [a, (a + b) % 2**64, (a + b + a) % 2**64]


def test_rows_are_dealt_evenly_in_the_last_step() -> None:
    assert deal(0, 4, 2) == []
    assert deal(8, 4, 2) == [[(0, 4), (4, 8)]]
    assert deal(9, 4, 2) == [[(0, 4), (4, 8)], [(8, 8), (8, 9)]]
    assert deal(2, 4, 3) == [[(0, 0), (0, 1), (1, 2)]]
    assert deal(11, 2, 3)[-1] == [(6, 7), (7, 9), (9, 11)]
    assert deal(11, 2, 3, "pad") == deal(11, 2, 3)
    assert deal(11, 2, 3, "drop") == [[(0, 2), (2, 4), (4, 6)]]
    assert deal(5, 2, 3, "drop") == []


def write(root: Path, name: str, columns: dict[str, pa.Array], row_group: int = 4) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), root / name, row_group_size=row_group)


def uids(first: int, count: int) -> pa.Array:
    return pa.array(range(first, first + count), pa.int64())


def test_nothing_moves_across_a_partition(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path, f"dt=2024-01-0{i + 1}/a.parquet", {"uid": uids(100 * i, 20)})
    files = [f"dt=2024-01-0{i + 1}/a.parquet" for i in range(3)]
    shuffle = Shuffle(row_groups=2, within="dt")
    dataset = Dataset("*", tmp_path, files, {"uid": Tensor("uid")}, shuffle=shuffle)
    assert [len(split) for split in dataset.splits(1, 0)] == [2, 2, 1] * 3
    order = dataset.sequence(1).rows.column("uid").to_pylist()
    assert [uid // 100 for uid in order] == [0] * 20 + [1] * 20 + [2] * 20
    assert sorted(order) != order
    assert order != dataset.sequence(1, epoch=1).rows.column("uid").to_pylist()


def test_a_null_key_never_matches(tmp_path: Path) -> None:
    a, b = pa.array([1, None, 3, 4]), pa.array(["x", "x", None, "y"])
    write(tmp_path, "rows.parquet", {"uid": uids(0, 4), "a": a, "b": b})
    listed = {"l": pa.array([1, None, 3]), "r": pa.array(["x", "x", None])}
    write(tmp_path, "listed.parquet", listed)
    both = AntiJoin(tmp_path / "listed.parquet", {"a": "l", "b": "r"})
    one = AntiJoin(tmp_path / "listed.parquet", {"a": "l"})
    for step, kept in ((both, [1, 2, 3]), (one, [1, 3])):
        dataset = Dataset("*", tmp_path, ["rows.parquet"], {}, [step])
        assert dataset.sequence().rows.column("uid").to_pylist() == kept


def test_a_smaller_share_is_a_subset_and_other_salts_are_independent(tmp_path: Path) -> None:
    write(tmp_path, "rows.parquet", {"uid": uids(0, 40_000)}, row_group=10_000)

    def kept(step: Downsample) -> set[int]:
        rows = Dataset("*", tmp_path, ["rows.parquet"], {}, [step]).sequence().rows
        return set(rows.column("uid").to_pylist())

    small, large = kept(Downsample(0.05, ["uid"])), kept(Downsample(0.10, ["uid"]))
    other = kept(Downsample(0.10, ["uid"], salt="other"))
    assert small < large
    assert abs(len(large) - 4000) < 240  # four standard deviations
    assert abs(len(large & other) - 400) < 80
    assert abs(len(large & kept(Downsample(0.10))) - 400) < 80
