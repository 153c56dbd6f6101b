"""Checkpoints: whole or not there, the newest few kept, and nothing run that is read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import lastmile
from lastmile import Checkpoints, LastmileError

torch = pytest.importorskip("torch")


class Place:
    """A feed as a checkpoint sees it."""

    def __init__(self, rows: int = 0) -> None:
        self.rows = rows

    def state_dict(self) -> dict[str, Any]:
        return {"version": 1, "feeds": {"train": {"rows": self.rows}}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.rows = state["feeds"]["train"]["rows"]


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return lastmile.checkpoint(tmp_path / "checkpoints")


def trained() -> tuple[Any, Any]:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def save(checkpoints: Checkpoints, step: int, **parts: Any) -> Path:
    path = checkpoints.save(step, **parts)
    assert path is not None
    return path


def test_a_script_goes_on_where_it_was(checkpoints: Checkpoints) -> None:
    model, optimizer = trained()
    fresh, other = torch.nn.Linear(3, 2), None
    assert checkpoints.load(feed=Place(), model=fresh) is None  # type: ignore[arg-type]
    path = save(checkpoints, 7, feed=Place(448), model=model, optimizer=optimizer)
    assert path.name == "step-000000000007.pt"
    place = Place()
    other = torch.optim.Adam(fresh.parameters())
    assert checkpoints.load(feed=place, model=fresh, optimizer=other) == 7  # type: ignore[arg-type]
    assert place.rows == 448
    assert torch.equal(fresh.weight, model.weight)
    assert other.state_dict()["state"][0]["step"] == optimizer.state_dict()["state"][0]["step"]
    assert checkpoints.load(model=fresh, optimizer=other) == 7


def test_the_newest_few_stay(tmp_path: Path) -> None:
    checkpoints = lastmile.checkpoint(tmp_path, keep=2)
    (tmp_path / "mine.pt").touch()
    for step in (5, 70, 1000):
        save(checkpoints, step)
    assert [path.name for path in checkpoints.files()] == ["step-000000000070.pt", "step-000000001000.pt"]
    with pytest.raises(
        ValueError, match=r"Invalid step: 71 \(.* has step 1000: load it first, or take another folder\)"
    ):
        checkpoints.save(71)
    assert (tmp_path / "mine.pt").exists()
    assert checkpoints.load() == 1000


def test_only_rank_0_writes(checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert checkpoints.save(1) is None
    assert checkpoints.files() == []
    monkeypatch.setenv("RANK", "0")
    save(checkpoints, 1)
    monkeypatch.setenv("RANK", "1")
    assert checkpoints.load() == 1


def test_one_that_was_not_finished_is_not_there(checkpoints: Checkpoints, tmp_path: Path) -> None:
    save(checkpoints, 1)
    script = """
import os, signal, sys
import torch
import lastmile
write = torch.save
def save(state, file):
    write(state, file)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
torch.save = save
lastmile.checkpoint(sys.argv[1]).save(2)
"""
    folder = tmp_path / "checkpoints"
    environment = os.environ | {"PYTHONPATH": str(Path(lastmile.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script, str(folder)], env=environment, check=False, timeout=120)
    assert done.returncode == -9
    assert len(list(folder.iterdir())) == 2
    assert checkpoints.load() == 1
    save(checkpoints, 3)
    assert sorted(path.name for path in folder.iterdir()) == ["step-000000000001.pt", "step-000000000003.pt"]


def test_a_full_disk_leaves_those_before(checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    save(checkpoints, 1)

    def full(state: object, file: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left on device"):
        checkpoints.save(2)
    assert checkpoints.load() == 1


def test_what_is_wrong_is_said(checkpoints: Checkpoints) -> None:
    with pytest.raises(ValueError, match=r"Invalid keep: 0 \(must be >= 1\)"):
        lastmile.checkpoint("x", keep=0)
    with pytest.raises(ValueError, match=r"Invalid step: -1 \(must be >= 0\)"):
        checkpoints.save(-1)
    with pytest.raises(ValueError, match=r"Invalid loss: float \(must have state_dict\(\) and load_state_dict\(\)\)"):
        checkpoints.save(1, loss=0.5)  # type: ignore[arg-type]
    model, optimizer = trained()
    path = save(checkpoints, 1, model=model)
    with pytest.raises(LastmileError, match=r"has model, not optimizer \(load what was saved\)"):
        checkpoints.load(optimizer=optimizer)
    with pytest.raises(LastmileError, match="has no position of a feed"):
        checkpoints.load(feed=Place(), model=model)  # type: ignore[arg-type]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(LastmileError, match=r"Cannot read .*step-000000000001.pt: .*\(it is damaged, or a part"):
        checkpoints.load(model=model)


def test_what_could_not_be_loaded_is_not_saved(checkpoints: Checkpoints) -> None:
    class Odd(Place):
        def state_dict(self) -> dict[str, Any]:
            return {"place": Place()}

    with pytest.raises(LastmileError, match="a part has a state of more than tensors"):
        checkpoints.save(1, odd=Odd())
    assert checkpoints.files() == []


def test_nothing_of_a_file_is_run(checkpoints: Checkpoints, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "run"),)

    path = save(checkpoints, 1)
    torch.save({"version": 1, "step": 1, "feeds": None, "parts": {"x": Evil()}}, path)
    with pytest.raises(LastmileError, match="Cannot read"):
        checkpoints.load()
    assert not (tmp_path / "run").exists()
