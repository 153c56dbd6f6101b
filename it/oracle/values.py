"""The digest of the values of delivered rows: what `certificate: full` says of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from .tensors import Keyed, Masked, Ragged, Tensor, Value
from .xxh64 import xxh64


def values_digest(
    rows: pa.Table, identities: np.ndarray, tensors: Mapping[str, Tensor], keys: list[str]
) -> str:
    """The sum over rows of a chain of XXH64: the identity's, then each tensor's and key's bytes."""
    forms = [form for tensor in tensors.values() for form in _forms(tensor.of(rows))]
    for name in keys:
        column = rows.column(name).combine_chunks()
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            forms.append([(text or "").encode() for text in column.to_pylist()])
        else:
            forms += _forms(Tensor(name).of(rows))
    total = 0
    for row, identity in enumerate(identities.tolist()):
        chain = identity
        for form in forms:
            chain = xxh64(form[row], chain)
        total += chain
    return f"{total % 2**64:016x}"


def _forms(value: Value) -> list[list[bytes]]:
    """The bytes of each row, for each form of a value."""
    if isinstance(value, Masked):
        return [*_forms(value.values), *_forms(value.mask)]
    if isinstance(value, Ragged):
        return [_slices(value.values, value.offsets)]
    if isinstance(value, Keyed):
        ends = np.concatenate([[0], np.cumsum(value.lengths)])
        rows = len(value.lengths) // len(value.keys)
        return [
            _slices(value.values, ends[key * rows : (key + 1) * rows + 1])
            for key in range(len(value.keys))
        ]
    return [[row.tobytes() for row in value]]


def _slices(values: np.ndarray, offsets: np.ndarray) -> list[bytes]:
    return [values[offsets[i] : offsets[i + 1]].tobytes() for i in range(len(offsets) - 1)]
