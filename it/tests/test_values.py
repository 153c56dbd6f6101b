"""Every tensor equals what pyarrow reads from the same file, by the rules of the reference."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import data
from harness import (
    SCRIPTS,
    Got,
    Sandbox,
    as_value,
    check_ranks,
    check_value,
    drain,
    load_ranks,
    ranks,
)
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.steps import Derive
from oracle.tensors import Ragged, Tensor
from scripts.received import plain

INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"]
NATURAL = [*INTS, "uint64", "float32", "float64", "flag", "day"]
TIMES = [f"at_{unit}{zone}" for unit in ("s", "ms", "us", "ns") for zone in ("", "_zone")]
LISTS = ["int64", "int32", "uint8", "float", "double"]

WORDS = (
    "words.txt",
    ["home", "日本語", "zero\0byte", " x ", "a longer word than the engine keeps inline", "Zürich"],
)

TENSORS: dict[str, Tensor] = {
    **{name: Tensor(name) for name in NATURAL + TIMES},
    **{f"{kind}_null": Tensor(f"{kind}_null", fill=7) for kind in INTS},
    "float32_null": Tensor("float32_null", fill=-0.5),
    "float64_null": Tensor("float64_null", fill=1e300),
    "flag_filled": Tensor("flag_null", dtype="float32", fill=0.25),
    "uint8_as_uint8": Tensor("uint8", dtype="uint8"),
    "uint8_as_float": Tensor("uint8", dtype="float32"),
    "int8_as_int64": Tensor("int8", dtype="int64"),
    "int64_as_float64": Tensor("int64", dtype="float64"),
    "float32_as_float64": Tensor("float32", dtype="float64"),
    "flag_as_int8": Tensor("flag", dtype="int8"),
    "day_as_int64": Tensor("day", dtype="int64"),
    "matrix": Tensor(["float32", "float32_null"], fill=2),
    "mixed": Tensor(["int8", "flag", "float64_null"], dtype="float32", fill=3),
    "ints": Tensor(["int32", "uint16"], dtype="int64"),
    "globbed": Tensor("uint*_null", dtype="int64", fill=-1),
    "narrow": Tensor(["float32"]),
    **{f"list_{kind}": Tensor(f"list_{kind}", fill=9) for kind in LISTS},
    "half": Tensor("float64_null", dtype="float16", fill=0.1),
    "half_flag": Tensor("flag_null", dtype="float16", fill=3),
    "half_matrix": Tensor(["float32", "int8", "float64_null"], dtype="float16", fill=-7.3),
    "half_list": Tensor("list_double", dtype="float16", fill=1.5),
    "half_emb": Tensor("emb_null", dtype="float16", fill=1e-7),
    "list_cut": Tensor("list_int64", fill=9, max_length=2),
    "list_cut_to_one": Tensor("list_double", fill=0, max_length=1),
    "list_as_float": Tensor("list_int64", dtype="float32", fill=0.5),
    "list_as_int32": Tensor("list_int64", dtype="int32", fill=0),
    "list_days": Tensor("list_days", fill=-1),
    "list_ns": Tensor("list_ns", fill=-1),
    "emb": Tensor("emb"),
    "emb_null": Tensor("emb_null", fill=0.25),
    "emb_as_float64": Tensor("emb_null", dtype="float64", fill=0.1),
    "zero": Tensor("int32_null", null="fill"),
    "masked": Tensor("int16_null", null="mask"),
    "masked_filled": Tensor("float64_null", null="mask", fill=-2.5, dtype="float16"),
    "masked_whole": Tensor("uint8", null="mask"),
    "masked_matrix": Tensor(["float32_null", "int8_null", "flag"], null="mask", dtype="float32"),
    "masked_emb": Tensor("emb_null", null="mask", fill=0.5),
    "masked_text": Tensor("text_null", hash=(10, 0), null="mask", fill=10),
    "masked_list": Tensor("list_int64", null="mask"),
    "masked_words": Tensor("list_string", null="mask", hash=(97, 1), max_length=3),
    "list_last": Tensor("list_int64", fill=9, max_length=2, truncate="last"),
    "words_last": Tensor("list_string", hash=(97, 1), fill=97, max_length=3, truncate="last"),
    "masked_last": Tensor("list_float", null="mask", max_length=2, truncate="last"),
    "padded": Tensor("list_int64", fill=-1, max_length=4, pad=True),
    "padded_zero": Tensor("list_double", null="fill", max_length=9, pad=True),
    "padded_last": Tensor("list_int32", null="mask", max_length=2, truncate="last", pad=True),
    "padded_words": Tensor("list_string", hash=(97, 1), fill=97, max_length=3, pad=True),
    "padded_half": Tensor(
        "list_float", null="mask", fill=7, dtype="float16", max_length=5, pad=True
    ),
    "padded_days": Tensor("list_days", null="mask", max_length=1, pad=True),
    "keyed": Tensor(
        ["list_int64", "int64_null", "uid", "list_uint8"], layout="keyed", fill=-1, dtype="int64"
    ),
    "keyed_glob": Tensor("uint*_null", layout="keyed", dtype="int64"),
    "keyed_one": Tensor("list_int32", layout="keyed", null="fill"),
    "keyed_scalar": Tensor("int8_null", layout="keyed"),
    "keyed_text": Tensor(
        ["text_null", "list_string", "word"], hash=(1 << 40, 3), layout="keyed", fill=7
    ),
    "keyed_cut": Tensor(
        ["list_float", "emb_null", "float32"],
        layout="keyed",
        fill=0.5,
        max_length=2,
        truncate="last",
        dtype="float16",
    ),
    "price": Tensor("price", dtype="float64"),
    "price_null": Tensor("price_null", dtype="float64", fill=0.25),
    "price_half": Tensor("price_null", dtype="bool", null="mask"),
    "list_price": Tensor("list_price", dtype="float64", fill=0.5),
    "list_price_whole": Tensor("list_price", dtype="int32", null="mask"),
    "list_flag": Tensor("list_flag", fill=1),
    "list_flag_masked": Tensor("list_flag", null="mask", max_length=3, pad=True),
    "list_uint64": Tensor("list_uint64", null="mask"),
    "list_uint64_float": Tensor("list_uint64", dtype="float32", fill=-1),
    "list_zone": Tensor("list_zone", null="mask"),
    "list_zone_float": Tensor("list_zone", dtype="float64", fill=-1),
    "list_days_wide": Tensor("list_days", dtype="int64", fill=-1),
    "list_ns_float": Tensor("list_ns", dtype="float64", fill=0.5, max_length=2),
    "day_null": Tensor("day_null", null="mask", fill=-1),
    "day_float": Tensor("day_null", dtype="float32", fill=0.5),
    "at_ns_null": Tensor("at_ns_null", fill=-7),
    "at_ns_masked": Tensor("at_ns_null", null="mask", dtype="float64"),
    "uint64_null": Tensor("uint64_null", null="mask"),
    "days_and_times": Tensor(["day_null", "at_ns_null"], dtype="int64", fill=-1),
    "text": Tensor("text", hash=(1_000_003, 5)),
    "text_null": Tensor("text_null", hash=(10, 0), fill=10),
    "word": Tensor("word", hash=(1 << 40, 7)),
    "known": Tensor("text", vocabulary=WORDS),
    "known_null": Tensor("text_null", vocabulary=WORDS, fill=0, dtype="int32"),
    "known_masked": Tensor("text_null", vocabulary=WORDS, null="mask", fill=-1),
    "known_matrix": Tensor(["text", "word"], vocabulary=WORDS, dtype="int32"),
    "known_list": Tensor("list_string", vocabulary=WORDS, fill=0, max_length=2, truncate="last"),
    "known_padded": Tensor("list_string", vocabulary=WORDS, max_length=3, pad=True, null="mask"),
    "known_keyed": Tensor(
        ["list_string", "text_null"], vocabulary=WORDS, layout="keyed", null="fill"
    ),
    "list_text": Tensor("list_string", hash=(97, 1), fill=97),
    "list_text_cut": Tensor("list_string", hash=(97, 1), fill=97, max_length=3),
}


def dataset(sandbox: Sandbox, table: pa.Table, tensors: dict[str, Tensor], **more: Any) -> Dataset:
    root = sandbox.folder / "t"
    root.mkdir()
    for tensor in tensors.values():
        if tensor.vocabulary is not None:
            file, words = tensor.vocabulary
            (sandbox.folder / file).write_text("".join(word + "\n" for word in words))
    half = len(table) // 2
    for i, part in enumerate((table.slice(0, half), table.slice(half))):
        pq.write_table(part, root / f"{i}.parquet", row_group_size=100)
    keys = more.pop("keys", ["uid"])
    options = {"batch": 64, "shuffle": NONE, **more}
    return Dataset("t", root, ["0.parquet", "1.parquet"], tensors, keys=keys, **options)


@pytest.mark.parametrize("shuffle", ["none", "row_groups"])
@pytest.mark.parametrize("world", [1, 3])
def test_every_tensor_equals_what_pyarrow_reads(sandbox: Sandbox, world: int, shuffle: str) -> None:
    order = Shuffle(row_groups=3) if shuffle == "row_groups" else NONE
    table = data.awkward(5, 1000)
    keys = ["uid", "text", "day", "at_us_zone", "flag", "int8", "uint32", "float64"]
    awkward = dataset(sandbox, table, TENSORS, shuffle=order, keys=keys)
    with sandbox.serve(sandbox.experiment(awkward)) as server:
        got = ranks(server.address, world)
    check_ranks(got, awkward)
    batch = got[0][0]
    assert {str(batch.tensors[name].dtype) for name in TIMES} == {"int64"}
    assert batch.tensors["uint8"].dtype == np.int16
    assert batch.tensors["uint16"].dtype == np.int32
    assert batch.tensors["uint32"].dtype == np.int64
    assert batch.tensors["uint64"].dtype == np.int64
    assert batch.tensors["day"].dtype == np.int32
    assert batch.tensors["flag"].dtype == np.bool_
    assert batch.tensors["matrix"].flags.c_contiguous


def test_ranks_without_a_row_get_one_padding_row_of_each_tensor(sandbox: Sandbox) -> None:
    awkward = dataset(sandbox, data.awkward(5, 194), TENSORS)
    with sandbox.serve(sandbox.experiment(awkward)) as server:
        got = ranks(server.address, 3)
    check_ranks(got, awkward)
    assert [rank[-1].mask.tolist() for rank in got] == [[False], [True], [True]]


@pytest.mark.parametrize("name", ["masked", "masked_matrix", "masked_list", "padded", "keyed"])
def test_a_part_of_a_value_holds_its_slot_and_a_clone_does_not(sandbox: Sandbox, name: str) -> None:
    import lastmile

    awkward = dataset(sandbox, data.awkward(5, 1000), {name: TENSORS[name]})
    rows = awkward.sequence().rows
    with sandbox.serve(sandbox.experiment(awkward)) as server:
        feed = lastmile.connect(server.address, "train", rank=0, world_size=1, arrays="numpy")
        start = feed.state_dict()
        for part in (-1, -2):
            with pytest.raises(lastmile.BatchesHeld, match=f'"{name}"'):
                [batch[name][part] for batch in feed]
            gc.collect()
            feed.load_state_dict(start)
        clones = [batch.clone() for batch in feed]
        feed.close()
    assert len(clones) == 16
    for batch in clones:
        expected = TENSORS[name].of(rows.slice(64 * batch.step, 64))
        check_value(as_value(plain(batch[name])), expected, f"step {batch.step}")


KNOWN = {name: tensor for name, tensor in TENSORS.items() if tensor.vocabulary is not None}


@pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=2)])
def test_unknown_words_are_counted_in_the_run_record(sandbox: Sandbox, shuffle: Shuffle) -> None:
    words = dataset(sandbox, data.awkward(5, 321), KNOWN | {"uid": Tensor("uid")}, shuffle=shuffle)
    train = {"script": str(SCRIPTS / "collect.py"), "args": ["2"], "ranks": 2}
    outcome = sandbox.run(sandbox.experiment(words, train=train)).expect(0)
    check_ranks(load_ranks(sandbox.folder, 2), words, epochs=(0, 1))
    rows = words.sequence().rows
    counts = {name: tensor.unknown(rows) for name, tensor in KNOWN.items()}
    assert min(counts.values()) > 50
    epochs = outcome.summary["datasets"]["train"]["epochs"]
    assert [epoch["unknown"] for epoch in epochs] == [counts, counts]
    assert f"unknown words of known {counts['known']}" in outcome.out


def test_unknown_words_are_counted_across_a_resume(sandbox: Sandbox) -> None:
    words = dataset(sandbox, data.awkward(5, 500), KNOWN, shuffle=Shuffle(row_groups=2))
    rows = words.sequence().rows

    def check(got: list[list[Got]]) -> None:
        for rank in got:
            for batch in rank:
                assert batch.state is not None
                counts = batch.state["feeds"]["train"]["counts"]
                given = rows.slice(0, counts["delivered"])
                assert counts["unknown"] == {n: t.unknown(given) for n, t in KNOWN.items()}

    with sandbox.serve(sandbox.experiment(words)) as server:
        some = ranks(server.address, 2, each=partial(drain, states=True, steps=2))
        check(some)
    with sandbox.serve(sandbox.experiment(words)) as server:
        rest = ranks(server.address, 3, each=partial(drain, states=True), state=some[0][-1].state)
    check(rest)
    assert len(rest[0]) == 2


@pytest.mark.parametrize("kind", ["all_null", "all_empty", "long"])
def test_lists_of_nothing_and_long_lists(sandbox: Sandbox, kind: str) -> None:
    rows = 300
    values: list[Any] = {
        "all_null": [None] * rows,
        "all_empty": [[]] * rows,
        "long": [list(range(i)) if i % 50 == 0 else [] for i in range(rows)],
    }[kind]
    table = pa.table(
        {"uid": pa.array(range(rows), pa.int64()), "seq": pa.array(values, pa.list_(pa.int64()))}
    )
    tensors = {
        "seq": Tensor("seq"),
        "cut": Tensor("seq", max_length=5),
        "last": Tensor("seq", max_length=5, truncate="last"),
        "masked": Tensor("seq", null="mask"),
        "padded": Tensor("seq", max_length=7, pad=True),
        "padded_filled": Tensor(
            "seq", fill=-1, null="error", max_length=7, truncate="last", pad=True
        ),
    }
    lists = dataset(sandbox, table, tensors)
    with sandbox.serve(sandbox.experiment(lists)) as server:
        got = ranks(server.address, 2)
    check_ranks(got, lists)
    seq = got[0][0].tensors["seq"]
    assert isinstance(seq, Ragged)
    assert seq.offsets.dtype == np.int64
    assert seq.offsets[0] == 0


def test_masks_and_pads_are_what_their_rows_say(sandbox: Sandbox) -> None:
    """By hand, beside the oracle."""
    lists = pa.array([[1, None, 3], None, [], [4, 5, 6, 7]], pa.list_(pa.int64()))
    single = pa.array([1.5, None, float("nan"), 4], pa.float32())
    table = pa.table({"uid": pa.array(range(4), pa.int64()), "seq": lists, "x": single})
    tensors = {
        "x": Tensor("x", null="mask", fill=9),
        "seq": Tensor("seq", null="mask"),
        "first": Tensor("seq", null="mask", fill=-1, max_length=3, pad=True),
        "last": Tensor("seq", fill=-1, max_length=3, truncate="last", pad=True),
    }
    small = dataset(sandbox, table, tensors)
    with sandbox.serve(sandbox.experiment(small)) as server:
        (((batch,),)) = ranks(server.address, 1)
    x, seq, first, last = (batch.tensors[name] for name in tensors)
    assert str(x.values.tolist()) == "[1.5, 9.0, nan, 4.0]"
    assert x.mask.tolist() == [True, False, True, True]
    assert seq.values.values.tolist() == [1, 0, 3, 4, 5, 6, 7]
    assert seq.mask.values.tolist() == [True, False, True, True, True, True, True]
    assert seq.values.offsets.tolist() == seq.mask.offsets.tolist() == [0, 3, 3, 3, 7]
    assert first.values.tolist() == [[1, -1, 3], [-1, -1, -1], [-1, -1, -1], [4, 5, 6]]
    assert first.mask.tolist() == [[True, False, True], [False] * 3, [False] * 3, [True] * 3]
    assert last.values.tolist() == [[1, -1, 3], [-1, -1, -1], [-1, -1, -1], [5, 6, 7]]
    assert last.mask.tolist() == [[True] * 3, [False] * 3, [False] * 3, [True] * 3]


def test_keys_lie_one_after_the_other(sandbox: Sandbox) -> None:
    """By hand, beside the oracle: the example of TorchRec's KeyedJaggedTensor."""
    table = pa.table(
        {
            "uid": pa.array(range(3), pa.int64()),
            "f0": pa.array([[10, 11], None, [12]], pa.list_(pa.int64())),
            "f1": pa.array([[13], [14], [15, 16, 17]], pa.list_(pa.int64())),
            "f2": pa.array([20, None, 22], pa.int64()),
        }
    )
    keyed = dataset(sandbox, table, {"x": Tensor(["f1", "f2", "f0"], layout="keyed")})
    with sandbox.serve(sandbox.experiment(keyed)) as server:
        ((batch,),) = ranks(server.address, 1)
    keys, values, lengths = batch.tensors["x"]
    assert keys == ("f1", "f2", "f0")
    assert values.tolist() == [13, 14, 15, 16, 17, 20, 22, 10, 11, 12]
    assert lengths.tolist() == [1, 1, 3, 1, 0, 1, 2, 0, 1]


