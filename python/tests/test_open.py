"""The embedded engine: how it is started, what it says when it cannot, and that it never stays."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

import lastmile
from lastmile import _arrays, _engine
from tests.scripts import PACKAGE, runs, started, until, written

SERVES = f'"{sys.executable}" -m tests.fake_feeder'


@pytest.fixture
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an installation whose engine serves two batches."""
    monkeypatch.setenv("LASTMILE_HOME", str(folder))
    monkeypatch.setenv("FAKE_FOLDER", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE))
    launcher(folder, f"exec {SERVES}")
    return folder


def launcher(home: Path, does: str) -> None:
    command = home / "lastmile"
    command.write_text(f'#!/bin/sh\necho "$@" > "{home}/arguments"\necho $$ > "{home}/engine"\n{does}\n')
    command.chmod(0o755)


def engine(home: Path) -> int:
    return int((home / "engine").read_text())


def test_open_starts_an_engine_and_close_ends_it(home: Path) -> None:
    with lastmile.open(Path("some/experiment.yaml"), "train", arrays="numpy") as feed:
        assert (feed.name, feed.rank, feed.world_size) == ("train", 0, 1)
        assert [batch["cat"].tolist() for batch in feed] == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert os.getsid(engine(home)) == engine(home)
    assert (home / "arguments").read_text() == "serve some/experiment.yaml --embedded\n"
    assert (home / "engine-ended").exists()
    assert not runs(engine(home))


def test_a_forgotten_feed_ends_its_engine(home: Path) -> None:
    feed = lastmile.open("experiment.yaml", "train", arrays="numpy")
    del feed
    gc.collect()
    assert (home / "engine-ended").exists()


def test_a_mistake_in_the_experiment_is_raised(home: Path) -> None:
    mistake = 'Unknown column "user_idd" (did you mean "user_id"?) [experiment.yaml:12]'
    launcher(home, f"echo 'a warning' >&2; echo 'error: {mistake}' >&2; exit 2")
    with pytest.raises(lastmile.UserError) as error:
        lastmile.open("experiment.yaml", "train", arrays="numpy")
    assert str(error.value) == mistake


def test_an_engine_that_does_not_start_is_told(home: Path) -> None:
    launcher(home, "echo 'No JDK 25 was found' >&2; exit 5")
    with pytest.raises(lastmile.LastmileError) as error:
        lastmile.open("experiment.yaml", "train", arrays="numpy")
    assert str(error.value) == "The engine did not start (exit code 5): No JDK 25 was found"
    launcher(home, "exit 1")
    with pytest.raises(lastmile.LastmileError) as error:
        lastmile.open("experiment.yaml", "train", arrays="numpy")
    assert str(error.value) == "The engine did not start (exit code 1): it said nothing"


def test_a_home_without_an_engine_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTMILE_HOME", str(folder))
    with pytest.raises(lastmile.LastmileError) as error:
        lastmile.open("experiment.yaml", "train")
    assert str(error.value) == (
        f"The engine was not found: there is no command {folder}/lastmile (LASTMILE_HOME is {folder}). "
        f"Set LASTMILE_HOME to the folder of Lastmile's checkout or installation."
    )


def test_without_a_home_it_is_the_checkout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LASTMILE_HOME", raising=False)
    launcher(folder, "")
    monkeypatch.setattr(_engine, "__file__", str(folder / "python" / "lastmile" / "_engine.py"))
    assert _engine.launcher() == str(folder.resolve() / "lastmile")


def test_the_engine_starts_before_torch_is_imported(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    wanted = _arrays.array_maker
    listens = _engine.Engine.address

    def array_maker(arrays: Any) -> Any:
        order.append("arrays")
        return wanted("numpy")

    def address(started: _engine.Engine) -> str:
        order.append("address")
        return listens(started)

    monkeypatch.setattr(_arrays, "array_maker", array_maker)
    monkeypatch.setattr(_engine.Engine, "address", address)
    lastmile.open("experiment.yaml", "train").close()
    assert order[:2] == ["arrays", "address"]


def test_the_engine_says_why_it_died(home: Path) -> None:
    launcher(home, f"{SERVES}; echo 'error: Out of memory: 2 GiB [cluster.workers.memory]' >&2")
    feed = lastmile.open("experiment.yaml", "train", arrays="numpy")
    batches = iter(feed)
    next(batches)
    next(batches)
    with pytest.raises(StopIteration):
        next(batches)
    served = [pid for pid in _children(engine(home)) if runs(pid)]
    os.kill(served[0], signal.SIGKILL)
    until(lambda: not runs(engine(home)))
    with pytest.raises(lastmile.LastmileError) as error:
        next(iter(feed))
    assert str(error.value) == (
        'The engine is gone: it closed feed "train" before its end. '
        "It said: Out of memory: 2 GiB [cluster.workers.memory]"
    )
    feed.close()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_an_engine_that_does_not_end_is_killed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_engine, "_CLOSE_SECONDS", 0.3)
    launcher(home, f"{SERVES}; sleep 60")
    lastmile.open("experiment.yaml", "train", arrays="numpy").close()
    assert not runs(engine(home))


OPENS = """
    import os, signal, sys, time, lastmile
    feed = lastmile.open("experiment.yaml", "train", arrays="numpy")
    batch = next(iter(feed))
    assert "torch" not in sys.modules
"""


def test_the_engine_ends_with_the_process(home: Path) -> None:
    process = started(written(home, OPENS))
    assert process.communicate(timeout=20) == ("", "")
    assert (home / "engine-ended").exists()


def test_the_engine_ends_when_the_process_is_killed(home: Path) -> None:
    children = """
    if os.fork() == 0:
        os.close(1), os.close(2), time.sleep(3)  # a child that lives on must not keep the engine alive
    else:
        os.kill(os.getpid(), signal.SIGKILL)
    """
    process = started(written(home, OPENS + children))
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == -signal.SIGKILL
    until((home / "engine-ended").exists, 2)


def test_ctrl_c_interrupts_the_notebook_and_not_the_engine(home: Path) -> None:
    interrupts = """
    try:
        os.killpg(os.getpgid(0), signal.SIGINT)  # what a terminal does
        time.sleep(5)
    except KeyboardInterrupt:
        print(next(iter(feed)).step)
    """
    process = started(written(home, OPENS + interrupts))
    assert process.communicate(timeout=20) == ("1\n", "")


def test_importing_is_light() -> None:
    for module in ("lastmile", "lastmile.rank", "lastmile._engine"):
        process = started("-c", f"import sys, {module}; print(sorted({{'numpy', 'torch'}} & set(sys.modules)))")
        assert process.communicate(timeout=20) == ("[]\n", "")


def test_public_names() -> None:
    for name in lastmile.__all__:
        assert getattr(lastmile, name).__doc__
    with pytest.raises(AttributeError, match="module 'lastmile' has no attribute 'fed'"):
        lastmile.fed  # noqa: B018
