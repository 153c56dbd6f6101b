"""Checkpoints of a training script: its model, its optimizer, whatever else has a state, and its place in the data."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lastmile.errors import LastmileError

if TYPE_CHECKING:
    from lastmile._feed import Feed

_NAME = re.compile(r"step-(\d{12})\.pt")
_UNFINISHED = ".unfinished.pt"
_VERSION = 1


class Stateful(Protocol):
    """What a checkpoint can hold, such as a module or an optimizer of torch."""

    def state_dict(self) -> Any:
        """Return the state, of tensors, numbers, texts, lists and dicts."""

    def load_state_dict(self, state: Any, /) -> Any:
        """Take a state that ``state_dict()`` has returned."""


class Checkpoints:
    """A folder of checkpoints, the newest of which a script goes on from; see ``lastmile.checkpoint``."""

    def __init__(self, folder: str | os.PathLike[str], keep: int) -> None:
        if keep < 1:
            raise ValueError(f"Invalid keep: {keep} (must be >= 1)")
        self._folder = Path(folder)
        self._keep = keep
        self._proven = False  # whether what is saved can be loaded again, which the first one tells

    def save(self, step: int, feed: Feed | None = None, **parts: Stateful) -> Path | None:
        """Write a checkpoint, and delete all but the newest ``keep``.

        To be called by every rank after the same step; only rank 0 writes (``RANK`` in its environment; every process
        without it does). ``feed`` adds the positions of all feeds of the job: the rows behind the batch that ``next()``
        gave last. Returns the file, None where nothing is written.

        A checkpoint is there whole or not at all: it gets its name when it is on the disk. Raises OSError when it
        cannot be written, ValueError for a step below that of the newest, LastmileError for the first one when its
        parts could not be loaded again; those before it stay.
        """
        if step < 0:
            raise ValueError(f"Invalid step: {step} (must be >= 0)")
        for name, part in parts.items():
            _check(name, part)
        if os.environ.get("RANK", "0") != "0":
            return None
        newest = self._step(self.files()[-1:])
        if step < newest:
            raise ValueError(
                f"Invalid step: {step} ({self._folder} has step {newest}: load it first, or take another folder)"
            )
        state = {
            "version": _VERSION,
            "step": step,
            "feeds": None if feed is None else feed.state_dict(),
            "parts": {name: part.state_dict() for name, part in parts.items()},
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"step-{step:012d}.pt"
        _write(self._folder / _UNFINISHED, state)
        if not self._proven:
            _read(self._folder / _UNFINISHED)
            self._proven = True
        (self._folder / _UNFINISHED).replace(path)
        _sync(self._folder)
        for older in self.files()[: -self._keep]:
            older.unlink(missing_ok=True)
        return path

    def load(self, feed: Feed | None = None, **parts: Stateful) -> int | None:
        """Take the newest checkpoint, and return its step; None when there is none, and nothing has changed.

        The parts are those that were saved, by the same names; tensors come to the CPU first and go where the part has
        them. ``feed`` goes on behind the rows of that step; to be called on all ranks. Nothing of the file is run: it
        is read with ``weights_only``. Raises
        LastmileError when the file cannot be read or has other parts.
        """
        for name, part in parts.items():
            _check(name, part)
        files = self.files()
        if not files:
            return None
        state = _read(files[-1])
        saved = state["parts"]
        if set(saved) != set(parts):
            raise LastmileError(f"{files[-1]} has {_names(saved)}, not {_names(parts)} (load what was saved)")
        if feed is not None and state["feeds"] is None:
            raise LastmileError(f"{files[-1]} has no position of a feed (save it with feed=feed)")
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        if feed is not None:
            feed.load_state_dict(state["feeds"])
        return int(state["step"])

    @staticmethod
    def _step(files: list[Path]) -> int:
        found = _NAME.fullmatch(files[-1].name) if files else None
        return int(found.group(1)) if found else 0

    def files(self) -> list[Path]:
        """Return the checkpoints, the newest (of the highest step) last."""
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))


def checkpoint(folder: str | os.PathLike[str], *, keep: int = 3) -> Checkpoints:
    """Give a folder of checkpoints of which the newest ``keep`` stay; it is made when the first is saved.

    ::

        checkpoints = lastmile.checkpoint("checkpoints")
        step = checkpoints.load(feed=feed, model=model, optimizer=optimizer) or 0
        for batch in feed:
            ...
            step += 1
            if step % 1000 == 0:
                checkpoints.save(step, feed=feed, model=model, optimizer=optimizer)

    A relative folder starts where the script does: in the folder of the experiment. It needs torch. A model that is
    divided among ranks needs ``torch.distributed.checkpoint``; ``feed.state_dict()`` can go there too.

    Raises:
        ValueError: ``keep`` is below 1.
    """
    return Checkpoints(folder, keep)


def _check(name: str, part: object) -> None:
    if not callable(getattr(part, "state_dict", None)) or not callable(getattr(part, "load_state_dict", None)):
        kind = type(part).__name__
        raise ValueError(f"Invalid {name}: {kind} (must have state_dict() and load_state_dict())")


def _names(parts: dict[str, Any]) -> str:
    return ", ".join(sorted(parts)) or "no parts"


def _write(path: Path, state: dict[str, Any]) -> None:
    import torch

    with path.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, Any]:
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:  # torch says what is wrong with a file in many ways
        reason = next(iter(str(e).splitlines()), type(e).__name__)
        raise LastmileError(
            f"Cannot read {path}: {reason} (it is damaged, or a part has a state of more than tensors, numbers, texts, "
            "lists and dicts)"
        ) from e
    if not isinstance(state, dict) or state.get("version") != _VERSION:
        raise LastmileError(f"Cannot read {path}: no checkpoint of this version")
    return state
