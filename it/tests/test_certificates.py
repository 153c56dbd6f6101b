"""Certificates of epochs: equal to the oracle whatever ran them, and computed again by `verify`."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_write import LONG, NEGATIVE, POSITIVE, two_logs

import data
from harness import Outcome, Sandbox
from oracle.dataset import Dataset, Shuffle
from oracle.hashing import identities
from oracle.language import Explode, Limit, Step, Upsample
from oracle.steps import PATH, ROW, Derive, Downsample, Filter
from oracle.tensors import Tensor
from oracle.values import values_digest

TAKE_ALL = """
import lastmile
feed = lastmile.feed("train", epochs=2)
for epoch in range(2):
    for batch in feed:
        pass
"""


def going_back(steps: int) -> str:
    """A script that takes two steps, some more, and goes back to behind the first two."""
    return f"""
import lastmile
feed = lastmile.feed("train")
batches = iter(feed)
for _ in range(2):
    next(batches)
state = feed.state_dict()
for _ in range({steps}):
    next(batches)
feed.load_state_dict(state)
for batch in feed:
    pass
"""


def table(sandbox: Sandbox, steps: list[Step]) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=3, rows=300, row_group=90)
    tensors = {"uid": Tensor("uid"), "label": Tensor("label")}
    return Dataset("t", root, files, tensors, steps, batch=32, shuffle=Shuffle(row_groups=2))


def run(sandbox: Sandbox, dataset: Any, script: str = TAKE_ALL, ranks: int = 2) -> Outcome:
    sandbox.write("train.py", script)
    train = {"script": "train.py", "ranks": ranks}
    datasets = {"train": dataset} if isinstance(dataset, Dataset) else dataset
    return sandbox.run(sandbox.experiment(datasets, train=train)).expect(0)


def certificates(done: Outcome) -> dict[str, dict[str, Any]]:
    assert done.record is not None
    found = sorted((done.record / "certificates").iterdir())
    return {path.stem: json.loads(path.read_text()) for path in found}


def verify(sandbox: Sandbox, done: Outcome, *options: str) -> Outcome:
    return sandbox.start("verify", str(done.record), *options).wait()


def check(certificate: dict[str, Any], sequence: Any) -> None:
    rows = len(sequence.rows)
    assert certificate["rows_read"] == sequence.read
    assert certificate["rows_delivered"] == rows
    assert certificate["rows_repeated"] == 0
    assert certificate["digest"] == (sequence.digests[-1] if rows else "0" * 16)
    steps = certificate["steps"]
    assert [s["rows_dropped"] for s in steps if s["rows_dropped"]] == [
        dropped for dropped in sequence.dropped if dropped
    ]
    assert sum(s["rows_added"] for s in steps) == sum(sequence.added)
    for step in steps:
        assert step["rows_out"] == step["rows_in"] + step["rows_added"] - step["rows_dropped"]
    for before, after in itertools.pairwise(steps):
        if before["dataset"] == after["dataset"]:
            assert before["rows_out"] == after["rows_in"]


CASES: dict[str, list[Step]] = {
    "none": [],
    "steps": [Filter(*LONG), Downsample(0.5, ["user_id"], NEGATIVE, "w")],
    "copies": [Explode(["seq"], "place"), Upsample(2, POSITIVE), Filter(*LONG)],
    "limit": [Filter(*LONG), Limit(333)],
    "nothing": [Filter("label + 0 = 7", lambda t: np.zeros(len(t), bool))],
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_certificate_says(sandbox: Sandbox, case: str) -> None:
    dataset = table(sandbox, CASES[case])
    done = run(sandbox, dataset)
    found = certificates(done)
    assert sorted(found) == ["train-0", "train-1"]
    for epoch in (0, 1):
        certificate = found[f"train-{epoch}"]
        check(certificate, dataset.sequence(epoch=epoch))
        assert certificate["epoch"] == epoch
        assert certificate["from_row"] == 0
        assert certificate["replayed"] == []
        names = [file["relative"] for file in certificate["files"]]
        assert names == dataset.files
        assert all(len(file["hash"]) == 32 for file in certificate["files"])
    told = verify(sandbox, done).expect(0).out.splitlines()
    rows = len(dataset.sequence().rows)
    digest = found["train-0"]["digest"]
    assert told[0] == f"train, epoch 0: verified, {rows} rows delivered, digest {digest}"
    assert len(told) == 2


def test_the_same_for_any_ranks_and_workers(sandbox: Sandbox) -> None:
    dataset = table(sandbox, CASES["steps"])
    sandbox.write("train.py", TAKE_ALL)
    digests = set()
    for ranks, workers, batch in ((1, 1, 32), (7, 4, 5), (3, 2, 100)):
        train = {"script": "train.py", "ranks": ranks}
        path = sandbox.experiment(replace(dataset, batch=batch), train=train, workers=workers)
        found = certificates(sandbox.run(path).expect(0))["train-0"]
        digests.add((found["digest"], found["rows_delivered"], found["fingerprint"]))
    assert len(digests) == 1


def every_form(sandbox: Sandbox) -> Dataset:
    """A dataset that delivers a tensor of every form, with certificates of its values."""
    sandbox.write("words.txt", "home\nsearch\n 日本語\n")
    tensors = {
        "dense": Tensor("dense_*", fill=0.5),
        "half": Tensor("dense_1", dtype="float16"),
        "there": Tensor("dwell_s", null="mask"),
        "seq": Tensor("seq", fill=7, max_length=3, truncate="last"),
        "padded": Tensor("seq", null="mask", max_length=4, pad=True),
        "keyed": Tensor(["seq", "again"], fill=0, layout="keyed"),
        "emb": Tensor("emb", fill=-1),
        "bucket": Tensor("surface", hash=(100, 3)),
        "word": Tensor("surface", vocabulary=("words.txt", ["home", "search", " 日本語"])),
    }
    again = Derive({"again": ("list_reverse(seq)", lambda t: reversed_lists(t.column("seq")))})
    steps: list[Step] = [Filter(*LONG), again, Upsample(2, POSITIVE)]
    return replace(
        table(sandbox, steps),
        tensors=tensors,
        keys=["uid", "surface"],
        extra={"certificate": "full"},
    )


def reversed_lists(column: Any) -> pa.Array:
    lists = [None if value is None else value[::-1] for value in column.to_pylist()]
    return pa.array(lists, pa.list_(pa.int64()))


def expected_values(dataset: Dataset, epoch: int = 0) -> str:
    sequence = dataset.sequence(epoch=epoch)
    rows = sequence.rows
    path, row = np.asarray(rows.column(PATH)), np.asarray(rows.column(ROW))
    hashes = identities(sequence.paths, path, row, sequence.copy)
    return values_digest(rows, hashes, dataset.tensors, dataset.keys)


def test_the_values_for_any_ranks_and_workers(sandbox: Sandbox) -> None:
    dataset = every_form(sandbox)
    sandbox.write("train.py", TAKE_ALL)
    for ranks, workers, batch, last in ((1, 1, 32, "pad"), (7, 4, 5, "uneven"), (3, 2, 100, "pad")):
        train = {"script": "train.py", "ranks": ranks}
        other = replace(dataset, batch=batch, last_step=last)
        done = sandbox.run(sandbox.experiment(other, train=train, workers=workers)).expect(0)
        found = certificates(done)
        for epoch in (0, 1):
            assert found[f"train-{epoch}"]["values_digest"] == expected_values(dataset, epoch)
    verify(sandbox, done).expect(0)


def test_other_values_of_the_same_rows(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [])
    values = set()
    for fill in (0.0, 0.25):
        tensors = {"dwell_s": Tensor("dwell_s", fill=fill)}
        done = run(sandbox, replace(dataset, tensors=tensors, extra={"certificate": "full"}))
        found = certificates(done)["train-0"]
        assert found["digest"] == dataset.sequence().digests[-1]
        values.add(found["values_digest"])
    assert len(values) == 2
    assert done.record is not None
    path = done.record / "certificates" / "train-1.json"
    path.write_text(path.read_text().replace('"values_digest":"', '"values_digest":"0'))
    told = verify(sandbox, done).expect(2).out
    assert "values_digest: certified 0" in told


def test_values_are_hashed_from_the_start_of_an_epoch_or_not_at_all(sandbox: Sandbox) -> None:
    dataset = table(sandbox, CASES["steps"])
    script = """
