"""The same 50 columns in a table of 50 and in one of 10,000: what the other 9,950 cost."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from drained import drained

LIMIT = 1.2
COLUMNS, USED = 10_000, 50
FILES, ROW_GROUPS, ROWS = 2, 4, 122_880  # rows of a row group, as many as DuckDB writes

EXPERIMENT = """\
name: {name}
seed: 42
datasets:
  train:
    source: {{ parquet: {name} }}
    tensors: {{ used: {{ columns: "used_*" }} }}
    batch: 4096
    shuffle: {{ row_groups: 2 }}
"""


def write(folder: Path) -> dict[str, int]:
    """Write both tables and return the bytes of their footers."""
    random = np.random.default_rng(1)
    other = pa.array(np.array([0.5, 1.5], np.float32)[random.integers(0, 2, ROWS)])
    every = COLUMNS // USED
    used = [i * every for i in range(USED)]
    # Few values each, so that the file has the footer of such a table, but not its size on disk.
    wide = [f"used_{i:05}" if i % every == 0 else f"other_{i:05}" for i in range(COLUMNS)]
    names = {"narrow": [wide[i] for i in used], "wide": wide}
    footers = dict.fromkeys(names, 0)
    for name in names:
        (folder / name).mkdir()
        (folder / f"{name}.yaml").write_text(EXPERIMENT.format(name=name))
    for file in range(FILES):
        parts = [
            {wide[i]: pa.array(random.normal(size=ROWS).astype(np.float32)) for i in used} for _ in range(ROW_GROUPS)
        ]
        for name, columns in names.items():
            path = folder / name / f"part-{file}.parquet"
            rare = [column for column in columns if column.startswith("other")]
            schema = pa.schema([(column, pa.float32()) for column in columns])
            with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=rare) as out:
                for part in parts:
                    out.write_table(pa.table([part.get(c, other) for c in columns], schema=schema))
            footers[name] += pq.read_metadata(path).serialized_size
    return footers


def wide(folder: Path, runs: int) -> dict[str, Any]:
    """Read all rows of both tables in turn, and compare wall and CPU seconds of the whole process tree."""
    started = time.monotonic()
    footers = write(folder)
    print(
        f"generated {FILES * ROW_GROUPS * ROWS:,} rows in {time.monotonic() - started:.0f} s; footers "
        f"{footers['wide'] / 1e6:.1f} MB of {COLUMNS:,} columns, {footers['narrow'] / 1e6:.2f} MB of {USED}"
    )
    measured: dict[str, list[dict[str, float]]] = {"narrow": [], "wide": []}
    for name in measured:
        one(folder, name)  # what the page cache does not hold yet is read now
    for _ in range(runs):
        for name, results in measured.items():
            results.append(one(folder, name))
    result: dict[str, Any] = {"limit": LIMIT, "runs": runs, "footer_bytes": footers}
    for what in ("first_batch_s", "wall_s", "cpu_s"):
        medians = {name: statistics.median(run[what] for run in results) for name, results in measured.items()}
        ratio = medians["wide"] / medians["narrow"]
        result[what] = {name: round(median, 3) for name, median in medians.items()} | {"ratio": round(ratio, 3)}
        print(
            f"{USED} of {COLUMNS:,} columns, {what}: {medians['wide']:.2f} against {medians['narrow']:.2f} of "
            f"{USED} columns alone, ratio {ratio:.2f}" + ("" if what == "first_batch_s" else f" (limit {LIMIT})")
        )
    extra = (result["cpu_s"]["wide"] - result["cpu_s"]["narrow"]) / (FILES * ROW_GROUPS)
    print(f"  the other columns cost {extra * 1000:.0f} CPU-ms for each row group of {ROWS:,} rows, the start included")
    result["extra_cpu_s_per_row_group"] = round(extra, 4)
    result["ok"] = max(result["wall_s"]["ratio"], result["cpu_s"]["ratio"]) <= LIMIT
    return result


def one(folder: Path, name: str) -> dict[str, float]:
    """Take all batches of a table; seconds from the start of the script, CPU seconds with its engine."""
    run = drained(folder / f"{name}.yaml")
    if run.rows != FILES * ROW_GROUPS * ROWS:
        sys.exit(f"error: {run.rows} rows of {name}")
    return {"first_batch_s": run.first_s, "wall_s": run.wall_s, "cpu_s": run.cpu_s}
