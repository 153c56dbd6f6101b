"""How two datasets differ in epoch 0: their rows joined by row identity, counted anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .dataset import Dataset
from .permutation import permutation

Identity = tuple[Path, int, int]  # file, row in it, copy number
Group = tuple[Path, int]  # file, row group


@dataclass(frozen=True)
class Rows:
    rows: int
    rate: float | None
    weights: dict[str, float]


@dataclass(frozen=True)
class Side:
    read: int
    all: Rows
    both: Rows
    only: Rows


@dataclass(frozen=True)
class Difference:
    a: Side
    b: Side
    rows: int  # of the row groups compared
    groups: int
    changed: dict[str, int]


def difference(
    a: Dataset,
    b: Dataset,
    *,
    columns: list[str],
    weights: tuple[list[str], list[str]],
    labels: tuple[str | None, str | None] = ("label", "label"),
    sample: int | None = None,
    seed: int = 42,
) -> Difference:
    """Compare `columns`, which both have, and sum the weights that the steps of each have made."""
    sizes = _groups(a) | _groups(b)
    chosen = _chosen(sizes, sample, seed)
    tables = [_rows(dataset, chosen, seed) for dataset in (a, b)]
    at = [{key: i for i, key in enumerate(keys)} for keys, _ in tables]
    both = [key for key in at[0] if key in at[1]]
    sides = []
    for mine, other, dataset in ((0, 1, a), (1, 0, b)):
        rows = tables[mine][1]
        only = [i for key, i in at[mine].items() if key not in at[other]]
        label, sums = labels[mine], weights[mine]
        sides.append(
            Side(
                sum(rows for group, rows in _groups(dataset).items() if group in chosen),
                _counted(rows, label, sums),
                _counted(
                    rows.take(pa.array([at[mine][key] for key in both], pa.int64())), label, sums
                ),
                _counted(rows.take(pa.array(only, pa.int64())), label, sums),
            )
        )
    changed = {}
    for name in columns:
        values = [tables[side][1].column(name).to_pylist() for side in (0, 1)]
        changed[name] = sum(not _same(values[0][at[0][key]], values[1][at[1][key]]) for key in both)
    return Difference(sides[0], sides[1], sum(sizes[g] for g in chosen), len(chosen), changed)


def _groups(dataset: Dataset) -> dict[Group, int]:
    """The row groups that are read, and their rows."""
    groups = {}
    for path, group in dataset._groups:
        metadata = dataset._open(dataset.paths[path]).metadata
        file = dataset.root / dataset.paths[path]
        groups[(file, group)] = metadata.row_group(group).num_rows
    return groups


def _chosen(sizes: dict[Group, int], sample: int | None, seed: int) -> set[Group]:
    ordered = sorted(sizes, key=lambda group: (str(group[0]).encode(), group[1]))
    if sample is None:
        return set(ordered)
    chosen: list[Group] = []
    left = sample
    for index in permutation("diff", [], seed, len(ordered)):
        left -= sizes[ordered[index]]
        if left < 0 and chosen:
            break
        chosen.append(ordered[index])
    return set(chosen)


def _rows(dataset: Dataset, chosen: set[Group], seed: int) -> tuple[list[Identity], pa.Table]:
    sequence = dataset.sequence(seed)
    copies = sequence.copy
    number = np.zeros(len(sequence.rows), dtype=np.int64) if copies is None else copies
    firsts = {path: _firsts(dataset, path) for path in dataset.paths}
    keys: list[Identity] = []
    kept = []
    for i, (path, row) in enumerate(sequence.identity):
        group = int(np.searchsorted(firsts[path], row, side="right")) - 1
        if (dataset.root / path, group) in chosen:
            keys.append((dataset.root / path, row, int(number[i])))
            kept.append(i)
    return keys, sequence.rows.take(pa.array(kept, pa.int64()))


def _firsts(dataset: Dataset, path: str) -> np.ndarray:
    """The first row of each row group of a file."""
    metadata = dataset._open(path).metadata
    sizes = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
    return np.cumsum([0, *sizes])[:-1]


def _counted(rows: pa.Table, label: str | None, weights: list[str]) -> Rows:
    rate = None
    if label is not None and label in rows.column_names:
        known = rows.column(label).drop_null()
        if len(known):
            positive = known if pa.types.is_boolean(known.type) else pc.greater(known, 0)
            rate = int(np.asarray(positive).sum()) / len(known)
    sums = {}
    for name in weights:
        values: Any = np.asarray(rows.column(name).drop_null()).astype(np.float64)
        sums[name] = float(values.sum())
    return Rows(len(rows), rate, sums)


def _same(a: Any, b: Any) -> bool:
    """NaN is NaN."""
    return bool(a == b) or [repr(a), repr(b)] == ["nan", "nan"]
