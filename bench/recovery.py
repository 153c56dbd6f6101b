"""How long ranks stand still when one of them fails, or when their driver is killed."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
LASTMILE = HOME / "lastmile"
SCRIPT = Path(__file__).resolve().parent / "scripts" / "recover.py"
LIMIT_S = 10.0
STALL_S = 2.0
FAIL_AT, RANKS = 20, 2
WAIT_S = 120.0

EXPERIMENT = """\
name: recovery
seed: 42
datasets:
  train:
    source: {{ parquet: "{tables}/impressions/*.parquet" }}
    tensors: {{ dense: {{ columns: "dense_*", dtype: float32, fill: 0 }} }}
    batch: 512
train:
  script: {script}
  args: [{fail_at}, {how}, "{folder}"]
  ranks: {ranks}
  restarts: 1
{stall}cluster: {{ workers: {{ max: 2, memory: 256MiB }} }}
"""

FAULTS = ("exit", "kill", "stall", "driver")


def recovery(folder: Path, runs: int) -> dict[str, Any]:
    """Measure seconds from a fault to the first step of the next attempt, of the rank that is last.

    ``exit`` and ``kill`` count from the failure itself, ``stall`` from the end of the user's timeout, ``driver`` from
    the start of ``lastmile resume`` after a kill -9.
    """
    tables = folder / "tables"
    generate = [str(LASTMILE), "generate", str(tables), "--rows", "200000", "--files", "4"]
    subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
    report: dict[str, Any] = {"limit_s": LIMIT_S, "runs": runs}
    for how in FAULTS:
        seconds = sorted(
            _driver(folder, tables) if how == "driver" else _rank(folder, tables, how) for _ in range(runs)
        )
        median, worst = statistics.median(seconds), seconds[-1]
        print(f"recovery, {how}: median {median:.2f} s, worst {worst:.2f} s of {runs} (limit {LIMIT_S:.0f} s)")
        report[how] = {"median_s": round(median, 3), "worst_s": round(worst, 3)}
    report["ok"] = all(report[how]["worst_s"] <= LIMIT_S for how in FAULTS)
    return report


def _rank(folder: Path, tables: Path, how: str) -> float:
    place = _experiment(folder, tables, how)
    _run("run", "experiment.yaml", place).communicate()
    waited = STALL_S if how == "stall" else 0.0
    return _first(place) - float((place / "failed").read_text()) - waited


def _driver(folder: Path, tables: Path) -> float:
    place = _experiment(folder, tables, "wait")
    driver = _run("run", "experiment.yaml", place)
    deadline = time.monotonic() + WAIT_S
    while not (place / "failed").exists():
        if time.monotonic() > deadline:
            driver.kill()
            sys.exit("error: The ranks do not get going")
        time.sleep(0.01)
    driver.kill()
    driver.wait()
    resumed = time.time()
    _run("resume", "runs/recovery-1", place).communicate()
    return _first(place) - resumed


def _experiment(folder: Path, tables: Path, how: str) -> Path:
    place = folder / "place"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    stall = f"  stall_timeout: {STALL_S:.0f}s\n" if how == "stall" else ""
    said = {"tables": tables, "script": SCRIPT, "fail_at": FAIL_AT, "how": how, "folder": place, "ranks": RANKS}
    (place / "experiment.yaml").write_text(EXPERIMENT.format(**said, stall=stall))
    return place


def _run(command: str, what: str, place: Path) -> subprocess.Popen[bytes]:
    arguments = [str(LASTMILE), command, what, "--python", sys.executable]
    return subprocess.Popen(
        arguments,
        cwd=place,
        env=os.environ | {"LASTMILE_NO_BUILD": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _first(place: Path) -> float:
    """Return when the last rank had its first step of the next attempt."""
    summary = json.loads((place / "runs" / "recovery-1" / "summary.json").read_text())
    if summary["exit"]["code"] != 0:
        sys.exit(f"error: The run failed: {summary['exit']['message']}")
    return max(float((place / f"first-{rank}").read_text()) for rank in range(RANKS))
