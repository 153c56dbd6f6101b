"""What it costs to go on from a position: the same at the begin of an epoch and near its end."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LIMIT = 1.2  # of the medians of seconds, and of bytes read, to those at the start of the epoch
FILES, ROW_GROUPS, ROWS, BATCH = 55, 100, 1024, 1024  # each row group is a split, and a batch
POINTS = (0.0, 0.01, 0.5, 0.99)
SCRIPT = Path(__file__).resolve().parent / "scripts" / "go_on.py"

EXPERIMENT = """\
name: resume
seed: 42
datasets:
  train:
    source: { parquet: log }
    steps:
      - downsample: { where: "label = 0", keep: 0.5, by: user_id }
    tensors: { user: { columns: user_id }, dense: { columns: "dense_*" }, label: { columns: label } }
    batch: 1024
    shuffle: { row_groups: 1 }
"""


def resume(folder: Path, runs: int) -> dict[str, Any]:
    """Go on at several points of an epoch in turn: seconds to the first batch, and bytes read until then."""
    splits = FILES * ROW_GROUPS
    started = time.monotonic()
    table = write(folder)
    states = positions(folder, splits)
    took = time.monotonic() - started
    print(f"generated {splits:,} splits, {table / 1e6:.0f} MB, and went through them in {took:.0f} s")
    measured: dict[float, list[tuple[float, int]]] = {point: [] for point in POINTS}
    for _ in range(runs):
        for point, results in measured.items():
            results.append(one(folder, states[point]))
    result: dict[str, Any] = {"limit": LIMIT, "runs": runs, "splits": splits, "table_bytes": table, "points": []}
    base_s, base_bytes = 0.0, 0.0
    for point, results in measured.items():
        seconds = [run[0] for run in results]
        median, read = statistics.median(seconds), statistics.median(run[1] for run in results)
        base_s, base_bytes = base_s or median, base_bytes or read
        ratios = median / base_s, read / base_bytes
        result["points"].append(
            {
                "at": point,
                "first_batch_s": round(median, 3),
                "seconds": [round(second, 3) for second in seconds],
                "read_bytes": round(read),
                "ratio_s": round(ratios[0], 3),
                "ratio_bytes": round(ratios[1], 3),
            }
        )
        print(
            f"resume at {point:.0%} of {splits:,} splits: first batch after {median:.2f} s ({min(seconds):.2f} to "
            f"{max(seconds):.2f}), {ratios[0]:.2f} of the start of the epoch; the engine read {read / 1e6:.1f} MB, "
            f"{ratios[1]:.2f} of it (limits {LIMIT})"
        )
    worst = max(max(point["ratio_s"], point["ratio_bytes"]) for point in result["points"])
    result["ok"] = worst <= LIMIT
    return result


def write(folder: Path) -> int:
    """Write the table and the experiment, and return the bytes of the table."""
    random = np.random.default_rng(1)
    (folder / "log").mkdir()
    (folder / "resume.yaml").write_text(EXPERIMENT)
    total = 0
    for file in range(FILES):
        count = ROW_GROUPS * ROWS
        log = pa.table(
            {"user_id": random.integers(0, 100_000, count), "label": (random.random(count) < 0.1).astype(np.int8)}
            | {f"dense_{i}": random.normal(size=count).astype(np.float32) for i in range(20)}
        )
        path = folder / "log" / f"part-{file:03}.parquet"
        pq.write_table(log, path, row_group_size=ROWS, compression="zstd")
        total += path.stat().st_size
    return total


def positions(folder: Path, splits: int) -> dict[float, Path | None]:
    """Take the whole epoch once, and return the state at each point; None at its start."""
    states = folder / "states"
    states.mkdir()
    run(folder, "-", "save", str(states), str(max(1, splits // 1000)))
    saved = sorted(states.iterdir(), key=lambda path: int(path.stem))
    split = {path: json.loads(path.read_text())["feeds"]["train"]["split"] for path in saved}
    return {
        point: min(saved, key=lambda path: abs(split[path] - point * splits)) if point else None for point in POINTS
    }


def one(folder: Path, state: Path | None) -> tuple[float, int]:
    """Return seconds from the start of a process to its first batch, and the bytes that its engine read."""
    seconds, read, _ = run(folder, "-" if state is None else str(state)).split()
    return float(seconds), int(read)


def run(folder: Path, state: str, *save: str) -> str:
    command = [sys.executable, str(SCRIPT), str(folder / "resume.yaml"), state, repr(time.time()), *save]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
