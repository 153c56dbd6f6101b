"""A feeder for tests: speaks the protocol over a real unix socket and real shared files, and does as it is told."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ALIGN = 64
POSITION_ROOM = 1024


class Sent(NamedTuple):
    """A message of the client."""

    kind: int
    payload: bytes

    def json(self) -> Any:
        return json.loads(self.payload)

    def u32(self) -> int:
        (number,) = struct.unpack("<I", self.payload)
        return int(number)


class Column(NamedTuple):
    """A tensor or key of the layout."""

    name: str
    kind: str
    dtype: str
    role: str = "tensor"
    width: int = 1
    columns: tuple[str, ...] = ()


STANDARD = (
    Column("dense", "matrix", "<f4", width=3, columns=("dense_0", "dense_1", "dense_2")),
    Column("cat", "column", "<i8", columns=("cat_0",)),
    Column("seq_item", "ragged", "<i8", columns=("seq_item",)),
    Column("user_emb", "fixed", "<f4", width=2, columns=("user_emb",)),
    Column("flag", "column", "|b1", columns=("flag",)),
    Column("user_id", "column", "<i8", role="key", columns=("user_id",)),
    Column("item_key", "text", "|u1", role="key", columns=("item_key",)),
)


def layout_of(columns: Sequence[Column], rows: int, values: int) -> dict[str, Any]:
    """Lay the columns out for a number of rows and of values in each list column."""
    at = ALIGN
    lengths = at
    at = _aligned(at + 8 * sum(column.kind in ("ragged", "text") for column in columns))
    position = at
    at = _aligned(at + POSITION_ROOM)
    tensors = []
    ragged = 0
    for column in columns:
        has_offsets = column.kind in ("ragged", "text")
        capacity = values if has_offsets else rows * column.width
        tensor = column._asdict() | {"offset": at, "offsets": -1, "length": -1, "capacity": capacity}
        at = _aligned(at + capacity * np.dtype(column.dtype).itemsize)
        if has_offsets:
            tensor |= {"offsets": at, "length": ragged}
            at = _aligned(at + 8 * (rows + 1))
            ragged += 1
        tensors.append(tensor)
    return {
        "rows": rows,
        "bytes": at,
        "lengths": lengths,
        "position": position,
        "position_room": POSITION_ROOM,
        "tensors": tensors,
    }


def _aligned(at: int) -> int:
    return (at + ALIGN - 1) // ALIGN * ALIGN


def rows_of(first: int, count: int) -> dict[str, Any]:
    """Return values of the standard columns for rows first, first + 1, …; row r has r % 3 items."""
    rows = np.arange(first, first + count)
    return {
        "dense": (rows[:, None] * 10 + np.arange(3)).astype("<f4"),
        "cat": rows,
        "seq_item": [np.full(row % 3, row) for row in rows],
        "user_emb": (rows[:, None] + np.array([0.25, 0.5])).astype("<f4"),
        "flag": rows % 2 == 0,
        "user_id": rows + 1000,
        "item_key": [f"é{row}" if row % 4 else "" for row in rows],
    }


def padding() -> dict[str, Any]:
    """Return the values of one padding row."""
    return {name: [[]] if name == "seq_item" else _zero(value) for name, value in rows_of(0, 1).items()}


def _zero(value: Any) -> Any:
    return [""] if isinstance(value, list) else np.zeros_like(value)


def position(epoch: int, step: int) -> dict[str, Any]:
    """Return a position."""
    return {"version": 1, "fingerprint": "f00d", "epoch": epoch, "step": step, "rows": 4 * step}


class FakeFeeder:
    """Accepts connections in a thread of its own; everything else happens when the test says so."""

    def __init__(
        self, folder: Path, *, slots: int = 4, columns: Sequence[Column] = STANDARD, welcome: Mapping[str, Any] = {}
    ) -> None:
        self.folder = folder
        self.path = str(folder / "feed.sock")
        self.layout = layout_of(columns, rows=8, values=64)
        self.slots = slots
        self.welcome_with = dict(welcome)
        self.refuse_with: dict[str, Any] | None = None
        self.clients: list[Client] = []
        self._connected: queue.Queue[Client] = queue.Queue()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def client(self) -> Client:
        """Return the next client that has said HELLO (or LIFELINE)."""
        return self._connected.get(timeout=20)

    def close(self) -> None:
        # A thread that is in accept() keeps the socket alive beyond close().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self.clients:
            client.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            client = Client(self, connection, len(self.clients))
            self.clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: Client) -> None:
        messages = client.messages()
        hello = next(messages, None)
        if hello is None:
            return
        client.hello = hello
        if hello.kind == 1:
            if self.refuse_with:
                client.send_json(20, self.refuse_with)
            else:
                client.welcome(hello.json())
        self._connected.put(client)
        for message in messages:
            client.sent.put(message)
        client.sent.put(None)


class Client:
    """One connection, seen from the feeder."""

    def __init__(self, feeder: FakeFeeder, connection: socket.socket, number: int) -> None:
        self.feeder = feeder
        self.number = number
        self.sent: queue.Queue[Sent | None] = queue.Queue()
        self.hello = Sent(0, b"")
        self._connection = connection
        self._paths: list[Path] = []
        self._large = 0

    def welcome(self, hello: Mapping[str, Any]) -> None:
        self._paths = [self.feeder.folder / f"ring-{self.number}-{slot}" for slot in range(self.feeder.slots)]
        for path in self._paths:
            path.write_bytes(bytes(self.feeder.layout["bytes"]))
        tree = {
            "protocol": 1,
            "slots": [str(path) for path in self._paths],
            "slot_bytes": self.feeder.layout["bytes"],
            "layout": self.feeder.layout,
            "batch": 4,
            "rank": hello["rank"],
            "world_size": hello["world_size"],
            "dataset": hello["feed"],
            "fingerprint": "f00d",
            "epochs_known": hello["epochs"] is not None,
            "prefetch": 4,
            "experiment": "test",
        }
        self.send_json(16, tree | self.feeder.welcome_with)

    def batch(self, slot: int, step: int, *, count: int = 4, epoch: int = 0, generation: int = 0) -> None:
        """Fill a slot with the rows of a step and hand it over."""
        self.fill(slot, rows_of(4 * step, count), epoch=epoch, step=step)
        self.send(17, struct.pack("<II", slot, generation))

    def padding_batch(self, slot: int, step: int) -> None:
        """Hand over a slot with one padding row."""
        self.fill(slot, padding(), epoch=0, step=step, padded=1)
        self.send(17, struct.pack("<II", slot, 0))

    def fill(self, slot: int, values: Mapping[str, Any], *, epoch: int, step: int, padded: int = 0) -> None:
        with self._paths[slot].open("r+b") as file:
            file.write(packed(self.feeder.layout, values, epoch, step, padded))

    def large(self, step: int, count: int, *, generation: int = 0) -> tuple[int, Path]:
        """Hand over a batch in a file of its own; return its number and path."""
        number = self.feeder.slots + self._large
        self._large += 1
        path = self.feeder.folder / f"ring-{self.number}-large-{number}"
        layout = layout_of(STANDARD, rows=count, values=16 * count)
        path.write_bytes(packed(layout, rows_of(4 * step, count), 0, step, 0))
        tree = {"slot": number, "path": str(path), "bytes": layout["bytes"], "layout": layout, "generation": generation}
        self.send_json(18, tree)
        return number, path

    def end(self, epoch: int = 0, *, generation: int = 0, steps: int = 0) -> None:
        tree = {"generation": generation, "epoch": epoch, "steps": steps, "rows": 4 * steps}
        self.send_json(19, tree | {"position": position(epoch + 1, 0)})

    def error(self, kind: str, message: str) -> None:
        self.send_json(20, {"kind": kind, "message": message})

    def send_json(self, kind: int, tree: Any) -> None:
        self.send(kind, json.dumps(tree).encode())

    def send(self, kind: int, payload: bytes) -> None:
        self._connection.sendall(struct.pack("<IB", 1 + len(payload), kind) + payload)

    def send_later(self, seconds: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()

    def messages(self) -> Iterator[Sent]:
        with self._connection.makefile("rb") as stream, contextlib.suppress(ConnectionResetError):
            while len(head := stream.read(5)) == 5:
                length, kind = struct.unpack("<IB", head)
                yield Sent(kind, stream.read(length - 1))

    def receive(self, kind: int) -> Sent:
        """Return the next message of a kind, dropping STEP messages (4) unless they are asked for."""
        while True:
            message = self.sent.get(timeout=20)
            assert message is not None, f"closed while waiting for message {kind}"
            if message.kind == kind:
                return message
            assert message.kind == 4, f"got message {message.kind} while waiting for {kind}"

    def all_sent(self) -> list[Sent]:
        """Return all messages up to the end of the connection."""
        return list(iter(lambda: self.sent.get(timeout=20), None))

    def received(self) -> list[Sent | None]:
        """Return what has arrived so far; None stands for the end."""
        found = []
        while not self.sent.empty():
            found.append(self.sent.get())
        return found

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def packed(layout: Mapping[str, Any], values: Mapping[str, Any], epoch: int, step: int, padded: int) -> bytes:
    """Return the bytes of a filled slot."""
    memory = bytearray(layout["bytes"])
    count = len(values[layout["tensors"][0]["name"]])
    text = json.dumps(position(epoch, step + 1)).encode()
    struct.pack_into("<iiqqqi", memory, 0, count, padded, 2 * (count - padded), epoch, step, len(text))
    memory[layout["position"] : layout["position"] + len(text)] = text
    for tensor in layout["tensors"]:
        value = values[tensor["name"]]
        if tensor["offsets"] >= 0:
            parts = [part.encode() if tensor["kind"] == "text" else np.asarray(part, tensor["dtype"]) for part in value]
            offsets = np.cumsum([0] + [len(part) for part in parts]).astype("<i8")
            data = b"".join(part if isinstance(part, bytes) else part.tobytes() for part in parts)
            struct.pack_into("<q", memory, layout["lengths"] + 8 * tensor["length"], int(offsets[-1]))
            memory[tensor["offsets"] : tensor["offsets"] + offsets.nbytes] = offsets.tobytes()
        else:
            data = np.asarray(value, tensor["dtype"]).tobytes()
        memory[tensor["offset"] : tensor["offset"] + len(data)] = data
    return bytes(memory)


def main() -> None:
    """Stand in for the embedded engine: serve two batches, end when standard input closes."""
    folder = Path(os.environ["FAKE_FOLDER"])
    feeder = FakeFeeder(folder)
    print(json.dumps({"socket": feeder.path, "fingerprint": "f00d"}), flush=True)

    def serve() -> None:
        client = feeder.client()
        client.batch(0, 0)
        client.batch(1, 1)
        client.end(steps=2)

    threading.Thread(target=serve, daemon=True).start()
    os.read(0, 1)
    (folder / "engine-ended").write_text(str(os.getpid()))


if __name__ == "__main__":
    main()
