"""What pyarrow and Python read from small files: CSV, JSON lines, Arrow IPC."""

from __future__ import annotations

import csv
import datetime
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

DATE = r"\d{4}-\d{2}-\d{2}"
CODE = r"[+-]?0\d+([.e].*)?"  # zip codes and the like have leading zeros to keep
INSTANT = DATE + r"[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?"
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|[+-]?inf(inity)?"


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value) and any(c.isdigit() for c in text):
        raise OverflowError(text)
    return value


def _instant(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


KINDS: list[tuple[str, pa.DataType, Callable[[str], Any]]] = [
    ("true|false", pa.bool_(), lambda text: text.lower() == "true"),
    (r"[+-]?\d+", pa.int64(), int),
    (r"\+?\d+", pa.uint64(), int),
    (r"[+-]?\d+", pa.string(), str),
    (NUMBER, pa.float64(), _number),
    (DATE, pa.date32(), datetime.date.fromisoformat),
    (INSTANT, pa.timestamp("us"), _instant),
    (INSTANT + r"(Z|[+-]\d{2}(:?\d{2})?)", pa.timestamp("us", "UTC"), _instant),
]


def small_tables(kind: str, files: list[Path]) -> list[pa.Table]:
    """The tables of the files of one source, all with the same columns."""
    return {"csv": _csv, "json": _json, "arrow": _arrow}[kind](files)


def _csv(files: list[Path]) -> list[pa.Table]:
    names: list[str] = []
    rows = []
    for path in files:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *values = csv.reader(file, strict=True)
        if len(header) > 1:
            values = [row for row in values if row]
        rows.append([dict(zip(header, row or [""], strict=True)) for row in values])
        names = names or header
    types = {name: _type([row[name] for table in rows for row in table]) for name in names}
    return [
        pa.table(
            {
                n: pa.array([_value(r[n], parse) for r in table], kind)
                for n, (kind, parse) in types.items()
            }
        )
        for table in rows
    ]


def _value(text: str, parse: Callable[[str], Any]) -> Any:
    return parse(text) if text else None


def _type(texts: list[str]) -> tuple[pa.DataType, Callable[[str], Any]]:
    """The first type that all values which are there can have."""
    values = [text for text in texts if text]
    if any(re.fullmatch(CODE, value, re.IGNORECASE) for value in values):
        return pa.string(), str
    for pattern, kind, parse in KINDS if values else []:
        if all(re.fullmatch(pattern, value, re.IGNORECASE) for value in values):
            try:
                pa.array([parse(value) for value in values], kind)
            except (ValueError, OverflowError):
                continue
            return kind, parse
    return pa.string(), str


def _json(files: list[Path]) -> list[pa.Table]:
    tables = [
        [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        for path in files
    ]
    names = list(dict.fromkeys(key for table in tables for row in table for key in row))
    everything = {n: pa.array([row.get(n) for table in tables for row in table]) for n in names}
    types = {n: pa.string() if pa.types.is_null(a.type) else a.type for n, a in everything.items()}
    return [
        pa.table({n: pa.array([row.get(n) for row in table], t) for n, t in types.items()})
        for table in tables
    ]


def _arrow(files: list[Path]) -> list[pa.Table]:
    tables = []
    for path in files:
        with pa.memory_map(str(path)) as source:
            try:
                table = pa.ipc.open_file(source).read_all()
            except pa.ArrowInvalid:
                source.seek(0)
                table = pa.ipc.open_stream(source).read_all()
        kinds = {field.name: _single(field.type) for field in table.schema}
        tables.append(table.cast(pa.schema(kinds.items())))
    return tables


def _single(kind: pa.DataType) -> pa.DataType:
    """16-bit floats are read as 32-bit ones, also in lists."""
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_single(kind.value_type), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(_single(kind.value_type))
    if pa.types.is_dictionary(kind) and pa.types.is_float16(kind.value_type):
        return pa.float32()
    return pa.float32() if pa.types.is_float16(kind) else kind
