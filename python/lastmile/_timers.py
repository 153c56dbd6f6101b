"""Where the time of a training loop goes."""

from __future__ import annotations

import time
from typing import NamedTuple


class Timers(NamedTuple):
    """Where the time of the training loop went since the first ``next()``; seconds."""

    wait: float
    """Time inside ``next()``: what the trainer waited for data."""
    step: float
    """Time outside ``next()``: what the script did with the batches."""
    steps: int
    """Batches delivered."""


class Ledger:
    """Steps and times of one feed, kept apart from it so that the last words can be said after it is gone."""

    def __init__(self) -> None:
        self.steps = 0
        self.wait_ns = 0
        self._first_ns: int | None = None

    def enter(self) -> int:
        """Return the time at which a ``next()`` begins."""
        now = time.perf_counter_ns()
        if self._first_ns is None:
            self._first_ns = now
        return now

    def leave(self, entered_ns: int) -> None:
        """Count the time since a ``next()`` began as waiting."""
        self.wait_ns += time.perf_counter_ns() - entered_ns

    def elapsed_ns(self) -> int:
        """Return the time since the first ``next()`` began."""
        return 0 if self._first_ns is None else time.perf_counter_ns() - self._first_ns