import json, pathlib, lastmile
kept = pathlib.Path("state.json")
feed = lastmile.feed("train", state=json.loads(kept.read_text()) if kept.exists() else None)
for batch in feed:
    if not kept.exists() and batch.step == 1:
        state = feed.state_dict()
        break
else:
    state = None
if state and feed.rank == 0:
    kept.write_text(json.dumps(state))
"""
    full = replace(dataset, extra={"certificate": "full"})
    sandbox.write("train.py", script)
    for first, known in ((full, True), (dataset, False)):
        (sandbox.folder / "state.json").unlink(missing_ok=True)
        train = {"script": "train.py", "ranks": 1}
        sandbox.run(sandbox.experiment(first, train=train)).expect(0)
        done = sandbox.run(sandbox.experiment(full, train=train)).expect(0)
        found = certificates(done)["train-0"]
        assert found["from_row"] == 64
        assert found["values_digest"] == (expected_values(dataset) if known else None)
        verify(sandbox, done).expect(0)


def test_a_mix(sandbox: Sandbox) -> None:
    mix = two_logs(sandbox, "repeat", [Filter(*LONG)], [Upsample(2, POSITIVE)])
    written: dict[str, Any] = {name: dataset for name, (dataset, _) in mix.datasets.items()}
    done = run(sandbox, written | {"train": mix})
    found = certificates(done)
    for epoch in (0, 1):
        check(found[f"train-{epoch}"], mix.sequence(epoch=epoch))
    verify(sandbox, done).expect(0)


def test_rows_that_were_taken_again(sandbox: Sandbox) -> None:
    dataset = table(sandbox, CASES["steps"])
    done = run(sandbox, dataset, going_back(3))
    certificate = certificates(done)["train-0"]
    check(certificate, dataset.sequence())
    step = 2 * dataset.batch
    taken = min(5 * step, len(dataset.sequence().rows))
    assert certificate["replayed"] == [{"from_row": 2 * step, "to_row": taken}]
    assert certificate["from_row"] == 0
    verify(sandbox, done).expect(0)


@pytest.mark.parametrize(
    ("loads", "replayed"),
    [((2, 1), [(2, 3), (1, 2)]), ((1, 3), []), ((1, 2), [(2, 3)])],
    ids=["back twice", "back and forth", "back and half forth"],
)
def test_positions_that_follow_each_other(
    sandbox: Sandbox, loads: tuple[int, int], replayed: list[tuple[int, int]]
) -> None:
    dataset = table(sandbox, CASES["steps"])
    script = f"""
