"""How an experiment said in Python reaches an engine, and how the end of a run comes back."""

from __future__ import annotations

import json
import signal
import sys
import textwrap
from pathlib import Path

import pytest

import lastmile
from tests.scripts import PACKAGE, runs, started, until, written

TABLE = lastmile.parquet("a").tensor("x", "x")
SUMMARY = {"version": 1, "exit": {"code": 4, "kind": "trainer", "message": "rank 1 failed"}}


def experiment(folder: Path) -> lastmile.Experiment:
    return lastmile.experiment("small", datasets={"train": TABLE}, train="train.py", folder=folder / "ä")


@pytest.fixture
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an installation whose command is a Python script that a test writes."""
    monkeypatch.setenv("LASTMILE_HOME", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE))
    monkeypatch.delenv("LASTMILE_PYTHON", raising=False)
    return folder


def command(home: Path, does: str) -> None:
    start = f"""\
#!{sys.executable}
import json, os, signal, sys, time
home = {str(home)!r}
open(home + "/arguments", "w").write(json.dumps(sys.argv[1:]))
open(home + "/engine", "w").write(str(os.getpid()))
"""
    (home / "lastmile").write_text(start + textwrap.dedent(does))
    (home / "lastmile").chmod(0o755)


RUNS = f"""
told = [sys.stdin.buffer.readline().decode() for _ in range(2)]
open(home + "/told", "w").write("".join(told))
os.makedirs(home + "/runs/small-1")
print('{{"record":"' + home + '/runs/small-1"}}', flush=True)
open(home + "/runs/small-1/summary.json", "w").write({json.dumps(SUMMARY)!r})
print("[rank 0] {{\\"record\\":1}}", flush=True)
print("progress", file=sys.stderr, flush=True)
"""


def test_launch_tells_the_experiment_and_returns_how_it_ended(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(home, RUNS + "print('no line end', end=''); sys.exit(4)")
    said = experiment(home)
    end = lastmile.launch(said, runs=home / "runs")
    assert end == lastmile.Conclusion(4, "trainer", "rank 1 failed", home / "runs" / "small-1", SUMMARY)
    assert capsys.readouterr() == ('[rank 0] {"record":1}\nno line end\n', "progress\n")
    assert (home / "told").read_text() == f'"{home}/ä"\n{said.to_json()}\n'
    arguments = json.loads((home / "arguments").read_text())
    assert arguments == ["run", "-", "--embedded", "--runs", str(home / "runs"), "--python", sys.executable]


def test_launch_takes_a_file_and_another_python(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTMILE_PYTHON", "venv/bin/python")
    command(home, RUNS.replace("for _ in range(2)", "for _ in range(0)"))
    lastmile.launch(Path("some/experiment.yaml"))
    arguments = json.loads((home / "arguments").read_text())
    assert arguments[1:] == ["some/experiment.yaml", "--embedded", "--runs", "runs", "--python", "venv/bin/python"]


def test_a_mistake_before_the_start_is_raised(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(home, "print('error: No files match [datasets.train.source]', file=sys.stderr); sys.exit(2)")
    with pytest.raises(lastmile.UserError) as mistake:
        lastmile.launch(experiment(home))
    assert str(mistake.value) == "No files match [datasets.train.source]"
    assert capsys.readouterr() == ("", "")
    command(home, "sys.exit(1)")
    with pytest.raises(lastmile.LastmileError) as failure:
        lastmile.launch(experiment(home))
    assert str(failure.value) == "The engine did not start (exit code 1): it said nothing"


def test_what_is_said_beside_the_mistake_is_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    says = "for text in ('building', 'error: one', 'more', 'error: two', 'and more'): print(text, file=sys.stderr)\n"
    command(home, says + "sys.exit(2)")
    with pytest.raises(lastmile.UserError) as mistake:
        lastmile.launch(experiment(home))
    assert str(mistake.value) == "two\nand more"
    assert capsys.readouterr().err == "building\nerror: one\nmore\n"
    command(home, says + RUNS + "print('error: rank 1 failed', file=sys.stderr); sys.exit(4)")
    assert lastmile.launch(experiment(home)).code == 4
    shown = "building\nerror: one\nmore\nerror: two\nand more\nprogress\nerror: rank 1 failed\n"
    assert capsys.readouterr().err == shown


def test_a_run_without_a_summary_is_told(home: Path) -> None:
    command(home, RUNS + "os.unlink(home + '/runs/small-1/summary.json'); sys.exit(1)")
    with pytest.raises(lastmile.LastmileError) as failure:
        lastmile.launch(experiment(home))
    record = home / "runs" / "small-1"
    assert str(failure.value) == f"The run has no summary (exit code 1): progress [{record}]"


LAUNCHES = """
    import lastmile, os, signal, sys
    table = lastmile.parquet("a").tensor("x", "x")
    try:
        lastmile.launch(lastmile.experiment("small", datasets={"train": table}, train="train.py"))
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_the_run_and_then_the_script(home: Path, times: int) -> None:
    ends = "signal.signal(signal.SIGINT, lambda *_: (print('ended', flush=True), sys.exit(130)))"
    stays = "signal.signal(signal.SIGINT, lambda *_: print('told', flush=True))"
    command(home, (ends if times == 1 else stays) + RUNS + "while True: time.sleep(1)")
    process = started(written(home, LAUNCHES))
    until((home / "runs/small-1/summary.json").exists)
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(1)]
    process.send_signal(signal.SIGINT)
    if times == 2:
        said.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    expected = ['[rank 0] {"record":1}\n', "ended\n" if times == 1 else "told\n", "interrupted\n"]
    assert "".join(said) + out == "".join(expected)
    assert err == "progress\n"
    assert not runs(int((home / "engine").read_text()))


def test_the_run_hears_when_the_script_is_killed(home: Path) -> None:
    command(home, RUNS + "sys.stdin.buffer.read(); open(home + '/heard', 'w')")
    process = started(written(home, LAUNCHES))
    until((home / "runs/small-1/summary.json").exists)
    process.kill()
    process.communicate(timeout=20)
    until((home / "heard").exists)


def test_open_tells_the_experiment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FOLDER", str(home))
    serves = """
    told = [b"", b""]
    for line in range(2):
        while not told[line].endswith(b"\\n"):
            told[line] += os.read(0, 1)
    open(home + "/told", "wb").write(b"".join(told))
    os.execv(sys.executable, [sys.executable, "-m", "tests.fake_feeder"])
    """
    command(home, serves)
    said = experiment(home)
    with lastmile.open(said, "train", arrays="numpy") as feed:
        assert [batch["cat"].tolist() for batch in feed] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert (home / "told").read_text() == f'"{home}/ä"\n{said.to_json()}\n'
    assert json.loads((home / "arguments").read_text()) == ["serve", "-", "--embedded"]


def test_an_engine_that_reads_nothing_says_why(home: Path) -> None:
    command(home, "print('error: No room', file=sys.stderr); sys.exit(2)")
    columns = {f"x{i}": "x" * 100 for i in range(10_000)}
    large = lastmile.experiment("large", datasets={"train": TABLE.derive(columns)}, train="train.py")
    with pytest.raises(lastmile.UserError, match="No room"):
        lastmile.open(large, "train", arrays="numpy")
    with pytest.raises(lastmile.UserError, match="No room"):
        lastmile.launch(large)
