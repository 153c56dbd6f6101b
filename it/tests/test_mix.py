"""Mixes of datasets against the oracle: rows, values, digest, counts, and where to go on from."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from test_faults import started
from test_language import POSITIVE, UID, delivered, digest_of, position

import data
from harness import Sandbox, check_ranks, drain, order, ranks
from oracle import mix as of_mix
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.language import Explode, Limit, Step, Upsample
from oracle.mix import Mixed
from oracle.steps import Downsample, Filter, Select
from oracle.tensors import Tensor

SAME = ("rows", "places", "digest")  # at the end of an epoch, wherever it was gone on from
EVEN = ("uid % 2 = 0", lambda t: np.asarray(t.column("uid")) % 2 == 0)


def log(
    sandbox: Sandbox, name: str, steps: list[Step], *, rows: int = 400, shuffle: Shuffle = NONE
) -> Dataset:
    root = sandbox.folder / name
    files = data.write_impressions(root, files=2, rows=rows, row_group=90, seed=len(name))
    return Dataset(name, root, files, {}, steps, shuffle=shuffle)


def two_logs(sandbox: Sandbox, on_dry: str, *, limit: int | None = None) -> Mixed:
    organic = log(sandbox, "organic", [Filter(*EVEN)], rows=500, shuffle=Shuffle(row_groups=3))
    where = ("label = 0", lambda t: ~POSITIVE[1](t))
    thin = Downsample(0.5, where=where, each_epoch=True)
    promoted = log(sandbox, "promoted", [thin], rows=200)
    tensors = {
        "label": Tensor("label"),
        "seq": Tensor("seq", fill=-1),
        "emb": Tensor("emb", fill=0),
    }
    datasets = {"organic": (organic, 0.7), "promoted": (promoted, 0.3)}
    return Mixed(datasets, tensors, on_dry, limit, batch=37)


def uids(mix: Mixed, epoch: int = 0) -> list[int]:
    return list(mix.sequence(epoch=epoch).rows.column("uid").to_pylist())


def written(mix: Mixed) -> dict[str, Any]:
    return {name: dataset for name, (dataset, _) in mix.datasets.items()} | {"train": mix}


def experiment(sandbox: Sandbox, mix: Mixed, **options: Any) -> Any:
    return sandbox.experiment(written(mix), **options)


@pytest.mark.parametrize("on_dry", ["stop", "repeat", "rest"])
@pytest.mark.parametrize("world", [1, 3])
def test_rows_are_those_of_the_oracle(sandbox: Sandbox, on_dry: str, world: int) -> None:
    mix = two_logs(sandbox, on_dry)
    with sandbox.serve(experiment(sandbox, mix)) as server:
        got = ranks(server.address, world, each=lambda feed: drain(feed, 2, states=True), epochs=2)
    check_ranks(got, mix, epochs=(0, 1))  # type: ignore[arg-type]
    for epoch in (0, 1):
        sequence = mix.sequence(epoch=epoch)
        for batch in got[0]:
            rows = delivered(batch.state)
            if batch.epoch == epoch and position(batch.state)["epoch"] == epoch and rows:
                assert digest_of(batch.state) == sequence.digests[rows - 1]
    found = [order([[b for b in rank if b.epoch == epoch] for rank in got]) for epoch in (0, 1)]
    assert found[0] != found[1]


@pytest.mark.parametrize("on_dry", ["stop", "repeat", "rest"])
def test_every_batch_is_a_place_to_go_on_from(sandbox: Sandbox, on_dry: str) -> None:
    mix = two_logs(sandbox, on_dry)
    whole = uids(mix)
    with sandbox.serve(experiment(sandbox, mix)) as server:
        got = ranks(server.address, 2, each=lambda feed: drain(feed, states=True))
        assert order(got) == whole
        end = position(got[0][-1].state)
        for batch in got[0]:
            rest = ranks(
                server.address, 3, state=batch.state, each=lambda feed: drain(feed, states=True)
            )
            left = whole[delivered(batch.state) :]
            assert order(rest) == (left or uids(mix, epoch=1))
            if left:
                last = position(rest[0][-1].state)
                assert [last[key] for key in SAME] == [end[key] for key in SAME]
                assert last["counts"] | {"padded": 0} == end["counts"] | {"padded": 0}


@pytest.mark.parametrize("on_dry", ["stop", "repeat", "rest"])
@pytest.mark.parametrize("workers", [1, 4])
def test_every_row_of_the_sources_is_accounted_for(
    sandbox: Sandbox, on_dry: str, workers: int
) -> None:
    mix = two_logs(sandbox, on_dry)
    path = experiment(sandbox, mix, train={"script": "train.py", "ranks": 2}, workers=workers)
    sandbox.write("train.py", "import lastmile\nfor batch in lastmile.feed('train'): pass\n")
    done = sandbox.run(path).expect(0)
    epoch = done.summary["datasets"]["train"]["epochs"][0]
    expected = mix.sequence()
    assert epoch["rows_delivered"] == len(expected.rows)
    assert epoch["rows_read"] == expected.read
    assert [step["rows"] for step in epoch["rows_dropped"]] == expected.dropped
    assert [(s["dataset"], s["step"], s["kind"]) for s in epoch["rows_dropped"]] == [
        ("organic", 0, "filter"),
        ("organic", 1, "mix"),
        ("promoted", 0, "downsample"),
        ("promoted", 1, "mix"),
    ]
    assert expected.read == len(expected.rows) + sum(expected.dropped)
    sources = {"organic": 1000, "promoted": 400}
    for told, taken in zip(epoch["mixed"], expected.taken, strict=True):
        assert (told["passes"], told["rows_read"]) == (taken.passes, taken.read)
        assert told["rows_delivered"] == taken.delivered
        assert told["rows_read"] + told["rows_unread"] == taken.passes * sources[told["dataset"]]
    if on_dry == "rest":
        assert [told["rows_unread"] for told in epoch["mixed"]] == [0, 0]
        assert expected.dropped[1] == expected.dropped[3] == 0
    if on_dry == "repeat":
        assert max(taken.passes for taken in expected.taken) > 1
    assert f"promoted: rows read {expected.taken[1].read:,} in" in done.out


def test_ratios_hold_and_are_drawn_row_by_row(sandbox: Sandbox) -> None:
    datasets = {
        name: (log(sandbox, name, [], rows=3000), ratio)
        for name, ratio in {"a": 0.6, "bb": 0.3, "ccc": 0.1}.items()
    }
    mix = Mixed(datasets, UID, batch=500)
    sequence = mix.sequence()
    rows = len(sequence.rows)
    whose = Counter(path.split("\0")[0] for path, _ in sequence.identity)
    for name, (_, ratio) in datasets.items():
        assert abs(whose[name] / rows - ratio) < 4 * np.sqrt(ratio * (1 - ratio) / rows)
    with sandbox.serve(experiment(sandbox, mix)) as server:
        check_ranks(ranks(server.address, 2), mix)  # type: ignore[arg-type]


def test_copies_in_one_dataset_and_none_in_another(sandbox: Sandbox) -> None:
    copied = log(sandbox, "copied", [Explode(["seq"]), Upsample(2, POSITIVE), Select(["uid"])])
    plain = log(sandbox, "plain", [Select(["uid"])])
    mix = Mixed({"copied": (copied, 0.5), "plain": (plain, 0.5)}, UID, "rest", batch=64)
    with sandbox.serve(experiment(sandbox, mix)) as server:
        got = ranks(server.address, 1, each=lambda feed: drain(feed, states=True))
        check_ranks(got, mix)  # type: ignore[arg-type]
        sequence = mix.sequence()
        for batch in got[0][:-1]:
            assert digest_of(batch.state) == sequence.digests[delivered(batch.state) - 1]
    assert max(sequence.rows.column("__oracle_copy_0").to_pylist()) > 0


@pytest.mark.parametrize("on_dry", ["stop", "repeat", "rest"])
@pytest.mark.parametrize("limit", [None, 1, 500])
def test_limits_of_the_mix_and_of_its_datasets(
    sandbox: Sandbox, on_dry: str, limit: int | None
) -> None:
    short = log(sandbox, "short", [Filter(*EVEN), Limit(70)], shuffle=Shuffle(row_groups=2))
    long = log(sandbox, "longer", [])
    mix = Mixed({"short": (short, 0.5), "longer": (long, 0.5)}, UID, on_dry, limit, batch=23)
    path = experiment(sandbox, mix, train={"script": "train.py"})
    sandbox.write("train.py", "import lastmile\nfor batch in lastmile.feed('train'): pass\n")
    epoch = sandbox.run(path).expect(0).summary["datasets"]["train"]["epochs"][0]
    expected = mix.sequence()
    assert [step["rows"] for step in epoch["rows_dropped"]] == expected.dropped
    assert epoch["rows_read"] == expected.read == len(expected.rows) + sum(expected.dropped)
    with sandbox.serve(path) as server:
        got = ranks(server.address, 2, each=lambda feed: drain(feed, states=True))
        check_ranks(got, mix)  # type: ignore[arg-type]
        whole = order(got)
        for batch in got[0][::5]:
            rest = ranks(server.address, 1, state=batch.state)
            assert order(rest) == (whole[delivered(batch.state) :] or uids(mix, epoch=1))


def test_the_rows_are_the_same_with_any_number_of_workers(sandbox: Sandbox) -> None:
    mix = two_logs(sandbox, "repeat")
    whole = uids(mix)
    for workers in (1, 2, 5):
        with sandbox.serve(experiment(sandbox, mix, workers=workers)) as server:
            assert order(ranks(server.address, 2)) == whole


def nobody() -> Filter:
    return Filter("uid + 1 < 0", lambda t: np.zeros(len(t), bool))


@pytest.mark.parametrize("on_dry", ["stop", "repeat", "rest"])
def test_a_dataset_without_rows(sandbox: Sandbox, on_dry: str) -> None:
    empty = log(sandbox, "empty", [nobody()])
    full = log(sandbox, "full", [])
    mix = Mixed({"empty": (empty, 0.4), "full": (full, 0.6)}, UID, on_dry)
    path = experiment(sandbox, mix, train={"script": "train.py"})
    sandbox.write(
        "train.py",
        "import lastmile\nprint(sum(b.rows for b in lastmile.feed('train')), 'rows')\n",
    )
    done = sandbox.run(path)
    if on_dry == "repeat":
        assert done.expect(3).errors == [
            'error: Dataset "empty" of mix "train" has no rows in pass 0 of epoch 0 '
            "(on_dry: rest goes on without it)"
        ]
    else:
        rows = len(mix.sequence().rows)
        assert f"{rows} rows" in done.expect(0).out
        assert rows == 800 if on_dry == "rest" else rows < 10


def test_no_dataset_has_rows(sandbox: Sandbox) -> None:
    datasets = {name: (log(sandbox, name, [nobody()]), 0.5) for name in ("a", "bb")}
    mix = Mixed(datasets, UID, "rest")
    path = experiment(sandbox, mix, train={"script": "train.py"})
    tree = json.loads(path.read_text())
    tree["datasets"]["train"]["on_empty"] = "error"
    sandbox.write(path.name, json.dumps(tree))
    sandbox.write("train.py", "import lastmile\nfor batch in lastmile.feed('train'): pass\n")
    assert sandbox.run(path).expect(3).errors == [
        'error: Dataset "train" has no rows in epoch 0: read 1600, dropped by step 0 (filter) of a '
        "800, dropped by step 1 (mix) of a 0, dropped by step 0 (filter) of bb 800, dropped by "
        "step 1 (mix) of bb 0 (on_empty: allow goes on without)"
    ]


def test_a_dataset_is_fed_alone_and_mixed(sandbox: Sandbox) -> None:
    alone = replace(log(sandbox, "alone", []), tensors={"label": Tensor("label")})
    bare = log(sandbox, "bare", [Filter(*EVEN)])
    mix = Mixed({"alone": (alone, 0.5), "bare": (bare, 0.5)}, UID)
    with sandbox.serve(experiment(sandbox, mix)) as server:
        check_ranks(ranks(server.address, 2, name="alone"), alone)
        check_ranks(ranks(server.address, 2), mix)  # type: ignore[arg-type]
        with pytest.raises(
            Exception, match=r'"bare" has no tensors \(it is only there to be mixed\)'
        ):
            ranks(server.address, 1, name="bare")


def test_positions_of_other_mixes_are_refused(sandbox: Sandbox) -> None:
    mix = two_logs(sandbox, "stop")
    with sandbox.serve(experiment(sandbox, mix)) as server:
        state: Any = ranks(server.address, 1, each=lambda feed: drain(feed, states=True, steps=3))[
            0
        ][-1].state
    for other in (
        replace(mix, on_dry="rest"),
        replace(mix, datasets=dict(reversed(mix.datasets.items()))),
    ):
        with (
            sandbox.serve(experiment(sandbox, other)) as server,
            pytest.raises(Exception, match="it was saved with plan"),
        ):
            ranks(server.address, 1, state=state)


def test_what_cannot_be_mixed_is_refused(sandbox: Sandbox) -> None:
    mix = two_logs(sandbox, "stop")
    other = pq.read_table(sandbox.folder / "promoted" / "part-000.parquet")
    label = other.schema.get_field_index("label")
    for name in mix.datasets["promoted"][0].files:
        file = sandbox.folder / "promoted" / name
        rows = pq.read_table(file)
        wide = pc.cast(rows.column("label"), "int64")
        pq.write_table(rows.set_column(label, "label", wide), file)
    done = sandbox.start("explain", str(experiment(sandbox, mix))).wait().expect(2)
    assert len(done.errors) == 1
    assert done.errors[0].startswith(
        'error: Invalid mix: tensor label [batch] int8 from label in "organic", but tensor label '
        '[batch] int64 from label in "promoted" (must be alike; dtype gives tensors one type) ['
    )


def test_explain_and_validate_know_mixes(sandbox: Sandbox) -> None:
    mix = two_logs(sandbox, "repeat", limit=900)
    path = experiment(sandbox, mix)
    out = sandbox.start("explain", str(path)).wait().expect(0).out
    assert "  mix      0.7 organic, 0.3 promoted (on_dry: repeat)\n" in out
    assert "  steps    0 limit: 900\n" in out or "  steps    0 limit 900\n" in out
    assert "mixed dataset organic (plan " in out
    assert "mixed dataset promoted (plan " in out
    tree = json.loads(path.read_text())
    tree["datasets"]["organic"]["steps"].append({"filter": "no_such > 1"})
    tree["datasets"]["train"]["tensors"]["more"] = {"columns": "neither"}
    sandbox.write(path.name, json.dumps(tree))
    errors = sandbox.start("validate", str(path)).wait().expect(2).errors
    assert len(errors) == 2
    assert "no_such" in errors[0]
    assert "neither" in errors[1]


def test_draws_are_those_of_the_guarantees() -> None:
    ratios = [0.5, 0.3, 0.2]
    seen = [of_mix.chosen(ratios, set(), of_mix.unit(42, 0, row)) for row in range(16)]
    assert seen == [1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 2, 2, 1, 0, 0]
    rest = [of_mix.chosen(ratios, {0}, of_mix.unit(42, 1, row)) for row in range(16)]
    assert rest == [2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_mix_that_is_ended_leaves_nothing(sandbox: Sandbox, number: int) -> None:
    mix = two_logs(sandbox, "repeat")
    mix = replace(mix, batch=2)
    job = started(sandbox, datasets=written(mix))
    job.signal(number)
    if number == signal.SIGINT:
        job.wait(15).expect(130)
        sandbox.gone_after(6)
    else:
        job.process.wait(10)
        sandbox.gone_after(15)
        with sandbox.serve(sandbox.folder / "experiment.yaml"):
            pass  # the next start cleans up
    assert not sandbox.leftovers()


def test_an_expression_that_fails_is_named_with_its_dataset(sandbox: Sandbox) -> None:
    mix = two_logs(sandbox, "rest")
    promoted, ratio = mix.datasets["promoted"]
    broken = Filter("CAST(surface AS INTEGER) > 0", lambda t: np.ones(len(t), bool))
    steps = [*promoted.steps, broken]
    mix = replace(
        mix, datasets=mix.datasets | {"promoted": (replace(promoted, steps=steps), ratio)}
    )
    sandbox.write("train.py", "import lastmile\nfor batch in lastmile.feed('train'): pass\n")
    # Every split fails: with one worker the first of them is the one that is told.
    path = experiment(sandbox, mix, train={"script": "train.py"}, workers=1)
    (error,) = sandbox.run(path).expect(3).errors
    assert '"promoted"' in error
    assert "promoted/part-00" in error
    assert "row group 0, row " in error


def test_a_corrupt_row_group_of_one_dataset_is_left_out(sandbox: Sandbox) -> None:
    mix = two_logs(sandbox, "rest")
    organic, ratio = mix.datasets["organic"]
    data.damage(sandbox.folder / "organic" / "part-001.parquet", 2, "emb.list.element")
    organic = replace(organic, on_corrupt="skip", corrupt=frozenset({("part-001.parquet", 2)}))
    mix = replace(mix, datasets=mix.datasets | {"organic": (organic, ratio)})
    with sandbox.serve(experiment(sandbox, mix)) as server:
        check_ranks(ranks(server.address, 2), mix)  # type: ignore[arg-type]


def test_splits_that_cannot_wait_are_refused(sandbox: Sandbox) -> None:
    wide = log(sandbox, "wide", [], rows=60_000)
    files = ["part-000.parquet"]
    pq.write_table(
        pq.read_table(sandbox.folder / "wide" / files[0]), sandbox.folder / "wide" / files[0]
    )
    narrow = log(sandbox, "narrow", [])
    tensors = {f"seq{i}": Tensor("seq", fill=i) for i in range(20)}
    mix = Mixed({"wide": (wide, 0.5), "narrow": (narrow, 0.5)}, tensors)
    path = experiment(sandbox, mix, memory="64MiB")
    (error,) = sandbox.start("explain", str(path)).wait().expect(2).errors
    assert error.startswith("error: A split of 1 row group needs ")
    assert " to be mixed, but each worker has 16 MiB for rows of this dataset that wait" in error
    assert "(lower shuffle.row_groups, write smaller row groups or raise" in error
    assert re.search(r"\[\S*experiment\.yaml:\d+\]$", error)
