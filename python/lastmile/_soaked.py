"""The training script of the soak: it notes which rows it got, keeps its position, and is slow now and then.

Each rank appends to ``log/ATTEMPT-RANK.jsonl`` a line of where it began, then one of each step: the position behind it
and the rows. Rank 0 keeps the position once all ranks have noted the step, as a collective would have it.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import lastmile


def main() -> None:
    """Run as one rank. Arguments: the work folder, the epochs, the seed of its chances, its share of slow steps."""
    work, epochs, seed, slow = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    attempt = f"{Path(os.environ['LASTMILE_RUN']).name}.{os.environ['LASTMILE_ATTEMPT']}"
    chance = random.Random(f"{seed} {attempt} {rank}")
    kept = work / "position.json"
    state = json.loads(kept.read_text()) if kept.exists() else None
    feed = lastmile.feed("train", state=state, arrays="numpy")
    at = _place(state)
    with (work / "log" / f"{attempt}-{rank}.jsonl").open("w") as log:
        _say(log, {"began": at, "time": time.time()})
        while at[0] < epochs:
            for batch in feed:
                after = feed.state_dict()
                at = _place(after)
                _say(log, {"at": at, "rows": _rows(batch)})
                (work / f"step-{rank}").write_text(f"{attempt} {json.dumps(at)}")
                if chance.random() < slow:
                    time.sleep(chance.random() * 0.2)
                time.sleep(0.002)
                if rank == 0 and batch.step % 3 == 0:
                    _await(work, world, attempt, at)
                    _keep(kept, after)
            at = _place(feed.state_dict())
    feed.close()


def _place(state: dict[str, Any] | None) -> list[int]:
    position = None if state is None else state["feeds"]["train"]
    return [0, 0] if position is None else [position["epoch"], position["rows"]]


def _rows(batch: lastmile.Batch) -> list[str]:
    """Return what tells the rows of a batch apart: their key, and a sum over their values."""
    dense = batch["dense"].sum(axis=1, dtype="float64")
    rows = zip(batch.keys["row"].tolist(), dense.tolist(), batch.mask.tolist(), strict=True)
    return [f"{row} {value!r}" for row, value, there in rows if there]


def _say(log: Any, line: dict[str, Any]) -> None:
    log.write(json.dumps(line) + "\n")
    log.flush()


def _await(work: Path, world: int, attempt: str, at: list[int]) -> None:
    for rank in range(world):
        step = work / f"step-{rank}"
        while not step.exists() or not _reached(step.read_text(), attempt, at):
            time.sleep(0.001)


def _reached(step: str, attempt: str, at: list[int]) -> bool:
    """Return whether a rank of this attempt has noted a step; what it writes is read whole or not at all."""
    whose, _, place = step.partition(" ")
    try:
        return whose == attempt and json.loads(place) >= at
    except ValueError:
        return False


def _keep(kept: Path, state: dict[str, Any]) -> None:
    fresh = kept.with_suffix(".new")
    fresh.write_text(json.dumps(state))
    fresh.replace(kept)


if __name__ == "__main__":
    main()
