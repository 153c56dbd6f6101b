"""What the digest of row identities costs, which certificates always have: its share of a job's CPU seconds."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from drained import drained

LIMIT = 0.01
HOME = Path(__file__).resolve().parents[1]
SOURCE = Path(__file__).resolve().parent / "java" / "io" / "lastmile" / "sequence" / "DigestCost.java"

EXPERIMENT = """\
name: digest
seed: 42
datasets:
  train:
    source: {{ parquet: "{tables}/impressions/*.parquet" }}
    tensors:
      dense:    {{ columns: "dense_*", dtype: float32, fill: 0 }}
      cat:      {{ columns: "cat_*", dtype: int64 }}
      seq_item: {{ columns: seq_item, max_length: 200 }}
      label:    {{ columns: label }}
    batch: 4096
    shuffle: {{ row_groups: 8 }}
"""


def digest(folder: Path, runs: int) -> dict[str, Any]:
    """Take all rows of a table, and hold the nanoseconds of one digest against the CPU seconds of one row."""
    experiment = folder / "digest.yaml"
    experiment.write_text(EXPERIMENT.format(tables=folder / "tables"))
    drained(experiment)  # what the page cache does not hold yet is read now
    measured = [drained(experiment) for _ in range(runs)]
    row_ns = statistics.median(run.cpu_s / run.rows * 1e9 for run in measured)
    hash_ns = min(one() for _ in range(runs))
    share = hash_ns / row_ns
    print(
        f"digest of a row identity: {hash_ns:.1f} ns, a row of a job without steps costs {row_ns:,.0f} CPU-ns, start "
        f"included: {share:.4f} of it (limit {LIMIT})"
    )
    return {
        "limit": LIMIT,
        "runs": runs,
        "rows": measured[0].rows,
        "hash_ns": round(hash_ns, 2),
        "row_cpu_ns": round(row_ns),
        "share": round(share, 5),
        "ok": share <= LIMIT,
    }


def one() -> float:
    """Return the nanoseconds of a digest, the best of some rounds in one process."""
    java = Path(os.environ["JAVA_HOME"]) / "bin"
    jars = ":".join(str(jar) for jar in sorted((HOME / "app" / "target" / "lib").glob("*.jar")))
    with tempfile.TemporaryDirectory() as classes:
        subprocess.run([str(java / "javac"), "-cp", jars, "-d", classes, str(SOURCE)], check=True)
        command = [
            str(java / "java"),
            "-XX:+UseSerialGC",
            "-cp",
            f"{classes}:{jars}",
            "io.lastmile.sequence.DigestCost",
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[0])
