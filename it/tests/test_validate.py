"""All mistakes of a file at once, in its order, and nothing that merely follows from one."""

from __future__ import annotations

import json
import re

import pytest

import data
from harness import Outcome, Sandbox

TEN = """\
name: trial
sead: 42
datasets:
  train:
    source: { parquet: "t/*.parquet" }
    steps:
      - filter: "lable = 1"
      - derive: { twice: "item_id * ", half: "item_id / 2" }
      - filter: "twice > 3 AND half > 2"
      - downsample: { keep: 1.5, weight: w }
      - anti_join: { parquet: spma.parquet, on: user_id }
    tensors:
      dense: { columns: "dense_*", dtype: flaot32, fill: 0 }
      surface: { columns: surface }
      twice: { columns: twice }
      w: { columns: w }
    batch: many
    keys: [uid, twice]
  valid:
    source: { dataset: train, part: valid }
train:
  script: trian.py
"""

SAID = [
    (2, "sead", 'Unknown key "sead" (did you mean "seed"?)'),
    (
        7,
        "datasets.train.steps[0].filter",
        'Unknown column "lable" (did you mean "label"?)',
    ),
    (
        8,
        "datasets.train.steps[1].derive.twice",
        'Cannot parse "item_id *": it ends too early',
    ),
    (10, "datasets.train.steps[3].downsample.keep", "Invalid keep: 1.5 (must be in (0, 1])"),
    (
        11,
        "datasets.train.steps[4].anti_join.parquet",
        'No such file: "spma.parquet" (did you mean "spam.parquet"?)',
    ),
    (
        13,
        "datasets.train.tensors.dense.dtype",
        'Invalid dtype: "flaot32" (did you mean "float32"?)',
    ),
    (
        14,
        "datasets.train.tensors.surface.columns",
        'Invalid column: "surface" is VARCHAR (give the tensor a hash or a vocabulary)',
    ),
    (17, "datasets.train.batch", 'Invalid batch: "many" (must be a whole number)'),
    (20, "datasets.valid.source.part", 'Unknown part "valid" (the dataset has no split)'),
    (22, "train.script", 'Script not found: {folder}/trian.py (did you mean "train.py"?)'),
]

GOOD = """\
name: trial
datasets:
  train:
    source: { parquet: "t/*.parquet" }
    steps:
      - derive: { twice: "item_id * 2" }
      - filter: "twice > 3"
      - split: { by: user_id, parts: { train: 0.9, valid: 0.1 } }
    tensors: { twice: { columns: twice } }
    keys: [twice]
  valid:
    source: { dataset: train, part: valid }
train:
  script: train.py
"""


@pytest.fixture
def inputs(sandbox: Sandbox) -> Sandbox:
    data.write_impressions(sandbox.folder / "t", files=2, rows=100, row_group=50)
    data.write_listed(sandbox.folder / "spam.parquet", data.rng(1).permutation(50))
    sandbox.write("train.py", "open('started', 'w').close()\n")
    return sandbox


def validate(sandbox: Sandbox, text: str, *options: str) -> Outcome:
    path = sandbox.write("experiment.yaml", text)
    outcome = sandbox.start("validate", path.name, *options).wait(30)
    assert outcome.record is None
    assert not (sandbox.folder / "started").exists()
    assert not sandbox.leftovers()
    return outcome


def test_ten_mistakes_are_ten_lines_in_the_order_of_the_file(inputs: Sandbox) -> None:
    outcome = validate(inputs, TEN).expect(2)
    said = [(line, text.replace("{folder}", str(inputs.folder))) for line, _, text in SAID]
    assert outcome.err.splitlines() == [
        f"error: {text} [experiment.yaml:{line}]" for line, text in said
    ]
    assert outcome.out == ""


def test_ten_mistakes_as_json(inputs: Sandbox) -> None:
    outcome = validate(inputs, TEN, "--json").expect(2)
    assert json.loads(outcome.out) == {
        "mistakes": [
            {
                "element": element,
                "message": text.replace("{folder}", str(inputs.folder)),
                "place": f"experiment.yaml:{line}",
            }
            for line, element, text in SAID
        ]
    }
    assert outcome.err == ""


