"""`lastmile estimate`: intervals that hold the truth, as the oracle has them, and their runs."""

from __future__ import annotations

import json
import math
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import data
from harness import Got, Outcome, Sandbox, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.estimate import Bounds, by_clusters, by_rows, drawn, positives, row_groups
from oracle.language import Explode, Limit, Sample, Split, Step, Upsample
from oracle.steps import Downsample, Filter, Mask, Select, true
from oracle.tensors import Keyed, Masked, Ragged, Tensor

TENSORS = {"dense": Tensor("dense_*", fill=0), "label": Tensor("label")}
POSITIVE: tuple[str, Mask] = ("label = 1", lambda t: true(pc.equal(t.column("label"), 1)))
NEGATIVE: tuple[str, Mask] = ("label = 0", lambda t: true(pc.equal(t.column("label"), 0)))
ODD = Filter("item_id % 2 = 1", lambda t: np.asarray(t.column("item_id")) % 2 == 1)
NOTHING = Filter("label + 0 = 7", lambda t: np.zeros(len(t), bool))
SCRIPT = """
import sys
import lastmile
steps = int(sys.argv[1])
feed = lastmile.feed("train", arrays="numpy", max_steps=steps or None)
for batch in feed:
    pass
"""


def table(sandbox: Sandbox, steps: list[Step], tensors: dict[str, Tensor] | None = None) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=3, rows=400, row_group=130)
    return Dataset("t", root, files, TENSORS if tensors is None else tensors, steps, batch=50)


def estimate(sandbox: Sandbox, path: Path, *arguments: str) -> dict[str, Any]:
    done = sandbox.start("estimate", path.name, "--json", *arguments).wait().expect(0)
    assert done.err == ""
    tree = json.loads(done.out)
    assert tree["version"] == 1
    (only,) = tree["datasets"]
    assert only["level"] == 0.95
    return dict(only)


def exactly(number: int) -> dict[str, int]:
    return {"estimate": number, "low": number, "high": number}


def about(got: dict[str, int], bounds: Bounds) -> None:
    """The numbers are whole, and bounds are rounded away from the estimate."""
    assert bounds.low is not None
    assert bounds.high is not None
    assert abs(got["estimate"] - bounds.estimate) <= 0.5
    assert -1e-6 <= bounds.low - got["low"] <= 2
    assert -1e-6 <= got["high"] - bounds.high <= 2


# -- intervals


def clustered(root: Path, seed: int = 11) -> list[str]:
    """80 row groups of 90 to 210 rows, in which either few or many rows are positive, and kept."""
    r = data.rng(seed)
    root.mkdir()
    names, first = [], 0
    for i in range(4):
        names.append(f"part-{i}.parquet")
        writer = None
        for _ in range(20):
            rows = int(r.integers(90, 211))
            rate = r.uniform(0.3, 0.7) if r.random() < 0.35 else r.uniform(0.0, 0.04)
            columns = {
                "uid": np.arange(first, first + rows),
                "label": (r.random(rows) < rate).astype(np.int8),
                "spam": (r.random(rows) < rate / 2).astype(np.int8),
            }
            piece = pa.table(columns)
            writer = writer or pq.ParquetWriter(root / names[-1], piece.schema)
            writer.write_table(piece, row_group_size=1000)
            first += rows
        assert writer is not None
        writer.close()
    return names


@pytest.mark.timeout(400)
def test_intervals_hold_the_truth_where_rows_of_a_row_group_are_alike(cached: Sandbox) -> None:
    ham = Filter("spam = 0", lambda t: true(pc.equal(t.column("spam"), 0)))
    names = clustered(cached.folder / "t")
    dataset = Dataset("t", cached.folder / "t", names, {"label": Tensor("label")}, [ham])
    sample = 3000
    held = {"rows": 0, "positives": 0}
    held_by_rows = {"rows": 0, "positives": 0}
    for seed in range(40):
        groups = row_groups(dataset, seed=seed)
        some = drawn(groups, sample, seed)
        got = estimate(cached, cached.experiment(dataset, seed=seed), "--sample", str(sample))
        assert got["sample"]["row_groups"] == len(some)
        assert got["sample"]["rows"] == sum(group.size for group in some)
        assert got["sample"]["all_row_groups"] == len(groups) == 80
        for name, attribute in {"rows": "kept", "positives": "positive"}.items():
            truth = sum(getattr(group, attribute) for group in groups)
            values = [getattr(group, attribute) for group in some]
            expected = by_clusters(groups, some, values)
            about(got[name], expected)
            held[name] += got[name]["low"] <= truth <= got[name]["high"]
            held_by_rows[name] += by_rows(groups, some, values).holds(truth)
    assert min(held.values()) >= 34, held
    assert max(held_by_rows.values()) < 24, held_by_rows


