"""The supervisor of one rank: ``python -m lastmile.rank SCRIPT ARGS…``.

Starts the script as ``python SCRIPT ARGS…`` in a process group of its own, passes SIGTERM, SIGINT, SIGHUP and SIGABRT
on to it (at SIGABRT Python with PYTHONFAULTHANDLER writes the stacks of all threads, wherever they hang), and leaves
nothing behind: when the script has ended, or when the driver is gone, it kills everything that the script has started,
daemons with sessions of their own included. It exits with the script's code, 128 + n if signal n ended it, 137 if the
driver was gone. If the supervisor itself is killed, the kernel kills the script.

It notices the driver's end by the closing of a connection to ``LASTMILE_FEED`` that carries nothing else.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from types import FrameType
from typing import Final, NoReturn

_LIFELINE: Final = 7
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGABRT)
_KILL_SECONDS: Final = 10.0
_KILL_PAUSE_SECONDS: Final = 0.005
_DRIVER_GONE: Final = 128 + signal.SIGKILL
_NOT_STARTED: Final = 127

_libc: Final = ctypes.CDLL(None, use_errno=True)


class Supervisor:
    """Watches one script. Single-threaded; signals arrive through a wake-up pipe."""

    def __init__(self, lifeline: socket.socket) -> None:
        self._lifeline = lifeline
        self._script = 0
        self._exit_code: int | None = None

    def run(self, command: list[str]) -> int:
        """Run the command to its end, or to the driver's, and return the exit code of this process."""
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        awakened, wake_up = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake_up, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)
        self._start(command)
        gone = self._watch(awakened)
        self._kill_all()
        if gone:
            with contextlib.suppress(OSError):  # nobody may read it any more
                print("lastmile: the driver is gone, so the script was ended", file=sys.stderr, flush=True)
        if gone or self._exit_code is None:
            return _DRIVER_GONE
        return self._exit_code

    def _start(self, command: list[str]) -> None:
        supervisor = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)  # until it is known whom to pass them to
        self._script = os.fork()
        if self._script == 0:
            _become(command, supervisor)
        with contextlib.suppress(OSError):  # the child does the same, whoever is first
            os.setpgid(self._script, self._script)
        for number in _PASSED_ON:
            signal.signal(number, self._pass_on)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        if self._exit_code is None:
            if number == signal.SIGABRT:
                self._keep_no_cores()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._script, number)

    def _keep_no_cores(self) -> None:
        """Let the abort that is to come show stacks, and not write the memory of the script to the disk."""
        for pid in descendants(os.getpid()):
            with contextlib.suppress(OSError):
                _, most = resource.prlimit(pid, resource.RLIMIT_CORE)
                resource.prlimit(pid, resource.RLIMIT_CORE, (0, most))

    def _watch(self, awakened: int) -> bool:
        """Wait for the end of the script (False) or of the driver (True)."""
        poll = select.poll()
        poll.register(awakened, select.POLLIN)
        poll.register(self._lifeline, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == awakened:
                    os.read(awakened, 512)
                elif _closed(self._lifeline):
                    return True
            self._reap()
            if self._exit_code is not None:
                return False

    def _reap(self) -> bool:
        """Take in all children that have ended; return whether any is left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self._script:
                    code = os.waitstatus_to_exitcode(status)
                    self._exit_code = code if code >= 0 else 128 - code
        except ChildProcessError:
            return False

    def _kill_all(self) -> None:
        """Kill everything below this process, and what that starts meanwhile."""
        deadline = time.monotonic() + _KILL_SECONDS
        while time.monotonic() < deadline:
            for pid in descendants(os.getpid()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if not self._reap():
                return
            time.sleep(_KILL_PAUSE_SECONDS)


def descendants(ancestor: int) -> list[int]:
    """Return the processes below one, parents before their children."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - pathlib would cost more than the rest of the start
        if entry.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry))
    found = list(children.get(ancestor, ()))
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def _parent(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - as above
            # The name in parentheses may hold anything, parentheses too; state and parent follow the last one.
            return int(stat.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return None


def _become(command: list[str], supervisor: int) -> NoReturn:
    """Become the script, in the forked child."""
    try:
        os.setpgid(0, 0)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it died before that took effect
            os._exit(_DRIVER_GONE)
        for number in _PASSED_ON:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
        os.execv(command[0], command)
    except OSError as error:
        print(f"error: Cannot start {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
    finally:
        os._exit(_NOT_STARTED)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value}) failed")


def _closed(lifeline: socket.socket) -> bool:
    try:
        return not lifeline.recv(4096, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Let the signal only wake up the poll."""


def _connect(path: str) -> socket.socket:
    lifeline = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    lifeline.connect(path)
    words = json.dumps({"pid": os.getpid()}).encode()
    lifeline.sendall(struct.pack("<IB", 1 + len(words), _LIFELINE) + words)
    return lifeline


def main(arguments: list[str]) -> int:
    """Run a script as a rank and return the exit code."""
    if not arguments:
        print("error: No script given (usage: python -m lastmile.rank SCRIPT ARGS...)", file=sys.stderr)
        return 2
    path = os.environ.get("LASTMILE_FEED")
    if not path:
        print("error: LASTMILE_FEED is not set (the driver sets it for each rank)", file=sys.stderr)
        return 2
    try:
        lifeline = _connect(path)
    except OSError as error:
        print(f"error: No driver listens at unix:{path} ({error.strerror or error})", file=sys.stderr)
        return _DRIVER_GONE
    return Supervisor(lifeline).run([sys.executable, *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
