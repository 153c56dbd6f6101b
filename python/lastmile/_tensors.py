"""A tensor of the batch, checked, in the form in which it travels."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, Final, Literal, NotRequired, TypedDict

from lastmile import _checks
from lastmile._canonical import Json, number
from lastmile.errors import UserError

DType = Literal["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
Null = Literal["fill", "error", "mask"]
End = Literal["first", "last"]
Layout = Literal["dense", "keyed"]

_DTYPES: Final = ("bool", "int8", "uint8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
_BOUNDS: Final = {"float16": 65520.0, "bfloat16": float.fromhex("0x1.FFp127"), "float32": math.inf}


class Hash(TypedDict):
    """Strings become ids: XXH64(UTF-8, seed) mod buckets; the seed is 0 where it is not said."""

    buckets: int
    seed: NotRequired[int]


def tensor(
    columns: object,
    *,
    dtype: object,
    fill: object,
    null: object,
    max_length: object,
    truncate: object,
    pad: object,
    layout: object,
    hash: object,
    vocabulary: object,
) -> dict[str, Json]:
    """Return the canonical form of a tensor, the defaults that hang on its other parts written out."""
    kind = None if dtype is None else _checks.word("dtype", dtype, _DTYPES)
    value = None if fill is None else _fill(_checks.number("fill", fill), kind)
    nulls = None if null is None else _checks.word("null", null, ("fill", "error", "mask"))
    become = nulls or ("error" if value is None else "fill")
    tree: dict[str, Json] = {
        "columns": _columns(columns),
        "dtype": kind,
        "fill": 0.0 if value is None and become != "error" else value,
        "null": become,
        "max_length": None if max_length is None else _checks.positive("max_length", max_length),
        "truncate": _checks.word("truncate", truncate, ("first", "last")),
        "pad": _checks.truth("pad", pad),
        "layout": _checks.word("layout", layout, ("dense", "keyed")),
        "hash": None if hash is None else _hash(hash),
        "vocabulary": None if vocabulary is None else _checks.filled("vocabulary", vocabulary),
    }
    _check_together(tree, given_fill=value is not None)
    return tree


def _check_together(tree: Mapping[str, Json], *, given_fill: bool) -> None:
    if tree["pad"] and tree["max_length"] is None:
        raise UserError("Invalid pad: true (needs max_length, the width of the matrix)")
    if tree["truncate"] == "last" and tree["max_length"] is None:
        raise UserError("Invalid truncate: last (needs max_length, the values that stay)")
    if tree["null"] == "error" and given_fill and not tree["pad"]:
        raise UserError("Invalid null: error (the tensor has a fill)")
    if tree["vocabulary"] is not None and tree["hash"] is not None:
        raise UserError(f'Invalid vocabulary: "{tree["vocabulary"]}" (the tensor has a hash; take one of them)')
    if tree["layout"] == "keyed" and tree["pad"]:
        raise UserError("Invalid pad: true (a keyed tensor is no matrix)")
    if tree["layout"] == "keyed" and tree["null"] == "mask":
        raise UserError("Invalid null: mask (a keyed tensor has no mask; take fill or error)")


def _columns(columns: object) -> Json:
    """One column by its name, or the names and patterns of a matrix."""
    if isinstance(columns, str):
        is_pattern = "*" in columns or "?" in columns
        return [columns] if is_pattern else _checks.filled("columns", columns)
    return [*_checks.some_names("columns", _checks.one_or_more("columns", columns))]


def _hash(hash: object) -> Json:
    said: Mapping[str, Any]
    said = _checks.mapping("hash", hash, ("buckets", "seed")) if isinstance(hash, Mapping) else {"buckets": hash}
    buckets = _checks.whole("buckets", _checks.required(said, "buckets"))
    return {"buckets": _checks.above_zero("buckets", buckets), "seed": _checks.whole("seed", said.get("seed", 0))}


def _fill(value: float, dtype: str | None) -> float:
    if dtype is not None and not _holds(dtype, value):
        raise UserError(f"Invalid fill: {number(value)} (must be a value of {dtype})")
    return value


def _holds(dtype: str, value: float) -> bool:
    """Whether a type has this very value; floating-point types round, and hold what stays finite."""
    if dtype == "float64":
        return True
    if dtype in _BOUNDS:
        return abs(_as_float32(value)) < _BOUNDS[dtype]
    if dtype == "bool":
        return value in (0, 1)
    bits = int(dtype.removeprefix("u").removeprefix("int"))
    low, high = (0, 2**bits) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    return value == math.floor(value) and low <= value < high


def _as_float32(value: float) -> float:
    try:
        rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.inf
    return rounded
