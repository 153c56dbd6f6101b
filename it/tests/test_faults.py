"""What ends a job: signals, dying ranks, bad data. Nothing is left, and the record says why."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import data
from harness import REPO, Job, Outcome, Sandbox, check_ranks, load_ranks, order, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.steps import Derive, Filter
from oracle.tensors import Tensor

COLLECT = str(Path(__file__).parent / "scripts" / "collect.py")

SLOW = """
import os, sys, time
import lastmile
feed = lastmile.feed("train", arrays="numpy")
for batch in feed:
    if batch.step == 2:
        open("going-" + os.environ["RANK"], "w").close()
    time.sleep(0.02)
"""


def table(sandbox: Sandbox, **options: Any) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=3, rows=1000, row_group=250)
    tensors = {"dense": Tensor("dense_*", fill=0), "seq": Tensor("seq", fill=0)}
    return Dataset("t", root, files, tensors, **({"batch": 2} | options))


def started(sandbox: Sandbox, script: str = SLOW, world: int = 2, datasets: Any = None) -> Job:
    """A job of which every rank is in the middle of its epoch."""
    path = sandbox.write("script.py", script)
    train = {"script": path.name, "ranks": world}
    job = sandbox.start_run(sandbox.experiment(datasets or table(sandbox), train=train))
    deadline = time.monotonic() + 60
    while len(list(sandbox.folder.glob("going-*"))) < world:
        assert job.process.poll() is None, job.process.communicate()
        assert time.monotonic() < deadline, "the ranks do not get going"
        time.sleep(0.02)
    return job


def say(capsys: pytest.CaptureFixture[str], what: str, seconds: float) -> None:
    with capsys.disabled():
        print(f"\n{what}: {seconds:.2f} s")


@pytest.mark.parametrize("delay", [random.uniform(0, 1.5) for _ in range(2)], ids=["a", "b"])
def test_when_the_driver_is_killed_the_ranks_go(
    sandbox: Sandbox, delay: float, capsys: pytest.CaptureFixture[str]
) -> None:
    job = started(sandbox)
    time.sleep(delay)
    job.signal(signal.SIGKILL)
    job.process.wait(10)
    say(capsys, f"ranks gone after the kill {delay:.2f} s into the epoch", sandbox.gone_after(15))
    assert len(sandbox.leftovers()) == 1
    with sandbox.serve(sandbox.folder / "experiment.yaml"):
        assert len(sandbox.leftovers()) == 1  # its own; that of the dead driver is removed
    assert not sandbox.leftovers()


def test_when_the_driver_is_killed_at_the_start_nothing_stays(sandbox: Sandbox) -> None:
    path = sandbox.write("script.py", SLOW)
    train = {"script": path.name, "ranks": 2}
    experiment = sandbox.experiment(table(sandbox), train=train)
    for _ in range(3):
        job = sandbox.start_run(experiment)
        time.sleep(random.uniform(0.3, 2.0))
        job.signal(signal.SIGKILL)
        job.process.wait(10)
        sandbox.gone_after(15)
    with sandbox.serve(experiment):
        assert len(sandbox.leftovers()) == 1
    assert not sandbox.leftovers()


def test_ranks_that_ignore_signals_and_their_children_go_with_the_driver(
    sandbox: Sandbox,
) -> None:
    job = started(
        sandbox,
        """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"], start_new_session=True)
