"""Mistakes that are found before anything starts: one clear line, exit code 2, nothing left."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import data
from harness import Outcome, Sandbox

GOOD = """\
name: trial
seed: 42
datasets:
  train:
    source: { parquet: "t/*.parquet" }
    steps:
      - filter: "label = 1"
      - derive: { twice: "item_id * 2" }
    tensors:
      dense: { columns: "dense_*", dtype: float32, fill: 0 }
      item: { columns: item_id }
    batch: 32
    keys: [uid]
    shuffle: { row_groups: 2 }
train:
  script: train.py
  ranks: 2
cluster:
  kind: local
  workers: { max: 2, memory: 512MiB }
"""


@dataclass(frozen=True)
class Mistake:
    """A line (from 1) replaced by others, and what the message must say."""

    line: int
    text: str
    says: tuple[str, ...]
    at: int | None = None  # the line that is blamed, when it is not the first of the replacement

    @property
    def blamed(self) -> int:
        return self.line if self.at is None else self.at


DOWNSAMPLE = "      - downsample: { keep: %s, by: user_id }"
MISTAKES = {
    "unknown key": Mistake(12, "    batsh: 32", ('"batsh"', '"batch"')),
    "unknown key at the top": Mistake(2, "sead: 42", ('"sead"', '"seed"')),
    "unknown key of a tensor": Mistake(
        11, "      item: { columns: item_id, dtyp: int64 }", ('"dtyp"', '"dtype"')
    ),
    "unknown step": Mistake(7, '      - filtre: "label = 1"', ('"filtre"', '"filter"')),
    "key said twice": Mistake(12, "    batch: 32\n    batch: 33", ('"batch"',), at=13),
    "not YAML": Mistake(5, '    source: { parquet: "t/*.parquet"', (), at=None),
    "text for a number": Mistake(12, "    batch: many", ("batch", "many")),
    "batch of nothing": Mistake(12, "    batch: 0", ("batch", "0", "> 0")),
    "negative ranks": Mistake(17, "  ranks: -1", ("ranks", "-1", "> 0")),
    "list for a text": Mistake(1, "name: [a, b]", ("name",)),
    "name that is no folder name": Mistake(1, 'name: "../up"', ("../up",)),
    "unknown dtype": Mistake(
        11, "      item: { columns: item_id, dtype: flaot32 }", ("flaot32", "float32")
    ),
    "memory without unit": Mistake(20, "  workers: { max: 2, memory: much }", ("much",)),
    "memory too small": Mistake(20, "  workers: { max: 2, memory: 1KiB }", ("1KiB|1 KiB|1024",)),
    "unknown shuffle": Mistake(14, "    shuffle: sometimes", ("sometimes",)),
    "shuffle of no row groups": Mistake(14, "    shuffle: { row_groups: 0 }", ("0", "> 0")),
    "shuffle within no partition": Mistake(14, "    shuffle: { within: dt }", ("dt",)),
    "column typo in a filter": Mistake(
        7, '      - filter: "lable = 1"', ('"lable"', 'did you mean "label"')
    ),
    "column typo in a derive": Mistake(
        8, '      - derive: { twice: "itemid * 2" }', ('"itemid"', 'did you mean "item_id"')
    ),
    "column typo in a tensor": Mistake(
        11, "      item: { columns: item_idd }", ('"item_idd"', 'did you mean "item_id"')
    ),
    "column typo in keys": Mistake(13, "    keys: [uidd]", ('"uidd"', 'did you mean "uid"')),
    "column typo in by": Mistake(
        7,
        "      - downsample: { keep: 0.5, by: user_idd }",
        ('"user_idd"', 'did you mean "user_id"'),
    ),
    "column typo in on": Mistake(
        7,
        "      - anti_join: { parquet: spam.parquet, on: userid }",
        ('"userid"', 'did you mean "user_id"'),
    ),
    "column typo in the joined table": Mistake(
        7,
        "      - anti_join: { parquet: spam.parquet, on: { user_id: userid } }",
        ('"userid"', 'did you mean "user_id"'),
    ),
    "keys of types that cannot be equal": Mistake(
        7, "      - anti_join: { parquet: spam.parquet, on: { surface: user_id } }", ("surface",)
    ),
    "duplicate keys of a join": Mistake(
        7,
        "      - join: { values: { item_id: [7, 8, 7], a: [1, 2, 3] }, on: item_id }",
        ("Duplicate key in values: item_id = 7 (match: first takes its first row)",),
    ),
    "tensor of a type that none holds": Mistake(
        8,
        "      - cast: { item_id: BIGNUM }",
        (r'"item_id" is BIGNUM \(no tensor can hold it; derive one that can\)',),
        at=11,
    ),
    "tensor of a variant": Mistake(
        8, "      - cast: { item_id: VARIANT }", (r'"item_id" is VARIANT \(no tensor',), at=11
    ),
    "source in object storage": Mistake(
        5,
        '    source: { parquet: "s3://bucket/t/*.parquet" }',
        (
            'Invalid path: "s3://bucket/t/*.parquet" '
            "(s3:// is not supported yet: must be a path of this machine)",
        ),
    ),
    "one of several paths in object storage": Mistake(
        5,
        '    source: { csv: [notes.csv, "https://host/t.csv"] }',
        ('"https://host/t.csv" (https:// is not supported yet',),
    ),
    "source as a URL of this machine": Mistake(
        5,
        '    source: { parquet: "file:///data/t.parquet" }',
        ('Invalid path: "file:///data/t.parquet" (write the path alone, without file://)',),
    ),
    "joined table in object storage": Mistake(
        7,
        '      - anti_join: { parquet: "gs://bucket/spam.parquet", on: user_id }',
        ('"gs://bucket/spam.parquet" (gs:// is not supported yet',),
    ),
    "vocabulary in object storage": Mistake(
        11,
        '      item: { columns: surface, vocabulary: "hdfs://host/words.txt" }',
        ('"hdfs://host/words.txt" (hdfs:// is not supported yet',),
    ),
    "script in object storage": Mistake(
        16,
        '  script: "s3://bucket/train.py"',
        ('"s3://bucket/train.py" (s3:// is not supported yet',),
    ),
    "random in an expression": Mistake(
        7, '      - filter: "random() < 0.1"', ("(use the step sample or downsample)",)
    ),
    "a step behind a limit": Mistake(
        7, "      - limit: 10", ("Invalid limit: a step follows (must be the last)",)
    ),
    "parts without the dataset's name": Mistake(
        7,
        "      - split: { parts: { a: 0.9, b: 0.1 }, by: user_id }",
        ('no part is named "train" as the dataset is (must be one of a, b)',),
    ),
    "glob of columns that matches nothing": Mistake(
        10, '      dense: { columns: "densa_*", dtype: float32, fill: 0 }', ('"densa_*"',)
    ),
    "derive to a name that exists": Mistake(
        8, '      - derive: { item_id: "item_id * 2" }', ('"item_id"',)
    ),
    "expression that does not parse": Mistake(7, '      - filter: "label = = 1"', ("label = = 1",)),
    "expression that is a query": Mistake(
        7, '      - filter: "label IN (SELECT 1)"', ("label IN (SELECT 1)",)
    ),
    "expression that is two": Mistake(7, '      - filter: "label = 1), (1"', ()),
    "aggregate": Mistake(8, '      - derive: { twice: "sum(item_id)" }', ("sum(item_id)",)),
    "condition that is none": Mistake(
        7, '      - filter: "item_id + 1"', ("item_id \\+ 1", "(?i)bool")
    ),
    "types that do not fit": Mistake(
        7, "      - filter: \"date_trunc('day', label) = 1\"", ("date_trunc",)
    ),
    "constant of another type": Mistake(
        7,
        "      - filter: \"label = 'maybe'\"",
        ("Invalid expression: label = 'maybe' (Could not convert string 'maybe' to INT8)",),
    ),
    "type without such a cast": Mistake(
        7,
        '      - filter: "seq = 3"',
        ("Invalid expression: seq = 3 (Unimplemented type for cast",),
    ),
    "unknown function": Mistake(8, '      - derive: { twice: "dubble(item_id)" }', ("dubble",)),
    "reading a file in an expression": Mistake(
        8, "      - derive: { twice: \"read_text('/etc/passwd')\" }", ("read_text",)
    ),
    "list as matrix": Mistake(11, "      item: { columns: [seq, uid] }", ('"seq"', "list")),
    "text without hash": Mistake(11, "      item: { columns: surface }", ('"surface"', "hash")),
    "hash of a number": Mistake(
        11, "      item: { columns: item_id, hash: { buckets: 10, seed: 1 } }", ('"item_id"',)
    ),
    "hash into no buckets": Mistake(
        11, "      item: { columns: surface, hash: { buckets: 0, seed: 1 } }", ("0", "> 0")
    ),
    "max_length of a number": Mistake(
        11, "      item: { columns: item_id, max_length: 3 }", ('"item_id"',)
    ),
    "keep of nothing": Mistake(7, DOWNSAMPLE % "0", ("keep", "0", "(0, 1]")),
    "keep of too much": Mistake(7, DOWNSAMPLE % "1.5", ("keep", "1.5", "(0, 1]")),
    "keep that is negative": Mistake(7, DOWNSAMPLE % "-0.1", ("keep", "-0.1", "(0, 1]")),
    "keep that is no number": Mistake(7, DOWNSAMPLE % ".nan", ("keep", ".nan")),
    "missing file": Mistake(
        5, "    source: { parquet: t/part-009.parquet }", ("t/part-009.parquet",)
    ),
    "missing joined file": Mistake(
        7,
        "      - anti_join: { parquet: spam_users.parquet, on: user_id }",
        ("spam_users.parquet",),
    ),
    "glob that matches nothing": Mistake(
        5, '    source: { parquet: "t/*.pq" }', ("t/*.pq", "(?i)no file|match")
    ),
    "folder without files": Mistake(5, "    source: { parquet: empty }", ("empty",)),
    "no Parquet": Mistake(5, "    source: { parquet: other/notes.parquet }", ("notes.parquet",)),
    "truncated": Mistake(5, "    source: { parquet: other/cut.parquet }", ("cut.parquet",)),
    "empty file": Mistake(5, "    source: { parquet: other/empty.parquet }", ("empty.parquet",)),
    "different schemas": Mistake(
        5,
        "    source: { parquet: [t/part-000.parquet, other/changed.parquet] }",
        ("part-000.parquet", "changed.parquet", '"item_id"'),
    ),
    "missing script": Mistake(16, "  script: trian.py", ("trian.py",)),
    "script that is a folder": Mistake(16, "  script: t", ("t",)),
}


def say_exactly(text: str) -> str:
    """A part of a message as a pattern; patterns are those with a `|`, `(?` or a backslash."""
    return text if re.search(r"\||\(\?|\\", text) else re.escape(text)


def test_yaml_that_grows_or_sinks_without_end(inputs: Sandbox) -> None:
    assert "nested too deeply" in check_refused(inputs, run(inputs, "[" * 20_000 + "]" * 20_000))
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for i in range(1, 9):
        lines.append(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 6)}]")
    assert "more than 1,000,000 values" in check_refused(inputs, run(inputs, "\n".join(lines)))


TWINS = {"case": ("A", "a"), "name": ("a", "a")}


@pytest.mark.parametrize("case", TWINS)
def test_columns_that_differ_at_most_in_case(inputs: Sandbox, case: str) -> None:
    names = TWINS[case]
    twins = pa.table([pa.array([1, 2]), pa.array([3, 4])], names=names)
    pq.write_table(twins, inputs.folder / "other" / "twins.parquet")
    text = GOOD.replace('"t/*.parquet"', "other/twins.parquet")
    line = check_refused(inputs, run(inputs, text))
    assert f'Columns "{names[0]}" and "{names[1]}" of ' in line
    assert "differ at most in case" in line


def test_a_key_of_floating_point_numbers_for_integers(inputs: Sandbox) -> None:
    doubles = pa.table({"user_id": pa.array([1.0, None])})
    pq.write_table(doubles, inputs.folder / "doubles.parquet")
    step = "      - anti_join: { parquet: doubles.parquet, on: user_id }"
    line = check_refused(
        inputs, run(inputs, "\n".join([*GOOD.splitlines()[:6], step, *GOOD.splitlines()[7:]]))
    )
    assert '"user_id" is BIGINT, but "user_id" of the table is DOUBLE' in line


@pytest.fixture
def inputs(sandbox: Sandbox) -> Sandbox:
    files = data.write_impressions(sandbox.folder / "t", files=2, rows=100, row_group=50)
    first = sandbox.folder / "t" / files[0]
    data.write_listed(sandbox.folder / "spam.parquet", data.rng(1).permutation(50))
    other = sandbox.folder / "other"
    other.mkdir()
    (sandbox.folder / "empty").mkdir()
    sandbox.write("notes.csv", "uid\n1\n")
    (other / "notes.parquet").write_text("these are notes, and long enough for a footer\n")
    (other / "cut.parquet").write_bytes(first.read_bytes()[:2000])
    (other / "empty.parquet").write_bytes(b"")
    table = pq.read_table(first)
    at = table.column_names.index("item_id")
    changed = table.set_column(at, "item_id", table.column("item_id").cast(pa.float64()))
    pq.write_table(changed, other / "changed.parquet")
    sandbox.write("train.py", "open('started', 'w').close()\n")
    return sandbox


def run(sandbox: Sandbox, text: str, python: str = sys.executable) -> Outcome:
    path = sandbox.write("experiment.yaml", text)
    return sandbox.start("run", path.name, "--python", python).wait(60)


def check_refused(sandbox: Sandbox, outcome: Outcome) -> str:
    """One line on stderr, exit code 2, and nothing was started; the line."""
    outcome.expect(2)
    lines = outcome.err.splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("error: "), lines[0]
    assert outcome.record is None
    assert not (sandbox.folder / "started").exists()
    assert not sandbox.processes()
    assert not sandbox.leftovers()
    return lines[0]


def test_the_experiment_without_mistakes_runs(inputs: Sandbox) -> None:
    run(inputs, GOOD).expect(0)
    assert (inputs.folder / "started").exists()


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_clear_line(inputs: Sandbox, case: str) -> None:
    mistake = MISTAKES[case]
    lines = GOOD.splitlines()
    lines[mistake.line - 1] = mistake.text
    line = check_refused(inputs, run(inputs, "\n".join(lines) + "\n"))
    for part in mistake.says:
        assert re.search(say_exactly(part), line), f"{part} is not in: {line}"
    if case == "not YAML":
        assert re.search(r"\[experiment\.yaml:\d+\]$", line), line
    else:
        assert line.endswith(f"[experiment.yaml:{mistake.blamed}]"), line
    validated = inputs.start("validate", "experiment.yaml").wait(30)
    assert check_refused(inputs, validated) == line


NOT_YET = {
    "kubernetes": (19, "  kind: kubernetes"),
    "processes": (19, "  kind: processes"),
}


@pytest.mark.parametrize("case", NOT_YET)
def test_what_is_not_built_yet_is_refused(inputs: Sandbox, case: str) -> None:
    at, text = NOT_YET[case]
    lines = GOOD.splitlines()
    lines[at - 1] = text
    line = check_refused(inputs, run(inputs, "\n".join(lines) + "\n"))
    assert "not supported yet" in line
    assert line.endswith(f"[experiment.yaml:{at + text.count(chr(10))}]"), line


@pytest.mark.parametrize(
    "condition",
    [
        "CAST(substr(surface, 3, 2) AS INTEGER) = 1 OR true",
        "CAST(split_part(surface, '-', 2) AS INTEGER) = 1 OR true",
        "CAST(regexp_extract(surface, 'id=([0-9]+)', 1) AS BIGINT) = 1 OR true",
    ],
)
def test_what_may_fail_on_some_rows_is_no_mistake(inputs: Sandbox, condition: str) -> None:
    lines = GOOD.splitlines()
    lines[6] = f'      - filter: "{condition}"'
    inputs.write("experiment.yaml", "\n".join(lines) + "\n")
    inputs.start("validate", "experiment.yaml").wait(30).expect(0)


def test_a_missing_experiment(inputs: Sandbox) -> None:
    outcome = inputs.start("run", "nothing.yaml", "--python", sys.executable).wait(30)
    assert "nothing.yaml" in check_refused(inputs, outcome)


def test_an_experiment_without_a_training_section_cannot_run(inputs: Sandbox) -> None:
    text = GOOD.replace("train:\n  script: train.py\n  ranks: 2\n", "")
    assert 'no "train" section' in check_refused(inputs, run(inputs, text))


def test_a_python_without_torch(inputs: Sandbox) -> None:
    folder = inputs.folder / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for installed in Path(np.__file__).parents[1].glob("numpy*"):
        (packages / installed.name).symlink_to(installed)
    bare = folder / "bin" / "python"
    inputs.write("train.py", "import torch\n")
    line = check_refused(inputs, run(inputs, GOOD, str(bare)))
    assert "torch" in line
    assert str(bare) in line


def test_a_python_that_is_none(inputs: Sandbox) -> None:
    assert "/no/python" in check_refused(inputs, run(inputs, GOOD, "/no/python"))


def test_a_socket_in_use(inputs: Sandbox) -> None:
    path = inputs.write("experiment.yaml", GOOD)
    address = inputs.shm / "feed.sock"
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(address))
        taken.listen()
        outcome = inputs.start("serve", path.name, "--socket", str(address)).wait(30)
    outcome.expect(2)
    (line,) = outcome.err.splitlines()
    assert str(address) in line
    assert "in use" in line
    assert address.exists()
    assert not inputs.leftovers()


def test_a_runtime_folder_that_is_missing(inputs: Sandbox) -> None:
    inputs.environment["LASTMILE_SHM"] = "/no/such/folder"
    line = check_refused(inputs, run(inputs, GOOD))
    assert "/no/such/folder" in line


COMMANDS: dict[str, Callable[[Sandbox], Outcome]] = {
    "explain": lambda box: box.start("explain", "experiment.yaml").wait(30),
    "serve": lambda box: box.start("serve", "experiment.yaml").wait(30),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_other_commands_say_the_same(inputs: Sandbox, command: str) -> None:
    typo = GOOD.replace("lab", "lub", 1)
    line = check_refused(inputs, run(inputs, typo))
    assert line == check_refused(inputs, COMMANDS[command](inputs))


UNKNOWN: dict[str, tuple[str, ...]] = {
    "preview": ("preview", "experiment.yaml", "valid"),
    "explain": ("explain", "experiment.yaml", "--dataset", "valid"),
    "estimate": ("estimate", "experiment.yaml", "--dataset", "valid"),
    "write": ("write", "experiment.yaml", "valid", "--to", "out"),
    "diff": ("diff", "experiment.yaml", "experiment.yaml", "valid"),
}


@pytest.mark.parametrize("command", UNKNOWN)
def test_an_unknown_dataset_is_told_with_those_that_are_known(
    inputs: Sandbox, command: str
) -> None:
    inputs.write("experiment.yaml", GOOD)
    line = check_refused(inputs, inputs.start(*UNKNOWN[command]).wait(30))
    assert line.startswith('error: Unknown dataset "valid" (known: train) [')
    assert line.endswith("experiment.yaml:3]")


def test_open_says_the_same(inputs: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import lastmile

    line = check_refused(inputs, run(inputs, GOOD.replace("lab", "lub", 1)))
    monkeypatch.setenv("LASTMILE_SHM", str(inputs.shm))
    monkeypatch.setenv("LASTMILE_NO_BUILD", "1")
    monkeypatch.chdir(inputs.folder)
    with pytest.raises(lastmile.UserError) as caught:
        lastmile.open("experiment.yaml", "train")
    assert f"error: {caught.value}" == line
    assert not inputs.leftovers()


def test_a_dataset_that_there_is_not(inputs: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import lastmile

    monkeypatch.setenv("LASTMILE_SHM", str(inputs.shm))
    monkeypatch.setenv("LASTMILE_NO_BUILD", "1")
    path: Path = inputs.write("experiment.yaml", GOOD)
    for name, known in (("tarin", 'did you mean "train"?'), ("valid", "known: train")):
        said = re.escape(f'Unknown dataset "{name}" ({known})')
        with pytest.raises(lastmile.UserError, match=f"^{said}"):
            lastmile.open(str(path), name)


def test_a_feed_outside_a_job_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import lastmile

    monkeypatch.delenv("LASTMILE_FEED", raising=False)
    with pytest.raises(RuntimeError, match=r"LASTMILE_FEED.*lastmile\.open"):
        lastmile.feed("train")
