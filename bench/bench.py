"""The figures that are promised, measured: first batch, preview, memory, wide tables, steps, resume, digest, recovery.

    ./dev bench                       all of them
    ./dev bench first-batch           median of --runs, with numpy and with torch
    ./dev bench preview               median of --runs, on the demo's logs and on generated wide tables
    ./dev bench memory --rows 2000000
    ./dev bench wide                  50 of 10,000 columns against 50 of 50
    ./dev bench steps                 a split with joins and in a mix against one without
    ./dev bench resume                the first batch at 1 %, 50 % and 99 % of an epoch against its start
    ./dev bench digest                the digest of row identities against the row
    ./dev bench recovery --runs 10    from a rank that fails or stands still, or a killed driver, to the next step

Each figure is given as a ratio to its limit, with CPU seconds of the whole process tree beside the wall time. The last
line of the output is all of it as JSON; --json FILE writes it to a file as well. Exit code 1 when a limit is exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import digest
import recovery
import resume
import steps
import tree
import wide

HOME = Path(__file__).resolve().parents[1]
LASTMILE = HOME / "lastmile"
SCRIPTS = Path(__file__).resolve().parent / "scripts"
MIB = 1 << 20

FIRST_BATCH_LIMIT_S = 1.5
FIRST_BATCH_ROWS = 200_000

PREVIEW_LIMIT_S = 2.0
DEMO = HOME / "examples" / "open-bandit"

GROWTH_LIMIT = 1.05
OVERHEAD = 600 * MIB
WORKERS, WORKER_MEMORY, RANKS, BATCH, SLOTS = 2, 256 * MIB, 2, 4096, 6
SAMPLE_S = 0.25
SLOT_ROW_BYTES = 300  # more than a row of the experiment below takes in a slot

FIRST_BATCH = """\
name: first-batch
seed: 42
datasets:
  train:
    source: {{ parquet: "{tables}/impressions/*.parquet" }}
    steps:
      - anti_join:  {{ parquet: "{tables}/spam_users.parquet", on: user_id }}
      - downsample: {{ where: "label = 0", keep: 0.10, by: [user_id, item_id], weight: weight }}
      - derive:     {{ engaged: "label = 1 AND dwell_s > 10" }}
    tensors:
      dense:    {{ columns: "dense_*", dtype: float32, fill: 0 }}
      cat:      {{ columns: "cat_*", dtype: int64 }}
      seq_item: {{ columns: seq_item, max_length: 200 }}
      user_emb: {{ columns: user_emb }}
      label:    {{ columns: engaged, dtype: float32 }}
      weight:   {{ columns: weight }}
    batch: 1024
    shuffle: none
"""

MEMORY = """\
name: memory
seed: 42
datasets:
  train:
    source: {{ parquet: "{tables}/impressions/*.parquet" }}
    steps:
      - anti_join:  {{ parquet: "{tables}/spam_users.parquet", on: user_id }}
      - downsample: {{ keep: 0.9, by: [user_id, item_id], weight: weight }}
    tensors:
      dense:    {{ columns: "dense_*", dtype: float32, fill: 0 }}
      cat:      {{ columns: "cat_*", dtype: int64 }}
      seq_item: {{ columns: seq_item }}
      label:    {{ columns: label, dtype: float32 }}
      weight:   {{ columns: weight }}
    batch: {batch}
    slots: {slots}
    shuffle: {{ row_groups: 2 }}
