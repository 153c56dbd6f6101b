"""`order: arrival`: whichever split is ready gives its rows; all of them come, once, and resume."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import test_restarts
from test_certificates import certificates, check, verify
from test_last_step import delivered, position
from test_restarts import EPOCHS, at_fault, fault, start, taken
from test_resume_runs import kill, resume, settled

import data
from harness import Outcome, Sandbox, check_ranks, drain, load_ranks, order, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.steps import Filter
from oracle.tensors import Tensor

COLLECT = str(Path(__file__).parent / "scripts" / "collect.py")
WINDOW = 8
ARRIVAL = {"order": "arrival"}
STEPS = [
    Filter("uid % 7 <> 3", lambda t: t["uid"].to_numpy() % 7 != 3),
    Filter("uid < 400 OR uid >= 500", lambda t: (t["uid"].to_numpy() - 400) // 100 != 0),
]
SHUFFLES = pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=2)], ids=["none", "some"])


def slow(split: int, ms: int = 1200) -> str:
    return f"slow=1:{ms}ms,runs=9,split={split}"


def table(sandbox: Sandbox, shuffle: Shuffle = NONE, **options: Any) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=4, rows=500, row_group=100)
    tensors = {"uid": Tensor("uid"), "seq": Tensor("seq", fill=0)}
    given = {"batch": 16, "shuffle": shuffle, "steps": STEPS, "extra": ARRIVAL} | options
    return Dataset("t", root, files, tensors, **given)


def arrived(dataset: Dataset, uids: list[int], epoch: int = 0) -> list[int]:
    """The order in which splits came: each whole, once, and none too far ahead of the lowest."""
    pieces = [
        piece.rows.column("uid").to_pylist() for piece in dataset.pieces(seed=42, epoch=epoch)
    ]
    owner = {uid: ordinal for ordinal, piece in enumerate(pieces) for uid in piece}
    came = [ordinal for ordinal, _ in itertools.groupby(uids, lambda uid: owner[uid])]
    assert [uid for ordinal in came for uid in pieces[ordinal]] == uids
    empty = [ordinal for ordinal, piece in enumerate(pieces) if not piece]
    missing = set(range(len(pieces))) - set(empty)
    for ordinal in came:
        # Empty splits leave no trace: they may have come, or not.
        assert ordinal < min(missing) + WINDOW + len(empty)
        missing.remove(ordinal)
    assert not missing
    return came + empty


@SHUFFLES
@pytest.mark.parametrize("memory", ["512MiB", "64MiB"])
def test_a_slow_split_holds_nobody_up(sandbox: Sandbox, shuffle: Shuffle, memory: str) -> None:
    dataset = table(sandbox, shuffle)
    sandbox.environment["LASTMILE_FAULTS"] = slow(0)
    with sandbox.serve(sandbox.experiment(dataset, workers=3, memory=memory)) as server:
        got = ranks(server.address, 2)
    came = arrived(dataset, order(got))
    assert came[0] != 0
    check_ranks(got, replace(dataset, arrived=came))


@SHUFFLES
def test_in_order_it_holds_all_up(sandbox: Sandbox, shuffle: Shuffle) -> None:
    """The other half: the same split, and the order that it has otherwise."""
    dataset = table(sandbox, shuffle, extra={})
    sandbox.environment["LASTMILE_FAULTS"] = slow(0)
    with sandbox.serve(sandbox.experiment(dataset, workers=3)) as server:
        check_ranks(ranks(server.address, 2), dataset)


@SHUFFLES
def test_resume_with_other_ranks_and_workers(sandbox: Sandbox, shuffle: Shuffle) -> None:
    """Each row once, whole splits, from every few steps; also by those who go on in order."""
    dataset = table(sandbox, shuffle)
    sandbox.environment["LASTMILE_FAULTS"] = slow(1)
    with sandbox.serve(sandbox.experiment(dataset, workers=3)) as server:
        first = ranks(server.address, 2, each=lambda feed: drain(feed, states=True))
    uids = order(first)
    assert arrived(dataset, uids) != sorted(arrived(dataset, uids))
    whole = replace(dataset, arrived=arrived(dataset, uids))
    states = [batch.state for batch in first[0] if delivered(batch.state)][1::3]
    assert any("delivered" in position(state) for state in states)
    for state in states:
        assert digest(state) == whole.sequence().digests[delivered(state) - 1]
    for workers, extra, faults in [
        (1, ARRIVAL, ""),
        (4, ARRIVAL, slow(3, 300)),
        (2, {}, slow(3, 300)),
    ]:
        sandbox.environment["LASTMILE_FAULTS"] = faults
        changed = replace(dataset, extra=extra)
        with sandbox.serve(sandbox.experiment(changed, workers=workers)) as server:
            for state, world in zip(states, itertools.cycle((1, 3, 4)), strict=False):
                got = ranks(server.address, world, state=state)
                rest = order(got)
                came = arrived(dataset, uids[: delivered(state)] + rest)
                assert len({len(batches) for batches in got}) == 1
                if not extra:
                    assert rest == in_order(dataset, uids[: delivered(state)], came)


def digest(state: Any) -> str:
    return str(position(state)["digest"])


def in_order(dataset: Dataset, before: list[int], came: list[int]) -> list[int]:
    """What is left, the split that is begun first, then the others in their order."""
    pieces = [piece.rows.column("uid").to_pylist() for piece in dataset.pieces(seed=42, epoch=0)]
    seen = set(before)
    begun = [o for o in came if seen & set(pieces[o]) and not set(pieces[o]) <= seen]
    assert len(begun) <= 1
    others = [o for o in range(len(pieces)) if not seen & set(pieces[o])]
    return [uid for o in begun + others for uid in pieces[o] if uid not in seen]


def run(sandbox: Sandbox, dataset: Dataset, faults: str, workers: int = 3) -> Outcome:
    sandbox.environment["LASTMILE_FAULTS"] = faults
    train = {"script": COLLECT, "args": ["2"], "ranks": 2}
    return sandbox.run(sandbox.experiment(dataset, train=train, workers=workers)).expect(0)


def test_the_certificate_is_that_of_the_order(sandbox: Sandbox) -> None:
    full = {"certificate": "full"}
    dataset = table(sandbox, Shuffle(row_groups=2), extra=ARRIVAL | full)
    done = run(sandbox, dataset, slow(0, 600))
    found = certificates(done)
    for epoch in (0, 1):
        check(found[f"train-{epoch}"], dataset.sequence(epoch=epoch))
    got = load_ranks(sandbox.folder, 2)
    first = [[batch for batch in rank if batch.epoch == 0] for rank in got]
    assert arrived(dataset, order(first))[0] != 0
    assert verify(sandbox, done).expect(0).out.count("verified") == 2
    other = certificates(run(sandbox, replace(dataset, extra=full), "", workers=1))
    assert found == other


def test_what_is_written_is_in_order(sandbox: Sandbox) -> None:
    dataset = table(sandbox, Shuffle(row_groups=2))
    sandbox.environment["LASTMILE_FAULTS"] = slow(0, 500)
    path = sandbox.experiment(dataset, workers=3)
    sandbox.start("write", str(path), "train", "--to", "out").wait().expect(0)
    files = sorted((sandbox.folder / "out").glob("*.parquet"))
    uids = [uid for file in files for uid in pq.read_table(file).column("uid").to_pylist()]
    assert uids == dataset.sequence().rows.column("uid").to_pylist()


def test_its_rows_are_not_traced(sandbox: Sandbox) -> None:
    done = run(sandbox, table(sandbox), "")
    for asked in (["--step", "3"], ["--row", "part-0.parquet:0"], ["--where", "uid = 7"]):
        refused = sandbox.start("trace", str(done.record), *asked).wait().expect(2)
        (error,) = refused.errors
        assert error == (
            'error: Cannot trace rows of dataset "train": its splits came in the order of arrival '
            "in epoch 0, and which that was is not recorded (must be order: deterministic)"
        )


@pytest.mark.parametrize("how", ["a rank fails", "the driver is killed"])
def test_what_counts_is_each_row_once(sandbox: Sandbox, how: str) -> None:
    dataset = test_restarts.table(sandbox, extra=ARRIVAL)
    sandbox.environment["LASTMILE_FAULTS"] = slow(0, 1500)
    if how == "a rank fails":
        faults = [fault("raise", attempt=1, step=5), fault("kill", attempt=2, epoch=1, step=3)]
        done = start(sandbox, dataset, faults, restarts=2).wait().expect(0)
    else:
        hang = fault("hang in Python", attempt=1, step=5)
        job = start(sandbox, dataset, [hang])
        at_fault(sandbox, job, 1)
        settled(sandbox)
        assert kill(sandbox, job) < 5
        done = resume(sandbox).wait().expect(0)
    found = certificates(done)
    for epoch in range(EPOCHS):
        last = {
            (line["step"], line["rank"]): line["uids"]
            for line in taken(sandbox)
            if line["epoch"] == epoch
        }
        came = arrived(dataset, [uid for step in sorted(last) for uid in last[step]], epoch)
        check(found[f"train-{epoch}"], dataset.sequence(epoch=epoch))
        assert came[0] != 0
    assert found["train-0"]["replayed"]
    assert verify(sandbox, done).expect(0).out.count("verified") == EPOCHS


def test_a_position_that_cannot_be_is_refused(sandbox: Sandbox) -> None:
    import lastmile

    path = sandbox.experiment(table(sandbox), workers=1)
    with sandbox.serve(path) as server:
        (got,) = ranks(server.address, 1, each=lambda feed: drain(feed, states=True, steps=3))
        assert "delivered" not in position(got[-1].state)
        text = json.dumps(got[-1].state)
        for wrong in ([3, 2], [], [-1], [2], [0, 0], [0, 99], [0.5], "all"):
            changed = text.replace('"digest":', f'"delivered": {json.dumps(wrong)}, "digest":', 1)
            with pytest.raises(lastmile.UserError, match="Invalid position: "):
                ranks(server.address, 1, state=json.loads(changed))
