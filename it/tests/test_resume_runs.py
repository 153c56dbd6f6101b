"""Drivers that are killed: nothing of them stays, and `lastmile resume` goes on with their run."""

from __future__ import annotations

import json
import math
import os
import random
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from test_certificates import certificates, check, verify
from test_restarts import (
    BATCH,
    EPOCHS,
    WORLD,
    at_fault,
    check_history,
    events,
    fault,
    start,
    table,
    taken,
)

from harness import Job, Outcome, Sandbox
from oracle.dataset import Dataset


def resume(sandbox: Sandbox, name: str = "trial-1") -> Job:
    return sandbox.start("resume", f"runs/{name}", "--python", sys.executable)


def refused(sandbox: Sandbox, name: str = "trial-1") -> str:
    outcome = resume(sandbox, name).wait().expect(2)
    (line,) = outcome.errors
    return line.removeprefix("error: ")


def kill(sandbox: Sandbox, job: Job) -> float:
    """Kill the driver; how long its ranks take to notice."""
    job.signal(signal.SIGKILL)
    job.process.wait(10)
    return sandbox.gone_after(15)


def history(sandbox: Sandbox) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((sandbox.runs / "trial-1" / "history.json").read_text())
    return kept


def settled(sandbox: Sandbox) -> None:
    """Wait until the record has what the ranks took, which stand still."""
    last = None
    for _ in range(100):
        time.sleep(0.7)
        now = history(sandbox)
        if now == last:
            return
        last = now
    raise AssertionError(f"the history goes on: {last}")


def test_a_killed_driver_twice_in_a_row(sandbox: Sandbox) -> None:
    """In both epochs, in the same record; what is replayed is known where the ranks stood still."""
    dataset = table(sandbox)
    faults = [
        fault("hang in Python", attempt=1, step=5),
        fault("hang in Python", attempt=2, epoch=1, step=6),
    ]
    job = start(sandbox, dataset, faults)
    at_fault(sandbox, job, 1)
    settled(sandbox)
    assert kill(sandbox, job) < 5
    assert not (sandbox.runs / "trial-1" / "summary.json").exists()
    job = resume(sandbox)
    at_fault(sandbox, job, 2)
    settled(sandbox)
    assert kill(sandbox, job) < 5
    done = resume(sandbox).wait().expect(0)
    assert done.record == sandbox.runs / "trial-1"
    check_history(sandbox, dataset, done)
    assert [event["attempt"] for event in events(done, "resumed")] == [2, 3]
    assert len(events(done, "started")) == 1
    assert [event["epoch"] for event in events(done, "epoch_ended")] == [0, 1]
    assert done.summary["restarts"] == 2
    assert done.summary["exit"]["code"] == 0
    assert [epoch["epoch"] for epoch in done.summary["datasets"]["train"]["epochs"]] == [0, 1]
    log = (sandbox.runs / "trial-1" / "logs" / "rank-0.log").read_text()
    assert re.findall(r"^lastmile: attempt (\d+) begins$", log, re.MULTILINE) == ["2", "3"]
    assert not sandbox.leftovers()
    verify(sandbox, done).expect(0)
    assert refused(sandbox) == "Run runs/trial-1 has ended well: there is nothing to resume"


@pytest.mark.parametrize("seed", range(4))
def test_a_driver_killed_at_any_moment(sandbox: Sandbox, seed: int) -> None:
    """Delivered rows and digests are those of an undisturbed run, wherever the kill comes."""
    dataset = table(sandbox, rows=4000)
    sequences = [dataset.sequence(epoch=epoch) for epoch in range(EPOCHS)]
    steps = [math.ceil(len(sequence.rows) / (BATCH * WORLD)) for sequence in sequences]
    step = random.Random(seed).randint(1, sum(steps))
    moment = f"seed {seed}: killed when rank 1 had taken step {step} of {sum(steps)}"
    never_ends = fault("hang in Python", epoch=EPOCHS - 1, step=steps[-1] - 1)
    job = start(sandbox, dataset, [never_ends], every=3)
    at_step(sandbox, job, step)
    kill(sandbox, job)
    assert not (sandbox.runs / "trial-1" / "summary.json").exists(), moment
    done = resume(sandbox).wait().expect(0)
    found = certificates(done)
    lines = taken(sandbox)
    for epoch, sequence in enumerate(sequences):
        last = {(at["step"], at["rank"]): at["uids"] for at in lines if at["epoch"] == epoch}
        uids = [uid for step in sorted(last) for uid in last[step]]
        assert uids == sequence.rows.column("uid").to_pylist(), moment
        check(found[f"train-{epoch}"], sequence)
        assert found[f"train-{epoch}"]["from_row"] == 0, moment
    verify(sandbox, done).expect(0)


def at_step(sandbox: Sandbox, job: Job, steps: int) -> None:
    """Wait until rank 1 has taken so many."""
    taken_by_one = sandbox.folder / "taken-1.jsonl"
    deadline = time.monotonic() + 60
    while not taken_by_one.exists() or taken_by_one.read_bytes().count(b"\n") < steps:
        assert job.process.poll() is None, job.process.communicate()
        assert time.monotonic() < deadline, f"rank 1 does not get to step {steps}"
        time.sleep(0.001)


