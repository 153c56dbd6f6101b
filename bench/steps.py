"""What a join with a table of a million rows, and a mix, cost for each split, against the same rows without them."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from drained import drained

FILES, ROW_GROUPS, ROWS = 4, 4, 122_880  # rows of a row group, as many as DuckDB writes: one split
USERS = 1_000_000

EXPERIMENT = """\
name: {name}
seed: 42
cluster: {{ workers: {{ max: 1, memory: 2GiB }} }}
datasets:
  {source}
    tensors: {{ user: {{ columns: user_id }}, dense: {{ columns: "dense_*" }}{more} }}
    batch: 4096
"""
TABLE = """train:
    source: {{ parquet: log }}
    shuffle: {{ row_groups: 1 }}
    steps: [{steps}]"""
MIX = """log: { source: { parquet: log }, shuffle: { row_groups: 1 } }
  same: { source: { parquet: log }, shuffle: { row_groups: 1 } }
  train:
    mix: [{ dataset: log, ratio: 0.5 }, { dataset: same, ratio: 0.5 }]"""
JOIN = "{ parquet: users.parquet, on: user_id, select: [age, score] }"
JOINED = ", age: { columns: age, fill: 0 }, score: { columns: score, fill: 0 }"

VARIANTS = {
    "no join": (TABLE.format(steps=""), ""),
    "anti_join": (TABLE.format(steps="{ anti_join: { parquet: users.parquet, on: user_id } }"), ""),
    "join": (TABLE.format(steps=f"{{ join: {JOIN} }}"), JOINED),
    "mix": (MIX, ""),
}


def write(folder: Path) -> None:
    """Write the log, the users and an experiment of each variant."""
    random = np.random.default_rng(1)
    (folder / "log").mkdir()
    for file in range(FILES):
        count = ROW_GROUPS * ROWS
        dense = {f"dense_{i}": random.normal(size=count).astype(np.float32) for i in range(20)}
        log = pa.table({"user_id": random.integers(0, 2 * USERS, count)} | dense)
        pq.write_table(log, folder / "log" / f"part-{file}.parquet", row_group_size=ROWS, compression="zstd")
    users = {
        "user_id": random.permutation(2 * USERS)[:USERS],
        "age": random.integers(0, 99, USERS).astype(np.int32),
        "score": random.normal(size=USERS).astype(np.float32),
    }
    pq.write_table(pa.table(users), folder / "users.parquet")
    for name, (source, more) in VARIANTS.items():
        text = EXPERIMENT.format(name=name.replace(" ", "-"), source=source, more=more)
        (folder / f"{name}.yaml").write_text(text)


def steps(folder: Path, runs: int) -> dict[str, Any]:
    """Read the log through each variant in turn: seconds to the first batch, and of each split behind it."""
    started = time.monotonic()
    write(folder)
    splits = FILES * ROW_GROUPS
    print(f"generated {splits} splits of {ROWS:,} rows and {USERS:,} users in {time.monotonic() - started:.0f} s")
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS}
    for _ in range(runs):
        for name, results in measured.items():
            results.append(one(folder, name))
    result: dict[str, Any] = {"runs": runs, "splits": splits, "rows_of_split": ROWS, "users": USERS}
    plain = 0.0
    for name, results in measured.items():
        first, ms, cpu = (statistics.median(run[what] for run in results) for what in ("first_s", "split_ms", "cpu_s"))
        plain = plain or ms
        result[name] = {"first_s": round(first, 3), "split_ms": round(ms, 1), "cpu_s": round(cpu, 2)}
        result[name]["ratio"] = round(ms / plain, 3)
        print(
            f"{name}: first batch after {first:.2f} s, then {ms:.0f} ms for each split ({ms / plain:.2f} of no join), "
            f"{cpu:.1f} CPU-s in all"
        )
    result["ok"] = True  # no limit is promised: the figures are shown
    return result


def one(folder: Path, name: str) -> dict[str, float]:
    """Take all batches; seconds to the first, milliseconds of each split behind it, CPU seconds with the engine."""
    run = drained(folder / f"{name}.yaml")
    splits = run.rows / ROWS if name == "mix" else FILES * ROW_GROUPS  # no other variant reads a part of its splits
    return {"first_s": run.first_s, "split_ms": 1000 * (run.wall_s - run.first_s) / splits, "cpu_s": run.cpu_s}
