"""A feed: batches of one dataset for one rank, epoch by epoch."""

from __future__ import annotations

import gc
import json
import os
import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn

from lastmile import _protocol as wire
from lastmile._arrays import array_maker, check_dtypes
from lastmile._batch import Batch, Wrap
from lastmile._layout import Layout
from lastmile._options import Options, Position, positions, state_of
from lastmile._ring import Ring
from lastmile._timers import Ledger, Timers
from lastmile.errors import BatchesHeld, LastmileError, of_kind

if TYPE_CHECKING:
    from lastmile._engine import Engine

_LAST_WORDS_SECONDS: Final = 0.25
"""How long the end of the epoch may take to arrive when no slot is left for another batch."""

_open_feeds: weakref.WeakSet[Feed] = weakref.WeakSet()


class Feed:
    """The batches of one dataset for one rank. Made by ``lastmile.feed``, ``open`` and ``connect``.

    Each ``iter(feed)`` gives the rest of the current epoch: after ``break`` or ``load_state_dict`` it goes on at the
    next batch, after the last batch the next one gives the next epoch. All ranks get the same number of steps, and
    every rank has to iterate every feed that it opens. A feed is used by one thread at a time, and never in a forked
    child (RuntimeError).

    ``next()`` raises :class:`lastmile.BatchesHeld` when the script holds all slots, :class:`lastmile.DataError` and
    :class:`lastmile.LastmileError` when the run has failed or the engine is gone.
    """

    def __init__(self, path: str, options: Options, engine: Engine | None = None) -> None:
        self._options = options
        self._path = path
        self._engine = engine
        self._ledger = Ledger()
        self._connection = wire.Connection(path)
        self._finalizer = weakref.finalize(self, _say_goodbye, self._connection, self._ledger, engine)
        try:
            self._connection.send(wire.json_frame(wire.HELLO, {"protocol": wire.VERSION, **options.hello()}))
            wrap = array_maker(options.arrays)  # imports torch while the feeder fills its first slots
            self._ring = self._greet(wrap)
        except BaseException:
            self._finalizer()
            raise
        self._position = _json_bytes(options.position)
        self._generation = 0
        self._amid_epoch = options.position is not None and options.position.get("step", 0) > 0
        self._next_epoch: int | None = None
        self._taken = 0
        self._failure: tuple[type[LastmileError], str] | None = None
        _open_feeds.add(self)

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self._options.name

    @property
    def rank(self) -> int:
        """The rank of this process in the job."""
        return self._options.rank

    @property
    def world_size(self) -> int:
        """The number of ranks of the job."""
        return self._options.world_size

    @property
    def epoch(self) -> int:
        """The epoch of the position, from 0: after the last batch of epoch 0 has been asked beyond, it is 1."""
        position = json.loads(self._position)
        return 0 if position is None else int(position["epoch"])

    @property
    def timers(self) -> Timers:
        """Wait and step time in seconds since the first ``next()``, and the steps."""
        wait = self._ledger.wait_ns
        return Timers(wait / 1e9, (self._ledger.elapsed_ns() - wait) / 1e9, self._ledger.steps)

    def __iter__(self) -> Iterator[Batch]:
        """Return the rest of the current epoch."""
        self._check_usable()
        return _Epoch(self)

    def state_dict(self) -> dict[str, Any]:
        """Return the positions of all feeds of this job in this process, ready for JSON or ``torch.save``.

        ``{"version": 1, "feeds": {name: position}}``: the first row after the current global step of each feed, the
        same on all ranks whatever their number. None stands for the start of epoch 0.
        """
        feeds = {feed.name: json.loads(feed._position) for feed in (*self._job(), self)}
        return state_of(feeds)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state_dict()`` returned: each open feed of this job in this process takes its part.

        To be called on all ranks with the same state. Batches that are still alive stay valid. Raises ValueError
        when the state is none, or has no part for this feed; a state of another experiment is refused by the engine
        at the next ``next()``.
        """
        self._check_usable()
        parts = positions(state)
        if self.name not in parts:
            names = ", ".join(f'"{name}"' for name in parts)
            raise ValueError(f'Invalid state: no position of feed "{self.name}" (it has: {names})')
        for feed in self._job():
            if feed.name in parts:
                feed._go_to(parts[feed.name])

    def close(self) -> None:
        """End the feed. Batches that are still alive stay valid; an engine that ``open`` has started ends."""
        _open_feeds.discard(self)
        self._finalizer()

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f'Feed("{self.name}", rank={self.rank}, world_size={self.world_size})'

    def _job(self) -> list[Feed]:
        return [feed for feed in _open_feeds if feed._experiment == self._experiment]

    def _greet(self, wrap: Wrap) -> Ring:
        message = self._message()
        if message is None or message.kind != wire.WELCOME:
            raise self._protocol_error(message)
        welcome = message.json()
        if welcome["protocol"] != wire.VERSION:
            raise LastmileError(
                f"The engine speaks feed protocol {welcome['protocol']} (must be {wire.VERSION}): "
                f"take the lastmile package that belongs to it"
            )
        self._connection.consume()
        self._experiment: str = welcome["experiment"]
        layout = Layout.parse(welcome["layout"])
        check_dtypes(wrap, layout, self.name)
        try:
            ring = Ring(welcome["slots"], layout, wrap)
        except FileNotFoundError:
            self._await_failure()  # the engine has failed meanwhile, and took the slots along
        self._connection.send(wire.frame(wire.MAPPED))
        return ring

    def _await_failure(self) -> NoReturn:
        while True:
            self._message()
            self._connection.consume()

    def _go_to(self, position: Position | None) -> None:
        """Have the feeder deliver from a position; what is still on the way belongs to an older generation."""
        self._check_usable()
        self._position = _json_bytes(position)
        self._amid_epoch = position is not None and position.get("step", 0) > 0
        self._next_epoch = None
        self._taken = 0
        self._start()

    def _start(self) -> None:
        self._generation += 1
        start = {"generation": self._generation, "position": json.loads(self._position)}
        self._connection.send(wire.json_frame(wire.START, start))

    def _take(self, epoch: _Epoch) -> Batch | None:
        """Return the next batch, or None at the end of the epoch."""
        self._check_usable()
        entered = self._ledger.enter()
        try:
            batch = self._receive(epoch)
        finally:
            self._ledger.leave(entered)
        if batch is not None:
            self._ledger.steps += 1
            times = wire.THREE_I64.pack(batch.step, self._ledger.wait_ns, self._ledger.elapsed_ns())
            self._connection.send(wire.frame(wire.STEP, times))
        return batch

    def _receive(self, epoch: _Epoch) -> Batch | None:
        if self._options.max_steps is not None and self._taken >= self._options.max_steps:
            return None
        self._give_back()
        self._begin_epoch()
        while True:
            message = self._await_message()
            if message.kind == wire.BATCH:
                batch = self._accept(*wire.TWO_U32.unpack(message.payload))
            elif message.kind == wire.LARGE:
                batch = self._accept_large(message.json())
            elif message.kind == wire.END:
                if self._accept_end(message.json(), epoch):
                    return None
                continue
            else:
                raise self._protocol_error(message)
            if batch is not None:
                epoch.started = True
                return batch

    def _accept(self, slot: int, generation: int) -> Batch | None:
        if generation != self._generation:
            self._connection.consume()
            self._connection.send(wire.frame(wire.FREE, wire.U32.pack(slot)))
            return None
        batch, self._position = self._ring.batch(slot)
        self._amid_epoch = True
        self._taken += 1
        self._connection.consume()
        return batch

    def _accept_large(self, large: Mapping[str, Any]) -> Batch | None:
        slot = large["slot"]
        if large["generation"] == self._generation:
            self._ring.map_large(slot, large["path"], large["layout"])
        self._connection.send(wire.frame(wire.MAPPED_LARGE, wire.U32.pack(slot)))
        return self._accept(slot, large["generation"])

    def _accept_end(self, end: Mapping[str, Any], epoch: _Epoch) -> bool:
        """Take in the end of an epoch; return whether the iteration ends with it.

        It does not when the loop was left on the very last batch: then this iteration is the next epoch.
        """
        self._connection.consume()
        if end["generation"] != self._generation:
            return False
        left_on_last_batch = self._amid_epoch and not epoch.started
        self._position = _json_bytes(end["position"])
        self._amid_epoch = False
        self._next_epoch = end["epoch"] + 1
        if left_on_last_batch:
            self._begin_epoch()
        return not left_on_last_batch

    def _begin_epoch(self) -> None:
        """After the end of an epoch: ask for the next, unless it was announced and is on its way."""
        if self._next_epoch is None:
            return
        announced = self._options.epochs is not None and self._next_epoch < self._options.epochs
        self._next_epoch = None
        if not announced:
            self._start()

    def _give_back(self) -> None:
        released = self._ring.released()
        if released:
            self._connection.send(b"".join(wire.frame(wire.FREE, wire.U32.pack(slot)) for slot in released))

    def _await_message(self) -> wire.Message:
        if not self._ring.exhausted():
            message = self._message()
            assert message is not None
            return message
        # No slot is left for a batch; but the epoch may be over, or a cycle of dead objects may hold the slots.
        message = self._message(_LAST_WORDS_SECONDS)
        if message is not None:
            return message
        gc.collect()
        self._give_back()
        if self._ring.exhausted():
            raise BatchesHeld(
                f'Every slot of feed "{self.name}" is held by the script ({self._ring.size} of {self._ring.size}): '
                f"{self._ring.describe_held()}. Keep batch.clone() instead, or set a larger slots: "
                f"[datasets.{self.name}.slots]"
            )
        return self._await_message()

    def _message(self, seconds: float | None = None) -> wire.Message | None:
        """Return the next message, not consumed; None after ``seconds``. Raises what an ERROR says."""
        try:
            message = self._connection.peek(seconds)
        except EOFError:
            raise self._fail(LastmileError(self._epitaph())) from None
        if message is not None and message.kind == wire.ERROR:
            error = message.json()
            raise self._fail(of_kind(error["kind"], error["message"]))
        return message

    def _epitaph(self) -> str:
        text = f'The engine is gone: it closed feed "{self.name}" before its end'
        words = "" if self._engine is None else self._engine.last_words()
        return f"{text}. It said: {words}" if words else f"{text} (its log says why)"

    def _fail(self, failure: LastmileError) -> LastmileError:
        self._failure = type(failure), str(failure)
        return failure

    def _protocol_error(self, message: wire.Message | None) -> LastmileError:
        kind = None if message is None else message.kind
        return self._fail(LastmileError(f'Unexpected message from the engine on feed "{self.name}": type {kind}'))

    def _check_usable(self) -> None:
        owner = self._connection.owner
        if owner != os.getpid():
            raise RuntimeError(
                f'Feed "{self.name}" belongs to process {owner} and cannot be used in its forked child {os.getpid()}: '
                f'use it in the parent, or start workers with the "spawn" method'
            )
        if not self._finalizer.alive:
            raise RuntimeError(f'Feed "{self.name}" is closed')
        if self._failure is not None:
            kind, message = self._failure
            raise kind(message)


class _Epoch(Iterator[Batch]):
    """The rest of one epoch. Holds no batch, so that only the script decides how long one lives."""

    def __init__(self, feed: Feed) -> None:
        self._feed: Feed | None = feed
        self.started = False

    def __next__(self) -> Batch:
        if self._feed is None:
            raise StopIteration
        batch = self._feed._take(self)
        if batch is None:
            self._feed = None
            raise StopIteration
        return batch


def _json_bytes(position: Position | None) -> bytes:
    return json.dumps(position).encode()


def _say_goodbye(connection: wire.Connection, ledger: Ledger, engine: Engine | None) -> None:
    if connection.owner != os.getpid():
        return
    words = {"steps": ledger.steps, "wait_ns": ledger.wait_ns, "elapsed_ns": ledger.elapsed_ns()}
    connection.send(wire.json_frame(wire.BYE, words))
    connection.close()
    if engine is not None:
        engine.close()