import lastmile
feed = lastmile.feed("train", arrays="numpy")
next(iter(feed))
open("going-" + os.environ["RANK"], "w").close()
time.sleep(600)
""",
    )
    job.signal(signal.SIGKILL)
    job.process.wait(10)
    sandbox.gone_after(15)
    with sandbox.serve(sandbox.folder / "experiment.yaml"):
        assert len(sandbox.leftovers()) == 1


@pytest.mark.parametrize("to", ["driver", "group"])
def test_ctrl_c_ends_everything_and_writes_the_summary(
    sandbox: Sandbox, to: str, capsys: pytest.CaptureFixture[str]
) -> None:
    job = started(sandbox)
    at = time.monotonic()
    if to == "group":  # as a terminal does
        os.killpg(job.pid, signal.SIGINT)
    else:
        job.signal(signal.SIGINT)
    outcome = job.wait(15).expect(130)
    sandbox.gone_after(6)
    took = time.monotonic() - at
    say(capsys, f"all gone after Ctrl-C to the {to}", took)
    assert took < 6
    assert not sandbox.leftovers()
    check_cancelled(outcome, 130)


def test_sigterm_ends_everything_and_writes_the_summary(sandbox: Sandbox) -> None:
    job = started(sandbox)
    job.signal(signal.SIGTERM)
    outcome = job.wait(15).expect(143)
    sandbox.gone_after(6)
    assert not sandbox.leftovers()
    check_cancelled(outcome, 143)


def check_cancelled(outcome: Outcome, code: int) -> None:
    summary = outcome.summary
    steps = [rank["steps"] for rank in summary["ranks"]]
    delivered = summary["datasets"]["train"]["epochs"][0]["rows_delivered"]
    assert delivered == min(steps) * 2 * 2, "what lies prefetched was not delivered"
    assert summary["exit"]["code"] == code
    assert summary["exit"]["kind"] == "cancelled"
    assert summary["datasets"]["train"]["epochs"][0]["rows_delivered"] > 0
    assert [rank["rank"] for rank in summary["ranks"]] == [0, 1]


def test_a_full_disk_does_not_end_the_training_but_is_told(sandbox: Sandbox) -> None:
    script = sandbox.write(
        "chatty.py",
        """
import lastmile, os
for batch in lastmile.feed("train", arrays="numpy"):
    print("x" * 100_000)
open("done-" + os.environ["RANK"], "w").close()
""",
    )
    train = {"script": script.name, "ranks": 2}
    experiment = sandbox.experiment(table(sandbox), train=train)
    sandbox.runs.mkdir()
    sandbox.mount(sandbox.runs, "200k")
    outcome = sandbox.run(experiment).expect(5)
    (line,) = outcome.errors
    assert re.search(r"Cannot write /.*/runs/trial-1/.*: No space left on device", line), line
    assert "Exception" not in outcome.err
    assert {path.name for path in sandbox.folder.glob("done-*")} == {"done-0", "done-1"}


@pytest.mark.parametrize("how", ["code", "exception", "before"])
def test_a_rank_that_fails_ends_the_job(sandbox: Sandbox, how: str) -> None:
    fails = {"code": "sys.exit(3)", "exception": "raise ValueError('no good')", "before": ""}
    script = "import os, sys\n"
    if how == "before":
        script += "if os.environ['RANK'] == '1': sys.exit(3)\n"
    script += "import lastmile\nfor batch in lastmile.feed('train', arrays='numpy'):\n"
    script += "    if batch.step == 5 and os.environ['RANK'] == '1':\n"
    script += f"        {fails[how] or 'pass'}\n"
    path = sandbox.write("script.py", script)
    train = {"script": path.name, "ranks": 2}
    outcome = sandbox.run(sandbox.experiment(table(sandbox), train=train)).expect(4)
    summary = outcome.summary
    assert summary["exit"]["code"] == 4
    assert summary["exit"]["kind"] == "trainer"
    assert "rank 1" in summary["exit"]["message"].lower()
    assert summary["ranks"][1]["exit_code"] == (1 if how == "exception" else 3)
    (line,) = outcome.errors
    assert "rank 1" in line.lower()
    assert outcome.record is not None
    log = (outcome.record / "logs" / "rank-1.log").read_text()
    assert ("no good" in log) == (how == "exception")
    sandbox.gone_after(5)
    assert not sandbox.leftovers()


MISUSES = {
    "closes it": (
        """
feed = lastmile.feed("train", arrays="numpy")
for batch in feed:
    if batch.step == 3 and rank == 1:
        break
""",
        "closed",
    ),
    "closes it between epochs": (
        """