def test_the_same_experiment_says_the_same(cached: Sandbox) -> None:
    path = cached.experiment(table(cached, [ODD]))
    first, again = (estimate(cached, path, "--sample", "500") for _ in range(2))
    for got in (first, again):
        del got["speed"]
    assert first == again
    workers = cached.experiment(table(cached, [ODD]), workers=1)
    alone = estimate(cached, workers, "--sample", "500")
    assert alone.pop("speed")["workers"] == 1
    assert first == alone


MANY = {
    "dense": Tensor("dense_*", fill=0),
    "seq": Tensor("seq", fill=0),
    "masked": Tensor("seq", null="mask"),
    "padded": Tensor("seq", fill=0, max_length=3, pad=True),
    "keyed": Tensor(["seq", "item_id"], fill=0, layout="keyed"),
    "emb": Tensor("emb", fill=0),
    "user": Tensor("user_id", null="mask"),
    "label": Tensor("label"),
}
EXACT: dict[str, list[Step]] = {
    "none": [],
    "downsample": [Downsample(0.3, ["user_id"], NEGATIVE, "w"), ODD],
    "filter-everything": [NOTHING],
    "pruned-everything": [Filter("label = 7", lambda t: np.zeros(len(t), bool))],
    "copies": [Explode(["seq"]), Sample(0.5), Upsample(3, POSITIVE)],
    "part": [Split({"train": 0.7, "valid": 0.3}, "train", ["user_id"])],
    "limit": [ODD, Limit(333)],
    "limit-beyond": [ODD, Limit(5000)],
    "pruned": [Filter("uid < 500", lambda t: np.asarray(t.column("uid")) < 500), ODD],
}


@pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=2)], ids=["none", "shuffled"])
@pytest.mark.parametrize("case", EXACT)
def test_exact_where_all_is_read(cached: Sandbox, case: str, shuffle: Shuffle) -> None:
    tensors = dict(MANY)
    if case == "copies":  # explode takes the list apart
        tensors = {name: tensors[name] for name in ("dense", "emb", "user", "label")}
    whole = replace(table(cached, EXACT[case], tensors), shuffle=shuffle, keys=["uid", "surface"])
    path = cached.experiment(whole)
    got = estimate(cached, path)
    rows = whole.sequence().rows
    assert got["rows"] == exactly(len(rows))
    assert got["label"] == "label"
    assert got["positives"] == exactly(positives(rows))
    assert got["ranks"] == 1
    assert got["steps"] == exactly(math.ceil(len(rows) / 50))
    with cached.serve(path) as server:
        (batches,) = ranks(server.address, 1)
    assert got["steps"]["estimate"] == len(batches)
    bytes_ = sum(size(batch) for batch in batches)
    if case == "limit":
        assert got["batch_bytes"]["low"] is got["batch_bytes"]["high"] is None
        assert got["batch_bytes"]["estimate"] == pytest.approx(bytes_, rel=0.1)
        assert got["source_bytes"]["low"] is None
    else:
        assert got["batch_bytes"] == exactly(bytes_)
        assert got["source_bytes"] == exactly(source_bytes(whole, case))
    if case == "pruned-everything":
        assert got["speed"] is None
    else:
        assert got["speed"]["source_rows_per_second"] > 0
        assert (got["speed"]["rows_per_second"] > 0) == (len(rows) > 0)


def size(batch: Got) -> int:
    values = sum(nbytes(value) for value in batch.tensors.values())
    for value in batch.keys.values():
        if isinstance(value, list):
            values += sum(8 + len(text.encode()) for text in value)
        else:
            values += value.nbytes
    return values


def nbytes(value: Any) -> int:
    """Of the values, offsets behind the first, lengths and masks."""
    match value:
        case Masked(values, mask):
            return nbytes(values) + (mask.values if isinstance(mask, Ragged) else mask).nbytes
        case Ragged(values, offsets):
            return values.nbytes + offsets[1:].nbytes
        case Keyed(_, values, lengths):
            return values.nbytes + lengths.nbytes
        case _:
            return int(value.nbytes)


READ = ["uid", "surface", "dense_0", "dense_1", "dense_2", "user_id", "label", "emb"]


def source_bytes(whole: Dataset, case: str) -> int:
    """The compressed bytes of the columns that are read, from the footers as pyarrow has them."""
    columns = {*READ, "seq", "item_id"}
    if case == "copies":
        columns.discard("item_id")
    total = 0
    for path, group in (group for split in whole.splits(42, 0) for group in split):
        metadata = pq.read_metadata(whole.root / whole.paths[path]).row_group(group)
        for i in range(metadata.num_columns):
            column = metadata.column(i)
            if column.path_in_schema.split(".")[0] in columns:
                total += column.total_compressed_size
    return total


