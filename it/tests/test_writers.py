"""Files of other writers: every combination that a writer can make gives what pyarrow reads."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import data
from harness import REPO, Sandbox, check_ranks, ranks
from oracle.dataset import Dataset
from oracle.tensors import Tensor

ROWS = 8192
CODECS = ("none", "snappy", "zstd", "lz4")
ENCODINGS = ("dictionary", "plain")
PAGES = ("v1", "v2")
ROW_GROUPS = (ROWS // 4, ROWS)  # DuckDB counts in vectors of 2,048 rows

TENSORS = {
    "small": Tensor("small", fill=99),
    "big": Tensor("big", fill=0),
    "f": Tensor("f", fill=0.5),
    "d": Tensor("d", fill=0.5),
    "flag": Tensor("flag", dtype="int8", fill=2),
    "name": Tensor("name", hash=(1 << 20, 3), fill=-1),
    "day": Tensor("day", fill=0),
    "at": Tensor("at", fill=0),
    "seq": Tensor("seq", fill=-1),
    "scores": Tensor("scores", fill=0),
}


def rows() -> pa.Table:
    """The columns of ParquetJavaFiles, with values of our own."""
    r = data.rng(11)
    return pa.table(
        {
            "uid": pa.array(range(ROWS), pa.int64()),
            "small": data.with_nulls(r, r.integers(-25, 25, ROWS), pa.int32()),
            "big": data.with_nulls(r, [2**63 - 1, -(2**63)] * (ROWS // 2), pa.int64()),
            "f": data.with_nulls(r, [float("nan"), 0.25] * (ROWS // 2), pa.float32()),
            "d": data.with_nulls(r, r.normal(size=ROWS), pa.float64()),
            "flag": data.with_nulls(r, r.random(ROWS) < 0.5, pa.bool_()),
            "name": data.with_nulls(r, [data.TEXTS[i % 7] for i in range(ROWS)], pa.string()),
            "day": data.with_nulls(r, r.integers(-200, 200, ROWS), pa.int32()).cast(pa.date32()),
            "at": data.with_nulls(r, r.integers(0, 2**50, ROWS), pa.int64()).cast(
                pa.timestamp("us", "UTC")
            ),
            "seq": data.lists(r, ROWS, pa.int64()),
            "scores": data.lists(r, ROWS, pa.float32(), longest=3),
        }
    )


def by_pyarrow(folder: Path) -> None:
    for page, encoding, codec, size in itertools.product(PAGES, ENCODINGS, CODECS, ROW_GROUPS):
        pq.write_table(
            rows(),
            folder / f"{page}-{encoding}-{codec}-{size}.parquet",
            data_page_version="1.0" if page == "v1" else "2.0",
            use_dictionary=encoding == "dictionary",
            compression=codec,
            row_group_size=size,
            data_page_size=2048,
        )


def by_duckdb(folder: Path) -> None:
    table = rows()
    with duckdb.connect() as connection:
        connection.register("rows_of_the_test", table)
        for page, encoding, codec, size in itertools.product(PAGES, ENCODINGS, CODECS, ROW_GROUPS):
            options = [
                "FORMAT parquet",
                f"PARQUET_VERSION {page}",
                f"CODEC {'lz4_raw' if codec == 'lz4' else codec.replace('none', 'uncompressed')}",
                f"ROW_GROUP_SIZE {size}",
            ]
            if encoding == "plain":
                options.append("DICTIONARY_SIZE_LIMIT 0")
            file = folder / f"{page}-{encoding}-{codec}-{size}.parquet"
            connection.execute(f"COPY (FROM rows_of_the_test) TO '{file}' ({', '.join(options)})")


def by_parquet_java(folder: Path) -> None:
    class_path = REPO / "it" / "target" / "test-class-path.txt"
    classes = REPO / "it" / "target" / "test-classes"
    if not class_path.is_file():
        pytest.fail(f"{class_path} is missing: ./dev build makes it")
    java = Path(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"
    done = subprocess.run(
        [
            str(java),
            "-cp",
            f"{classes}:{class_path.read_text().strip()}",
            "io.lastmile.it.ParquetJavaFiles",
            str(folder),
            str(ROWS),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(len(list(folder.iterdir())))


WRITERS = {"pyarrow": by_pyarrow, "duckdb": by_duckdb, "parquet-java": by_parquet_java}


@pytest.mark.parametrize("writer", WRITERS)
def test_every_combination_of_a_writer_is_read(
    sandbox: Sandbox, writer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = sandbox.folder / "t"
    folder.mkdir()
    WRITERS[writer](folder)
    files = sorted(path.name for path in folder.iterdir())
    assert len(files) == len(PAGES) * len(ENCODINGS) * len(CODECS) * len(ROW_GROUPS)
    whole = Dataset("t", folder, files, TENSORS, batch=4096)
    with sandbox.serve(sandbox.experiment(whole)) as server:
        got = ranks(server.address, 1)
    check_ranks(got, whole)
    made = {
        (column.compression, tuple(sorted(column.encodings)), metadata.num_row_groups)
        for metadata in (pq.read_metadata(folder / name) for name in files)
        for column in (metadata.row_group(0).column(1),)
    }
    with capsys.disabled():
        print(f"\n{writer}: {len(files)} combinations, {len(made)} kinds of column chunks")