@pytest.mark.parametrize("arrays", ["numpy", "torch"])
def test_a_keyed_tensor_is_a_view_of_its_slot_with_offsets(sandbox: Sandbox, arrays: str) -> None:
    pytest.importorskip(arrays)
    import lastmile

    awkward = dataset(sandbox, data.awkward(5, 200), {"keyed": TENSORS["keyed"]})
    expected = TENSORS["keyed"].of(awkward.sequence().rows.slice(0, 64))
    with sandbox.serve(sandbox.experiment(awkward)) as server:
        feed = lastmile.connect(server.address, "train", rank=0, world_size=1, arrays=arrays)
        batch = next(iter(feed))
        keyed = batch["keyed"]
        assert isinstance(keyed, lastmile.KeyedRagged)
        assert batch.columns("keyed") == keyed.keys == expected.keys
        offsets = np.asarray(keyed.offsets)
        assert offsets.dtype == np.int64
        assert offsets.tolist() == [0, *np.cumsum(expected.lengths).tolist()]
        assert np.asarray(keyed.lengths).dtype == np.int32
        for part in (keyed.values, keyed.lengths):
            assert in_a_slot(sandbox, np.asarray(part))
        del batch, keyed, part
        feed.close()


def test_keys_that_outgrow_their_slot(sandbox: Sandbox) -> None:
    rows = 200
    lists = pa.array([list(range(i % 90)) if i > 100 else [] for i in range(rows)])
    late = pa.array([list(range(i)) if i % 50 == 0 else None for i in range(rows)])
    table = pa.table({"uid": pa.array(range(rows), pa.int64()), "a": lists, "b": late})
    tensors = {"x": Tensor(["a", "uid", "b"], layout="keyed"), "after": Tensor("uid")}
    keyed = dataset(sandbox, table, tensors, shuffle=Shuffle(row_groups=1))
    with sandbox.serve(sandbox.experiment(keyed)) as server:
        check_ranks(
            ranks(server.address, 2, epochs=2, each=partial(drain, epochs=2)), keyed, epochs=(0, 1)
        )


