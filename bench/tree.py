"""What a command and everything below it cost: CPU seconds and memory, from /proc. Linux only."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


class Cpu(NamedTuple):
    """CPU seconds of the living processes of a tree, by (pid, start time)."""

    seconds: dict[tuple[int, str], float]

    def plus(self, later: Cpu) -> Cpu:
        """Return the last known seconds of each process, also of those that have ended."""
        return Cpu(self.seconds | later.seconds)

    @property
    def total(self) -> float:
        """The seconds of all processes together, user and system."""
        return sum(self.seconds.values())


def cpu(root: int) -> Cpu:
    """Return the CPU seconds of a process and all below it."""
    found = _processes(root)
    return Cpu({(pid, fields[19]): (int(fields[11]) + int(fields[12])) / _TICKS for pid, fields in found.items()})


def pss_bytes(root: int) -> int:
    """Return the proportional set size of a process and all below it: memory shared by n counts 1/n in each."""
    total = 0
    for pid in _processes(root):
        try:
            found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
        except OSError:
            continue
        total += int(found.group(1)) * 1024 if found else 0
    return total


def _processes(root: int) -> dict[int, list[str]]:
    """Return the fields of /proc/PID/stat behind the name, of a process and all below it."""
    every: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                every[int(entry.name)] = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
    below = {root}
    grown = True
    while grown:
        children = {pid for pid, fields in every.items() if int(fields[1]) in below} - below
        below |= children
        grown = bool(children)
    return {pid: every[pid] for pid in below if pid in every}
