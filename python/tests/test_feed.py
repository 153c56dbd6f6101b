"""Epochs, positions, timers, and the ways a feed can end."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import struct
import threading
import time
from typing import Any

import pytest

import lastmile
from tests.conftest import Connect
from tests.fake_feeder import FakeFeeder, position


def steps(feed: lastmile.Feed) -> list[tuple[int, int]]:
    return [(batch.epoch, batch.step) for batch in feed]


def state(**feeds: Any) -> dict[str, Any]:
    return {"version": 1, "feeds": feeds}


def test_hello_says_what_is_asked(connect: Connect) -> None:
    _, client = connect(
        "valid", rank=1, world_size=3, ranks="this", epochs=2, max_steps=9, state=state(valid=position(1, 4))
    )
    assert client.hello.json() == {
        "protocol": 1,
        "feed": "valid",
        "ranks": "this",
        "rank": 1,
        "world_size": 3,
        "pid": os.getpid(),
        "epochs": 2,
        "max_steps": 9,
        "state": position(1, 4),
        "attempt": None,
        "client": lastmile.__version__,
    }


def test_feed_takes_rank_and_address_from_the_environment(feeder: FakeFeeder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTMILE_FEED", feeder.path)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with lastmile.feed("train", arrays="numpy") as feed:
        assert (feed.name, feed.rank, feed.world_size) == ("train", 1, 2)
        assert repr(feed) == 'Feed("train", rank=1, world_size=2)'
        hello = feeder.client().hello.json()
        assert (hello["rank"], hello["world_size"], hello["ranks"], hello["state"]) == (1, 2, "all", None)


@pytest.mark.parametrize("missing", ["LASTMILE_FEED", "RANK", "WORLD_SIZE"])
def test_a_missing_variable_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LASTMILE_FEED": "/nowhere", "RANK": "0", "WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(missing)
    with pytest.raises(RuntimeError) as error:
        lastmile.feed("train")
    assert str(error.value) == (
        f"{missing} is not set: this process is not a rank of a Lastmile run. "
        f'Outside a run use lastmile.open("experiment.yaml", "train").'
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 2}, "Invalid rank: 2 (must be in 0..1)"),
        ({"rank": -1}, "Invalid rank: -1 (must be in 0..1)"),
        ({"world_size": 0}, "Invalid world_size: 0 (must be > 0)"),
        ({"epochs": 0}, "Invalid epochs: 0 (must be > 0)"),
        ({"max_steps": 0}, "Invalid max_steps: 0 (must be > 0)"),
        ({"ranks": "some"}, 'Invalid ranks: \'some\' (must be "all" or "this")'),
        ({"arrays": "jax"}, 'Invalid arrays: \'jax\' (must be "numpy" or "torch", or None to choose)'),
        (
            {"state": {"version": 2, "feeds": {}}},
            "Invalid state: version 2 with feeds dict (must be what state_dict() returned: version 1 with feeds dict)",
        ),
    ],
)
def test_arguments_are_checked(connect: Connect, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        connect(**options)


@pytest.mark.parametrize("address", ["/tmp/feed.sock", "tcp://host:1", "unix:"])
def test_an_address_is_a_unix_socket(address: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f'Invalid address: "{address}" (must be unix:/path, as "lastmile')):
        lastmile.connect(address, "train", rank=0, world_size=1)


def test_nobody_listens() -> None:
    with pytest.raises(lastmile.LastmileError) as error:
        lastmile.connect("unix:/nowhere/feed.sock", "train", rank=0, world_size=1)
    assert str(error.value) == (
        "No engine listens at unix:/nowhere/feed.sock (No such file or directory); is it still running?"
    )


def test_an_epoch_that_was_not_announced_is_asked_for(connect: Connect) -> None:
    feed, client = connect()
    client.batch(0, 0)
    client.batch(1, 1)
    client.end(0)
    assert steps(feed) == [(0, 0), (0, 1)]
    assert feed.epoch == 1
    client.batch(2, 0, epoch=1, generation=1)
    client.end(1, generation=1)
    assert steps(feed) == [(1, 0)]
    assert feed.epoch == 2
    feed.close()
    sent = [(message.kind, message.payload) for message in client.all_sent() if message.kind != 4]
    assert [kind for kind, _ in sent] == [3, 3, 5, 6]  # asked for when the second loop begins, not before
    assert json.loads(sent[2][1]) == {"generation": 1, "position": position(1, 0)}


def test_announced_epochs_follow_by_themselves(connect: Connect) -> None:
    feed, client = connect(epochs=2)
    client.batch(0, 0)
    client.end(0)
    client.batch(1, 0, epoch=1)
    client.end(1)
    assert steps(feed) == [(0, 0)]
    assert steps(feed) == [(1, 0)]
    client.batch(2, 0, epoch=2, generation=1)
    client.end(2, generation=1)
    assert steps(feed) == [(2, 0)]
    feed.close()
    starts = [message.json() for message in client.all_sent() if message.kind == 5]
    assert starts == [{"generation": 1, "position": position(2, 0)}]


def test_announced_epochs_count_from_the_first(connect: Connect) -> None:
    feed, client = connect(epochs=2, state=state(train=position(1, 0)))
    client.batch(0, 0, epoch=1)
    client.end(1)
    client.batch(1, 0, epoch=2, generation=1)
    assert steps(feed) == [(1, 0)]
    assert next(iter(feed)).epoch == 2
    assert client.receive(3).u32() == 0
    assert client.receive(5).json() == {"generation": 1, "position": position(2, 0)}


def test_a_loop_that_was_left_goes_on(connect: Connect) -> None:
    feed, client = connect()
    for step in range(3):
        client.batch(step, step)
    client.end(0)
    for batch in feed:
        assert batch.step == 0
        break
    assert steps(feed) == [(0, 1), (0, 2)]


def test_a_loop_that_was_left_on_the_last_batch_goes_on_with_the_next_epoch(connect: Connect) -> None:
    feed, client = connect(epochs=2)
    client.batch(0, 0)
    client.end(0)
    client.batch(1, 0, epoch=1)
    client.end(1)
    next(iter(feed))
    assert steps(feed) == [(1, 0)]


def test_a_position_at_the_end_of_an_epoch_goes_on_with_the_next(connect: Connect) -> None:
    feed, client = connect(state=state(train=position(0, 5)))
    client.end(0)
    client.batch(0, 0, epoch=1, generation=1)
    client.end(1, generation=1)
    assert steps(feed) == [(1, 0)]


def test_an_empty_epoch_is_an_empty_loop(connect: Connect) -> None:
    feed, client = connect()
    client.end(0)
    assert steps(feed) == []
    client.end(1, generation=1)
    assert steps(feed) == []
    assert feed.state_dict() == state(train=position(2, 0))


def test_an_iterator_stays_at_its_end(connect: Connect) -> None:
    feed, client = connect(epochs=2)
    client.batch(0, 0)
    client.end(0)
    client.batch(1, 0, epoch=1)
    batches = iter(feed)
    assert next(batches).epoch == 0
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(batches)
    assert next(iter(feed)).epoch == 1


def test_max_steps_ends_the_iteration(connect: Connect) -> None:
    feed, client = connect(max_steps=3, epochs=9)
    client.batch(0, 0)
    client.end(0)
    client.batch(1, 0, epoch=1)
    client.batch(2, 1, epoch=1)
    client.batch(3, 2, epoch=1)
    assert steps(feed) == [(0, 0)]
    assert steps(feed) == [(1, 0), (1, 1)]
    assert steps(feed) == []
    assert feed.state_dict() == state(train=position(1, 2))
    feed.load_state_dict(state(train=position(1, 2)))
    client.batch(3, 2, epoch=1, generation=1)
    assert next(iter(feed)).step == 2


def test_the_state_is_the_position_of_the_batch_returned_last(connect: Connect) -> None:
    feed, client = connect()
    assert feed.state_dict() == state(train=None)
    assert feed.epoch == 0
    client.batch(0, 0)
    client.batch(1, 1)
    client.end(0)
    batches = iter(feed)
    for step in (1, 2):
        next(batches)
        assert feed.state_dict() == state(train=position(0, step))
    with pytest.raises(StopIteration):
        next(batches)
    assert feed.state_dict() == state(train=position(1, 0))
    assert json.loads(json.dumps(feed.state_dict())) == feed.state_dict()
    feed.state_dict()["feeds"]["train"]["epoch"] = 99
    assert feed.epoch == 1


def test_a_state_given_at_the_start_is_the_position(connect: Connect) -> None:
    feed, client = connect(state=state(train=position(3, 7), valid=None))
    assert client.hello.json()["state"] == position(3, 7)
    assert feed.state_dict() == state(train=position(3, 7))
    assert feed.epoch == 3


def test_loading_a_state_drops_what_is_on_the_way(connect: Connect) -> None:
    feed, client = connect()
    client.batch(0, 0)
    client.batch(1, 1)
    large, _ = client.large(2, 30)
    client.end(0)
    first = next(iter(feed))
    feed.load_state_dict(state(train=position(0, 7)))
    assert feed.state_dict() == state(train=position(0, 7))
    assert client.receive(5).json() == {"generation": 1, "position": position(0, 7)}
    client.batch(2, 7, generation=1)
    assert next(iter(feed)).step == 7
    assert client.receive(3).u32() == 1  # unread
    assert client.receive(8).u32() == large
    assert client.receive(3).u32() == large
    assert first["cat"].tolist() == [0, 1, 2, 3]
    assert feed.state_dict() == state(train=position(0, 8))


def test_loading_the_start(connect: Connect) -> None:
    feed, client = connect(state=state(train=position(3, 7)))
    feed.load_state_dict(state(train=None))
    assert client.receive(5).json() == {"generation": 1, "position": None}
    assert feed.epoch == 0


def test_the_state_covers_every_feed_of_the_job(connect: Connect) -> None:
    train, train_client = connect("train")
    valid, valid_client = connect("valid")
    train_client.batch(0, 0)
    valid_client.batch(0, 4)
    next(iter(train))
    next(iter(valid))
    both = state(train=position(0, 1), valid=position(0, 5))
    assert train.state_dict() == both
    assert valid.state_dict() == both
    valid.load_state_dict(state(train=position(2, 0), valid=position(0, 9), test=position(0, 0)))
    assert train_client.receive(5).json() == {"generation": 1, "position": position(2, 0)}
    assert valid_client.receive(5).json() == {"generation": 1, "position": position(0, 9)}
    valid.close()
    assert train.state_dict() == state(train=position(2, 0))
    train.load_state_dict(both)
    assert train.state_dict() == state(train=position(0, 1))


def test_feeds_of_another_experiment_are_not_touched(connect: Connect, feeder: FakeFeeder) -> None:
    train, _ = connect("train")
    feeder.welcome_with = {"experiment": "another"}
    other, _ = connect("valid")
    assert train.state_dict() == state(train=None)
    assert other.state_dict() == state(valid=None)


def test_a_state_without_this_feed_is_refused(connect: Connect) -> None:
    feed, _ = connect()
    with pytest.raises(ValueError, match=re.escape('Invalid state: no position of feed "train" (it has: "valid")')):
        feed.load_state_dict(state(valid=None))
    with pytest.raises(ValueError, match="Invalid state: version None with feeds NoneType"):
        feed.load_state_dict({})


def test_times_are_measured_and_reported(connect: Connect) -> None:
    feed, client = connect()
    assert feed.timers == (0, 0, 0)
    client.batch(1, 0)
    batches = iter(feed)
    next(batches)
    step, wait_ns, elapsed_ns = struct.unpack("<qqq", client.receive(4).payload)
    assert step == 0
    assert 0 < wait_ns <= elapsed_ns
    time.sleep(0.1)
    client.send_later(0.2, lambda: client.batch(0, 1))
    next(batches)
    client.receive(3)
    step, wait_ns, elapsed_ns = struct.unpack("<qqq", client.receive(4).payload)
    assert step == 1
    timers = feed.timers
    assert timers.steps == 2
    assert 0.19 < timers.wait < 1
    assert 0.09 < timers.step < 1
    assert wait_ns == pytest.approx(timers.wait * 1e9)
    assert elapsed_ns <= (timers.wait + timers.step) * 1e9
    feed.close()
    words = client.receive(6).json()
    assert words["steps"] == 2
    assert words["wait_ns"] == wait_ns
    assert words["elapsed_ns"] >= elapsed_ns


def test_closing_says_goodbye_once(connect: Connect) -> None:
    feed, client = connect()
    with feed as same:
        assert same is feed
    feed.close()
    assert client.receive(6).json() == {"steps": 0, "wait_ns": 0, "elapsed_ns": 0}
    assert client.sent.get(timeout=20) is None
    for use in (lambda: iter(feed), lambda: feed.load_state_dict(state(train=None))):
        with pytest.raises(RuntimeError, match=r'^Feed "train" is closed$'):
            use()


def test_a_forgotten_feed_is_closed(feeder: FakeFeeder) -> None:
    feed = lastmile.connect(f"unix:{feeder.path}", "train", rank=0, world_size=1, arrays="numpy")
    client = feeder.client()
    client.batch(0, 0)
    for _batch in feed:
        break
    client.receive(2)
    del feed, _batch
    gc.collect()
    client.receive(6)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("user", lastmile.UserError),
        ("data", lastmile.DataError),
        ("resources", lastmile.LastmileError),
        ("cancelled", lastmile.LastmileError),
    ],
)
def test_an_error_of_the_engine_is_raised(connect: Connect, kind: str, expected: type[lastmile.LastmileError]) -> None:
    feed, client = connect()
    client.batch(0, 0)
    client.error(kind, "Null in column weight")
    client.close()
    batches = iter(feed)
    next(batches)
    time.sleep(0.05)  # what the feed sends now goes nowhere, and must not hide the error
    for _ in range(2):
        with pytest.raises(lastmile.LastmileError, match=r"^Null in column weight$") as error:
            next(batches)
        assert type(error.value) is expected
    assert feed.state_dict() == state(train=position(0, 1))


def test_a_refusal_is_raised_at_once(feeder: FakeFeeder) -> None:
    feeder.refuse_with = {"kind": "user", "message": 'Unknown dataset "trian" (did you mean "train"?)'}
    with pytest.raises(lastmile.UserError, match='Unknown dataset "trian"'):
        lastmile.connect(f"unix:{feeder.path}", "trian", rank=0, world_size=1, arrays="numpy")


def test_an_engine_that_is_gone_is_told(connect: Connect) -> None:
    feed, client = connect()
    client.send_later(0.1, client.close)
    for _ in range(2):
        with pytest.raises(lastmile.LastmileError) as error:
            next(iter(feed))
        assert str(error.value) == 'The engine is gone: it closed feed "train" before its end (its log says why)'


def test_slots_that_went_with_a_failure_do_not_hide_it(feeder: FakeFeeder) -> None:
    feeder.welcome_with = {"slots": [str(feeder.folder / "gone")]}
    threading.Thread(target=lambda: feeder.client().error("data", "Null in column weight"), daemon=True).start()
    with pytest.raises(lastmile.DataError, match=r"^Null in column weight$"):
        lastmile.connect(f"unix:{feeder.path}", "train", rank=0, world_size=1, arrays="numpy")


def test_another_protocol_version_is_refused(connect: Connect, feeder: FakeFeeder) -> None:
    feeder.welcome_with = {"protocol": 2}
    with pytest.raises(lastmile.LastmileError) as error:
        connect()
    assert str(error.value) == (
        "The engine speaks feed protocol 2 (must be 1): take the lastmile package that belongs to it"
    )


def test_an_unknown_message_is_an_error(connect: Connect) -> None:
    feed, client = connect()
    client.send(99, b"")
    with pytest.raises(lastmile.LastmileError, match=r'^Unexpected message from the engine on feed "train": type 99$'):
        next(iter(feed))


def test_ctrl_c_interrupts_the_wait_and_loses_nothing(connect: Connect) -> None:
    feed, client = connect()
    batches = iter(feed)
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    asked = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        next(batches)
    assert time.monotonic() - asked < 1
    client.batch(0, 0)
    assert next(batches).step == 0
