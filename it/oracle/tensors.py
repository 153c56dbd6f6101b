"""The values of the tensors of some rows, from what pyarrow reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .hashing import hashed_ids
from .steps import PATH, ROW, names

WIDENED = {
    pa.uint8(): np.dtype("<i2"),
    pa.uint16(): np.dtype("<i4"),
    pa.uint32(): np.dtype("<i8"),
    pa.uint64(): np.dtype("<i8"),
}


class Ragged(NamedTuple):
    values: np.ndarray
    offsets: np.ndarray


class Masked(NamedTuple):
    """Two values of one shape; the mask tells which values were there."""

    values: Any
    mask: Any


class Keyed(NamedTuple):
    keys: tuple[str, ...]
    values: np.ndarray
    lengths: np.ndarray


Value = np.ndarray | Ragged | Masked | Keyed


@dataclass(frozen=True)
class Tensor:
    columns: str | list[str]
    dtype: str | None = None
    fill: float | None = None
    max_length: int | None = None
    hash: tuple[int, int] | None = None  # buckets, seed
    null: str | None = None
    truncate: str | None = None
    pad: bool = False
    layout: str | None = None
    vocabulary: tuple[str, list[str]] | None = None  # file, its words

    def yaml(self) -> dict[str, Any]:
        said: dict[str, Any] = {"columns": self.columns}
        for key in ("dtype", "fill", "max_length", "null", "truncate", "layout"):
            if getattr(self, key) is not None:
                said[key] = getattr(self, key)
        if self.hash is not None:
            said["hash"] = {"buckets": self.hash[0], "seed": self.hash[1]}
        if self.pad:
            said["pad"] = True
        if self.vocabulary is not None:
            said["vocabulary"] = self.vocabulary[0]
        return said

    def resolve(self, columns: list[str]) -> list[str]:
        """The names of its columns, given those of the rows."""
        visible = [c for c in columns if c not in (PATH, ROW)]
        if isinstance(self.columns, str) and self.columns in visible:
            return [self.columns]
        patterns = [self.columns] if isinstance(self.columns, str) else self.columns
        return names(patterns, visible)

    @property
    def is_matrix(self) -> bool:
        return not isinstance(self.columns, str) or "*" in self.columns

    @property
    def when_null(self) -> str:
        return self.null or ("error" if self.fill is None else "fill")

    def of(self, rows: pa.Table) -> Value:
        """Its value for these rows."""
        names = self.resolve(rows.column_names)
        columns = [rows.column(c).combine_chunks() for c in names]
        if self.layout == "keyed":
            return self._keyed(names, columns)
        if self.is_matrix:
            values = np.stack([self._flat(c) for c in columns], axis=1)
            return self._masked(values, np.stack([_there(c) for c in columns], axis=1))
        column = columns[0]
        if pa.types.is_fixed_size_list(column.type):
            return self._fixed(column)
        if _is_list(column):
            return self._padded(column) if self.pad else self._ragged(column)
        return self._masked(self._flat(column), _there(column))

    def unknown(self, rows: pa.Table) -> int:
        """How many of its values are not in the vocabulary, those that are cut off not counted."""
        if self.vocabulary is None:
            return 0
        words, count = set(self.vocabulary[1]), 0
        for name in self.resolve(rows.column_names):
            for value in rows.column(name).to_pylist():
                texts = self._cut(value) if isinstance(value, list) else [value]
                count += sum(text is not None and text not in words for text in texts)
        return count

    def _masked(self, values: Any, mask: Any) -> Value:
        return Masked(values, mask) if self.when_null == "mask" else values

    def _flat(self, column: pa.Array) -> np.ndarray:
        if self.hash is not None:
            ids = hashed_ids(column.to_pylist(), *self.hash)
            column = pa.array(ids, pa.int64())
        if self.vocabulary is not None:
            number = {word: i for i, word in enumerate(self.vocabulary[1], start=1)}
            texts = column.to_pylist()
            ids = [None if text is None else number.get(text, 0) for text in texts]
            column = pa.array(ids, pa.int64())
        kind = column.type
        if pa.types.is_date(kind):
            column = column.cast(pa.date32()).cast(pa.int32())
        elif pa.types.is_timestamp(kind):
            column = _microseconds(column)
        elif pa.types.is_decimal(kind):
            exact = [None if value is None else float(value) for value in column.to_pylist()]
            column = pa.array(exact, pa.float64())
        missing = ~_there(column)
        if missing.any() and self.when_null == "error":
            raise ValueError("null without fill")
        zero = False if pa.types.is_boolean(kind) else 0
        values = np.asarray(column.fill_null(zero))
        widened = WIDENED.get(column.type)
        if widened is not None and self.dtype is None:
            if len(values) and values.max() > np.iinfo(widened).max:
                raise OverflowError("uint64 out of range")
            values = values.astype(widened)
        if self.dtype is not None:
            values = as_dtype(values, self.dtype)
        if missing.any():
            values = values.copy()
            values[missing] = self._filler(values.dtype)
        return values

    def _filler(self, dtype: np.dtype) -> Any:
        filler = np.array([0.0 if self.fill is None else self.fill])
        return bfloat16_bits(filler)[0] if self.dtype == "bfloat16" else filler.astype(dtype)[0]

    def _fixed(self, column: pa.FixedSizeListArray) -> Value:
        there = _there(column)
        if not there.all() and self.when_null == "error":
            raise ValueError("null without fill")
        size = column.type.list_size
        flat = self._flat(column.flatten())
        out = np.full((len(column), size), self._filler(flat.dtype), dtype=flat.dtype)
        out[there] = flat.reshape(-1, size)
        mask = np.zeros(out.shape, dtype=bool)
        mask[there] = _there(column.flatten()).reshape(-1, size)
        return self._masked(out, mask)

    def _cut(self, values: list[Any]) -> list[Any]:
        if self.max_length is None or len(values) <= self.max_length:
            return values
        return values[-self.max_length :] if self.truncate == "last" else values[: self.max_length]

    def _lists(self, column: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All values that stay, which of them are there, and how many each row has."""
        element = column.type.value_type
        if pa.types.is_timestamp(element):  # Python has no nanoseconds
            column = column.cast(pa.list_(pa.int64()))
        lists = [self._cut(value or []) for value in column.to_pylist()]
        flat = pa.array([x for some in lists for x in some], column.type.value_type).cast(element)
        lengths = np.array([len(some) for some in lists], dtype=np.int64)
        return self._flat(flat), _there(flat), lengths

    def _ragged(self, column: pa.ListArray) -> Value:
        values, there, lengths = self._lists(column)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return self._masked(Ragged(values, offsets), Ragged(there, offsets))

    def _padded(self, column: pa.ListArray) -> Masked:
        values, there, lengths = self._lists(column)
        assert self.max_length is not None
        shape = (len(column), self.max_length)
        out = np.full(shape, self._filler(values.dtype), dtype=values.dtype)
        mask = np.zeros(shape, dtype=bool)
        at = 0
        for row, length in enumerate(lengths.tolist()):
            out[row, :length] = values[at : at + length]
            mask[row, :length] = there[at : at + length] if self.when_null == "mask" else True
            at += length
        return Masked(out, mask)

    def _keyed(self, names: list[str], columns: list[pa.Array]) -> Keyed:
        lists = []
        for column in columns:
            if _is_list(column):
                lists.append(self._lists(column))
            else:
                items = [None if value is None else [value] for value in column.to_pylist()]
                lists.append(self._lists(pa.array(items, pa.list_(column.type))))
        return Keyed(
            tuple(names),
            np.concatenate([values for values, _, _ in lists]),
            np.concatenate([lengths for _, _, lengths in lists]).astype(np.int32),
        )

    def padded(self, rows: pa.Table, count: int) -> Value:
        """Its value for these rows and so many padding rows: zeros, or empty lists."""
        return _behind(self.of(rows), count)