def test_arrays_that_an_expression_makes(sandbox: Sandbox) -> None:
    rows = 150
    pair = [None if i % 7 == 0 else [i, None if i % 5 == 0 else i + 1] for i in range(rows)]
    days = [None if row is None else [v if v is None else 10 * v for v in row] for row in pair]
    made = {
        "pair": pa.array(pair, pa.list_(pa.float32(), 2)),
        "days": pa.array(days, pa.list_(pa.int32(), 2)).cast(pa.list_(pa.date32(), 2)),
    }
    second = "CASE WHEN uid % 5 = 0 THEN NULL ELSE uid + 1 END"
    none = "CASE WHEN uid % 7 = 0 THEN NULL ELSE "
    day = "DATE '1970-01-01' + 10 * CAST({} AS INTEGER)"
    sql = {
        "pair": f"{none} [uid, {second}] END::FLOAT[2]",
        "days": f"{none} [{day.format('uid')}, {day.format(f'({second})')}] END::DATE[2]",
    }

    def column(name: str) -> Callable[[pa.Table], pa.Array]:
        return lambda some: made[name].take(some.column("uid").combine_chunks())

    table = pa.table({"uid": pa.array(range(rows), pa.int64())})
    tensors = {
        "half": Tensor("pair", null="mask", dtype="float16"),
        "filled": Tensor("pair", fill=-1),
        "days": Tensor("days", null="mask"),
        "wide_days": Tensor("days", fill=0, dtype="int64"),
        "keyed": Tensor(["pair", "uid"], layout="keyed", fill=0, dtype="float32", max_length=1),
        "keyed_days": Tensor(["days"], layout="keyed", fill=0, dtype="int64"),
    }
    steps = [Derive({name: (sql[name], column(name)) for name in made})]
    arrays = dataset(sandbox, table, tensors, steps=steps)
    with sandbox.serve(sandbox.experiment(arrays)) as server:
        check_ranks(ranks(server.address, 2), arrays)


