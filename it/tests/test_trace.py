"""`lastmile trace` against the oracle: the rows of each step, and what became of each row."""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_certificates import going_back
from test_mix import two_logs
from test_write import LONG, NEGATIVE, POSITIVE, SMALL
from test_write import two_logs as copied_logs

import data
from harness import Outcome, Sandbox
from oracle import lineage
from oracle.dataset import NONE, Dataset, Shuffle, deal
from oracle.language import Explode, Join, Limit, Member, Sample, Split, Step, Upsample
from oracle.mix import PASS, Mixed
from oracle.steps import AntiJoin, Downsample, Filter
from oracle.tensors import Tensor

TAKE = """
import lastmile
feed = lastmile.feed("train", epochs={epochs})
for epoch in range({epochs}):
    for batch in feed:
        pass
"""
ALL = 10**6
SHUFFLED = Shuffle(row_groups=2)


def long_why(row: dict[str, Any]) -> str:
    value = row["dwell_s"]
    if value is None:
        return "dwell_s > 9 is NULL (dwell_s = NULL)"
    return f"dwell_s > 9 is FALSE (dwell_s = {np.float32(value)!s})"


def table(sandbox: Sandbox, steps: list[Step], shuffle: Shuffle = SHUFFLED, **more: Any) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=2, rows=150, row_group=40)
    tensors = {"uid": Tensor("uid")}
    return Dataset("t", root, files, tensors, steps, **{"batch": 8, "shuffle": shuffle} | more)


def run(
    sandbox: Sandbox, dataset: Any, script: str | None = None, ranks: int = 2, epochs: int = 1
) -> Outcome:
    sandbox.write("train.py", script or TAKE.format(epochs=epochs))
    train = {"script": "train.py", "ranks": ranks}
    datasets = dataset
    if isinstance(dataset, Mixed):
        datasets = {name: each for name, (each, _) in dataset.datasets.items()}
        datasets["train"] = dataset
    return sandbox.run(sandbox.experiment(datasets, train=train)).expect(0)


def trace(sandbox: Sandbox, done: Outcome, *options: str) -> Outcome:
    return sandbox.start("trace", str(done.record), *options).wait()


