"""`lastmile diff`: rows in both and in one, rates, weights and values, equal to the oracle's."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

import data
from harness import Sandbox
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.difference import Difference, Rows, Side, difference
from oracle.language import Explode, Label, Limit, Rename, Step, Upsample, Weight
from oracle.mix import Mixed
from oracle.steps import Derive, Downsample, Filter, Mask, true
from oracle.tensors import Tensor

POSITIVE: tuple[str, Mask] = ("label = 1", lambda t: true(pc.equal(t.column("label"), 1)))
NEGATIVE: tuple[str, Mask] = ("label = 0", lambda t: true(pc.equal(t.column("label"), 0)))
LONG: tuple[str, Mask] = ("dwell_s > 9", lambda t: true(pc.greater(t.column("dwell_s"), 9)))
LONGER: tuple[str, Mask] = ("dwell_s > 12", lambda t: true(pc.greater(t.column("dwell_s"), 12)))
TENSORS = {"d": Tensor("dense_1"), "n": Tensor("dense_0", fill=0), "seq": Tensor("seq", fill=0)}
COLUMNS = ["dense_1", "dense_0", "seq", "uid"]
SHUFFLED = Shuffle(row_groups=3)


def table(sandbox: Sandbox, steps: list[Step], shuffle: Shuffle = SHUFFLED) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=3, rows=400, row_group=130)
    return Dataset("t", root, files, TENSORS, steps, batch=50, shuffle=shuffle)


def experiments(sandbox: Sandbox, a: Dataset, b: Dataset) -> None:
    for name, dataset in (("a.yaml", a), ("b.yaml", b)):
        sandbox.experiment(dataset).rename(sandbox.folder / name)


def diff(sandbox: Sandbox, a: Dataset, b: Dataset, *arguments: str) -> dict[str, Any]:
    experiments(sandbox, a, b)
    done = sandbox.start("diff", "a.yaml", "b.yaml", "--json", *arguments).wait()
    assert done.err == ""
    tree = json.loads(done.out)
    assert tree["version"] == 1
    (only,) = tree["datasets"]
    same = (
        only["a"]["only"]["rows"] + only["b"]["only"]["rows"] == 0
        and only["columns_only_in_a"] == only["columns_only_in_b"] == []
        and all(c["differing"] == 0 and c["types"] is None for c in only["columns"])
    )
    assert only["same"] == same
    done.expect(0 if same else 2)
    return dict(only)


def compare(got: dict[str, Any], expected: Difference) -> None:
    assert got["sample"]["rows"] == expected.rows
    assert got["sample"]["row_groups"] == expected.groups
    check_side(got["a"], expected.a)
    check_side(got["b"], expected.b)
    changed = {column["name"]: column["differing"] for column in got["columns"]}
    assert changed == expected.changed
    both = [got[side]["both"]["rows"] for side in ("a", "b")]
    assert both[0] == both[1]


def check_side(got: dict[str, Any], expected: Side) -> None:
    assert got["rows_read"] == expected.read
    check_rows(got["all"], expected.all)
    check_rows(got["both"], expected.both)
    check_rows(got["only"], expected.only)
    added = sum(step["added"] for step in got["steps"])
    dropped = sum(step["dropped"] for step in got["steps"])
    assert got["rows_read"] + added - dropped == expected.all.rows


def check_rows(got: dict[str, Any], expected: Rows) -> None:
    assert got["rows"] == expected.rows
    if expected.rate is None:
        assert got["label_rate"] is None
    else:
        assert got["label_rate"] == pytest.approx(expected.rate, rel=1e-12)
    assert got["weights"] == pytest.approx(expected.weights, rel=1e-9)


W = ["w"]
SHARE = ("1 + dense_1", lambda t: 1 + np.asarray(t.column("dense_1")))
# The steps of A and of B, and the weights of each.
CASES: dict[str, tuple[list[Step], list[Step], tuple[list[str], list[str]]]] = {
    "equal": ([Filter(*LONG)], [Filter(*LONG)], ([], [])),
    "filter": ([Filter(*LONG)], [Filter(*LONGER)], ([], [])),
    "filter-against-none": ([Filter(*LONG)], [], ([], [])),
    "downsample": (
        [Downsample(0.4, ["uid"], NEGATIVE, "w")],
        [Downsample(0.1, ["uid"], NEGATIVE, "w")],
        (W, W),
    ),
    "downsample-without-weight": (
        [Downsample(0.4, ["uid"], NEGATIVE, "w")],
        [Downsample(0.7, ["user_id"])],
        (W, []),
    ),
    "weight": (
        [Weight({"w": ("2", lambda t: np.full(len(t), 2))})],
        [Weight({"w": SHARE})],
        (W, W),
    ),
    "copies": ([Upsample(2, POSITIVE)], [Upsample(3), Filter(*LONG)], ([], [])),
    "copies-against-none": ([], [Upsample(2, POSITIVE)], ([], [])),
    "limit": ([Filter(*LONG), Limit(300)], [Filter(*LONG)], ([], [])),
    "limits": ([Limit(500)], [Downsample(0.5, ["uid"], NEGATIVE, "w"), Limit(200)], ([], W)),
    "limit-beyond": ([Limit(5000)], [Filter(*LONG)], ([], [])),
    "limit-of-copies": ([Upsample(2, POSITIVE), Limit(333)], [Limit(333)], ([], [])),
    "pruned": (
        [Filter("uid < 500", lambda t: np.asarray(t.column("uid")) < 500)],
        [Filter("uid >= 450", lambda t: np.asarray(t.column("uid")) >= 450)],
        ([], []),
    ),
    "nothing": (
        [Filter("label + 0 = 7", lambda t: np.zeros(len(t), bool))],
        [Filter(*LONG)],
        ([], []),
    ),
}


@pytest.mark.parametrize("shuffle", [NONE, SHUFFLED], ids=["none", "shuffled"])
@pytest.mark.parametrize("case", CASES)
def test_rows_rates_and_weights(sandbox: Sandbox, case: str, shuffle: Shuffle) -> None:
    steps_a, steps_b, weights = CASES[case]
    a = table(sandbox, steps_a, shuffle)
    b = replace(a, steps=steps_b)
    got = diff(sandbox, a, b, "--full")
    compare(got, difference(a, b, columns=COLUMNS, weights=weights))
    assert got["sample"]["all_rows"] == got["sample"]["rows"]
    assert got["overlaps"] is True


def test_the_rows_of_a_smaller_share_are_among_those_of_a_larger(sandbox: Sandbox) -> None:
    a, b, weights = CASES["downsample"]
    whole = table(sandbox, a)
    got = diff(sandbox, whole, replace(whole, steps=b), "--full")
    assert got["b"]["only"]["rows"] == 0
    assert got["b"]["both"]["rows"] == got["b"]["all"]["rows"] > 0
    assert weights == (W, W)


@pytest.mark.parametrize("rows", [1, 260, 700, 5000])
def test_a_sample_has_the_same_row_groups_for_both(sandbox: Sandbox, rows: int) -> None:
    a = table(sandbox, [Downsample(0.5, ["uid"], NEGATIVE, "w"), Limit(450)])
    b = replace(a, steps=[Filter(*LONG)], shuffle=NONE)
    got = diff(sandbox, a, b, "--sample", str(rows))
    expected = difference(a, b, columns=COLUMNS, weights=(W, []), sample=rows)
    compare(got, expected)
    assert got["sample"]["all_rows"] == 1200
    assert got["sample"]["all_row_groups"] == 12
    experiments(sandbox, a, b)
    text = sandbox.start("diff", "a.yaml", "b.yaml", "--sample", str(rows)).wait().expect(2).out
    line = (
        f"on {expected.rows} of the 1,200 rows that either reads, "
        f"in {expected.groups} of 12 row groups (--full compares all)"
        if rows < 1200
        else "on all 1,200 rows that either reads"
    )
    assert text.splitlines()[2] == line


def test_another_label_and_other_values(sandbox: Sandbox) -> None:
    def steps(when: tuple[str, Mask], more: str) -> list[Step]:
        return [
            Rename({"label": "click"}, {"label": "click"}),
            Label({"stays": [(*when, 1)]}),
            Derive({"x": (f"dense_0 + {more}", lambda t: _plus(t, float(more)))}),
        ]

    tensors = TENSORS | {"y": Tensor("stays"), "x": Tensor("x", fill=0)}
    a = replace(table(sandbox, steps(LONG, "1")), tensors=tensors)
    b = replace(a, steps=steps(LONGER, "1"))
    columns = ["dense_1", "dense_0", "seq", "stays", "x", "uid"]
    labels = ("stays", "stays")
    expected = difference(a, b, columns=columns, weights=([], []), labels=labels)
    got = diff(sandbox, a, b, "--full")
    assert got["a"]["label"] == "stays"
    compare(got, expected)
    assert 0 < expected.changed["stays"] < 1200
    assert expected.changed["x"] == 0
    c = replace(b, steps=steps(LONG, "2"))
    expected = difference(a, c, columns=columns, weights=([], []), labels=("click", "click"))
    compare(diff(sandbox, a, c, "--full", "--label", "click"), expected)
    nulls = a.sequence().rows.column("dense_0").null_count
    assert expected.changed["x"] == 1200 - nulls


def _plus(rows: Any, number: float) -> Any:
    return pc.add(rows.column("dense_0").cast("float64"), number)


def test_columns_of_one_side_and_of_other_types(sandbox: Sandbox) -> None:
    a = table(sandbox, [Derive({"x": ("label + 0", lambda t: t.column("label"))})])
    a = replace(a, tensors={"x": Tensor("x"), "d": Tensor("dense_1")})
    double = Derive({"x": ("label + 0.5 * label", lambda t: t.column("label"))})
    b = replace(
        a, steps=[double], tensors={"x": Tensor("x", dtype="float32"), "s": Tensor("seq", fill=0)}
    )
    got = diff(sandbox, a, b, "--full")
    (x, uid) = got["columns"]
    assert x["types"][0] == "TINYINT"
    positive = sum(a.sequence().rows.column("label").to_pylist())
    assert (x["name"], x["differing"]) == ("x", positive)
    assert uid == {"name": "uid", "differing": 0, "types": None}
    assert got["columns_only_in_a"] == ["dense_1"]
    assert got["columns_only_in_b"] == ["seq"]


def test_other_sources(sandbox: Sandbox) -> None:
    a = table(sandbox, [Filter(*LONG)])
    some = replace(a, parquet=["t/part-000.parquet", "t/part-002.parquet"])
    some = replace(some, files=["part-000.parquet", "part-002.parquet"], steps=[])
    compare(
        diff(sandbox, a, some, "--full"),
        difference(a, some, columns=COLUMNS, weights=([], [])),
    )
    one = replace(a, parquet="t/part-000.parquet", files=["part-000.parquet"])
    two = replace(a, parquet="t/part-001.parquet", files=["part-001.parquet"])
    got = diff(sandbox, one, two, "--full")
    assert got["overlaps"] is False
    compare(got, difference(one, two, columns=COLUMNS, weights=([], [])))
    text = sandbox.start("diff", "a.yaml", "b.yaml").wait().expect(2).out
    assert "No row can be in both: A and B read no row group in common" in text.splitlines()


def test_what_is_the_same(sandbox: Sandbox) -> None:
    a = table(sandbox, [Filter(*LONG), Downsample(0.5, ["uid"], NEGATIVE, "w")])
    assert diff(sandbox, a, replace(a, shuffle=NONE, batch=7), "--full")["same"] is True
    assert diff(sandbox, a, replace(a, steps=a.steps[:1]), "--full")["same"] is False


def test_lists_made_rows(sandbox: Sandbox) -> None:
    a = table(sandbox, [Explode(["seq"], "place")])
    b = replace(a, steps=[Filter(*LONG), Explode(["seq"], "place")])
    expected = difference(a, b, columns=COLUMNS, weights=([], []))
    compare(diff(sandbox, a, b, "--full"), expected)
    assert expected.b.only.rows == 0


def test_the_text(sandbox: Sandbox) -> None:
    a = table(sandbox, [Downsample(0.4, ["uid"], NEGATIVE, "w")])
    a = replace(a, tensors={"d": Tensor("dense_1"), "w": Tensor("w")})
    b = replace(a, steps=[Downsample(0.1, ["uid"], NEGATIVE, "w")])
    expected = difference(a, b, columns=["dense_1", "w", "uid"], weights=(W, W))
    experiments(sandbox, a, b)
    done = sandbox.start("diff", "a.yaml", "b.yaml").wait().expect(2)
    lines = done.out.splitlines()
    assert lines[:3] == [
        "A: dataset train of a.yaml",
        "B: dataset train of b.yaml",
        "on all 1,200 rows that either reads",
    ]
    assert " ".join(lines[4].split()) == "ROWS OF ROWS SHARE RATE OF LABEL SUM OF WEIGHTS"
    for i, (what, side, rows) in enumerate(
        [
            ("A", expected.a, expected.a.all),
            ("in both, as in A", expected.a, expected.a.both),
            ("only in A", expected.a, expected.a.only),
            ("B", expected.b, expected.b.all),
            ("in both, as in B", expected.b, expected.b.both),
            ("only in B", expected.b, expected.b.only),
        ]
    ):
        rate = "-" if rows.rate is None else f"{rows.rate * 100:.2f} %"
        share = f"{rows.rows / side.all.rows * 100:.1f} %"
        line = f"{what} {rows.rows:,} {share} label {rate} w {rows.weights['w']:,.1f}"
        assert " ".join(lines[5 + i].split()) == line
    assert lines[12].split() == ["STEP", "DROPPED", "ADDED"]
    dropped = 1200 - expected.a.all.rows
    assert lines[13].startswith("A 0 downsample: keep 0.4 of rows where label = 0 by hash of ")
    assert lines[13].split()[-2:] == [str(dropped), "0"]
    both = expected.a.both.rows
    changed = expected.changed["w"]
    assert lines[16:] == [
        f"column w: another value in {changed} of the {both} rows in both, "
        f"{changed / both * 100:.1f} %",
        "the same values in the rows in both: dense_1, uid",
    ]


def test_which_datasets(sandbox: Sandbox) -> None:
    dataset = table(sandbox, [])
    sandbox.experiment({"train": dataset, "valid": dataset})
    (sandbox.folder / "experiment.yaml").rename(sandbox.folder / "a.yaml")
    sandbox.experiment({"valid": dataset, "test": dataset})
    (sandbox.folder / "experiment.yaml").rename(sandbox.folder / "b.yaml")

    def compared(*arguments: str) -> list[tuple[str, str]]:
        done = sandbox.start("diff", "a.yaml", "b.yaml", "--json", *arguments).wait().expect(0)
        trees = json.loads(done.out)["datasets"]
        return [(tree["a"]["name"], tree["b"]["name"]) for tree in trees]

    assert compared() == [("valid", "valid")]
    assert compared("train", "test") == [("train", "test")]
    assert compared("valid") == [("valid", "valid")]
    assert compared("--dataset", "valid") == [("valid", "valid")]

    def refused(*arguments: str) -> str:
        done = sandbox.start("diff", *arguments).wait().expect(2)
        assert done.out == ""
        return done.err

    assert 'Unknown dataset "train"' in refused("a.yaml", "b.yaml", "train")
    assert refused("a.yaml", "b.yaml", "train", "--dataset", "valid") == (
        "error: Invalid datasets: train (name one for each experiment, or --dataset)\n"
    )
    assert refused("a.yaml", "b.yaml", "--sample", "0") == (
        "error: Invalid --sample: 0 (must be >= 1)\n"
    )
    sandbox.experiment({"one": dataset, "two": dataset})
    assert refused("a.yaml", "experiment.yaml") == (
        "error: The experiments have no dataset of the same name: a.yaml has train, valid, "
        "experiment.yaml has one, two (name one for each)\n"
    )


def mixes(sandbox: Sandbox, a: Mixed, b: Mixed) -> None:
    for name, mix in (("a.yaml", a), ("b.yaml", b)):
        mixed: dict[str, Any] = {key: dataset for key, (dataset, _) in mix.datasets.items()}
        sandbox.experiment(mixed | {"train": mix}).rename(sandbox.folder / name)


def test_mixes(sandbox: Sandbox) -> None:
    some, all_rows = table(sandbox, [Filter(*LONG)]), table(sandbox, [])
    some, all_rows = replace(some, tensors={}), replace(all_rows, tensors={})
    tensors = {"d": Tensor("dense_1")}
    a = Mixed({"organic": (some, 0.7), "promoted": (all_rows, 0.3)}, tensors, "stop")
    b = Mixed({"organic": (some, 0.5), "old": (some, 0.5)}, tensors, "rest", limit=1000)
    mixes(sandbox, a, b)
    done = sandbox.start("diff", "a.yaml", "b.yaml").wait().expect(2)
    assert done.out.splitlines()[:10] == [
        "A: mix train of a.yaml",
        "B: mix train of b.yaml",
        "",
        "MIX                IN A  IN B",
        "ratio of organic    0.7   0.5",
        "ratio of promoted   0.3     -",
        "ratio of old          -   0.5",
        "on_dry             stop  rest",
        "limit                 -  1000",
        "",
    ]
    assert re.findall("^A: dataset (.*) of", done.out, re.MULTILINE) == ["organic"]
    told = json.loads(sandbox.start("diff", "a.yaml", "b.yaml", "train", "--json").wait().out)
    (mix,) = told["mixes"]
    assert mix == {
        "same": False,
        "a": {
            "name": "train",
            "mix": [{"dataset": "organic", "ratio": 0.7}, {"dataset": "promoted", "ratio": 0.3}],
            "on_dry": "stop",
            "limit": None,
        },
        "b": {
            "name": "train",
            "mix": [{"dataset": "organic", "ratio": 0.5}, {"dataset": "old", "ratio": 0.5}],
            "on_dry": "rest",
            "limit": 1000,
        },
    }
    assert [dataset["same"] for dataset in told["datasets"]] == [True]
    mixes(sandbox, a, replace(a, datasets=a.datasets | {"organic": (all_rows, 0.7)}))
    told = json.loads(sandbox.start("diff", "a.yaml", "b.yaml", "--json").wait().expect(2).out)
    assert [mix["same"] for mix in told["mixes"]] == [True]
    same = {dataset["a"]["name"]: dataset["same"] for dataset in told["datasets"]}
    assert same == {"organic": False, "promoted": True}
    mixes(sandbox, a, a)
    told = json.loads(sandbox.start("diff", "a.yaml", "b.yaml", "--json").wait().expect(0).out)
    assert len(told["mixes"]) == 1
    assert len(told["datasets"]) == 2
    members = sandbox.start("diff", "a.yaml", "b.yaml", "organic", "promoted", "--json").wait()
    (only,) = json.loads(members.expect(2).out)["datasets"]
    assert only["b"]["only"]["rows"] == 1200 - len(some.sequence().rows)
    refused = sandbox.start("diff", "a.yaml", "b.yaml", "organic", "train").wait().expect(2)
    assert refused.err == (
        'error: Dataset "train" of b.yaml is a mix, "organic" of a.yaml is none '
        "(compare it with one of: organic, promoted)\n"
    )
    previewed = sandbox.start("preview", "a.yaml", "train").wait().expect(0).out
    everything = sandbox.start("preview", "a.yaml").wait().expect(0).out
    assert previewed == everything


def test_a_row_that_fails_is_bad_data(sandbox: Sandbox) -> None:
    a = table(sandbox, [])
    fails = Filter("CASE WHEN uid = 7 THEN error('boom') ELSE true END", lambda t: t)
    experiments(sandbox, a, replace(a, steps=[fails]))
    (line,) = sandbox.start("diff", "a.yaml", "b.yaml").wait().expect(3).errors
    place = f"{sandbox.folder / 't' / 'part-000.parquet'}, row group 0, row 7"
    assert line == (
        'error: B: Step 0 (filter) of dataset "train" cannot be computed: boom '
        f"(filter such rows out, or use try_cast or another dtype) [{place}]"
    )


def test_a_row_group_that_cannot_be_read_is_bad_data(sandbox: Sandbox) -> None:
    a = table(sandbox, [])
    data.damage(sandbox.folder / "t" / "part-001.parquet", 1, "dense_1")
    experiments(sandbox, a, replace(a, on_corrupt="skip"))
    (line,) = sandbox.start("diff", "a.yaml", "b.yaml").wait().expect(3).errors
    assert line.startswith(
        f"error: A: Cannot read {sandbox.folder / 't' / 'part-001.parquet'}, row"
    )
    experiments(sandbox, replace(a, on_corrupt="skip"), replace(a, on_corrupt="skip"))
    (line,) = sandbox.start("diff", "a.yaml", "b.yaml").wait().expect(3).errors
    assert line.endswith("(a comparison leaves none out)")
