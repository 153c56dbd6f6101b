"""The rows that the ranks receive are exactly those of the oracle, in its order."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import data
from harness import Sandbox, check_ranks, drain, load_ranks, order, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.steps import AntiJoin, Derive, Downsample, Drop, Filter, Select, true
from oracle.tensors import Tensor

SHUFFLES = {
    "none": NONE,
    "row_groups": Shuffle(row_groups=3),
    "within": Shuffle(row_groups=3, within="dt"),
}
UID = {"uid": Tensor("uid")}


def label(value: int) -> Any:
    return lambda rows: true(pc.equal(rows.column("label"), value))


@pytest.fixture
def table(sandbox: Sandbox) -> Dataset:
    """2,000 rows in 20 row groups of three days; the usual steps leave about 900 of them."""
    root = sandbox.folder / "impressions"
    files = data.write_impressions(root, files=4, rows=500, row_group=120, partitions=3)
    data.write_listed(sandbox.folder / "spam.parquet", np.arange(0, 300, 7))
    steps = [
        AntiJoin(sandbox.folder / "spam.parquet", {"user_id": "user_id"}),
        Filter("surface <> 'search'", lambda t: true(pc.not_equal(t.column("surface"), "search"))),
        Downsample(0.5, ["user_id", "item_id"], where=("label = 0", label(0)), weight="weight"),
        Derive({"engaged": ("label = 1", lambda t: pc.equal(t.column("label"), 1))}),
    ]
    tensors = {
        "dense": Tensor("dense_*", dtype="float32", fill=0),
        "user": Tensor("user_id", fill=-1),
        "seq": Tensor("seq", fill=7, max_length=4),
        "emb": Tensor("emb", fill=0.5),
        "surface": Tensor("surface", hash=(1000, 3)),
        "label": Tensor("engaged", dtype="float32"),
        "weight": Tensor("weight"),
    }
    parquet = "impressions/*/*.parquet"
    return Dataset(parquet, root, files, tensors, steps, batch=64, keys=["uid", "surface"])


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_get_the_rows_of_the_oracle(
    sandbox: Sandbox, table: Dataset, world: int, shuffle: str, workers: int
) -> None:
    whole = replace(table, shuffle=SHUFFLES[shuffle])
    left = len(whole.sequence().rows)
    batch = next(b for b in range(40, 80) if left // (b * world) * b * world != left)
    datasets = {"train": replace(whole, batch=batch), "other": replace(whole, batch=500)}
    path = sandbox.experiment(datasets, workers=workers)
    with sandbox.serve(path) as server:
        for name, dataset in datasets.items():
            got = ranks(server.address, world, name=name)
            check_ranks(got, dataset)
            if shuffle == "none":
                uids = order(got)
                assert uids == sorted(uids)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_a_batch_that_divides_the_rows_leaves_no_short_step(sandbox: Sandbox, world: int) -> None:
    files = data.write_impressions(sandbox.folder / "t", files=2, rows=180, row_group=50)
    shuffle = Shuffle(row_groups=2)
    dataset = Dataset("t", sandbox.folder / "t", files, UID, batch=60, shuffle=shuffle)
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        got = ranks(server.address, world)
    check_ranks(got, dataset)
    assert [batch.rows for batch in got[0]] == [60] * (360 // (60 * world))


@pytest.mark.parametrize("left", [0, 1, 2, 5])
@pytest.mark.parametrize("shuffle", ["none", "row_groups"])
def test_fewer_rows_than_ranks_are_padded(sandbox: Sandbox, left: int, shuffle: str) -> None:
    files = data.write_impressions(sandbox.folder / "t", files=2, rows=100, row_group=30)
    uids = np.linspace(3, 190, left).astype(int).tolist()
    sql = f"uid IN ({', '.join(map(str, uids))})" if left else "uid < 0"
    few = Filter(sql, lambda t: np.isin(np.asarray(t.column("uid")), uids))
    tensors = {"uid": Tensor("uid"), "seq": Tensor("seq", fill=0), "emb": Tensor("emb", fill=1)}
    dataset = Dataset(
        "t",
        sandbox.folder / "t",
        files,
        tensors,
        [few],
        batch=4,
        shuffle=SHUFFLES[shuffle],
        keys=["uid", "surface"],
    )
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        got = ranks(server.address, 3)
    check_ranks(got, dataset)
    assert len(order(got)) == left


def test_the_order_depends_on_seed_and_epoch_only(sandbox: Sandbox, table: Dataset) -> None:
    shuffled = replace(table, tensors=UID, shuffle=Shuffle(row_groups=4))
    seen = {}
    for seed, workers, world in ((42, 1, 2), (42, 4, 1), (43, 2, 1), (-5, 2, 1)):
        with sandbox.serve(sandbox.experiment(shuffled, seed=seed, workers=workers)) as server:
            got = ranks(server.address, world, each=lambda feed: drain(feed, 2), epochs=2)
        check_ranks(got, shuffled, seed=seed, epochs=(0, 1))
        first = [[b for b in batches if b.epoch == 0] for batches in got]
        second = [[b for b in batches if b.epoch == 1] for batches in got]
        seen[seed, workers] = order(first)
        assert order(first) != order(second)
        assert sorted(order(first)) == sorted(order(second))
    assert seen[42, 1] == seen[42, 4]
    assert seen[42, 1] != seen[43, 2]
    assert seen[43, 2] != seen[-5, 2]


def test_epochs_that_were_not_announced_come_on_demand(sandbox: Sandbox, table: Dataset) -> None:
    shuffled = replace(table, shuffle=Shuffle(row_groups=4))
    with sandbox.serve(sandbox.experiment(shuffled)) as server:
        got = ranks(server.address, 2, each=lambda feed: drain(feed, 3))
    check_ranks(got, shuffled, epochs=(0, 1, 2))


def test_after_a_break_the_epoch_goes_on_at_the_next_batch(
    sandbox: Sandbox, table: Dataset
) -> None:
    def broken(feed: Any) -> list[Any]:
        return drain(feed, steps=3) + drain(feed, steps=2) + drain(feed)

    shuffled = replace(table, shuffle=Shuffle(row_groups=4))
    with sandbox.serve(sandbox.experiment(shuffled)) as server:
        check_ranks(ranks(server.address, 2, each=broken), shuffled)


def test_max_steps_ends_every_rank_after_the_same_step(sandbox: Sandbox, table: Dataset) -> None:
    with sandbox.serve(sandbox.experiment(replace(table, batch=16))) as server:
        got = ranks(server.address, 3, max_steps=5)
    assert [len(batches) for batches in got] == [5, 5, 5]
    sequence = table.sequence().rows.column("uid").to_pylist()
    assert order(got) == sequence[: 5 * 3 * 16]


def test_a_feed_of_this_rank_alone_gives_all_rows_to_it(sandbox: Sandbox, table: Dataset) -> None:
    with sandbox.serve(sandbox.experiment(table)) as server:
        got = ranks(server.address, 2, ranks="this")
    for alone in got:
        check_ranks([alone], table)


@pytest.mark.parametrize("shuffle", ["none", "row_groups"])
def test_a_million_keys_against_splits_of_ten_thousand_rows(sandbox: Sandbox, shuffle: str) -> None:
    root = sandbox.folder / "t"
    root.mkdir()
    r = data.rng(3)
    files = []
    for i in range(4):
        rows = 25_000
        null = r.random(rows) < 0.01
        users = pa.array(r.integers(0, 2_000_000, rows), pa.int64(), mask=null)
        uids = pa.array(np.arange(i * rows, (i + 1) * rows), pa.int64())
        files.append(f"{i}.parquet")
        pq.write_table(
            pa.table({"uid": uids, "user_id": users}), root / files[-1], row_group_size=10_000
        )
    listed = sandbox.folder / "listed.parquet"
    data.write_listed(listed, r.permutation(2_000_000)[:1_000_000])
    dataset = Dataset(
        "t",
        root,
        files,
        {"user": Tensor("user_id", fill=-1)},
        [AntiJoin(listed, {"user_id": "user_id"})],
        batch=1000,
        shuffle=Shuffle(row_groups=1) if shuffle == "row_groups" else NONE,
    )
    with sandbox.serve(sandbox.experiment(dataset, memory="1GiB")) as server:
        check_ranks(ranks(server.address, 2), dataset)


@pytest.mark.parametrize("shuffle", ["none", "row_groups"])
def test_a_few_rows_of_one_vector_stay_before_many_of_the_next(
    sandbox: Sandbox, shuffle: str
) -> None:
    # The engine reads 2,048 rows at a time and likes to hold back results of fewer than 64.
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=2, rows=8192, row_group=8192)
    data.write_listed(sandbox.folder / "spam.parquet", np.arange(0, 300, 7))

    def few_then_many(rows: pa.Table) -> np.ndarray:
        uid = np.asarray(rows.column("uid"))
        return uid % 2048 < np.where(uid // 2048 % 2 == 0, 50, 400)

    sql = "uid % 2048 < CASE WHEN uid // 2048 % 2 = 0 THEN 50 ELSE 400 END"
    steps = [
        AntiJoin(sandbox.folder / "spam.parquet", {"user_id": "user_id"}),
        Filter(sql, few_then_many),
        Downsample(0.9, ["uid"], where=("label = 0", label(0))),
    ]
    dataset = Dataset("t", root, files, UID, steps, batch=100, shuffle=SHUFFLES[shuffle])
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        check_ranks(ranks(server.address, 2), dataset)


def sampled(sandbox: Sandbox, steps: list[Any], epochs: int = 1) -> list[set[int]]:
    """The uids that stay, by epoch; checked against the oracle."""
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=2, rows=3000, row_group=1000)
    dataset = Dataset("t", root, files, UID, steps, batch=512)
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        got = ranks(server.address, 1, each=lambda feed: drain(feed, epochs), epochs=epochs)
    check_ranks(got, dataset, epochs=range(epochs))
    return [
        {uid for batch in got[0] if batch.epoch == epoch for uid in batch.uids}
        for epoch in range(epochs)
    ]


@pytest.mark.parametrize("by", [[], ["uid"], ["surface", "uid", "dwell_bucket", "liked", "day"]])
def test_a_smaller_share_is_a_subset_of_a_larger(sandbox: Sandbox, by: list[str]) -> None:
    derived = Derive(
        {
            "dwell_bucket": (
                "CAST(floor(dwell_s / 10) AS INTEGER)",
                lambda t: pc.floor(pc.divide(t.column("dwell_s"), 10.0)).cast(pa.int32()),
            ),
            "liked": ("label = 1", lambda t: pc.equal(t.column("label"), 1)),
            "day": (
                "DATE '1970-01-01' + CAST(item_id AS INTEGER)",
                lambda t: t.column("item_id").cast(pa.int32()).cast(pa.date32()),
            ),
        }
    )
    before = [derived] if len(by) > 1 else []
    (small,) = sampled(sandbox, [*before, Downsample(0.05, by)])
    (large,) = sampled(sandbox, [*before, Downsample(0.10, by)])
    assert small < large
    assert abs(len(large) - 600) < 100


def test_two_salts_are_independent_and_one_is_not(sandbox: Sandbox) -> None:
    (same,) = sampled(sandbox, [Downsample(0.2, ["uid"]), Downsample(0.2, ["uid"])])
    (once,) = sampled(sandbox, [Downsample(0.2, ["uid"])])
    (both,) = sampled(sandbox, [Downsample(0.2, ["uid"]), Downsample(0.2, ["uid"], salt="two")])
    assert same == once
    assert abs(len(both) - 240) < 65


def test_an_epoch_draws_anew_only_when_it_is_asked_to(sandbox: Sandbox) -> None:
    first, second = sampled(sandbox, [Downsample(0.2, ["uid"], each_epoch=True)], epochs=2)
    assert abs(len(first & second) - 240) < 65
    first, second = sampled(sandbox, [Downsample(0.2, ["uid"])], epochs=2)
    assert first == second


def test_weights_multiply_and_rows_that_are_not_sampled_stay(sandbox: Sandbox) -> None:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=2, rows=1000, row_group=400)
    steps = [
        Derive({"w": ("CAST(3 AS FLOAT)", lambda t: pa.array([3.0] * len(t), pa.float32()))}),
        Downsample(0.5, where=("label = 0", label(0)), weight="w"),
        Downsample(0.25, ["uid"], where=("dwell_s > 5", dwelt), weight="w", salt="x"),
        Downsample(0.5, ["item_id"], weight="fresh", salt="y"),
    ]
    tensors = {"w": Tensor("w"), "fresh": Tensor("fresh")}
    dataset = Dataset("t", root, files, tensors, steps, batch=100)
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        got = ranks(server.address, 1)
    check_ranks(got, dataset)
    weights = np.concatenate([batch.tensors["w"] for batch in got[0]])
    assert set(weights.tolist()) == {3.0, 6.0, 12.0, 24.0}


def dwelt(rows: pa.Table) -> np.ndarray:
    return true(pc.greater(rows.column("dwell_s"), 5.0))


def test_keys_of_two_columns_with_nulls_and_other_names(sandbox: Sandbox) -> None:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=2, rows=600, row_group=250)
    listed = pa.table(
        {
            "who": pa.array([*range(0, 300, 2), None, None, 3], pa.int32()),
            "where": pa.array(["home"] * 150 + ["home", None, None]),
        }
    )
    pq.write_table(listed, sandbox.folder / "listed.parquet")
    step = AntiJoin(sandbox.folder / "listed.parquet", {"user_id": "who", "surface": "where"})
    dataset = Dataset("t", root, files, UID, [step], batch=100)
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        check_ranks(ranks(server.address, 2), dataset)


def test_select_and_drop_decide_what_globs_see(sandbox: Sandbox) -> None:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=1, rows=300, row_group=100)
    steps = [
        Drop(["dense_1"]),
        Select(["uid", "dense_*", "item_id"]),
        Derive(
            {
                "dense_9": ("item_id * 2", lambda t: pc.multiply(t.column("item_id"), 2)),
                "dense_8": ("dense_9 + 1", lambda t: pc.add(t.column("dense_9"), 1)),
            }
        ),
    ]
    tensors = {
        "all": Tensor("dense_*", dtype="float32", fill=0),
        "listed": Tensor(["item_id", "dense_8"], dtype="int64"),
        "one": Tensor(["item_id"]),
    }
    dataset = Dataset("t", root, files, tensors, steps, batch=100)
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        got = ranks(server.address, 1)
    check_ranks(got, dataset)
    assert got[0][0].tensors["all"].shape == (100, 4)
    assert got[0][0].tensors["one"].shape == (100, 1)


@pytest.mark.parametrize("said", ["file", "glob", "folder", "list", "absolute"])
def test_a_source_is_a_file_a_glob_a_folder_or_a_list(sandbox: Sandbox, said: str) -> None:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=4, rows=100, row_group=40, partitions=2)
    (root / "_SUCCESS").write_text("")
    parquet: str | list[str]
    match said:
        case "file":
            parquet, files = f"t/{files[0]}", [Path(files[0]).name]
            root = root / "dt=2024-03-01"
        case "glob":
            parquet = "t/dt=*/part-*.parquet"
        case "folder":
            parquet = "t"
        case "list":
            parquet = [f"t/{files[2]}", f"t/{files[0]}"]
            files = [files[2], files[0]]
        case _:
            parquet = str(root / "*" / "*.parquet")
    # Row identity is a key here, so that the folder which paths are relative to shows.
    steps = [Downsample(0.5)]
    dataset = Dataset(parquet, root, files, UID, steps, batch=32, shuffle=Shuffle(row_groups=2))
    with sandbox.serve(sandbox.experiment(dataset)) as server:
        check_ranks(ranks(server.address, 2), dataset)


def test_names_that_the_engine_takes_for_patterns_are_names(sandbox: Sandbox) -> None:
    root = sandbox.folder / "t[1]" / "lastmile_epochs"
    (first, *_) = data.write_impressions(root, files=2, rows=100, row_group=40)
    (root / first).rename(root / "a[1].parquet")
    other = pq.read_table(root / "part-001.parquet")
    for name in ("a1.parquet", "a*.parquet", "q?.parquet"):
        pq.write_table(other.slice(0, 30), root / name)
    (root / "part-001.parquet").unlink()
    listed = sandbox.folder / "s[1].parquet"
    data.write_listed(listed, np.arange(0, 50))
    data.write_listed(sandbox.folder / "s1.parquet", np.arange(50, 300))
    steps = [AntiJoin(listed, {"user_id": "user_id"}), Downsample(0.5, each_epoch=True)]
    one = Dataset(str(root / "a[1].parquet"), root, ["a[1].parquet"], UID, steps, batch=32)
    names = sorted(path.name for path in root.iterdir())
    every = Dataset(str(root), root, names, UID, steps, batch=32, shuffle=Shuffle(row_groups=2))
    with sandbox.serve(sandbox.experiment({"one": one, "every": every})) as server:
        check_ranks(ranks(server.address, 1, name="one"), one)
        check_ranks(ranks(server.address, 2, name="every"), every)


def test_files_without_rows_take_part(sandbox: Sandbox) -> None:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=3, rows=100, row_group=40)
    empty = pq.read_table(root / files[0]).slice(0, 0)
    pq.write_table(empty, root / "part-000a.parquet")
    for shuffle in (NONE, Shuffle(row_groups=2)):
        dataset = Dataset("t", root, [*files, "part-000a.parquet"], UID, batch=32, shuffle=shuffle)
        with sandbox.serve(sandbox.experiment(dataset)) as server:
            check_ranks(ranks(server.address, 2), dataset)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_a_job_gives_its_ranks_the_rows_of_the_oracle(
    sandbox: Sandbox, table: Dataset, world: int
) -> None:
    shuffled = replace(table, shuffle=Shuffle(row_groups=4))
    script = Path(__file__).parent / "scripts" / "collect.py"
    train = {"script": str(script), "args": ["2"], "ranks": world}
    outcome = sandbox.run(sandbox.experiment(shuffled, train=train)).expect(0)
    check_ranks(load_ranks(sandbox.folder, world), shuffled, epochs=(0, 1))
    check_summary(outcome.summary, shuffled, world, epochs=2)


def check_summary(summary: dict[str, Any], dataset: Dataset, world: int, epochs: int) -> None:
    assert summary["version"] == 1
    assert summary["name"] == "trial"
    assert summary["exit"] == {"code": 0, "kind": "ok", "message": None}
    assert summary["memory_peak_bytes"] > 50_000_000
    told = summary["datasets"]["train"]
    assert told["row_groups_skipped"] == 0
    assert 0 < told["time_to_first_batch_s"] < summary["seconds"]
    assert [epoch["epoch"] for epoch in told["epochs"]] == list(range(epochs))
    steps = 0
    for epoch in told["epochs"]:
        sequence = dataset.sequence(epoch=epoch["epoch"])
        rows = len(sequence.rows)
        assert epoch["rows_read"] == sequence.read
        assert epoch["rows_delivered"] == rows
        assert [step["rows"] for step in epoch["rows_dropped"]] == sequence.dropped
        kinds = [step["kind"] for step in epoch["rows_dropped"]]
        assert kinds == ["anti_join", "filter", "downsample"]
        assert [step["step"] for step in epoch["rows_dropped"]] == [0, 1, 2]
        assert epoch["rows_read"] == rows + sum(sequence.dropped)
        left = rows % (dataset.batch * world)
        assert epoch["rows_padded"] == max(0, world - left) * bool(left)
        steps += -(-rows // (dataset.batch * world))
    assert [rank["rank"] for rank in summary["ranks"]] == list(range(world))
    assert [rank["steps"] for rank in summary["ranks"]] == [steps] * world
    assert [rank["exit_code"] for rank in summary["ranks"]] == [0] * world
    assert all(0 <= rank["trainer_wait_share"] <= 1 for rank in summary["ranks"])


def test_two_datasets_of_one_job(sandbox: Sandbox, table: Dataset) -> None:
    valid = replace(table, steps=[Filter("label = 1", label(1))], tensors=UID, batch=17)
    script = sandbox.write(
        "both.py",
        """
