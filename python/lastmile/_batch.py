"""A training batch: tensors over a slot of shared memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView, Mapping
from typing import Any, NamedTuple

import numpy as np

from lastmile._layout import Array, Header, Raw

Wrap = Callable[[Array], Any]
"""Makes what the script sees (itself, or a torch tensor over the same memory) from an array."""


class Ragged(NamedTuple):
    """Rows of different lengths, one after the other.

    Row ``r`` is ``values[offsets[r]:offsets[r + 1]]``. This is the layout of torch's nested tensors:
    ``torch.nested.nested_tensor_from_jagged(values, offsets)``.
    """

    values: Any
    """All values, shape ``[offsets[-1]]``."""
    offsets: Any
    """int64, shape ``[rows + 1]``, the first is 0."""


class Masked(NamedTuple):
    """Values of which some were not there (``null: mask`` or ``pad: true`` of the tensor).

    Both have one shape: ``[rows]``, ``[rows, n]``, or both are :class:`Ragged` with the same offsets. Where the mask
    is False the value is the tensor's ``fill``, or 0.
    """

    values: Any
    """The values."""
    mask: Any
    """Bool, True where there is a value: False for a null (``null: mask``) and behind a padded list."""


class KeyedRagged(NamedTuple):
    """Ragged columns of several keys, one key after the other (``layout: keyed`` of the tensor).

    Row ``r`` of key ``k`` has ``lengths[k * rows + r]`` values; they lie behind those of all earlier rows and keys.
    This is the layout of TorchRec: ``torchrec.KeyedJaggedTensor(list(keyed.keys), keyed.values,
    lengths=keyed.lengths)``.
    """

    keys: tuple[str, ...]
    """The columns, in the order of the tensor."""
    values: Any
    """All values, shape ``[sum(lengths)]``."""
    lengths: Any
    """int32, shape ``[len(keys) * rows]``."""

    @property
    def offsets(self) -> Any:
        """int64, shape ``[len(keys) * rows + 1]``, the first is 0: where the values of each key and row begin.

        Computed at each call.
        """
        ends = self.lengths.cumsum(0)
        offsets = np.zeros(len(ends) + 1, np.int64) if isinstance(ends, np.ndarray) else ends.new_zeros(len(ends) + 1)
        offsets[1:] = ends
        return offsets


class Keys(Mapping[str, Any]):
    """The columns that ride along (``keys:`` of the dataset), by name.

    A numeric column is an array of shape ``[rows]``, a text column a ``list[str]`` of ``rows`` strings, decoded when
    first asked for. Called like ``dict.keys()`` it gives the names of the batch's *tensors*, so that ``dict(batch)``
    works.
    """

    __slots__ = ("_raws", "_tensors", "_values", "_wrap")

    def __init__(self, raws: Mapping[str, Raw], wrap: Wrap, tensors: Mapping[str, Any]) -> None:
        self._raws = raws
        self._wrap = wrap
        self._tensors = tensors
        self._values: dict[str, Any] = {}

    def __call__(self) -> KeysView[str]:
        return self._tensors.keys()

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raw = self._raws.get(name)
            if raw is None:
                raise KeyError(f'no key "{name}" in this batch (there are: {_quoted(self._raws)})')
            self._values[name] = self._wrap(raw.values) if raw.offsets is None else _strings(raw.values, raw.offsets)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._raws)

    def __len__(self) -> int:
        return len(self._raws)

    def __repr__(self) -> str:
        return f"Keys({_quoted(self)})"


class Batch(Mapping[str, Any]):
    """One step of one rank: a mapping from tensor name to value, in the order of the experiment.

    Values are torch tensors or numpy arrays: a single column ``[rows]``, a matrix or fixed-size list ``[rows, n]`` in
    C order, a list column :class:`Ragged`, :class:`Masked` where the tensor has a mask, :class:`KeyedRagged` where its
    layout is keyed. They lie in shared memory that is used again once none of them is alive; whoever keeps some beyond
    the next steps keeps ``batch.clone()``. Until then that memory is this rank's alone: values may be changed in place.
    """

    __slots__ = ("_header", "_keys", "_mask", "_raws", "_values", "_wrap")

    def __init__(self, header: Header, raws: tuple[Raw, ...], wrap: Wrap) -> None:
        self._header = header
        self._raws = raws
        self._wrap = wrap
        self._mask: Any = None
        self._values = {raw.layout.name: _value(raw, wrap) for raw in raws if raw.layout.role == "tensor"}
        self._keys = Keys({raw.layout.name: raw for raw in raws if raw.layout.role == "key"}, wrap, self._values)

    @property
    def rows(self) -> int:
        """Rows of this batch on this rank, padding rows included: the length of its tensors."""
        return self._header.rows

    @property
    def global_rows(self) -> int:
        """Real rows of this step over all ranks, padding rows not counted."""
        return self._header.global_rows

    @property
    def epoch(self) -> int:
        """The epoch that this batch belongs to, from 0."""
        return self._header.epoch

    @property
    def step(self) -> int:
        """The step in the epoch, from 0; the same on all ranks."""
        return self._header.step

    @property
    def mask(self) -> Any:
        """Bool, shape ``[rows]``: False on the padding rows.

        They are the last of the batch, their values are zero and their lists empty, and they must not count.
        """
        if self._mask is None:
            mask = np.ones(self.rows, np.bool_)
            mask[self.rows - self._header.padded :] = False
            self._mask = self._wrap(mask)
        return self._mask

    @property
    def keys(self) -> Keys:
        """The columns that ride along: ``batch.keys["user_id"]``."""
        return self._keys

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the source columns of a tensor; of a matrix in the order of its columns."""
        for raw in self._raws:
            if raw.layout.name == name and raw.layout.role == "tensor":
                return raw.layout.columns
        raise self._unknown(name)

    def clone(self) -> Batch:
        """Return a copy with memory of its own, which may be kept for any time."""
        return Batch(self._header, tuple(raw.copy() for raw in self._raws), self._wrap)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise self._unknown(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"Batch(epoch={self.epoch}, step={self.step}, rows={self.rows}, tensors=[{_quoted(self._values)}])"

    def _unknown(self, name: str) -> KeyError:
        return KeyError(f'no tensor "{name}" in this batch (there are: {_quoted(self._values)})')


def _value(raw: Raw, wrap: Wrap) -> Any:
    values = wrap(raw.values)
    if raw.lengths is not None:
        return KeyedRagged(raw.layout.columns, values, wrap(raw.lengths))
    mask = None if raw.mask is None else wrap(raw.mask)
    if raw.offsets is not None:
        offsets = wrap(raw.offsets)
        values = Ragged(values, offsets)
        mask = None if mask is None else Ragged(mask, offsets)
    return values if mask is None else Masked(values, mask)


def _strings(values: Array, offsets: Array) -> list[str]:
    data = values.tobytes()
    bounds = offsets.tolist()
    return [data[bounds[row] : bounds[row + 1]].decode(errors="surrogateescape") for row in range(len(bounds) - 1)]


def _quoted(names: Mapping[str, Any]) -> str:
    return ", ".join(f'"{name}"' for name in names)
