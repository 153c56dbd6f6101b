"""Ranks that fail, are killed or stand still start again; certificates are as if they had not."""

from __future__ import annotations

import json
import re
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from test_certificates import certificates, check, verify
from test_write import LONG, NEGATIVE

import data
from harness import Job, Outcome, Sandbox
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.language import Limit
from oracle.steps import Downsample, Filter
from oracle.tensors import Tensor

FAULTY = str(Path(__file__).parent / "scripts" / "faulty.py")
BATCH, WORLD, EVERY, EPOCHS = 16, 2, 4, 2


def table(sandbox: Sandbox, **options: Any) -> Dataset:
    root = sandbox.folder / "t"
    rows = options.pop("rows", 300)
    files = data.write_impressions(root, files=3, rows=rows, row_group=90)
    steps = options.pop("steps", [Filter(*LONG), Downsample(0.5, ["user_id"], NEGATIVE, "w")])
    tensors = {"label": Tensor("label")}
    shuffle = Shuffle(row_groups=2)
    return Dataset(
        "t", root, files, tensors, steps, batch=BATCH, shuffle=shuffle, keys=["uid"], **options
    )


def fault(how: str, *, attempt: int = 1, epoch: int = 0, step: int = 5, **more: Any) -> Any:
    return {"how": how, "attempt": attempt, "epoch": epoch, "step": step, "rank": 1} | more


def start(
    sandbox: Sandbox,
    dataset: Dataset,
    faults: list[Any],
    *,
    every: int = EVERY,
    epochs: int = EPOCHS,
    **train: Any,
) -> Job:
    arguments = [str(epochs), str(every), json.dumps(faults)]
    training = {"script": FAULTY, "args": arguments, "ranks": WORLD} | train
    return sandbox.start_run(sandbox.experiment(dataset, train=training))


def run(sandbox: Sandbox, dataset: Dataset, faults: list[Any], **options: Any) -> Outcome:
    return start(sandbox, dataset, faults, **options).wait()


def events(done: Outcome, name: str) -> list[dict[str, Any]]:
    assert done.record is not None
    lines = (done.record / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == name]


def taken(sandbox: Sandbox) -> list[dict[str, Any]]:
    """What the ranks took, in the order of attempts and steps."""
    lines = []
    for rank in range(WORLD):
        for line in (sandbox.folder / f"taken-{rank}.jsonl").read_text().splitlines():
            lines.append(json.loads(line) | {"rank": rank})
    return sorted(lines, key=lambda at: (at["attempt"], at["epoch"], at["step"], at["rank"]))


def check_history(sandbox: Sandbox, dataset: Dataset, done: Outcome, epochs: int = EPOCHS) -> None:
    """What counts of what the ranks took is the sequence, and the certificates say so."""
    lines = taken(sandbox)
    found = certificates(done)
    assert sorted(found) == [f"train-{epoch}" for epoch in range(epochs)]
    for epoch in range(epochs):
        sequence = dataset.sequence(epoch=epoch)
        of_epoch = [line for line in lines if line["epoch"] == epoch]
        last = {(line["step"], line["rank"]): line["uids"] for line in of_epoch}
        uids = [uid for step in sorted(last) for uid in last[step]]
        assert uids == sequence.rows.column("uid").to_pylist()
        certificate = found[f"train-{epoch}"]
        check(certificate, sequence)
        assert certificate["from_row"] == 0
        assert certificate["replayed"] == replayed(lines, epoch, len(sequence.rows))


def replayed(lines: list[dict[str, Any]], epoch: int, rows: int) -> list[dict[str, int]]:
    """Rows of an epoch that were taken before an attempt which began at an earlier one."""
    replays = []
    attempts = sorted({line["attempt"] for line in lines})
    at = (0, 0)  # the row behind the last that counts
    for attempt in attempts:
        mine = [line for line in lines if line["attempt"] == attempt]
        first, last = mine[0], mine[-1]
        begun = (first["epoch"], first["step"] * BATCH * WORLD)
        assert begun <= at
        if begun[0] <= epoch <= at[0]:
            begin = begun[1] if begun[0] == epoch else 0
            end = at[1] if at[0] == epoch else rows
            if begin < end:
                replays.append({"from_row": begin, "to_row": end})
        at = (last["epoch"], (last["step"] + 1) * BATCH * WORLD)
        if at[0] == epoch:
            at = (epoch, min(at[1], rows))
    return replays


FAILS = {
    "exit": "exited with code 3",
    "raise": "exited with code 1",
    "kill": "was ended by signal 9 (SIGKILL)",
    "kill supervisor": "was ended by signal 9 (SIGKILL)",
}


