"""What a caller asks of a feed, checked before any work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from lastmile import __version__

Ranks = Literal["all", "this"]
Arrays = Literal["numpy", "torch"]
Position = dict[str, Any]

_STATE_VERSION = 1


class Options(NamedTuple):
    """One feed as asked for.

    ``position`` None is the start of epoch 0, ``arrays`` None is torch where there is one, ``attempt`` that of a job
    whose ranks the launcher starts again when they fail, None under another launcher.
    """

    name: str
    rank: int
    world_size: int
    ranks: Ranks
    epochs: int | None
    max_steps: int | None
    position: Position | None
    arrays: Arrays | None
    attempt: int | None = None

    def hello(self) -> dict[str, Any]:
        """Return what the first message to the feeder says about the feed."""
        return {
            "feed": self.name,
            "ranks": self.ranks,
            "rank": self.rank,
            "world_size": self.world_size,
            "pid": os.getpid(),
            "epochs": self.epochs,
            "max_steps": self.max_steps,
            "state": self.position,
            "attempt": self.attempt,
            "client": __version__,
        }


def checked(
    name: str,
    *,
    rank: int,
    world_size: int,
    ranks: Ranks,
    epochs: int | None,
    max_steps: int | None,
    state: Mapping[str, Any] | None,
    arrays: Arrays | None,
    attempt: int | None = None,
) -> Options:
    """Return the options, or raise ValueError with the value, the bound and the name of the argument."""
    if ranks not in ("all", "this"):
        raise ValueError(f'Invalid ranks: {ranks!r} (must be "all" or "this")')
    if arrays not in (None, "numpy", "torch"):
        raise ValueError(f'Invalid arrays: {arrays!r} (must be "numpy" or "torch", or None to choose)')
    if world_size < 1:
        raise ValueError(f"Invalid world_size: {world_size} (must be > 0)")
    if not 0 <= rank < world_size:
        raise ValueError(f"Invalid rank: {rank} (must be in 0..{world_size - 1})")
    if epochs is not None and epochs < 1:
        raise ValueError(f"Invalid epochs: {epochs} (must be > 0)")
    if max_steps is not None and max_steps < 1:
        raise ValueError(f"Invalid max_steps: {max_steps} (must be > 0)")
    position = None if state is None else positions(state).get(name)
    return Options(name, rank, world_size, ranks, epochs, max_steps, position, arrays, attempt)


def positions(state: Mapping[str, Any]) -> Mapping[str, Position | None]:
    """Return the positions by feed name that a ``state_dict()`` carries."""
    version = state.get("version")
    feeds = state.get("feeds")
    if version != _STATE_VERSION or not isinstance(feeds, Mapping):
        raise ValueError(
            f"Invalid state: version {version!r} with feeds {type(feeds).__name__} "
            f"(must be what state_dict() returned: version {_STATE_VERSION} with feeds dict)"
        )
    return feeds


def state_of(feeds: Mapping[str, Position | None]) -> dict[str, Any]:
    """Return the ``state_dict()`` of these positions."""
    return {"version": _STATE_VERSION, "feeds": dict(feeds)}


def from_environment(name: str) -> tuple[str, int, int, int | None]:
    """Return the feed socket's path, the rank, the world size and, if there is one, the attempt of the launcher."""
    values = []
    for variable in ("LASTMILE_FEED", "RANK", "WORLD_SIZE"):
        value = os.environ.get(variable)
        if not value:
            raise RuntimeError(
                f"{variable} is not set: this process is not a rank of a Lastmile run. "
                f'Outside a run use lastmile.open("experiment.yaml", "{name}").'
            )
        values.append(value)
    attempt = os.environ.get("LASTMILE_ATTEMPT")
    return values[0], int(values[1]), int(values[2]), int(attempt) if attempt else None