def test_restarts_and_kills_together(sandbox: Sandbox) -> None:
    dataset = table(sandbox)
    faults = [
        fault("kill", attempt=1, step=5),
        fault("hang in Python", attempt=2, step=6),
        fault("exit", attempt=3, epoch=1, step=6),
    ]
    job = start(sandbox, dataset, faults, restarts=1)
    at_fault(sandbox, job, 2)
    settled(sandbox)
    kill(sandbox, job)
    done = resume(sandbox).wait().expect(0)
    check_history(sandbox, dataset, done)
    assert done.summary["restarts"] == 3
    assert [event["attempt"] for event in events(done, "restarted")] == [2, 4]


def failed(sandbox: Sandbox, dataset: Dataset, how: str = "exit") -> Outcome:
    """A run that has not ended well, and can be resumed."""
    return start(sandbox, dataset, [fault(how)]).wait().expect(4)


@pytest.mark.parametrize("case", ["uneven", "pad"])
def test_a_failed_run_can_be_resumed_too(sandbox: Sandbox, case: str) -> None:
    dataset = table(sandbox, last_step=case)
    first = failed(sandbox, dataset)
    assert first.summary["exit"]["kind"] == "trainer"
    done = resume(sandbox).wait().expect(0)
    check_history(sandbox, dataset, done)
    assert done.summary["exit"]["kind"] == "ok"


def test_a_dropped_last_step_stays_dropped(sandbox: Sandbox) -> None:
    """Of an epoch that had ended before the kill; the resumed driver tells it anew."""
    dataset = table(sandbox, last_step="drop")
    job = start(sandbox, dataset, [fault("hang in Python", epoch=1, step=4)])
    at_fault(sandbox, job, 1)
    settled(sandbox)
    before = (sandbox.runs / "trial-1" / "certificates" / "train-0.json").read_text()
    kill(sandbox, job)
    done = resume(sandbox).wait().expect(0)
    assert done.record is not None
    assert (done.record / "certificates" / "train-0.json").read_text() == before
    epochs = done.summary["datasets"]["train"]["epochs"]
    assert epochs[0]["rows_delivered"] % (BATCH * WORLD) == 0
    assert epochs[0]["rows_dropped"][-1]["kind"] == "last_step"
    assert epochs[0]["rows_dropped"][-1]["rows"] > 0
    verify(sandbox, done).expect(0)


def test_a_cancelled_run_can_be_resumed(sandbox: Sandbox) -> None:
    dataset = table(sandbox)
    job = start(sandbox, dataset, [fault("hang in Python")])
    at_fault(sandbox, job, 1)
    job.signal(signal.SIGINT)
    job.wait(15).expect(130)
    done = resume(sandbox).wait().expect(0)
    check_history(sandbox, dataset, done)


def test_a_run_that_goes_on_is_refused(sandbox: Sandbox) -> None:
    job = start(sandbox, table(sandbox), [fault("hang in Python")])
    at_fault(sandbox, job, 1)
    assert refused(sandbox) == "Run runs/trial-1 still goes on (end it first)"
    assert job.process.poll() is None
    job.signal(signal.SIGSTOP)
    assert "still goes on" in refused(sandbox)
    job.signal(signal.SIGCONT)
    job.signal(signal.SIGINT)
    job.wait(15).expect(130)


def test_what_is_no_run_is_refused(sandbox: Sandbox) -> None:
    assert refused(sandbox, "trial-7").startswith("No run record in runs/trial-7: ")
    (sandbox.runs / "trial-1").mkdir(parents=True)
    assert refused(sandbox).startswith("No run record in runs/trial-1: ")
    assert not list((sandbox.runs / "trial-1").iterdir())


CHANGES = {
    "rewritten": "had bytes",
    "gone": "is not there any more",
    "new": "was not there",
}


@pytest.mark.parametrize("how", CHANGES)
def test_changed_data_is_refused(sandbox: Sandbox, how: str) -> None:
    dataset = table(sandbox)
    failed(sandbox, dataset)
    summary = (sandbox.runs / "trial-1" / "summary.json").read_bytes()
    name = "part-003.parquet" if how == "new" else "part-001.parquet"
    path = sandbox.folder / "t" / name
    if how == "rewritten":
        pq.write_table(pq.read_table(path).slice(0, 200), path, row_group_size=90)
    elif how == "gone":
        path.unlink()
    else:
        path.write_bytes((sandbox.folder / "t" / "part-001.parquet").read_bytes())
    line = refused(sandbox)
    assert line.startswith("Run runs/trial-1 cannot go on, its data has changed: ")
    assert f"{path} {CHANGES[how]}" in line
    assert line.endswith(" (start a new run)")
    assert (sandbox.runs / "trial-1" / "summary.json").read_bytes() == summary


def test_another_time_of_writing_is_no_change(sandbox: Sandbox) -> None:
    dataset = table(sandbox)
    failed(sandbox, dataset)
    for name in dataset.files:
        os.utime(sandbox.folder / "t" / name)
    check_history(sandbox, dataset, resume(sandbox).wait().expect(0))


def test_another_plan_is_refused(sandbox: Sandbox) -> None:
    failed(sandbox, table(sandbox))
    kept = history(sandbox)
    parts = kept["fingerprints"]["train"].split("-")
    parts[0] = "0" * 8
    kept["fingerprints"]["train"] = "-".join(parts)
    Path(sandbox.runs / "trial-1" / "history.json").write_text(json.dumps(kept))
    assert refused(sandbox).endswith("(another engine) (start a new run)")
