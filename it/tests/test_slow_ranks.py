"""A rank that is slow: the others wait within the agreed bound, and nothing piles up meanwhile."""

from __future__ import annotations

import time
from dataclasses import replace

from test_memory import MIB, generated

from harness import Sandbox, pss

PREFETCH = 3

STANDS_STILL = """
import json, os, time
from pathlib import Path
import lastmile
feed = lastmile.feed("train", arrays="numpy")
rank, go = os.environ["RANK"], Path("go")
for batch in feed:
    Path(f"step-{rank}.new").write_text(str(batch.step))
    os.replace(f"step-{rank}.new", f"step-{rank}")
    while rank == "1" and batch.step == 5 and not go.exists():
        time.sleep(0.01)
"""


def step(sandbox: Sandbox, rank: int) -> int:
    path = sandbox.folder / f"step-{rank}"
    return int(path.read_text()) if path.exists() else -1


def test_the_others_wait_for_a_rank_that_stands_still(sandbox: Sandbox) -> None:
    log = generated(sandbox, 400_000)
    dataset = replace(log, batch=1024, extra={"prefetch": PREFETCH})
    sandbox.write("train.py", STANDS_STILL)
    train = {"script": "train.py", "ranks": 3}
    job = sandbox.start_run(sandbox.experiment(dataset, train=train))
    deadline = time.monotonic() + 60
    while step(sandbox, 1) < 5:
        assert time.monotonic() < deadline and job.process.poll() is None
        time.sleep(0.02)
    time.sleep(2)  # for the others to go as far as they can, and for a budget to fill
    ahead = [step(sandbox, rank) - 5 for rank in (0, 2)]
    first = pss(sandbox.processes())
    time.sleep(4)
    assert [step(sandbox, rank) - 5 for rank in (0, 2)] == ahead
    later = pss(sandbox.processes())
    assert later <= 1.02 * first + 4 * MIB
    # A rank takes a step at once when it has it; those who wait have one in hand beside the bound.
    assert all(PREFETCH <= steps <= PREFETCH + 1 for steps in ahead), ahead
    (sandbox.folder / "go").touch()
    done = job.wait().expect(0)
    (epoch,) = done.summary["datasets"]["train"]["epochs"]
    assert epoch["rows_delivered"] == len(dataset.sequence().rows)
    assert len({rank["steps"] for rank in done.summary["ranks"]}) == 1
