"""Where rows come from: files of four formats, and the small tables of joins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

from lastmile import _checks
from lastmile._canonical import Json
from lastmile.errors import UserError

Format = Literal["parquet", "csv", "json", "arrow"]
OnCorrupt = Literal["fail", "skip"]
Schema = Literal["strict", "union"]
Value = int | float | str | bool | None


@dataclass(frozen=True)
class Source:
    """A table in files. Paths are relative to the experiment's folder or absolute.

    ``on_corrupt`` and ``schema`` are those of Parquet; other formats have none.
    """

    format: Format
    paths: tuple[str, ...]
    on_corrupt: OnCorrupt | None = None
    schema: Schema | None = None

    def said(self) -> dict[str, Json]:
        """Return the canonical form."""
        tree: dict[str, Json] = {self.format: list(self.paths)}
        if self.format == "parquet":
            tree |= {"on_corrupt": self.on_corrupt, "schema": self.schema}
        return tree

    def table(self) -> dict[str, Json]:
        """Return the canonical form of this source as the small table of a join."""
        if self.on_corrupt not in (None, "fail"):
            raise UserError(f"Invalid on_corrupt: {self.on_corrupt} (the table of a join must be whole)")
        return self.said()


def of_format(format: Format, paths: Iterable[object]) -> Source:
    """Return the source of files of a format."""
    return Source(format, tuple(_checks.some_names(format, paths)))


def parquet(paths: Iterable[object], on_corrupt: object, schema: object) -> Source:
    """Return the source of Parquet files."""
    skipping = _checks.word("on_corrupt", on_corrupt, ("fail", "skip"))
    union = _checks.word("schema", schema, ("strict", "union"))
    return Source(
        "parquet",
        of_format("parquet", paths).paths,
        "skip" if skipping == "skip" else "fail",
        "union" if union == "union" else "strict",
    )


@dataclass(frozen=True)
class Values:
    """A small table whose rows are written in the experiment itself. Made by ``lastmile.values``."""

    columns: tuple[tuple[str, tuple[Value, ...]], ...]

    def table(self) -> dict[str, Json]:
        """Return the canonical form of this table in a join."""
        return {"values": [[name, list(values)] for name, values in self.columns]}


def values(columns: Mapping[str, Sequence[Value]]) -> Values:
    """Return a small table for a join, its rows given here.

    Args:
        columns: by name, all of one length: whole numbers (int64), numbers with a point (float64), text, or true and
            false, each column of one kind and with at least one value that is not None.

    Raises:
        UserError: a column mixes kinds, is longer or shorter than the first, or has no value.
    """
    said = _checks.mapping("values", columns)
    _checks.some_names("values", said)
    table = tuple((name, _column(name, said[name])) for name in said)
    first, rows = table[0][0], len(table[0][1])
    for name, column in table:
        if len(column) != rows:
            raise UserError(f'Invalid values: "{first}" has {rows}, but "{name}" has {len(column)}')
    return Values(table)


def _column(name: str, given: object) -> tuple[Value, ...]:
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise _checks.wrong(name, given, "a list")
    column = tuple(_value(f"{name}[{i}]", value) for i, value in enumerate(given))
    there = [value for value in column if value is not None]
    if not there:
        raise UserError(f'Invalid values: "{name}" has none (must have at least one not null)')
    for value in there:
        if type(value) is not type(there[0]):
            raise UserError(
                f'Invalid values: "{name}" has {_shown(value)} beside {_shown(there[0])} (must be all whole numbers, '
                f"all numbers with a point, all text or all true and false)"
            )
    return column


def _value(label: str, value: object) -> Value:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _checks.text(label, value)
    if isinstance(value, Integral):
        return _checks.whole(label, value)
    if isinstance(value, Real):
        return _checks.number(label, value)
    raise _checks.wrong(label, value, "a number, text, true, false or nothing")


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else _checks.found(value)
