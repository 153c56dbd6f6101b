"""`lastmile write`: the rows of the feed as Parquet, in its order, whole or not at all."""

from __future__ import annotations

import json
import re
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import data
from harness import Job, Outcome, Sandbox, check_ranks, order, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.language import (
    Explode,
    Join,
    Limit,
    Member,
    Rename,
    Sample,
    Small,
    Step,
    Truncate,
    Upsample,
    Weight,
)
from oracle.mix import Mixed
from oracle.steps import Derive, Downsample, Drop, Filter, Mask, Select, true
from oracle.tensors import Tensor

POSITIVE: tuple[str, Mask] = ("label = 1", lambda t: true(pc.equal(t.column("label"), 1)))
NEGATIVE: tuple[str, Mask] = ("label = 0", lambda t: true(pc.equal(t.column("label"), 0)))
LONG: tuple[str, Mask] = ("dwell_s > 9", lambda t: true(pc.greater(t.column("dwell_s"), 9)))
TENSORS = {"dense": Tensor("dense_*", fill=0), "seq": Tensor("seq", fill=0), "emb": Tensor("emb")}
TENSORS["emb"] = replace(TENSORS["emb"], fill=0)
SMALL = Small(
    {"values": {"user_id": list(range(0, 300, 2)), "age": list(range(150))}},
    pa.table({"user_id": list(range(0, 300, 2)), "age": list(range(150))}),
)
SHUFFLED = Shuffle(row_groups=3)


def table(sandbox: Sandbox, steps: list[Step], shuffle: Shuffle = SHUFFLED) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=3, rows=400, row_group=130)
    return Dataset("t", root, files, TENSORS, steps, batch=50, shuffle=shuffle)


def write(sandbox: Sandbox, *arguments: str) -> Outcome:
    return sandbox.start("write", "experiment.yaml", "train", "--to", "out", *arguments).wait()


def manifest(sandbox: Sandbox) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((sandbox.folder / "out" / "_lastmile.json").read_text())
    return tree


def read(sandbox: Sandbox) -> pa.Table:
    """The rows of the folder, file by file as the manifest names them."""
    out = sandbox.folder / "out"
    files = manifest(sandbox)["files"]
    names = [file["name"] for file in files]
    assert sorted(path.name for path in out.iterdir()) == ["_lastmile.json", *names]
    assert names == sorted(names)
    for file in files:
        assert file["rows"] == pq.read_metadata(out / file["name"]).num_rows
        assert file["bytes"] == (out / file["name"]).stat().st_size
    return pa.concat_tables([pq.ParquetFile(out / name).read() for name in names])


def plain(rows: pa.Table) -> pa.Table:
    """Without the oracle's own columns."""
    return rows.select([name for name in rows.column_names if not name.startswith("__oracle")])


def check(sandbox: Sandbox, dataset: Dataset, epoch: int = 0, seed: int = 42) -> pa.Table:
    """The folder has the rows, order, columns and counts of the oracle's sequence."""
    sequence = dataset.sequence(seed, epoch)
    expected, got = plain(sequence.rows), read(sandbox)
    assert got.column_names == expected.column_names
    for name in expected.column_names:
        have, want = got.column(name), expected.column(name)
        if pa.types.is_dictionary(want.type):
            want = want.cast(want.type.value_type)
        if not pa.types.is_timestamp(want.type) and not _has_timestamps(want.type):
            assert _same_type(have.type, want.type), f"{name}: {have.type}, expected {want.type}"
        assert _values(have) == _values(want), name
    said = manifest(sandbox)
    assert said["epoch"] == epoch
    assert said["seed"] == seed
    assert said["counts"]["read"] == sequence.read
    assert [step["rows"] for step in said["counts"]["dropped"]] == sequence.dropped
    assert [step["rows"] for step in said["counts"]["added"]] == sequence.added
    assert said["counts"]["written"] == len(expected)
    digest = sequence.digests[-1] if len(expected) else "0" * 16
    assert said["digest"] == digest
    return got


