"""Files with different columns are one table: `schema: union`, as pyarrow casts."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import data
from harness import Sandbox, check_ranks, drain, order, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.steps import AntiJoin, Derive, Downsample, Filter, true
from oracle.tensors import Tensor

ROWS, ROW_GROUP = 700, 150

TENSORS = {
    "small": Tensor("small", fill=-1),
    "mixed": Tensor("mixed", fill=-1),
    "x": Tensor("x", fill=0.5),
    "n": Tensor("n", fill=0.5),
    "at": Tensor("at", fill=0),
    "seq": Tensor("seq", fill=-1),
    "emb": Tensor("emb", fill=0.25),
    "new": Tensor("new", fill=7),
    "name": Tensor("name", hash=(999, 1), fill=-1),
    "doubled": Tensor("doubled", dtype="int64", fill=-1),
}


def columns(first: int, kinds: dict[str, pa.DataType]) -> pa.Table:
    """Some columns of some types, the values of each file its own."""
    r = data.rng(7, first)
    table: dict[str, pa.Array] = {"uid": pa.array(range(first, first + ROWS), pa.int64())}
    for name, kind in kinds.items():
        if pa.types.is_fixed_size_list(kind):
            table[name] = data.fixed(r, ROWS, kind.list_size).cast(kind)
        elif pa.types.is_list(kind):
            table[name] = data.lists(r, ROWS, kind.value_type)
        elif pa.types.is_string(kind):
            table[name] = data.with_nulls(r, [data.TEXTS[i % 7] for i in range(ROWS)], kind)
        elif pa.types.is_floating(kind):
            table[name] = data.with_nulls(r, r.normal(size=ROWS).astype(np.float32), kind)
        elif pa.types.is_timestamp(kind):
            ticks = r.integers(0, 10**9, ROWS) * 10 ** (
                3 * ["s", "ms", "us", "ns"].index(kind.unit)
            )
            table[name] = data.with_nulls(r, ticks, kind)
        else:
            info = np.iinfo(kind.to_pandas_dtype())
            values = r.integers(info.min, info.max, ROWS, dtype=info.dtype, endpoint=True)
            values[:2] = [info.min, info.max]
            table[name] = data.with_nulls(r, values, kind)
    return pa.table(table)


FILES: list[dict[str, pa.DataType]] = [
    {
        "small": pa.int8(),
        "mixed": pa.int8(),
        "x": pa.float32(),
        "n": pa.int32(),
        "at": pa.timestamp("ms"),
        "seq": pa.list_(pa.int16()),
        "emb": pa.list_(pa.float32(), 3),
    },
    {
        "name": pa.string(),
        "x": pa.float64(),
        "small": pa.int32(),
        "mixed": pa.uint16(),
        "n": pa.uint32(),
        "at": pa.timestamp("us"),
        "seq": pa.list_(pa.int64()),
        "emb": pa.list_(pa.float64(), 3),
        "new": pa.int16(),
    },
    {"small": pa.int16(), "n": pa.float32(), "new": pa.int16(), "at": pa.timestamp("ns")},
    {"x": pa.float32()},
]


@pytest.fixture
def table(sandbox: Sandbox) -> Dataset:
    root = sandbox.folder / "t"
    root.mkdir()
    names = [f"{i}.parquet" for i in range(len(FILES))]
    for i, kinds in enumerate(FILES):
        pq.write_table(columns(i * ROWS, kinds), root / names[i], row_group_size=ROW_GROUP)
    spam = pa.table({"new": pa.array([1, 5, None, *range(-2000, 0)], pa.int64())})
    pq.write_table(spam, sandbox.folder / "spam.parquet")
    steps = [
        Filter(
            "small IS NULL OR small > -100",
            lambda rows: (
                true(pc.greater(rows.column("small"), -100))
                | np.asarray(rows.column("small").is_null())
            ),
        ),
        AntiJoin(sandbox.folder / "spam.parquet", {"new": "new"}),
        Downsample(0.8),
        Derive(
            {
                "doubled": (
                    "CAST(new AS BIGINT) * 2",
                    lambda rows: pc.multiply(rows.column("new").cast(pa.int64()), 2),
                )
            }
        ),
    ]
    return Dataset("t", root, names, TENSORS, steps, batch=64, schema="union")


SHUFFLES = {"none": NONE, "row_groups": Shuffle(row_groups=5)}


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_ranks_get_the_rows_of_the_oracle(sandbox: Sandbox, table: Dataset, shuffle: str) -> None:
    whole = replace(table, shuffle=SHUFFLES[shuffle])
    with sandbox.serve(sandbox.experiment(whole, workers=3)) as server:
        check_ranks(ranks(server.address, 2), whole)


def test_the_rest_after_a_position_is_the_rest(sandbox: Sandbox, table: Dataset) -> None:
    whole = replace(table, shuffle=Shuffle(row_groups=5))
    uids = whole.sequence().rows.column("uid").to_pylist()

    def some(feed: Any) -> list[Any]:
        return drain(feed, states=True, steps=9)

    with sandbox.serve(sandbox.experiment(whole)) as server:
        (got,) = ranks(server.address, 1, each=some)
    state = pickle.loads(pickle.dumps(got[-1].state))
    with sandbox.serve(sandbox.experiment(whole, workers=1)) as server:
        assert order(ranks(server.address, 2, state=state)) == uids[9 * whole.batch :]


def test_a_row_group_that_cannot_be_read_is_skipped(sandbox: Sandbox, table: Dataset) -> None:
    whole = replace(table, on_corrupt="skip", corrupt=frozenset({("1.parquet", 2)}))
    path = sandbox.folder / "t" / "1.parquet"
    column = pq.ParquetFile(path).metadata.row_group(2).column(1)
    with path.open("r+b") as file:
        file.seek(column.dictionary_page_offset or column.data_page_offset)
        file.write(b"\xff" * column.total_compressed_size)
    with sandbox.serve(sandbox.experiment(whole)) as server:
        check_ranks(ranks(server.address, 1), whole)