@pytest.mark.parametrize("how", FAILS)
def test_ranks_that_fail_go_on_from_their_checkpoint(sandbox: Sandbox, how: str) -> None:
    dataset = table(sandbox)
    faults = [fault(how), fault(how, attempt=2, epoch=1, step=6, rank=0)]
    done = run(sandbox, dataset, faults, restarts=2).expect(0)
    check_history(sandbox, dataset, done)
    assert done.summary["restarts"] == 2
    assert done.summary["exit"] == {"code": 0, "kind": "ok", "message": None}
    assert "restarts 2" in done.out.splitlines()
    assert done.record is not None
    failed = events(done, "rank_failed")
    assert [event["attempt"] for event in failed] == [1, 2]
    assert failed[0]["message"].startswith(f"Rank 1 {FAILS[how]}")
    assert failed[1]["message"].startswith(f"Rank 0 {FAILS[how]}")
    restarted = events(done, "restarted")
    assert [event["attempt"] for event in restarted] == [2, 3]
    assert all(0 < event["seconds"] < 10 for event in restarted)
    for rank in range(WORLD):
        log = (done.record / "logs" / f"rank-{rank}.log").read_text()
        assert log.count("lastmile: attempt ") == 2
        assert "lastmile: attempt 3 begins\n" in log
    if how == "raise":
        assert (done.record / "logs" / "rank-1.log").read_text().count("ValueError: no good") == 1
    assert not sandbox.leftovers()
    verify(sandbox, done).expect(0)


@pytest.mark.parametrize("how", FAILS)
def test_without_restarts_they_end_the_run(sandbox: Sandbox, how: str) -> None:
    done = run(sandbox, table(sandbox), [fault(how)]).expect(4)
    (line,) = done.errors
    assert line.startswith(f"error: Rank 1 {FAILS[how]} (its output: ")
    assert done.summary["restarts"] == 0
    assert not (done.record or Path()).joinpath("certificates").exists()


def test_when_all_restarts_were_in_vain_the_message_says_so(sandbox: Sandbox) -> None:
    faults = [fault("exit", attempt=attempt) for attempt in (1, 2, 3)]
    done = run(sandbox, table(sandbox), faults, restarts=2).expect(4)
    (line,) = done.errors
    assert line.startswith("error: Rank 1 exited with code 3 (its output: ")
    assert line.endswith("; the ranks had been restarted 2 times (train.restarts)")
    assert done.summary["restarts"] == 2
    assert [rank["exit_code"] for rank in done.summary["ranks"]] == [143, 3]
    assert not sandbox.leftovers()


@pytest.mark.parametrize("case", ["uneven", "pad", "drop", "limit"])
def test_without_a_checkpoint_all_is_replayed(sandbox: Sandbox, case: str) -> None:
    if case == "limit":
        dataset = table(sandbox, steps=[Filter(*LONG), Limit(333)])
    else:
        dataset = table(sandbox, last_step=case)
    done = run(sandbox, dataset, [fault("exit", epoch=1, step=3)], every=0, restarts=1).expect(0)
    if case == "drop":  # what the last step drops is not in the oracle's sequence
        found = certificates(done)
        whole = {line["step"]: 0 for line in taken(sandbox) if line["epoch"] == 0}
        rows = len(whole) * BATCH * WORLD
        assert found["train-0"]["rows_delivered"] == rows
        assert found["train-0"]["replayed"] == [{"from_row": 0, "to_row": rows}]
        verify(sandbox, done).expect(0)
        return
    check_history(sandbox, dataset, done)
    assert certificates(done)["train-1"]["replayed"] == [
        {"from_row": 0, "to_row": 4 * BATCH * WORLD}
    ]


STALLS = {
    "hang in Python": "hang_in_python",
    "hang in C": "hang_in_c",
    "stop": None,
    "stop supervisor": None,
}


@pytest.mark.parametrize("how", STALLS)
def test_a_rank_that_stands_still_is_restarted(sandbox: Sandbox, how: str) -> None:
    dataset = table(sandbox)
    faults = [fault(how, others="go on")]
    done = run(sandbox, dataset, faults, restarts=1, stall_timeout="2s").expect(0)
    check_history(sandbox, dataset, done)
    assert done.record is not None
    (failed,) = events(done, "rank_failed")
    log = done.record / "logs" / "rank-1.log"
    said = f"its stacks are in {log}" if STALLS[how] else "rank 1 gave no stacks"
    assert failed["message"] == (f"Rank 1 has made no step for 2 s (train.stall_timeout); {said}")
    text = log.read_text()
    assert ("Fatal Python error: Aborted" in text) == (STALLS[how] is not None)
    assert f"in {STALLS[how]}\n" in text or STALLS[how] is None
    assert "Fatal Python error" not in (done.record / "logs" / "rank-0.log").read_text()
    assert not sandbox.leftovers()


