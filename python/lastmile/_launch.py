"""Launches an experiment and waits for its end: the twin of the Java launch API."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, TextIO

from lastmile import _engine, _fork
from lastmile._experiment import Experiment
from lastmile.errors import LastmileError

_END_SECONDS: Final = 10.0
_LAST_WORDS: Final = 1 << 16
_PIECE: Final = 1 << 16


@dataclass(frozen=True)
class Conclusion:
    """How a run ended.

    Attributes:
        code: the exit code that ``lastmile run`` ends with: 0 done, 3 bad data, 4 the script failed, …
        kind: ok, user, data, trainer, cancelled, resources or internal.
        message: for the user; None when it ended well.
        record: the folder of the run record, absolute.
        summary: what its ``summary.json`` says.
    """

    code: int
    kind: str
    message: str | None
    record: Path
    summary: dict[str, Any]


def launch(
    experiment: Experiment | str | os.PathLike[str],
    *,
    runs: str | os.PathLike[str] = "runs",
    python: str | os.PathLike[str] | None = None,
) -> Conclusion:
    """Train as an experiment says, as ``lastmile run`` does, and return how it ended.

    Shows what the ranks print, the progress and the summary meanwhile. Ctrl-C ends the run within two seconds, writes
    its record, and is then raised as KeyboardInterrupt; the run also ends with this process.

    Args:
        experiment: said with ``lastmile.experiment``, or an experiment file.
        runs: folder of the run records, relative to the current one.
        python: that of the script; None for ``LASTMILE_PYTHON``, else the one that runs this.

    Raises:
        UserError: a mistake found before any rank ran.
        LastmileError: the engine cannot be found, or failed before any rank ran.
    """
    interpreter = os.fspath(python or os.environ.get("LASTMILE_PYTHON") or sys.executable)
    command = [_engine.launcher(), "run", _engine.named(experiment), "--embedded"]
    command += ["--runs", os.fspath(runs), "--python", interpreter]
    process = _Process(command)
    try:
        assert process.popen.stdin is not None
        _engine.tell(experiment, process.popen.stdin)
        process.follow()
    except KeyboardInterrupt:
        process.interrupt()
        raise
    finally:
        process.close()
    return process.conclusion()


class _Process:
    """``lastmile run EXPERIMENT --embedded``, in a session of its own: Ctrl-C reaches it only from us."""

    def __init__(self, command: list[str]) -> None:
        self._record: Path | None = None
        self._complaints = b""
        self._held: list[bytes] = []  # an error before the record is known: it is raised, not shown
        self._rests = {"out": b"", "err": b""}
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        _fork.abandon_in_child(self)

    def follow(self) -> None:
        """Show what it prints until it has ended."""
        with selectors.DefaultSelector() as selector:
            for name, pipe in (("out", self.popen.stdout), ("err", self.popen.stderr)):
                assert pipe is not None
                selector.register(pipe, selectors.EVENT_READ, name)
            while selector.get_map():
                for key, _ in selector.select():
                    piece = os.read(key.fd, _PIECE)
                    self._lines(key.data, piece)
                    if not piece:
                        selector.unregister(key.fileobj)
        self.popen.wait()

    def _lines(self, name: str, piece: bytes) -> None:
        text = self._rests[name] + piece
        *lines, self._rests[name] = text.split(b"\n") if piece else (*filter(None, [text]), b"")
        for line in lines:
            self._line(name, line)

    def _line(self, name: str, line: bytes) -> None:
        if name == "out" and line.startswith(b'{"record":'):  # what a rank prints begins with its number
            self._record = Path(json.loads(line)["record"])
            self._release()
            return
        if name == "out":
            _show(line, sys.stdout)
            return
        self._complaints = (self._complaints + line + b"\n")[-_LAST_WORDS:]
        if self._record is None and _engine.is_complaint(line):
            self._release()
            self._held.append(line)
        elif self._held:
            self._held.append(line)
        else:
            _show(line, sys.stderr)

    def _release(self) -> None:
        held, self._held = self._held, []
        for line in held:
            _show(line, sys.stderr)

    def interrupt(self) -> None:
        """Have the run end as after Ctrl-C, and wait until it has; a second Ctrl-C ends it at once."""
        with suppress(ProcessLookupError):
            self.popen.send_signal(signal.SIGINT)
        try:
            self.follow()
        except KeyboardInterrupt:
            self.popen.kill()
        self._release()

    def close(self) -> None:
        """End what is left, and wait until it is gone."""
        with suppress(BrokenPipeError):
            _close(self.popen.stdin)
        try:
            self.popen.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()
        _close(self.popen.stdout)
        _close(self.popen.stderr)

    def abandon(self) -> None:
        """Close the copies of a forked child, so that the run notices the parent's end."""
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            _close(pipe)

    def conclusion(self) -> Conclusion:
        """Return how the run ended, or raise what kept it from beginning."""
        code = self.popen.returncode
        words = _engine.complaint(self._complaints.decode(errors="replace").strip()) or "it said nothing"
        if self._record is None:
            raise _engine.not_started(code, words)
        try:
            summary = json.loads((self._record / "summary.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LastmileError(f"The run has no summary (exit code {code}): {words} [{self._record}]") from None
        how = summary["exit"]
        return Conclusion(how["code"], how["kind"], how["message"], self._record, summary)


def _show(line: bytes, stream: TextIO) -> None:
    print(line.decode(errors="replace"), file=stream, flush=True)


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        pipe.close()
