"""The supervisor of a rank: codes, signals, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from lastmile.rank import descendants
from tests.fake_feeder import FakeFeeder
from tests.scripts import runs, started, until, written

STARTS_OTHERS = """
    import os, pathlib, subprocess, sys, time
    folder = pathlib.Path(sys.argv[1])
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    child = subprocess.Popen(sleep, **quiet)
    own_session = subprocess.Popen(sleep, start_new_session=True, **quiet)
    if os.fork() == 0:  # a daemon: its parent ends at once
        daemon = subprocess.Popen(sleep, start_new_session=True, **quiet)
        (folder / "daemon").write_text(str(daemon.pid))
        os._exit(0)
    os.wait()
    (folder / "others").write_text(f"{os.getpid()} {child.pid} {own_session.pid}")
"""


def rank(feeder: FakeFeeder, *arguments: object) -> subprocess.Popen[str]:
    return started("-m", "lastmile.rank", *arguments, LASTMILE_FEED=feeder.path)


def pids(folder: Path) -> list[int]:
    until(lambda: (folder / "others").exists() and (folder / "others").read_text())
    return [int(pid) for name in ("others", "daemon") for pid in (folder / name).read_text().split()]


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ("pass", 0),
        ("sys.exit(3)", 3),
        ("os._exit(255)", 255),
        ("os.kill(os.getpid(), 9)", 137),
        ("os.kill(os.getpid(), 11)", 139),
        ("raise KeyboardInterrupt", 130),
    ],
)
def test_the_exit_code_is_that_of_the_script(feeder: FakeFeeder, folder: Path, ends: str, code: int) -> None:
    process = rank(feeder, written(folder, f"import os, sys\n{ends}"))
    process.communicate(timeout=20)
    assert process.returncode == code


def test_the_script_runs_as_if_started_alone(feeder: FakeFeeder, folder: Path) -> None:
    script = written(
        folder,
        """
        import os, signal, sys
        print(sys.argv[1:], __name__, os.path.dirname(os.path.abspath(__file__)) == sys.path[0])
        print(os.getpgid(0) == os.getpid(), signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        print(signal.pthread_sigmask(signal.SIG_BLOCK, []), sorted(os.listdir("/proc/self/fd"))[:4])
        print("to stderr", file=sys.stderr)
        """,
    )
    process = rank(feeder, script, "--epochs", "2", "a b")
    lifeline = feeder.client().hello
    assert lifeline.kind == 7
    assert lifeline.json() == {"pid": process.pid}
    output, errors = process.communicate(timeout=20)
    assert output.splitlines() == [
        "['--epochs', '2', 'a b'] __main__ True",
        "True True",
        "set() ['0', '1', '2', '3']",
    ]
    assert errors == "to stderr\n"
    assert process.returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 7), (signal.SIGINT, 8), (signal.SIGHUP, 9)])
def test_signals_are_passed_on(feeder: FakeFeeder, folder: Path, number: int, code: int) -> None:
    script = written(
        folder,
        f"""
        import pathlib, signal, sys, time
        signal.signal({int(number)}, lambda *_: sys.exit({code}))
        pathlib.Path({str(folder)!r}, "ready").touch()
        time.sleep(60)
        """,
    )
    process = rank(feeder, script)
    until((folder / "ready").exists)
    process.send_signal(number)
    process.communicate(timeout=5)
    assert process.returncode == code


def test_what_the_script_leaves_behind_is_killed(feeder: FakeFeeder, folder: Path) -> None:
    process = rank(feeder, written(folder, STARTS_OTHERS + "    sys.exit(4)"), folder)
    process.communicate(timeout=20)
    assert process.returncode == 4
    assert not [pid for pid in pids(folder) if runs(pid)]


def test_all_ends_when_the_driver_is_gone(feeder: FakeFeeder, folder: Path) -> None:
    ignores = """
    import signal
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(60)
    """
    process = rank(feeder, written(folder, STARTS_OTHERS + ignores), folder)
    others = pids(folder)
    assert all(runs(pid) for pid in others)
    feeder.client().close()
    _, errors = process.communicate(timeout=5)
    assert process.returncode == 137
    assert errors == "lastmile: the driver is gone, so the script was ended\n"
    assert not [pid for pid in others if runs(pid)]


def test_all_ends_when_nobody_reads_what_it_prints(feeder: FakeFeeder, folder: Path) -> None:
    process = rank(feeder, written(folder, STARTS_OTHERS + "    time.sleep(60)"), folder)
    others = pids(folder)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()
    feeder.client().close()
    assert process.wait(5) == 137
    assert not [pid for pid in others if runs(pid)]


def test_the_script_dies_with_its_supervisor(feeder: FakeFeeder, folder: Path) -> None:
    process = rank(feeder, written(folder, STARTS_OTHERS + "    time.sleep(60)"), folder)
    script, *others = pids(folder)
    process.kill()
    until(lambda: not runs(script), 5)
    process.communicate(timeout=5)
    for pid in others:
        os.kill(pid, signal.SIGKILL)  # those have nobody left who could


def test_orphans_that_end_are_taken_in(feeder: FakeFeeder, folder: Path) -> None:
    script = written(
        folder,
        """
        import os, pathlib, sys, time
        folder = pathlib.Path(sys.argv[1])
        if os.fork() == 0:
            if os.fork() == 0:
                (folder / "orphan").write_text(str(os.getpid()))
            os._exit(0)
        os.wait()
        while not (folder / "done").exists():
            time.sleep(0.01)
        """,
    )
    process = rank(feeder, script, folder)
    until(lambda: (folder / "orphan").exists() and (folder / "orphan").read_text())
    orphan = (folder / "orphan").read_text()
    until(lambda: not Path("/proc", orphan).exists(), 5)
    (folder / "done").touch()
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_mistakes_of_the_caller_are_told(feeder: FakeFeeder, folder: Path) -> None:
    process = rank(feeder)
    assert process.communicate(timeout=20) == (
        "",
        "error: No script given (usage: python -m lastmile.rank SCRIPT ARGS...)\n",
    )
    assert process.returncode == 2
    process = started("-m", "lastmile.rank", "script.py", LASTMILE_FEED="")
    assert process.communicate(timeout=20) == (
        "",
        "error: LASTMILE_FEED is not set (the driver sets it for each rank)\n",
    )
    assert process.returncode == 2
    process = started("-m", "lastmile.rank", "script.py", LASTMILE_FEED=f"{folder}/nobody")
    assert process.communicate(timeout=20) == (
        "",
        f"error: No driver listens at unix:{folder}/nobody (No such file or directory)\n",
    )
    assert process.returncode == 137


def test_descendants_are_found_with_parents_first() -> None:
    process = started("-c", "import os, time; os.fork(); time.sleep(60)")
    try:
        until(lambda: len(descendants(process.pid)) == 1)
        assert descendants(os.getpid())[:1] == [process.pid]
        assert set(descendants(process.pid)) < set(descendants(os.getpid()))
        for pid in descendants(process.pid):
            os.kill(pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
