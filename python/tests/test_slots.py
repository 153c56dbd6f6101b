"""When a slot goes back, and what happens when none is left."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lastmile
from tests.conftest import Connect
from tests.fake_feeder import Client


def freed(client: Client) -> list[int]:
    """Return the slots given back so far; what has been sent is awaited by its STEP message."""
    time.sleep(0.05)
    return [message.u32() for message in client.received() if message is not None and message.kind == 3]


def test_the_loop_variable_holds_its_batch_only(connect: Connect) -> None:
    feed, client = connect()
    for step in range(4):
        client.batch(step, step)
    client.end(steps=4)
    seen = []
    for batch in feed:
        seen.append((batch.step, freed(client)))
    assert seen == [(0, []), (1, []), (2, [0]), (3, [1])]
    del batch


def test_a_dropped_batch_goes_back_at_the_next_next(connect: Connect) -> None:
    feed, client = connect()
    client.batch(0, 0)
    client.batch(1, 1)
    batches = iter(feed)
    assert next(batches).step == 0
    assert freed(client) == []
    assert next(batches).step == 1
    assert freed(client) == [0]


HOLDERS: dict[str, Callable[[lastmile.Batch], Any]] = {
    "value": lambda batch: batch["dense"],
    "slice": lambda batch: batch["dense"][1:2],
    "row": lambda batch: batch["dense"][0],
    "reshaped": lambda batch: batch["dense"].reshape(-1),
    "transposed": lambda batch: batch["dense"].T[0][1:],
    "column": lambda batch: batch["cat"],
    "ragged values": lambda batch: batch["seq_item"].values,
    "ragged offsets": lambda batch: batch["seq_item"].offsets[1:],
    "key": lambda batch: batch.keys["user_id"],
    "all keys": lambda batch: batch.keys,
    "whole batch": lambda batch: batch,
}
NUMPY_HOLDERS: dict[str, Callable[[lastmile.Batch], Any]] = {
    "viewed as bytes": lambda batch: batch["cat"].view(np.uint8)[3:9],
    "memoryview": lambda batch: memoryview(batch["cat"])[1:],
    "from memoryview": lambda batch: np.asarray(memoryview(batch["cat"]))[1:],
    "subclass": lambda batch: batch["dense"].view(np.matrix)[1:],
    "frombuffer": lambda batch: np.frombuffer(batch["cat"], np.int32),
}
TORCH_HOLDERS: dict[str, Callable[[lastmile.Batch], Any]] = {
    "numpy": lambda batch: batch["dense"].numpy()[1:],
    "detached": lambda batch: batch["dense"].detach(),
    "storage": lambda batch: batch["dense"].untyped_storage(),
    "dlpack": lambda batch: np.from_dlpack(batch["dense"]),
    "flattened": lambda batch: batch["dense"].view(-1)[4:].unsqueeze(0),
}
CASES = [("numpy", name, holder) for name, holder in {**HOLDERS, **NUMPY_HOLDERS}.items()] + [
    ("torch", name, holder) for name, holder in {**HOLDERS, **TORCH_HOLDERS}.items() if name != "transposed"
]


@pytest.mark.parametrize(("arrays", "name", "holder"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_any_view_holds_the_slot(
    connect: Connect, arrays: str, name: str, holder: Callable[[lastmile.Batch], Any]
) -> None:
    if arrays == "torch":
        pytest.importorskip("torch")
    feed, client = connect(arrays=arrays)
    for step in range(3):
        client.batch(step, step)
    batches = iter(feed)
    view = holder(next(batches))
    next(batches)
    assert freed(client) == []
    del view
    next(batches)
    assert sorted(freed(client)) == [0, 1]


def test_decoded_text_does_not_hold_the_slot(connect: Connect) -> None:
    feed, client = connect()
    client.batch(0, 0)
    client.batch(1, 1)
    batches = iter(feed)
    text = next(batches).keys["item_key"]
    next(batches)
    assert freed(client) == [0]
    assert text == ["", "é1", "é2", "é3"]


def test_keeping_every_batch_is_told(connect: Connect) -> None:
    feed, client = connect()
    for step in range(4):
        client.batch(step, step + 12)
    batches = iter(feed)
    kept: list[Any] = [next(batches)["dense"]]
    second = next(batches)
    kept += [second["seq_item"].values, second["seq_item"].offsets, second["cat"], second.keys["user_id"]]
    del second
    kept += [next(batches), next(batches)["flag"][:1]]
    asked = time.monotonic()
    with pytest.raises(lastmile.BatchesHeld) as held:
        next(batches)
    assert time.monotonic() - asked < 2
    assert str(held.value) == (
        'Every slot of feed "train" is held by the script (4 of 4): batch of step 12: "dense"; '
        'batch of step 13: "cat", "seq_item", keys["user_id"]; '
        'batch of step 14: "dense", "cat", "seq_item", "user_emb", "flag", keys["user_id"] and 1 more; '
        'batch of step 15: "flag". Keep batch.clone() instead, or set a larger slots: [datasets.train.slots]'
    )
    assert isinstance(held.value, lastmile.LastmileError)
    kept.clear()  # and the feed goes on
    client.batch(0, 16)
    assert next(batches).step == 16
    assert sorted(freed(client)) == [0, 1, 2, 3]


def test_keeping_a_whole_epoch_that_fits_is_allowed(connect: Connect) -> None:
    feed, client = connect()
    for step in range(4):
        client.batch(step, step)
    client.end(steps=4)
    assert [batch.step for batch in list(feed)] == [0, 1, 2, 3]


def test_dead_cycles_are_collected_before_giving_up(connect: Connect) -> None:
    class Node:
        def __init__(self, batch: lastmile.Batch) -> None:
            self.batch = batch
            self.itself = self

    feed, client = connect()
    batches = iter(feed)
    gc.disable()
    try:
        for step in range(4):
            client.batch(step, step)
            Node(next(batches))
        client.send_later(0.6, lambda: client.batch(0, 4))
        assert next(batches).step == 4
        assert sorted(freed(client)) == [0, 1, 2, 3]
    finally:
        gc.enable()


def test_a_large_batch_has_a_file_of_its_own(connect: Connect) -> None:
    feed, client = connect()
    number, path = client.large(0, 500)
    client.batch(0, 1)
    batches = iter(feed)
    batch = next(batches)
    assert client.receive(8).u32() == number
    path.unlink()  # what the feeder does now
    assert batch.rows == 500
    assert batch["cat"][-1] == 499
    assert batch.keys["item_key"][499] == "é499"
    view = batch["dense"][10:12]
    root = weakref.ref(view.base)
    del batch
    next(batches)
    assert freed(client) == []
    assert view.tolist() == [[100, 101, 102], [110, 111, 112]]
    del view
    assert root() is None
    client.batch(1, 2)
    next(batches)
    assert sorted(freed(client)) == [0, number]


def test_large_batches_take_no_slot(connect: Connect) -> None:
    feed, client = connect()
    for step in range(6):
        client.large(step, 20)
    client.end(steps=6)
    assert len(list(feed)) == 6


def test_batches_outlive_their_feed(connect: Connect) -> None:
    feed, client = connect()
    client.batch(0, 0)
    batch = next(iter(feed))
    feed.close()
    del feed
    gc.collect()
    assert batch["cat"].tolist() == [0, 1, 2, 3]
