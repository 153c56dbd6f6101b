"""A position carries on at the next row: in another process, with other ranks and workers."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import data
from harness import Got, Sandbox, check_ranks, copied, drain, follow, order, ranks
from oracle.dataset import NONE, Dataset, Shuffle, deal
from oracle.steps import Downsample, Filter
from oracle.tensors import Tensor

ORDERS = {"none": NONE, "row_groups": Shuffle(row_groups=3)}


@pytest.fixture(params=ORDERS)
def table(sandbox: Sandbox, request: pytest.FixtureRequest) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=3, rows=400, row_group=90)
    tensors = {"dense": Tensor("dense_*", fill=0), "seq": Tensor("seq", fill=0)}
    odd = Filter("uid % 7 <> 0", lambda rows: np.asarray(rows.column("uid")) % 7 != 0)
    steps = [odd, Downsample(0.8, ["uid"])]
    order = ORDERS[request.param]
    return Dataset("t", root, files, tensors, steps, batch=24, shuffle=order)


def first_steps(sandbox: Sandbox, table: Dataset, world: int, steps: int | None) -> list[Got]:
    """The first batches of rank 0, with the state after each."""
    with sandbox.serve(sandbox.experiment(table, workers=2)) as server:
        got = follow(sandbox, server.address, world, [("take", steps)])
    for batches in zip(*got, strict=True):
        positions = [batch.state["feeds"]["train"] for batch in batches if batch.state]
        assert all(position == positions[0] for position in positions)
        assert len(positions) == world
    return got[0]


@pytest.mark.parametrize("how", ["state", "load_state_dict"])
@pytest.mark.parametrize(("world", "workers", "batch"), [(2, 2, 24), (3, 1, 24), (1, 4, 10)])
def test_the_rest_after_a_position_is_the_rest(
    sandbox: Sandbox, table: Dataset, world: int, workers: int, batch: int, how: str
) -> None:
    before = first_steps(sandbox, table, world=2, steps=7)
    state = pickle.loads(pickle.dumps(before[-1].state))
    uids = table.sequence().rows.column("uid").to_pylist()
    rest = uids[7 * 2 * table.batch :]

    other = sandbox.experiment(replace(table, batch=batch), workers=workers)
    with sandbox.serve(other) as server:
        if how == "state":
            got = follow(sandbox, server.address, world, [("take", None)], state=state)
        else:
            got = follow(sandbox, server.address, world, [("load", state), ("take", None)])
    assert order(got) == rest
    dealt = deal(len(rest), batch, world)
    for rank, batches in enumerate(got):
        assert [b.rows for b in batches] == [max(1, s[rank][1] - s[rank][0]) for s in dealt]
        assert [b.step for b in batches] == list(range(7, 7 + len(dealt)))


def test_every_position_of_an_epoch_resumes(sandbox: Sandbox, table: Dataset) -> None:
    large = replace(table, batch=100)
    states = [batch.state for batch in first_steps(sandbox, large, world=1, steps=None)]
    uids = table.sequence().rows.column("uid").to_pylist()
    assert len(states) == -(-len(uids) // 100)
    with sandbox.serve(sandbox.experiment(large)) as server:
        for steps, state in enumerate(states, start=1):
            assert state is not None
            got = ranks(server.address, 2, state=state)
            if steps < len(states):
                assert order(got) == uids[steps * 100 :]
            else:  # the end of the epoch is the start of the next
                epoch = large.sequence(epoch=1).rows.column("uid").to_pylist()
                assert order(got) == epoch


def test_going_back_in_the_same_feed(sandbox: Sandbox, table: Dataset) -> None:
    uids = table.sequence().rows.column("uid").to_pylist()

    with sandbox.serve(sandbox.experiment(table)) as server:
        actions = [("take", 7), ("load", 1), ("take", None)]
        got = follow(sandbox, server.address, 2, actions)
    step = 2 * table.batch
    assert order(got) == uids[: 7 * step] + uids[2 * step :]


def test_a_feed_can_be_opened_again_as_soon_as_it_is_closed(sandbox: Sandbox) -> None:
    import lastmile

    files = data.write_impressions(sandbox.folder / "t", files=1, rows=100, row_group=50)
    dataset = Dataset("t", sandbox.folder / "t", files, {"uid": Tensor("uid")}, batch=10)
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        for _ in range(100):
            feed = lastmile.connect(server.address, "train", rank=0, world_size=1, arrays="numpy")
            assert next(iter(feed)).step == 0
            feed.close()


def test_the_second_epoch_after_a_resume_is_whole(sandbox: Sandbox, table: Dataset) -> None:
    state = first_steps(sandbox, table, world=2, steps=5)[-1].state
    with sandbox.serve(sandbox.experiment(table)) as server:
        got = ranks(server.address, 2, state=state, each=lambda feed: drain(feed, 2))
    second = [[batch for batch in batches if batch.epoch == 1] for batches in got]
    check_ranks(second, table, epochs=(1,))


def test_the_digest_of_a_position_is_that_of_the_rows_delivered(
    sandbox: Sandbox, table: Dataset
) -> None:
    sequence = table.sequence()
    batches = first_steps(sandbox, table, world=2, steps=None)
    for batch in batches:
        assert batch.state is not None
        position = batch.state["feeds"]["train"]
        if position["epoch"] == 1:
            continue
        rows = min((batch.step + 1) * 2 * table.batch, len(sequence.rows))
        assert position["rows"] == rows
        assert position["digest"] == sequence.digests[rows - 1]
        assert position["counts"]["delivered"] == rows


@pytest.mark.parametrize(("key", "value"), [("split", 999), ("row", 10**9), ("epoch", -1)])
def test_a_position_that_there_is_not_is_refused(
    sandbox: Sandbox, table: Dataset, key: str, value: int
) -> None:
    import lastmile

    state = first_steps(sandbox, table, world=2, steps=2)[-1].state
    assert state is not None
    state["feeds"]["train"][key] = value
    refused = pytest.raises(lastmile.UserError, match=rf"^Invalid position: .*{key} ")
    with sandbox.serve(sandbox.experiment(table)) as server, refused:
        ranks(server.address, 1, state=state)


def test_a_position_of_another_dataset_is_refused(sandbox: Sandbox, table: Dataset) -> None:
    import lastmile

    state = first_steps(sandbox, table, world=2, steps=2)[-1].state
    other = replace(table, steps=[])
    refused = pytest.raises(lastmile.LastmileError, match=r"state|position|fingerprint")
    with sandbox.serve(sandbox.experiment(other)) as server, refused:
        ranks(server.address, 1, state=state)


@pytest.mark.parametrize("epochs", [None, 10**6])
@pytest.mark.parametrize("leave", [None, 2, 1])
def test_going_back_at_any_moment_of_an_epoch(
    sandbox: Sandbox, epochs: int | None, leave: int | None
) -> None:
    """The end of the epoch, and the next one where it is announced, are under way meanwhile."""
    files = data.write_impressions(sandbox.folder / "t", files=1, rows=64, row_group=8)
    dataset = Dataset("t", sandbox.folder / "t", files, {"uid": Tensor("uid")}, batch=32)

    def back_and_again(feed: Any) -> list[Any]:
        start = feed.state_dict()
        for _ in range(60):
            uids = [uid for batch in drain(feed, steps=leave) for uid in batch.uids]
            assert uids == list(range(64 if leave is None else 32 * leave))
            feed.load_state_dict(start)
        return []

    with sandbox.serve(sandbox.experiment(dataset)) as server:
        ranks(server.address, 1, each=back_and_again, epochs=epochs)


def test_a_rank_that_is_refused_harms_nobody(sandbox: Sandbox, table: Dataset) -> None:
    import lastmile

    with sandbox.serve(sandbox.experiment(table)) as server:
        feed = lastmile.connect(server.address, "train", rank=0, world_size=1, arrays="numpy")
        batches = iter(feed)
        got = [copied(next(batches))]
        before = len(list(sandbox.shm.rglob("*")))
        for rank, world in ((0, 1), (1, 2)):
            with pytest.raises(lastmile.UserError):
                lastmile.connect(
                    server.address, "train", rank=rank, world_size=world, arrays="numpy"
                )
        assert len(list(sandbox.shm.rglob("*"))) == before
        got += [copied(batch) for batch in batches]
        check_ranks([got], table)
        feed.close()


def _written_anew(dataset: Dataset) -> Dataset:
    path = dataset.root / dataset.files[0]
    rows = pq.read_table(path)
    pq.write_table(rows.slice(0, len(rows) - 1), path, row_group_size=90)
    return dataset


OTHER_PLANS: dict[str, tuple[Callable[[Dataset], Dataset], int]] = {
    "another seed": (lambda dataset: dataset, 43),
    "another order": (lambda dataset: replace(dataset, shuffle=Shuffle(row_groups=2)), 42),
    "other steps": (lambda dataset: replace(dataset, steps=dataset.steps[:1]), 42),
    "other files": (_written_anew, 42),
    "another seed, other steps": (lambda dataset: replace(dataset, steps=[]), 7),
}


@pytest.mark.parametrize("difference", OTHER_PLANS)
def test_a_position_of_another_plan_is_refused_with_what_differs(
    sandbox: Sandbox, table: Dataset, difference: str
) -> None:
    import lastmile

    other, seed = OTHER_PLANS[difference]
    state = first_steps(sandbox, table, world=1, steps=2)[-1].state
    path = sandbox.experiment(other(table), seed=seed)
    refused = pytest.raises(
        lastmile.UserError, match=rf"^Invalid position: it was saved with plan .* \({difference}\)"
    )
    with sandbox.serve(path) as server, refused:
        ranks(server.address, 1, state=state)


CHECKPOINTED = """
import sys
import lastmile
from torch import nn