train: {{ script: {script}, ranks: {ranks} }}
cluster: {{ kind: local, workers: {{ max: {workers}, memory: {memory}MiB }} }}
"""


def generate(out: Path, rows: int, shape: str, files: int, row_group: int) -> float:
    """Write tables with the generator of the command line and return the seconds it took."""
    command = [LASTMILE, "generate", out, "--rows", rows, "--shape", shape, "--files", files, "--row-group", row_group]
    started = time.monotonic()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def first_batch(folder: Path, runs: int) -> dict[str, Any]:
    """Measure ``lastmile.open`` from the start of the Python process to the first batch."""
    generate(folder / "tables", FIRST_BATCH_ROWS, "full", files=4, row_group=10_000)
    experiment = folder / "first-batch.yaml"
    experiment.write_text(FIRST_BATCH.format(tables=folder / "tables"))
    result: dict[str, Any] = {"limit_s": FIRST_BATCH_LIMIT_S, "runs": runs}
    one_first_batch(experiment, "torch")  # what the page cache does not hold yet is read now
    for arrays in ("numpy", "torch"):
        measured = [one_first_batch(experiment, arrays) for _ in range(runs)]
        walls = [wall for wall, _ in measured]
        median = statistics.median(walls)
        result[arrays] = {
            "median_s": round(median, 3),
            "seconds": [round(wall, 3) for wall in walls],
            "cpu_s": round(statistics.median(cpu for _, cpu in measured), 2),
            "of_limit": round(median / FIRST_BATCH_LIMIT_S, 3),
        }
        print(
            f"first batch, {arrays}: median {median:.2f} s of {runs} ({min(walls):.2f} to {max(walls):.2f}), "
            f"{result[arrays]['cpu_s']:.1f} CPU-s, {median / FIRST_BATCH_LIMIT_S:.2f} of the limit of "
            f"{FIRST_BATCH_LIMIT_S} s" + (" (which is for numpy)" if arrays == "torch" else "")
        )
    result["ok"] = result["numpy"]["of_limit"] < 1
    return result


def one_first_batch(experiment: Path, arrays: str) -> tuple[float, float]:
    """Return seconds to the first batch, and the CPU seconds of the script and its engine together."""
    before = os.times()
    command = [sys.executable, str(SCRIPTS / "first_batch.py"), str(experiment), arrays, repr(time.time())]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return float(done.stdout.split()[0]), cpu


def preview(folder: Path, runs: int) -> dict[str, Any]:
    """Measure ``lastmile preview`` on the demo's experiment, and on that of the first batch."""
    generate(folder / "tables", FIRST_BATCH_ROWS, "full", files=4, row_group=10_000)
    wide = folder / "first-batch.yaml"
    wide.write_text(FIRST_BATCH.format(tables=folder / "tables"))
    result: dict[str, Any] = {"limit_s": PREVIEW_LIMIT_S, "runs": runs}
    for name, experiment in {"demo": DEMO / "experiment.yaml", "wide": wide}.items():
        one_preview(experiment)  # what the page cache does not hold yet is read now
        measured = [one_preview(experiment) for _ in range(runs)]
        walls = [wall for wall, _ in measured]
        median = statistics.median(walls)
        result[name] = {
            "median_s": round(median, 3),
            "seconds": [round(wall, 3) for wall in walls],
            "cpu_s": round(statistics.median(cpu for _, cpu in measured), 2),
            "of_limit": round(median / PREVIEW_LIMIT_S, 3),
        }
        print(
            f"preview, {name}: median {median:.2f} s of {runs} ({min(walls):.2f} to {max(walls):.2f}), "
            f"{result[name]['cpu_s']:.1f} CPU-s, {median / PREVIEW_LIMIT_S:.2f} of the limit of {PREVIEW_LIMIT_S} s"
            + (" (which is for the demo)" if name == "wide" else "")
        )
    result["ok"] = result["demo"]["of_limit"] < 1
    return result


