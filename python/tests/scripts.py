"""Scripts that tests run as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment with the package importable, plus some variables."""
    return os.environ | {"PYTHONPATH": str(PACKAGE), "PYTHONUNBUFFERED": "1"} | variables


def written(folder: Path, text: str) -> Path:
    """Write a script and return its path."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(text))
    return script


def started(*arguments: object, **variables: str) -> subprocess.Popen[str]:
    """Start Python with arguments; its output is text."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False