def test_ranks_that_wait_for_each_other_all_show_their_stacks(sandbox: Sandbox) -> None:
    done = run(sandbox, table(sandbox), [fault("hang in Python")], stall_timeout="2s").expect(4)
    assert done.record is not None
    logs = [done.record / "logs" / f"rank-{rank}.log" for rank in range(WORLD)]
    (line,) = done.errors
    assert line == (
        "error: Ranks 0 and 1 have made no step for 2 s (train.stall_timeout); "
        f"their stacks are in {logs[0]}, {logs[1]}"
    )
    assert all("in hang_in_python\n" in log.read_text() for log in logs)


@pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=1)], ids=["none", "some"])
def test_finished_splits_stay_while_ranks_restart(sandbox: Sandbox, shuffle: Any) -> None:
    """Run again is only what ranks had been sent behind their checkpoint."""
    splits, rows, step, slots = 30, 60, 5, 6  # slots: those of a rank by default
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=3, rows=splits * rows // 3, row_group=rows)
    tensors = {"label": Tensor("label")}
    dataset = Dataset("t", root, files, tensors, batch=BATCH, shuffle=shuffle, keys=["uid"])
    sandbox.environment["LASTMILE_FAULTS"] = "tell=1"
    faults = [fault("hang in Python", step=step)]
    train = {"restarts": 1, "stall_timeout": "2s"}
    done = run(sandbox, dataset, faults, epochs=1, **train).expect(0)
    check_history(sandbox, dataset, done, epochs=1)
    told = re.findall(r"^run of split (\d+) of epoch 0$", done.err, re.MULTILINE)
    runs = Counter(map(int, told))
    assert set(runs) == set(range(splits))
    kept = EVERY * BATCH * WORLD // rows
    waits = (step + slots) * BATCH * WORLD // rows
    again = {split for split, times in runs.items() if times > 1}
    assert again and again <= set(range(kept, waits + 1)), runs


def test_without_a_timeout_a_rank_may_stand_still(sandbox: Sandbox) -> None:
    job = start(sandbox, table(sandbox), [fault("hang in Python")], restarts=1)
    at_fault(sandbox, job)
    time.sleep(4)
    assert job.process.poll() is None
    job.signal(signal.SIGINT)
    assert job.wait().expect(130).summary["restarts"] == 0


SLOW = """
import os, time
import lastmile
time.sleep(0.5)
feed = lastmile.feed("train", arrays="numpy")
for batch in feed:
    if batch.step % 8 == 3 and os.environ["RANK"] == "0":
        time.sleep(1)
time.sleep(1)
"""


def test_ranks_that_are_slow_or_wait_for_each_other_do_not_stand_still(sandbox: Sandbox) -> None:
    script = sandbox.write("slow.py", SLOW)
    train = {"script": script.name, "ranks": 2, "stall_timeout": 1.9}
    sandbox.run(sandbox.experiment(table(sandbox), train=train)).expect(0)


def at_fault(sandbox: Sandbox, job: Job, attempt: int = 1) -> None:
    deadline = time.monotonic() + 60
    while len(list(sandbox.folder.glob(f"at-fault-{attempt}-*"))) < WORLD:
        assert job.process.poll() is None, job.process.communicate()
        assert time.monotonic() < deadline, "the ranks do not get to their fault"
        time.sleep(0.01)


@pytest.mark.parametrize("moment", ["rank_failed", "rank_ended", "restarted", "rank_started"])
def test_ctrl_c_while_they_restart_ends_the_run(sandbox: Sandbox, moment: str) -> None:
    faults = [fault("exit", attempt=attempt, step=1) for attempt in range(1, 100)]
    job = start(sandbox, table(sandbox), faults, restarts=99)
    at_event(sandbox, job, moment, 3 if moment == "rank_started" else 1)
    job.signal(signal.SIGINT)
    done = job.wait(15).expect(130)
    assert done.summary["exit"]["kind"] == "cancelled"
    sandbox.gone_after(6)
    assert not sandbox.leftovers()


