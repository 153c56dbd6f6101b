"""The checks of what is said in Python: those of the experiment file, in its words.

Each returns the value in the form in which it travels, or raises UserError with what was wrong, the value and the
bound: ``Invalid keep: 2.0 (must be in (0, 1])``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Final

from lastmile import _canonical, _nearest
from lastmile.errors import UserError

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SQL_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*( [A-Za-z]+)*(\([0-9]+(, ?[0-9]+)?\))?(\[[0-9]*\])*")
_MOST: Final = 2**31 - 1


def found(value: object) -> str:
    """Return a value as messages show it."""
    if isinstance(value, str):
        return f'"{value}"'
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        return _canonical.number(float(value))
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, Iterable) else f"a {type(value).__name__}"


def wrong(element: str, value: object, wanted: str) -> UserError:
    """Return the mistake that a value is not what is wanted."""
    return UserError(f"Invalid {element}: {found(value)} (must be {wanted})")


def text(element: str, value: object) -> str:
    """Check that a value is text."""
    if not isinstance(value, str):
        raise wrong(element, value, "text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserError(f"Invalid {element}: {value!a} (must be text that UTF-8 can say)") from None
    return str(value)


def filled(element: str, value: object) -> str:
    """Check that a value is text and not blank."""
    if not text(element, value).strip():
        raise UserError(f'Invalid {element}: "{value}" (must not be empty)')
    return text(element, value)


def name(element: str, value: object) -> str:
    """Check a name that becomes part of a file's name."""
    if not _NAME.fullmatch(text(element, value)):
        raise UserError(
            f"Invalid name: \"{value}\" (must be letters, digits, '-', '_' and '.', begin with a letter or digit, "
            f"and be at most 100 long)"
        )
    return text(element, value)


def expression(element: str, value: object) -> str:
    """Check that a value is the text of an SQL expression; what it says, the engine sees."""
    if not isinstance(value, str) or not value.strip():
        raise wrong(element, value, "an SQL expression")
    return text(element, value)


def formula(element: str, value: object) -> str:
    """Check an SQL expression, which may be a number."""
    if isinstance(value, Real) and not isinstance(value, bool):
        return found(value)
    return expression(element, value)


def sql_type(element: str, value: object) -> str:
    """Check the name of an SQL type; whether there is such a type, the engine sees."""
    if not _SQL_TYPE.fullmatch(text(element, value)):
        raise UserError(f'Invalid type: "{value}" (must be an SQL type such as FLOAT or BIGINT[])')
    return text(element, value)


def truth(element: str, value: object) -> bool:
    """Check that a value is true or false."""
    if not isinstance(value, bool):
        raise wrong(element, value, "true or false")
    return value


def whole(element: str, value: object) -> int:
    """Check a whole number of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise wrong(element, value, "a whole number")
    if not -(2**63) <= int(value) < 2**63:
        raise wrong(element, value, "a whole number of 64 bits")
    return int(value)


def count(element: str, value: object) -> int:
    """Check a whole number of 32 bits."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise wrong(element, value, "a whole number")
    if not -_MOST - 1 <= int(value) <= _MOST:
        raise wrong(element, value, f"at most {_MOST}")
    return int(value)


def positive(element: str, value: object) -> int:
    """Check a whole number of 32 bits above 0."""
    return above_zero(element, count(element, value))


def above_zero(element: str, value: int) -> int:
    """Check that a whole number is above 0."""
    if value <= 0:
        raise wrong(element, value, "> 0")
    return value


def number(element: str, value: object) -> float:
    """Check a finite number that a double holds."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise wrong(element, value, "a number")
    if isinstance(value, Integral):
        return _exact(element, int(value))
    double = float(value)
    if double - double != 0:
        raise wrong(element, value, "a finite number")
    return double


def _exact(element: str, value: int) -> float:
    try:
        double = float(value)
    except OverflowError:
        double = float("inf")
    if double != value:
        raise wrong(element, value, "a number that a 64-bit float holds exactly")
    return double


def share(element: str, value: object) -> float:
    """Check a share of rows."""
    double = number(element, value)
    if not 0 < double <= 1:
        raise wrong(element, double, "in (0, 1]")
    return double


def word(element: str, value: object, words: Sequence[str]) -> str:
    """Check that a value is one of some words."""
    said = text(element, value)
    if said in words:
        return said
    hint = _nearest.hint(said, words)
    if hint:
        raise UserError(f"Invalid {element}: {found(said)}{hint}")
    raise wrong(element, said, ("one of " if len(words) > 1 else "") + ", ".join(words))


def total(value: float) -> str:
    """Return a sum of shares as messages show it, without what is only the rounding of doubles."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


def names(element: str, values: Iterable[object]) -> list[str]:
    """Check names that are all filled and all different."""
    seen: dict[str, None] = {}
    for value in values:
        said = filled(element, value)
        if said in seen:
            raise UserError(f'Invalid {element}: "{said}" is listed twice')
        seen[said] = None
    return list(seen)


def some_names(element: str, values: Iterable[object]) -> list[str]:
    """As :func:`names`, and at least one."""
    checked = names(element, values)
    if not checked:
        raise UserError(f"Invalid {element}: none (must be at least one)")
    return checked


def one_or_more(element: str, value: object) -> list[object]:
    """Return one text, or a list of them, as a list."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise wrong(element, value, "text or a list of text")
    return list(value)


def mapping(element: str, value: object, known: Sequence[str] | None = None) -> Mapping[str, Any]:
    """Check a mapping with text as keys, and none but the known ones where they are given."""
    if not isinstance(value, Mapping):
        raise wrong(element, value, "a mapping")
    for key in value:
        text(element, key)
        if known is not None and key not in known:
            raise UserError(f'Unknown key "{key}"{_nearest.hint(key, known) or " (known: " + ", ".join(known) + ")"}')
    return value


def required(value: Mapping[str, Any], key: str) -> Any:
    """Return what a mapping has under a key that must be there."""
    if key not in value:
        raise UserError(f'Missing key "{key}"')
    return value[key]
