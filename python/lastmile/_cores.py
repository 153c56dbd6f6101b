"""The cores that this process may use, counted as the engine counts them: for the default number of workers."""

from __future__ import annotations

import math
import os
from pathlib import Path


def available(proc: Path = Path("/proc/self"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the cores of the affinity mask, or fewer where a control group's quota allows only fewer."""
    cores = len(os.sched_getaffinity(0))
    quotas = [quota for folder in _folders(proc, groups) if (quota := _quota(folder)) is not None]
    return max(1, min([cores, *(math.ceil(quota) for quota in quotas)]))


def _folders(proc: Path, groups: Path) -> list[Path]:
    """Return the folders of this process's control group, outermost last."""
    try:
        lines = (proc / "cgroup").read_text().splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        names = controllers.split(",")
        if names == [""] or "cpu" in names:
            top = groups if names == [""] else groups / controllers
            own = top / path.lstrip("/")
            folders += [own, *(parent for parent in own.parents if parent == top or top in parent.parents)]
    return folders


def _quota(folder: Path) -> float | None:
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
