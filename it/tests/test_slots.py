"""Slots in shared memory: held, forked, abandoned, too small, and too many for the machine."""

from __future__ import annotations

import re
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import data
from harness import Sandbox, check_ranks, copied, load_ranks, ranks
from oracle.dataset import Dataset
from oracle.tensors import Tensor

COLLECT = str(Path(__file__).parent / "scripts" / "collect.py")


def dataset(sandbox: Sandbox, **options: Any) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=2, rows=1000, row_group=250)
    tensors = {
        "dense": Tensor("dense_*", fill=0),
        "seq": Tensor("seq", fill=0),
        "item": Tensor("item_id"),
    }
    return Dataset("t", root, files, tensors, **({"batch": 50} | options))


def test_a_script_that_keeps_every_batch_is_told(sandbox: Sandbox) -> None:
    import lastmile

    def keep(feed: Any) -> list[Any]:
        kept = []
        with pytest.raises(lastmile.BatchesHeld) as caught:
            for batch in feed:
                kept.append(batch["dense"])
                del batch
        message = str(caught.value)
        assert '"dense"' in message
        assert '"seq"' not in message
        assert "clone()" in message
        assert "slots" in message
        assert 4 <= len(kept) < 40
        values = [np.array(tensor) for tensor in kept]
        del caught
        kept.clear()
        # The feed is still good: what comes next is the next batch.
        rest = [np.array(batch["dense"]) for batch in feed]
        assert len(values) + len(rest) == 40
        return values + rest

    whole = dataset(sandbox)
    with sandbox.serve(sandbox.experiment(whole)) as server:
        (dense,) = ranks(server.address, 1, each=keep)
    expected = Tensor("dense_*", fill=0).of(whole.sequence().rows)
    np.testing.assert_array_equal(np.concatenate(dense), expected)


def test_a_script_that_keeps_clones_gets_everything(sandbox: Sandbox) -> None:
    whole = dataset(sandbox)

    def keep(feed: Any) -> list[Any]:
        return [copied(batch) for batch in [batch.clone() for batch in feed]]

    with sandbox.serve(sandbox.experiment(whole)) as server:
        check_ranks(ranks(server.address, 2, each=keep), whole)


def test_more_slots_hold_more_batches(sandbox: Sandbox) -> None:
    whole = dataset(sandbox, extra={"slots": 50})

    def keep(feed: Any) -> list[Any]:
        batches = list(feed)
        return [copied(batch) for batch in batches]

    with sandbox.serve(sandbox.experiment(whole)) as server:
        check_ranks(ranks(server.address, 1, each=keep), whole)


def test_a_batch_stays_as_it_was_while_a_view_of_it_lives(sandbox: Sandbox) -> None:
    whole = dataset(sandbox)

    def keep_one(feed: Any) -> list[Any]:
        got, first, copy = [], None, None
        for batch in feed:
            if batch.step == 3:
                first = batch["seq"].values[2:5]
                copy = np.array(first)
            got.append(copied(batch))
            del batch
            if first is not None:
                np.testing.assert_array_equal(first, copy)
        return got

    with sandbox.serve(sandbox.experiment(whole)) as server:
        check_ranks(ranks(server.address, 2, each=keep_one), whole)


def scribble(value: Any) -> None:
    if isinstance(value, tuple):
        for part in value:
            scribble(part)
    elif isinstance(value, np.ndarray):
        value.view(np.uint8)[...] = 0xA5


def test_what_a_script_writes_into_a_batch_is_gone_with_it(sandbox: Sandbox) -> None:
    tensors = {
        "dense": Tensor("dense_*", fill=0),
        "seq": Tensor("seq", fill=0),
        "padded": Tensor("seq", pad=True, max_length=4, null="mask"),
        "masked": Tensor("user_id", null="mask"),
        "keyed": Tensor(["seq", "item_id"], layout="keyed", fill=0),
        "emb": Tensor("emb", fill=0),
    }
    whole = replace(dataset(sandbox, keys=["uid", "surface"]), tensors=tensors)

    def write(feed: Any) -> list[Any]:
        got = []
        for batch in feed:
            got.append(copied(batch))
            for value in (*batch.values(), *(batch.keys[key] for key in batch.keys), batch.mask):
                scribble(value)
            del batch, value
        return got

    with sandbox.serve(sandbox.experiment(whole)) as server:
        check_ranks(ranks(server.address, 3, each=write), whole)


