"""More steps of a dataset: what is written in the experiment beside what it must do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .steps import (
    COPY,
    AntiJoin,
    Context,
    Derive,
    Downsample,
    Drop,
    Filter,
    Mask,
    Select,
    copies,
    drawn,
    multiply,
    names,
    on_yaml,
)

Values = Callable[[pa.Table], pa.Array | np.ndarray]


@dataclass(frozen=True)
class Rename:
    to: dict[str, str]
    resolved: dict[str, str]  # by hand, where `to` has patterns

    def yaml(self) -> dict[str, Any]:
        return {"rename": self.to}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        return rows.rename_columns([self.resolved.get(c, c) for c in rows.column_names])


@dataclass(frozen=True)
class Cast:
    patterns: dict[str, tuple[str, pa.DataType]]  # name or glob -> type in SQL, in Arrow

    def yaml(self) -> dict[str, Any]:
        return {"cast": {pattern: sql for pattern, (sql, _) in self.patterns.items()}}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        for pattern, (_, kind) in self.patterns.items():
            for name in names([pattern], rows.column_names):
                at = rows.column_names.index(name)
                rows = rows.set_column(at, name, rows.column(at).cast(kind))
        return rows


@dataclass(frozen=True)
class Label:
    classes: dict[str, list[tuple[str, Mask, int]]]  # condition, its places, class
    otherwise: int = 0

    def yaml(self) -> dict[str, Any]:
        return {"label": {name: self._yaml(cases) for name, cases in self.classes.items()}}

    def _yaml(self, cases: list[tuple[str, Mask, int]]) -> Any:
        if self.otherwise == 0 and [label for _, _, label in cases] == [1]:
            return cases[0][0]
        return {"classes": {sql: label for sql, _, label in cases}, "else": self.otherwise}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        for name, cases in self.classes.items():
            labels = np.full(len(rows), self.otherwise, dtype=np.int32)
            for _, holds, label in reversed(cases):
                labels[holds(rows)] = label
            rows = rows.append_column(name, pa.array(labels))
        return rows


@dataclass(frozen=True)
class Weight:
    factors: dict[str, tuple[str, Values]]

    def yaml(self) -> dict[str, Any]:
        return {"weight": {name: sql for name, (sql, _) in self.factors.items()}}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        for name, (_, compute) in self.factors.items():
            factor = pa.chunked_array([pa.array(compute(rows))]).cast(pa.float32())
            values = np.asarray(factor.fill_null(0))
            rows = multiply(rows, name, values, np.asarray(factor.is_null()))
        return rows


@dataclass(frozen=True)
class Truncate:
    columns: list[str]
    first: int | None = None
    last: int | None = None

    def yaml(self) -> dict[str, Any]:
        end = {"first": self.first} if self.last is None else {"last": self.last}
        return {"truncate": {"columns": self.columns} | end}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        part = slice(self.first) if self.last is None else slice(-self.last, None)
        for name in names(self.columns, rows.column_names):
            at = rows.column_names.index(name)
            column = rows.column(at)
            cut = [None if value is None else value[part] for value in column.to_pylist()]
            kind = pa.list_(column.type.value_type)
            rows = rows.set_column(at, name, pa.array(cut, kind))
        return rows


def repeat(rows: pa.Table, times: np.ndarray) -> pa.Table:
    """Each row so many times, its copies numbered from 0."""
    level = f"{COPY}{len(copies(rows))}"
    starts = np.cumsum(times) - times
    number = np.arange(int(times.sum())) - np.repeat(starts, times)
    rows = rows.take(np.repeat(np.arange(len(rows)), times))
    return rows.append_column(level, pa.array(number.astype(np.int64)))


@dataclass(frozen=True)
class Explode:
    columns: list[str]
    position: str | None = None

    def yaml(self) -> dict[str, Any]:
        if self.position is None:
            return {"explode": self.columns if len(self.columns) > 1 else self.columns[0]}
        return {"explode": {"columns": self.columns, "position": self.position}}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        lengths = pc.list_value_length(rows.column(self.columns[0])).fill_null(0)
        times = np.asarray(lengths).astype(np.int64)
        more = repeat(rows, times)
        for name in self.columns:
            lists = rows.column(name).to_pylist()
            elements = [element for value in lists for element in value or []]
            at = rows.column_names.index(name)
            kind = rows.column(at).type.value_type
            more = more.set_column(at, name, pa.array(elements, kind))
        if self.position is not None:
            more = more.append_column(self.position, more.column(copies(more)[-1]))
        return more

    def dropped(self, rows: pa.Table) -> int:
        lengths = pc.list_value_length(rows.column(self.columns[0])).fill_null(0)
        return int((np.asarray(lengths) == 0).sum())


@dataclass(frozen=True)
class Upsample:
    times: int
    where: tuple[str, Mask] | None = None
    copy: str | None = None

    def yaml(self) -> dict[str, Any]:
        where = {} if self.where is None else {"where": self.where[0]}
        copy = {} if self.copy is None else {"copy": self.copy}
        return {"upsample": {"repeat": self.times} | where | copy}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        where = np.ones(len(rows), bool) if self.where is None else self.where[1](rows)
        more = repeat(rows, np.where(where, self.times, 1))
        if self.copy is not None:
            more = more.append_column(self.copy, more.column(copies(more)[-1]))
        return more


@dataclass(frozen=True)
class Small:
    """The small side of a join: how it is written, and its rows."""

    said: dict[str, Any]
    rows: pa.Table

    def find(self, rows: pa.Table, on: dict[str, str]) -> list[int | None]:
        """The number of the first row with the same keys."""
        first: dict[tuple[object, ...], int] = {}
        for number, key in enumerate(_tuples([self.rows.column(c) for c in on.values()])):
            first.setdefault(key, number)
        keys = _tuples([rows.column(c) for c in on])
        return [None if None in key else first.get(key) for key in keys]


def _tuples(columns: list[pa.ChunkedArray]) -> list[tuple[object, ...]]:
    return list(zip(*(c.to_pylist() for c in columns), strict=True))


@dataclass(frozen=True)
class Join:
    table: Small
    on: dict[str, str]
    columns: list[str]  # in the order of the table
    select: list[str] | None = None
    prefix: str = ""
    inner: bool = False
    first: bool = False

    def yaml(self) -> dict[str, Any]:
        said: dict[str, Any] = self.table.said | {"on": on_yaml(self.on)}
        if self.select is not None:
            said["select"] = self.select
        if self.prefix:
            said["prefix"] = self.prefix
        if self.inner:
            said["how"] = "inner"
        if self.first:
            said["match"] = "first"
        return {"join": said}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        found = pa.array(self.table.find(rows, self.on), pa.int64())
        for name in self.columns:
            rows = rows.append_column(self.prefix + name, self.table.rows.column(name).take(found))
        return rows.filter(found.is_valid()) if self.inner else rows


@dataclass(frozen=True)
class Member:
    """semi_join, or anti_join with any small table."""

    table: Small
    on: dict[str, str]
    anti: bool = False

    def yaml(self) -> dict[str, Any]:
        kind = "anti_join" if self.anti else "semi_join"
        return {kind: self.table.said | {"on": on_yaml(self.on)}}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        found = pa.array(self.table.find(rows, self.on), pa.int64())
        return rows.filter(found.is_null() if self.anti else found.is_valid())


@dataclass(frozen=True)
class Sample:
    keep: float
    by: list[str] = field(default_factory=list)
    salt: str | None = None
    each_epoch: bool = False

    def yaml(self) -> dict[str, Any]:
        said: dict[str, Any] = {"keep": self.keep, "by": self.by}
        if self.salt is not None:
            said["salt"] = self.salt
        if self.each_epoch:
            said["resample"] = "each_epoch"
        return {"sample": said if len(said) > 2 or self.by else self.keep}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        salt = "sample" if self.salt is None else self.salt
        u = drawn(rows, context, salt, self.by, self.each_epoch)
        return rows.filter(pa.array(u < self.keep))


@dataclass(frozen=True)
class Split:
    parts: dict[str, float]
    part: str
    by: list[str] = field(default_factory=list)
    salt: str | None = None

    def yaml(self) -> dict[str, Any]:
        said: dict[str, Any] = {"parts": self.parts, "part": self.part, "by": self.by}
        return {"split": said if self.salt is None else said | {"salt": self.salt}}

    def apply(self, rows: pa.Table, context: Context) -> pa.Table:
        u = drawn(rows, context, "split" if self.salt is None else self.salt, self.by)
        shares = list(self.parts.values())
        at = list(self.parts).index(self.part)
        low, high = sum(shares[:at]), sum(shares[: at + 1])
        if at == len(shares) - 1 and high > 1 - 1e-9:
            high = np.inf
        return rows.filter(pa.array((u >= low) & (u < high)))


@dataclass(frozen=True)
class Limit:
    rows: int

    def yaml(self) -> dict[str, Any]:
        return {"limit": self.rows}


COPYING = (Explode, Upsample)
DROPPING = (Filter, AntiJoin, Downsample, Join, Member, Sample, Split, Explode, Limit)
Step = (
    Filter
    | Derive
    | Select
    | Drop
    | AntiJoin
    | Downsample
    | Rename
    | Cast
    | Label
    | Weight
    | Truncate
    | Explode
    | Upsample
    | Join
    | Member
    | Sample
    | Split
    | Limit
)


def drops(step: Step) -> bool:
    """Whether a step counts the rows that it drops."""
    return isinstance(step, DROPPING) and not (isinstance(step, Join) and not step.inner)
