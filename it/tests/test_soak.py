"""Runs that are disturbed at random are as those that are not; the soak would see it otherwise."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import REPO
from lastmile import soak


def soaked(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "LASTMILE_HOME": str(REPO),
        "LASTMILE_NO_BUILD": "1",
        "LASTMILE_PYTHON": sys.executable,
        "TMPDIR": str(folder),
    }
    command = [str(REPO / "lastmile"), "soak", *arguments]
    return subprocess.run(
        command, check=False, env=environment, capture_output=True, text=True, timeout=600
    )


@pytest.mark.timeout(600)
def test_disturbed_runs_are_as_undisturbed(tmp_path: Path) -> None:
    done = soaked(tmp_path, "--rounds", "2", "--seed", "11")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"(?m)^2 rounds, every one as undisturbed$", done.stdout)
    assert not list(tmp_path.iterdir()), "it leaves nothing"


@pytest.fixture
def calm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> soak.Round:
    """A round that is not disturbed, at its end."""
    monkeypatch.setenv("LASTMILE_HOME", str(REPO))
    monkeypatch.setenv("LASTMILE_NO_BUILD", "1")
    monkeypatch.setenv("LASTMILE_PYTHON", sys.executable)
    monkeypatch.setattr(soak, "ROWS", 12_000)
    rounds = soak.Soak(tmp_path)
    calm = rounds.begin("calm", 3, "mixed", faults=False)
    assert calm.run() == []
    return calm


def test_a_lost_row_a_repeated_one_and_another_count_are_seen(calm: soak.Round) -> None:
    rows, certificates = calm.rows(), calm.certificates()
    assert sum(rows.values()) > 1000
    assert soak.compare(calm, rows, certificates) == []

    log = sorted((calm.folder / "log").iterdir())[0]
    lines = log.read_text().splitlines(keepends=True)
    taken = json.loads(lines[1])
    log.write_text(
        lines[0] + json.dumps(taken | {"rows": taken["rows"][1:]}) + "\n" + "".join(lines[2:])
    )
    assert soak.compare(calm, rows, certificates) == ["rows lost 1, delivered too often 0"]
    log.write_text(lines[0] + lines[1] + "".join(lines[1:]))
    (said,) = soak.compare(calm, rows, certificates)
    assert said == f"rows lost 0, delivered too often {len(taken['rows'])}"
    log.write_text("".join(lines))

    other = {name: tree | {"values_digest": "0" * 16} for name, tree in certificates.items()}
    wrong = soak.compare(calm, rows, other)
    assert [said.split(":")[0] for said in wrong] == [
        "train-0, values_digest",
        "train-1, values_digest",
    ]