def test_a_forked_child_cannot_use_the_feed_and_does_no_harm(sandbox: Sandbox) -> None:
    script = sandbox.write(
        "forks.py",
        """
import os, runpy, sys
import lastmile
feed = lastmile.feed("train", arrays="numpy")
batches = iter(feed)
first = next(batches)
uids = first.keys["uid"].tolist()
del first
child = os.fork()
if child == 0:
    try:
        next(batches)
    except BaseException as error:
        print(f"in the child: {type(error).__name__}: {error}", flush=True)
        os._exit(7)
    os._exit(0)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 7, status
for batch in batches:
    uids += batch.keys["uid"].tolist()
assert uids == list(range(2000)), len(uids)
print("the parent got everything", flush=True)
""",
    )
    whole = dataset(sandbox)
    train = {"script": script.name, "ranks": 1}
    outcome = sandbox.run(sandbox.experiment(whole, train=train)).expect(0)
    assert outcome.record is not None
    log = (outcome.record / "logs" / "rank-0.log").read_text()
    assert "the parent got everything" in log
    (said,) = re.findall(r"in the child: (.*)", log)
    assert "fork" in said


def test_a_child_that_is_forked_and_forgotten_holds_nothing_up(sandbox: Sandbox) -> None:
    script = sandbox.write(
        "forgets.py",
        """
import os, time
import lastmile
feed = lastmile.feed("train", arrays="numpy")
for batch in feed:
    if batch.step == 1 and os.fork() == 0:
        time.sleep(600)
""",
    )
    train = {"script": script.name, "ranks": 2}
    job = sandbox.start_run(sandbox.experiment(dataset(sandbox), train=train))
    outcome = job.wait(60).expect(0)
    assert outcome.summary["exit"]["kind"] == "ok"
    sandbox.gone_after(5)


def test_a_rank_that_dies_while_it_holds_a_slot_ends_the_job(sandbox: Sandbox) -> None:
    script = sandbox.write(
        "dies.py",
        """
import os, signal, time
import lastmile
feed = lastmile.feed("train", arrays="numpy")
for batch in feed:
    if batch.step == 3 and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
""",
    )
    train = {"script": script.name, "ranks": 2}
    outcome = sandbox.run(sandbox.experiment(dataset(sandbox), train=train)).expect(4)
    assert outcome.summary["exit"]["kind"] == "trainer"
    assert "rank 1" in outcome.summary["exit"]["message"].lower()
    exits = [rank["exit_code"] for rank in outcome.summary["ranks"]]
    assert exits[1] in (137, -9)
    sandbox.gone_after(5)
    assert not sandbox.leftovers()


def test_a_connected_rank_that_dies_ends_the_feed_of_the_others(sandbox: Sandbox) -> None:
    import lastmile

    whole = dataset(sandbox)
    script = sandbox.write(
        "dies.py",
        """
import os, signal, sys
import lastmile
feed = lastmile.connect(sys.argv[1], "train", rank=1, world_size=2, arrays="numpy")
for batch in feed:
    if batch.step == 3:
        os.kill(os.getpid(), signal.SIGKILL)
""",
    )
    with sandbox.serve(sandbox.experiment(whole)) as server:
        import threading

        other = threading.Thread(target=lambda: sandbox.python(str(script), server.address))
        other.start()
        feed = lastmile.connect(server.address, "train", rank=0, world_size=2, arrays="numpy")
        with pytest.raises(lastmile.LastmileError) as caught:
            for batch in feed:
                del batch
        feed.close()
        other.join()
    assert "rank 1" in str(caught.value).lower()


def long_lists(sandbox: Sandbox, rows: int, batch: int, usual: int, long: int) -> Dataset:
    """Lists of `usual` values, and of `long` ones in the rows of the batch in the middle."""
    lengths = np.full(rows, usual)
    middle = rows // 2 // batch * batch
    lengths[middle : middle + batch] = long
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    values = pa.array(np.arange(offsets[-1], dtype=np.int64))
    columns = {
        "uid": pa.array(np.arange(rows), pa.int64()),
        "seq": pa.ListArray.from_arrays(pa.array(offsets), values),
    }
    (sandbox.folder / "t").mkdir()
    pq.write_table(pa.table(columns), sandbox.folder / "t" / "0.parquet", row_group_size=batch * 16)
    tensors = {"seq": Tensor("seq")}
    return Dataset("t", sandbox.folder / "t", ["0.parquet"], tensors, batch=batch)


