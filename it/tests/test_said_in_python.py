"""Experiments that are said in Python: opened and launched, they give the rows of the oracle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pyarrow.compute as pc
import pytest
from test_faults import SLOW

import data
import lastmile
from harness import REPO, SCRIPTS, Sandbox, check_ranks, drain, load_ranks
from oracle.dataset import Dataset, Shuffle
from oracle.steps import AntiJoin, Derive, Downsample, Filter, true
from oracle.tensors import Tensor


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine of this sandbox, started from another folder than the experiment's."""
    monkeypatch.setenv("LASTMILE_SHM", str(sandbox.shm))
    monkeypatch.setenv("LASTMILE_NO_BUILD", "1")
    (sandbox.folder / "elsewhere").mkdir()
    monkeypatch.chdir(sandbox.folder / "elsewhere")


def of_oracle(sandbox: Sandbox) -> Dataset:
    root = sandbox.folder / "impressions"
    files = data.write_impressions(root, files=3, rows=500, row_group=120)
    data.write_listed(sandbox.folder / "spam.parquet", np.arange(0, 300, 7))
    negative = ("label = 0", lambda rows: true(pc.equal(rows.column("label"), 0)))
    steps = [
        AntiJoin(sandbox.folder / "spam.parquet", {"user_id": "user_id"}),
        Filter("surface <> 'search'", lambda t: true(pc.not_equal(t.column("surface"), "search"))),
        Downsample(0.5, ["user_id", "item_id"], where=negative, weight="weight"),
        Derive({"engaged": ("label = 1", lambda t: pc.equal(t.column("label"), 1))}),
    ]
    tensors = {
        "dense": Tensor("dense_*", dtype="float32", fill=0),
        "seq": Tensor("seq", fill=7, max_length=4),
        "surface": Tensor("surface", hash=(1000, 3)),
        "label": Tensor("engaged", dtype="float32"),
        "weight": Tensor("weight"),
    }
    order = Shuffle(row_groups=2)
    return Dataset("impressions", root, files, tensors, steps, batch=64, shuffle=order)


def said(sandbox: Sandbox, **options: object) -> lastmile.Experiment:
    """The dataset of the oracle, said in Python."""
    train = (
        lastmile.parquet("impressions/*.parquet")
        .anti_join("spam.parquet", on="user_id")
        .filter("surface <> 'search'")
        .downsample(0.5, where="label = 0", by=["user_id", "item_id"], weight="weight")
        .derive(engaged="label = 1")
        .tensor("dense", "dense_*", dtype="float32", fill=0)
        .tensor("seq", "seq", fill=7, max_length=4)
        .tensor("surface", "surface", hash={"buckets": 1000, "seed": 3})
        .tensor("label", "engaged", dtype="float32")
        .tensor("weight", "weight")
        .batch(64)
        .shuffle(row_groups=2)
        .keys("uid")
    )
    more: dict = {"cluster": {"workers": {"max": 2, "memory": "256MiB"}}} | options
    return lastmile.experiment(
        "trial", seed=42, datasets={"train": train}, folder=sandbox.folder, **more
    )


def test_open_gives_the_rows_of_the_oracle(sandbox: Sandbox) -> None:
    dataset = of_oracle(sandbox)
    with lastmile.open(said(sandbox), "train", arrays="numpy") as feed:
        got = drain(feed)
    check_ranks([got], dataset)


