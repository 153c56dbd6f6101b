"""What befalls workers: splits that fail, hang, or hold up the others. The rows stay the same."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_write import two_logs

import data
from harness import Outcome, Sandbox, check_ranks, load_ranks, order, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.language import Limit
from oracle.steps import Filter
from oracle.tensors import Tensor

COLLECT = str(Path(__file__).parent / "scripts" / "collect.py")
SPLITS = 12
STEPS = [
    Filter("uid % 7 <> 3", lambda t: t["uid"].to_numpy() % 7 != 3),
]


def table(sandbox: Sandbox, shuffle: Shuffle | str = NONE, **options: Any) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=3, rows=400, row_group=100)
    tensors = {"uid": Tensor("uid"), "seq": Tensor("seq", fill=0)}
    given = {"batch": 16, "shuffle": shuffle, "steps": STEPS} | options
    return Dataset("t", root, files, tensors, **given)


def run(
    sandbox: Sandbox,
    datasets: Any,
    faults: str = "",
    *,
    workers: int = 2,
    memory: str = "512MiB",
    timeout: str = "10m",
    world: int = 2,
) -> Outcome:
    train = {"script": COLLECT, "ranks": world, "args": ["1"]}
    path = sandbox.experiment(datasets, train=train, workers=workers, memory=memory)
    experiment = json.loads(path.read_text())
    experiment["cluster"]["workers"]["split_timeout"] = timeout
    path.write_text(json.dumps(experiment))
    sandbox.environment["LASTMILE_FAULTS"] = faults
    return sandbox.run(path)


def digest(done: Outcome) -> tuple[str, int]:
    assert done.record is not None
    found = json.loads((done.record / "certificates" / "train-0.json").read_text())
    return found["digest"], found["rows_delivered"]


def check(sandbox: Sandbox, done: Outcome, dataset: Dataset) -> None:
    done.expect(0)
    assert "warning: LASTMILE_FAULTS is set, for tests only" in done.err
    check_ranks(load_ranks(sandbox.folder, 2), dataset)
    sequence = dataset.sequence()
    assert digest(done) == (sequence.digests[-1], len(sequence.rows))


SHUFFLES = pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=2)], ids=["none", "some"])


@SHUFFLES
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("runs", [1, 2])
def test_splits_that_fail_are_run_again(
    sandbox: Sandbox, shuffle: Shuffle, workers: int, runs: int
) -> None:
    dataset = table(sandbox, shuffle)
    check(sandbox, run(sandbox, dataset, f"fail=1,runs={runs}", workers=workers), dataset)


@pytest.mark.parametrize("fault", ["fail=1", "hang=1"])
def test_without_another_run_the_job_fails(sandbox: Sandbox, fault: str) -> None:
    """The other half: where a split may be run once only, the first fault is the end."""
    faults = f"{fault},runs=1,split=2,failures=1"
    done = run(sandbox, table(sandbox), faults, workers=1, timeout="1s")
    assert done.code == (1 if fault == "fail=1" else 5)
    (error,) = done.errors
    assert error.startswith('error: Split 2 of dataset "train" failed once (')


@SHUFFLES
def test_the_third_failure_of_a_split_ends_the_job(sandbox: Sandbox, shuffle: Shuffle) -> None:
    done = run(sandbox, table(sandbox, shuffle), "fail=1,runs=3,split=1").expect(1)
    (error,) = done.errors
    groups = "row group 1)" if shuffle == NONE else "row group "
    assert error.startswith('error: Split 1 of dataset "train" failed 3 times (')
    assert groups in error
    assert str(sandbox.folder / "t") in error
    assert error.endswith(": java.lang.IllegalStateException: a fault that LASTMILE_FAULTS says")
    assert done.summary["exit"]["kind"] == "internal"


@SHUFFLES
def test_runs_that_never_return_are_given_up(sandbox: Sandbox, shuffle: Shuffle) -> None:
    dataset = table(sandbox, shuffle)
    check(sandbox, run(sandbox, dataset, "hang=1,runs=1,split=2", timeout="1s"), dataset)


def test_the_only_worker_may_hang(sandbox: Sandbox) -> None:
    dataset = table(sandbox)
    done = run(sandbox, dataset, "hang=1,runs=2,split=0", timeout="500ms", workers=1)
    check(sandbox, done, dataset)


def test_a_split_that_hangs_three_times_ends_the_job(sandbox: Sandbox) -> None:
    done = run(sandbox, table(sandbox), "hang=1,runs=3,split=3", timeout="500ms").expect(5)
    (error,) = done.errors
    assert error.startswith('error: Split 3 of dataset "train" failed 3 times (')
    assert error.endswith("it took longer than cluster.workers.split_timeout: 0.5 s")
    assert done.summary["exit"]["kind"] == "resources"
    sandbox.gone_after(5)


def test_a_run_that_hangs_keeps_nobody_from_the_end(sandbox: Sandbox) -> None:
    """The ranks leave in the middle of the epoch; the thread that hangs never returns."""
    dataset = table(sandbox)
    sandbox.environment["LASTMILE_FAULTS"] = "hang=1,runs=1,split=5"
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        got = ranks(server.address, 1, each=lambda feed: [next(iter(feed)).clone()])
        assert got[0][0].rows == 16
        got = ranks(server.address, 1, each=lambda feed: [next(iter(feed)).clone()])
        assert got[0][0].rows == 16


@SHUFFLES
def test_a_slow_split_is_run_a_second_time(sandbox: Sandbox, shuffle: Shuffle) -> None:
    """Its first run would hold the others up for far longer than the test may take."""
    dataset = table(sandbox, shuffle)
    begun = time.monotonic()
    slow = "slow=1:600000ms,runs=1,split=4"
    check(sandbox, run(sandbox, dataset, slow, workers=3), dataset)
    assert time.monotonic() - begun < 60


def test_without_another_run_a_slow_split_holds_all_up(sandbox: Sandbox) -> None:
    """The other half: nobody is there to run it a second time."""
    dataset = table(sandbox)
    begun = time.monotonic()
    done = run(sandbox, dataset, "slow=1:6000ms,runs=1,split=4", workers=1)
    check(sandbox, done, dataset)
    assert time.monotonic() - begun > 6


def test_a_limit_counts_the_rows_of_one_run(sandbox: Sandbox) -> None:
    dataset = table(sandbox, steps=[*STEPS, Limit(333)])
    done = run(sandbox, dataset, "seed=3,fail=0.5", workers=3)
    check(sandbox, done, dataset)


def test_splits_of_a_mix_are_run_again(sandbox: Sandbox) -> None:
    mix = two_logs(sandbox, "repeat", [], [])
    written: dict[str, Any] = {name: dataset for name, (dataset, _) in mix.datasets.items()}
    wanted = order(collected(sandbox, written | {"train": mix}, ""))
    faults = "seed=5,fail=0.4,hang=0.1,slow=0.1:50ms"
    assert order(collected(sandbox, written | {"train": mix}, faults)) == wanted


def collected(sandbox: Sandbox, datasets: Any, faults: str) -> Any:
    run(sandbox, datasets, faults, workers=3, timeout="3s").expect(0)
    return load_ranks(sandbox.folder, 2)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_at_once(sandbox: Sandbox, seed: int) -> None:
    dataset = table(sandbox, Shuffle(row_groups=1) if seed % 2 else NONE)
    faults = f"seed={seed},fail=0.3,hang=0.1,slow=0.3:100ms"
    check(sandbox, run(sandbox, dataset, faults, workers=3, timeout="3s"), dataset)


@SHUFFLES
def test_going_back_among_faults(sandbox: Sandbox, shuffle: Shuffle) -> None:
    """Ranks that load an earlier state go on there, with the splits that are finished already."""
    dataset = table(sandbox, shuffle, keys=["uid"])
    sandbox.environment["LASTMILE_FAULTS"] = "seed=9,fail=0.3,slow=0.2:50ms"
    wanted = dataset.sequence().rows.column("uid").to_pylist()

    def back_and_forth(feed: Any) -> list[Any]:
        states: list[tuple[int, Any]] = [(0, feed.state_dict())]
        for leave in (9, 3, 14, 7, 0):
            at, state = states[min(leave, len(states) - 1)]
            feed.load_state_dict(state)
            for batch in feed:
                uids = batch.keys["uid"][batch.mask].tolist()
                assert uids == wanted[at : at + len(uids)]
                at += len(uids)
                states.append((at, feed.state_dict()))
                if len(states) % 11 == 0:
                    break
        return []

    with sandbox.serve(sandbox.experiment(dataset)) as server:
        ranks(server.address, 1, each=back_and_forth)


def test_out_of_memory_is_tried_again_and_then_ends_the_job(sandbox: Sandbox) -> None:
    dataset = table(sandbox)
    wide = "CASE uid WHEN 7 THEN len(list_sort(range(4000000 + uid))) ELSE 1 END > 0"
    hungry = replace(dataset, steps=[Filter(wide, lambda t: t["uid"].to_numpy() >= 0)])
    done = run(sandbox, hungry, workers=1, memory="64MiB").expect(5)
    (error,) = done.errors
    assert error.startswith('error: Split 0 of dataset "train" failed 3 times (')
    assert "the engine's share of the budget is too small: " in error
    assert error.endswith("(raise cluster.workers.memory)")
    assert done.summary["exit"]["kind"] == "resources"


def test_faults_that_nobody_can_read_are_refused(sandbox: Sandbox) -> None:
    done = run(sandbox, table(sandbox), "fail=often").expect(2)
    assert done.errors == [
        'error: Invalid LASTMILE_FAULTS: "fail=often" (must be such as '
        "seed=7,fail=0.05,hang=0.01,slow=0.1:300ms,runs=2,failures=3,split=0,tell=1)"
    ]


TIMEOUT_S = 1.0
KINDS = {
    "fails": ("fail=1,runs=1", 0.0),
    "fails twice": ("fail=1,runs=2", 0.0),
    "never returns": ("hang=1,runs=1", TIMEOUT_S),
    "never returns twice": ("hang=1,runs=2", 2 * TIMEOUT_S),
    "is slow": ("slow=1:600000ms,runs=1", TIMEOUT_S),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_the_time_from_a_fault_to_progress(
    sandbox: Sandbox, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The longest wait for a batch, in each of some epochs in which a run of one split ..."""
    epochs = 3 if "returns" in kind else 10
    dataset = table(sandbox, Shuffle(row_groups=1))
    faults, allowed = KINDS[kind]
    sandbox.environment["LASTMILE_FAULTS"] = f"{faults},split=5"
    path = sandbox.experiment(dataset)
    experiment = json.loads(path.read_text())
    experiment["cluster"]["workers"]["split_timeout"] = TIMEOUT_S
    path.write_text(json.dumps(experiment))
    waits: list[float] = []

    def longest(feed: Any) -> list[Any]:
        for _ in range(epochs):
            before, most = time.monotonic(), 0.0
            for _ in feed:
                now = time.monotonic()
                most = max(most, now - before)
                before = now
            waits.append(most)
        return []

    with sandbox.serve(path) as server:
        ranks(server.address, 1, each=longest, epochs=epochs)
    waits.sort()
    with capsys.disabled():
        middle = waits[epochs // 2]
        print(f"\na split {kind}: median {middle:.2f} s, worst {waits[-1]:.2f} s to progress")
    assert len(waits) == epochs
    assert waits[-1] < allowed + 10