def test_nanoseconds_are_rounded_down_also_before_1970(sandbox: Sandbox) -> None:
    """By hand, beside the oracle."""
    times = [-1500, -1000, -1, 0, 1, 999, 1500, None]
    down = [-2, -1, -1, 0, 0, 0, 1, 7]
    instants = pa.array(times, pa.timestamp("ns"))
    table = pa.table(
        {
            "uid": pa.array(range(len(times)), pa.int64()),
            "at": instants,
            "zone": instants.cast(pa.timestamp("ns", "UTC")),
            "list": pa.array([[t, 1500] for t in times], pa.list_(pa.timestamp("ns"))),
            "pair": pa.array([[t, -1500] for t in times], pa.list_(pa.timestamp("ns"), 2)),
        }
    )
    tensors = {
        "at": Tensor("at", fill=7),
        "float": Tensor("at", fill=7, dtype="float64"),
        "zone": Tensor("zone", fill=7),
        "list": Tensor("list", fill=7),
        "list_float": Tensor("list", fill=7, dtype="float32"),
        "pair": Tensor("pair", fill=7),
        "matrix": Tensor(["at", "zone"], fill=7),
        "keyed": Tensor(["list"], layout="keyed", fill=7),
    }
    small = dataset(sandbox, table, tensors)
    with sandbox.serve(sandbox.experiment(small)) as server:
        got = ranks(server.address, 1)
    check_ranks(got, small)
    ((batch,),) = got
    for name in ("at", "float", "zone"):
        assert batch.tensors[name].tolist() == down
    for name in ("list", "list_float"):
        assert batch.tensors[name].values.tolist() == [v for d in down for v in (d, 1)]
    assert batch.tensors["pair"].tolist() == [[d, -2] for d in down]
    assert batch.tensors["matrix"].tolist() == [[d, d] for d in down]


