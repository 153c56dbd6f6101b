"""`lastmile estimate` of mixes: from the estimates of their datasets, held against the oracle."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from test_estimate import ODD, about, clustered, exactly, size

import data
from harness import Sandbox, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.estimate import (
    Bounds,
    by_clusters,
    drawn,
    known,
    of_mix,
    positives,
    row_groups,
    together,
)
from oracle.language import Label, Limit, Step, Upsample
from oracle.mix import Mixed, rows_of
from oracle.steps import Filter, Select, true
from oracle.tensors import Ragged, Tensor

SCRIPT = """
import lastmile
feed = lastmile.feed("train", arrays="numpy")
for _ in range(2):
    for batch in feed:
        pass
"""
HAM = Filter("spam = 0", lambda t: true(pc.equal(t.column("spam"), 0)))
EMPTY = Filter("uid + 0 < 0", lambda t: np.zeros(len(t), bool))


def estimates(sandbox: Sandbox, path: Path, *arguments: str) -> dict[str, Any]:
    done = sandbox.start("estimate", path.name, "--json", *arguments).wait().expect(0)
    assert done.err == ""
    return {tree["name"]: tree for tree in json.loads(done.out)["datasets"]}


def written(*mixes: Mixed) -> Any:
    tables = {n: dataset for mix in mixes for n, (dataset, _) in mix.datasets.items()}
    if len(mixes) == 1:
        return tables | {"train": mixes[0]}
    return tables | {f"mix_{i}": mix for i, mix in enumerate(mixes)}


def bounds(interval: dict[str, Any]) -> Bounds:
    return Bounds(interval["estimate"], interval["low"], interval["high"])


# -- intervals


@pytest.mark.timeout(600)
def test_intervals_hold_the_truth(cached: Sandbox) -> None:
    tables = {}
    for name, seed in {"a": 11, "b": 12}.items():
        files = clustered(cached.folder / name, seed)
        tables[name] = Dataset(name, cached.folder / name, files, {}, [HAM])
    tensors = {"label": Tensor("label")}
    shares = [("stop", 0.5), ("stop", 0.8), ("repeat", 0.5), ("repeat", 0.8), ("rest", 0.5)]
    mixes = [
        Mixed({"a": (tables["a"], p), "b": (tables["b"], round(1 - p, 1))}, tensors, dry)
        for dry, p in shares
    ]
    held = [0] * len(mixes)
    positive = 0
    for seed in range(40):
        groups = {name: row_groups(table, seed=seed) for name, table in tables.items()}
        kept = [sum(group.kept for group in groups[name]) for name in "ab"]
        this = seed % len(mixes)  # the others have the same datasets, and so the same bounds
        path = cached.experiment(written(*mixes), seed=seed)
        arguments = ["--dataset", f"mix_{this}", "--sample", "3000"]
        told = estimates(cached, path, *arguments)[f"mix_{this}"]
        members = [bounds(part["rows"]) for part in told["mix"]["datasets"]]
        for i, (dry, p) in enumerate(shares):
            found = of_mix([p, 1 - p], members, dry)
            held[i] += found.holds(rows_of([p, 1 - p], kept, dry, seed))
            if i == this:
                about(told["rows"], found)
        counted = {}
        for part, name in zip(told["mix"]["datasets"], "ab", strict=True):
            some = drawn(groups[name], 3000, seed)
            about(part["rows"], by_clusters(groups[name], some, [group.kept for group in some]))
            counted[name] = by_clusters(groups[name], some, [group.positive for group in some])
        sum_ = together(list(counted.values()))
        positive += sum_.holds(sum(group.positive for name in "ab" for group in groups[name]))
        if shares[this][0] == "rest":
            got = known(bounds(told["positives"]))
            assert got == pytest.approx(known(sum_), abs=4)  # those of each are whole numbers
    assert min(*held, positive) >= 36, (held, positive)


def test_the_draws_alone_make_intervals(cached: Sandbox) -> None:
    """All row groups are read: what is left is which dataset is drawn how often."""
    tables = [table(cached, "organic", [ODD]), table(cached, "promoted", [], rows=150)]
    kept = [len(one.sequence().rows) for one in tables]
    shares = [("stop", 0.6), ("repeat", 0.6), ("stop", 0.9), ("repeat", 0.9)]
    names = ("organic", "promoted")
    mixes = [
        Mixed(
            dict(zip(names, zip(tables, (p, round(1 - p, 1)), strict=True), strict=True)),
            {"label": Tensor("label")},
            dry,
        )
        for dry, p in shares
    ]
    held = [0] * len(mixes)
    for seed in range(20):
        got = estimates(cached, cached.experiment(written(*mixes), seed=seed))
        for i, (dry, p) in enumerate(shares):
            told = got[f"mix_{i}"]["rows"]
            exact = [Bounds(count, count, count) for count in kept]
            about(told, of_mix([p, 1 - p], exact, dry))
            assert told["low"] < told["high"]
            truth = rows_of([p, 1 - p], kept, dry, seed)
            held[i] += told["low"] <= truth <= told["high"]
            if seed == 0:
                assert truth == len(mixes[i].sequence(seed).rows)
    assert min(held) >= 17, held


def table(sandbox: Sandbox, name: str, steps: list[Step], *, rows: int = 400) -> Dataset:
    root = sandbox.folder / name
    files = data.write_impressions(root, files=2, rows=rows, row_group=90, seed=len(name))
    return Dataset(name, root, files, {}, steps)


# -- what is exact


TENSORS = {
    "label": Tensor("label"),
    "seq": Tensor("seq", fill=0),
    "dense": Tensor("dense_*", fill=0),
}
CASES: dict[str, tuple[list[Step], list[Step], int | None]] = {
    "rest": ([ODD], [], None),
    "copies": ([ODD], [Upsample(2)], None),
    "limited-datasets": ([ODD, Limit(150)], [Limit(100)], None),
    "one-is-empty": ([ODD], [EMPTY], None),
    "all-are-empty": ([EMPTY], [EMPTY], None),
    "limit-beyond": ([ODD], [], 100_000),
}


@pytest.mark.parametrize("case", CASES)
def test_exact_where_all_of_the_rest_is_read(cached: Sandbox, case: str) -> None:
    first, second, limit = CASES[case]
    parts = {
        "organic": (replace(table(cached, "organic", first), shuffle=Shuffle(row_groups=3)), 0.7),
        "promoted": (table(cached, "promoted", second, rows=200), 0.3),
    }
    mix = Mixed(parts, TENSORS, "rest", limit, batch=37)
    train = {"script": "train.py", "ranks": 3}
    path = cached.experiment(written(mix), train=train)
    got = estimates(cached, path)
    assert list(got) == ["organic", "promoted", "train"]
    told = got["train"]
    rows = mix.sequence().rows
    assert told["rows"] == exactly(len(rows))
    assert told["label"] == "label"
    assert told["positives"] == exactly(positives(rows))
    assert told["ranks"] == 3
    assert told["steps"] == exactly(math.ceil(len(rows) / 111))
    mixed = ("organic", "promoted")
    sample = {
        key: sum(got[name]["sample"][key] for name in mixed)
        for key in ("row_groups", "all_row_groups", "rows", "all_rows")
    }
    leading = case == "limited-datasets"
    assert told["sample"] == {**sample, "leading": leading, "row_groups_skipped": []}
    if case == "limited-datasets":
        assert told["batch_bytes"]["low"] is told["source_bytes"]["low"] is None
    else:
        with cached.serve(path) as server:
            batches = ranks(server.address, 1)[0] if len(rows) else []
        assert told["batch_bytes"] == exactly(sum(size(batch) for batch in batches))
        read = sum(got[name]["source_bytes"]["estimate"] for name in mixed)
        assert told["source_bytes"] == exactly(read)
    assert told["mix"] == {
        "on_dry": "rest",
        "datasets": [
            {"dataset": name, "ratio": ratio, "rows": got[name]["rows"]}
            for name, (_, ratio) in parts.items()
        ],
    }
    assert got["organic"]["mix"] is None
    assert estimates(cached, path, "--dataset", "train").keys() == {"train"}


@pytest.mark.parametrize("on_dry", ["stop", "repeat", "rest"])
@pytest.mark.parametrize("limit", [100, 500])
def test_a_limit_that_is_reached_is_exact(cached: Sandbox, on_dry: str, limit: int) -> None:
    """At 500 rows one of the datasets has been found dry before."""
    parts = {
        "organic": (table(cached, "organic", []), 0.5),
        "promoted": (table(cached, "promoted", [ODD], rows=200), 0.5),
    }
    mix = Mixed(parts, {"label": Tensor("label"), "seq": Tensor("seq", fill=0)}, on_dry, limit)
    told = estimates(cached, cached.experiment(written(mix)), "--dataset", "train")["train"]
    rows = mix.sequence().rows
    if on_dry == "stop" and limit == 500:
        assert told["rows"]["low"] <= len(rows) <= told["rows"]["high"] < limit
    else:
        assert told["rows"] == exactly(limit) == exactly(len(rows))
    for key, truth in {
        "positives": positives(rows),
        "batch_bytes": size_of(rows, mix),
    }.items():
        assert told[key]["low"] is told[key]["high"] is None
        assert told[key]["estimate"] == pytest.approx(truth, rel=0.25)


def size_of(rows: Any, mix: Mixed) -> int:
    keys = [Tensor(key).of(rows) for key in mix.keys]
    return sum(value_size(value) for value in (*keys, *values(rows, mix)))


def values(rows: Any, mix: Mixed) -> Iterable[Any]:
    return (tensor.of(rows) for tensor in mix.tensors.values())


def value_size(value: Any) -> int:
    if isinstance(value, Ragged):
        return int(value.values.nbytes + value.offsets[1:].nbytes)
    return int(value.nbytes)


def test_datasets_of_the_same_files_may_err_alike(cached: Sandbox) -> None:
    files = clustered(cached.folder / "t")
    same = Dataset("t", cached.folder / "t", files, {}, [HAM])
    mix = Mixed({"a": (same, 0.5), "b": (same, 0.5)}, {"label": Tensor("label")}, "rest")
    path = cached.experiment(written(mix))
    told = estimates(cached, path, "--dataset", "train", "--sample", "3000")["train"]
    rows = [bounds(part["rows"]) for part in told["mix"]["datasets"]]
    assert rows[0] == rows[1]
    about(told["rows"], of_mix([0.5, 0.5], rows, "rest", shared=True))


def test_without_an_interval_of_each_there_is_none(cached: Sandbox) -> None:
    plain = [Select(["uid", "label"]), Upsample(3)]
    parts = {
        "organic": (table(cached, "organic", plain), 0.5),
        "promoted": (table(cached, "promoted", [ODD]), 0.5),
    }
    tensors = {"label": Tensor("label")}
    mixes = [Mixed(parts, tensors, on_dry) for on_dry in ("stop", "repeat", "rest")]
    got = estimates(cached, cached.experiment(written(*mixes)), "--sample", "200")
    for i in range(3):
        told = got[f"mix_{i}"]
        assert told["rows"]["low"] is told["rows"]["high"] is told["steps"]["low"] is None
        assert told["rows"]["estimate"] > 0


# -- what is shown


def test_the_text(cached: Sandbox) -> None:
    parts = {
        "organic": (table(cached, "organic", [ODD]), 0.75),
        "promoted": (table(cached, "promoted", [], rows=200), 0.25),
    }
    mix = Mixed(parts, {"label": Tensor("label")}, "rest")
    path = cached.experiment(written(mix))
    lines = cached.start("estimate", path.name).wait().expect(0).out.split("\n\n")[-1].splitlines()
    rows = mix.sequence().rows
    count, positive = len(rows), positives(rows)
    assert lines[0] == (
        "dataset train: a mix of organic 0.75, promoted 0.25 (on_dry: rest); "
        "16 of 16 row groups, 1,200 of 1,200 rows; intervals of 95 %"
    )
    assert lines[1] == f"  rows       {count}"
    assert lines[2] == (
        f"  positives  {positive} of label, {100 * positive / count:.2f} % of the rows"
    )
    assert lines[6].startswith("  speed      ")
    assert len(lines) == 8


def test_a_dataset_that_cannot_start_over(cached: Sandbox) -> None:
    parts = {
        "organic": (table(cached, "organic", []), 0.5),
        "promoted": (table(cached, "promoted", [EMPTY]), 0.5),
    }
    mix = Mixed(parts, {"label": Tensor("label")}, "repeat")
    path = cached.experiment(written(mix))
    text = cached.start("estimate", path.name, "--dataset", "train").wait().expect(0).out
    assert " (a run would end: no row of promoted is left, on_dry: repeat)\n" in text


def test_speed_is_that_of_its_datasets(cached: Sandbox) -> None:
    parts = {
        "organic": (table(cached, "organic", [ODD]), 0.5),
        "promoted": (table(cached, "promoted", []), 0.5),
    }
    mix = Mixed(parts, {"label": Tensor("label")}, "stop")
    got = estimates(cached, cached.experiment(written(mix), workers=1))
    speeds = [got[name]["speed"] for name in ("organic", "promoted")]
    seconds = sum(0.5 / speed["rows_per_second"] for speed in speeds)
    read = sum(0.5 * speed["source_rows_per_second"] / speed["rows_per_second"] for speed in speeds)
    told = got["train"]["speed"]
    assert told["rows_per_second"] == pytest.approx(1 / seconds)
    assert told["source_rows_per_second"] == pytest.approx(read / seconds)
    assert told["workers"] == 1


# -- estimated and actual


@pytest.mark.parametrize("on_dry", ["stop", "repeat", "rest"])
def test_a_run_shows_what_was_estimated(cached: Sandbox, on_dry: str) -> None:
    parts = {
        "organic": (replace(table(cached, "organic", [ODD]), shuffle=Shuffle(row_groups=2)), 0.5),
        "promoted": (table(cached, "promoted", [], rows=300), 0.5),
    }
    mix = Mixed(parts, {"label": Tensor("label")}, on_dry, batch=20)
    cached.write("train.py", SCRIPT)
    path = cached.experiment(written(mix), train={"script": "train.py", "ranks": 2})
    assert both(cached, path) == [None, None]
    told = estimates(cached, path)["train"]
    for epoch, estimated in enumerate(both(cached, path)):
        rows = mix.sequence(epoch=epoch).rows
        actual = {
            "rows": len(rows),
            "positives": positives(rows),
            "steps": math.ceil(len(rows) / 40),
        }
        for key, number in actual.items():
            bounded = told[key]["low"] is not None
            inside = told[key]["low"] <= number <= told[key]["high"] if bounded else None
            assert estimated[key] == {**told[key], "actual": number, "inside": inside}
        assert estimated["rows"]["inside"] is True or (on_dry, epoch) == ("stop", 1)
    organic = replace(parts["organic"][0], on_corrupt="skip")  # its own words count as well
    other = replace(mix, datasets=parts | {"organic": (organic, 0.5)})
    cached.experiment(written(other), train={"script": "train.py", "ranks": 2})
    assert both(cached, path) == [None, None]


def both(sandbox: Sandbox, path: Path) -> list[Any]:
    epochs = sandbox.run(path).expect(0).summary["datasets"]["train"]["epochs"]
    return [epoch["estimated"] for epoch in epochs]


@pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=2)], ids=["none", "shuffled"])
def test_a_limit_takes_other_positives_in_later_epochs(cached: Sandbox, shuffle: Shuffle) -> None:
    parts = {
        "organic": (replace(table(cached, "organic", [Limit(200)]), shuffle=shuffle), 0.5),
        "promoted": (table(cached, "promoted", [], rows=300), 0.5),
    }
    mix = Mixed(parts, {"label": Tensor("label")}, "rest")
    cached.write("train.py", SCRIPT)
    path = cached.experiment(written(mix), train={"script": "train.py", "ranks": 1})
    told = estimates(cached, path)["train"]
    assert told["positives"]["low"] == told["positives"]["high"]
    first, second = both(cached, path)
    assert first["positives"]["inside"] is True
    assert second["rows"]["inside"] is True
    assert second["positives"] is None


def test_datasets_with_different_labels_have_no_positives(cached: Sandbox) -> None:
    clicked = Label({"click": [("label = 1", lambda t: true(pc.equal(t.column("label"), 1)), 1)]})
    parts = {
        "organic": (table(cached, "organic", [clicked]), 0.5),
        "promoted": (table(cached, "promoted", [clicked, Select(["uid", "click"])]), 0.5),
    }
    mix = Mixed(parts, {"y": Tensor("click")}, "rest")
    path = cached.experiment(written(mix))
    told = estimates(cached, path, "--dataset", "train")["train"]
    assert told["label"] is told["positives"] is None
    told = estimates(cached, path, "--dataset", "train", "--label", "click")["train"]
    assert told["label"] == "click"
    assert told["positives"] == exactly(positives(mix.sequence().rows, "click"))
