"""The embedded engine: a process of our own that ends with us."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Final

from lastmile import _fork
from lastmile.errors import LastmileError, of_kind

_CLOSE_SECONDS: Final = 5.0
_LAST_WORDS_BYTES: Final = 1 << 16
_KINDS: Final = {2: "user", 3: "data"}
_ERROR_PREFIX: Final = "error: "


class Engine:
    """``lastmile serve EXPERIMENT --embedded``, which ends when its standard input closes, however we end.

    It runs in a session of its own, so that Ctrl-C in a notebook interrupts the notebook and not the engine.
    """

    def __init__(self, experiment: str) -> None:
        self._owner = os.getpid()
        self._complaints = os.memfd_create("lastmile-engine-stderr")
        self._process = subprocess.Popen(
            [launcher(), "serve", experiment, "--embedded"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            start_new_session=True,
        )
        _fork.abandon_in_child(self)

    def address(self) -> str:
        """Wait until the engine listens and return its socket's path.

        Raises UserError for a mistake in the experiment, LastmileError when the engine does not start.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            code = self._process.wait()
            words = self.last_words() or "it said nothing"
            if code in _KINDS:
                raise of_kind(_KINDS[code], words)
            raise LastmileError(f"The engine did not start (exit code {code}): {words}")
        socket: str = json.loads(line)["socket"]
        return socket

    def last_words(self) -> str:
        """Return the error that the engine has printed, or all it has printed when there is none."""
        size = os.fstat(self._complaints).st_size
        start = max(0, size - _LAST_WORDS_BYTES)
        text = os.pread(self._complaints, _LAST_WORDS_BYTES, start).decode(errors="replace").strip()
        at = ("\n" + text).rfind("\n" + _ERROR_PREFIX)
        return text[at + len(_ERROR_PREFIX) :] if at >= 0 else text

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
                pipe.close()


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