def test_a_column_of_nulls_alone_is_filled(sandbox: Sandbox) -> None:
    nulls = pa.array([None] * 120, pa.float32())
    table = pa.table({"uid": pa.array(range(120), pa.int64()), "x": nulls, "y": nulls})
    tensors = {"x": Tensor("x", fill=1.5), "xy": Tensor(["x", "y"], fill=2.5)}
    filled = dataset(sandbox, table, tensors)
    with sandbox.serve(sandbox.experiment(filled)) as server:
        check_ranks(ranks(server.address, 1), filled)


def test_names_that_have_to_be_quoted(sandbox: Sandbox) -> None:
    odd = ["user id", "Größe", 'say "hi"', "select", "UPPER", "a.b", "it's", "dense_*x", "1st"]
    table = pa.table(
        {"uid": pa.array(range(150), pa.int64())}
        | {name: pa.array(np.arange(150, dtype=np.float32) + i) for i, name in enumerate(odd)}
    )
    tensors = {f"t{i}": Tensor(name) for i, name in enumerate(odd) if "*" not in name}
    quoted = dataset(sandbox, table, tensors)
    with sandbox.serve(sandbox.experiment(quoted)) as server:
        check_ranks(ranks(server.address, 1), quoted)


def test_torch_tensors_are_the_same_values(sandbox: Sandbox) -> None:
    torch = pytest.importorskip("torch")
    import lastmile

    names = ["int64", "uint8", "flag", "matrix", "list_float", "emb", "float32_null", "half"]
    awkward = dataset(sandbox, data.awkward(5, 200), {n: TENSORS[n] for n in names})
    rows = awkward.sequence().rows
    with sandbox.serve(sandbox.experiment(awkward)) as server:
        feed = lastmile.connect(server.address, "train", rank=0, world_size=1)
        batch = next(iter(feed))
        for name in names:
            value, expected = batch[name], TENSORS[name].of(rows.slice(0, 64))
            if isinstance(expected, Ragged):
                assert isinstance(value.offsets, torch.Tensor)
                np.testing.assert_array_equal(value.offsets.numpy(), expected.offsets)
                value, expected = value.values, expected.values
            assert isinstance(value, torch.Tensor)
            assert value.numpy().dtype == expected.dtype
            np.testing.assert_array_equal(value.numpy(), expected)
        assert batch.mask.dtype == torch.bool
        assert batch.columns("matrix") == ("float32", "float32_null")
        del batch, value
        feed.close()


