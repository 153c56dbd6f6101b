"""The rows that fill no whole step at the end of an epoch: shared evenly, padded, or dropped."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from test_language import delivered, digest_of, position
from test_mix import experiment, two_logs
from test_values import TENSORS
from test_values import dataset as of_values

import data
from harness import SCRIPTS, Outcome, Sandbox, check_ranks, drain, load_ranks, order, ranks
from oracle.dataset import NONE, Dataset, Shuffle, deal
from oracle.language import Limit
from oracle.steps import Downsample, Filter
from oracle.tensors import Tensor

ANSWERS = ["uneven", "pad", "drop"]
UID = {"uid": Tensor("uid")}
WEIGHED = [Downsample(0.8, ["uid"], weight="weight")]


def few(uids: list[int]) -> Filter:
    sql = f"uid + 0 IN ({', '.join(map(str, uids))})" if uids else "uid + 1 < 0"
    return Filter(sql, lambda t: np.isin(np.asarray(t.column("uid")), uids))


def table(sandbox: Sandbox, last_step: str | None, **more: Any) -> Dataset:
    """About 640 rows, with a weight, in splits of three row groups."""
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=2, rows=400, row_group=90)
    tensors = {
        **UID,
        "weight": Tensor("weight"),
        "dense": Tensor("dense_*", fill=0.5),
        "seq": Tensor("seq", fill=7),
        "keyed": Tensor(["seq", "user_id"], layout="keyed", fill=-1),
        "padded": Tensor("seq", fill=-1, max_length=4, pad=True),
        "masked": Tensor("user_id", null="mask", fill=-1),
        "surface": Tensor("surface", hash=(1000, 3)),
    }
    options: dict[str, Any] = {
        "tensors": tensors,
        "steps": WEIGHED,
        "batch": 24,
        "shuffle": Shuffle(row_groups=3),
        "keys": ["uid", "surface"],
        "last_step": last_step,
    }
    return Dataset("t", root, files, **options | more)


def whole_steps(rows: int, dataset: Any, world: int) -> int:
    """Rows that fill whole steps."""
    return rows - rows % (dataset.batch * world)


@pytest.mark.parametrize("last_step", ANSWERS)
@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_ranks_get_the_rows_of_the_oracle(sandbox: Sandbox, last_step: str, world: int) -> None:
    dataset = table(sandbox, last_step)
    assert len(dataset.sequence().rows) % (24 * world) != 0
    epochs = range(3)
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        got = ranks(server.address, world, each=lambda feed: drain(feed, 3), epochs=3)
    check_ranks(got, dataset, epochs=epochs)
    batches = [batch for rank in got for batch in rank]
    if last_step != "uneven":
        assert {batch.rows for batch in batches} == {24}
    assert any(not batch.mask.all() for batch in batches) == (last_step == "pad")
    for batch in batches:
        assert (np.asarray(batch.tensors["weight"])[~batch.mask] == 0).all()
        assert (np.asarray(batch.tensors["weight"])[batch.mask] > 0).all()


@pytest.mark.parametrize("world", [3, 7])
def test_padding_rows_of_every_kind_of_tensor(sandbox: Sandbox, world: int) -> None:
    """A batch with real and padding rows, and ranks with nothing but padding."""
    awkward = replace(of_values(sandbox, data.awkward(5, 194), TENSORS), last_step="pad")
    with sandbox.serve(sandbox.experiment(awkward)) as server:
        got = ranks(server.address, world)
    check_ranks(got, awkward)
    real = [int(rank[-1].mask.sum()) for rank in got]
    assert real == ([0, 1, 1] if world == 3 else [27, 28, 28, 27, 28, 28, 28])
    assert {rank[-1].rows for rank in got} == {64}


def test_lists_longer_than_expected_are_padded_too(sandbox: Sandbox) -> None:
    """Slots that a batch outgrows: the mean of the lists says nothing of those that are left."""
    long = Filter(
        "uid >= 390 AND len(seq) >= 4",
        lambda t: (
            (np.asarray(t.column("uid")) >= 390)
            & (np.asarray([len(value or []) for value in t.column("seq").to_pylist()]) >= 4)
        ),
    )
    dataset = table(sandbox, "pad", steps=[long], tensors={"seq": Tensor("seq", fill=0)}, batch=900)
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        got = ranks(server.address, 2)
    check_ranks(got, dataset)
    assert got[0][0].mask.sum() < 100


@pytest.mark.parametrize("last_step", ["pad", "drop"])
@pytest.mark.parametrize("left", [0, 1, 3, 11])
@pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=3)])
def test_fewer_rows_than_a_step(
    sandbox: Sandbox, last_step: str, left: int, shuffle: Shuffle
) -> None:
    uids = np.linspace(3, 790, left).astype(int).tolist()
    dataset = table(sandbox, last_step, steps=[few(uids)], tensors={"seq": Tensor("seq", fill=0)})
    dataset = replace(dataset, batch=4, shuffle=shuffle)
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        got = ranks(server.address, 3)
    check_ranks(got, dataset)
    assert len(order(got)) == (left if last_step == "pad" else 0)


@pytest.mark.parametrize("last_step", ANSWERS)
def test_a_whole_last_step_is_whole(sandbox: Sandbox, last_step: str) -> None:
    dataset = table(sandbox, last_step, steps=[], tensors=UID, batch=200)
    train = {"script": str(SCRIPTS / "collect.py"), "args": ["1"], "ranks": 2}
    done = sandbox.run(sandbox.experiment(dataset, train=train)).expect(0)
    check_ranks(load_ranks(sandbox.folder, 2), dataset)
    (epoch,) = epochs_of(done)
    assert (epoch["rows_delivered"], epoch["rows_padded"]) == (800, 0)
    drops = [{"step": 0, "kind": "last_step", "rows": 0}] if last_step == "drop" else []
    assert epoch["rows_dropped"] == drops


def test_steps_that_are_dropped_keep_no_slot(sandbox: Sandbox) -> None:
    """Each epoch ends in a step that had slots already; there are more epochs than slots."""
    dataset = table(sandbox, "drop", batch=50, extra={"prefetch": 1, "slots": 2})
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        for epochs in (12, None):
            got = ranks(server.address, 3, each=lambda feed: drain(feed, 12), epochs=epochs)
            check_ranks(got, dataset, epochs=range(12))


@pytest.mark.parametrize("last_step", ["pad", "drop"])
def test_every_position_goes_on_with_other_ranks(sandbox: Sandbox, last_step: str) -> None:
    """Which rows are left for the last step depends on the ranks that go on."""
    dataset = table(sandbox, last_step, batch=50)
    sequence = dataset.sequence()
    uids = sequence.rows.column("uid").to_pylist()
    second = dataset.sequence(epoch=1).rows.column("uid").to_pylist()
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        first = ranks(server.address, 2, each=lambda feed: drain(feed, states=True))[0]
        positions = [batch.state for batch in first if delivered(batch.state)]
        assert len(positions) == len(deal(len(uids), 50, 2, last_step))
        for state in positions:
            at = delivered(state)
            assert digest_of(state) == sequence.digests[at - 1]
            for world in (1, 3, 7):
                got = ranks(
                    server.address, world, state=state, each=lambda feed: drain(feed, 2), epochs=2
                )
                rest = [[b for b in rank if b.epoch == 0] for rank in got]
                steps = deal(len(uids) - at, 50, world, last_step)
                taken = steps[-1][-1][1] if steps else 0
                assert order(rest) == uids[at : at + taken]
                for rank, batches in enumerate(rest):
                    assert [b.step for b in batches] == [at // 100 + g for g in range(len(steps))]
                    assert [int(b.mask.sum()) for b in batches] == [
                        step[rank][1] - step[rank][0] for step in steps
                    ]
                    assert {b.rows for b in batches} <= {50}
                after = [[b for b in rank if b.epoch == 1] for rank in got]
                whole = (
                    len(second) if last_step == "pad" else whole_steps(len(second), dataset, world)
                )
                assert order(after) == second[:whole]


def test_a_position_is_of_the_rows_whatever_the_last_step(sandbox: Sandbox) -> None:
    """The last step is no part of the plan: it may change where a position goes on."""
    datasets = {answer: table(sandbox, answer, batch=50) for answer in ANSWERS}
    uids = datasets["uneven"].sequence().rows.column("uid").to_pylist()
    states = {}
    for answer, dataset in datasets.items():
        with sandbox.serve(sandbox.experiment(dataset)) as server:
            each = ranks(server.address, 2, each=lambda feed: drain(feed, steps=3, states=True))
            states[answer] = each[0][-1].state
    assert len({position(state)["fingerprint"] for state in states.values()}) == 1
    for answer, dataset in datasets.items():
        whole = len(uids) if answer != "drop" else 300 + (len(uids) - 300) // 150 * 150
        with sandbox.serve(sandbox.experiment(dataset)) as server:
            for state in states.values():
                assert order(ranks(server.address, 3, state=state)) == uids[300:whole]


def epochs_of(done: Outcome) -> list[dict[str, Any]]:
    epochs: list[dict[str, Any]] = done.summary["datasets"]["train"]["epochs"]
    return epochs


@pytest.mark.parametrize("last_step", ANSWERS)
def test_every_row_is_accounted_for(sandbox: Sandbox, last_step: str) -> None:
    world = 3
    dataset = table(sandbox, last_step, steps=[*WEIGHED, Limit(500)])
    train = {"script": str(SCRIPTS / "collect.py"), "args": ["2"], "ranks": world}
    done = sandbox.run(sandbox.experiment(dataset, train=train)).expect(0)
    check_ranks(load_ranks(sandbox.folder, world), dataset, epochs=(0, 1))
    for number, epoch in enumerate(epochs_of(done)):
        sequence = dataset.sequence(epoch=number)
        assert len(sequence.rows) == 500
        steps = {"uneven": 7, "pad": 7, "drop": 6}[last_step]
        left = 500 - 6 * 72 if last_step == "drop" else 0
        padded = 7 * 72 - 500 if last_step == "pad" else 0
        kinds = ["downsample", "limit"] + ["last_step"] * (last_step == "drop")
        dropped = [*sequence.dropped, left][: len(kinds)]
        assert [(s["step"], s["kind"], s["rows"]) for s in epoch["rows_dropped"]] == list(
            zip(range(3), kinds, dropped, strict=False)
        )
        assert epoch["rows_delivered"] == 500 - left
        assert epoch["rows_padded"] == padded
        assert epoch["rows_read"] == epoch["rows_delivered"] + sum(dropped)
        line = f"delivered {500 - left:,}, padded {padded:,}\n"
        if last_step == "drop":
            line = f"dropped by step 2 (last_step) {left:,}, {line}"
        assert line in done.out
    assert [rank["steps"] for rank in done.summary["ranks"]] == [2 * steps] * world


def test_an_epoch_without_a_whole_step_is_empty(sandbox: Sandbox) -> None:
    dataset = table(sandbox, "drop", steps=[few([5, 300, 301])], tensors=UID, batch=4)
    train = {"script": str(SCRIPTS / "collect.py"), "args": ["1"]}
    done = sandbox.run(sandbox.experiment(dataset, train=train)).expect(0)
    assert load_ranks(sandbox.folder, 1) == [[]]
    assert "dropped by step 1 (last_step) 3, delivered 0 (no row is left: no steps)" in done.out
    strict = replace(dataset, extra={"on_empty": "error"})
    assert sandbox.run(sandbox.experiment(strict, train=train)).expect(3).errors == [
        'error: Dataset "train" has no rows in epoch 0: read 800, dropped by step 0 (filter) 797, '
        "dropped by step 1 (last_step) 3 (on_empty: allow goes on without)"
    ]


@pytest.mark.parametrize("last_step", ["pad", "drop"])
@pytest.mark.parametrize("on_dry", ["stop", "repeat", "rest"])
def test_the_last_step_of_a_mix(sandbox: Sandbox, on_dry: str, last_step: str) -> None:
    world = 2
    mix = replace(two_logs(sandbox, on_dry), last_step=last_step)
    datasets = {  # what the datasets say of their own last steps does not count
        name: (replace(dataset, extra={"last_step": "drop"}), ratio)
        for name, (dataset, ratio) in mix.datasets.items()
    }
    train = {"script": str(SCRIPTS / "collect.py"), "args": ["1"], "ranks": world}
    path = experiment(sandbox, replace(mix, datasets=datasets), train=train)
    done = sandbox.run(path).expect(0)
    check_ranks(load_ranks(sandbox.folder, world), mix)  # type: ignore[arg-type]
    sequence = mix.sequence()
    rows = len(sequence.rows)
    whole = whole_steps(rows, mix, world)
    assert 0 < whole < rows
    (epoch,) = epochs_of(done)
    dropped = sequence.dropped
    got = whole if last_step == "drop" else rows
    if last_step == "drop":
        left = Counter(path.split("\0")[0] for path, _ in sequence.identity[whole:])
        dropped = [*dropped, left["organic"], left["promoted"]]
        assert [(s["dataset"], s["step"], s["kind"]) for s in epoch["rows_dropped"][-2:]] == [
            ("organic", 2, "last_step"),
            ("promoted", 2, "last_step"),
        ]
    assert [step["rows"] for step in epoch["rows_dropped"]] == dropped
    assert epoch["rows_delivered"] == got
    assert epoch["rows_padded"] == (-rows % (37 * world) if last_step == "pad" else 0)
    assert epoch["rows_read"] == got + sum(dropped)
    ours = Counter(path.split("\0")[0] for path, _ in sequence.identity[:got])
    for told in epoch["mixed"]:
        name = told["dataset"]
        assert told["rows_delivered"] == ours[name]
        gone = [step["rows"] for step in epoch["rows_dropped"] if step["dataset"] == name]
        assert told["rows_read"] == told["rows_delivered"] + sum(gone)


@pytest.mark.parametrize("last_step", ["pad", "drop"])
def test_a_mix_goes_on_with_other_ranks(sandbox: Sandbox, last_step: str) -> None:
    mix = replace(two_logs(sandbox, "rest"), last_step=last_step)
    uids = list(mix.sequence().rows.column("uid").to_pylist())
    with sandbox.serve(experiment(sandbox, mix)) as server:
        first = ranks(server.address, 2, each=lambda feed: drain(feed, states=True))[0]
        for state in [batch.state for batch in first if delivered(batch.state)][1::2]:
            at = delivered(state)
            for world in (1, 3):
                steps = deal(len(uids) - at, 37, world, last_step)
                taken = steps[-1][-1][1] if steps else 0
                got = ranks(server.address, world, state=state)
                assert {b.rows for rank in got for b in rank} == {37}
                if steps:
                    assert order(got) == uids[at : at + taken]
                else:  # no step is left: the end of the epoch, which is the start of the next
                    assert {b.epoch for rank in got for b in rank} == {1}


def test_what_is_written_estimated_and_compared(cached: Sandbox) -> None:
    """Whatever the ranks leave out: only the steps of an estimate depend on it."""
    dataset = table(cached, "drop", steps=[*WEIGHED, Limit(500)])
    train = {"script": str(SCRIPTS / "collect.py"), "args": ["1"], "ranks": 3}
    path = cached.experiment(dataset, train=train)
    cached.start("write", str(path), "train", "--to", "out").wait().expect(0)
    written = [
        pq.read_table(file) for file in sorted(Path(cached.folder / "out").glob("*.parquet"))
    ]
    uids = dataset.sequence().rows.column("uid").to_pylist()
    assert [uid for part in written for uid in part.column("uid").to_pylist()] == uids

    told = json.loads(cached.start("estimate", str(path), "--json").wait().expect(0).out)
    (estimate,) = told["datasets"]
    assert estimate["rows"]["estimate"] == 500
    assert estimate["steps"] == {"estimate": 6, "low": 6, "high": 6}

    arguments = ("--estimate", "--python", sys.executable)
    done = cached.start("run", path.name, *arguments).wait().expect(0)
    (epoch,) = epochs_of(done)
    estimated = epoch["estimated"]
    assert (estimated["rows"]["actual"], estimated["rows"]["inside"]) == (500, True)
    assert (estimated["steps"]["actual"], estimated["steps"]["inside"]) == (6, True)

    other = cached.write("other.yaml", path.read_text().replace('"drop"', '"pad"'))
    same = cached.start("diff", str(path), str(other)).wait().expect(0).out
    assert "last_step" not in same

    cached.start("preview", str(path)).wait().expect(0)
    end = "  end      rows that fill no whole step: {}\n"
    for file, what in ((path, "dropped"), (other, "batches filled up with padding")):
        assert end.format(what) in cached.start("explain", str(file)).wait().expect(0).out


def test_a_wrong_answer_is_refused(sandbox: Sandbox) -> None:
    path = sandbox.experiment(table(sandbox, "padded"))
    (error,) = sandbox.start("explain", str(path)).wait().expect(2).errors
    assert error.startswith('error: Invalid last_step: "padded" (must be one of uneven, pad, drop)')


@pytest.mark.parametrize("last_step", ANSWERS)
@pytest.mark.parametrize("mixed", [False, True])
def test_certificates_count_the_last_step(sandbox: Sandbox, last_step: str, mixed: bool) -> None:
    if mixed:
        dataset: Any = replace(two_logs(sandbox, "rest"), last_step=last_step)
        written: Any = {name: of for name, (of, _) in dataset.datasets.items()} | {"train": dataset}
    else:
        dataset = table(sandbox, last_step)
        written = dataset
    train = {"script": str(SCRIPTS / "collect.py"), "args": ["2"], "ranks": 3}
    done = sandbox.run(sandbox.experiment(written, train=train)).expect(0)
    for number in (0, 1):
        certificate = certificate_of(done, number)
        sequence = dataset.sequence(epoch=number)
        rows = len(sequence.rows)
        whole = whole_steps(rows, dataset, 3)
        got = whole if last_step == "drop" else rows
        assert whole < rows
        assert certificate["rows_delivered"] == got
        assert certificate["rows_repeated"] == 0
        assert certificate["digest"] == sequence.digests[got - 1]
        assert certificate["rows_padded"] == (
            -rows % (dataset.batch * 3) if last_step == "pad" else 0
        )
        lasts = [step for step in certificate["steps"] if step["kind"] == "last_step"]
        assert sum(step["rows_dropped"] for step in lasts) == rows - got
        assert sum(step["rows_out"] for step in lasts) == (got if last_step == "drop" else 0)
    sandbox.start("verify", str(done.record)).wait().expect(0)


def certificate_of(done: Outcome, epoch: int) -> dict[str, Any]:
    assert done.record is not None
    file = done.record / "certificates" / f"train-{epoch}.json"
    certificate: dict[str, Any] = json.loads(file.read_text())
    return certificate


@pytest.mark.parametrize("last_step", ANSWERS)
def test_what_is_left_for_the_last_step_is_verified_from_where_the_ranks_began(
    sandbox: Sandbox, last_step: str
) -> None:
    """Steps of other ranks begin at other rows, so that another number of rows is left."""
    dataset = table(sandbox, last_step, batch=10)
    sequence = dataset.sequence()
    rows = len(sequence.rows)
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        first = ranks(server.address, 2, each=lambda feed: drain(feed, steps=2, states=True))
    sandbox.write("state.json", json.dumps(first[0][-1].state))
    sandbox.write(
        "train.py",
        """
import json, pathlib
import lastmile
state = json.loads(pathlib.Path("state.json").read_text())
for batch in lastmile.feed("train", state=state):
    pass
""",
    )
    train = {"script": "train.py", "ranks": 3}
    done = sandbox.run(sandbox.experiment(dataset, train=train)).expect(0)
    certificate = certificate_of(done, 0)
    got = 40 + whole_steps(rows - 40, dataset, 3) if last_step == "drop" else rows
    assert whole_steps(rows, dataset, 3) not in (rows, 40 + whole_steps(rows - 40, dataset, 3))
    assert (certificate["from_row"], certificate["rows_delivered"]) == (40, got)
    assert certificate["rows_padded"] == (-(rows - 40) % 30 if last_step == "pad" else 0)
    assert certificate["digest"] == sequence.digests[got - 1]
    sandbox.start("verify", str(done.record)).wait().expect(0)
