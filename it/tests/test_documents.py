"""What the documents say is so: commands, examples, paths, test vectors."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest

import lastmile
from harness import LASTMILE, REPO, Sandbox
from oracle.hashing import key_bytes, uniform
from oracle.permutation import permutation

DOCUMENTS = sorted(
    path.relative_to(REPO)
    for pattern in ("*.md", "docs/*.md", "examples/*/*.md", "bench/*.md")
    for path in REPO.glob(pattern)
)
README = (REPO / "README.md").read_text()
GUARANTEES = (REPO / "docs" / "guarantees.md").read_text()


def fenced(text: str, language: str) -> list[str]:
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return blocks


def rows_below(heading: str) -> list[list[str]]:
    """The cells of the table in a chapter of the guarantees."""
    _, _, chapter = GUARANTEES.partition(f"## {heading}\n")
    lines = chapter.split("\n## ")[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_the_example_of_the_readme_runs_as_it_stands(sandbox: Sandbox) -> None:
    (command,) = re.findall(r"^ +\./lastmile (generate tables .*)$", README, re.MULTILINE)
    sandbox.start(*command.split()).wait().expect(0)
    (experiment,) = fenced(README, "yaml")
    reads, said = fenced(README, "python")
    sandbox.write("experiment.yaml", experiment)
    script = sandbox.write("example.py", reads)
    job = sandbox.start("python", str(script)).wait().expect(0)
    lines = job.out.splitlines()
    assert len(lines) > 5
    assert all(re.fullmatch(r"\d+ torch\.Size\(\[\d+, 4\]\) tensor\(.*\)", line) for line in lines)
    same = sandbox.write("same.py", said + reads.replace('"experiment.yaml"', "first"))
    assert same.read_text() != said + reads
    assert sandbox.start("python", str(same)).wait().expect(0).out.splitlines() == lines
    explained = sandbox.start("explain", "experiment.yaml").wait().expect(0)
    assert "lastmile_kept" in explained.out


def test_the_examples_of_the_help_run_on_the_experiment_of_the_readme(sandbox: Sandbox) -> None:
    (command,) = re.findall(r"^ +\./lastmile (generate tables .*)$", README, re.MULTILINE)
    (experiment,) = fenced(README, "yaml")
    written = sandbox.start(*command.split()).wait().expect(0).out
    listed = sorted(str(p) for p in (sandbox.folder / "tables").rglob("*.parquet"))
    assert sorted(f"{sandbox.folder}/{line.split(':')[0]}" for line in written.splitlines()) == (
        listed
    )
    for name in ("experiment.yaml", "a.yaml", "b.yaml"):
        sandbox.write(name, experiment)
    for command in ("explain", "validate", "preview", "estimate", "diff", "write"):
        help_text = sandbox.start("help", command).wait().expect(0).out
        examples = re.findall(r"^  lastmile (.*)$", help_text, re.MULTILINE)
        assert len(examples) > 1
        for example in examples:
            sandbox.start(*example.split()).wait().expect(0)


def test_dev_names_the_figures_that_the_benchmark_measures() -> None:
    dev = subprocess.run([str(REPO / "dev"), "--help"], check=True, capture_output=True, text=True)
    bench = (REPO / "bench" / "bench.py").read_text()
    (promised,) = re.findall(r"figures that are promised: (.*)$", dev.stdout, re.MULTILINE)
    assert f"The figures that are promised, measured: {promised}." in bench
    _, _, figures = bench.partition("FIGURES: ")
    assert re.findall(r'^    "([a-z-]+)": ', figures, re.MULTILINE) == [
        figure.removesuffix(" tables").replace(" ", "-") for figure in promised.split(", ")
    ]


def test_the_readme_names_what_is_refused_as_not_supported_yet(sandbox: Sandbox) -> None:
    (experiment,) = fenced(README, "yaml")
    _, _, chapter = README.partition("## What it does not do yet\n")
    keys = re.findall(r"`([a-z_.]+)[`:]", chapter)
    refused = {
        "cluster.kind": "cluster: { kind: processes }",
        "kubernetes": "cluster: { kind: kubernetes }",
        "cluster.workers.gpu": "cluster: { workers: { gpu: 1 } }",
        "cluster.workers.cpu": "cluster: { workers: { cpu: 2 } }",
        "cluster.workers.min": "cluster: { workers: { min: 2, max: 3 } }",
        "cluster.trainers.gpu": "cluster: { trainers: { gpu: 1 } }",
        "cpu": "cluster: { trainers: { cpu: 2 } }",
        "memory": "cluster: { trainers: { memory: 1GiB } }",
        "max": None,
    }
    assert sorted(keys) == sorted(refused)
    for line in filter(None, refused.values()):
        sandbox.write("experiment.yaml", f"{experiment}{line}\n")
        outcome = sandbox.start("explain", "experiment.yaml").wait().expect(2)
        assert "not supported yet" in outcome.err, line


def test_the_python_of_the_environment_can_import_the_client(sandbox: Sandbox) -> None:
    said = sandbox.start("python", "-c", "import lastmile, torch; print(lastmile.__file__)")
    assert said.wait().expect(0).out.strip() == str(REPO / "python" / "lastmile" / "__init__.py")


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_path_that_a_document_names_is_there(document: Path) -> None:
    text = (REPO / document).read_text()
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    for target in linked:
        assert (REPO / document.parent / target).exists(), target
    made_by_runs = ("runs/", "data/")
    folders = [REPO, *REPO.glob("*/src/main/java/io/lastmile")]
    for word in re.findall(r"`([\w./-]+/[\w./-]+)`", text):
        named = any((folder / word.split("/")[0]).is_dir() for folder in folders)
        if named and not word.startswith(made_by_runs):
            assert any(list(folder.glob(word + "*")) for folder in folders), word


def test_commands_that_the_readme_names_exist() -> None:
    help_text = subprocess.run(
        [str(LASTMILE), "--help"], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    for command in set(re.findall(r"\./lastmile ([a-z]+)", README)):
        assert re.search(rf"^ +(lastmile )?{command}\b", help_text, re.MULTILINE), command


@pytest.mark.parametrize("function", ["feed", "open", "connect", "launch"])
def test_the_arguments_of_the_client_are_those_of_its_page(function: str) -> None:
    page = (REPO / "docs" / "python.md").read_text()
    (said,) = re.findall(rf"^- `lastmile\.{function}\((.*)\)`", page, re.MULTILINE)
    parameters = inspect.signature(getattr(lastmile, function)).parameters.values()
    assert said.split(", ") == [
        parameter.name
        if parameter.default is parameter.empty
        else f"{parameter.name}={json.dumps(parameter.default).replace('null', 'None')}"
        for parameter in parameters
    ]


@pytest.mark.parametrize("row", rows_below("Permutation"), ids=" ".join)
def test_permutations_of_the_guarantees(row: list[str]) -> None:
    n, seed, label, result = row
    name = label.split("`")[1]
    numbers = [int(number) for number in re.findall(r"\d+", label.split("`")[2])]
    assert permutation(name, numbers, int(seed), int(n)).tolist() == [
        int(i) for i in result.split()
    ]


@pytest.mark.parametrize("row", rows_below("Sampling hash"), ids=" ".join)
def test_sampling_hashes_of_the_guarantees(row: list[str]) -> None:
    written, digest, share = row
    said, _, drawn = written.translate({0x2212: "-"}).partition(" in epoch ")
    seed, salt, *words = said.split(", ")
    values = [json.loads(word) for word in words]
    keys = [key_bytes(pa.array([value])) for value in values]
    u = uniform(salt, keys, int(seed), int(drawn) if drawn else None)[0]
    assert u == float(share)
    assert u == int(digest.strip("`"), 16) / 2**64