def at_event(sandbox: Sandbox, job: Job, name: str, times: int) -> None:
    """Wait until the record has so many events of a name."""
    path = sandbox.runs / "trial-1" / "events.jsonl"
    deadline = time.monotonic() + 60
    while not path.exists() or path.read_text().count(f'"event":"{name}"') < times:
        assert job.process.poll() is None, job.process.communicate()
        assert time.monotonic() < deadline, f"no event {name}"
        time.sleep(0.002)


def test_bad_data_is_not_tried_again(sandbox: Sandbox) -> None:
    dataset = table(sandbox, steps=[])
    data.damage(sandbox.folder / "t" / "part-002.parquet", 2, "label")
    done = run(sandbox, dataset, [], restarts=3).expect(3)
    assert done.summary["restarts"] == 0
    assert not events(done, "restarted")


def test_a_feed_closed_too_early_is_not_tried_again(sandbox: Sandbox) -> None:
    script = sandbox.write(
        "script.py",
        "import lastmile, os\nfeed = lastmile.feed('train', arrays='numpy')\n"
        "for batch in feed:\n"
        "    if batch.step == 3 and os.environ['RANK'] == '1':\n        break\n",
    )
    train = {"script": script.name, "ranks": 2, "restarts": 3}
    done = sandbox.run(sandbox.experiment(table(sandbox), train=train)).expect(4)
    (line,) = done.errors
    assert line.startswith('error: Rank 1 closed feed "train"')
    assert done.summary["restarts"] == 0


MISTAKEN = """
import lastmile, os, time
feed = lastmile.feed('train', arrays='numpy')
next(iter(feed))
state = feed.state_dict()
state['feeds']['train']['fingerprint'] = '1-2-3-4-5'
try:
    {mistake}
except lastmile.LastmileError:
    if {raises}:
        raise
for batch in feed:
    open("stepped-" + os.environ["RANK"], "w").close()
    if batch.step == 3 and os.environ['LASTMILE_ATTEMPT'] == '1':
        while not all(os.path.exists(f"stepped-{{rank}}") for rank in range(2)):
            time.sleep(0.01)
        time.sleep(0.2)  # for the driver to hear of the step
        os._exit(7)
"""
MISTAKES = {
    "feed.load_state_dict(state); next(iter(feed))": "Invalid position: it was saved with plan 1-2",
    "lastmile.feed('trian')": 'Unknown dataset "trian"',
}


def mistaken(sandbox: Sandbox, mistake: str, raises: bool) -> Outcome:
    script = sandbox.write("script.py", MISTAKEN.format(mistake=mistake, raises=raises))
    train = {"script": script.name, "ranks": 2, "restarts": 3}
    return sandbox.run(sandbox.experiment(table(sandbox), train=train))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_script_is_not_tried_again(sandbox: Sandbox, mistake: str) -> None:
    done = mistaken(sandbox, mistake, raises=True).expect(4)
    (line,) = done.errors
    assert " exited with code 1 (its output: " in line
    assert f"; not restarted, since that would not help: {MISTAKES[mistake]}" in line
    assert done.summary["restarts"] == 0


def test_a_script_that_goes_on_after_its_mistake_is_restarted(sandbox: Sandbox) -> None:
    done = mistaken(sandbox, "lastmile.feed('trian')", raises=False).expect(0)
    assert done.summary["restarts"] == 1


TORCH = """
import os
import lastmile, torch
rank = int(os.environ["RANK"])
model = torch.nn.Linear(1, 1)
checkpoints = lastmile.checkpoint(os.environ["LASTMILE_RUN"] + "/checkpoints")
feed = lastmile.feed("train")
step = checkpoints.load(feed=feed, model=model) or 0
print("from step", step, flush=True)
for batch in feed:
    step += 1
    with torch.no_grad():
        model.weight.fill_(step)
    if step % 3 == 0:
        checkpoints.save(step, feed=feed, model=model)
    if step == 8 and os.environ["LASTMILE_ATTEMPT"] == "1":
        os._exit(7)
assert model.weight.item() == step
"""


def test_with_checkpoints_of_a_model(sandbox: Sandbox) -> None:
    dataset = table(sandbox)
    script = sandbox.write("script.py", TORCH)
    train = {"script": script.name, "ranks": 2, "restarts": 1}
    done = sandbox.run(sandbox.experiment(dataset, train=train)).expect(0)
    certificate = certificates(done)["train-0"]
    check(certificate, dataset.sequence())
    assert certificate["begun_row"] == 6 * BATCH * WORLD
    (replay,) = certificate["replayed"]
    assert replay == {"from_row": 6 * BATCH * WORLD, "to_row": 8 * BATCH * WORLD}
    assert done.record is not None
    assert "from step 6" in (done.record / "logs" / "rank-1.log").read_text()