def _behind(value: Value, count: int) -> Value:
    if isinstance(value, Masked):
        return Masked(_behind(value.values, count), _behind(value.mask, count))
    if isinstance(value, Keyed):
        lengths = value.lengths.reshape(len(value.keys), -1)
        return Keyed(value.keys, value.values, np.pad(lengths, ((0, 0), (0, count))).reshape(-1))
    if isinstance(value, Ragged):
        return Ragged(value.values, np.pad(value.offsets, (0, count), mode="edge"))
    zeros = np.zeros((count, *value.shape[1:]), dtype=value.dtype)
    return np.concatenate([value, zeros]) if count else value


def _microseconds(column: pa.Array) -> pa.Array:
    """Since 1970, rounded down."""
    if column.type.unit != "ns":
        return column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    there = _there(column)
    nanoseconds = np.asarray(column.cast(pa.int64()).fill_null(0))
    return pa.array(np.floor_divide(nanoseconds, 1000), pa.int64(), mask=~there)


def _there(column: pa.Array) -> np.ndarray:
    return np.asarray(column.is_valid())


def _is_list(column: pa.Array) -> bool:
    kind = column.type
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def as_dtype(values: np.ndarray, dtype: str) -> np.ndarray:
    """Values in another type; 16-bit floats by way of float32, bfloat16 as its bits."""
    if dtype == "bfloat16":
        return bfloat16_bits(values)
    if dtype == "float16":
        return values.astype(np.float32).astype(np.float16)
    return values.astype(dtype)


def bfloat16_bits(values: np.ndarray) -> np.ndarray:
    """The 16 bits of the nearest bfloat16 of each value, found by comparing both neighbours."""
    single = values.astype(np.float32)
    bits = single.view(np.uint32) & np.uint32(0xFFFF0000)
    with np.errstate(invalid="ignore"):  # NaN and infinity are no neighbours
        up = (bits + np.uint32(0x10000)).view(np.float32).astype(np.float64)
        down = bits.view(np.float32).astype(np.float64)
        exact = single.astype(np.float64)
        to_up, to_down = np.abs(up - exact), np.abs(exact - down)
    odd = (bits >> np.uint32(16)) & np.uint32(1) == 1
    bits = np.where((to_up < to_down) | ((to_up == to_down) & odd), bits + np.uint32(0x10000), bits)
    bits = np.where(np.isnan(single), np.uint32(0x7FC00000), bits)
    return (bits >> np.uint32(16)).astype(np.uint16)
