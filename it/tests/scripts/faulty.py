"""A rank that fails as told, and goes on from its checkpoint. Arguments: EPOCHS EVERY FAULTS.

It saves the position all EVERY steps (0: never) into the run record, writes the rows of each batch
to taken-RANK.jsonl, and causes the faults of FAULTS, a list in JSON: each of an attempt, a rank, an
epoch and a step, after which that rank does something (see HOW) and the others wait.
"""

import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path

import lastmile

RANK, WORLD = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
ATTEMPT = int(os.environ["LASTMILE_ATTEMPT"])
EPOCHS, EVERY, FAULTS = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
SAVED = Path(os.environ["LASTMILE_RUN"]) / "saved.json"


def hang_in_python() -> None:
    while True:
        time.sleep(60)


def hang_in_c() -> None:
    ctypes.PyDLL(None).pause()  # keeps the interpreter to itself


def fail() -> None:
    raise ValueError("no good")


HOW = {
    "exit": lambda: sys.exit(3),
    "raise": fail,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "kill supervisor": lambda: os.kill(os.getppid(), signal.SIGKILL) or hang_in_python(),
    "hang in Python": hang_in_python,
    "hang in C": hang_in_c,
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "stop supervisor": lambda: os.kill(os.getppid(), signal.SIGSTOP) or hang_in_python(),
    "go on": lambda: None,
}


def cause(fault, batch) -> None:
    if [ATTEMPT, batch.epoch, batch.step] == [fault["attempt"], fault["epoch"], fault["step"]]:
        Path(f"at-fault-{ATTEMPT}-{RANK}").touch()
        HOW[fault["how"] if fault["rank"] == RANK else fault.get("others", "hang in Python")]()


def save(state, batch) -> None:
    """Save once the other ranks have the step too, as those that train together have; else not."""
    deadline = time.monotonic() + 1
    step = f'"attempt": {ATTEMPT}, "epoch": {batch.epoch}, "step": {batch.step},'
    others = [Path(f"taken-{rank}.jsonl") for rank in range(1, WORLD)]
    while not all(other.exists() and step in other.read_text() for other in others):
        if time.monotonic() > deadline:
            return
        time.sleep(0.005)
    fresh = SAVED.with_suffix(".new")
    fresh.write_text(json.dumps(state))
    fresh.replace(SAVED)


state = json.loads(SAVED.read_text()) if SAVED.exists() else None
feed = lastmile.feed("train", arrays="numpy", state=state)
while feed.epoch < EPOCHS:
    for batch in feed:
        uids = batch.keys["uid"][batch.mask].tolist()
        with Path(f"taken-{RANK}.jsonl").open("a") as taken:
            line = {"attempt": ATTEMPT, "epoch": batch.epoch, "step": batch.step, "uids": uids}
            taken.write(json.dumps(line) + "\n")
        if RANK == 0 and EVERY and (batch.step + 1) % EVERY == 0:
            save(feed.state_dict(), batch)
        for fault in FAULTS:
            cause(fault, batch)
