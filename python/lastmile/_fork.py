"""What a forked child must let go of.

A child that kept a copy of the feed's socket or of the engine's lifeline would hide the parent's death, so both are
closed in the child. The slots are not mapped there at all (``MADV_DONTFORK``).
"""

from __future__ import annotations

import mmap
import os
from typing import Protocol
from weakref import WeakSet


class Abandonable(Protocol):
    """Something that holds a file descriptor which no child may hold."""

    def abandon(self) -> None:
        """Close the child's copy, without a word to the other side. Called in the forked child."""


_resources: WeakSet[Abandonable] = WeakSet()
_maps: WeakSet[mmap.mmap] = WeakSet()
_kept_for_ever: list[mmap.mmap] = []


def abandon_in_child(resource: Abandonable) -> None:
    """Have ``resource.abandon()`` called in every child forked from now on, as long as it lives."""
    _resources.add(resource)


def keep_from_child(memory: mmap.mmap) -> None:
    """Keep a mapping out of every child forked from now on."""
    memory.madvise(mmap.MADV_DONTFORK)
    _maps.add(memory)


def _after_in_child() -> None:
    # The addresses of these maps are free in the child and may soon be used for something else: their owners must
    # never unmap them.
    _kept_for_ever.extend(_maps)
    for resource in list(_resources):
        resource.abandon()


os.register_at_fork(after_in_child=_after_in_child)