import lastmile
feed = lastmile.feed("train")
batches = iter(feed)
states = [feed.state_dict()]
for _ in range(3):
    next(batches)
    states.append(feed.state_dict())
feed.load_state_dict(states[{loads[0]}])
feed.load_state_dict(states[{loads[1]}])
for batch in feed:
    pass
"""
    done = run(sandbox, dataset, script)
    certificate = certificates(done)["train-0"]
    check(certificate, dataset.sequence())
    step = 2 * dataset.batch
    said = [{"from_row": first * step, "to_row": end * step} for first, end in replayed]
    assert certificate["replayed"] == said
    assert certificate["from_row"] == 0
    verify(sandbox, done).expect(0)


def test_a_resumed_epoch_is_certified_from_its_position(sandbox: Sandbox) -> None:
    dataset = table(sandbox, CASES["steps"])
    first = """
import json, pathlib
import lastmile
feed = lastmile.feed("train")
batches = iter(feed)
for _ in range(3):
    next(batches)
if __import__("os").environ["RANK"] == "0":
    pathlib.Path("state.json").write_text(json.dumps(feed.state_dict()))
"""
    done = run(sandbox, dataset, first)
    assert done.record is not None
    assert not (done.record / "certificates").exists()
    refused = verify(sandbox, done).expect(2)
    assert refused.err == (
        f"error: Run {done.record} has no certificate: no epoch was taken to its end by all ranks\n"
    )
    rest = """
