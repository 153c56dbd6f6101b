"""The columns that the names of folders give."""

from __future__ import annotations

import datetime
import re
from urllib.parse import unquote

import pyarrow as pa

DEFAULT = "__HIVE_DEFAULT_PARTITION__"


def folders(path: str) -> dict[str, str | None]:
    """What the folders of a relative path say, by name."""
    said = {}
    for folder in path.split("/")[:-1]:
        key, equals, value = folder.partition("=")
        if key and equals:
            said[unquote(key)] = None if unquote(value) == DEFAULT else unquote(value)
    return said


def columns(paths: list[str]) -> list[dict[str, pa.Scalar]]:
    """For each path, its values by column, each column in one type for all paths."""
    said = [folders(path) for path in paths]
    typed = {name: _typed([one[name] for one in said]) for name in said[0]}
    return [{name: values[i] for name, values in typed.items()} for i in range(len(paths))]


def _typed(values: list[str | None]) -> pa.Array:
    given = [value for value in values if value is not None]
    if given and all(_is_integer(value) for value in given):
        return pa.array([None if v is None else int(v) for v in values], pa.int64())
    if given and all(_is_day(value) for value in given):
        days = [None if v is None else datetime.date.fromisoformat(v) for v in values]
        return pa.array(days, pa.date32())
    return pa.array(values, pa.string())


def _is_integer(value: str) -> bool:
    return re.fullmatch("0|-?[1-9][0-9]*", value) is not None and -(2**63) <= int(value) < 2**63


def _is_day(value: str) -> bool:
    if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is None:
        return False
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return True