def test_rows_without_steps_are_known_from_the_footers(cached: Sandbox) -> None:
    got = estimate(cached, cached.experiment(table(cached, [])), "--sample", "300")
    assert got["sample"]["row_groups"] < got["sample"]["all_row_groups"] == 12
    assert got["rows"] == exactly(1200)
    assert got["steps"] == exactly(24)
    assert got["positives"]["low"] < got["positives"]["high"]
    assert got["batch_bytes"] == exactly(1200 * (3 * 4 + 1 + 8))


@pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=2)], ids=["none", "shuffled"])
def test_a_limit_is_looked_for_among_the_first_splits(cached: Sandbox, shuffle: Shuffle) -> None:
    whole = replace(table(cached, [ODD, Limit(150)]), shuffle=shuffle)
    got = estimate(cached, cached.experiment(whole), "--sample", "1000")
    rows = whole.sequence().rows
    assert got["rows"] == exactly(150)
    assert got["positives"] == exactly(positives(rows))
    assert got["sample"]["leading"] is True
    assert got["sample"]["all_row_groups"] < 12
    some = estimate(cached, cached.experiment(whole), "--sample", "200")
    assert some["rows"]["estimate"] == some["rows"]["high"] == 150
    assert some["rows"]["low"] <= 150
    assert some["positives"]["low"] is some["positives"]["high"] is None
    assert some["positives"]["estimate"] == pytest.approx(positives(rows), abs=20)
    assert some["batch_bytes"]["estimate"] == 150 * (3 * 4 + 1 + 8)


def test_what_cannot_be_read_is_left_out_where_the_source_says_so(cached: Sandbox) -> None:
    whole = table(cached, [ODD])
    name = "part-001.parquet"
    data.damage(cached.folder / "t" / name, 2, "dense_1")
    done = cached.start("estimate", cached.experiment(whole).name).wait().expect(3)
    assert f"{name}, row group 2" in done.errors[0]
    assert "(source.on_corrupt: skip leaves it out)" in done.errors[0]
    whole = replace(whole, on_corrupt="skip", corrupt=frozenset({(name, 2)}))
    got = estimate(cached, cached.experiment(whole))
    assert got["rows"] == exactly(len(whole.sequence().rows))
    (skipped,) = got["sample"]["row_groups_skipped"]
    assert skipped.startswith(f"{cached.folder / 't' / name}, row group 2: ")


def test_a_value_that_fails_is_told_as_by_a_run(cached: Sandbox) -> None:
    boom = Filter("CASE WHEN uid = 700 THEN error('boom') ELSE true END", lambda t: t)
    path = cached.experiment(table(cached, [boom]))
    done = cached.start("estimate", path.name).wait().expect(3)
    assert done.errors == [
        'error: Step 0 (filter) of dataset "train" cannot be computed: boom (filter such rows out, '
        "or use try_cast or another dtype) "
        f"[{cached.folder / 't' / 'part-001.parquet'}, row group 2, row 300]"
    ]


def test_row_groups_that_are_alike_tell_no_interval_of_copies(cached: Sandbox) -> None:
    whole = table(cached, [Select(["uid", "label", "dense_*"]), Upsample(3)])
    path = cached.experiment(whole)
    got = estimate(cached, path, "--sample", "300")
    assert got["rows"] == {"estimate": 3600, "low": None, "high": None}
    assert got["steps"] == {"estimate": 72, "low": None, "high": None}
    text = cached.start("estimate", path.name, "--sample", "300").wait().expect(0).out
    assert "rows       about 3,600" in text
    assert text.endswith(
        "  The row groups that were drawn are alike, which says nothing about the others: "
        "no interval\n"
    )


# -- what is shown


