"""`lastmile preview`: counts, shares and rows of a sample, equal to those of the oracle."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from test_pruning import FOLDERS
from test_schemas import FILES, ROW_GROUP, ROWS, columns

import data
from harness import Sandbox
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.effects import Effects, effects
from oracle.language import (
    Cast,
    Explode,
    Join,
    Label,
    Limit,
    Member,
    Rename,
    Sample,
    Small,
    Split,
    Step,
    Truncate,
    Upsample,
    Weight,
)
from oracle.steps import Derive, Downsample, Drop, Filter, Mask, Select, true
from oracle.tensors import Tensor

COLLECT = str(Path(__file__).parent / "scripts" / "collect.py")
POSITIVE: tuple[str, Mask] = ("label = 1", lambda t: true(pc.equal(t.column("label"), 1)))
NEGATIVE: tuple[str, Mask] = ("label = 0", lambda t: true(pc.equal(t.column("label"), 0)))
TENSORS = {"dense": Tensor("dense_*", fill=0), "seq": Tensor("seq", fill=0)}
SMALL = Small(
    {"values": {"user_id": list(range(0, 300, 2)), "age": list(range(150))}},
    pa.table({"user_id": list(range(0, 300, 2)), "age": list(range(150))}),
)
KEY = {"user_id": "user_id"}


def table(sandbox: Sandbox, steps: list[Step], tensors: dict[str, Tensor] | None = None) -> Dataset:
    root = sandbox.folder / "t"
    files = data.write_impressions(root, files=3, rows=400, row_group=130)
    return Dataset("t", root, files, TENSORS if tensors is None else tensors, steps, batch=50)


def preview(sandbox: Sandbox, dataset: Dataset, *arguments: str) -> dict[str, Any]:
    path = sandbox.experiment(dataset)
    done = sandbox.start("preview", path.name, "train", "--json", *arguments).wait().expect(0)
    assert done.err == ""
    tree = json.loads(done.out)
    assert tree["version"] == 1
    (only,) = tree["datasets"]
    assert only["name"] == "train"
    return dict(only)


def compare(got: dict[str, Any], dataset: Dataset, expected: Effects, rows: int = 10) -> None:
    sample = got["sample"]
    assert sample["rows"] == expected.read
    assert sample["rows_left"] == len(expected.rows)
    assert [step["step"] for step in got["steps"]] == list(range(len(dataset.steps)))
    for step, said, effect in zip(got["steps"], dataset.steps, expected.steps, strict=True):
        assert step["kind"] == next(iter(said.yaml()))
        assert (step["rows_in"], step["rows_out"]) == (effect.rows_in, effect.rows_out), step
        kept = effect.rows_out / effect.rows_in if effect.rows_in else None
        assert _near(step["kept"], kept), step
        assert _near(step["label_rate_before"], effect.rate_before), step
        assert _near(step["label_rate_after"], effect.rate_after), step
        assert step["weights"] == pytest.approx(effect.weights, rel=1e-12), step
        assert step["null_shares"] == pytest.approx(effect.nulls, rel=1e-9, abs=1e-12), step
    assert len(got["rows"]) == min(rows, len(expected.rows))
    for i, column in enumerate(got["columns"]):
        values = expected.rows.column(column["name"]).slice(0, rows).to_pylist()
        shown = [row[i] for row in got["rows"]]
        assert [_exact(v, column["type"]) for v in shown] == [
            _exact(v, column["type"]) for v in values
        ], column


def _near(share: float | None, expected: float | None) -> bool:
    if share is None or expected is None:
        return share is expected
    return share == pytest.approx(expected, rel=1e-12)


def _exact(value: Any, kind: str) -> Any:
    if isinstance(value, list):
        return [_exact(each, kind.partition("[")[0]) for each in value]
    return np.float32(value) if kind == "FLOAT" and value is not None else value


LONG: tuple[str, Mask] = ("dwell_s > 9", lambda t: true(pc.greater(t.column("dwell_s"), 9)))
SHARE = ("0.1 + label * 0.95", lambda t: 0.1 + np.asarray(t.column("label")) * 0.95)
EVEN = ("item_id % 2 = 0", lambda t: np.asarray(t.column("item_id")) % 2 == 0)

# Steps; the columns that each uses; the weights after each.
CASES: dict[str, tuple[list[Step], list[list[str]], list[list[str]]]] = {
    "none": ([], [], []),
    "filter": ([Filter(*LONG), Filter(*EVEN)], [["dwell_s"], ["item_id"]], [[], []]),
    "filter-everything": (
        [Filter("label + 0 = 7", lambda t: np.zeros(len(t), bool)), Filter(*LONG)],
        [["label"], []],
        [[], []],
    ),
    "derive": (
        [
            Derive({"d": ("dense_0 + 1", lambda t: pc.add(t.column("dense_0"), 1))}),
            Filter("d > 1 AND Surface <> ''", lambda t: _above(t) & _surface(t)),
        ],
        [["dense_0"], ["d", "surface"]],
        [[], []],
    ),
    "columns": (
        [
            Drop(["emb"]),
            Rename({"user_id": "u"}, {"user_id": "u"}),
            Cast({"dense_*": ("DOUBLE", pa.float64()), "label": ("BIGINT", pa.int64())}),
            Truncate(["seq"], first=2),
            Select(["u", "uid", "dense_*", "seq"]),
            Filter("u > 100", lambda t: true(pc.greater(t.column("u"), 100))),
        ],
        [[], [], ["dense_0", "dense_1", "dense_2", "label"], ["seq"], [], ["u"]],
        [[]] * 6,
    ),
    "join-left": (
        [
            Join(SMALL, KEY, ["age"]),
            Filter("age IS NULL", lambda t: np.asarray(t.column("age").is_null())),
        ],
        [["user_id"], ["age"]],
        [[], []],
    ),
    "join-inner": (
        [Join(SMALL, KEY, ["age"], inner=True), Filter(*LONG)],
        [["user_id"], ["dwell_s"]],
        [[], []],
    ),
    "semi-join": ([Member(SMALL, KEY)], [["user_id"]], [[]]),
    "anti-join": ([Member(SMALL, KEY, anti=True)], [["user_id"]], [[]]),
    "downsample": (
        [
            Downsample(0.3, ["user_id"], NEGATIVE, "w"),
            Downsample(SHARE, [], EVEN, "w"),
            Rename({"w": "weight"}, {"w": "weight"}),
        ],
        [["label", "user_id"], ["item_id", "label"], []],
        [["w"], ["w"], ["weight"]],
    ),
    "weight": (
        [
            Weight({"w": ("dense_0", lambda t: t.column("dense_0"))}),
            Weight(
                {
                    "w": ("2", lambda t: np.full(len(t), 2)),
                    "dwell_s": ("1", lambda t: np.full(len(t), 1)),
                }
            ),
            Drop(["w"]),
        ],
        [["dense_0"], [], []],
        [["w"], ["dwell_s", "w"], ["dwell_s"]],
    ),
    "sample": ([Sample(0.7), Sample(0.5, ["user_id"])], [[], ["user_id"]], [[], []]),
    "split": ([Split({"train": 0.7, "valid": 0.3}, "train", ["user_id"])], [["user_id"]], [[]]),
    "explode": (
        [
            Downsample(0.5, ["uid"], weight="w"),
            Explode(["seq"], "place"),
            Filter("seq > 20", lambda t: true(pc.greater(t.column("seq"), 20))),
            Sample(0.8),
        ],
        [["uid"], ["seq"], ["seq"], []],
        [["w"]] * 4,
    ),
    "upsample": (
        [Upsample(3, POSITIVE), Sample(0.5), Upsample(2), Filter(*LONG)],
        [["label"], [], [], ["dwell_s"]],
        [[]] * 4,
    ),
    "limit": (
        [Downsample(0.5, ["uid"], NEGATIVE, "w"), Upsample(2, POSITIVE), Limit(77)],
        [["label", "uid"], ["label"], []],
        [["w"]] * 3,
    ),
    "limit-beyond": ([Filter(*LONG), Limit(5000)], [["dwell_s"], []], [[], []]),
}


def _above(rows: pa.Table) -> np.ndarray:
    return true(pc.greater(rows.column("d"), 1))


def _surface(rows: pa.Table) -> np.ndarray:
    return true(pc.not_equal(rows.column("surface"), ""))


@pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=3)], ids=["none", "shuffled"])
@pytest.mark.parametrize("case", CASES)
def test_each_step_over_the_whole_table(sandbox: Sandbox, case: str, shuffle: Shuffle) -> None:
    steps, used, weights = CASES[case]
    tensors = {"d": Tensor("dense_1"), "s": Tensor("seq", fill=0)}
    dataset = replace(table(sandbox, steps, tensors), shuffle=shuffle)
    expected = effects(dataset, used=used, weights=weights)
    got = preview(sandbox, dataset)
    assert got["label"] == "label"
    assert got["in_sequence_order"] is True
    assert got["sample"]["row_groups"] == got["sample"]["all_row_groups"] == 12
    compare(got, dataset, expected)
    assert len(expected.rows) == len(dataset.sequence().rows)


def test_the_sample_is_the_first_splits(sandbox: Sandbox) -> None:
    steps, used, weights = CASES["downsample"]
    dataset = replace(table(sandbox, steps), shuffle=Shuffle(row_groups=2))
    sizes = [
        sum(len(dataset.row_group(*group)) for group in split) for split in dataset.splits(42, 0)
    ]
    for splits in (1, 2, 5):
        rows = sum(sizes[:splits])
        expected = effects(dataset, used=used, weights=weights, splits=splits)
        got = preview(sandbox, dataset, "--sample", str(rows), "--rows", "300")
        assert got["sample"]["row_groups"] == 2 * splits
        assert got["sample"]["all_rows"] == 1200
        compare(got, dataset, expected, rows=300)


def test_less_than_a_split_is_in_file_order(sandbox: Sandbox) -> None:
    dataset = replace(table(sandbox, [Filter(*LONG)]), shuffle=Shuffle(row_groups=12))
    got = preview(sandbox, dataset, "--sample", "300", "--rows", "1000")
    alone = replace(dataset, shuffle=NONE)
    expected = effects(alone, used=[["dwell_s"]], weights=[[]], splits=2)
    assert got["in_sequence_order"] is False
    compare(got, dataset, expected, rows=1000)
    done = sandbox.start("preview", "experiment.yaml", "--sample", "300").wait().expect(0)
    assert (
        "10 rows in the order of the files (the first split is larger than the sample)" in done.out
    )


@pytest.mark.parametrize("made", [True, False])
def test_a_label_of_a_step_or_named(sandbox: Sandbox, made: bool) -> None:
    steps: list[Step] = [
        Rename({"label": "click"}, {"label": "click"}),
        Filter(*EVEN),
        Label({"stays": [(*LONG, 2)]}),
        Filter(*LONG),
    ]
    dataset = table(sandbox, steps)
    got = preview(sandbox, dataset, *([] if made else ["--label", "click"]))
    used = [[], ["item_id"], ["dwell_s"], ["dwell_s"]]
    label = "stays" if made else "click"
    assert got["label"] == label
    compare(got, dataset, effects(dataset, used=used, weights=[[]] * 4, label=label))
    rates = [step["label_rate_after"] is None for step in got["steps"]]
    assert rates == ([True, True, False, False] if made else [False] * 4)


def test_an_expression_sees_only_the_rows_that_are_left(sandbox: Sandbox) -> None:
    steps: list[Step] = [
        Filter("surface = 'home'", lambda t: true(pc.equal(t.column("surface"), "home"))),
        Weight({"w": ("CASE WHEN surface <> 'home' THEN error('seen') ELSE 2 END", _twos)}),
    ]
    dataset = table(sandbox, steps)
    expected = effects(dataset, used=[["surface"], ["surface"]], weights=[[], ["w"]])
    compare(preview(sandbox, dataset), dataset, expected)


def _twos(rows: pa.Table) -> np.ndarray:
    return np.full(len(rows), 2)


def test_values_of_every_type(sandbox: Sandbox) -> None:
    (sandbox.folder / "t").mkdir()
    rows = data.awkward(3, 60)
    pq.write_table(rows, sandbox.folder / "t" / "a.parquet")
    columns = ["float32", "float64_null", "flag_null", "int64", "uint8", "list_float", "emb_null"]
    tensors = {name: Tensor(name, fill=0) for name in columns}
    dataset = Dataset("t", sandbox.folder / "t", ["a.parquet"], tensors, [], shuffle=NONE)
    got = preview(sandbox, dataset, "--rows", "60")
    for i, column in enumerate(got["columns"]):
        values = rows.column(column["name"]).to_pylist()
        for row, value in zip(got["rows"], values, strict=True):
            shown = row[i]
            if isinstance(value, float) and not np.isfinite(value):
                assert isinstance(shown, str)
                assert str(float(shown)) == str(value)
            else:
                assert _exact(shown, column["type"]) == _exact(value, column["type"])


def test_the_text(sandbox: Sandbox) -> None:
    steps: list[Step] = [Filter(*EVEN), Downsample(0.5, ["uid"], NEGATIVE, "w")]
    dataset = replace(
        table(sandbox, steps, {"one": Tensor("label"), "w": Tensor("w")}), shuffle=NONE
    )
    expected = effects(dataset, used=[["item_id"], ["label", "uid"]], weights=[[], ["w"]])
    path = sandbox.experiment(dataset)
    done = sandbox.start("preview", path.name, "--rows", "2").wait().expect(0)
    first, second = expected.steps

    def share(value: float | None) -> str:
        assert value is not None
        return f"{value * 100:.1f} %"

    def rate(value: float | None) -> str:
        assert value is not None
        return f"{value * 100:.2f} %"

    lines = done.out.splitlines()
    assert lines[0] == (
        "dataset train: 1,200 rows of the first 12 of 12 row groups of epoch 0, "
        f"{second.rows_out} left"
    )
    assert lines[1] == ""
    head = "STEP ROWS IN ROWS OUT KEPT RATE OF label SUM OF WEIGHTS NULLS"
    assert lines[2].split() == head.split()
    before, between = rate(first.rate_before), rate(first.rate_after)
    counts = f"1,200 {first.rows_out} {share(first.rows_out / first.rows_in)}"
    step = f"0 filter: keep where item_id % 2 = 0 {counts} {before} → {between} - item_id 0.0 %"
    assert lines[3].split() == step.split()
    kept, after = share(second.rows_out / second.rows_in), rate(second.rate_after)
    weight = f"w {second.weights['w']:,.1f}"
    end = f"{kept} {between} → {after} {weight} label 0.0 %, uid 0.0 %"
    assert " ".join(lines[4].split()).endswith(f" {second.rows_in} {second.rows_out} {end}")
    assert lines[6] == "2 rows from the first of epoch 0:"
    assert lines[7].split() == ["label", "w", "uid"]
    shown = expected.rows.slice(0, 2).to_pylist()
    assert [line.split() for line in lines[8:10]] == [
        [str(row["label"]), str(row["w"]), str(row["uid"])] for row in shown
    ]
    assert len(lines) == 10


@pytest.mark.parametrize("pruned", [False, True])
def test_nothing_is_left(sandbox: Sandbox, pruned: bool) -> None:
    sql = "label = 7" if pruned else "label + 0 = 7"
    nothing = Filter(sql, lambda t: np.zeros(len(t), bool))
    weight = Weight({"w": ("2", _twos)})
    dataset = table(sandbox, [nothing, Filter(*EVEN), weight], {"w": Tensor("w")})
    sandbox.experiment(dataset)
    done = sandbox.start("preview", "experiment.yaml").wait().expect(0)
    lines = done.out.splitlines()
    assert lines[-1] == "No row of the sample is left"
    assert lines[4].split()[-8:] == ["0", "0", "-", "-", "→", "-", "-", "-"]
    assert lines[5].split()[-9:] == ["0", "0", "-", "-", "→", "-", "w", "0.0", "-"]
    got = preview(sandbox, dataset)
    assert got["rows"] == []
    assert [step["rows_in"] for step in got["steps"]] == [0 if pruned else 1200, 0, 0]
    assert got["sample"]["row_groups"] == (0 if pruned else 12)
    groups = got["sample"]["pruned_row_groups"]
    assert groups == (12 if pruned else 0)
    assert ("12 row groups more are pruned by label = 7)" in lines[0]) == pruned


def test_the_query(sandbox: Sandbox) -> None:
    path = sandbox.experiment(table(sandbox, [Filter(*LONG)]))
    done = sandbox.start("preview", path.name, "train", "--sql").wait().expect(0)
    explained = sandbox.start("explain", path.name).wait().expect(0)
    query = done.out.rstrip("\n").splitlines()
    assert query[0].startswith("SELECT ")
    told = [line[4:] for line in explained.out.splitlines()]
    assert [line for line in told if line in query] == query


def test_mistakes(sandbox: Sandbox) -> None:
    path = sandbox.experiment(table(sandbox, [])).name
    for arguments, message in {
        ("trian",): 'Unknown dataset "trian" (did you mean "train"?) [experiment.yaml:4]',
        ("--label", "labl"): 'Invalid label: unknown column "labl" (did you mean "label"?)',
        ("--label", "surface"): 'Invalid label: "surface" is VARCHAR (must be a number or BOOLEAN)',
        ("--rows", "-1"): "Invalid --rows: -1 (must be >= 0)",
        ("--sample", "0"): "Invalid --sample: 0 (must be >= 1)",
    }.items():
        done = sandbox.start("preview", path, *arguments).wait().expect(2)
        assert done.errors == [f"error: {message}"]
        assert done.out == ""


FAILING: dict[str, list[Step]] = {
    "step": [Filter("CASE WHEN uid = 700 THEN error('boom') ELSE true END", lambda t: t)],
    "column": [Derive({"x": ("CASE WHEN uid = 700 THEN error('boom') ELSE 1 END", lambda t: t)})],
}


@pytest.mark.parametrize("case", FAILING)
def test_an_expression_that_fails_is_told_as_by_a_run(sandbox: Sandbox, case: str) -> None:
    tensors = {"x": Tensor("x" if case == "column" else "label")}
    dataset = replace(table(sandbox, FAILING[case], tensors), shuffle=Shuffle(row_groups=3))
    train = {"script": COLLECT, "args": ["1"], "ranks": 1}
    path = sandbox.experiment(dataset, train=train)
    (told,) = sandbox.run(path).expect(3).errors
    shown = ["--rows", "1200"]  # what only tensors need is computed for the rows that are shown
    done = sandbox.start("preview", path.name, *shown).wait().expect(3)
    assert done.errors == [told]
    assert done.out == ""
    what = "Step 0 (filter)" if case == "step" else 'Column "x"'
    assert told == (
        f'error: {what} of dataset "train" cannot be computed: boom (filter such rows out, or use '
        f"try_cast or another dtype) [{sandbox.folder / 't' / 'part-001.parquet'}, row group 2, "
        "row 300]"
    )


def test_an_expression_that_only_the_preview_computes_names_its_row(sandbox: Sandbox) -> None:
    made = Derive({"x": ("CASE WHEN uid = 700 THEN error('boom') ELSE 1 END", lambda t: t)})
    path = sandbox.experiment(table(sandbox, [made], {"one": Tensor("label")}))
    done = sandbox.start("preview", path.name, "--label", "x").wait().expect(3)
    assert done.errors == [
        'error: An expression of dataset "train" failed on a row: boom (filter such rows out, or '
        f"use try_cast or another dtype) [{sandbox.folder / 't' / 'part-001.parquet'}, row group "
        "2, row 300]"
    ]


@pytest.mark.parametrize("column", ["user_id", "dense_1"])
@pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=3)], ids=["none", "shuffled"])
def test_what_cannot_be_read_is_left_out_where_the_source_says_so(
    sandbox: Sandbox, shuffle: Shuffle, column: str
) -> None:
    steps, used, weights = CASES["downsample"]
    dataset = replace(table(sandbox, steps, {"d": Tensor("dense_1")}), shuffle=shuffle)
    name = "part-001.parquet"
    data.damage(sandbox.folder / "t" / name, 2, column)
    train = {"script": COLLECT, "args": ["1"], "ranks": 1}
    path = sandbox.experiment(dataset, train=train)
    (told,) = sandbox.run(path).expect(3).errors
    assert f"{name}, row group 2" in told
    assert "(source.on_corrupt: skip leaves it out)" in told
    if column == "user_id":  # the steps need it
        assert sandbox.start("preview", path.name).wait().expect(3).errors == [told]
    dataset = replace(dataset, on_corrupt="skip", corrupt=frozenset({(name, 2)}))
    got = preview(sandbox, dataset)
    compare(got, dataset, effects(dataset, used=used, weights=weights))
    (skipped,) = got["sample"]["row_groups_skipped"]
    assert skipped.startswith(f"{sandbox.folder / 't' / name}, row group 2: ")
    assert got["sample"]["row_groups"] == 11
    text = sandbox.start("preview", path.name).wait().expect(0).out
    assert text.splitlines()[1] == f"  skipped {skipped}"


def test_nothing_can_be_read(sandbox: Sandbox) -> None:
    dataset = replace(table(sandbox, [Filter(*EVEN)], {"d": Tensor("dense_1")}), on_corrupt="skip")
    for name in dataset.files:
        for group in range(4):
            data.damage(sandbox.folder / "t" / name, group, "dense_1")
    got = preview(sandbox, dataset)
    assert len(got["sample"]["row_groups_skipped"]) == 12
    assert got["sample"]["rows"] == got["sample"]["row_groups"] == 0
    assert got["rows"] == []


def test_files_with_different_columns(sandbox: Sandbox) -> None:
    root = sandbox.folder / "t"
    root.mkdir()
    files = []
    for i, kinds in enumerate(FILES):
        files.append(f"{i}.parquet")
        pq.write_table(columns(i * ROWS, kinds), root / files[-1], row_group_size=ROW_GROUP)
    steps = [
        Downsample(0.8, ["new"], weight="w"),
        Filter("n IS NOT NULL", lambda t: np.asarray(t.column("n").is_valid())),
    ]
    tensors = {name: Tensor(name, fill=0) for name in ("small", "x", "n", "new", "seq", "w")}
    dataset = Dataset("t", root, files, tensors, steps, shuffle=Shuffle(3), schema="union")
    expected = effects(dataset, used=[["new"], ["n"]], weights=[["w"], ["w"]], label=None)
    compare(preview(sandbox, dataset, "--rows", "500"), dataset, expected, rows=500)


@pytest.mark.parametrize("partition", [None, "dt = DATE '2024-03-01'"])
def test_hive_partitions(sandbox: Sandbox, partition: str | None) -> None:
    root = sandbox.folder / "t"
    files = []
    for i, folder in enumerate(FOLDERS):
        (root / folder).mkdir(parents=True)
        files.append(f"{folder}/part.parquet")
        pq.write_table(data.impressions(3, 300, i * 300), root / files[-1], row_group_size=70)
    day = pa.scalar("2024-03-01").cast(pa.date32())
    steps: list[Step] = [
        Downsample(0.8, ["dt", "place", "h", "uid"]),
        Filter("h >= 0 AND uid % 2 = 0", _hours),
    ]
    used = [["dt", "h", "place", "uid"], ["h", "uid"]]
    if partition is not None:
        steps.insert(0, Filter(partition, lambda t: true(pc.equal(t.column("dt"), day))))
        used.insert(0, ["dt"])
    tensors = {"h": Tensor("h"), "label": Tensor("label")}
    dataset = Dataset("t", root, files, tensors, steps, shuffle=Shuffle(3), keys=["uid", "h"])
    expected = effects(dataset, used=used, weights=[[]] * len(steps))
    got = preview(sandbox, dataset)
    compare(got, dataset, expected)
    assert got["sample"]["rows"] == (1500 if partition is None else 600)
    assert got["sample"]["pruned_files"] == (0 if partition is None else 3)


def _hours(rows: pa.Table) -> np.ndarray:
    uid = np.asarray(rows.column("uid"))
    return true(pc.greater_equal(rows.column("h"), 0)) & (uid % 2 == 0)
