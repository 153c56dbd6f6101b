"""An experiment said in Python is the experiment of the file, and a wrong one is refused in the same words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lastmile
from lastmile import UserError, _canonical, _checks, _cores, _nearest
from tests.every_feature import experiment
from tests.scripts import started

ENGINE = Path(__file__).resolve().parents[2] / "engine" / "src"
EVERY_FEATURE = ENGINE / "test/resources/io/lastmile/dataset"
FORMS = ENGINE / "main/java/io/lastmile/dataset"

WRITTEN_ONLY = {"min", "cpu", "trainers", "gpu", "dataset"}
"""Keys of the file that say nothing yet, or say it in another way in canonical JSON: ``part`` of a ``dataset``."""


def test_every_feature_gives_the_canonical_text() -> None:
    golden = (EVERY_FEATURE / "every-feature.json").read_text(encoding="utf-8")
    assert experiment().to_json() == golden.strip()


def test_every_key_of_the_experiment_file_is_among_the_features() -> None:
    keys: set[str] = set()
    for form in FORMS.glob("*Form.java"):
        java = form.read_text(encoding="utf-8")
        constants = dict(re.findall(r'String ([A-Z]+) = "(\w+)";', java))
        for quoted, constant in re.findall(r'\.(?:key|required)\(\s*(?:"(\w+)"|([A-Z]+))', java):
            keys.add(quoted or constants[constant])
        keys |= set(constants.values())
    assert {"keep", "filter", "values", "on_corrupt", "max_length", "ranks", "else", "memory"} <= keys
    assert keys - WRITTEN_ONLY - _keys(json.loads(experiment().to_json())) == set()


def _keys(tree: Any) -> set[str]:
    if isinstance(tree, dict):
        return {*tree, *(key for value in tree.values() for key in _keys(value))}
    return {key for value in tree for key in _keys(value)} if isinstance(tree, list) else set()


def test_defaults_are_written_out() -> None:
    small = lastmile.experiment(
        "small",
        datasets={"valid": lastmile.parquet("a").tensor("x", "x")},
        cluster={"workers": {"max": 1, "memory": 1}},
    )
    assert small.to_json() == (
        '{"cluster":{"kind":"local","workers":{"max":1,"memory":1,"split_timeout":600.0}},"datasets":[["valid",{"batch":4096,"certificate":"identities",'
        '"keys":[],"last_step":"uneven","on_empty":"allow","order":"deterministic","prefetch":4,"shuffle":"none","slots":6,"source":{"on_corrupt":"fail",'
        '"parquet":["a"],"schema":"strict"},"steps":[],"tensors":[["x",{"columns":"x","dtype":null,"fill":null,'
        '"hash":null,"layout":"dense","max_length":null,"null":"error","pad":false,"truncate":"first",'
        '"vocabulary":null}]]}]],"name":"small","seed":0,"train":null,"version":1}'
    )
    assert small.folder == Path.cwd()
    cluster = json.loads(lastmile.experiment("s", datasets={"a": TABLE}).to_json())["cluster"]
    assert cluster == {
        "kind": "local",
        "workers": {"max": _cores.available(), "memory": 2 << 30, "split_timeout": 600.0},
    }


TABLE = lastmile.parquet("a").tensor("x", "x")


def test_each_call_leaves_the_dataset_as_it_was() -> None:
    base = lastmile.parquet("a").filter("x > 0")
    once = base.filter("y > 0")
    base.tensor("x", "x").batch(1).keys("k").shuffle("none").prefetch(1).slots(9)
    assert base == lastmile.parquet("a").filter("x > 0")
    assert once != base
    with pytest.raises(AttributeError):
        base._said = once._said  # type: ignore[misc]


def test_a_path_may_be_a_path_and_a_number_any_number(folder: Path) -> None:
    import numpy as np

    def said(path: Any, rows: Any, keep: Any) -> str:
        table = lastmile.parquet(path).anti_join(path, on="u").sample(keep).batch(rows).tensor("x", "x", fill=keep)
        return lastmile.experiment("n", datasets={"a": table}).to_json()

    assert said(folder, np.int32(7), np.float32(0.5)) == said(str(folder), 7, 0.5)


def test_another_part_of_a_dataset() -> None:
    base = lastmile.parquet("a").filter("x > 0").split({"train": 0.9, "valid": 0.1}, by="u").filter("y")
    train = base.limit(5).tensor("x", "x").batch(9).shuffle(row_groups=2)
    valid = lastmile.parquet("a").filter("x > 0").split({"train": 0.9, "valid": 0.1}, by="u", part="valid")
    assert train.part("valid") == valid.tensor("x", "x").batch(9)


UNTYPED: Any = lastmile
"""The same without its types, which would refuse what the tests say."""

MISTAKES: list[tuple[Callable[[Any], Any], str]] = [
    (lambda d: d.downsample(2), "Invalid keep: 2.0 (must be in (0, 1])"),
    (lambda d: d.downsample(1e-9 - 1e-9), "Invalid keep: 0.0 (must be in (0, 1])"),
    (lambda d: d.downsample(float("nan")), "Invalid keep: NaN (must be a finite number)"),
    (lambda d: d.downsample(""), 'Invalid keep: "" (must be an SQL expression)'),
    (lambda d: d.downsample(0.1, by=["u", "u"]), 'Invalid by: "u" is listed twice'),
    (
        lambda d: d.downsample(0.1, resample="each_epok"),
        'Invalid resample: "each_epok" (did you mean "each_epoch"?)',
    ),
    (lambda d: d.sample("0.1"), 'Invalid keep: "0.1" (must be a number)'),
    (lambda d: d.filter(" "), 'Invalid filter: " " (must be an SQL expression)'),
    (lambda d: d.filter(3), "Invalid filter: 3 (must be an SQL expression)"),
    (lambda d: d.derive(), "Invalid derive: none (must be at least one)"),
    (lambda d: d.derive(a=""), 'Invalid a: "" (must be an SQL expression)'),
    (lambda d: d.derive(["a"]), "Invalid derive: a list (must be a mapping)"),
    (lambda d: d.select(), "Invalid select: none (must be at least one)"),
    (lambda d: d.select("a", "a"), 'Invalid select: "a" is listed twice'),
    (lambda d: d.drop(""), 'Invalid drop: "" (must not be empty)'),
    (lambda d: d.rename({"a_*": "b"}), 'Invalid name: "b" (must have one \'*\' where "a_*" has one)'),
    (lambda d: d.cast({"a": "1INT"}), 'Invalid type: "1INT" (must be an SQL type such as FLOAT or BIGINT[])'),
    (lambda d: d.join("a", on="u", how="outer"), 'Invalid how: "outer" (must be one of left, inner)'),
    (lambda d: d.join("a", on=[]), "Invalid on: none (must be at least one)"),
    (lambda d: d.join("a", on=3), "Invalid on: 3 (must be a column, a list of columns or { left: right })"),
    (
        lambda d: d.join(3, on="u"),
        "Invalid table: 3 (must be a path, lastmile.parquet(...), csv, json, arrow or values)",
    ),
    (
        lambda d: d.join(UNTYPED.csv("a").filter("b"), on="u"),
        "Invalid table: a dataset with steps or tensors (must be a source alone, with filter= of the join)",
    ),
    (
        lambda d: d.semi_join(UNTYPED.parquet("a", on_corrupt="skip"), on="u"),
        "Invalid on_corrupt: skip (the table of a join must be whole)",
    ),
    (lambda d: d.upsample(0), "Invalid repeat: 0 (must be > 0)"),
    (lambda d: d.upsample(2**31), "Invalid repeat: 2147483648 (must be at most 2147483647)"),
    (lambda d: d.weight({"w": ""}), 'Invalid w: "" (must be an SQL expression)'),
    (lambda d: d.label({"l": {"classes": {}}}), "Invalid classes: none (must be at least one)"),
    (lambda d: d.label({"l": {"else": 1}}), 'Missing key "classes"'),
    (lambda d: d.label({"l": {"clases": {"a": 1}}}), 'Unknown key "clases" (did you mean "classes"?)'),
    (lambda d: d.explode(), "Invalid columns: none (must be at least one)"),
    (lambda d: d.truncate("a"), "Invalid truncate: neither first nor last (must be one of them)"),
    (lambda d: d.truncate("a", first=1, last=1), "Invalid truncate: first and last (must be one of them)"),
    (lambda d: d.truncate("a", last=0), "Invalid last: 0 (must be > 0)"),
    (lambda d: d.split({"a": 0.7, "b": 0.6}), "Invalid parts: they sum to 1.3 (must be at most 1)"),
    (lambda d: d.split({"a": 0.75, "b": 0.5}), "Invalid parts: they sum to 1.25 (must be at most 1)"),
    (lambda d: d.split({"a": 0}), "Invalid a: 0.0 (must be in (0, 1])"),
    (lambda d: d.part("valid"), 'Unknown part "valid" (the dataset has no split)'),
    (lambda d: d.split({"a": 1}).part("b"), 'Unknown part "b" (must be one of a)'),
    (lambda d: d.limit(0), "Invalid limit: 0 (must be > 0)"),
    (lambda d: d.limit(1.5), "Invalid limit: 1.5 (must be a whole number)"),
    (lambda d: d.limit(2**63), f"Invalid limit: {2**63} (must be a whole number of 64 bits)"),
    (lambda d: d.batch(0), "Invalid batch: 0 (must be > 0)"),
    (lambda d: d.batch(True), "Invalid batch: true (must be a whole number)"),
    (lambda d: d.shuffle("nun"), 'Invalid shuffle: "nun" (must be none, row_groups=n or within=PARTITION)'),
    (lambda d: d.shuffle("nonne"), 'Invalid shuffle: "nonne" (did you mean "none"?)'),
    (lambda d: d.shuffle("none", row_groups=2), "Invalid shuffle: none (has neither row_groups nor within)"),
    (lambda d: d.shuffle(row_groups=0), "Invalid row_groups: 0 (must be > 0)"),
    (lambda d: d.tensor("x", "y"), 'Invalid tensors: "x" is listed twice'),
    (lambda d: d.tensor("t", ""), 'Invalid columns: "" (must not be empty)'),
    (lambda d: d.tensor("t", []), "Invalid columns: none (must be at least one)"),
    (lambda d: d.tensor("t", 3), "Invalid columns: 3 (must be text or a list of text)"),
    (lambda d: d.tensor("t", "a", dtype="flot32"), 'Invalid dtype: "flot32" (did you mean "float32"?)'),
    (lambda d: d.tensor("t", "a", dtype="int8", fill=128), "Invalid fill: 128.0 (must be a value of int8)"),
    (lambda d: d.tensor("t", "a", dtype="uint8", fill=-1), "Invalid fill: -1.0 (must be a value of uint8)"),
    (lambda d: d.tensor("t", "a", dtype="int8", fill=0.5), "Invalid fill: 0.5 (must be a value of int8)"),
    (lambda d: d.tensor("t", "a", dtype="bool", fill=2), "Invalid fill: 2.0 (must be a value of bool)"),
    (
        lambda d: d.tensor("t", "a", dtype="float16", fill=65520),
        "Invalid fill: 65520.0 (must be a value of float16)",
    ),
    (lambda d: d.tensor("t", "a", dtype="float32", fill=1e39), "Invalid fill: 1.0E39 (must be a value of float32)"),
    (lambda d: d.tensor("t", "a", fill=float("inf")), "Invalid fill: Infinity (must be a finite number)"),
    (
        lambda d: d.tensor("t", "a", fill=2**53 + 1),
        "Invalid fill: 9007199254740993 (must be a number that a 64-bit float holds exactly)",
    ),
    (lambda d: d.tensor("t", "a", pad=True), "Invalid pad: true (needs max_length, the width of the matrix)"),
    (
        lambda d: d.tensor("t", "a", truncate="last"),
        "Invalid truncate: last (needs max_length, the values that stay)",
    ),
    (lambda d: d.tensor("t", "a", null="error", fill=1), "Invalid null: error (the tensor has a fill)"),
    (
        lambda d: d.tensor("t", "a", hash=3, vocabulary="v.txt"),
        'Invalid vocabulary: "v.txt" (the tensor has a hash; take one of them)',
    ),
    (
        lambda d: d.tensor("t", "a", layout="keyed", null="mask"),
        "Invalid null: mask (a keyed tensor has no mask; take fill or error)",
    ),
    (lambda d: d.tensor("t", "a", hash=0), "Invalid buckets: 0 (must be > 0)"),
    (lambda d: d.tensor("t", "a", hash={"bucket": 1}), 'Unknown key "bucket" (did you mean "buckets"?)'),
    (lambda d: UNTYPED.parquet(), "Invalid parquet: none (must be at least one)"),
    (lambda d: UNTYPED.csv("a", "a"), 'Invalid csv: "a" is listed twice'),
    (
        lambda d: UNTYPED.parquet("a", schema="strikt"),
        'Invalid schema: "strikt" (did you mean "strict"?)',
    ),
    (lambda d: UNTYPED.parquet("\udcff"), "Invalid parquet: '\\udcff' (must be text that UTF-8 can say)"),
    (lambda d: UNTYPED.values({}), "Invalid values: none (must be at least one)"),
    (
        lambda d: UNTYPED.values({"a": [None]}),
        'Invalid values: "a" has none (must have at least one not null)',
    ),
    (lambda d: UNTYPED.values({"a": [1], "b": [1, 2]}), 'Invalid values: "a" has 1, but "b" has 2'),
    (
        lambda d: UNTYPED.values({"a": [1, None, 2.5]}),
        'Invalid values: "a" has 2.5 beside 1 (must be all whole numbers, all numbers with a point, all text or all '
        "true and false)",
    ),
    (
        lambda d: UNTYPED.values({"a": [[1]]}),
        "Invalid a[0]: a list (must be a number, text, true, false or nothing)",
    ),
    (lambda d: UNTYPED.values({"a": "text"}), 'Invalid a: "text" (must be a list)'),
]


@pytest.mark.parametrize(("say", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_a_wrong_value_is_refused_by_the_call_that_brings_it(say: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(UserError) as mistake:
        say(TABLE)
    assert str(mistake.value) == message


WRONG_EXPERIMENTS: list[tuple[dict[str, Any], str]] = [
    (
        {"name": "a", "datasets": {"t": TABLE.limit(3).order("arrival")}},
        "Invalid order: arrival (not with limit, which takes the first rows: must be deterministic) [datasets.t.order]",
    ),
    (
        {"name": "a", "datasets": {"t": TABLE.last_step("drop").order("arrival")}},
        "Invalid order: arrival (not with last_step: drop, which drops the last rows: must be deterministic) "
        "[datasets.t.order]",
    ),
    (
        {
            "name": "a",
            "datasets": {
                "t": TABLE,
                "u": TABLE,
                "m": lastmile.mix({"t": 0.5, "u": 0.5}).tensor("x", "x").order("arrival"),
            },
        },
        "Invalid order: arrival (not for a mix, which draws whose row is next: must be deterministic) "
        "[datasets.m.order]",
    ),
    (
        {
            "name": "a",
            "datasets": {
                "t": TABLE,
                "u": TABLE.order("arrival"),
                "m": lastmile.mix({"t": 0.5, "u": 0.5}).tensor("x", "x"),
            },
        },
        'Invalid dataset: "u" has order: arrival (a mix needs order: deterministic) [datasets.m.mix[1].dataset]',
    ),
    (
        {"name": "a b"},
        "Invalid name: \"a b\" (must be letters, digits, '-', '_' and '.', begin with a letter or "
        "digit, and be at most 100 long)",
    ),
    ({"seed": 2**63}, f"Invalid seed: {2**63} (must be a whole number of 64 bits)"),
    ({"datasets": {}}, "Invalid datasets: none (must be at least one)"),
    ({"datasets": {"a": 1}}, 'Invalid datasets.a: 1 (must be a dataset such as lastmile.parquet("…"))'),
    (
        {"datasets": {"a": lastmile.parquet("a")}},
        "Invalid tensors: none (must be at least one) [datasets.a.tensors]",
    ),
    (
        {"datasets": {"a": TABLE.limit(1).filter("x")}},
        "Invalid limit: a step follows (must be the last) [datasets.a.steps[0].limit]",
    ),
    ({"datasets": {"a": TABLE.slots(4)}}, "Invalid slots: 4 (must be > prefetch: 4) [datasets.a.slots]"),
    (
        {"datasets": {"a": TABLE.split({"b": 1})}},
        'Missing part: no part is named "a" as the dataset is (must be one of b) [datasets.a.steps[0].split.part]',
    ),
    (
        {"datasets": {"a": TABLE.split({"b": 1}, part="c")}},
        'Unknown part "c" (must be one of b) [datasets.a.steps[0].split.part]',
    ),
    ({"train": {"rank": 1}}, 'Unknown key "rank" (did you mean "ranks"?)'),
    ({"train": {"ranks": 1}}, 'Missing key "script"'),
    ({"train": {"script": "t.py", "ranks": 0}}, "Invalid ranks: 0 (must be > 0)"),
    ({"train": {"script": "t.py", "restarts": -1}}, "Invalid restarts: -1 (must be >= 0)"),
    ({"train": {"script": "t.py", "stall_timeout": -1.5}}, "Invalid stall_timeout: -1.5 (must be > 0)"),
    (
        {"train": {"script": "t.py", "stall_timeout": "3 days"}},
        'Invalid stall_timeout: "3 days" (must be a duration such as 30s or 5m)',
    ),
    (
        {"train": {"script": "t.py", "stall_timeout": 1e9}},
        "Invalid stall_timeout: 1.0E9 (must be a duration such as 30s or 5m)",
    ),
    ({"train": {"script": "t.py", "args": "--a"}}, 'Invalid args: "--a" (must be a list)'),
    ({"train": {"script": "t.py", "args": [None]}}, "Invalid args[0]: nothing (must be text or a number)"),
    ({"train": ""}, 'Invalid script: "" (must not be empty)'),
    ({"cluster": {"kind": "cloud"}}, 'Invalid kind: "cloud" (must be local)'),
    ({"cluster": {"workers": {"max": 0}}}, "Invalid max: 0 (must be > 0)"),
    (
        {"cluster": {"workers": {"split_timeout": "soon"}}},
        'Invalid split_timeout: "soon" (must be a duration such as 30s or 5m)',
    ),
    (
        {"cluster": {"workers": {"split_timeout": None}}},
        "Invalid split_timeout: nothing (must be a duration such as 30s or 5m)",
    ),
    (
        {"cluster": {"workers": {"memory": "2 gibs"}}},
        'Invalid memory: "2 gibs" (must be a size such as 512MiB or 2GiB)',
    ),
]


@pytest.mark.parametrize(("said", "message"), WRONG_EXPERIMENTS, ids=[message for _, message in WRONG_EXPERIMENTS])
def test_a_wrong_experiment_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as mistake:
        lastmile.experiment(**{"name": "a", "datasets": {"a": TABLE}} | said)
    assert str(mistake.value) == message


@pytest.mark.parametrize(
    ("size", "memory"),
    [(5, 5), ("5", 5), ("1.5kB", 1500), ("1.5KiB", 1536), ("2GiB", 2 << 30), ("0.0015 kB", 1), ("3B", 3)],
)
def test_sizes(size: int | str, memory: int) -> None:
    said = lastmile.experiment("a", datasets={"a": TABLE}, cluster={"workers": {"memory": size}})
    assert json.loads(said.to_json())["cluster"]["workers"]["memory"] == memory


@pytest.mark.parametrize(
    ("number", "java"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (0.001, "0.001"),
        (9.99e-4, "9.99E-4"),
        (1e-5, "1.0E-5"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (-1234.5, "-1234.5"),
        (1e23, "1.0E23"),
        (2**53 + 0.0, "9.007199254740992E15"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (5e-324, "4.9E-324"),
        (2e-323, "2.0E-323"),
        (1 / 3, "0.3333333333333333"),
    ],
)
def test_numbers_are_written_as_java_writes_them(number: float, java: str) -> None:
    assert _canonical.text(number) == java


def test_text_is_written_as_java_writes_it() -> None:
    assert _canonical.text({"b": '\x00\x1f\x7f\b\t\n\f\r"\\/ü\u2028🎈', "a": [], "": {}}) == (
        '{"":{},"a":[],"b":"\\u0000\\u001F\x7f\\b\\t\\n\\f\\r\\"\\\\/ü\u2028🎈"}'
    )


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("filtre", ' (did you mean "filter"?)'), ("STEPS", ' (did you mean "steps"?)'), ("cat", ""), ("a", "")],
)
def test_the_nearest_word(wrong: str, hint: str) -> None:
    assert _nearest.hint(wrong, ["filter", "steps"]) == hint


def test_cores_are_bounded_by_the_quota(folder: Path) -> None:
    inner = folder / "groups" / "a" / "b"
    inner.mkdir(parents=True)
    (folder / "cgroup").write_text("0::/a/b\n")
    (inner / "cpu.max").write_text("max 100000\n")
    cores = _cores.available(folder, folder / "groups")
    assert cores >= 1
    (folder / "groups" / "a" / "cpu.max").write_text("50000 100000\n")
    assert _cores.available(folder, folder / "groups") == 1
    (folder / "cgroup").write_text("3:cpu,cpuacct:/\n")
    old = folder / "groups" / "cpu,cpuacct"
    old.mkdir()
    (old / "cpu.cfs_quota_us").write_text("-1\n")
    (old / "cpu.cfs_period_us").write_text("100000\n")
    assert _cores.available(folder, folder / "groups") == cores
    (old / "cpu.cfs_quota_us").write_text("10\n")
    assert _cores.available(folder, folder / "groups") == 1


def test_building_needs_nothing_but_python() -> None:
    script = """
import sys, lastmile
experiment = lastmile.experiment("a", datasets={"a": lastmile.parquet("a").tensor("x", "x")})
assert not {"numpy", "torch", "pyarrow", "subprocess"} & set(sys.modules), sys.modules
"""
    process = started("-c", script)
    assert process.communicate(timeout=20) == ("", "")


def test_every_check_says_what_it_found() -> None:
    shown = [_checks.found(value) for value in ("a", None, True, 3, 0.5, {}, [], object())]
    assert shown == ['"a"', "nothing", "true", "3", "0.5", "a mapping", "a list", "a object"]


def test_a_part_may_have_tensors_of_its_own() -> None:
    train = lastmile.parquet("t").split({"train": 0.9, "valid": 0.1}).tensor("x", "x")
    valid = train.part("valid").without_tensors().tensor("y", "y")
    said = json.loads(lastmile.experiment("e", datasets={"valid": valid}).to_json())
    assert [name for name, _ in said["datasets"][0][1]["tensors"]] == ["y"]
