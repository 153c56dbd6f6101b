"""The slots of a feed: which are held by the script, and which can go back."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from weakref import ReferenceType, ref

from lastmile._batch import Batch, Wrap
from lastmile._layout import Array, Layout, Raw, map_whole, read_arrays, read_header

_NAMED_TENSORS: Final = 6
_NAMED_BATCHES: Final = 8


class _Held(NamedTuple):
    """A batch that the script has got: the roots of its tensors, which die with their last view."""

    step: int
    roots: list[tuple[str, ReferenceType[Array]]]

    def alive(self) -> list[str]:
        return list(dict.fromkeys(label for label, root in self.roots if root() is not None))

    def __str__(self) -> str:
        alive = self.alive()
        more = f" and {len(alive) - _NAMED_TENSORS} more" if len(alive) > _NAMED_TENSORS else ""
        return f"batch of step {self.step}: {', '.join(alive[:_NAMED_TENSORS])}{more}"


class Ring:
    """The mapped slots of one feed, and the batches over them. Used by the feed's thread only."""

    def __init__(self, paths: Sequence[str], layout: Layout, wrap: Wrap) -> None:
        self._layout = layout
        self._wrap = wrap
        self._slots = [map_whole(path) for path in paths]
        self._large: dict[int, tuple[mmap.mmap, Layout]] = {}
        self._held: dict[int, _Held] = {}

    @property
    def size(self) -> int:
        """The number of slots."""
        return len(self._slots)

    def batch(self, slot: int) -> tuple[Batch, bytes]:
        """Return the batch in a filled slot, or in a file made known by :meth:`map_large`, and its position."""
        memory, layout = self._large[slot] if slot in self._large else (self._slots[slot], self._layout)
        header = read_header(memory, layout)
        raws = read_arrays(memory, layout, header.rows)
        self._held[slot] = _Held(header.step, [root for raw in raws for root in _roots(raw)])
        return Batch(header, raws, self._wrap), header.position

    def map_large(self, slot: int, path: str, layout: Mapping[str, Any]) -> None:
        """Map the file of a batch that is too large for a slot. Doing it twice does no harm."""
        if slot not in self._large:
            self._large[slot] = map_whole(path), Layout.parse(layout)

    def released(self) -> list[int]:
        """Return the slots of which no view is alive any more, each of them once."""
        free = [slot for slot, held in self._held.items() if not any(root() is not None for _, root in held.roots)]
        for slot in free:
            del self._held[slot]
            self._large.pop(slot, None)
        return free

    def exhausted(self) -> bool:
        """Return whether the script holds every slot; a batch in a file of its own occupies one too."""
        return len(self._held) >= self.size

    def describe_held(self) -> str:
        """Name the batches and tensors that are held, for a message."""
        held: Iterable[_Held] = self._held.values()
        names = [str(batch) for batch in sorted(held, key=lambda batch: batch.step)]
        more = f"; and {len(names) - _NAMED_BATCHES} more" if len(names) > _NAMED_BATCHES else ""
        return "; ".join(names[:_NAMED_BATCHES]) + more


def _roots(raw: Raw) -> list[tuple[str, ReferenceType[Array]]]:
    label = f'"{raw.layout.name}"' if raw.layout.role == "tensor" else f'keys["{raw.layout.name}"]'
    return [(label, ref(array)) for array in raw.arrays()]
