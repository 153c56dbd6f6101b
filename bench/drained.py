"""A process that takes all batches of an experiment, measured from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).resolve().parent / "scripts" / "drain.py"


class Drained(NamedTuple):
    """Seconds from the start of the process to its first and last batch, CPU seconds with its engine, and rows."""

    first_s: float
    wall_s: float
    cpu_s: float
    rows: int


def drained(experiment: Path) -> Drained:
    """Take all batches of the dataset ``train``."""
    before = os.times()
    command = [sys.executable, str(SCRIPT), str(experiment), repr(time.time())]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = os.times()
    first, wall, rows = done.stdout.split()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Drained(float(first), float(wall), cpu, int(rows))
