"""What each step of a dataset does to the first splits of an epoch, counted anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .dataset import Dataset
from .language import Limit
from .permutation import permutation
from .steps import Context


@dataclass(frozen=True)
class Effect:
    """A step; the weights are column sums after it, the nulls shares before it."""

    rows_in: int
    rows_out: int
    rate_before: float | None
    rate_after: float | None
    weights: dict[str, float]
    nulls: dict[str, float]


@dataclass(frozen=True)
class Effects:
    read: int
    steps: list[Effect]
    rows: pa.Table  # after the last step, in the order of the sequence


def effects(
    dataset: Dataset,
    *,
    used: list[list[str]],
    weights: list[list[str]],
    label: str | None = "label",
    splits: int | None = None,
    seed: int = 42,
) -> Effects:
    """The effects on the first so many splits of epoch 0 (None: on all).

    `used` and `weights` name by hand, for each step, the columns it uses and the weights after it.
    """
    context = Context(seed, 0, dataset.paths)
    stages: list[list[pa.Table]] = [[] for _ in range(len(dataset.steps) + 1)]
    read = 0
    for ordinal, split in enumerate(dataset.splits(seed, 0)[:splits]):
        rows = pa.concat_tables([dataset.row_group(*group) for group in sorted(split)])
        read += len(rows)
        stages[0].append(rows)
        for i, step in enumerate(dataset.steps):
            if not isinstance(step, Limit):
                rows = step.apply(rows, context)
            stages[i + 1].append(rows)
        if dataset.shuffle.permutes:
            order = permutation("rows", [0, ordinal], seed, len(rows))
            stages[-1][-1] = rows.take(order)
    tables = [pa.concat_tables(pieces) for pieces in stages]
    if dataset.steps and isinstance(dataset.steps[-1], Limit):
        tables[-1] = tables[-1].slice(0, dataset.steps[-1].rows)
    found = []
    for i in range(len(dataset.steps)):
        before, after = tables[i], tables[i + 1]
        found.append(
            Effect(
                len(before),
                len(after),
                _rate(before, label),
                _rate(after, label),
                {name: _sum(after, name) for name in weights[i]},
                {name: before.column(name).null_count / len(before) for name in used[i]}
                if len(before)
                else {},
            )
        )
    return Effects(read, found, tables[-1])


def _rate(rows: pa.Table, label: str | None) -> float | None:
    if label is None or label not in rows.column_names:
        return None
    known = rows.column(label).drop_null()
    if len(known) == 0:
        return None
    positive = known if pa.types.is_boolean(known.type) else pc.greater(known, 0)
    return int(np.asarray(positive).sum()) / len(known)


def _sum(rows: pa.Table, name: str) -> float:
    values: Any = np.asarray(rows.column(name).drop_null()).astype(np.float64)
    return float(values.sum())