def one_preview(experiment: Path) -> tuple[float, float]:
    """Return seconds and CPU seconds of one preview from the start of the program to its end."""
    before, started = os.times(), time.monotonic()
    subprocess.run([str(LASTMILE), "preview", str(experiment)], check=True, stdout=subprocess.DEVNULL)
    wall, after = time.monotonic() - started, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def memory(folder: Path, rows: int) -> dict[str, Any]:
    """Let many rows pass through a job and sample the memory of its whole process tree."""
    took = generate(folder / "tables", rows, "narrow", files=max(1, rows // 500_000), row_group=51_200)
    print(f"generated {rows:,} rows in {took:.0f} s")
    experiment = folder / "memory.yaml"
    experiment.write_text(
        MEMORY.format(
            tables=folder / "tables",
            script=SCRIPTS / "count.py",
            ranks=RANKS,
            workers=WORKERS,
            memory=WORKER_MEMORY // MIB,
            batch=BATCH,
            slots=SLOTS,
        )
    )
    command = [LASTMILE, "run", experiment.name, "--python", sys.executable]
    started = time.monotonic()
    samples: list[tuple[int, int]] = []
    cpu = tree.Cpu({})
    with (folder / "log").open("w") as log:
        job = subprocess.Popen([str(word) for word in command], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        while job.poll() is None:
            samples.append((rows_so_far(folder), tree.pss_bytes(job.pid)))
            cpu = cpu.plus(tree.cpu(job.pid))
            time.sleep(SAMPLE_S)
    wall = time.monotonic() - started
    if job.returncode != 0:
        sys.exit(f"error: the job ended with {job.returncode}:\n{(folder / 'log').read_text()}")
    total = rows_so_far(folder)
    second = max((pss for seen, pss in samples if total / 3 <= seen < 2 * total / 3), default=0)
    last = max((pss for seen, pss in samples if 2 * total / 3 <= seen), default=0)
    peak = max(pss for _, pss in samples)
    bound = WORKERS * WORKER_MEMORY + RANKS * SLOTS * BATCH * SLOT_ROW_BYTES + OVERHEAD
    growth = last / second if second else float("nan")
    print(
        f"memory, {rows:,} rows, {len(samples)} samples of PSS: last third {last // MIB} MiB, second third "
        f"{second // MIB} MiB, {growth:.3f} of it (limit {GROWTH_LIMIT}); peak {peak // MIB} MiB, "
        f"{peak / bound:.2f} of the bound of {bound // MIB} MiB"
    )
    print(f"  {rows / wall:,.0f} rows/s from start to end ({wall:.1f} s), {cpu.total / rows * 1e5:.2f} CPU-s per 100k")
    return {
        "rows": rows,
        "samples": len(samples),
        "second_third_mib": second // MIB,
        "last_third_mib": last // MIB,
        "growth": round(growth, 4),
        "growth_limit": GROWTH_LIMIT,
        "peak_mib": peak // MIB,
        "bound_mib": bound // MIB,
        "wall_s": round(wall, 2),
        "cpu_s_per_100k": round(cpu.total / rows * 1e5, 3),
        "ok": growth <= GROWTH_LIMIT and peak <= bound,
    }


def rows_so_far(folder: Path) -> int:
    """Return the rows that the ranks have counted."""
    files = [folder / f"rows-{rank}" for rank in range(RANKS)]
    return sum(int(file.read_text() or 0) for file in files if file.exists())


def digest_cost(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the digest of row identities on generated tables."""
    generate(folder / "tables", FIRST_BATCH_ROWS, "full", files=16, row_group=10_000)
    return digest.digest(folder, options.runs)


FIGURES: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "first-batch": lambda folder, options: first_batch(folder, options.runs),
    "preview": lambda folder, options: preview(folder, options.runs),
    "memory": lambda folder, options: memory(folder, options.rows),
    "wide": lambda folder, options: wide.wide(folder, options.runs),
    "steps": lambda folder, options: steps.steps(folder, options.runs),
    "resume": lambda folder, options: resume.resume(folder, options.runs),
    "digest": digest_cost,
    "recovery": lambda folder, options: recovery.recovery(folder, options.runs),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"{', '.join(FIGURES)} (default: all)")
    parser.add_argument("--runs", type=int, default=5, help="of each variant of a figure")
    parser.add_argument("--rows", type=int, default=10_000_000, help="that pass for the memory figure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures as JSON as well")
    options = parser.parse_args()
    figures = options.figures or list(FIGURES)
    for figure in figures:
        if figure not in FIGURES:
            parser.error(f"Unknown figure: {figure} (must be {', '.join(FIGURES)})")
    if "preview" in figures and not (DEMO / "data").exists():
        sys.exit("error: The logs of the demo are not there yet (run ./lastmile demo once)")
    report: dict[str, Any] = {"cores": os.cpu_count(), "python": platform.python_version()}
    for figure in figures:
        folder = Path(tempfile.mkdtemp(prefix="lastmile-bench-"))
        try:
            report[figure.replace("-", "_")] = FIGURES[figure](folder, options)
        finally:
            shutil.rmtree(folder)
    text = json.dumps(report)
    if options.json is not None:
        options.json.write_text(text + "\n")
    print(text)
    return 0 if all(part["ok"] for part in report.values() if isinstance(part, dict)) else 1


if __name__ == "__main__":
    sys.exit(main())
