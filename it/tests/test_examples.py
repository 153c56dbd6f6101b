"""The examples run as they stand, and say what they promise."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import LASTMILE, REPO, Outcome, Sandbox

JARS = REPO / "app" / "target"
EMBED = REPO / "examples" / "embed"
EMBED_PAGE = (EMBED / "README.md").read_text(encoding="utf-8")


def java(command: str, *arguments: str) -> list[str]:
    """A command of the JDK with Lastmile's jars."""
    jars = sorted([*JARS.glob("lastmile-app-*.jar"), *(JARS / "lib").glob("*.jar")])
    class_path = os.pathsep.join(map(str, jars))
    return [str(Path(os.environ["JAVA_HOME"], "bin", command)), "-cp", class_path, *arguments]


def test_a_program_in_java_trains_on_a_dataset_it_says_in_code(sandbox: Sandbox) -> None:
    (generate,) = re.findall(r"^    (.*generate tables .*)$", EMBED_PAGE, re.MULTILINE)
    for _ in range(2):  # the tables may be there already
        shell = ["bash", "-ec", generate.replace("./lastmile", str(LASTMILE))]
        subprocess.run(shell, cwd=sandbox.folder, env=sandbox.environment, check=True, timeout=60)
    classes = sandbox.folder / "classes"
    subprocess.run(java("javac", "-d", str(classes), str(EMBED / "Embed.java")), check=True)
    command = java("java", "--enable-native-access=ALL-UNNAMED", "Embed", "tables", str(EMBED))
    command[2] += f"{os.pathsep}{classes}"
    done = subprocess.run(
        command,
        cwd=sandbox.folder,
        env=sandbox.environment | {"LASTMILE_HOME": str(REPO), "LASTMILE_PYTHON": sys.executable},
        check=False,
        capture_output=True,
        text=True,
        timeout=90,
    )
    logs = [path.read_text() for path in sandbox.folder.glob("runs/*/logs/rank-*.log")]
    assert done.returncode == 0, "\n".join([done.stdout, done.stderr, *logs])
    assert re.search(r"^ok after [\d.]+ s, record in .*/runs/embed-1$", done.stdout, re.MULTILINE)
    record = sandbox.last_record()
    assert record is not None
    (epoch,) = json.loads((record / "summary.json").read_text())["datasets"]["train"]["epochs"]
    said = [(record / "logs" / f"rank-{rank}.log").read_text() for rank in range(2)]
    trained = [int(re.findall(r"trained on (\d+) rows", text)[0]) for text in said]
    assert sum(trained) == epoch["rows_delivered"] > 1000
    assert epoch["rows_read"] == 50_000


@pytest.mark.timeout(900)  # the first run may have to download
def test_the_demo_ends_with_its_figures_and_the_same_value_for_the_same_seed(
    sandbox: Sandbox,
) -> None:
    first, second = demo(sandbox), demo(sandbox)
    auc = [json.loads((run.record / "metrics.json").read_text()) for run in (first, second)]
    assert auc[0] == auc[1]
    assert auc[0]["auc_low"] < auc[0]["auc"] < auc[0]["auc_high"]
    assert (auc[0]["rows"], auc[0]["clicks"]) == (8006, 43)
    for part in (
        rf"held-out AUC {auc[0]['auc']:.4f}, 95 % of 1,000 bootstrap resamples between 0\.\d+",
        r"on 8,006 rows of the last day with 43 clicks",
        r"train: first batch after [\d.]+ s, [\d,]+ rows/s",
        r"rows read 60,000, dropped by step 0 \(filter\) 8,006, dropped by step 1 \(anti_join\) "
        r"[\d,]+, dropped by step 2 \(downsample\) [\d,]+, delivered [\d,]+",
        r"rank 1: \d+ steps, trainer waited [\d.]+ %",
        rf"run record {re.escape(str(first.record))}",
    ):
        assert re.search(part, first.out), part
    assert "fetching" not in second.err
    assert "downloading" not in second.err


def demo(sandbox: Sandbox) -> Outcome:
    outcome = sandbox.start("demo", "--runs", str(sandbox.runs)).wait(400).expect(0)
    assert outcome.record is not None
    return outcome