BRAIN = {
    "column": Tensor("float64_null", dtype="bfloat16", fill=0.1),
    "ints": Tensor("int64", dtype="bfloat16"),
    "matrix": Tensor(["float32", "uint8", "float64_null"], dtype="bfloat16", fill=-7.3),
    "list": Tensor("list_double", dtype="bfloat16", fill=1.5),
    "emb": Tensor("emb_null", dtype="bfloat16", fill=1e-7),
}


def test_bfloat16_is_the_nearest_and_for_torch_alone(sandbox: Sandbox) -> None:
    torch = pytest.importorskip("torch")
    import lastmile

    awkward = dataset(sandbox, data.awkward(5, 200), BRAIN)
    rows = awkward.sequence().rows
    with sandbox.serve(sandbox.experiment(awkward)) as server:
        feed = lastmile.connect(server.address, "train", rank=0, world_size=1, arrays="torch")
        for batch in feed:
            for name, tensor in BRAIN.items():
                part = rows.slice(64 * batch.step, batch.rows)
                value, expected = batch.clone()[name], tensor.of(part)
                if isinstance(expected, Ragged):
                    value, expected = value.values, expected.values
                assert value.dtype == torch.bfloat16
                bits = value.view(torch.int16).numpy().view(np.uint16)
                check_value(bits, expected, name)
            del batch
        feed.close()
    serving = sandbox.serve(sandbox.experiment(awkward))
    with serving as server, pytest.raises(lastmile.UserError) as caught:
        lastmile.connect(server.address, "train", rank=0, world_size=1, arrays="numpy")
    assert str(caught.value) == (
        'Tensor "column" is bfloat16, which numpy does not have (take dtype: float32, or torch '
        'with arrays="torch") [datasets.train.tensors.column.dtype]'
    )


def test_what_a_16_bit_float_cannot_hold_is_named_with_its_value(sandbox: Sandbox) -> None:
    values = pa.array([5.0] * 137 + [-70000.5] + [5.0] * 262, pa.float64())
    assert bad(sandbox, values, Tensor("x", dtype="float16")) == (
        'Value -70000.5 in column "x" is beyond float16 (give tensor "x" dtype float32) '
        f"[{sandbox.folder}/t/0.parquet, row group 1, row 137]"
    )


def test_a_uint64_beyond_int64_is_named_with_its_value(sandbox: Sandbox) -> None:
    values = pa.array([5] * 137 + [2**63] + [5] * 262, pa.uint64())
    message = bad(sandbox, values, Tensor("x"))
    assert message.startswith('Column "x" of dataset "train" cannot be computed: ')
    assert "9223372036854775808" in message
    assert message.endswith(f"[{sandbox.folder}/t/0.parquet, row group 1, row 137]")


WIDE = """\
name: trial
datasets:
  train:
    source: {{ parquet: {source} }}
    steps: [{steps}]
    tensors: {{ x: {{ columns: {columns}, dtype: float64 }} }}
    shuffle: none
"""