import pickle, os, lastmile
train = lastmile.feed("train", arrays="numpy", epochs=2)
valid = lastmile.feed("valid", arrays="numpy", epochs=2)
got = []
for epoch in range(2):
    for batch in train:
        got.append(("train", batch.epoch, batch.step, batch.keys["uid"][batch.mask].tolist()))
    for batch in valid:
        got.append(("valid", batch.epoch, batch.step, batch.keys["uid"][batch.mask].tolist()))
pickle.dump(got, open("both-" + os.environ["RANK"], "wb"))
""",
    )
    datasets = {"train": replace(table, shuffle=Shuffle(row_groups=2)), "valid": valid}
    train = {"script": script.name, "ranks": 2}
    outcome = sandbox.run(sandbox.experiment(datasets, train=train)).expect(0)
    got = [pickle.loads((sandbox.folder / f"both-{r}").read_bytes()) for r in range(2)]
    for name, dataset in datasets.items():
        for epoch in range(2):
            mine = [[g for g in rank if g[:2] == (name, epoch)] for rank in got]
            uids = [uid for step in zip(*mine, strict=True) for part in step for uid in part[3]]
            assert uids == dataset.sequence(epoch=epoch).rows.column("uid").to_pylist()
    assert set(outcome.summary["datasets"]) == {"train", "valid"}


def test_open_gives_the_same_rows_without_a_job(
    sandbox: Sandbox, table: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lastmile

    monkeypatch.setenv("LASTMILE_SHM", str(sandbox.shm))
    monkeypatch.setenv("LASTMILE_NO_BUILD", "1")
    shuffled = replace(table, shuffle=Shuffle(row_groups=2))
    path = sandbox.experiment(shuffled)
    feed = lastmile.open(str(path), "train", arrays="numpy")
    got = drain(feed)
    feed.close()
    check_ranks([got], shuffled)