feed = lastmile.feed("train", arrays="numpy")
for epoch in range(2 - rank):
    for batch in feed:
        pass
""",
        "closed",
    ),
    "never opens it": (
        """
if rank == 0:
    for batch in lastmile.feed("train", arrays="numpy"):
        pass
""",
        "ended without opening",
    ),
    "ends before the others open it": (
        """
import time
if rank == 0:
    time.sleep(2)
    for batch in lastmile.feed("train", arrays="numpy"):
        pass
""",
        "ended without opening",
    ),
}


@pytest.mark.parametrize("how", MISUSES)
def test_a_rank_that_others_wait_for_in_vain_is_named(sandbox: Sandbox, how: str) -> None:
    script, did = MISUSES[how]
    head = "import lastmile, os\nrank = int(os.environ['RANK'])\n"
    path = sandbox.write("script.py", head + script)
    train = {"script": path.name, "ranks": 2}
    outcome = sandbox.run(sandbox.experiment(table(sandbox), train=train)).expect(4)
    (line,) = outcome.errors
    assert line == (
        f'error: Rank 1 {did} feed "train", which other ranks wait for '
        "(every rank has to take every step)"
    )
    sandbox.gone_after(6)


def test_ranks_that_stop_early_in_good_order_end_the_job_well(sandbox: Sandbox) -> None:
    path = sandbox.write(
        "script.py",
        "import lastmile\nfeed = lastmile.feed('train', arrays='numpy')\n"
        "for batch in feed:\n    if batch.step == 4:\n        break\n",
    )
    train = {"script": path.name, "ranks": 2}
    outcome = sandbox.run(sandbox.experiment(table(sandbox), train=train)).expect(0)
    assert [rank["steps"] for rank in outcome.summary["ranks"]] == [5, 5]
    assert not sandbox.leftovers()


@pytest.mark.parametrize("shuffle", ["none", "row_groups"])
def test_a_corrupt_page_is_named_and_ends_the_job(sandbox: Sandbox, shuffle: str) -> None:
    order = Shuffle(row_groups=3) if shuffle == "row_groups" else NONE
    whole = table(sandbox, batch=50, shuffle=order)
    data.damage(sandbox.folder / "t" / "part-001.parquet", 2, "dense_1")
    train = {"script": COLLECT, "args": ["1"], "ranks": 2}
    outcome = sandbox.run(sandbox.experiment(whole, train=train)).expect(3)
    (line,) = outcome.errors
    assert "part-001.parquet" in line
    assert "row group 2" in line
    summary = outcome.summary
    assert summary["exit"]["code"] == 3
    assert summary["exit"]["kind"] == "data"
    assert summary["exit"]["message"] in line
    sandbox.gone_after(5)
    assert not sandbox.leftovers()


@pytest.mark.parametrize("shuffle", ["none", "row_groups"])
def test_a_corrupt_row_group_is_skipped_and_counted_when_asked(
    sandbox: Sandbox, shuffle: str
) -> None:
    order = Shuffle(row_groups=3) if shuffle == "row_groups" else NONE
    whole = table(sandbox, batch=50, shuffle=order, on_corrupt="skip")
    name = "part-001.parquet"
    data.damage(sandbox.folder / "t" / name, 2, "dense_1")
    train = {"script": COLLECT, "args": ["1"], "ranks": 2}
    outcome = sandbox.run(sandbox.experiment(whole, train=train)).expect(0)
    left = replace(whole, corrupt=frozenset({(name, 2)}))
    check_ranks(load_ranks(sandbox.folder, 2), left)
    told = outcome.summary["datasets"]["train"]
    assert told["row_groups_skipped"] == 1
    assert told["epochs"][0]["rows_delivered"] == 2750
    assert "row groups skipped 1" in outcome.out


def test_a_column_that_is_not_needed_may_be_corrupt(sandbox: Sandbox) -> None:
    whole = table(sandbox, batch=50)
    uids = whole.sequence().rows.column("uid").to_pylist()
    data.damage(sandbox.folder / "t" / "part-001.parquet", 2, "dwell_s")
    with sandbox.serve(sandbox.experiment(whole)) as server:
        assert order(ranks(server.address, 1)) == uids


def test_a_failing_expression_after_a_skipped_row_group_names_its_row(sandbox: Sandbox) -> None:
    shuffle = Shuffle(row_groups=6)
    whole = table(sandbox, batch=50, shuffle=shuffle, on_corrupt="skip")
    data.damage(sandbox.folder / "t" / "part-001.parquet", 2, "dense_1")
    fails = Filter("CASE WHEN uid = 7 THEN error('boom') ELSE true END", lambda rows: rows)
    train = {"script": COLLECT, "args": ["1"], "ranks": 1}
    path = sandbox.experiment(replace(whole, steps=[fails]), train=train)
    (line,) = sandbox.run(path).expect(3).errors
    assert "boom" in line
    assert "part-000.parquet, row group 0, row 7]" in line


WAITS_FOR_CHANGE = """
import os, time
import lastmile
feed = lastmile.feed("train", arrays="numpy")
for epoch in range(2):
    for batch in feed:
        pass
    open("going-" + os.environ["RANK"], "w").close()
    while not os.path.exists("changed"):
        time.sleep(0.02)