import json, pathlib
import lastmile
state = json.loads(pathlib.Path("state.json").read_text())
for batch in lastmile.feed("train", state=state):
    pass
"""
    done = run(sandbox, dataset, rest, ranks=3)
    certificate = certificates(done)["train-0"]
    check(certificate, dataset.sequence())
    assert certificate["from_row"] == 3 * 2 * dataset.batch
    verify(sandbox, done).expect(0)


def test_a_feed_that_goes_back_keeps_the_certificate_of_what_it_took(sandbox: Sandbox) -> None:
    dataset = table(sandbox, CASES["steps"])
    script = """
import time
import lastmile
feed = lastmile.feed("train")
start = feed.state_dict()
for batch in feed:
    pass
time.sleep(1)
feed.load_state_dict(start)
time.sleep(1)
"""
    done = run(sandbox, dataset, script)
    check(certificates(done)["train-0"], dataset.sequence())
    verify(sandbox, done).expect(0)


def test_a_feed_that_each_rank_has_alone(sandbox: Sandbox) -> None:
    dataset = replace(table(sandbox, CASES["steps"]), extra={"last_step": "pad"})
    script = """
import os
import lastmile
feed = lastmile.feed("train", ranks="this", epochs=2)
for batch in feed:
    pass
for batch in feed:
    if os.environ["RANK"] == "1":
        break
"""
    done = run(sandbox, dataset, script)
    found = certificates(done)
    assert list(found) == ["train-0"]  # of the second epoch rank 1 took one batch
    check(found["train-0"], dataset.sequence())
    assert found["train-0"]["ranks"] == 1
    verify(sandbox, done).expect(0)


ODD: dict[str, dict[str, Any]] = {
    "epoch is null": {"epoch": None},
    "epoch is 1.5": {"epoch": 1.5},
    "epoch is -1": {"epoch": -1},
    "ranks is 0": {"ranks": 0},
    "begun_row is x": {"begun_row": "x"},
    "version is 2": {"version": 2},
    "fingerprint is null": {"fingerprint": None},
    "files is missing": {"fingerprint": "0", "files": 7},
}


def test_what_is_no_certificate(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [])
    done = run(sandbox, dataset)
    assert done.record is not None
    file = done.record / "certificates" / "train-0.json"
    good = json.loads(file.read_text())
    for says, change in ODD.items():
        file.write_text(json.dumps(good | change))
        refused = verify(sandbox, done).expect(2)
        assert refused.err.startswith(f"error: Not a certificate: {says}"), refused.err
    file.write_text(json.dumps(good))
    (done.record / "origin.json").write_text("{}")
    assert "origin.json names no folder" in verify(sandbox, done).expect(2).err


def test_what_differs_is_named(sandbox: Sandbox) -> None:
    dataset = table(sandbox, CASES["steps"])
    done = run(sandbox, dataset)
    assert done.record is not None
    path = dataset.root / dataset.files[1]
    os.utime(path, (0, 0))
    verify(sandbox, done).expect(0)

    file = done.record / "certificates" / "train-1.json"
    good = file.read_text()
    told = json.loads(good)
    file.write_text(json.dumps(told | {"digest": "0" * 16}))
    lines = verify(sandbox, done).expect(2).out.splitlines()
    assert lines[0].startswith("train, epoch 0: verified")
    assert lines[1:] == [
        "train, epoch 1: differs",
        f"  digest: certified {'0' * 16}, now {told['digest']}",
    ]
    file.write_text("{")
    assert "Not a certificate" in verify(sandbox, done).expect(2).err
    file.write_text(good)

    rows = pq.read_table(path)
    other = rows.set_column(0, rows.column_names[0], rows.column(0).combine_chunks()[::-1])
    pq.write_table(other, path, row_group_size=90)
    answer = json.loads(verify(sandbox, done, "--json").expect(2).out)
    for certificate in answer["certificates"]:
        assert certificate["same"] is False
        assert all(
            difference.startswith(f"file {path}: ") for difference in certificate["differences"]
        )
    refused = sandbox.start("verify", "nothing-1").wait().expect(2)
    assert refused.err.startswith("error: No run record in nothing-1")
