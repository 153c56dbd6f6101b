"""The steps of a dataset, checked, in the form in which they travel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NotRequired, TypedDict

from lastmile import _checks
from lastmile._canonical import Json
from lastmile._tables import Source, Values
from lastmile.errors import UserError

Names = str | Sequence[str]
"""One name or pattern, or several."""

Keys = Names | Mapping[str, str]
"""Key columns that both tables name alike, or the name here and the name in the small table."""

Resample = Literal["once", "each_epoch"]
How = Literal["left", "inner"]
Match = Literal["unique", "first"]

_ROUNDING: Final = 1e-9


Label = TypedDict("Label", {"classes": Mapping[str, int], "else": NotRequired[int]})
"""A label of several classes: SQL conditions and their int32 classes, the first that is TRUE counts; else 0."""


@dataclass(frozen=True)
class Step:
    """One thing done to the rows: its kind, and what it says in canonical form."""

    kind: str
    says: Json

    def said(self) -> dict[str, Json]:
        """Return the canonical form."""
        return {self.kind: self.says}


def of_columns(kind: str, columns: Iterable[object]) -> Step:
    """``select`` or ``drop``."""
    return Step(kind, [*_checks.some_names(kind, columns)])


def filter(condition: object) -> Step:
    """``filter``."""
    return Step("filter", _checks.expression("filter", condition))


def derive(columns: Mapping[str, object]) -> Step:
    """``derive``."""
    said = _checks.mapping("derive", columns)
    pairs: list[Json] = [[name, _checks.expression(name, said[name])] for name in said]
    _checks.some_names("derive", said)
    return Step("derive", pairs)


def rename(names: object) -> Step:
    """``rename``."""
    said = _checks.mapping("rename", names)
    pairs: list[Json] = [[old, _new_name(old, said[old])] for old in said]
    _checks.some_names("rename", said)
    return Step("rename", pairs)


def _new_name(old: str, new: object) -> str:
    name = _checks.filled(_checks.filled(old, old), new)
    if old.count("*") != name.count("*") or old.count("*") > 1:
        raise UserError(f'Invalid name: "{name}" (must have one \'*\' where "{old}" has one)')
    return name


def cast(types: object) -> Step:
    """``cast``."""
    said = _checks.mapping("cast", types)
    pairs: list[Json] = [[columns, _checks.sql_type(columns, said[columns])] for columns in said]
    _checks.some_names("cast", said)
    return Step("cast", pairs)


def weight(factors: object) -> Step:
    """``weight``."""
    said = _checks.mapping("weight", factors)
    pairs: list[Json] = [[column, _checks.formula(column, said[column])] for column in said]
    _checks.some_names("weight", said)
    return Step("weight", pairs)


def label(columns: object) -> Step:
    """``label``."""
    said = _checks.mapping("label", columns)
    pairs: list[Json] = [[_checks.filled("label", name), _rule(name, said[name])] for name in said]
    _checks.some_names("label", said)
    return Step("label", pairs)


def _rule(name: str, rule: object) -> Json:
    if isinstance(rule, str):
        return {"classes": [[_checks.expression("classes", rule), 1]], "else": 0}
    said = _checks.mapping(name, rule, ("classes", "else"))
    classes = _checks.mapping("classes", _checks.required(said, "classes"))
    cases: list[Json] = [
        [_checks.expression("classes", condition), _checks.count(condition, classes[condition])]
        for condition in classes
    ]
    _checks.some_names("classes", classes)
    return {"classes": cases, "else": _checks.count("else", said.get("else", 0))}


def join(
    table: object, on: object, filter: object, *, select: object, prefix: object, how: object, match: object
) -> Step:
    """``join``."""
    more: dict[str, Json] = {
        "select": [*_checks.names("select", _checks.one_or_more("select", select))],
        "prefix": _checks.text("prefix", prefix),
        "how": _checks.word("how", how, ("left", "inner")),
        "match": _checks.word("match", match, ("unique", "first")),
    }
    return Step("join", _with_table(table, on, filter) | more)


def membership(kind: str, table: object, on: object, filter: object) -> Step:
    """``semi_join`` or ``anti_join``."""
    return Step(kind, _with_table(table, on, filter))


def _with_table(table: object, on: object, filter: object) -> dict[str, Json]:
    if not isinstance(table, Source | Values):
        raise _checks.wrong("table", table, "a path, lastmile.parquet(...), csv, json, arrow or values")
    tree = table.table()
    tree["filter"] = None if filter is None else _checks.expression("filter", filter)
    tree["on"] = _keys(on)
    return tree


def _keys(on: object) -> Json:
    if isinstance(on, Mapping):
        said = _checks.mapping("on", on)
        pairs = [(left, _checks.filled("on", said[left])) for left in said]
    elif isinstance(on, Iterable):
        pairs = [(column, column) for column in _checks.names("on", _checks.one_or_more("on", on))]
    else:
        raise _checks.wrong("on", on, "a column, a list of columns or { left: right }")
    _checks.some_names("on", [left for left, _ in pairs])
    return [[left, right] for left, right in pairs]


def downsample(keep: object, *, where: object, by: object, weight: object, salt: object, resample: object) -> Step:
    """``downsample``."""
    return Step(
        "downsample",
        {
            "where": None if where is None else _checks.expression("where", where),
            "keep": _checks.expression("keep", keep) if isinstance(keep, str) else _checks.share("keep", keep),
            "weight": None if weight is None else _checks.filled("weight", weight),
            **_draw(by, salt, resample),
        },
    )


def sample(keep: object, *, by: object, salt: object, resample: object) -> Step:
    """``sample``."""
    return Step("sample", {"keep": _checks.share("keep", keep), **_draw(by, salt, resample)})


def _draw(by: object, salt: object, resample: object) -> dict[str, Json]:
    return {
        "by": [*_checks.names("by", _checks.one_or_more("by", by))],
        "salt": _checks.text("salt", salt),
        "resample": _checks.word("resample", resample, ("once", "each_epoch")),
    }


def upsample(repeat: object, where: object, copy: object) -> Step:
    """``upsample``."""
    condition = None if where is None else _checks.expression("where", where)
    column = None if copy is None else _checks.filled("copy", copy)
    return Step("upsample", {"where": condition, "repeat": _checks.positive("repeat", repeat), "copy": column})


def explode(columns: Iterable[object], position: object) -> Step:
    """``explode``."""
    place = None if position is None else _checks.filled("position", position)
    return Step("explode", {"columns": [*_checks.some_names("columns", columns)], "position": place})


def truncate(columns: object, first: object, last: object) -> Step:
    """``truncate``."""
    if (first is None) == (last is None):
        said = "neither first nor last" if first is None else "first and last"
        raise UserError(f"Invalid truncate: {said} (must be one of them)")
    end = "last" if first is None else "first"
    values = _checks.positive(end, last if first is None else first)
    names = _checks.some_names("columns", _checks.one_or_more("columns", columns))
    return Step("truncate", {"columns": [*names], end: values})


def split(parts: object, *, by: object, part: object, salt: object) -> Step:
    """``split``; its part is None until the dataset has a name."""
    said = _checks.mapping("parts", parts)
    shares = [(name, _checks.share(name, said[name])) for name in said]
    _checks.some_names("parts", said)
    total = math.fsum(share for _, share in shares)
    if total > 1 + _ROUNDING:
        raise UserError(f"Invalid parts: they sum to {_checks.total(total)} (must be at most 1)")
    return Step(
        "split",
        {
            "by": [*_checks.names("by", _checks.one_or_more("by", by))],
            "parts": [[name, share] for name, share in shares],
            "part": None if part is None else _checks.text("part", part),
            "salt": _checks.text("salt", salt),
        },
    )


def limit(rows: object) -> Step:
    """``limit``."""
    return Step("limit", _checks.above_zero("limit", _checks.whole("limit", rows)))


def with_part(step: Step, name: str) -> Step:
    """Return a split that keeps the rows of a part."""
    return Step(step.kind, _says(step) | {"part": name})


def resolved(step: Step, dataset: str) -> Step:
    """Return a split that keeps the rows of the part that it names, else of the one of this name."""
    says = _says(step)
    name = dataset if says["part"] is None else says["part"]
    parts = [part for part, _ in says["parts"]]
    if name in parts:
        return with_part(step, name)
    known = f"(must be one of {', '.join(parts)})"
    if says["part"] is None:
        raise UserError(f'Missing part: no part is named "{dataset}" as the dataset is {known}')
    raise UserError(f'Unknown part "{name}" {known}')


def _says(step: Step) -> dict[str, Any]:
    assert isinstance(step.says, dict)
    return step.says