"""


def test_a_file_that_changes_while_it_is_read_ends_the_job(sandbox: Sandbox) -> None:
    job = started(sandbox, WAITS_FOR_CHANGE)
    last = sandbox.folder / "t" / "part-002.parquet"
    fresh = sandbox.folder / "fresh.parquet"
    pq.write_table(pq.read_table(last), fresh, row_group_size=100)
    fresh.rename(last)
    (sandbox.folder / "changed").touch()
    (line,) = job.wait().expect(3).errors
    assert f"{last} has changed since the run began" in line


def test_a_file_that_is_touched_while_it_is_read_is_the_same(sandbox: Sandbox) -> None:
    job = started(sandbox, WAITS_FOR_CHANGE)
    for path in (sandbox.folder / "t").iterdir():
        os.utime(path, (1, 1))
    (sandbox.folder / "changed").touch()
    job.wait().expect(0)


def test_a_file_that_changes_and_keeps_its_size_and_time_ends_the_job(sandbox: Sandbox) -> None:
    job = started(sandbox, WAITS_FOR_CHANGE)
    last = sandbox.folder / "t" / "part-002.parquet"
    times, size = last.stat(), last.stat().st_size
    changed = bytearray(last.read_bytes())
    footer = size - 8 - int.from_bytes(changed[-8:-4], "little")
    at = changed.index(b"dense_0", footer)
    changed[at : at + 7] = b"dense_9"
    last.write_bytes(changed)
    os.utime(last, ns=(times.st_atime_ns, times.st_mtime_ns))
    (sandbox.folder / "changed").touch()
    (line,) = job.wait().expect(3).errors
    assert f"{last} has changed since the run began" in line


def corrupt_text(sandbox: Sandbox, expression: str, kind: str = "int64") -> Outcome:
    """A job over a column of numbers as text, of which row 137 of the second file is none."""
    (sandbox.folder / "t").mkdir()
    for i in range(2):
        text = [str(n) for n in range(400)]
        if i == 1:
            text[137] = "twelve"
        columns = {
            "uid": pa.array(range(400 * i, 400 * (i + 1)), pa.int64()),
            "text": pa.array(text),
        }
        pq.write_table(pa.table(columns), sandbox.folder / "t" / f"{i}.parquet", row_group_size=100)
    dataset = Dataset(
        "t",
        sandbox.folder / "t",
        ["0.parquet", "1.parquet"],
        {"number": Tensor("number", dtype=kind)},
        [Derive({"number": (expression, lambda rows: rows.column("text"))})],
        batch=32,
    )
    train = {"script": COLLECT, "args": ["1"], "ranks": 2}
    return sandbox.run(sandbox.experiment(dataset, train=train)).expect(3)


def test_an_expression_that_fails_on_a_row_names_the_place(sandbox: Sandbox) -> None:
    outcome = corrupt_text(sandbox, "CAST(text AS BIGINT)")
    (line,) = outcome.errors
    for part in ("twelve", "1.parquet", "row group 1"):
        assert part in line, f"{part} is not in: {line}"
    assert outcome.summary["exit"]["kind"] == "data"
    assert not sandbox.leftovers()


def test_a_null_without_fill_names_the_place(sandbox: Sandbox) -> None:
    outcome = corrupt_text(sandbox, "TRY_CAST(text AS BIGINT)")
    (line,) = outcome.errors
    for part in ("null", "1.parquet", "row group 1", "number", "row 137", "fill"):
        assert part in line, f"{part} is not in: {line}"
    assert outcome.summary["exit"]["code"] == 3


def test_the_feed_raises_what_ends_the_job(sandbox: Sandbox) -> None:
    whole = table(sandbox, batch=50)
    data.damage(sandbox.folder / "t" / "part-001.parquet", 2, "dense_1")
    script = sandbox.write(
        "script.py",
        """