model = nn.Linear(1, 1)
feed = lastmile.feed("train")
checkpoints = lastmile.checkpoint("checkpoints", keep=2)
step = checkpoints.load(feed=feed, model=model) or 0
for batch in feed:
    print("uids", *batch.keys["uid"].tolist(), flush=True)
    step += 1
    if step % 2 == 0:
        checkpoints.save(step, feed=feed, model=model)
        if step == 6 and sys.argv[1] == "dies":
            sys.exit(7)
"""


def test_a_script_goes_on_from_its_checkpoint(sandbox: Sandbox) -> None:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=2, rows=400, row_group=90)
    table = Dataset(
        "t", root, files, {"uid": Tensor("uid")}, [], batch=40, shuffle=Shuffle(row_groups=3)
    )
    sandbox.write("train.py", CHECKPOINTED)

    def run(ranks: int, argument: str, code: int) -> list[int]:
        train = {"script": "train.py", "ranks": ranks, "args": [argument]}
        done = sandbox.run(sandbox.experiment(table, train=train)).expect(code)
        lines = [line.split("uids ")[1] for line in done.out.splitlines() if "uids " in line]
        return [int(uid) for line in lines for uid in line.split()]

    uids = table.sequence().rows.column("uid").to_pylist()
    assert sorted(run(2, "dies", 4)) == sorted(uids[: 6 * 2 * 40])
    assert len(list((sandbox.folder / "checkpoints").iterdir())) == 2
    assert sorted(run(3, "lives", 0)) == sorted(uids[6 * 2 * 40 :])


def test_what_was_left_out_of_a_split_is_left_out_of_its_rest(sandbox: Sandbox) -> None:
    """Also where it can be read again; the splits behind it have it, of those that are repaired."""
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=2, rows=400, row_group=50)
    tensors = {"dense": Tensor("dense_*", fill=0)}
    whole = Dataset("t", root, files, tensors, batch=20, shuffle=Shuffle(row_groups=8))
    damaged = root / files[1]
    kept = damaged.read_bytes()
    data.damage(damaged, 3, "dense_1")
    corrupt = frozenset({(files[1], 3)})
    skipping = replace(whole, on_corrupt="skip", corrupt=corrupt)
    (split,) = [at for at, parts in enumerate(whole.splits(42, 0)) if (1, 3) in parts]
    uids = skipping.sequence().rows.column("uid").to_pylist()
    assert len(uids) == 750
    with sandbox.serve(sandbox.experiment(skipping)) as server:
        (got,) = ranks(server.address, 1, each=lambda feed: drain(feed, states=True))
    states = [batch.state for batch in got]
    amid = [
        (steps, state)
        for steps, state in enumerate(states, start=1)
        if state and state["feeds"]["train"].get("skipped")
    ]
    assert len(amid) > 10
    damaged.write_bytes(kept)
    with sandbox.serve(sandbox.experiment(skipping)) as server:
        for steps, state in amid:
            assert state["feeds"]["train"]["split"] == split
            assert order(ranks(server.address, 2, state=state)) == uids[steps * 20 :]