def wide_decimals(folder: Path) -> None:
    """A table of decimals of 40 digits, which the engine reads as DOUBLE; another without."""
    wide = pa.decimal256(40, 2)
    exact = Decimal("12345678901234567890123456789012345678.91")
    table = pa.table(
        {
            "uid": pa.array([1, 2], pa.int64()),
            "label": pa.array([exact, None], wide),
            "l": pa.array([[exact], []], pa.list_(wide)),
            "f": pa.array([[exact], [exact]], pa.list_(wide, 1)),
            "s": pa.array([{"a": 1.5, "b": exact}, None], pa.struct({"a": "float64", "b": wide})),
            "fine": pa.array([Decimal("1.5"), None], pa.decimal128(38, 2)),
        }
    )
    (folder / "t").mkdir()
    pq.write_table(table, folder / "t" / "b.parquet")
    pq.write_table(table.select(["fine", "uid"]), folder / "t" / "a.parquet")


@pytest.mark.parametrize("source", ["t/b.parquet", "t, schema: union"])
@pytest.mark.parametrize(
    ("column", "steps", "columns"),
    [
        ("label", "", "label"),
        ("label", "", '"*"'),
        ("label", "{rename: {label: n}}", "n"),
        ("label", '{filter: "label > 1"}', "uid"),
        ("label", '{derive: {n: "label * 2"}}', "uid"),
        ("label", "{cast: {label: DOUBLE}}", "label"),
        ("label", "{downsample: {keep: 0.5, by: label}}", "uid"),
        ("label", "{semi_join: {values: {k: [1]}, on: {label: k}}}", "uid"),
        ("label", "{join: {parquet: t/b.parquet, on: uid, prefix: j_}}", "uid"),
        ("l", "", "l"),
        ("l", "{explode: l}", "uid"),
        ("f", "", "f"),
        ("s", '{derive: {n: "s.a"}}', "n"),
    ],
)
def test_decimals_of_too_many_digits_are_refused_where_they_are_used(
    sandbox: Sandbox, column: str, steps: str, columns: str, source: str
) -> None:
    wide_decimals(sandbox.folder)
    sandbox.write("a.yaml", WIDE.format(source=source, steps=steps, columns=columns))
    outcome = sandbox.start("explain", "a.yaml").wait().expect(2)
    assert outcome.err.startswith(
        f'error: Column "{column}" of "t/b.parquet" has values of DECIMAL(40,2), but at most 38 '
        "digits can be read (write it with fewer, as DOUBLE or as text) [a.yaml:"
    ), outcome.err
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize("source", ["t/b.parquet", "t, schema: union"])
def test_decimals_of_too_many_digits_may_be_there(sandbox: Sandbox, source: str) -> None:
    wide_decimals(sandbox.folder)
    steps = "{join: {parquet: t/b.parquet, on: uid, select: [fine], prefix: j_}}"
    sandbox.write("a.yaml", WIDE.format(source=source, steps=steps, columns="[uid, fine, j_fine]"))
    told = sandbox.start("preview", "a.yaml", "--json").wait().expect(0)
    rows = json.loads(told.out)["datasets"][0]["rows"]
    assert rows == [[1, "1.50", "1.50"], [2, None, None]] * (2 if "union" in source else 1)
    refused = sandbox.start("write", "a.yaml", "train", "--to", "out").wait().expect(2)
    assert 'Column "label" of "t/b.parquet" has values of DECIMAL(40,2)' in refused.err
    assert refused.err.strip().endswith("[a.yaml:4]")
    dropped = steps + ", {drop: [label, l, f, s]}"
    sandbox.write("a.yaml", WIDE.format(source=source, steps=dropped, columns="uid"))
    sandbox.start("write", "a.yaml", "train", "--to", "out").wait().expect(0)
    assert set(pq.read_table(sandbox.folder / "out").column_names) == {"uid", "fine", "j_fine"}


def test_a_decimal_of_too_many_digits_is_no_double(sandbox: Sandbox) -> None:
    wide_decimals(sandbox.folder)
    double = pa.table({"uid": [3], "label": [1.5]})
    pq.write_table(double, sandbox.folder / "t" / "a.parquet")
    for schema, remedy in (
        ("strict", "write the files with one type"),
        ("union", "schema: union cannot widen it; write the files with one type"),
    ):
        source = f"t, schema: {schema}"
        sandbox.write("a.yaml", WIDE.format(source=source, steps="", columns="uid"))
        refused = sandbox.start("explain", "a.yaml").wait().expect(2)
        assert refused.err == (
            'error: Column "label" is DOUBLE in "t/a.parquet" and DECIMAL(40,2) in '
            f'"t/b.parquet" ({remedy}) [a.yaml:4]\n'
        )


