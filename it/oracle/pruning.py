"""Which files and row groups the leading filters leave: the rule of docs/guarantees.md.

It understands the conditions that tests write: comparisons of a column with literals. What it does
not understand prunes nothing.
"""

from __future__ import annotations

import datetime
import math
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .language import Step
from .steps import Derive, Drop, Filter, Select

TOKEN = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_]\w*|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|<=|>=|<>|!=|\S"""
)
MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
TYPES: dict[str, Any] = {"DATE": datetime.date, "TIMESTAMP": datetime.datetime}
ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
KEYWORDS = {"AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE"}
KEYWORDS |= {"END", "TRUE", "FALSE", "DATE", "TIMESTAMP", "LIKE", "CAST", "AS", "COLLATE"}


@dataclass(frozen=True)
class Comparison:
    column: str
    how: str  # = < <= > >= between in null valid
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Condition:
    """What a filter joins by AND; `whole` when it is all of it."""

    tokens: tuple[str, ...]
    filter: Filter
    whole: bool

    @property
    def names(self) -> set[str]:
        """The columns it uses, in lower case."""
        behind = [*self.tokens[1:], ""]
        return {
            unquoted(token).lower()
            for token, after in zip(self.tokens, behind, strict=True)
            if re.match('[A-Za-z_"]', token) and token.upper() not in KEYWORDS and after != "("
        }

    @property
    def comparison(self) -> Comparison | None:
        try:
            return _comparison(_bare(list(self.tokens)))
        except ValueError:
            return None


def unquoted(token: str) -> str:
    return token[1:-1].replace('""', '"') if token.startswith('"') else token


def leading(steps: list[Step]) -> list[Condition]:
    """The conditions that may prune."""
    conditions: list[Condition] = []
    derived: set[str] = set()
    for step in steps:
        match step:
            case Filter():
                parts = list(_conjuncts(TOKEN.findall(step.sql)))
                for part in parts:
                    condition = Condition(tuple(part), step, len(parts) == 1)
                    if not condition.names & derived:
                        conditions.append(condition)
            case Derive():
                derived |= {name.lower() for name in step.columns}
            case Select() | Drop():
                pass
            case _:
                break
    return conditions


def keeps_partition(conditions: list[Condition], values: dict[str, pa.Scalar]) -> bool:
    """Whether every condition on partitions alone is TRUE."""
    folders = {name.lower(): value for name, value in values.items()}
    for condition in conditions:
        if not condition.names or not condition.names <= folders.keys():
            continue
        comparison = condition.comparison
        if comparison is not None:
            value = folders[comparison.column.lower()]
            wanted = tuple(_typed(v, value.type) for v in comparison.values)
            if not _true(value.as_py(), comparison.how, wanted):
                return False
        elif condition.whole:
            row = pa.table({name: pa.array([v.as_py()], v.type) for name, v in values.items()})
            if not condition.filter.keeps(row)[0]:
                return False
    return True


def keeps_row_group(
    conditions: list[Condition], metadata: pq.FileMetaData, schema: pa.Schema, group: int
) -> bool:
    """Whether the statistics leave it open that every condition is TRUE for some row."""
    for condition in conditions:
        comparison = condition.comparison
        if comparison is not None and not _may(comparison, metadata, schema, group):
            return False
    return True


def _may(comparison: Comparison, metadata: pq.FileMetaData, schema: pa.Schema, group: int) -> bool:
    rows = metadata.row_group(group)
    leaf = _leaf(metadata.schema, comparison.column)
    statistics = None if leaf is None else rows.column(leaf).statistics
    if leaf is None or statistics is None:
        return True
    nulls = statistics.null_count if statistics.has_null_count else None
    if comparison.how == "null":
        return nulls != 0
    if nulls == rows.num_rows or comparison.how == "valid" or not statistics.has_min_max:
        return nulls != rows.num_rows
    kind = schema.field(metadata.schema.column(leaf).path).type
    wanted = tuple(_typed(value, kind) for value in comparison.values)
    low, high = statistics.min, statistics.max
    isnan = isinstance(low, float) and _reaches(math.nan, math.nan, comparison.how, wanted)
    strange = any(_family(value) != _family(low) for value in wanted)
    return strange or isnan or _reaches(low, high, comparison.how, wanted)


def _leaf(schema: pq.ParquetSchema, column: str) -> int | None:
    """The ordinal of a column that has one value a row."""
    for i in range(len(schema)):
        found = schema.column(i)
        if found.path.lower() == column.lower() and found.max_repetition_level == 0:
            return i
    return None


def _reaches(low: Any, high: Any, how: str, wanted: tuple[Any, ...]) -> bool:
    """Whether a value between the bounds may compare like this."""
    match how:
        case "<" | "<=":
            return _true(low, how, wanted)
        case ">" | ">=":
            return _true(high, how, wanted)
        case "between":
            return _true(high, ">=", wanted[:1]) and _true(low, "<=", wanted[1:])
        case _:  # = and in
            return any(_true(high, ">=", (v,)) and _true(low, "<=", (v,)) for v in wanted)


def _true(value: Any, how: str, wanted: tuple[Any, ...]) -> bool:
    if how in {"null", "valid"}:
        return (value is None) == (how == "null")
    if value is None:
        return False
    mine, keys = _key(value), [_key(each) for each in wanted]
    if how == "between":
        return keys[0] <= mine <= keys[1]
    return ORDERS[how](mine, keys[0]) if how in ORDERS else mine in keys


def _key(value: Any) -> tuple[bool, Any]:
    """Ordered as SQL does: strings by their bytes, NaN behind all numbers."""
    if isinstance(value, str):
        return False, value.encode()
    if isinstance(value, datetime.datetime):
        return False, value.replace(tzinfo=None)
    if isinstance(value, datetime.date):
        return False, datetime.datetime.combine(value, datetime.time())
    isnan = isinstance(value, float) and math.isnan(value)
    return isnan, 0 if isnan else value


def _family(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float, Decimal)):
        return "number"
    return "time" if isinstance(value, datetime.date) else type(value).__name__


def _typed(value: Any, kind: pa.DataType) -> Any:
    """A string literal takes the type of the column."""
    if not isinstance(value, str) or pa.types.is_string(kind):
        return value
    if pa.types.is_date(kind):
        return datetime.date.fromisoformat(value)
    if pa.types.is_timestamp(kind):
        return datetime.datetime.fromisoformat(value)
    if pa.types.is_floating(kind):
        return float(value)
    return int(value) if pa.types.is_integer(kind) else value


def _conjuncts(tokens: list[str]) -> Iterator[list[str]]:
    tokens = _bare(tokens)
    places, depth, between = [], 0, 0
    for place, token in enumerate(tokens):
        word = token.upper()
        depth += (word in ("(", "CASE")) - (word in (")", "END"))
        if depth == 0 and word == "OR":
            yield tokens
            return
        between += depth == 0 and word == "BETWEEN"
        if depth == 0 and word == "AND":
            if between:
                between -= 1
            else:
                places.append(place)
    if not places:
        yield tokens
        return
    for first, last in zip([-1, *places], [*places, len(tokens)], strict=True):
        yield from _conjuncts(tokens[first + 1 : last])


def _bare(tokens: list[str]) -> list[str]:
    """Without parentheses around all of it."""
    while tokens and tokens[0] == "(" and _closing(tokens) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _closing(tokens: list[str]) -> int:
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token == "(") - (token == ")")
        if depth == 0:
            return place
    return -1


def _comparison(tokens: list[str]) -> Comparison:
    upper = [token.upper() for token in tokens]
    if upper[1:] == ["IS", "NULL"]:
        return Comparison(_column(tokens[:1]), "null")
    if upper[1:] == ["IS", "NOT", "NULL"]:
        return Comparison(_column(tokens[:1]), "valid")
    if upper[1:3] == ["IN", "("] and upper[-1] == ")":
        values: list[list[str]] = [[]]
        for token in tokens[3:-1]:
            if token == ",":
                values.append([])
            else:
                values[-1].append(token)
        return Comparison(_column(tokens[:1]), "in", tuple(_literal(value) for value in values))
    if upper[1:2] == ["BETWEEN"] and "AND" in upper:
        at = upper.index("AND")
        bounds = _literal(tokens[2:at]), _literal(tokens[at + 1 :])
        return Comparison(_column(tokens[:1]), "between", bounds)
    at = next((i for i, token in enumerate(tokens) if token in MIRRORED), None)
    if at is None:
        raise ValueError
    left, how, right = tokens[:at], tokens[at], tokens[at + 1 :]
    try:
        return Comparison(_column(left), how, (_literal(right),))
    except ValueError:
        return Comparison(_column(right), MIRRORED[how], (_literal(left),))


def _column(tokens: list[str]) -> str:
    if len(tokens) != 1 or not re.match('[A-Za-z_"]', tokens[0]) or tokens[0].upper() in KEYWORDS:
        raise ValueError
    return unquoted(tokens[0])


def _literal(tokens: list[str]) -> Any:
    words = [token.upper() for token in tokens]
    if words in (["TRUE"], ["FALSE"]):
        return words == ["TRUE"]
    if len(words) == 2 and words[0] in TYPES:
        return TYPES[words[0]].fromisoformat(_text(tokens[1]))
    if len(words) == 1 and tokens[0].startswith("'"):
        return _text(tokens[0])
    sign = -1 if words[:1] == ["-"] else 1
    number = tokens[-1] if len(tokens) == (1 if sign == 1 else 2) else ""
    return sign * (int(number) if number.isdigit() else float(number))


def _text(token: str) -> str:
    if not token.startswith("'"):
        raise ValueError
    return token[1:-1].replace("''", "'")
