"""Canonical JSON: the text in which an experiment travels, the same from YAML, Java and Python, byte for byte.

No spaces, object keys sorted, text unescaped but for what JSON demands, and numbers as Java writes them: the shortest
digits that give the same double back, with a fraction (``1.0``), and as ``1.0E-5`` below 0.001 and from ten million.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
"""What JSON can say."""

_ESCAPED: Final = re.compile(r'[\x00-\x1f"\\]')
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_PLAIN_FROM: Final = -3
_PLAIN_BELOW: Final = 7


def text(tree: Json) -> str:
    """Return the canonical text of a tree whose numbers are finite."""
    parts: list[str] = []
    _append(parts, tree)
    return "".join(parts)


def _append(parts: list[str], tree: Json) -> None:
    if isinstance(tree, Mapping):
        for i, key in enumerate(sorted(tree)):
            parts.append(("," if i else "{") + quoted(key) + ":")
            _append(parts, tree[key])
        parts.append("}" if tree else "{}")
    elif isinstance(tree, list):
        for i, value in enumerate(tree):
            parts.append("," if i else "[")
            _append(parts, value)
        parts.append("]" if tree else "[]")
    else:
        parts.append(_scalar(tree))


def _scalar(value: bool | int | float | str | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    return number(value) if isinstance(value, float) else str(value)


def quoted(value: str) -> str:
    """Return text as a JSON string."""
    return '"' + _ESCAPED.sub(lambda found: _SHORT.get(found[0], f"\\u{ord(found[0]):04X}"), value) + '"'


def number(value: float) -> str:
    """Return a double as Java writes it."""
    if not math.isfinite(value):
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(repr(value), "NaN")
    sign = "-" if repr(value).startswith("-") else ""
    digits, exponent = _digits(abs(value))
    if digits == "0":
        return sign + "0.0"
    if _PLAIN_FROM <= exponent < _PLAIN_BELOW:
        return sign + _plain(digits, exponent)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _digits(value: float) -> tuple[str, int]:
    """Return the shortest significant digits and the power of ten of the first of them."""
    shortest = repr(value)
    mantissa, _, power = shortest.partition("e")
    whole, _, fraction = mantissa.partition(".")
    written = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(written)
    digits = written.rstrip("0") or "0"
    exponent = len(whole) - 1 - leading + int(power or 0)
    two = f"{value:.1e}"
    if len(digits) == 1 and float(two) == value:  # Java takes the nearer of two digits where one would do
        mantissa, _, power = two.partition("e")
        return mantissa.replace(".", "").rstrip("0") or "0", int(power)
    return digits, exponent


def _plain(digits: str, exponent: int) -> str:
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    return whole + "." + (digits[exponent + 1 :] or "0")