def test_the_text(cached: Sandbox) -> None:
    whole = table(cached, [ODD])
    path = cached.experiment(whole, workers=2)
    rows = whole.sequence().rows
    arguments = ["--trainer-rows-per-second", "1e6"]
    lines = cached.start("estimate", path.name, *arguments).wait().expect(0).out.splitlines()
    count, positive = len(rows), positives(rows)
    assert lines[0] == (
        "dataset train: 12 of 12 row groups, 1,200 of 1,200 rows; intervals of 95 %"
    )
    assert lines[1] == f"  rows       {count}"
    assert lines[2] == (
        f"  positives  {positive} of label, {100 * positive / count:.2f} % of the rows"
    )
    assert lines[3] == (
        f"  steps      {math.ceil(count / 50)} of 50 rows for each of 1 rank an epoch"
    )
    assert lines[4].split() == ["batches", str(round(count * 21 / 1024)), "KiB"]
    assert lines[5].split()[0] == "read"
    assert lines[6].split()[0] == "speed"
    cores = len(os.sched_getaffinity(0))
    assert f"by 2 workers on {cores} core" in lines[6]
    assert lines[7].startswith("  workers    one feeds ")
    assert ": a trainer of 1,000,000 rows/s needs " in lines[7]
    assert len(lines) == 8
    text = cached.start("estimate", path.name, "--sample", "300").wait().expect(0).out
    assert text.endswith(
        "  Few row groups were drawn, so intervals are wide: a larger --sample makes them "
        "narrower\n"
    )


def test_workers_for_a_trainer(cached: Sandbox) -> None:
    path = cached.experiment(table(cached, [ODD]), workers=2)
    got = estimate(cached, path, "--trainer-rows-per-second", "5000000")
    one = got["speed"]["rows_per_second_of_one_worker"]
    assert got["speed"]["rows_per_second"] == pytest.approx(2 * one)
    assert got["workers_needed"] == math.ceil(5_000_000 / one)
    assert estimate(cached, path)["workers_needed"] is None


@pytest.mark.parametrize("on_empty", ["allow", "error"])
def test_nothing_is_left(cached: Sandbox, on_empty: str) -> None:
    whole = replace(table(cached, [NOTHING]), extra={"on_empty": on_empty})
    text = cached.start("estimate", cached.experiment(whole).name).wait().expect(0).out
    what = {
        "allow": "no row is left: no steps",
        "error": "a run would end: on_empty: error",
    }
    assert f"  rows       0 ({what[on_empty]})\n" in text
    assert "  workers    none feeds a trainer: no row of the sample is left\n" in text


def test_each_dataset_or_one(cached: Sandbox) -> None:
    whole = table(cached, [ODD])
    path = cached.experiment({"train": whole, "valid": replace(whole, steps=[])})
    done = cached.start("estimate", path.name, "--json").wait().expect(0)
    assert [tree["name"] for tree in json.loads(done.out)["datasets"]] == ["train", "valid"]
    assert estimate(cached, path, "--dataset", "valid")["name"] == "valid"


def test_mistakes(cached: Sandbox) -> None:
    path = cached.experiment(table(cached, [])).name
    for arguments, message in {
        ("--dataset", "trian"): (
            'Unknown dataset "trian" (did you mean "train"?) [experiment.yaml:4]'
        ),
        ("--label", "labl"): 'Invalid label: unknown column "labl" (did you mean "label"?)',
        ("--sample", "0"): "Invalid --sample: 0 (must be >= 1)",
        ("--trainer-rows-per-second", "0"): (
            "Invalid --trainer-rows-per-second: 0.0 (must be > 0)"
        ),
    }.items():
        done = cached.start("estimate", path, *arguments).wait().expect(2)
        assert done.errors == [f"error: {message}"]
        assert done.out == ""


# -- estimated and actual


def run(sandbox: Sandbox, whole: Dataset, *, steps: int = 0, world: int = 2) -> Outcome:
    sandbox.write("train.py", SCRIPT)
    train = {"script": "train.py", "args": [str(steps)], "ranks": world}
    return sandbox.run(sandbox.experiment(whole, train=train)).expect(0)


def compared(outcome: Outcome) -> Any:
    (epoch,) = outcome.summary["datasets"]["train"]["epochs"]
    return epoch["estimated"]


def kept_estimate(sandbox: Sandbox) -> Path:
    (file,) = (sandbox.folder / "cache" / "lastmile" / "estimates").iterdir()
    return file


def test_a_run_shows_what_was_estimated(cached: Sandbox) -> None:
    whole = table(cached, [ODD])
    assert compared(run(cached, whole)) is None  # no estimate yet, and not a word about it
    got = estimate(cached, cached.folder / "experiment.yaml", "--sample", "700")
    assert got["ranks"] == 2
    rows = len(whole.sequence().rows)
    positive = positives(whole.sequence().rows)
    outcome = run(cached, whole)
    assert compared(outcome) == {
        "rows": {**got["rows"], "actual": rows, "inside": True},
        "positives": {**got["positives"], "actual": positive, "inside": True},
        "steps": {**got["steps"], "actual": math.ceil(rows / 100), "inside": True},
    }
    line = next(line for line in outcome.out.splitlines() if "estimated" in line)
    assert line.startswith(f"    estimated {got['rows']['estimate']} ")
    assert f" rows, got {rows}: inside; " in line
    assert f" positives, got {positive}: inside; " in line
    assert line.endswith(f" steps, got {math.ceil(rows / 100)}: inside")
    other = run(cached, whole, world=1)
    assert compared(other)["steps"]["actual"] == math.ceil(rows / 50)
    assert compared(other)["steps"]["inside"] is True
    assert compared(run(cached, whole, steps=2)) is None  # a part of an epoch is not one