def bad(sandbox: Sandbox, values: pa.Array, tensor: Tensor) -> str:
    """The message that ends the feed when row 137 (row group 1 of the first file) is bad."""
    import lastmile

    table = pa.table({"uid": pa.array(range(len(values)), pa.int64()), "x": values})
    wrong = dataset(sandbox, table, {"x": tensor})
    torch = tensor.dtype == "bfloat16"
    serving = sandbox.serve(sandbox.experiment(wrong))
    with serving as server, pytest.raises(lastmile.DataError) as caught:
        ranks(server.address, 2, arrays="torch" if torch else "numpy")
    return str(caught.value)


BAD_VALUES: dict[str, tuple[pa.DataType, Any, Any, Tensor]] = {
    "null": (pa.int64(), 5, None, Tensor("x")),
    "null float": (pa.float32(), 5.0, None, Tensor("x", dtype="float64")),
    "null in a matrix": (pa.int64(), 5, None, Tensor(["uid", "x"])),
    "null in a list": (pa.list_(pa.int64()), [1, 2], [1, None], Tensor("x")),
    "null fixed list": (pa.list_(pa.float32(), 2), [1.0, 2.0], None, Tensor("x")),
    "null in a padded list": (
        pa.list_(pa.int64()),
        [1, 2],
        [1, None],
        Tensor("x", max_length=3, pad=True),
    ),
    "null in a padded list that is filled behind": (
        pa.list_(pa.int64()),
        [1, 2],
        [1, None],
        Tensor("x", max_length=3, pad=True, fill=7, null="error"),
    ),
    "null in a keyed list": (
        pa.list_(pa.int64()),
        [1, 2],
        [1, None],
        Tensor(["uid", "x"], layout="keyed"),
    ),
    "beyond float16 as a key": (
        pa.float32(),
        1,
        1e6,
        Tensor(["x"], layout="keyed", dtype="float16"),
    ),
    "null text": (pa.string(), "a", None, Tensor("x", hash=(10, 0))),
    "uint64 out of range": (pa.uint64(), 5, 2**63, Tensor("x")),
    "uint64 in a list": (pa.list_(pa.uint64()), [5], [1, 2**64 - 1], Tensor("x", null="mask")),
    "decimal too large": (pa.decimal128(20, 1), 5, 10**15, Tensor("x", dtype="int32")),
    "null day": (pa.date32(), date(2024, 3, 1), None, Tensor("x")),
    "null time": (pa.timestamp("ns"), 5, None, Tensor("x", dtype="float64")),
    "does not fit int8": (pa.int64(), 5, 300, Tensor("x", dtype="int8")),
    "negative as uint8": (pa.int32(), 5, -1, Tensor("x", dtype="uint8")),
    "list value too large": (pa.list_(pa.int64()), [1], [2**40], Tensor("x", dtype="int32")),
    "beyond float16": (pa.float64(), 5.0, 65520.0, Tensor("x", dtype="float16")),
    "beyond float16 in a list": (
        pa.list_(pa.int64()),
        [1, 2],
        [3, -70000],
        Tensor("x", dtype="float16"),
    ),
    "beyond float16 in a fixed list": (
        pa.list_(pa.float32(), 2),
        [1.0, 2.0],
        [3.0, 1e20],
        Tensor("x", dtype="float16"),
    ),
    "beyond bfloat16 in a matrix": (
        pa.float64(),
        5.0,
        3.4e38,
        Tensor(["uid", "x"], dtype="bfloat16"),
    ),
    "beyond float32": (pa.float64(), 5.0, 1e300, Tensor("x", dtype="float32")),
    "NaN as integer": (pa.float64(), 5.0, float("nan"), Tensor("x", dtype="int64")),
}


@pytest.mark.parametrize("case", BAD_VALUES)
def test_a_bad_value_is_named_with_file_row_group_column_and_row(
    sandbox: Sandbox, case: str
) -> None:
    kind, good, wrong, tensor = BAD_VALUES[case]
    values = pa.array([good] * 137 + [wrong] + [good] * 262, kind)
    message = bad(sandbox, values, tensor)
    assert "0.parquet" in message
    assert "row group 1" in message
    assert '"x"' in message
    assert "row 137" in message


def test_the_slot_of_a_feed_is_shared_not_copied(sandbox: Sandbox) -> None:
    import lastmile

    awkward = dataset(sandbox, data.awkward(5, 200), {"matrix": TENSORS["matrix"]})
    with sandbox.serve(sandbox.experiment(awkward)) as server:
        feed = lastmile.connect(server.address, "train", rank=0, world_size=1, arrays="numpy")
        batch = next(iter(feed))
        assert in_a_slot(sandbox, batch["matrix"])
        del batch
        feed.close()


def in_a_slot(sandbox: Sandbox, array: np.ndarray) -> bool:
    """Whether an array lies in a file that this process has mapped."""
    address = array.__array_interface__["data"][0]
    mapped = Path("/proc/self/maps").read_text().splitlines()
    regions = [line.split() for line in mapped if str(sandbox.shm) in line]
    spans = [tuple(int(x, 16) for x in region[0].split("-")) for region in regions]
    return any(first <= address < last for first, last in spans)