def test_launch_gives_the_ranks_the_rows_of_the_oracle(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = of_oracle(sandbox)
    train = {"script": str(SCRIPTS / "collect.py"), "args": [2], "ranks": 2}
    experiment = said(sandbox, train=train)
    end = lastmile.launch(experiment, runs=sandbox.runs, python=sys.executable)
    assert (end.code, end.kind, end.message) == (0, "ok", None)
    check_ranks(load_ranks(sandbox.folder, 2), dataset, epochs=(0, 1))
    assert end.record == sandbox.last_record()
    assert (end.record / "experiment.json").read_text().strip() == experiment.to_json()
    (first, _) = end.summary["datasets"]["train"]["epochs"]
    assert first["rows_delivered"] == len(dataset.sequence(epoch=0).rows)
    assert f"run record {end.record}\n" in capsys.readouterr().out


def test_the_end_of_a_run_that_fails_is_returned(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    of_oracle(sandbox)
    sandbox.write("fails.py", "import lastmile\nprint('so far')\nraise SystemExit(7)\n")
    end = lastmile.launch(said(sandbox, train="fails.py"), runs="runs", python=sys.executable)
    assert (end.code, end.kind) == (4, "trainer")
    assert end.message is not None and "7" in end.message
    assert end.record == sandbox.folder / "elsewhere" / "runs" / "trial-1"
    said_so = capsys.readouterr()
    assert "[rank 0] so far\n" in said_so.out
    assert f"error: {end.message}\n" in said_so.err


def test_a_mistake_is_named_by_its_element(sandbox: Sandbox) -> None:
    of_oracle(sandbox)
    wrong = lastmile.parquet("impressions").filter("surfac = 'a'").tensor("x", "uid")
    sandbox.write("train.py", "import lastmile\n")
    experiment = lastmile.experiment(
        "wrong", datasets={"train": wrong}, train="train.py", folder=sandbox.folder
    )
    starts: list[Callable[[], object]] = [
        lambda: lastmile.open(experiment, "train"),
        lambda: lastmile.launch(experiment, python=sys.executable),
    ]
    for start in starts:
        with pytest.raises(lastmile.UserError) as mistake:
            start()
        assert str(mistake.value).endswith("[datasets.train.steps[0].filter]")
        assert '(did you mean "surface"?)' in str(mistake.value)


def test_the_text_saved_as_a_file_is_an_experiment_of_every_command(sandbox: Sandbox) -> None:
    of_oracle(sandbox)
    train = {"script": "elsewhere/train.py"}
    sandbox.write("elsewhere/train.py", "import lastmile\nfor _ in lastmile.feed('train'): pass\n")
    saved = sandbox.write("saved.json", said(sandbox, train=train).to_json())
    explained = sandbox.start("explain", saved.name).wait().expect(0)
    assert "downsample" in explained.out
    assert sandbox.run(saved).expect(0).summary["exit"]["kind"] == "ok"
    sandbox.write("saved.json", saved.read_text().replace('"batch":64', '"batch":0'))
    (error,) = sandbox.start("explain", saved.name).wait().expect(2).errors
    assert error == "error: Invalid batch: 0 (must be > 0) [datasets.train.batch]"


def launching(sandbox: Sandbox) -> subprocess.Popen[str]:
    """A program that launches, both ranks in the middle of their epoch."""
    of_oracle(sandbox)
    script = sandbox.write("script.py", SLOW)
    folder = sandbox.folder
    process = subprocess.Popen(
        [sys.executable, str(SCRIPTS / "launches.py"), str(folder / "impressions"), str(script)],
        cwd=folder,
        env=sandbox.environment | {"PYTHONPATH": str(REPO / "python")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while len(list(folder.glob("going-*"))) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the ranks do not get going"
        time.sleep(0.02)
    return process


def test_ctrl_c_ends_the_run_and_its_ranks(sandbox: Sandbox) -> None:
    process = launching(sandbox)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out.endswith("interrupted\n")
    sandbox.gone_after(1)
    assert exit_of(sandbox) == {
        "code": 130,
        "kind": "cancelled",
        "message": "Interrupted (Ctrl-C)",
    }


def test_a_program_that_is_killed_takes_its_run_with_it(sandbox: Sandbox) -> None:
    process = launching(sandbox)
    process.kill()
    process.communicate(timeout=30)
    sandbox.gone_after(15)
    assert exit_of(sandbox) == {"code": 130, "kind": "cancelled", "message": "Cancelled"}


def exit_of(sandbox: Sandbox) -> object:
    record = sandbox.last_record()
    assert record is not None
    return json.loads((record / "summary.json").read_text())["exit"]
