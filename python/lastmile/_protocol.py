"""Feed protocol v1: messages, their framing, and the connection to a feeder.

A message is a little-endian u32 with the length of what follows, a u8 type, and the payload.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from typing import Any, Final, NamedTuple

from lastmile import _fork
from lastmile.errors import LastmileError

VERSION: Final = 1

HELLO: Final = 1
MAPPED: Final = 2
FREE: Final = 3
STEP: Final = 4
START: Final = 5
BYE: Final = 6
LIFELINE: Final = 7
MAPPED_LARGE: Final = 8

WELCOME: Final = 16
BATCH: Final = 17
LARGE: Final = 18
END: Final = 19
ERROR: Final = 20

U32: Final = struct.Struct("<I")
TWO_U32: Final = struct.Struct("<II")
THREE_I64: Final = struct.Struct("<qqq")
_FRAME: Final = struct.Struct("<IB")
_READ_BYTES: Final = 1 << 16


class Message(NamedTuple):
    """One message from the feeder."""

    kind: int
    payload: bytes

    def json(self) -> Any:
        """Return the payload of a message that carries JSON."""
        return json.loads(self.payload)


def frame(kind: int, payload: bytes = b"") -> bytes:
    """Return a message as it goes over the wire."""
    return _FRAME.pack(1 + len(payload), kind) + payload


def json_frame(kind: int, tree: Any) -> bytes:
    """Return a message with a JSON payload as it goes over the wire."""
    return frame(kind, json.dumps(tree, separators=(",", ":")).encode())


class Connection:
    """The client's end of one feed. Used by one thread; closed in a forked child."""

    def __init__(self, path: str) -> None:
        self.owner = os.getpid()
        self._received = bytearray()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            reason = error.strerror or str(error)
            raise LastmileError(f"No engine listens at unix:{path} ({reason}); is it still running?") from error
        _fork.abandon_in_child(self)

    def send(self, frames: bytes) -> None:
        """Send whole messages. A feeder that is gone is noticed by the next :meth:`peek`, after its last words."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(frames)

    def peek(self, seconds: float | None = None) -> Message | None:
        """Return the first message not consumed yet.

        Waits for it without limit, or for ``seconds`` and then returns None. Raises EOFError when the feeder has
        closed its end. An interrupt loses nothing: the message is there until :meth:`consume`.
        """
        while (message := self._first()) is None:
            data = self._read(seconds)
            if data is None:
                return None
            if not data:
                raise EOFError
            self._received += data
        return message

    def consume(self) -> None:
        """Drop the message that :meth:`peek` returned."""
        (length,) = U32.unpack_from(self._received)
        del self._received[: U32.size + length]

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def abandon(self) -> None:
        """Close the copy of a forked child; the parent's end stays open."""
        self._socket.close()

    def _first(self) -> Message | None:
        received = self._received
        if len(received) < _FRAME.size:
            return None
        length, kind = _FRAME.unpack_from(received)
        end = U32.size + length
        return Message(kind, bytes(received[_FRAME.size : end])) if len(received) >= end else None

    def _read(self, seconds: float | None) -> bytes | None:
        try:
            if seconds is None:
                return self._socket.recv(_READ_BYTES)
            return self._read_within(seconds)
        except ConnectionResetError:
            return b""

    def _read_within(self, seconds: float) -> bytes | None:
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(_READ_BYTES)
        except TimeoutError:
            return None
        finally:
            self._socket.settimeout(None)
