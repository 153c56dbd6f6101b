"""Partitions are columns; files and row groups without rows to keep are not read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import data
from harness import Got, Sandbox, check_ranks, drain, load_ranks, order, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.steps import AntiJoin, Derive, Downsample, Drop, Filter, Select, true
from oracle.tensors import Tensor

COLLECT = str(Path(__file__).parent / "scripts" / "collect.py")
SHUFFLES = {
    "none": NONE,
    "row_groups": Shuffle(row_groups=3),
    "within": Shuffle(row_groups=2, within="dt"),
}
UID = {"uid": Tensor("uid")}
FOLDERS = [
    "dt=2024-03-01/place=Z%C3%BCrich/h=0",
    "dt=2024-03-01/place=a%2Fb/h=10",
    "dt=2024-03-02/place=__HIVE_DEFAULT_PARTITION__/h=2",
    "dt=__HIVE_DEFAULT_PARTITION__/place=x+y/h=-1",
    "dt=2024-03-10/place=x%20y/h=7",
]


def compared(sql: str, column: str, how: Callable[..., Any], value: Any) -> Filter:
    return Filter(sql, lambda t: true(how(t.column(column), value)))


@pytest.fixture
def days(sandbox: Sandbox) -> Dataset:
    """Five partitions of 300 rows in row groups of 70."""
    root = sandbox.folder / "t"
    files = []
    for i, folder in enumerate(FOLDERS):
        (root / folder).mkdir(parents=True)
        files.append(f"{folder}/part.parquet")
        pq.write_table(data.impressions(3, 300, i * 300), root / files[-1], row_group_size=70)
    tensors = {
        "h": Tensor("h"),
        "dt": Tensor("dt", fill=-5),
        "place": Tensor("place", fill=0, hash=(1000, 1)),
        "both": Tensor(["h", "uid"]),
    }
    return Dataset("t", root, files, tensors, batch=64, keys=["uid", "h"])


@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize("world", [1, 3])
def test_partitions_are_columns_like_others(
    sandbox: Sandbox, days: Dataset, world: int, shuffle: str
) -> None:
    listed = sandbox.folder / "hours.parquet"
    pq.write_table(pa.table({"hour": pa.array([2, None], pa.int32())}), listed)
    steps = [
        Downsample(0.8, ["dt", "place", "h", "uid"]),
        AntiJoin(listed, {"h": "hour"}),
        Derive({"late": ("h + 1", lambda t: pc.add(t.column("h"), 1))}),
        Filter("place IS NOT NULL", lambda t: np.asarray(t.column("place").is_valid())),
        Select(["uid", "late", "dt", "place", "h"]),
    ]
    tensors = days.tensors | {"late": Tensor("late")}
    whole = replace(days, tensors=tensors, steps=steps, shuffle=SHUFFLES[shuffle])
    with sandbox.serve(sandbox.experiment(whole)) as server:
        got = ranks(server.address, world, each=lambda feed: drain(feed, 2))
    check_ranks(got, whole, epochs=(0, 1))
    assert {h for batch in got[0] for h in batch.tensors["h"].tolist()} == {-1, 0, 7, 10}


PRUNING = {
    "partition": [
        Filter(
            "dt >= DATE '2024-03-02'",
            lambda t: true(
                pc.greater_equal(t.column("dt"), pa.scalar("2024-03-02").cast(pa.date32()))
            ),
        )
    ],
    "partition text": [compared("place = 'a/b'", "place", pc.equal, "a/b")],
    "partition null": [Filter("dt IS NULL", lambda t: np.asarray(t.column("dt").is_null()))],
    "row groups": [
        Filter(
            "uid BETWEEN 120 AND 400 AND label = 0",
            lambda t: (
                (np.asarray(t.column("uid")) >= 120)
                & (np.asarray(t.column("uid")) <= 400)
                & (np.asarray(t.column("label")) == 0)
            ),
        )
    ],
    "both, in two steps": [
        compared("uid > 250", "uid", pc.greater, 250),
        Drop(["seq"]),
        Derive({"two": ("uid * 2", lambda t: pc.multiply(t.column("uid"), 2))}),
        Filter(
            "(h < 3 AND uid < 640) AND two > 0",
            lambda t: (
                (np.asarray(t.column("h")) < 3)
                & (np.asarray(t.column("uid")) < 640)
                & (np.asarray(t.column("uid")) > 0)
            ),
        ),
        Downsample(0.5),
    ],
    "nothing left": [compared("h > 100", "h", pc.greater, 100)],
    "no row group left": [compared("uid = 5000", "uid", pc.equal, 5000)],
    "nothing pruned": [
        Filter("uid % 2 = 0 OR h = 2", lambda t: _even(t) | (np.asarray(t.column("h")) == 2))
    ],
    "not leading": [
        Downsample(0.9, ["uid"]),
        compared("uid < 100", "uid", pc.less, 100),
    ],
}


def _even(rows: pa.Table) -> np.ndarray:
    return np.asarray(rows.column("uid")) % 2 == 0


@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize("what", PRUNING)
def test_what_is_pruned_is_not_read_and_the_rest_is_in_order(
    sandbox: Sandbox, days: Dataset, what: str, shuffle: str
) -> None:
    whole = replace(days, tensors=UID, steps=PRUNING[what], shuffle=SHUFFLES[shuffle])
    train = {"script": COLLECT, "args": ["2"], "ranks": 2}
    outcome = sandbox.run(sandbox.experiment(whole, train=train)).expect(0)
    check_ranks(load_ranks(sandbox.folder, 2), whole, epochs=(0, 1))
    told = outcome.summary["datasets"]["train"]
    assert told["pruned"] == whole.pruned()
    for epoch in told["epochs"]:
        sequence = whole.sequence(epoch=epoch["epoch"])
        assert epoch["rows_read"] == sequence.read
        assert [step["rows"] for step in epoch["rows_dropped"]] == sequence.dropped
    pruned = whole.pruned()
    if what in ("nothing pruned", "not leading"):
        assert pruned == {"files": 0, "row_groups": 0, "rows": 0}
        assert ", pruned " not in outcome.out
    else:
        assert pruned["files"] > 0
        files, groups, rows = (
            f"{pruned[key]:,} {thing}{'' if pruned[key] == 1 else 's'}"
            for key, thing in (("files", "file"), ("row_groups", "row group"), ("rows", "row"))
        )
        assert f"pruned {files} and {groups} with {rows}" in outcome.out


def test_a_pruned_file_is_not_opened(sandbox: Sandbox, days: Dataset) -> None:
    late = replace(days, tensors=UID, steps=PRUNING["partition"])
    (sandbox.folder / "t" / days.files[0]).write_text("no Parquet at all")
    (sandbox.folder / "t" / days.files[3]).write_text("")
    with sandbox.serve(sandbox.experiment(late)) as server:
        got = ranks(server.address, 2)
    check_ranks(got, late)
    assert sorted(order(got)) == [*range(600, 900), *range(1200, 1500)]


def test_a_file_that_is_not_pruned_is_opened(sandbox: Sandbox, days: Dataset) -> None:
    (sandbox.folder / "t" / days.files[0]).write_text("no Parquet at all")
    outcome = sandbox.start("explain", sandbox.experiment(days).name).wait()
    outcome.expect(2)
    assert f'"t/{days.files[0]}" is no Parquet file' in outcome.err


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_a_position_goes_on_among_what_is_left(
    sandbox: Sandbox, days: Dataset, shuffle: str
) -> None:
    steps = PRUNING["both, in two steps"][:-1]
    whole = replace(days, tensors=UID, steps=steps, shuffle=SHUFFLES[shuffle], batch=10)
    uids = whole.sequence().rows.column("uid").to_pylist()
    path = sandbox.experiment(whole)

    def first(feed: Any) -> list[Got]:
        return drain(feed, states=True, steps=3)

    with sandbox.serve(path) as server:
        before = ranks(server.address, 2, each=first)
    # What is pruned is no part of the plan: a new file there changes nothing.
    new = sandbox.folder / "t" / "dt=2024-04-01" / "place=new" / "h=5"
    new.mkdir(parents=True)
    (new / "part.parquet").write_text("never opened")
    with sandbox.serve(path) as server:
        rest = ranks(server.address, 3, state=before[0][-1].state)
    assert order(before) + order(rest) == uids
    assert 0 < len(order(rest)) < len(uids)


def test_a_position_of_other_row_groups_is_refused(sandbox: Sandbox, days: Dataset) -> None:
    steps = [compared("uid >= 300", "uid", pc.greater_equal, 300)]
    whole = replace(days, tensors=UID, steps=steps, batch=20)
    with sandbox.serve(sandbox.experiment(whole)) as server:
        state = ranks(server.address, 1, each=lambda feed: drain(feed, states=True, steps=3))
    table = data.impressions(3, 300, 0)
    uid = pa.array(np.asarray(table.column("uid")) + 300)  # the first file's rows count now
    pq.write_table(table.set_column(0, "uid", uid), whole.root / days.files[0], row_group_size=70)
    with (
        sandbox.serve(sandbox.experiment(whole)) as server,
        pytest.raises(Exception, match="plan"),
    ):
        ranks(server.address, 1, state=state[0][-1].state)


@pytest.mark.parametrize("shuffle", ["none", "row_groups"])
def test_a_corrupt_row_group_that_is_pruned_is_not_skipped(
    sandbox: Sandbox, days: Dataset, shuffle: str
) -> None:
    steps = [compared("uid >= 70", "uid", pc.greater_equal, 70)]
    whole = replace(
        days,
        tensors={"dense": Tensor("dense_1")},
        steps=steps,
        shuffle=SHUFFLES[shuffle],
        on_corrupt="skip",
    )
    data.damage(whole.root / days.files[0], 0, "dense_1")  # uids 0 … 69
    data.damage(whole.root / days.files[1], 2, "dense_1")
    train = {"script": COLLECT, "args": ["1"], "ranks": 2}
    outcome = sandbox.run(sandbox.experiment(whole, train=train)).expect(0)
    left = replace(whole, corrupt=frozenset({(days.files[1], 2)}))
    check_ranks(load_ranks(sandbox.folder, 2), left)
    told = outcome.summary["datasets"]["train"]
    assert told["row_groups_skipped"] == 1
    assert told["pruned"] == {"files": 0, "row_groups": 1, "rows": 70}


FLOATS = [[0.0, -0.0, None], [1.5, np.nan, 2.5], [np.nan, np.nan, np.nan], [None, None, None]]
TEXTS = [["", "a"], ["a\x00", "ab"], ["Z", "z"], ["ü", "🙂"]]


@pytest.mark.parametrize(
    "sql",
    [
        "x > 2",
        "x >= 2.5",
        "x < 1",
        "x <= -0.0",
        "x = 0",
        "x = 2.5",
        "x BETWEEN 2 AND 9",
        "x IN (1.5, 7)",
        "x IS NULL",
        "x IS NOT NULL",
        "s >= 'ab'",
        "s = ''",
        "s < 'a'",
        "s > 'z'",
        "s IN ('a', 'Z')",
        "'b' <= s AND x < 9",
    ],
)
def test_nan_nulls_and_odd_strings_are_never_lost(sandbox: Sandbox, sql: str) -> None:
    """No row that the same filter keeps where it does not lead is missing where it does."""
    root = sandbox.folder / "t"
    root.mkdir()
    with pq.ParquetWriter(
        root / "a.parquet",
        pa.schema([("uid", pa.int64()), ("x", pa.float64()), ("s", pa.string())]),
    ) as out:
        for i, values in enumerate(FLOATS):
            for j, texts in enumerate(TEXTS):
                uid = [(i * 4 + j) * 3 + k for k in range(3)]
                rows = {"uid": uid, "x": values, "s": [*texts, None]}
                out.write_table(pa.table(rows, schema=out.schema))
    steps = {
        "leading": [Filter(sql, lambda rows: rows)],
        "behind": [Downsample(1.0), Filter(sql, lambda rows: rows)],
    }
    got = {}
    for name, some in steps.items():
        dataset = Dataset("t", root, ["a.parquet"], UID, list(some), shuffle=NONE)
        with sandbox.serve(sandbox.experiment(dataset)) as server:
            got[name] = order(ranks(server.address, 1))
    assert got["leading"] == got["behind"]
    assert got["leading"]


def test_explain_says_what_is_pruned(sandbox: Sandbox, days: Dataset) -> None:
    whole = replace(days, tensors=UID, steps=PRUNING["both, in two steps"])
    outcome = sandbox.start("explain", sandbox.experiment(whole).name).wait().expect(0)
    pruned = whole.pruned()
    groups = len({g for split in whole.splits(42, 0) for g in split})
    assert (
        f"{5 - pruned['files']} of 5 files, {groups} of {groups + pruned['row_groups']} row groups"
        in outcome.out
    )
    assert "(pruned by h < 3; uid > 250; uid < 640)" in outcome.out


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            "h=1/a.parquet",
            '"dt=1/h=1/a.parquet" lies in partitions dt=…/h=…, but "h=1/a.parquet" in partitions '
            "h=… (all files of a source need the same partitions, in the same order)",
        ),
        (
            "dt=2/label=1/a.parquet",
            '"dt=1/h=1/a.parquet" lies in partitions dt=…/h=…, but "dt=2/label=1/a.parquet" in '
            "partitions dt=…/label=… (all files of a source need the same partitions, in the same "
            "order)",
        ),
    ],
)
def test_files_in_different_folders_are_named(sandbox: Sandbox, write: str, message: str) -> None:
    root = sandbox.folder / "t"
    for name in ("dt=1/h=1/a.parquet", write):
        (root / name).parent.mkdir(parents=True)
        pq.write_table(data.impressions(1, 10, 0), root / name)
    dataset = Dataset("t", root, [], UID)
    outcome = sandbox.start("explain", sandbox.experiment(dataset).name).wait().expect(2)
    assert message in outcome.err


def test_a_folder_with_the_name_of_a_column_is_an_error(sandbox: Sandbox) -> None:
    root = sandbox.folder / "t"
    (root / "Label=1").mkdir(parents=True)
    pq.write_table(data.impressions(1, 10, 0), root / "Label=1" / "a.parquet")
    dataset = Dataset("t", root, [], UID)
    outcome = sandbox.start("explain", sandbox.experiment(dataset).name).wait().expect(2)
    message = (
        '"Label=1/a.parquet" has a column "label" and lies in a folder "Label=…", which is a '
        "column as well (write the files without it, or give the folders another name)"
    )
    assert message in outcome.err