def test_other_commands_say_the_first(inputs: Sandbox) -> None:
    (first, *_) = validate(inputs, TEN).errors
    assert inputs.start("explain", "experiment.yaml").wait(30).expect(2).errors == [first]


def test_mended_one_by_one_the_others_stay(inputs: Sandbox) -> None:
    """Each line that is mended takes exactly its own mistake away."""
    mended = {
        2: "seed: 42",
        7: '      - filter: "label = 1"',
        8: '      - derive: { twice: "item_id * 2", half: "item_id / 2" }',
        10: "      - downsample: { keep: 0.5, weight: w }",
        11: "      - anti_join: { parquet: spam.parquet, on: user_id }",
        13: '      dense: { columns: "dense_*", dtype: float32, fill: 0 }',
        14: "      surface: { columns: surface, hash: { buckets: 10 }, fill: 0 }",
        17: "    batch: 32",
        20: '    source: { parquet: "t/*.parquet" }\n    tensors: { label: { columns: label } }',
        22: "  script: train.py",
    }
    lines = TEN.splitlines()
    left = [line for line, _, _ in SAID]
    for number, text in reversed(mended.items()):
        lines[number - 1] = text
        left.remove(number)
        outcome = validate(inputs, "\n".join(lines)).expect(2 if left else 0)
        places = [re.search(r":(\d+)\]$", line) for line in outcome.errors]
        assert [int(place[1]) for place in places if place] == left


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_valid_experiment(inputs: Sandbox, options: tuple[str, ...]) -> None:
    outcome = validate(inputs, GOOD, *options).expect(0)
    assert outcome.out == ('{"mistakes":[]}\n' if options else "experiment.yaml is valid\n")
    assert outcome.err == ""


STEPS = GOOD.replace("item_id * 2", "clicked AND").replace("twice > 3", "nosuch > 1")
STEPS_SAID = [
    'error: Cannot parse "clicked AND": it ends too early [experiment.yaml:6]',
    'error: Unknown column "nosuch" [experiment.yaml:7]',
]
BESIDE = {
    "a right tensor": ("keys: [twice]", "keys: []", None),
    "tensors with a mistake": (
        "{ columns: twice }",
        "{ columns: uid, dtype: float33 }",
        'Invalid dtype: "float33" (did you mean "float32"?) [experiment.yaml:9]',
    ),
    "no tensors": (
        "tensors: { twice: { columns: twice } }",
        "batch: 3",
        'Missing key "tensors" [experiment.yaml:3]',
    ),
}


@pytest.mark.parametrize("case", BESIDE)
def test_mistakes_of_steps_are_said_whatever_the_tensors_are(inputs: Sandbox, case: str) -> None:
    good, bad, message = BESIDE[case]
    assert STEPS.count(good) == 1
    outcome = validate(inputs, STEPS.replace(good, bad)).expect(2)
    more = [] if message is None else [f"error: {message}"]
    assert sorted(outcome.errors) == sorted(STEPS_SAID + more)


CAUSES = {
    "a derived column": ('"item_id * 2"', '"itemid * 2"', 6),
    "a key of the derive": ("derive:", "dervie:", 6),
    "a source that is missing": ("t/*.parquet", "s/*.parquet", 4),
    "a source that is none": ('{ parquet: "t/*.parquet" }', "3", 4),
    "a split": ("train: 0.9", "train: 1.9", 8),
    "a key of the split": ("by: user_id", "by: userid", 8),
    "the tensors": ("tensors: {", "tensor: {", 9),
    "a tensor": ("{ columns: twice }", "{ columns: twice, dtype: x }", 9),
    "a filter": ("twice > 3", "twice >", 7),
    "a key that is missing": ("keys: [twice]", "keys: [twize]", 10),
}


@pytest.mark.parametrize("case", CAUSES)
def test_what_follows_from_a_mistake_is_none(inputs: Sandbox, case: str) -> None:
    good, bad, blamed = CAUSES[case]
    assert GOOD.count(good) == 1
    outcome = validate(inputs, GOOD.replace(good, bad)).expect(2)
    (line,) = outcome.errors
    assert line.endswith(f"[experiment.yaml:{blamed}]")
