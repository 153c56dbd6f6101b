"""What some row groups say of all: the ratio estimator over clusters, computed anew with numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .dataset import Dataset
from .permutation import permutation
from .steps import Context

LEVEL = 0.95


@dataclass(frozen=True)
class Group:
    """A row group: the rows it has, the rows that the steps leave, and the positive ones."""

    size: int
    kept: int
    positive: int


@dataclass(frozen=True)
class Bounds:
    """Around a total; `low` and `high` are None where the sample does not tell them."""

    estimate: float
    low: float | None
    high: float | None

    def holds(self, number: float) -> bool:
        assert self.low is not None
        assert self.high is not None
        return self.low <= number <= self.high


def row_groups(dataset: Dataset, label: str = "label", seed: int = 42) -> list[Group]:
    """Every row group of epoch 0 in file order, each put through the steps alone."""
    context = Context(seed, 0, dataset.paths)
    found = []
    for group in sorted(group for split in dataset.splits(seed, 0) for group in split):
        rows = dataset.row_group(*group)
        size = len(rows)
        for step in dataset.steps:
            rows = step.apply(rows, context)
        found.append(Group(size, len(rows), positives(rows, label)))
    return found


def positive(rows: pa.Table, label: str = "label") -> np.ndarray:
    """Of each row whether its label is TRUE or above 0; NaN is above all numbers."""
    values = rows.column(label)
    return np.array([v is not None and (v > 0 or math.isnan(v)) for v in values.to_pylist()], bool)


def positives(rows: pa.Table, label: str = "label") -> int:
    return int(positive(rows, label).sum())


def drawn(groups: list[Group], sample: int, seed: int) -> list[Group]:
    """Those that an estimate of about so many rows reads."""
    rows = sum(group.size for group in groups)
    if rows <= sample or len(groups) <= 2:
        return groups
    count = max(2, int(sample / rows * len(groups)))
    return [groups[i] for i in permutation("estimate", [], seed, len(groups))[:count]]


def by_clusters(groups: list[Group], sample: list[Group], values: list[int]) -> Bounds:
    """The total of the values, each the value of a drawn row group; at most one a row."""
    x = np.array([group.size for group in sample], float)
    y = np.array(values, float)
    total, k, n = sum(group.size for group in groups), len(sample), len(groups)
    estimate = y.sum() / x.sum() * total
    if k == n:
        return Bounds(estimate, estimate, estimate)
    squares = ((y - y.sum() / x.sum() * x) ** 2).sum() / (k - 1)
    error = total / x.mean() * math.sqrt((1 - k / n) * squares / k)
    margin = quantile(k - 1) * error
    most = y.sum() + total - x.sum()
    return Bounds(estimate, max(estimate - margin, y.sum()), min(estimate + margin, most))


def by_rows(groups: list[Group], sample: list[Group], values: list[int]) -> Bounds:
    """The same as if each row had been drawn by itself: what an interval must not do here."""
    total, rows = sum(group.size for group in groups), sum(group.size for group in sample)
    share = sum(values) / rows
    error = total * math.sqrt(share * (1 - share) / rows * (1 - rows / total))
    return Bounds(share * total, share * total - 1.96 * error, share * total + 1.96 * error)


def quantile(degrees: int) -> float:
    """Student's t that is exceeded, on either side, with 1 - LEVEL: by integrating its density."""
    angles = np.linspace(0, math.pi / 2, 400_001)
    density = np.cos(angles) ** (degrees - 1)
    below = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    angle = np.interp(LEVEL, below / below[-1], angles)
    return math.tan(angle) * math.sqrt(degrees)


def of_mix(ratios: list[float], rows: list[Bounds], on_dry: str, *, shared: bool = False) -> Bounds:
    """The rows of a mix from those of its datasets: the draws until one is found dry."""
    total = together(rows, shared=shared)
    if on_dry == "rest":
        return total
    z = 1.959964
    found = []
    for ratio, (n, low, high) in zip(ratios, map(known, rows), strict=True):
        sd = math.sqrt((n + 1) * (1 - ratio)) / ratio
        mean = (n + 1) / ratio - 1
        down, up = (math.hypot(part / ratio, z * sd) for part in (n - low, high - n))
        found.append((mean, max(low, mean - down), mean + up))
    end = min if on_dry == "stop" else max
    return Bounds(*(end(numbers) for numbers in zip(*found, known(total), strict=True)))


def together(parts: list[Bounds], *, shared: bool = False) -> Bounds:
    """A sum of independent numbers, or of numbers that may err alike."""
    n, low, high = (np.array(numbers) for numbers in zip(*map(known, parts), strict=True))
    down, up = ((np.sum(x) if shared else math.sqrt(np.sum(x**2))) for x in (n - low, high - n))
    return Bounds(n.sum(), n.sum() - down, n.sum() + up)


def known(bounds: Bounds) -> tuple[float, float, float]:
    assert bounds.low is not None
    assert bounds.high is not None
    return bounds.estimate, bounds.low, bounds.high
