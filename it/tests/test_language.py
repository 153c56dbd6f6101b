"""Every step of the dataset language, against the oracle: rows, order, values, counts, identity."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import data
from harness import Sandbox, check_ranks, drain, order, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.language import (
    Cast,
    Explode,
    Join,
    Label,
    Limit,
    Member,
    Rename,
    Sample,
    Small,
    Split,
    Step,
    Truncate,
    Upsample,
    Weight,
)
from oracle.steps import Derive, Downsample, Filter, Mask, Select, true
from oracle.tensors import Tensor

UID = {"uid": Tensor("uid")}
POSITIVE: tuple[str, Mask] = ("label = 1", lambda t: true(pc.equal(t.column("label"), 1)))


def users(sandbox: Sandbox, name: str = "users.parquet", twice: bool = False) -> Small:
    """Two thirds of the users, in no order, with a null key and columns of each kind."""
    r = data.rng(5)
    ids = r.permutation(300)[:200].tolist()
    ids = [*ids, None] + (ids[:50] if twice else [])
    count = len(ids)
    table = pa.table(
        {
            "user_id": pa.array(ids, pa.int32()),
            "country": data.with_nulls(
                r, [data.TEXTS[i] for i in r.integers(0, 9, count)], pa.string()
            ),
            "about": pa.array([f"somebody with a long text of {i}" for i in range(count)]),
            "age": data.with_nulls(r, r.integers(0, 99, count), pa.int8()),
            "price": pa.array(r.normal(size=count)).cast(pa.float32()),
            "since": pa.array(r.integers(0, 20000, count).astype(np.int32), pa.date32()),
            "active": data.with_nulls(r, r.random(count) < 0.5, pa.bool_()),
            "history": data.lists(r, count, pa.int64()),
            "words": data.lists(r, count, pa.string()),
            "vector": data.fixed(r, count, 3),
        }
    )
    pq.write_table(table, sandbox.folder / name, row_group_size=64)
    return Small({"parquet": name}, table)


COLUMNS = ["country", "about", "age", "price", "since", "active", "history", "words", "vector"]
JOINED = {
    "country": Tensor("u_country", fill=0, hash=(50, 0)),
    "about": Tensor("u_about", fill=0, hash=(1000, 0)),
    "age": Tensor("u_age", fill=-1),
    "price": Tensor("u_price", fill=-1),
    "since": Tensor("u_since", fill=-1),
    "active": Tensor("u_active", fill=0),
    "history": Tensor("u_history", fill=-1),
    "words": Tensor("u_words", fill=0, hash=(100, 0)),
    "vector": Tensor("u_vector", fill=-1),
}


def table(sandbox: Sandbox, steps: list[Step], tensors: dict[str, Tensor] = UID) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=3, rows=400, row_group=130)
    return Dataset("t", root, files, tensors, steps, batch=50)


def check(sandbox: Sandbox, dataset: Dataset, epochs: int = 1, world: int = 2) -> list[int]:
    """Serve it in file order and shuffled; compare rows, values and the digest after each step."""
    found: list[int] = []
    for shuffle in (Shuffle(row_groups=3), NONE):
        ordered = replace(dataset, shuffle=shuffle)
        with sandbox.serve(sandbox.experiment(ordered)) as server:
            got = ranks(
                server.address,
                world,
                each=lambda feed: drain(feed, epochs, states=True),
                epochs=epochs,
            )
        check_ranks(got, ordered, epochs=range(epochs))
        for epoch in range(epochs):
            sequence = ordered.sequence(epoch=epoch)
            for batch in got[0]:
                state: Any = batch.state
                at = json.dumps(state)
                if (
                    batch.epoch == epoch
                    and f'"epoch": {epoch}' in at
                    and (rows := delivered(state))
                ):
                    assert digest_of(state) == sequence.digests[rows - 1]
        found = order([[b for b in batches if b.epoch == 0] for batches in got])
    return found


def position(state: Any) -> dict[str, Any]:
    """The position inside a state."""
    if "digest" in state:
        return dict(state)
    for value in state.values():
        if isinstance(value, dict) and (inner := position(value)):
            return inner
    return {}


def delivered(state: Any) -> int:
    return int(position(state)["rows"])


def digest_of(state: Any) -> str:
    return str(position(state)["digest"])


def test_rename_with_patterns(sandbox: Sandbox) -> None:
    to = {"dense_*": "d*_x", "uid": "id"}
    resolved = {f"dense_{i}": f"d{i}_x" for i in range(3)} | {"uid": "id"}
    steps: list[Step] = [
        Rename(to, resolved),
        Rename({"id": "uid"}, {"id": "uid"}),
        Filter("d1_x > 0", lambda t: true(pc.greater(t.column("d1_x"), 0))),
    ]
    check(sandbox, table(sandbox, steps, {"dense": Tensor("d*_x", fill=0)}))


def test_cast(sandbox: Sandbox) -> None:
    cast = Cast(
        {
            "dense_*": ("DOUBLE", pa.float64()),
            "label": ("BIGINT", pa.int64()),
            "seq": ("INTEGER[]", pa.list_(pa.int32())),
            "emb": ("DOUBLE[]", pa.list_(pa.float64(), 3)),
        }
    )
    tensors = {
        "dense": Tensor("dense_*", fill=0),
        "label": Tensor("label"),
        "seq": Tensor("seq", fill=0),
        "emb": Tensor("emb", fill=0),
    }
    check(sandbox, table(sandbox, [cast], tensors))


def test_label(sandbox: Sandbox) -> None:
    long = ("dwell_s > 20", lambda t: true(pc.greater(t.column("dwell_s"), 20)), 2)
    any_label = ("label = 1 -- or so", POSITIVE[1], 1)
    steps: list[Step] = [
        Label({"stays": [("dwell_s > 20", long[1], 1)]}),
        Label({"action": [long, any_label], "other": [any_label]}, otherwise=-5),
    ]
    tensors = {name: Tensor(name) for name in ("stays", "action", "other")}
    check(sandbox, table(sandbox, steps, tensors))


def test_weight_multiplies(sandbox: Sandbox) -> None:
    steps: list[Step] = [
        Downsample(0.5, ["user_id"], weight="weight"),
        Weight(
            {
                "weight": (
                    "1 + dense_1",
                    lambda t: pc.add(t.column("dense_1"), pa.scalar(1, pa.float32())),
                ),
                "dense_0": ("2", lambda t: np.full(len(t), 2)),
            }
        ),
    ]
    check(sandbox, table(sandbox, steps, {"w": Tensor("weight"), "d": Tensor("dense_0", fill=9)}))


@pytest.mark.parametrize("end", ["first", "last"])
def test_truncate(sandbox: Sandbox, end: str) -> None:
    steps: list[Step] = [Truncate(["seq", "emb"], **{end: 2})]
    check(sandbox, table(sandbox, steps, {"s": Tensor("seq", fill=0), "e": Tensor("emb", fill=0)}))


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize("twice", [False, True])
def test_join(sandbox: Sandbox, inner: bool, twice: bool) -> None:
    small = users(sandbox, twice=twice)
    join = Join(small, {"user_id": "user_id"}, COLUMNS, None, "u_", inner, first=twice)
    used = Filter("u_age IS NULL OR u_age <> 3", lambda t: ~true(pc.equal(t.column("u_age"), 3)))
    check(sandbox, table(sandbox, [join, used], JOINED))


def test_join_selects_and_filters_the_small_side(sandbox: Sandbox) -> None:
    small = users(sandbox)
    old = small.rows.filter(pc.greater(small.rows.column("age"), 40).fill_null(False))
    filtered = Small(small.said | {"filter": "age > 40"}, old)
    join = Join(filtered, {"user_id": "user_id"}, ["age", "country"], ["age", "countr?"])
    tensors = {"age": Tensor("age", fill=-1), "country": Tensor("country", fill=0, hash=(9, 0))}
    check(sandbox, table(sandbox, [join], tensors))


@pytest.mark.parametrize("anti", [False, True])
@pytest.mark.parametrize("kind", ["parquet", "csv", "json", "values"])
def test_semi_and_anti_join(sandbox: Sandbox, kind: str, anti: bool) -> None:
    surfaces = ["home", "Zürich", "home"]
    labels = [0, 1, 1]
    rows = pa.table({"surface": surfaces, "l": labels})
    said: dict[str, Any] = {kind: f"small.{kind}"}
    if kind == "parquet":
        pq.write_table(rows, sandbox.folder / "small.parquet")
    elif kind == "csv":
        lines = [f"{s},{n}" for s, n in zip(surfaces, labels, strict=True)]
        sandbox.write("small.csv", "\n".join(["surface,l", *lines]) + "\n")
    elif kind == "json":
        lines = [json.dumps(row) for row in rows.to_pylist()]
        sandbox.write("small.json", "\n".join(lines) + "\n")
    else:
        said = {"values": {"surface": [*surfaces, None], "l": [*labels, 1]}}
    member = Member(Small(said, rows), {"surface": "surface", "label": "l"}, anti)
    check(sandbox, table(sandbox, [member]))


def test_downsample_with_a_share_of_each_row(sandbox: Sandbox) -> None:
    share = ("0.1 + label * 0.95", lambda t: 0.1 + np.asarray(t.column("label")) * 0.95)
    steps: list[Step] = [Downsample(share, weight="w", where=("dense_1 > -1", _above))]
    check(sandbox, table(sandbox, steps, {"w": Tensor("w")}))


def _above(rows: pa.Table) -> np.ndarray:
    return true(pc.greater(rows.column("dense_1"), -1))


def test_sample(sandbox: Sandbox) -> None:
    steps: list[Step] = [
        Sample(0.7),
        Sample(0.5, ["user_id"], each_epoch=True),
        Sample(0.9, ["item_id"], salt="s"),
    ]
    check(sandbox, table(sandbox, steps), epochs=2)


def test_explode(sandbox: Sandbox) -> None:
    steps: list[Step] = [
        Filter("label = 0", lambda t: ~POSITIVE[1](t)),
        Explode(["seq"], "place"),
        Filter("seq IS NULL OR seq > 20", lambda t: ~true(pc.less_equal(t.column("seq"), 20))),
        Sample(0.8),
        Downsample(0.9, ["seq"], weight="w"),
    ]
    tensors = {"seq": Tensor("seq", fill=-1), "place": Tensor("place"), "w": Tensor("w")}
    check(sandbox, table(sandbox, steps, tensors))


def test_explode_several_lists(sandbox: Sandbox) -> None:
    steps: list[Step] = [
        Derive({"twice": ("list_transform(seq, lambda x: 2 * x)", _doubled)}),
        Explode(["seq", "twice"]),
    ]
    check(
        sandbox, table(sandbox, steps, {"s": Tensor("seq", fill=-1), "t": Tensor("twice", fill=-1)})
    )


def _doubled(rows: pa.Table) -> pa.Array:
    lists = [
        None if value is None else [None if x is None else 2 * x for x in value]
        for value in rows.column("seq").to_pylist()
    ]
    return pa.array(lists, pa.list_(pa.int64()))


def test_explode_refuses_lists_of_different_lengths(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [Explode(["seq", "emb"])])
    path = sandbox.experiment(dataset, train={"script": "train.py"})
    sandbox.write("train.py", "import lastmile\nfor batch in lastmile.feed('train'): pass\n")
    done = sandbox.run(path).expect(3)
    assert "explode: seq, emb have different lengths" in done.err


@pytest.mark.parametrize("where", [POSITIVE, None])
def test_upsample(sandbox: Sandbox, where: tuple[str, Mask] | None) -> None:
    steps: list[Step] = [Upsample(3, where, "copy"), Sample(0.9)]
    found = check(sandbox, table(sandbox, steps, UID | {"copy": Tensor("copy")}))
    assert len(set(found)) < len(found)


def test_steps_that_copy_follow_each_other(sandbox: Sandbox) -> None:
    steps: list[Step] = [
        Upsample(2, POSITIVE),
        Explode(["seq"]),
        Upsample(2, ("seq > 50", lambda t: true(pc.greater(t.column("seq"), 50)))),
        Sample(0.5),
    ]
    check(sandbox, table(sandbox, steps, {"seq": Tensor("seq", fill=-1)}))


@pytest.mark.parametrize("limit", [1, 99, 100, 101, 333, 10_000])
def test_limit(sandbox: Sandbox, limit: int) -> None:
    steps: list[Step] = [Filter(*_negative()), Limit(limit)]
    found = check(sandbox, table(sandbox, steps), epochs=2)
    assert len(found) <= limit


def _negative() -> tuple[str, Mask]:
    return "label = 0", lambda t: ~POSITIVE[1](t)


def test_a_split_has_no_key_twice(sandbox: Sandbox) -> None:
    parts = {"train": 0.7, "valid": 0.2, "test": 0.1}
    seen: dict[str, set[int]] = {}
    for part in parts:
        dataset = table(sandbox, [Split(parts, part, ["user_id"])])
        check(sandbox, dataset)
        ids = dataset.sequence().rows.column("user_id").to_pylist()
        seen[part] = set(ids)
    for one in parts:
        for other in parts:
            assert one == other or not seen[one] & seen[other]
    whole = table(sandbox, []).sequence().rows.column("user_id").to_pylist()
    assert set().union(*seen.values()) == set(whole)  # null is a key too


def test_another_part_of_a_dataset(sandbox: Sandbox) -> None:
    parts = {"train": 0.7, "valid": 0.3}
    steps: list[Step] = [Filter(*_negative()), Split(parts, "train", ["user_id"]), Sample(0.5)]
    train = table(sandbox, steps)
    path = sandbox.experiment(train)
    tree = json.loads(path.read_text())
    own: list[Step] = [Select(["uid", "user_id"])]
    tree["datasets"]["other"] = {
        "source": {"dataset": "train", "part": "valid"},
        "steps": [step.yaml() for step in own],
        "shuffle": "none",
    }
    sandbox.write(path.name, json.dumps(tree))
    other = replace(train, steps=[steps[0], replace(steps[1], part="valid"), *own])  # type: ignore[type-var]
    with sandbox.serve(path) as server:
        check_ranks(ranks(server.address, 2, name="other"), other)
        check_ranks(ranks(server.address, 2, name="train"), train)


def test_the_counts_add_up(sandbox: Sandbox) -> None:
    small = users(sandbox)
    steps: list[Step] = [
        Filter(*_negative()),
        Join(small, {"user_id": "user_id"}, ["age"], ["age"], inner=True),
        Explode(["seq"]),
        Sample(0.9),
        Upsample(2, ("seq > 50", lambda t: true(pc.greater(t.column("seq"), 50)))),
        Split({"train": 0.8}, "train", ["user_id"]),
        Limit(700),
    ]
    dataset = table(sandbox, steps)
    path = sandbox.experiment(dataset, train={"script": "train.py", "ranks": 2})
    sandbox.write("train.py", "import lastmile\nfor batch in lastmile.feed('train'): pass\n")
    epoch = sandbox.run(path).expect(0).summary["datasets"]["train"]["epochs"][0]
    expected = dataset.sequence()
    assert [d["rows"] for d in epoch["rows_dropped"]] == expected.dropped
    assert [d["step"] for d in epoch["rows_dropped"]] == [0, 1, 2, 3, 5, 6]
    assert [d["rows"] for d in epoch["rows_added"]] == expected.added
    assert [(d["step"], d["kind"]) for d in epoch["rows_added"]] == [
        (2, "explode"),
        (4, "upsample"),
    ]
    assert epoch["rows_read"] == expected.read < 1200
    total = sum(expected.added) + expected.read
    assert total == epoch["rows_delivered"] + sum(expected.dropped)
    assert epoch["rows_delivered"] == 700


@pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=3)])
def test_copies_and_limits_resume_at_any_row(sandbox: Sandbox, shuffle: Shuffle) -> None:
    steps: list[Step] = [Explode(["seq"]), Upsample(2, POSITIVE), Limit(1500)]
    dataset = replace(table(sandbox, steps, {"seq": Tensor("seq", fill=-1)}), shuffle=shuffle)
    whole = dataset.sequence().rows.column("uid").to_pylist()
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        got = ranks(server.address, 1, each=lambda feed: drain(feed, states=True))[0]
        for batch in got[::7]:
            if position(batch.state)["epoch"] == 0:
                rest = ranks(server.address, 1, state=batch.state)
                assert order(rest) == whole[delivered(batch.state) :]


@pytest.mark.parametrize("answer", ["allow", "error"])
def test_an_epoch_whose_rows_are_all_ruled_out(sandbox: Sandbox, answer: str) -> None:
    steps: list[Step] = [Filter("uid < 0", lambda t: np.zeros(len(t), bool))]
    dataset = replace(table(sandbox, steps), extra={"on_empty": answer})
    path = sandbox.experiment(dataset, train={"script": "train.py"})
    sandbox.write("train.py", "import lastmile\nlist(lastmile.feed('train'))\n")
    done = sandbox.run(path)
    if answer == "allow":
        assert "delivered 0 (no row is left: no steps)" in done.expect(0).out
    else:
        assert done.expect(3).errors == [
            'error: Dataset "train" has no rows in epoch 0: read 0, ruled out before it was read '
            "by uid < 0, dropped by step 0 (filter) 0 (on_empty: allow goes on without)"
        ]


@pytest.mark.parametrize("where", ["nowhere", "in the source"])
@pytest.mark.parametrize("answer", ["allow", "error"])
def test_an_epoch_without_rows(sandbox: Sandbox, answer: str, where: str) -> None:
    steps: list[Step] = [Filter("uid + 1 < 0", lambda t: np.zeros(len(t), bool)), Sample(0.5)]
    dataset = replace(table(sandbox, steps), extra={"on_empty": answer})
    if where == "in the source":
        empty = pa.table({"uid": pa.array([], pa.int64())})
        for name in dataset.files:
            pq.write_table(empty, dataset.root / name)
    path = sandbox.experiment(dataset, train={"script": "train.py"})
    sandbox.write(
        "train.py", "import lastmile\nprint(len(list(lastmile.feed('train'))), 'steps')\n"
    )
    done = sandbox.run(path)
    read = 1200 if where == "nowhere" else 0
    if answer == "allow":
        assert "0 steps" in done.expect(0).out
        assert ("(no row is left: no steps)" in done.out) == (read > 0)
    else:
        assert done.expect(3).errors == [
            f'error: Dataset "train" has no rows in epoch 0: read {read}, dropped by step 0 '
            f"(filter) {read}, dropped by step 1 (sample) 0 (on_empty: allow goes on without)"
        ]
