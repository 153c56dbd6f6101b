"""Positives that the ranks got: counted in the label's tensor, held against an estimate."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import data
from harness import Got, Outcome, Sandbox, drain, ranks
from oracle.dataset import Dataset, Sequence, Shuffle
from oracle.estimate import positive, positives
from oracle.language import Cast, Label, Limit, Step, Upsample
from oracle.mix import Mixed
from oracle.steps import Filter, Mask, Select
from oracle.tensors import Tensor

DENSE = {"dense": Tensor(["dense_1", "dense_2"])}
KEPT: tuple[str, Mask] = ("uid % 5 <> 0", lambda t: np.asarray(t.column("uid")) % 5 != 0)
SCRIPT = """
import lastmile
for batch in lastmile.feed("train", arrays="numpy"):
    pass
"""


def labels(kind: pa.DataType, rows: int, *, nulls: bool = True) -> pa.Array:
    """Labels of a type: positive, zero, negative, NaN and null, as far as it has them."""
    r = data.rng(3)
    if pa.types.is_boolean(kind):
        values: Any = r.random(rows) < 0.3
    elif pa.types.is_unsigned_integer(kind):
        values = r.integers(0, 3, rows)
    elif pa.types.is_integer(kind):
        values = r.integers(-1, 3, rows)
    else:
        values = np.where(r.random(rows) < 0.5, 0, r.normal(size=rows))
        values[r.random(rows) < 0.1] = np.nan
        values[::50] = 1e-30
    array = pa.array(values, from_pandas=False)
    if pa.types.is_decimal(kind):
        array = pa.array([str(abs(round(v, 3))) if not math.isnan(v) else "0" for v in values])
    mask = r.random(rows) < (0.1 if nulls else 0)
    return pa.compute.if_else(pa.array(mask), pa.scalar(None, array.type), array).cast(kind)


def labelled(
    sandbox: Sandbox, kind: pa.DataType, tensor: Tensor | None, *, nulls: bool = True
) -> Dataset:
    """Two files of 303 rows in row groups of 90, with labels of a type."""
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=2, rows=303, row_group=90)
    column = labels(kind, 606, nulls=nulls)
    for i, name in enumerate(files):
        table = pq.read_table(root / name)
        at = table.schema.get_field_index("label")
        table = table.set_column(at, "label", column.slice(303 * i, 303))
        pq.write_table(table, root / name, row_group_size=90)
    tensors = DENSE | ({} if tensor is None else {"y": tensor})
    order = Shuffle(row_groups=2)
    return Dataset("t", root, files, tensors, [Filter(*KEPT)], batch=32, shuffle=order)


def counts(batch: Got) -> dict[str, Any]:
    assert batch.state is not None
    return dict(batch.state["feeds"]["train"]["counts"])


def with_states(feed: Any) -> list[Got]:
    return drain(feed, states=True)


def check_positions(got: list[list[Got]], sequence: Sequence, label: str, first: int = 0) -> None:
    """After each step the position tells the positives among the rows so far."""
    sums = np.cumsum(positive(sequence.rows, label))
    for rank in got:
        delivered = first
        for batch in rank[:-1]:  # behind the last one is the next epoch
            delivered += batch.global_rows
            assert counts(batch)["positives"] == {label: int(sums[delivered - 1])}
        assert counts(rank[-1])["positives"] == {label: int(sums[-1])}
        assert counts(rank[-1])["delivered"] == len(sums)


KNOWN: dict[str, tuple[pa.DataType, Tensor]] = {
    "bool": (pa.bool_(), Tensor("label", fill=0)),
    "bool-masked": (pa.bool_(), Tensor("label", null="mask")),
    "bool-float16": (pa.bool_(), Tensor("label", dtype="float16", fill=0)),
    "int8": (pa.int8(), Tensor("label", fill=-1)),
    "int8-int64": (pa.int8(), Tensor("label", dtype="int64", null="mask")),
    "int16-float32": (pa.int16(), Tensor("label", dtype="float32", fill=0)),
    "int64": (pa.int64(), Tensor(["label"], fill=0)),
    "uint8-bool": (pa.uint8(), Tensor("label", dtype="bool", fill=0)),
    "float32": (pa.float32(), Tensor("label", fill=0)),
    "float32-float64": (pa.float32(), Tensor("label", dtype="float64", null="mask")),
    "float64": (pa.float64(), Tensor("label", fill=-2.5)),
    "float64-float32": (pa.float64(), Tensor("label", dtype="float32", fill=0)),
    "decimal": (pa.decimal128(9, 3), Tensor("label", dtype="float64", fill=0)),
}


@pytest.mark.parametrize("case", KNOWN)
def test_positives_are_those_of_the_oracle(sandbox: Sandbox, case: str) -> None:
    table = labelled(sandbox, *KNOWN[case])
    sequence = table.sequence()
    assert 0 < positives(sequence.rows) < len(sequence.rows)
    with sandbox.serve(sandbox.experiment(table)) as server:
        got = ranks(server.address, 2, each=with_states)
    check_positions(got, sequence, "label")


def test_a_padding_row_is_no_positive(sandbox: Sandbox) -> None:
    last: tuple[str, Mask] = ("uid < 5", lambda t: np.asarray(t.column("uid")) < 5)
    table = labelled(sandbox, pa.bool_(), Tensor("label"), nulls=False)
    path = sandbox.folder / "t" / table.files[0]
    rows = pq.read_table(path)
    at = rows.schema.get_field_index("label")
    pq.write_table(rows.set_column(at, "label", pa.array([True] * len(rows))), path)
    table = replace(table, steps=[Filter(*last)], batch=2)
    with sandbox.serve(sandbox.experiment(table)) as server:
        got = ranks(server.address, 3, each=with_states)
    assert sum(not batch.mask.all() for rank in got for batch in rank) == 0
    with sandbox.serve(sandbox.experiment(replace(table, batch=4))) as server:
        padded = ranks(server.address, 7, each=with_states)
    assert sum(not batch.mask.all() for rank in padded for batch in rank) == 2
    for rank in got + padded:
        assert counts(rank[-1])["positives"] == {"label": 5}


MAYBE: dict[str, tuple[pa.DataType, Tensor | None]] = {
    "absent": (pa.int8(), None),
    "with-others": (pa.float32(), Tensor(["label", "dense_1"], fill=0)),
    "filled-with-positives": (pa.int8(), Tensor("label", fill=1)),
    "masked-over-positives": (pa.int8(), Tensor("label", null="mask", fill=2)),
    "rounded": (pa.float32(), Tensor("label", dtype="int8", fill=0)),
    "rounded-to-0": (pa.float32(), Tensor("label", dtype="float16", fill=0)),
    "decimal-rounded-to-0": (pa.decimal128(9, 3), Tensor("label", dtype="float16", fill=0)),
    "negative-to-true": (pa.int8(), Tensor("label", dtype="bool", fill=0)),
}


@pytest.mark.parametrize("case", MAYBE)
def test_what_the_batches_do_not_say_is_not_counted(cached: Sandbox, case: str) -> None:
    kind, tensor = MAYBE[case]
    table = labelled(cached, kind, tensor)
    if case == "rounded":  # NaN is no integer
        number: tuple[str, Mask] = (
            "NOT isnan(coalesce(label, 0))",
            lambda t: ~np.isnan(np.asarray(t.column("label").fill_null(0))),
        )
        table = replace(table, steps=[Filter(*number)])
    path = trained(cached, table)
    (told,) = json.loads(cached.start("estimate", path.name, "--json").wait().expect(0).out)[
        "datasets"
    ]
    count = positives(table.sequence().rows)
    assert told["positives"] == {"estimate": count, "low": count, "high": count}
    outcome = cached.run(path).expect(0)
    epoch = epoch_of(outcome)
    assert epoch["label"] is epoch["positives"] is None
    assert epoch["estimated"]["rows"]["inside"] is True
    assert epoch["estimated"]["positives"] is None
    assert "positives" not in outcome.out


def trained(sandbox: Sandbox, table: Dataset, world: int = 2) -> Any:
    sandbox.write("train.py", SCRIPT)
    return sandbox.experiment(table, train={"script": "train.py", "ranks": world})


def epoch_of(outcome: Outcome) -> Any:
    (epoch,) = outcome.summary["datasets"]["train"]["epochs"]
    return epoch


ENGAGED = Label({"engaged": [("uid % 3 = 0", lambda t: np.asarray(t.column("uid")) % 3 == 0, 1)]})
RUNS: dict[str, tuple[list[Step], str]] = {
    "plain": ([], "label"),
    "copies": ([Upsample(3, ("label > 0", positive))], "label"),
    "limit": ([Limit(333)], "label"),
    "cast": ([Cast({"label": ("DOUBLE", pa.float64())})], "label"),
    "label-step": ([Select(["uid", "dense_1", "dense_2"]), ENGAGED], "engaged"),
}


@pytest.mark.parametrize("case", RUNS)
def test_a_run_compares_positives(cached: Sandbox, case: str) -> None:
    steps, label = RUNS[case]
    table = labelled(cached, pa.float32(), Tensor(label, fill=0))
    table = replace(table, steps=[*table.steps, *steps])
    path = trained(cached, table)
    rows = table.sequence().rows
    count = positives(rows, label)
    first = cached.run(path).expect(0)
    assert (epoch_of(first)["label"], epoch_of(first)["positives"]) == (label, count)
    assert epoch_of(first)["estimated"] is None
    share = f"{100 * count / len(rows):.2f} %"
    assert f", delivered {len(rows)}, positives {count} of {label} ({share}), padded " in first.out
    cached.start("estimate", path.name).wait().expect(0)
    outcome = cached.run(path).expect(0)
    estimated = epoch_of(outcome)["estimated"]
    exact = {"estimate": count, "low": count, "high": count}
    assert estimated["positives"] == {**exact, "actual": count, "inside": True}
    assert (
        f"; {count} positives, got {count}: inside; {math.ceil(len(rows) / 64)} st" in outcome.out
    )


def test_positives_of_another_label_are_not_compared(cached: Sandbox) -> None:
    table = labelled(cached, pa.int8(), Tensor("label", fill=0))
    path = trained(cached, table)
    cached.start("estimate", path.name, "--label", "dwell_s").wait().expect(0)
    epoch = epoch_of(cached.run(path).expect(0))
    assert epoch["positives"] == positives(table.sequence().rows)
    assert epoch["estimated"]["positives"] is None
    assert epoch["estimated"]["rows"]["inside"] is True


def test_an_estimate_that_could_not_count_compares_no_positives(cached: Sandbox) -> None:
    table = labelled(cached, pa.int8(), Tensor("label", fill=0))
    path = trained(cached, table)
    cached.start("estimate", path.name).wait().expect(0)
    (file,) = (cached.folder / "cache" / "lastmile" / "estimates").iterdir()
    tree = json.loads(file.read_text())
    del tree["label"], tree["positives"]  # as an earlier version wrote it
    file.write_text(json.dumps(tree))
    estimated = epoch_of(cached.run(path).expect(0))["estimated"]
    assert estimated["rows"]["inside"] is True
    assert estimated["positives"] is None


def test_a_label_that_a_step_leaves_out_has_no_positives(cached: Sandbox) -> None:
    table = labelled(cached, pa.int8(), None)
    path = cached.experiment(replace(table, steps=[Select(["dense_*", "uid"])]))
    done = cached.start("estimate", path.name, "--json").wait().expect(0)
    (told,) = json.loads(done.out)["datasets"]
    assert told["label"] is told["positives"] is None
    done = cached.start("estimate", path.name, "--label", "label").wait().expect(2)
    assert done.errors == [
        'error: Invalid label: a step of dataset "train" leaves "label" out '
        "(must be there in the end)"
    ]


# -- going on


def test_positives_are_counted_on_from_every_position(sandbox: Sandbox) -> None:
    table = labelled(sandbox, pa.float32(), Tensor("label", fill=0))
    sequence = table.sequence()
    with sandbox.serve(sandbox.experiment(table)) as server:
        got = ranks(server.address, 2, each=with_states)
    other = sandbox.experiment(replace(table, batch=20), workers=1)
    with sandbox.serve(other) as server:
        for batch in got[0][:-1]:
            rest = ranks(server.address, 3, each=with_states, state=batch.state)
            check_positions(rest, sequence, "label", counts(batch)["delivered"])


def test_what_was_not_counted_before_is_not_known(sandbox: Sandbox) -> None:
    table = labelled(sandbox, pa.int8(), Tensor("label", fill=0))
    with sandbox.serve(sandbox.experiment(table)) as server:
        (got,) = ranks(server.address, 1, each=lambda feed: drain(feed, states=True, steps=3))
        old, other = json.loads(json.dumps([got[-1].state, got[-1].state]))
        del old["feeds"]["train"]["counts"]["positives"]
        other["feeds"]["train"]["counts"]["positives"] = {"click": 3}
        for state in (old, other):
            (rest,) = ranks(server.address, 1, state=state, each=with_states)
            assert rest[-1].uids
            assert all("positives" not in counts(batch) for batch in rest)
        wrong = json.loads(json.dumps(got[-1].state))
        wrong["feeds"]["train"]["counts"]["positives"] = {"label": -1}
        with pytest.raises(Exception, match=r"Invalid position: label is -1 \(must be >= 0\)"):
            ranks(server.address, 1, state=wrong)


def test_a_position_has_room_for_a_long_label(sandbox: Sandbox) -> None:
    label = "é" * 5000
    table = labelled(sandbox, pa.int8(), None)
    for name in table.files:
        rows = pq.read_table(sandbox.folder / "t" / name)
        rows = rows.rename_columns([label if n == "label" else n for n in rows.column_names])
        pq.write_table(rows, sandbox.folder / "t" / name, row_group_size=90)
    table = replace(table, tensors=DENSE | {"label": Tensor(label, fill=0)})
    with sandbox.serve(sandbox.experiment(table)) as server:
        (got,) = ranks(server.address, 1, each=with_states)
    check_positions([got], table.sequence(), label)


# -- mixes


@pytest.mark.parametrize("on_dry", ["stop", "repeat", "rest"])
def test_positives_of_a_mix(sandbox: Sandbox, on_dry: str) -> None:
    mix = mixed(sandbox, on_dry)
    with sandbox.serve(sandbox.experiment(written(mix))) as server:
        got = ranks(server.address, 2, each=with_states)
    check_positions(got, mix.sequence(), "label")


def mixed(sandbox: Sandbox, on_dry: str) -> Mixed:
    table = labelled(sandbox, pa.int8(), None)
    odd: tuple[str, Mask] = ("uid % 2 = 1", lambda t: np.asarray(t.column("uid")) % 2 == 1)
    few = replace(table, steps=[Filter(*odd)])
    tensors = {"y": Tensor("label", fill=0)}
    return Mixed({"all": (table, 0.7), "odd": (few, 0.3)}, tensors, on_dry, batch=25)


def written(mix: Mixed) -> Any:
    return {name: dataset for name, (dataset, _) in mix.datasets.items()} | {"train": mix}


def test_datasets_of_a_mix_with_different_labels_have_none(sandbox: Sandbox) -> None:
    mix = mixed(sandbox, "stop")
    table, share = mix.datasets["all"]
    clicked = Label({"click": [("label > 0", positive, 1)]})
    without = replace(table, steps=[clicked, Select(["uid", "click"])], tensors={})
    rest, left = mix.datasets["odd"]
    kept = replace(rest, steps=[clicked])  # the label of this one is still label
    tensors = {"y": Tensor("click")}
    mix = replace(mix, datasets={"all": (without, share), "odd": (kept, left)}, tensors=tensors)
    with sandbox.serve(sandbox.experiment(written(mix))) as server:
        (got,) = ranks(server.address, 1, each=with_states)
    assert all("positives" not in counts(batch) for batch in got)