def _has_timestamps(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) and pa.types.is_timestamp(kind.value_type)


def _same_type(have: pa.DataType, want: pa.DataType) -> bool:
    if pa.types.is_fixed_size_list(want):
        return (
            pa.types.is_fixed_size_list(have)
            and have.list_size == want.list_size
            and have.value_type == want.value_type
        )
    if pa.types.is_list(want):
        return bool(pa.types.is_list(have) and have.value_type == want.value_type)
    return bool(have == want)


def _values(column: pa.ChunkedArray) -> list[Any]:
    """As Python values, timestamps as the instants that they are and NaN as a word."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return [_instant(value.value, kind.unit) for value in column]
    if _has_timestamps(kind):
        unit = kind.value_type.unit
        return [
            None if not v.is_valid else [_instant(each.value, unit) for each in v.values]
            for v in column
        ]
    return [_word(value) for value in column.to_pylist()]


def _instant(ticks: int | None, unit: str) -> int | None:
    return None if ticks is None else ticks * {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]


def _word(value: Any) -> Any:
    if isinstance(value, list):
        return [_word(each) for each in value]
    return repr(value) if isinstance(value, float) else value


CASES: dict[str, list[Step]] = {
    "none": [],
    "filter-derive": [
        Filter(*LONG),
        Derive({"d": ("dense_1 + 1", lambda t: pc.add(t.column("dense_1"), 1))}),
    ],
    "downsample": [Downsample(0.3, ["user_id"], NEGATIVE, "w"), Sample(0.8)],
    "explode": [Explode(["seq"], "place"), Filter(*POSITIVE), Drop(["emb"])],
    "upsample": [Upsample(3, POSITIVE), Downsample(0.5, [], NEGATIVE, "w"), Upsample(2, POSITIVE)],
    "join": [Join(SMALL, {"user_id": "user_id"}, ["age"]), Rename({"age": "a"}, {"age": "a"})],
    "join-inner": [Join(SMALL, {"user_id": "user_id"}, ["age"], inner=True)],
    "limit": [Downsample(0.5, ["uid"], NEGATIVE, "w"), Limit(301)],
    "limit-beyond": [Filter(*LONG), Limit(5000)],
    "columns": [
        Truncate(["seq"], last=2),
        Weight({"w": ("dense_1", lambda t: t.column("dense_1"))}),
        Select(["w", "seq", "uid", "label", "user_id"]),
    ],
    "nothing": [Filter("label + 0 = 7", lambda t: np.zeros(len(t), bool))],
    "pruned": [Filter("label = 7", lambda t: np.zeros(len(t), bool))],
}


@pytest.mark.parametrize("shuffle", [NONE, SHUFFLED], ids=["none", "shuffled"])
@pytest.mark.parametrize("case", CASES)
def test_rows_and_order_are_those_of_the_sequence(
    sandbox: Sandbox, case: str, shuffle: Shuffle
) -> None:
    tensors = {"uid": Tensor("uid"), "label": Tensor("label")}
    dataset = replace(table(sandbox, CASES[case], shuffle), tensors=tensors)
    sandbox.experiment(dataset)
    write(sandbox).expect(0)
    check(sandbox, dataset)


@pytest.mark.parametrize("epoch", [1, 2])
def test_each_epoch_has_its_own_order_and_its_own_negatives(sandbox: Sandbox, epoch: int) -> None:
    again = replace(Downsample(0.4, ["uid"], NEGATIVE, "w"), each_epoch=True)
    dataset = table(sandbox, [again])
    sandbox.experiment(dataset)
    write(sandbox, "--epoch", str(epoch)).expect(0)
    got = check(sandbox, dataset, epoch)
    assert set(got.column("uid").to_pylist()) != set(dataset.sequence().rows["uid"].to_pylist())


def test_the_feed_brings_the_same_rows(sandbox: Sandbox) -> None:
    steps: list[Step] = [Downsample(0.5, ["user_id"], NEGATIVE, "w"), Upsample(2, POSITIVE)]
    dataset = table(sandbox, steps)
    path = sandbox.experiment(dataset)
    write(sandbox).expect(0)
    with sandbox.serve(path) as server:
        uids = order(ranks(server.address, 2))
    assert read(sandbox).column("uid").to_pylist() == uids


@pytest.mark.parametrize("shuffle", [NONE, SHUFFLED], ids=["none", "shuffled"])
def test_training_from_the_folder_gives_the_same_batches(
    sandbox: Sandbox, shuffle: Shuffle
) -> None:
    dataset = table(sandbox, [Downsample(0.5, ["uid"], NEGATIVE, "w"), Filter(*LONG)], shuffle)
    sandbox.experiment(dataset)
    write(sandbox).expect(0)
    # The folder has a manifest, and files that are not meant.
    (sandbox.folder / "out" / "_SUCCESS").touch()
    (sandbox.folder / "out" / ".part.parquet").write_text("not meant")
    files = [file["name"] for file in manifest(sandbox)["files"]]
    plainly = Dataset("out", sandbox.folder / "out", files, TENSORS, [], batch=50)
    with sandbox.serve(sandbox.experiment(plainly)) as server:
        got = ranks(server.address, 2)
    check_ranks(got, dataset)
    check_ranks(got, plainly)


def test_types_and_values_are_kept(sandbox: Sandbox) -> None:
    (sandbox.folder / "t").mkdir()
    for i in range(2):
        rows = data.awkward(3, 90, 90 * i)
        rows = rows.append_column("bytes", pa.array([b"\x00\xff%d" % n for n in range(90)]))
        rows = rows.append_column("pair", pa.array([{"a": n, "b c": [str(n)]} for n in range(90)]))
        rows = rows.append_column("deep", pa.array([[[n], []] for n in range(90)]))
        pq.write_table(rows, sandbox.folder / "t" / f"{i}.parquet", row_group_size=40)
    root = sandbox.folder / "t"
    dataset = Dataset(
        "t", root, ["0.parquet", "1.parquet"], {"uid": Tensor("uid")}, [], shuffle=SHUFFLED
    )
    sandbox.experiment(dataset)
    write(sandbox).expect(0)
    got = check(sandbox, dataset)
    assert got.schema.field("emb").type.list_size == 4
    types = {column["name"]: column["type"] for column in manifest(sandbox)["columns"]}
    assert types["price"] == "DECIMAL(12,2)"
    assert types["at_ns"] == "TIMESTAMP_NS"
    assert types["pair"] == 'STRUCT(a BIGINT, "b c" VARCHAR[])'


def test_many_row_groups_and_many_splits(sandbox: Sandbox) -> None:
    """Several runs of rows, encoded by several workers, in one file; small splits together."""
    root = sandbox.folder / "t"
    root.mkdir()
    files = []
    for i in range(3):
        r = data.rng(i)
        rows = {"uid": np.arange(i * 200_000, (i + 1) * 200_000), "x": r.random(200_000)}
        files.append(f"{i}.parquet")
        pq.write_table(pa.table(rows), root / files[-1], row_group_size=7000)
    keep = Filter("x < 0.9", lambda t: np.asarray(t.column("x")) < 0.9)
    dataset = Dataset("t", root, files, {"x": Tensor("x")}, [keep], shuffle=Shuffle(row_groups=4))
    sandbox.experiment(dataset, workers=3)
    write(sandbox).expect(0)
    check(sandbox, dataset)
    (file,) = manifest(sandbox)["files"]
    metadata = pq.read_metadata(sandbox.folder / "out" / file["name"])
    sizes = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
    assert len(sizes) >= 4
    assert max(sizes) < 180_000
    assert min(sizes[:-1]) > 100_000
    first = (sandbox.folder / "out" / file["name"]).read_bytes()
    (sandbox.folder / "out").rename(sandbox.folder / "before")
    write(sandbox).expect(0)
    assert (sandbox.folder / "out" / file["name"]).read_bytes() == first


def test_what_is_told(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [Filter(*LONG), Upsample(2, POSITIVE), Limit(100)])
    sandbox.experiment(dataset)
    outcome = write(sandbox).expect(0)
    sequence = dataset.sequence()
    first, counts, files = outcome.out.splitlines()
    out = sandbox.folder / "out"
    assert re.fullmatch(
        rf"train: 100 rows written to {re.escape(str(out))} after \d+\.\d s, [\d,]+ rows/s", first
    )
    assert counts == (
        f"  epoch 0: rows read {sequence.read}, added by step 1 (upsample) {sequence.added[0]}, "
        f"dropped by step 0 (filter) {sequence.dropped[0]}, "
        f"dropped by step 2 (limit) {sequence.dropped[1]}, written 100"
    )
    assert re.fullmatch(r"  1 file, \d+ KiB", files)
    said = manifest(sandbox)
    assert said["version"] == 1
    assert re.fullmatch(r"\d+\.\d+\.\d+", said["lastmile"])
    assert said["experiment"] == "trial"
    assert said["dataset"] == "train"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}", said["fingerprint"])
    assert said["plan"]["steps"][0] == {"filter": "dwell_s > 9"}
    assert [name for name, _ in said["plan"]["tensors"]] == list(TENSORS)
    sources = [Path(source["path"]).name for source in said["sources"]]
    assert sources == dataset.files
    assert [source["bytes"] for source in said["sources"]] == [
        (dataset.root / name).stat().st_size for name in dataset.files
    ]
    (sandbox.folder / "out").rename(sandbox.folder / "before")
    told = json.loads(write(sandbox, "--json").expect(0).out)
    assert told.pop("to") == str(out)
    assert told.pop("seconds") > 0
    assert told == manifest(sandbox)


def refused(sandbox: Sandbox, message: str, *arguments: str, to: str = "out") -> None:
    before = sorted(sandbox.folder.rglob("*"))
    done = sandbox.start("write", "experiment.yaml", "train", "--to", to, *arguments).wait()
    done.expect(2)
    assert done.err == f"error: {message}\n"
    assert done.out == ""
    assert sorted(sandbox.folder.rglob("*")) == before


def test_folders_that_are_refused(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [])
    sandbox.experiment(dataset)
    out = sandbox.folder / "out"
    out.mkdir()
    (out / "mine").touch()
    refused(sandbox, f"The folder {out} is not empty (remove it, or name another with --to)")
    file = out / "mine"
    refused(sandbox, f"Not a folder: {file} (name another with --to)", to="out/mine")
    inside = (
        "lies in a source of the dataset, which would read its files too (name another with --to)"
    )
    refused(sandbox, f"The folder {sandbox.folder / 't/new'} {inside}", to="t/new")
    (sandbox.folder / "link").symlink_to("t")
    refused(sandbox, f"The folder {sandbox.folder / 'link/new'} {inside}", to="link/new")
    sandbox.experiment(replace(dataset, parquet="t*/**/*.parquet"))
    refused(sandbox, f"The folder {sandbox.folder / 'tt'} {inside}", to="tt")
    refused(sandbox, f"The folder {sandbox.folder / 'link/a'} {inside}", to="link/a")
    (sandbox.folder / "small").mkdir()
    pq.write_table(pa.table({"user_id": [1]}), sandbox.folder / "small" / "0.parquet")
    joined = Member(Small({"parquet": "small"}, pa.table({"user_id": [1]})), {"user_id": "user_id"})
    sandbox.experiment(replace(dataset, steps=[joined]))
    refused(sandbox, f"The folder {sandbox.folder / 'small/new'} {inside}", to="small/new")
    refused(sandbox, "Invalid --epoch: -1 (must be >= 0)", "--epoch", "-1")
    unsupported = "s3:// is not supported yet: must be a path of this machine"
    refused(sandbox, f'Invalid path: "s3://bucket/x" ({unsupported})', to="s3://bucket/x")


def test_a_folder_in_one_that_was_written_is_refused(sandbox: Sandbox) -> None:
    sandbox.experiment(table(sandbox, []))
    first = sandbox.folder / "first"
    sandbox.start("write", "experiment.yaml", "train", "--to", "first").wait().expect(0)
    for inside in (first / "sub", first / "sub" / "sub"):
        refused(
            sandbox,
            f"The folder {inside} lies in {first}, which holds another written dataset "
            "(name another with --to)",
            to=str(inside),
        )


def test_an_empty_folder_is_filled_and_missing_ones_are_made(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [])
    sandbox.experiment(dataset)
    (sandbox.folder / "out").mkdir()
    write(sandbox).expect(0)
    check(sandbox, dataset)
    deep = ("write", "experiment.yaml", "train", "--to", "a/b/out")
    sandbox.start(*deep).wait().expect(0)
    assert sorted(p.name for p in (sandbox.folder / "a" / "b").iterdir()) == ["out"]


def test_columns_that_a_file_cannot_keep_are_refused(sandbox: Sandbox) -> None:
    huge = Derive({"n": ("list_sum(seq)", lambda t: t.column("uid"))})
    sandbox.experiment(table(sandbox, [huge]))
    refused(
        sandbox,
        'Column "n" is HUGEINT, which a Parquet file gives back as DOUBLE '
        "(cast it to a type that it keeps, or drop it)",
    )
    twin = Derive({"Uid": ("1", lambda t: t.column("uid"))})
    sandbox.experiment(table(sandbox, [twin]))
    refused(
        sandbox,
        'Columns "uid" and "Uid" differ at most in case, so that none of them could be named '
        "in the file (rename one)",
    )


def test_an_unknown_dataset_or_a_wrong_step_is_refused(sandbox: Sandbox) -> None:
    path = sandbox.experiment(table(sandbox, []))
    done = sandbox.start("write", path.name, "trian", "--to", "out").wait().expect(2)
    assert done.errors == [
        'error: Unknown dataset "trian" (did you mean "train"?) [experiment.yaml:4]'
    ] or re.search(r'Unknown dataset "trian".*train', done.err)
    sandbox.experiment(table(sandbox, [Filter("lable = 1", lambda t: t)]))
    refusal = write(sandbox).expect(2)
    assert 'Unknown column "lable"' in refusal.err
    assert not (sandbox.folder / "out").exists()


def two_logs(sandbox: Sandbox, on_dry: str, first: list[Step], second: list[Step]) -> Mixed:
    big = replace(table(sandbox, first), tensors={})
    root = sandbox.folder / "promoted"
    files = data.write_impressions(root, files=1, rows=300, row_group=70, seed=3)
    small = Dataset("promoted", root, files, {}, second)
    datasets = {"organic": (big, 0.8), "promoted": (small, 0.2)}
    return Mixed(datasets, {"uid": Tensor("uid")}, on_dry)


def write_mix(sandbox: Sandbox, mix: Mixed, *arguments: str) -> Outcome:
    together: dict[str, Any] = {name: dataset for name, (dataset, _) in mix.datasets.items()}
    sandbox.experiment(together | {"train": mix}, workers=2)
    return write(sandbox, *arguments)


@pytest.mark.parametrize("on_dry", ["stop", "repeat", "rest"])
@pytest.mark.parametrize("case", ["none", "downsample", "explode", "limit"])
def test_a_mix_is_written_in_its_order(sandbox: Sandbox, case: str, on_dry: str) -> None:
    alike: list[Step] = [Drop(["seq"])] if case == "explode" else []
    mix = two_logs(sandbox, on_dry, CASES[case], [Filter(*POSITIVE), *alike])
    write_mix(sandbox, mix).expect(0)
    got = check(sandbox, columns_of_all(mix))
    assert got.num_rows == manifest(sandbox)["counts"]["written"]


def columns_of_all(mix: Mixed) -> Any:
    """The mix whose rows have the columns that all its datasets have, in the order of the first."""
    tables = [dataset.nothing(42, 0).column_names for dataset, _ in mix.datasets.values()]
    names = [name for name in tables[0] if all(name in table for table in tables)]

    class Common:
        def sequence(self, seed: int, epoch: int) -> Any:
            sequence = mix.sequence(seed, epoch)
            own = [name for name in sequence.rows.column_names if name.startswith("__oracle")]
            kept = [name for name in names if not name.startswith("__oracle")]
            return replace(sequence, rows=sequence.rows.select(kept + own))

    return Common()


def test_epochs_and_limits_of_a_mix(sandbox: Sandbox) -> None:
    again = replace(Downsample(0.4, ["uid"], NEGATIVE, "w"), each_epoch=True)
    mix = two_logs(sandbox, "repeat", [again, Drop(["w"])], [])
    mix = replace(mix, limit=777)
    write_mix(sandbox, mix, "--epoch", "2").expect(0)
    assert len(check(sandbox, columns_of_all(mix), epoch=2)) == 777


def test_many_runs_of_a_mix(sandbox: Sandbox) -> None:
    """Splits end in the midst of runs, and runs in the midst of splits."""
    datasets = {}
    for name, ratio in (("a", 0.75), ("b", 0.25)):
        count = int(400_000 * ratio)
        root = sandbox.folder / name
        root.mkdir()
        r = data.rng(count)
        rows = {"uid": np.arange(count), "x": r.random(count)}
        pq.write_table(pa.table(rows), root / "0.parquet", row_group_size=7000)
        shuffle = Shuffle(row_groups=4) if name == "a" else NONE
        datasets[name] = (Dataset(name, root, ["0.parquet"], {}, [], shuffle=shuffle), ratio)
    mix = Mixed(datasets, {"x": Tensor("x")}, "rest")
    write_mix(sandbox, mix).expect(0)
    check(sandbox, mix)  # type: ignore[arg-type]
    (file,) = manifest(sandbox)["files"]
    metadata = pq.read_metadata(sandbox.folder / "out" / file["name"])
    sizes = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
    assert sizes == [122_880, 122_880, 122_880, 400_000 - 3 * 122_880]


def test_what_is_told_of_a_mix(sandbox: Sandbox) -> None:
    more = Derive({"d": ("dense_1 + 1", lambda t: pc.add(t.column("dense_1"), 1))})
    mix = two_logs(sandbox, "rest", [Filter(*LONG), more], [Filter(*POSITIVE)])
    outcome = write_mix(sandbox, mix).expect(0)
    sequence = mix.sequence()
    _, counts, _, left = outcome.out.splitlines()
    assert counts == (
        f"  epoch 0: rows read 1,500, dropped by step 0 (filter) of organic {sequence.dropped[0]}, "
        f"dropped by step 2 (mix) of organic 0, "
        f"dropped by step 0 (filter) of promoted {sequence.dropped[2]}, "
        f"dropped by step 1 (mix) of promoted 0, written {len(sequence.rows):,}"
    )
    assert left == "  not in all datasets, and left out: d of organic"
    said = manifest(sandbox)
    assert said["columns_left_out"] == {"organic": ["d"]}
    assert [one["dataset"] for one in said["plan"]["mix"]] == ["organic", "promoted"]
    assert said["mixed"]["organic"]["steps"][0] == {"filter": "dwell_s > 9"}
    assert said["counts"]["dropped"][0] == {
        "dataset": "organic",
        "step": 0,
        "kind": "filter",
        "rows": sequence.dropped[0],
    }


def test_columns_of_a_mix_that_do_not_fit_are_refused(sandbox: Sandbox) -> None:
    text = Derive({"user_id": ("cast(uid AS VARCHAR)", lambda t: t.column("uid"))})
    other: list[Step] = [Drop(["user_id"]), text]
    done = write_mix(sandbox, two_logs(sandbox, "rest", [], other)).expect(2)
    assert done.err == (
        'error: Column "user_id" is BIGINT in dataset "organic", but VARCHAR in "promoted" '
        "(cast one of them, or drop it)\n"
    )
    mix = two_logs(sandbox, "rest", [Select(["uid"])], [Drop(["uid"])])
    done = write_mix(sandbox, mix).expect(2)
    assert done.err == (
        "error: No column is in all of the datasets that are mixed: organic, promoted\n"
    )
    assert not (sandbox.folder / "out").exists()


def test_a_mix_without_room_for_a_split_is_written(sandbox: Sandbox) -> None:
    """What waits of each dataset is bounded by the memory of the workers."""
    root = sandbox.folder / "wide"
    root.mkdir()
    r = data.rng(1)
    count = 1_000_000
    rows = {f"c{i}": r.random(count) for i in range(20)} | {"uid": np.arange(count)}
    pq.write_table(pa.table(rows), root / "0.parquet", row_group_size=20_000)
    wide = Dataset("wide", root, ["0.parquet"], {}, [])
    mix = Mixed(
        {"a": (wide, 0.99), "b": (replace(wide), 0.01)}, {"x": Tensor("c1")}, "stop", keys=["uid"]
    )
    together: dict[str, Any] = {"a": wide, "b": replace(wide), "train": mix}
    sandbox.experiment(together, workers=2, memory="128MiB")
    write(sandbox).expect(0)
    assert manifest(sandbox)["counts"]["written"] == len(mix.sequence().rows)


def test_what_is_only_mixed_is_written_too(sandbox: Sandbox) -> None:
    alone = replace(table(sandbox, [Filter(*LONG)]), tensors={})
    other = replace(alone, steps=[])
    mix = Mixed({"train": (alone, 0.5), "other": (other, 0.5)}, {"uid": Tensor("uid")}, "rest")
    mixed: Any = mix
    sandbox.experiment({"train": alone, "other": other, "both": mixed})
    write(sandbox).expect(0)
    check(sandbox, alone)


def test_no_row_where_there_must_be_one(sandbox: Sandbox) -> None:
    nothing = Filter("label + 0 = 7", lambda t: np.zeros(len(t), bool))
    dataset = replace(table(sandbox, [nothing]), extra={"on_empty": "error"})
    sandbox.experiment(dataset)
    (line,) = write(sandbox).expect(3).errors
    assert 'Dataset "train" has no rows in epoch 0' in line
    nothing_left(sandbox)


def nothing_left(sandbox: Sandbox) -> None:
    names = {path.name for path in sandbox.folder.iterdir()}
    assert names <= {"t", "experiment.yaml", "full"}, names


def test_a_corrupt_row_group_ends_it_or_is_left_out(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [])
    data.damage(sandbox.folder / "t" / "part-001.parquet", 2, "dense_1")
    sandbox.experiment(dataset)
    (line,) = write(sandbox).expect(3).errors
    assert "part-001.parquet, row group 2" in line
    nothing_left(sandbox)
    skipping = replace(dataset, on_corrupt="skip", corrupt=frozenset({("part-001.parquet", 2)}))
    sandbox.experiment(skipping)
    outcome = write(sandbox).expect(0)
    assert "part-001.parquet, row group 2" in outcome.out
    check(sandbox, skipping)
    (skipped,) = manifest(sandbox)["row_groups_skipped"]
    assert "part-001.parquet, row group 2" in skipped


def test_a_column_that_cannot_be_computed_is_named(sandbox: Sandbox) -> None:
    bad = Derive({"n": ("CAST(surface AS INTEGER)", lambda t: t.column("uid"))})
    sandbox.experiment(table(sandbox, [bad]))
    (line,) = write(sandbox).expect(3).errors
    assert re.search(r'Column "n" of dataset "train" cannot be computed: .*row group \d, row', line)
    nothing_left(sandbox)


SLOW = "list_sum(list_transform(range(20000), lambda i: CAST(i * uid % 7 AS DOUBLE)))"


def slowly(sandbox: Sandbox) -> Job:
    """A writing that has begun and has minutes to go."""
    sandbox.experiment(
        replace(table(sandbox, [Derive({"n": (SLOW, lambda t: t.column("uid"))})]), batch=50)
    )
    big = data.impressions(1, 60_000, 0)
    # Small ones, so that the engine looks up often.
    pq.write_table(big, sandbox.folder / "t" / "part-000.parquet", row_group_size=50)
    job = sandbox.start("write", "experiment.yaml", "train", "--to", "out")
    deadline = time.monotonic() + 30
    while not list(sandbox.folder.glob(".lastmile-*.lock")):
        assert time.monotonic() < deadline
        assert job.process.poll() is None
        time.sleep(0.02)
    time.sleep(0.5)
    assert job.process.poll() is None
    return job


def test_a_killed_writing_leaves_nothing_that_looks_finished(sandbox: Sandbox) -> None:
    job = slowly(sandbox)
    job.signal(signal.SIGKILL)
    job.process.wait(10)
    sandbox.gone_after(10)
    assert not (sandbox.folder / "out").exists()
    assert len(list(sandbox.folder.glob(".lastmile-*"))) == 2
    dataset = table(sandbox, [])
    sandbox.experiment(dataset)
    write(sandbox).expect(0)
    check(sandbox, dataset)
    assert not list(sandbox.folder.glob(".lastmile-*"))


def test_what_another_writes_is_left_alone(sandbox: Sandbox) -> None:
    job = slowly(sandbox)
    files = data.write_impressions(sandbox.folder / "u", files=1)
    dataset = Dataset("u", sandbox.folder / "u", files, TENSORS, [], shuffle=SHUFFLED)
    sandbox.experiment(dataset)
    write(sandbox).expect(0)
    check(sandbox, dataset)
    assert len(list(sandbox.folder.glob(".lastmile-*"))) == 2
    job.signal(signal.SIGINT)
    job.wait(15)
    assert not list(sandbox.folder.glob(".lastmile-*"))


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (signal.SIGINT, 130, "Interrupted (Ctrl-C)"),
        (signal.SIGTERM, 143, "Terminated (SIGTERM)"),
    ],
)
def test_a_cancelled_writing_leaves_nothing(
    sandbox: Sandbox, number: int, code: int, message: str
) -> None:
    job = slowly(sandbox)
    job.signal(number)
    outcome = job.wait(15).expect(code)
    assert outcome.errors == [f"error: {message}"]
    nothing_left(sandbox)


def test_a_full_disk_leaves_nothing(sandbox: Sandbox) -> None:
    root = sandbox.folder / "t"
    root.mkdir()
    r = data.rng(8)
    rows = {"uid": np.arange(300_000), "x": r.random(300_000)}
    pq.write_table(pa.table(rows), root / "0.parquet", row_group_size=30_000)
    dataset = Dataset("t", root, ["0.parquet"], {"x": Tensor("x")}, [], shuffle=SHUFFLED)
    sandbox.experiment(dataset)
    full = sandbox.folder / "full"
    full.mkdir()
    sandbox.mount(full, "1500k")
    done = sandbox.start("write", "experiment.yaml", "train", "--to", "full/out").wait().expect(5)
    (line,) = done.errors
    assert re.fullmatch(
        rf"error: Cannot write {re.escape(str(full / 'out'))}: .*No space left on device.*", line
    ), line
    assert "exception_type" not in line
    assert "Exception" not in done.err
    look = sandbox.start("write", "experiment.yaml", "train", "--to", "out").wait()
    look.expect(0)
    check(sandbox, dataset)
