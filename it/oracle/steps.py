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
COPY = "__oracle_copy_"  # its copy number, for each step that makes several rows of one
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
        kept = names(self.patterns, [c for c in rows.column_names if not c.startswith("__oracle")])
        return rows.select([*kept, PATH, ROW, *copies(rows)])


@dataclass(frozen=True)
class Drop:
    patterns: list[str]

    def yaml(self) -> dict[str, Any]:
        return {"drop": self.patterns}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        return rows.drop_columns(names(self.patterns, rows.column_names))


def on_yaml(on: dict[str, str]) -> Any:
    """How join keys are written."""
    left = list(on)
    return on if left != list(on.values()) else left if len(left) > 1 else left[0]


@dataclass(frozen=True)
class AntiJoin:
    table: Path
    on: dict[str, str]  # column of the dataset -> column of the table

    def yaml(self) -> dict[str, Any]:
        return {"anti_join": {"parquet": str(self.table), "on": on_yaml(self.on)}}

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
    keep: float | tuple[str, Callable[[pa.Table], np.ndarray]]
    by: list[str] = field(default_factory=list)
    where: tuple[str, Mask] | None = None
    weight: str | None = None
    salt: str | None = None
    each_epoch: bool = False

    def yaml(self) -> dict[str, Any]:
        said: dict[str, Any] = {"keep": self.keep[0] if isinstance(self.keep, tuple) else self.keep}
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
        kept = ~sampled | (u < self.share(rows))
        if self.weight:
            share = np.minimum(self.share(rows), 1)
            with np.errstate(divide="ignore"):
                factor = np.where(sampled, np.float32(1 / share), np.float32(1))
            rows = multiply(rows, self.weight, factor, None)
        return rows.filter(pa.array(kept))

    def share(self, rows: pa.Table) -> np.ndarray:
        """The share that is kept of rows like each (float64)."""
        if isinstance(self.keep, tuple):
            return self.keep[1](rows).astype(np.float64)
        return np.full(len(rows), self.keep)

    def draws(self, rows: pa.Table, context: Context) -> np.ndarray:
        """u of each row (float64 in [0, 1))."""
        salt = "downsample" if self.salt is None else self.salt
        return drawn(rows, context, salt, self.by, self.each_epoch)


def drawn(
    rows: pa.Table, context: Context, salt: str, by: list[str], each_epoch: bool = False
) -> np.ndarray:
    """u of each row by some columns, or by its identity."""
    if by:
        keys = [key_bytes(rows.column(c).combine_chunks()) for c in by]
    else:
        path = np.asarray(rows.column(PATH))
        names_of_rows = pa.array([context.paths[i] for i in path], pa.string())
        numbers = [ROW, *copies(rows)]
        keys = [key_bytes(names_of_rows)]
        keys += [key_bytes(rows.column(c).combine_chunks()) for c in numbers]
    return uniform(salt, keys, context.seed, context.epoch if each_epoch else None)


def copies(rows: pa.Table) -> list[str]:
    """The columns of the copy numbers, one for each step so far that makes several rows of one."""
    return [name for name in rows.column_names if name.startswith(COPY)]


def multiply(rows: pa.Table, name: str, factor: np.ndarray, mask: np.ndarray | None) -> pa.Table:
    """A weight column times a float32 factor with nulls; made where it does not exist."""
    if name not in rows.column_names:
        return rows.append_column(name, pa.array(factor.astype(np.float32), mask=mask))
    at = rows.column_names.index(name)
    old = rows.column(at).cast(pa.float32())
    null = np.asarray(old.is_null()) | (False if mask is None else mask)
    product = np.asarray(old.fill_null(0)).astype(np.float32) * factor.astype(np.float32)
    return rows.set_column(at, name, pa.array(product, mask=null))
