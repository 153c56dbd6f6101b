"""The steps of a dataset: what is written in the experiment beside what it must do.

A condition or an expression is given twice, as SQL for the engine and as a Python callable on a
pyarrow table for the oracle.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .hashing import key_bytes, uniform

PATH, ROW = "__oracle_path", "__oracle_row"  # the row identity: index of the path, row in the file
Mask = Callable[[pa.Table], np.ndarray]


@dataclass(frozen=True)
class Context:
    """What a step may depend on beside the row."""

    seed: int
    epoch: int
    paths: list[str]


def true(condition: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A mask of the places that are TRUE: neither false nor null."""
    return np.asarray(condition.fill_null(False)).astype(bool)


def names(patterns: list[str], columns: list[str]) -> list[str]:
    """Names and globs resolved: in the order of the list, within a glob in that of the columns."""
    found = [[p] if p in columns else fnmatch.filter(columns, p) for p in patterns]
    return list(dict.fromkeys(name for some in found for name in some))


@dataclass(frozen=True)
class Filter:
    sql: str
    keeps: Mask

    def yaml(self) -> dict[str, Any]:
        return {"filter": self.sql}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        return rows.filter(pa.array(self.keeps(rows)))


@dataclass(frozen=True)
class Derive:
    columns: dict[str, tuple[str, Callable[[pa.Table], pa.Array | np.ndarray]]]

    def yaml(self) -> dict[str, Any]:
        return {"derive": {name: sql for name, (sql, _) in self.columns.items()}}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        for name, (_, compute) in self.columns.items():
            values = compute(rows)
            if isinstance(values, np.ndarray):
                values = pa.array(values)
            rows = rows.append_column(name, values)
        return rows


@dataclass(frozen=True)
class Select:
    patterns: list[str]

    def yaml(self) -> dict[str, Any]:
        return {"select": self.patterns}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        return rows.select([*names(self.patterns, rows.column_names), PATH, ROW])


@dataclass(frozen=True)
class Drop:
    patterns: list[str]

    def yaml(self) -> dict[str, Any]:
        return {"drop": self.patterns}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        return rows.drop_columns(names(self.patterns, rows.column_names))


@dataclass(frozen=True)
class AntiJoin:
    table: Path
    on: dict[str, str]  # column of the dataset -> column of the table

    def yaml(self) -> dict[str, Any]:
        left = list(self.on)
        on: Any = self.on if left != list(self.on.values()) else left if len(left) > 1 else left[0]
        return {"anti_join": {"parquet": str(self.table), "on": on}}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        table = pq.read_table(self.table, columns=list(self.on.values()))
        if len(self.on) == 1:
            listed = table.column(0).drop_null()
            column = rows.column(next(iter(self.on)))
            if pa.types.is_integer(column.type):
                matches = np.isin(np.asarray(column.fill_null(0)), np.asarray(listed))
                return rows.filter(pa.array(~(matches & np.asarray(column.is_valid()))))
        listed_keys = set(_tuples(table.columns))
        keys = _tuples([rows.column(c) for c in self.on])
        kept = [None in key or key not in listed_keys for key in keys]
        return rows.filter(pa.array(kept, pa.bool_()))


def _tuples(columns: list[pa.ChunkedArray]) -> list[tuple[object, ...]]:
    return list(zip(*(c.to_pylist() for c in columns), strict=True))


@dataclass(frozen=True)
class Downsample:
    keep: float
    by: list[str] = field(default_factory=list)
    where: tuple[str, Mask] | None = None
    weight: str | None = None
    salt: str | None = None
    each_epoch: bool = False

    def yaml(self) -> dict[str, Any]:
        said: dict[str, Any] = {"keep": self.keep}
        if self.by:
            said["by"] = self.by
        if self.where:
            said["where"] = self.where[0]
        if self.weight:
            said["weight"] = self.weight
        if self.salt is not None:
            said["salt"] = self.salt
        if self.each_epoch:
            said["resample"] = "each_epoch"
        return {"downsample": said}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        u = self.draws(rows, context)
        sampled = self.where[1](rows) if self.where else np.ones(len(rows), dtype=bool)
        kept = ~sampled | (u < self.keep)
        if self.weight:
            factor = np.where(sampled, np.float32(1 / self.keep), np.float32(1))
            if self.weight in rows.column_names:
                at = rows.column_names.index(self.weight)
                old = rows.column(at).cast(pa.float32())
                mask = np.asarray(old.is_null())
                product = np.asarray(old.fill_null(0)).astype(np.float32) * factor
                rows = rows.set_column(at, self.weight, pa.array(product, mask=mask))
            else:
                rows = rows.append_column(self.weight, pa.array(factor.astype(np.float32)))
        return rows.filter(pa.array(kept))

    def draws(self, rows: pa.Table, context: Context) -> np.ndarray:
        """u of each row (float64 in [0, 1))."""
        salt = "downsample" if self.salt is None else self.salt
        if self.by:
            keys = [key_bytes(rows.column(c).combine_chunks()) for c in self.by]
        else:
            path = np.asarray(rows.column(PATH))
            names_of_rows = pa.array([context.paths[i] for i in path], pa.string())
            keys = [key_bytes(names_of_rows), key_bytes(rows.column(ROW).combine_chunks())]
        return uniform(salt, keys, context.seed, context.epoch if self.each_epoch else None)


Step = Filter | Derive | Select | Drop | AntiJoin | Downsample
DROPPING = (Filter, AntiJoin, Downsample)
