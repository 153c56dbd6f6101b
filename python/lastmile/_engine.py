"""The embedded engine: a process of our own that ends with us."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from lastmile import _canonical, _fork
from lastmile.errors import LastmileError, of_kind

if TYPE_CHECKING:
    from lastmile._experiment import Experiment

_CLOSE_SECONDS: Final = 5.0
_LAST_WORDS_BYTES: Final = 1 << 16
_KINDS: Final = {2: "user", 3: "data"}
_ERROR_PREFIX: Final = "error: "


class Engine:
    """``lastmile serve EXPERIMENT --embedded``, which ends when its standard input closes, however we end.

    It runs in a session of its own, so that Ctrl-C in a notebook interrupts the notebook and not the engine.
    """

    def __init__(self, experiment: str | os.PathLike[str] | Experiment) -> None:
        self._owner = os.getpid()
        self._complaints = os.memfd_create("lastmile-engine-stderr")
        self._process = subprocess.Popen(
            [launcher(), "serve", named(experiment), "--embedded"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            start_new_session=True,
        )
        _fork.abandon_in_child(self)
        assert self._process.stdin is not None
        tell(experiment, self._process.stdin)

    def address(self) -> str:
        """Wait until the engine listens and return its socket's path.

        Raises UserError for a mistake in the experiment, LastmileError when the engine does not start.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            code = self._process.wait()
            words = self.last_words() or "it said nothing"
            raise not_started(code, words)
        socket: str = json.loads(line)["socket"]
        return socket

    def last_words(self) -> str:
        """Return the error that the engine has printed, or all it has printed when there is none."""
        size = os.fstat(self._complaints).st_size
        start = max(0, size - _LAST_WORDS_BYTES)
        text = os.pread(self._complaints, _LAST_WORDS_BYTES, start).decode(errors="replace").strip()
        return complaint(text)

    def close(self) -> None:
        """End the engine and wait until it is gone."""
        if self._owner != os.getpid() or self._complaints < 0:
            return
        self._close_pipes()
        try:
            self._process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._complaints)
        self._complaints = -1

    def abandon(self) -> None:
        """Close the copies of a forked child, so that the engine notices the parent's end."""
        self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # an engine that is gone has not read all
                    pipe.close()


def named(experiment: str | os.PathLike[str] | Experiment) -> str:
    """Return how a command names an experiment: the file, or ``-`` for what :func:`tell` writes."""
    return os.fspath(experiment) if isinstance(experiment, str | os.PathLike) else "-"


def tell(experiment: str | os.PathLike[str] | Experiment, engine: IO[bytes]) -> None:
    """Write an experiment that was said in Python to the standard input of the engine: its folder, then its JSON."""
    if isinstance(experiment, str | os.PathLike):
        return
    lines = f"{_canonical.quoted(os.fspath(experiment.folder))}\n{experiment.to_json()}\n"
    with suppress(BrokenPipeError):  # an engine that is gone has said why
        engine.write(lines.encode())
        engine.flush()


def is_complaint(line: bytes) -> bool:
    """Return whether a line that an engine has printed is an error."""
    return line.startswith(_ERROR_PREFIX.encode())


def complaint(text: str) -> str:
    """Return the last error in what an engine has printed, or all of it when there is none."""
    at = ("\n" + text).rfind("\n" + _ERROR_PREFIX)
    return text[at + len(_ERROR_PREFIX) :] if at >= 0 else text


def not_started(code: int, words: str) -> LastmileError:
    """Return the exception for an engine that ended with this code before it began to work."""
    if code in _KINDS:
        return of_kind(_KINDS[code], words)
    return LastmileError(f"The engine did not start (exit code {code}): {words}")


def launcher() -> str:
    """Return the path of the command that starts the engine."""
    home = os.environ.get("LASTMILE_HOME")
    place = Path(home) if home else Path(__file__).resolve().parents[2]
    command = place / "lastmile"
    if not os.access(command, os.X_OK) or not command.is_file():
        said = f"LASTMILE_HOME is {home}" if home else f"LASTMILE_HOME is not set, {place} was tried"
        raise LastmileError(
            f"The engine was not found: there is no command {command} ({said}). "
            f"Set LASTMILE_HOME to the folder of Lastmile's checkout or installation."
        )
    return str(command)