def test_a_run_may_estimate_first(cached: Sandbox) -> None:
    cached.write("train.py", SCRIPT)
    train = {"script": "train.py", "args": ["0"], "ranks": 2}
    whole = table(cached, [ODD])
    path = cached.experiment(whole, train=train)
    job = cached.start("run", path.name, "--python", sys.executable, "--estimate")
    outcome = job.wait().expect(0)
    assert outcome.out.startswith("dataset train: 12 of 12 row groups")
    assert compared(outcome)["rows"]["inside"] is True


def test_a_run_shows_that_the_estimate_was_wrong(cached: Sandbox) -> None:
    whole = table(cached, [ODD])
    estimate(cached, cached.experiment(whole))
    file = kept_estimate(cached)
    tree = json.loads(file.read_text())
    rows = len(whole.sequence().rows)
    assert tree["rows"] == exactly(rows)
    tree["rows"] = {"estimate": rows + 100, "low": rows + 90, "high": rows + 110}
    file.write_text(json.dumps(tree))
    outcome = run(cached, whole)
    assert compared(outcome)["rows"] == {**tree["rows"], "actual": rows, "inside": False}
    assert f"    estimated {rows + 100} ± 10 rows, got {rows}: outside; " in outcome.out


@pytest.mark.parametrize("changed", ["file", "steps", "seed"])
def test_an_estimate_of_other_data_is_not_compared(cached: Sandbox, changed: str) -> None:
    whole = table(cached, [ODD])
    estimate(cached, cached.experiment(whole))
    assert compared(run(cached, whole)) is not None
    if changed == "file":
        path = cached.folder / "t" / whole.files[0]
        content = path.read_bytes()
        path.write_bytes(content)  # as long as before, but who knows
        assert compared(run(cached, whole)) is None
    elif changed == "steps":
        assert compared(run(cached, replace(whole, steps=[ODD, ODD]))) is None
    else:
        train = {"script": "train.py", "args": ["0"], "ranks": 2}
        path = cached.experiment(whole, train=train, seed=43)
        assert compared(cached.run(path).expect(0)) is None


def test_an_epoch_that_draws_other_rows_is_not_compared(cached: Sandbox) -> None:
    cached.write("train.py", SCRIPT + "for batch in feed:\n    pass\n")
    train = {"script": "train.py", "args": ["0"], "ranks": 1}
    for each_epoch in (False, True):
        whole = table(cached, [Sample(0.5, each_epoch=each_epoch)])
        path = cached.experiment(whole, train=train)
        estimate(cached, path)
        first, second = cached.run(path).expect(0).summary["datasets"]["train"]["epochs"]
        assert first["estimated"]["rows"]["inside"] is True
        assert (second["estimated"] is None) == each_epoch


def test_a_kept_estimate_that_is_damaged_is_named_in_the_log(cached: Sandbox) -> None:
    whole = table(cached, [ODD])
    estimate(cached, cached.experiment(whole))
    file = kept_estimate(cached)
    file.write_text('{"version": 1')
    outcome = run(cached, whole)
    assert compared(outcome) is None
    assert outcome.record is not None
    log = (outcome.record / "logs" / "driver.log").read_text()
    assert f"no estimate of dataset train: {file} is no estimate: " in log


def test_an_estimate_that_cannot_be_kept_is_shown_all_the_same(cached: Sandbox) -> None:
    path = cached.experiment(table(cached, [ODD]))
    folder = cached.folder / "cache" / "lastmile" / "estimates"
    folder.write_text("in the way")
    done = cached.start("estimate", path.name).wait().expect(0)
    assert done.out.startswith("dataset train: ")
    assert done.err.startswith("warning: the estimate is not kept for the summary of a run (")
    assert done.err.endswith("XDG_CACHE_HOME names another place)\n")


def test_one_estimate_takes_the_place_of_another(cached: Sandbox) -> None:
    path = cached.experiment(table(cached, [ODD]))
    estimate(cached, path, "--sample", "300")
    first = kept_estimate(cached)
    before = first.read_text()
    estimate(cached, path)
    assert kept_estimate(cached) == first
    assert first.read_text() != before
    assert stat.S_ISREG(first.stat().st_mode)