@pytest.mark.parametrize("world", [1, 2])
def test_a_batch_fifty_times_the_average(sandbox: Sandbox, world: int) -> None:
    dataset = long_lists(sandbox, rows=64 * 120, batch=64, usual=20, long=2000)
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        got = ranks(server.address, world)
    check_ranks(got, dataset)
    sizes = [len(batch.tensors["seq"].values) for batch in got[0]]
    assert max(sizes) > 50 * sum(sizes) / len(sizes) or world > 1


@pytest.fixture
def small_shm(sandbox: Sandbox) -> Sandbox:
    """A runtime folder on a file system of 64 MB, which only the processes of the test see."""
    sandbox.mount(sandbox.shm, "64m")
    return sandbox


def wide(sandbox: Sandbox, columns: int, batch: int) -> Dataset:
    """Slots of batch x columns x 4 bytes."""
    r = data.rng(2)
    rows = batch * 6
    values = {f"x_{i}": r.normal(size=rows).astype(np.float32) for i in range(columns)}
    (sandbox.folder / "t").mkdir()
    table = pa.table({"uid": pa.array(np.arange(rows), pa.int64())} | values)
    pq.write_table(table, sandbox.folder / "t" / "0.parquet", row_group_size=batch)
    tensors = {"x": Tensor("x_*")}
    return Dataset("t", sandbox.folder / "t", ["0.parquet"], tensors, batch=batch)


def test_shared_memory_of_64_mb_is_enough_for_small_slots(small_shm: Sandbox) -> None:
    dataset = wide(small_shm, columns=100, batch=1000)
    train = {"script": COLLECT, "args": ["1"], "ranks": 2}
    small_shm.run(small_shm.experiment(dataset, train=train)).expect(0)
    check_ranks(load_ranks(small_shm.folder, 2), dataset)


def test_shared_memory_that_is_too_small_is_refused_with_the_numbers(small_shm: Sandbox) -> None:
    dataset = wide(small_shm, columns=500, batch=8000)  # 16 MB a slot
    train = {"script": COLLECT, "args": ["1"], "ranks": 2}
    outcome = small_shm.run(small_shm.experiment(dataset, train=train)).expect(2)
    (line,) = outcome.errors
    assert str(small_shm.shm) in line
    assert len(re.findall(r"\d+(?:\.\d+)? ?[KMG]i?B", line)) >= 2, line
    assert outcome.record is None


def test_a_large_batch_that_does_not_fit_ends_the_job_with_the_numbers(small_shm: Sandbox) -> None:
    dataset = long_lists(small_shm, rows=256 * 64, batch=256, usual=4, long=40_000)  # 80 MB
    train = {"script": COLLECT, "args": ["1"], "ranks": 1}
    outcome = small_shm.run(small_shm.experiment(dataset, train=train))
    if outcome.code == 0:
        check_ranks(load_ranks(small_shm.folder, 1), dataset)
        return
    assert outcome.code in (2, 5), outcome.err
    (line,) = outcome.errors
    assert len(re.findall(r"\d+(?:\.\d+)? ?[KMG]i?B", line)) >= 2, line
    small_shm.gone_after(5)


def test_a_stopped_rank_is_named_while_the_others_wait(sandbox: Sandbox) -> None:
    script = sandbox.write(
        "stops.py",
        """
import os, time
import lastmile
feed = lastmile.feed("train", arrays="numpy")
for batch in feed:
    if batch.step == 2 and os.environ["RANK"] == "1":
        time.sleep(4)
""",
    )
    train = {"script": script.name, "ranks": 2}
    job = sandbox.start_run(sandbox.experiment(dataset(sandbox, batch=10), train=train))
    outcome = job.wait(60).expect(0)
    assert re.search(r"rank 1", outcome.out + outcome.err), outcome.out + outcome.err


def test_two_servers_do_not_touch_each_other(sandbox: Sandbox) -> None:
    whole = dataset(sandbox)
    path = sandbox.experiment(whole)
    with sandbox.serve(path) as one, sandbox.serve(path) as two:
        assert one.address != two.address
        assert len(sandbox.leftovers()) == 2
        check_ranks(ranks(one.address, 1), whole)
        one.job.signal(signal.SIGKILL)
        one.job.process.wait(10)
        check_ranks(ranks(two.address, 1), whole)
        with sandbox.serve(path) as three:
            # The start of the third removed what the first one left, and nothing else.
            assert len(sandbox.leftovers()) == 2
            check_ranks(ranks(three.address, 1), whole)
        time.sleep(0.1)
        check_ranks(ranks(two.address, 1), whole)