def traced(sandbox: Sandbox, done: Outcome, *options: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(trace(sandbox, done, *options, "--json").expect(0).out)
    return tree


def every_row(sandbox: Sandbox, done: Outcome, *options: str) -> dict[Any, list[dict[str, Any]]]:
    """The fates of all rows, by table, path and number."""
    tree = traced(sandbox, done, "--where", "uid >= 0", "--limit", str(ALL), *options)
    assert tree["not_searched"] == []
    assert tree["found"] == len(tree["rows"])
    return {(r["table"], r["file"], r["number"]): r["fates"] for r in tree["rows"]}


def copies_of(sequence: Any) -> list[list[int]]:
    names = sorted(n for n in sequence.rows.column_names if n.startswith("__oracle_copy_"))
    columns = [np.asarray(sequence.rows.column(name)).tolist() for name in names]
    return (
        [list(row) for row in zip(*columns, strict=True)] if columns else [[]] * len(sequence.rows)
    )


def check_steps(
    sandbox: Sandbox, done: Outcome, sequence: Any, world: int, dataset: Any, epoch: int = 0
) -> None:
    """The first and the last step, and of one between them the rows of the last rank."""
    steps = deal(len(sequence.rows), dataset.batch, world, dataset.last_step)
    identity = sequence.identity
    copies = copies_of(sequence)
    uids = sequence.rows.column("uid").to_pylist()
    mixed = isinstance(dataset, Mixed)
    asked = [(0, None), (len(steps) // 2, world - 1), (len(steps) - 1, None)]
    for step, rank in asked:
        options = ["--step", str(step), "--epoch", str(epoch), "--limit", str(ALL)]
        tree = traced(sandbox, done, *options, *([] if rank is None else ["--rank", str(rank)]))
        first = steps[step][0 if rank is None else rank][0]
        end = steps[step][-1 if rank is None else rank][1]
        assert (tree["first_row"], tree["row_count"]) == (first, end - first)
        assert tree["ranks"] == world
        assert [row["row"] for row in tree["rows"]] == list(range(first, end))
        for row in tree["rows"]:
            at = row["row"]
            name = f"{row['table']}\0{row['file']}" if mixed else row["file"]
            assert (name, row["number"]) == identity[at]
            assert row["copies"] == copies[at] or mixed
            assert row["columns"] == {"uid": uids[at]}
            bounds = steps[step][row["rank"]]
            assert bounds[0] <= at < bounds[1]


def check_rows(
    sandbox: Sandbox,
    done: Outcome,
    dataset: Dataset,
    starts: list[lineage.Start],
    whys: dict[int, Callable[[dict[str, Any]], str]],
    epoch: int = 0,
) -> dict[str, int]:
    """Every row of the table, used or dropped, as the oracle says; how many copies of each fate."""
    fates = every_row(sandbox, done, "--epoch", str(epoch))
    last = dataset.steps[-1] if dataset.steps else None
    limit = last.rows if isinstance(last, Limit) else None
    whole = replace(dataset, steps=dataset.steps[:-1]) if limit is not None else dataset
    sequence = whole.sequence(epoch=epoch)
    expected: dict[Any, list[tuple[Any, ...]]] = defaultdict(list)
    for name, drops in lineage.gone(whole, 42, epoch, whys).items():
        for drop in drops:
            expected[name].append((drop.copies, "dropped", drop.step, drop.why))
    total = len(sequence.rows) if limit is None else limit
    for at, (name, copies) in enumerate(zip(sequence.identity, copies_of(sequence), strict=True)):
        uses = lineage.uses(starts, at)
        if uses:
            expected[name].append((copies, "used", at, uses))
        elif at >= total:
            expected[name].append((copies, "dropped", len(dataset.steps) - 1, None))
        else:
            expected[name].append((copies, "left", None, None))
    counts: dict[str, int] = defaultdict(int)
    assert len(fates) == sum(pq.read_metadata(dataset.root / f).num_rows for f in dataset.files)
    for (_, path, number), found in fates.items():
        said = []
        for fate in found:
            assert fate["epoch"] == epoch
            kind = fate["fate"]
            if kind == "used":
                uses = [
                    (u["step"], u["rank"], u["row_of_batch"], u["taken_back"]) for u in fate["uses"]
                ]
                said.append((fate["copies"], kind, fate["row"], uses))
            elif kind == "dropped" and fate["kind"] == "last_step":
                said.append((fate["copies"], "left", None, None))
                kind = "last_step"
            elif kind == "dropped":
                step = dataset.steps[fate["dropped_by"]]
                assert fate["kind"] in step.yaml()
                why = None if fate["kind"] == "limit" else fate["why"]
                said.append((fate["copies"], kind, fate["dropped_by"], why))
                kind = fate["kind"]
            else:
                said.append((fate["copies"], "left", None, None))
            counts[kind] += 1
        assert said == sorted(expected[path, number], key=lambda each: each[0]), (path, number)
    return counts


def whole(dataset: Dataset, world: int, epoch: int = 0) -> list[lineage.Start]:
    """Ranks that take all of an epoch."""
    rows = len(dataset.sequence(epoch=epoch).rows)
    if dataset.last_step == "drop":
        rows -= rows % (dataset.batch * world)
    return [lineage.Start(world, dataset.batch, 0, 0, rows)]


@pytest.mark.parametrize("shuffle", [NONE, SHUFFLED], ids=["none", "row_groups"])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_every_row_of_two_epochs(sandbox: Sandbox, world: int, shuffle: Shuffle) -> None:
    steps: list[Step] = [
        Filter(*LONG),
        Downsample(0.5, ["user_id"], NEGATIVE, "w", each_epoch=True),
    ]
    dataset = table(sandbox, steps, shuffle)
    done = run(sandbox, dataset, ranks=world, epochs=2)
    for epoch in (0, 1) if world == 2 else (1,):
        check_steps(sandbox, done, dataset.sequence(epoch=epoch), world, dataset, epoch)
        starts = whole(dataset, world, epoch)
        counts = check_rows(sandbox, done, dataset, starts, {0: long_why}, epoch)
        assert set(counts) == {"filter", "downsample", "used"}


CASES: dict[str, tuple[list[Step], dict[int, Callable[[dict[str, Any]], str]], set[str]]] = {
    "joins": (
        [
            Member(SMALL, {"user_id": "user_id"}),
            Join(SMALL, {"item_id": "user_id"}, ["age"], inner=True),
            Member(SMALL, {"user_id": "user_id", "age": "age"}, anti=True),
        ],
        {},
        {"semi_join", "join", "used"},
    ),
    "draws": (
        [Split({"train": 0.6, "valid": 0.2}, "train", ["user_id"]), Sample(0.6), Downsample(0.7)],
        {},
        {"split", "sample", "downsample", "used"},
    ),
    "copies": (
        [Explode(["seq"], "place"), Upsample(2, POSITIVE), Sample(0.8), Filter(*LONG)],
        {3: long_why},
        {"explode", "sample", "filter", "used"},
    ),
    "limit": ([Filter(*LONG), Limit(57)], {0: long_why}, {"filter", "limit", "used"}),
    "nothing is dropped": ([], {}, {"used"}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_row_under_other_steps(sandbox: Sandbox, case: str) -> None:
    steps, whys, kinds = CASES[case]
    dataset = table(sandbox, steps)
    done = run(sandbox, dataset)
    check_steps(sandbox, done, dataset.sequence(), 2, dataset)
    assert set(check_rows(sandbox, done, dataset, whole(dataset, 2), whys)) == kinds


def test_a_row_of_a_table_of_spammers(sandbox: Sandbox) -> None:
    spammers = sandbox.folder / "spammers.parquet"
    data.write_listed(spammers, np.arange(0, 300, 2))
    dataset = table(sandbox, [AntiJoin(spammers, {"user_id": "user_id"})])
    done = run(sandbox, dataset)
    counts = check_rows(sandbox, done, dataset, whole(dataset, 2), {})
    assert set(counts) == {"anti_join", "used"}


@pytest.mark.parametrize("last_step", ["uneven", "pad", "drop"])
def test_the_last_step(sandbox: Sandbox, last_step: str) -> None:
    dataset = table(sandbox, [Filter(*LONG)], last_step=last_step)
    rows = len(dataset.sequence().rows)
    assert rows % 24 not in (0, 1, 2)
    done = run(sandbox, dataset, ranks=3)
    check_steps(sandbox, done, dataset.sequence(), 3, dataset)
    counts = check_rows(sandbox, done, dataset, whole(dataset, 3), {0: long_why})
    assert counts.get("last_step", 0) == (rows % 24 if last_step == "drop" else 0)


@pytest.mark.parametrize("on_dry", ["stop", "repeat", "rest"])
def test_a_mix(sandbox: Sandbox, on_dry: str) -> None:
    mix = two_logs(sandbox, on_dry)
    done = run(sandbox, mix, ranks=3)
    sequence = mix.sequence()
    check_steps(sandbox, done, sequence, 3, mix)
    start = lineage.Start(3, mix.batch, 0, 0, len(sequence.rows))
    expected: dict[Any, list[tuple[int, list[Any]]]] = defaultdict(list)
    for at, (name, number) in enumerate(sequence.identity):
        member, path = name.split("\0")
        expected[member, path, number].append((at, lineage.uses([start], at)))
    passes = {name: taken.passes for name, taken in zip(mix.datasets, sequence.taken, strict=True)}
    for (member, path, number), fates in every_row(sandbox, done).items():
        assert sorted({fate["pass"] for fate in fates}) == list(range(passes[member]))
        used = [fate for fate in fates if fate["fate"] == "used"]
        said = [
            (f["row"], [(u["step"], u["rank"], u["row_of_batch"], False) for u in f["uses"]])
            for f in used
        ]
        assert said == expected[member, path, number]
        dataset, _ = mix.datasets[member]
        for number_of_pass in range(passes[member]):
            gone = lineage_of(dataset, number_of_pass * PASS)[path, number]
            (fate,) = [fate for fate in fates if fate["pass"] == number_of_pass]
            if gone:
                assert (fate["fate"], fate["dropped_by"]) == ("dropped", gone[0].step)
                assert gone[0].why in (None, fate["why"])
            elif fate["fate"] != "used":
                assert (fate["kind"], fate["dropped_by"]) == ("mix", 1)


def test_copies_and_limits_in_a_mix(sandbox: Sandbox) -> None:
    mix = copied_logs(sandbox, "rest", [Filter(*LONG), Limit(100)], [Upsample(2, POSITIVE)])
    mix = replace(mix, limit=410, batch=16, last_step="drop")
    done = run(sandbox, mix, ranks=3)
    sequence = mix.sequence()
    check_steps(sandbox, done, sequence, 3, mix)
    rows = len(sequence.rows)
    assert sequence.copy is not None
    assert rows == 410
    start = lineage.Start(3, 16, 0, 0, rows - rows % 48)
    expected: dict[Any, list[tuple[Any, ...]]] = defaultdict(list)
    given = zip(sequence.identity, sequence.copy.tolist(), strict=True)
    for at, ((name, number), copy) in enumerate(given):
        member, path = name.split("\0")
        for step, rank, place, _ in lineage.uses([start], at):
            copies = [copy] if member == list(mix.datasets)[1] else []
            expected[member, path, number].append((copies, at, step, rank, place))
    kinds: dict[str, int] = defaultdict(int)
    for key, fates in every_row(sandbox, done).items():
        assert [
            (fate["copies"], fate["row"], use["step"], use["rank"], use["row_of_batch"])
            for fate in fates
            for use in fate["uses"]
        ] == sorted(expected[key])
        for fate in fates:
            assert fate["fate"] in ("used", "dropped")
            kinds[f"{key[0]} {fate['kind']} {fate['dropped_by']}"] += 1
    one, other = mix.datasets
    limited = sequence.dropped[1]
    gone = lineage.gone(mix.datasets[one][0], 42, 0, {0: long_why})
    assert kinds[f"{one} filter 0"] == len(gone)  # also of splits that were not read
    assert kinds[f"{one} limit 1"] >= limited
    assert kinds[f"{one} last_step 3"] + kinds[f"{other} last_step 2"] == rows % 48
    assert kinds[f"{other} mix 1"] > 0


def test_a_record_that_lacks_counts(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [Filter(*LONG)])
    done = run(sandbox, dataset)
    assert done.record is not None
    counts = done.record / "lineage" / "train-0.0.counts"
    counts.write_bytes(counts.read_bytes()[:8])
    trace(sandbox, done, "--step", "0").expect(0)
    steps = len(deal(len(dataset.sequence().rows), dataset.batch, 2))
    refused = trace(sandbox, done, "--step", str(steps - 1)).expect(3)
    assert refused.err == (
        'error: The record of the run lacks rows of epoch 0 of dataset "train" that ranks took '
        "(it was not written to its end)\n"
    )
    counts.write_bytes(np.array([1, 2], "<i8").tobytes())
    refused = trace(sandbox, done, "--step", "0").expect(3)
    assert 'Split 0 of dataset "train" gave 1 rows in the run, and gives ' in refused.err
    (done.record / "lineage" / "train-0.json").write_text("{}")
    refused = trace(sandbox, done, "--step", "0").expect(2)
    assert refused.err.startswith("error: Not the lineage of an epoch: ")


def lineage_of(dataset: Dataset, epoch: int) -> dict[Any, list[lineage.Gone]]:
    key = (str(dataset.root), epoch)
    if key not in _gone:
        step = dataset.steps[0]
        whys = {0: lambda row: f"uid % 2 = 0 is FALSE (uid = {row['uid']})"}
        _gone[key] = lineage.gone(dataset, 42, epoch, whys if isinstance(step, Filter) else None)
    return _gone[key]


_gone: dict[Any, dict[Any, list[lineage.Gone]]] = {}

SOME = """
import json, os, pathlib, time
import lastmile
state = {state}
feed = lastmile.feed("train", state=json.loads(pathlib.Path(state).read_text()) if state else None)
batches = iter(feed)
for _ in range({steps}):
    next(batches)
if os.environ["RANK"] == "0":
    pathlib.Path("state.json").write_text(json.dumps(feed.state_dict()))
here = pathlib.Path(os.environ["LASTMILE_RUN"])
(here / f"done-{{os.environ['RANK']}}").touch()
while len(list(here.glob("done-*"))) < int(os.environ["WORLD_SIZE"]):
    time.sleep(0.01)  # a rank that leaves alone would end the job
feed.close()
"""


@pytest.mark.parametrize("shuffle", [NONE, SHUFFLED], ids=["none", "row_groups"])
def test_after_a_resume_amid_an_epoch_with_other_ranks(sandbox: Sandbox, shuffle: Shuffle) -> None:
    dataset = table(sandbox, [Filter(*LONG)], shuffle)
    first = run(sandbox, dataset, SOME.format(state=None, steps=4))
    rest = """
import json, pathlib
import lastmile
state = json.loads(pathlib.Path("state.json").read_text())
for batch in lastmile.feed("train", state=state):
    pass
"""
    second = run(sandbox, replace(dataset, batch=10), rest, ranks=3)
    rows = len(dataset.sequence().rows)
    before = lineage.Start(2, 8, 0, 0, 64)
    after = lineage.Start(3, 10, 4, 64, rows)
    check_rows(sandbox, first, dataset, [before], {0: long_why})
    check_rows(sandbox, second, dataset, [after], {0: long_why})
    tree = traced(sandbox, second, "--step", "5")
    assert (tree["first_row"], tree["row_count"], tree["ranks"]) == (94, min(30, rows - 94), 3)
    identity = dataset.sequence().identity
    for row in tree["rows"]:
        assert (row["file"], row["number"]) == identity[row["row"]]
    refused = trace(sandbox, second, "--step", "3").expect(2)
    assert "Step 3 of epoch 0 was not taken: the record of the run has steps 4 to" in refused.err
    fates = every_row(sandbox, second)
    whys = {f["why"] for all_of in fates.values() for f in all_of if f["fate"] == "not_given"}
    assert whys == {"it is before row 64, with which this run began the epoch"}
    whys = {
        fate["why"]
        for all_of in every_row(sandbox, first).values()
        for fate in all_of
        if fate["fate"] == "not_given"
    }
    assert all(why.startswith(("the run did not get to", "the ranks did not get")) for why in whys)
    assert whys


def test_a_mix_that_is_gone_on_with(sandbox: Sandbox) -> None:
    mix = two_logs(sandbox, "repeat")
    run(sandbox, mix, SOME.format(state=None, steps=5))
    second = run(sandbox, mix, SOME.format(state="'state.json'", steps=3), ranks=3)
    sequence = mix.sequence()
    start = lineage.Start(3, mix.batch, 5, 5 * 74, 5 * 74 + 3 * 111)
    expected = defaultdict(list)
    for at, (name, number) in enumerate(sequence.identity):
        member, path = name.split("\0")
        expected[member, path, number] += [(at, *use[:3]) for use in lineage.uses([start], at)]
    for key, fates in every_row(sandbox, second).items():
        assert [
            (fate["row"], use["step"], use["rank"], use["row_of_batch"])
            for fate in fates
            for use in fate["uses"]
        ] == expected[key]
    tree = traced(sandbox, second, "--step", "6", "--rank", "2")
    for row in tree["rows"]:
        assert (f"{row['table']}\0{row['file']}", row["number"]) == sequence.identity[row["row"]]
    assert tree["first_row"] == 5 * 74 + 111 + 74


def test_rows_that_were_taken_twice(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [Filter(*LONG)])
    done = run(sandbox, dataset, going_back(2))
    rows = len(dataset.sequence().rows)
    starts = [lineage.Start(2, 8, 0, 0, 64), lineage.Start(2, 8, 2, 32, rows)]
    check_rows(sandbox, done, dataset, starts, {0: long_why})
    text = trace(sandbox, done, "--step", "3").expect(0).out
    assert "taken 2 times, since ranks went back: these are the rows of the last" in text
    path, number = dataset.sequence().identity[40]
    text = trace(sandbox, done, "--row", f"{path}:{number}").expect(0).out
    assert text.splitlines()[-1] == (
        "  epoch 0: step 2, rank 1, row 0 of its batch (taken back: the ranks went back); "
        "then step 2, rank 1, row 0 of its batch, row 40 of the epoch"
    )


def test_a_run_that_was_killed_is_traced_as_far_as_its_record_goes(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [Filter(*LONG)], NONE)
    script = """
import pathlib, time
import lastmile
batches = iter(lastmile.feed("train"))
for _ in range(5):
    next(batches)
time.sleep(1.5)
pathlib.Path("ready").touch()
time.sleep(60)
"""
    sandbox.write("train.py", script)
    path = sandbox.experiment(dataset, train={"script": "train.py", "ranks": 1})
    job = sandbox.start_run(path)
    ready = sandbox.folder / "ready"
    while not ready.exists():
        assert job.process.poll() is None
    job.signal(signal.SIGKILL)
    killed = job.wait()
    sandbox.gone_after(10)
    record = sandbox.last_record()
    assert record is not None
    done = replace(killed, record=record)
    identity = dataset.sequence().identity
    for step in range(5):
        rows = traced(sandbox, done, "--step", str(step))["rows"]
        assert [(r["file"], r["number"]) for r in rows] == identity[8 * step : 8 * step + 8]
    refused = trace(sandbox, done, "--step", "5").expect(2)
    assert "Step 5 of epoch 0 was not taken: the record of the run has steps 0 to 4" in refused.err
    with sandbox.serve(path):
        pass  # what starts next takes away what the driver has left


def test_what_is_not_read(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [Filter("uid < 100", lambda t: np.asarray(t.column("uid")) < 100)])
    dataset = replace(dataset, on_corrupt="skip", corrupt=frozenset({("part-000.parquet", 1)}))
    data.damage(dataset.root / "part-000.parquet", 1, "uid")
    done = run(sandbox, dataset)
    check_steps(sandbox, done, dataset.sequence(), 2, dataset)
    said = trace(sandbox, done, "--row", "part-001.parquet:7").expect(0).out.splitlines()
    assert said[0] == "dataset train: 1 row found"
    assert said[2] == "part-001.parquet:7  uid = 157"
    assert said[3] == (
        "  epoch 0: not read: the leading filter rules its row group out (uid < 100)"
    )
    said = trace(sandbox, done, "--row", "t/part-000.parquet:41").expect(0).out.splitlines()
    assert said[3] == (
        "  epoch 0: not read: row group 1 could not be read, and was left out "
        "(source.on_corrupt: skip)"
    )
    said = trace(sandbox, done, "--where", "uid IN (7, 50, 110, 290)").expect(0).out.splitlines()
    assert said[0] == "dataset train: 3 rows found"
    assert "not searched: " in said[1]
    assert "part-000.parquet, row group 1: " in said[1]
    assert said[3] == "part-000.parquet:7  uid = 7"
    assert "step " in said[4]
    assert said[6] == "part-000.parquet:110  uid = 110"
    assert said[7] == ("  epoch 0: dropped by step 0, filter: uid < 100 is FALSE (uid = 110)")
    assert said[10] == (
        "  epoch 0: not read: the leading filter rules its row group out (uid < 100)"
    )


def test_columns_limit_and_mistakes(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [Filter(*LONG)], keys=["uid", "surface"])
    done = run(sandbox, dataset, epochs=2)
    lines = trace(sandbox, done, "--step", "0", "--epoch", "1", "--limit", "3").expect(0).out
    told = lines.splitlines()
    assert told[0] == "dataset train, epoch 1, step 0: 16 rows, from row 0 of the epoch"
    assert told[2].split() == ["RANK", "FILE", "ROW", "uid", "surface"]
    assert len(told) == 7
    assert told[-1] == "and 13 more (--limit)"
    tree = traced(sandbox, done, "--where", "uid < 9", "--columns", "user_id,seq", "--limit", "2")
    assert tree["found"] == 9
    rows = pq.read_table(dataset.root / "part-000.parquet").slice(0, 2).to_pylist()
    assert [row["columns"] for row in tree["rows"]] == [
        {"user_id": row["user_id"], "seq": row["seq"]} for row in rows
    ]
    for options, said in MISTAKES.items():
        refused = trace(sandbox, done, *options).expect(2)
        assert refused.err.startswith("error: " + said), refused.err
    nothing = trace(sandbox, done, "--where", "uid = 1000").expect(2)
    assert nothing.out == "dataset train: 0 rows found\n"
    assert nothing.err == ""


MISTAKES: dict[tuple[str, ...], str] = {
    (): "Missing required argument",
    ("--step", "0", "--where", "TRUE"): "--step=N, --where=SQL are mutually exclusive",
    ("--step", "0"): "Missing --epoch: run ",
    ("--step", "0", "--epoch", "2"): "Invalid --epoch: 2 (run ",
    ("--step", "0", "--epoch", "0", "--rank", "2"): (
        "Invalid --rank: 2 (step 0 had 2 ranks, from 0)"
    ),
    ("--step", "99", "--epoch", "0"): "Step 99 of epoch 0 was not taken: the record of the run has",
    ("--step", "0", "--epoch", "0", "--columns", "user"): 'Unknown column "user"',
    ("--step", "0", "--epoch", "0", "--dataset", "trian"): "Invalid --dataset: run ",
    ("--where", "userid = 7"): 'Unknown column "userid"',
    ("--where", "user_id + 1"): "Invalid condition: user_id + 1 is BIGINT",
    ("--where", "random() < 0.5"): "",
    ("--where", "TRUE", "--rank", "0"): "Invalid --rank: 0 (it goes with --step)",
    ("--where", "TRUE", "--limit", "0"): "Invalid --limit: 0 (must be >= 1)",
    ("--row", "part-000.parquet"): "Invalid --row: part-000.parquet (must be a file, a colon",
    ("--row", "part-00.parquet:1"): 'Invalid --row: dataset "train" has no file "part-00.parquet"',
    ("--row", "part-000.parquet:150"): "Invalid --row: row 150 of ",
}


def test_a_feed_that_each_rank_has_alone(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [Filter(*LONG)])
    script = """
import os
import lastmile
batches = iter(lastmile.feed("train", ranks="this"))
for _ in range(3 + int(os.environ["RANK"])):
    next(batches)
"""
    done = run(sandbox, dataset, script)
    assert "Missing --rank" in trace(sandbox, done, "--step", "0").expect(2).err
    rows = traced(sandbox, done, "--step", "3", "--rank", "1")["rows"]
    assert [(r["file"], r["number"]) for r in rows] == dataset.sequence().identity[24:32]
    assert {row["rank"] for row in rows} == {1}
    refused = trace(sandbox, done, "--step", "3", "--rank", "0").expect(2)
    assert "Step 3 of epoch 0 was not taken by rank 0" in refused.err


def test_other_data_is_refused_with_its_file(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [Filter(*LONG)])
    done = run(sandbox, dataset)
    path = dataset.root / "part-001.parquet"
    os.utime(path, (0, 0))
    trace(sandbox, done, "--step", "0").expect(0)
    pq.write_table(pq.read_table(path).slice(0, 149), path, row_group_size=40)
    refused = trace(sandbox, done, "--step", "0").expect(2)
    assert refused.err.startswith(
        f'error: Cannot trace rows of dataset "train", which is not as it was: file {path}: '
    )
    assert refused.err.count("\n") == 1


def test_eight_bytes_a_split(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [Filter(*LONG)])
    done = run(sandbox, dataset)
    assert done.record is not None
    counts = np.fromfile(done.record / "lineage" / "train-0.0.counts", "<i8")
    assert counts.tolist() == [len(piece.rows) for piece in dataset.pieces(42, 0)]


def test_two_keys_of_a_join(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "pairs.parquet"
    pq.write_table(pa.table({"u": pa.array([1, None], pa.int64()), "s": ["home", "x"]}), file)
    dataset = table(sandbox, [AntiJoin(file, {"user_id": "u", "surface": "s"})])
    rows = [pq.read_table(dataset.root / name) for name in dataset.files]
    first = rows[0].set_column(1, "user_id", pa.array([1] * 150, pa.int64()))
    pq.write_table(first, dataset.root / dataset.files[0], row_group_size=40)
    done = run(sandbox, dataset)
    counts = check_rows(sandbox, done, dataset, whole(dataset, 2), {})
    assert counts["anti_join"] > 0
