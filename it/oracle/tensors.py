"""The values of the tensors of some rows, from what pyarrow reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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


Value = np.ndarray | Ragged


@dataclass(frozen=True)
class Tensor:
    columns: str | list[str]
    dtype: str | None = None
    fill: float | None = None
    max_length: int | None = None
    hash: tuple[int, int] | None = None  # buckets, seed

    def yaml(self) -> dict[str, Any]:
        said: dict[str, Any] = {"columns": self.columns}
        if self.dtype is not None:
            said["dtype"] = self.dtype
        if self.fill is not None:
            said["fill"] = self.fill
        if self.max_length is not None:
            said["max_length"] = self.max_length
        if self.hash is not None:
            said["hash"] = {"buckets": self.hash[0], "seed": self.hash[1]}
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

    def of(self, rows: pa.Table) -> Value:
        """Its value for these rows."""
        columns = [rows.column(c).combine_chunks() for c in self.resolve(rows.column_names)]
        if self.is_matrix:
            return np.stack([self._flat(c) for c in columns], axis=1)
        column = columns[0]
        if pa.types.is_fixed_size_list(column.type):
            return self._fixed(column)
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            return self._ragged(column)
        return self._flat(column)

    def _flat(self, column: pa.Array) -> np.ndarray:
        if self.hash is not None:
            ids = hashed_ids(column.to_pylist(), *self.hash)
            column = pa.array(ids, pa.int64())
        kind = column.type
        if pa.types.is_date(kind):
            column = column.cast(pa.int32())
        elif pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
        missing = np.asarray(column.is_null())
        if missing.any() and self.fill is None:
            raise ValueError("null without fill")
        zero = False if pa.types.is_boolean(kind) else 0
        values = np.asarray(column.fill_null(zero))
        widened = WIDENED.get(column.type)
        if widened is not None and self.dtype is None:
            if len(values) and values.max() > np.iinfo(widened).max:
                raise OverflowError("uint64 out of range")
            values = values.astype(widened)
        if self.dtype is not None:
            values = values.astype(self.dtype)
        if missing.any():
            values = values.copy()
            values[missing] = self.fill
        return values

    def _fixed(self, column: pa.FixedSizeListArray) -> np.ndarray:
        valid = np.asarray(column.is_valid())
        if not valid.all() and self.fill is None:
            raise ValueError("null without fill")
        flat = self._flat(column.flatten())
        out = np.full((len(column), column.type.list_size), self.fill or 0, dtype=flat.dtype)
        out[valid] = flat.reshape(-1, column.type.list_size)
        return out

    def _ragged(self, column: pa.ListArray) -> Ragged:
        lengths = np.asarray(pc.list_value_length(column).fill_null(0)).astype(np.int64)
        flat = column.flatten()
        if self.max_length is not None:
            starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]) if len(lengths) else lengths
            within = np.arange(len(flat)) - np.repeat(starts, lengths)
            flat = flat.filter(pa.array(within < self.max_length))
            lengths = np.minimum(lengths, self.max_length)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return Ragged(self._flat(flat), offsets)

    def padding(self, rows: pa.Table) -> Value:
        """Its value for the one padding row: zeros, or an empty list."""
        like = self.of(rows.slice(0, 1)) if len(rows) else self.of(rows)
        if isinstance(like, Ragged):
            return Ragged(like.values[:0], np.zeros(2, dtype=np.int64))
        return np.zeros((1, *like.shape[1:]), dtype=like.dtype)