import lastmile, os
try:
    for batch in lastmile.feed("train", arrays="numpy"):
        pass
except lastmile.DataError as error:
    open("said-" + os.environ["RANK"], "w").write(str(error))
    raise
""",
    )
    train = {"script": script.name, "ranks": 2}
    outcome = sandbox.run(sandbox.experiment(whole, train=train)).expect(3)
    said = [path.read_text() for path in sandbox.folder.glob("said-*")]
    assert said  # a rank may be ended before it has heard
    assert set(said) == {outcome.summary["exit"]["message"]}


def big_row_group(sandbox: Sandbox, rows: int, columns: int) -> Dataset:
    """One row group of rows x columns x 4 bytes that no encoding makes smaller."""
    (sandbox.folder / "t").mkdir()
    names = [f"x_{i}" for i in range(columns)]
    schema = pa.schema([("uid", pa.int64()), *((name, pa.float32()) for name in names)])
    path = sandbox.folder / "t" / "0.parquet"
    r = data.rng(8)
    table = pa.table(
        [pa.array(range(rows), pa.int64()), *(r.random(rows, dtype="f4") for _ in names)],
        schema=schema,
    )
    pq.write_table(table, path, row_group_size=rows, use_dictionary=False, compression="none")
    assert pq.read_metadata(path).num_row_groups == 1
    return Dataset("t", path.parent, [path.name], {"x": Tensor("x_*")}, batch=512)


def pass_or_refuse(sandbox: Sandbox, dataset: Dataset, memory: str, budget: int) -> None:
    train = {"script": str(REPO / "bench" / "scripts" / "count.py"), "ranks": 1}
    path = sandbox.experiment(dataset, workers=1, memory=memory, train=train)
    outcome = sandbox.run(path, seconds=600)
    if outcome.code == 0:
        rows = dataset.sequence().rows
        assert (sandbox.folder / "rows-0").read_text() == str(len(rows))
        # A slot holds 512 rows; there are fewer than 16.
        slots = 16 * 512 * (rows.num_columns * 4 + 16)
        assert outcome.summary["memory_peak_bytes"] < budget + slots + (600 << 20)
        return
    outcome.expect(2)
    (line,) = outcome.errors
    assert "0.parquet" in line
    assert len(re.findall(r"\d+(?:\.\d+)? ?[KMG]i?B", line)) >= 2, line
    assert outcome.record is None


def test_a_row_group_of_twice_the_budget_passes_or_is_refused(sandbox: Sandbox) -> None:
    pass_or_refuse(sandbox, big_row_group(sandbox, 200_000, 250), "100MiB", 100 << 20)


@pytest.mark.long
def test_a_row_group_of_two_gigabytes_passes_or_is_refused(sandbox: Sandbox) -> None:
    pass_or_refuse(sandbox, big_row_group(sandbox, 1_000_000, 500), "1GiB", 1 << 30)
