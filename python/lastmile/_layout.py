"""From a slot's bytes to arrays over them. Nothing is copied."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lastmile import _fork

Array = NDArray[Any]

BFLOAT16: Final = np.dtype("V2")
"""What an array of bfloat16 has for a dtype on its way to torch: numpy has none."""

_HEADER: Final = struct.Struct("<iiqqqi")
_I64: Final = struct.Struct("<q")
_MATRICES: Final = ("matrix", "fixed", "padded")


class TensorLayout(NamedTuple):
    """Where a tensor or key lies in a slot.

    ``offsets`` and ``length`` are -1 unless it is ragged or text, ``mask`` is -1 unless it has one. A keyed tensor has
    the keys for ``columns``, its int32 lengths at ``lengths``, and ``length`` belongs to its first key.
    """

    name: str
    role: str
    kind: str
    dtype: np.dtype[Any]
    width: int
    offset: int
    offsets: int
    length: int
    columns: tuple[str, ...]
    mask: int = -1
    lengths: int = -1


class Layout(NamedTuple):
    """Where everything lies in a slot; offsets in bytes from its start."""

    lengths: int
    position: int
    tensors: tuple[TensorLayout, ...]

    @staticmethod
    def parse(tree: Mapping[str, Any]) -> Layout:
        """Return the layout that the feeder describes in JSON."""
        return Layout(tree["lengths"], tree["position"], tuple(_tensor(tensor) for tensor in tree["tensors"]))


def _tensor(tree: Mapping[str, Any]) -> TensorLayout:
    return TensorLayout(
        name=tree["name"],
        role=tree["role"],
        kind=tree["kind"],
        dtype=BFLOAT16 if tree["dtype"] == "bfloat16" else np.dtype(tree["dtype"]),
        width=tree["width"],
        offset=tree["offset"],
        offsets=tree["offsets"],
        length=tree["length"],
        columns=tuple(tree["columns"]),
        mask=tree.get("mask", -1),
        lengths=tree.get("lengths", -1),
    )


class Header(NamedTuple):
    """What a slot says about its batch; ``rows`` counts the padding row, ``position`` is UTF-8 JSON."""

    rows: int
    padded: int
    global_rows: int
    epoch: int
    step: int
    position: bytes


class Raw(NamedTuple):
    """One tensor or key over a slot's memory: each array is a root, which every view made from it keeps alive."""

    layout: TensorLayout
    values: Array
    offsets: Array | None
    mask: Array | None = None
    lengths: Array | None = None

    def arrays(self) -> tuple[Array, ...]:
        """Return those that there are."""
        all_parts = (self.values, self.offsets, self.mask, self.lengths)
        return tuple(array for array in all_parts if array is not None)

    def copy(self) -> Raw:
        """Return the same with memory of its own."""
        return Raw(self.layout, self.values.copy(), _copy(self.offsets), _copy(self.mask), _copy(self.lengths))


def _copy(array: Array | None) -> Array | None:
    return None if array is None else array.copy()


def map_whole(path: str) -> mmap.mmap:
    """Map a slot's file for reading and writing, in this process alone (not in forked children)."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        memory = mmap.mmap(descriptor, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    finally:
        os.close(descriptor)
    _fork.keep_from_child(memory)
    return memory


def read_header(memory: mmap.mmap, layout: Layout) -> Header:
    """Read the header of a filled slot."""
    rows, padded, global_rows, epoch, step, length = _HEADER.unpack_from(memory)
    position = memory[layout.position : layout.position + length]
    return Header(rows, padded, global_rows, epoch, step, position)


def read_arrays(memory: mmap.mmap, layout: Layout, rows: int) -> tuple[Raw, ...]:
    """Return fresh arrays over the slot for its first ``rows`` rows."""
    return tuple(_read(memory, layout, tensor, rows) for tensor in layout.tensors)


def _read(memory: mmap.mmap, layout: Layout, tensor: TensorLayout, rows: int) -> Raw:
    # Made from the map itself, so that numpy, which shortens chains of views, keeps each of them as the base of all
    # arrays made from it.
    if tensor.kind == "keyed":
        return _read_keyed(memory, layout, tensor, rows)
    shape: tuple[int, ...] = (rows, tensor.width) if tensor.kind in _MATRICES else (rows,)
    offsets = None
    if tensor.offsets >= 0:
        shape = _I64.unpack_from(memory, layout.lengths + _I64.size * tensor.length)
        offsets = np.ndarray((rows + 1,), np.int64, memory, tensor.offsets)
    values = np.ndarray(shape, tensor.dtype, memory, tensor.offset)
    mask = np.ndarray(shape, np.bool_, memory, tensor.mask) if tensor.mask >= 0 else None
    return Raw(tensor, values, offsets, mask)


def _read_keyed(memory: mmap.mmap, layout: Layout, tensor: TensorLayout, rows: int) -> Raw:
    keys = len(tensor.columns)
    total = sum(struct.unpack_from(f"<{keys}q", memory, layout.lengths + _I64.size * tensor.length))
    values = np.ndarray((total,), tensor.dtype, memory, tensor.offset)
    lengths = np.ndarray((keys * rows,), np.int32, memory, tensor.lengths)
    return Raw(tensor, values, None, lengths=lengths)
