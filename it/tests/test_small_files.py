"""CSV, JSON lines and Arrow files give the rows, values and order that pyarrow and Python read."""

from __future__ import annotations

import csv
import io
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import data
from harness import Sandbox, check_ranks, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.steps import Downsample, Filter
from oracle.tensors import Tensor

TENSORS = {
    "small": Tensor("small", fill=-1),
    "x": Tensor("x", fill=0.5),
    "flag": Tensor("flag", dtype="int8", fill=2),
    "name": Tensor("name", hash=(1 << 20, 3), fill=-1),
}
DATED = {"day": Tensor("day", fill=0), "at": Tensor("at", fill=0), "zone": Tensor("zone", fill=0)}
SEQUENCES = {"seq": Tensor("seq", fill=-1), "words": Tensor("words", hash=(99, 0), fill=-1)}


def rows(first: int, count: int) -> list[dict[str, Any]]:
    r = data.rng(5, first)

    def some(value: Any) -> Any:
        return None if r.random() < 0.1 else value

    texts = [text for text in data.TEXTS if "\0" not in text] + ["two\nlines", "a,b"]
    return [
        {
            "uid": first + i,
            "small": some(int(r.integers(-9, 9))),
            "x": some(float(r.normal()) if r.random() < 0.9 else 3),
            "flag": some(bool(r.random() < 0.5)),
            "name": some(texts[int(r.integers(len(texts)))]),
            "day": some(f"2024-02-{r.integers(1, 30):02d}"),
            "at": some(f"2024-02-03 04:05:{r.integers(60):02d}.{r.integers(10**6):06d}"),
            "zone": some(f"2024-02-03T04:05:{r.integers(60):02d}+0{r.integers(9)}:30"),
            "seq": some([some(int(v)) for v in r.integers(0, 9, int(r.integers(5)))]),
            "words": some([some(texts[int(v)]) for v in r.integers(0, 4, int(r.integers(5)))]),
        }
        for i in range(count)
    ]


def write_csv(path: Path, table: list[dict[str, Any]], columns: list[str], end: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(columns)
    writer.writerows([["" if row[c] is None else row[c] for c in columns] for row in table])
    path.write_bytes(out.getvalue().encode())


def write_json(path: Path, table: list[dict[str, Any]]) -> None:
    """Nulls are written in every other row, left out in the others."""
    lines = []
    for i, row in enumerate(table):
        said = {k: v for k, v in row.items() if v is not None or i % 2}
        lines.append(json.dumps(said, ensure_ascii=i % 3 == 0) + "\n" * (1 + i % 5 // 4))
    path.write_text("".join(lines), encoding="utf-8")


def table(sandbox: Sandbox, kind: str, tensors: dict[str, Tensor], **more: Any) -> Dataset:
    """12,000 rows in three files, the largest of two row groups."""
    root = sandbox.folder / "small"
    root.mkdir()
    first, files = 0, []
    for i, count in enumerate((9000, 1, 2999)):
        some = rows(first, count)
        name = {"csv": f"{i}.csv", "json": f"{i}.jsonl"}[kind]
        if kind == "csv":
            columns = [c for c in some[0] if c not in SEQUENCES]
            write_csv(root / name, some, columns[::-1] if i else columns, "\r\n" if i else "\n")
        else:
            write_json(root / name, some)
        files.append(name)
        first += count
    return Dataset("small", root, files, tensors, format=kind, batch=700, **more)


@pytest.mark.parametrize("shuffle", [NONE, Shuffle(row_groups=2)], ids=["none", "row_groups"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_ranks_get_the_rows_of_the_oracle(sandbox: Sandbox, kind: str, shuffle: Shuffle) -> None:
    tensors = TENSORS | (DATED if kind == "csv" else SEQUENCES)
    steps = [
        Filter(
            "small >= 0 OR small IS NULL",
            lambda t: [v is None or v >= 0 for v in t.column("small").to_pylist()],
        ),
        Downsample(0.5),
    ]
    whole = table(sandbox, kind, tensors, shuffle=shuffle, steps=steps)
    with sandbox.serve(sandbox.experiment(whole, workers=3)) as server:
        check_ranks(ranks(server.address, 2), whole)


ARROW = (
    {
        "text": Tensor("text", hash=(1000, 0)),
        "word": Tensor("word", hash=(1000, 0)),
        "words": Tensor("words", hash=(1000, 0), fill=-1),
        "list_int64": Tensor("list_int64", fill=-1),
        "list_days": Tensor("list_days", fill=0),
        "emb_null": Tensor("emb_null", fill=0.5),
        "large": Tensor("large", fill=-1),
    }
    | {
        name: Tensor(name, fill=1)
        for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
        for name in (kind, f"{kind}_null")
    }
    | {
        name: Tensor(name, fill=0)
        for name in (
            "float32",
            "float64_null",
            "flag_null",
            "day",
            "at_s",
            "at_ms",
            "at_us",
            "at_ns_zone",
        )
    }
)


def arrow_rows(first: int, count: int) -> pa.Table:
    """Every type, with dictionaries at both depths and large offsets."""
    rows = data.awkward(3, count, first).drop_columns(["uint64"])
    words = rows.column("list_string").combine_chunks()
    coded = pa.ListArray.from_arrays(
        words.offsets, words.values.dictionary_encode(), mask=words.is_null()
    )
    rows = rows.append_column("words", coded)
    return rows.append_column("large", rows.column("list_int64").cast(pa.large_list(pa.int64())))


@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
@pytest.mark.parametrize("form", ["file", "stream"])
def test_arrow_files_give_what_pyarrow_reads(sandbox: Sandbox, form: str, codec: str) -> None:
    root = sandbox.folder / "frames"
    root.mkdir()
    options = pa.ipc.IpcWriteOptions(compression=codec, unify_dictionaries=form == "file")
    new = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    first = 0
    for name, count in (("a.arrow", 9000), ("b.feather", 500), ("c.ipc", 0)):
        table = arrow_rows(first, max(count, 4)).slice(0, count)
        with new(str(root / name), table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=1700)
        first += count
    names = ["a.arrow", "b.feather", "c.ipc"]
    order = Shuffle(row_groups=2)
    whole = Dataset("frames", root, names, ARROW, format="arrow", batch=300, shuffle=order)
    with sandbox.serve(sandbox.experiment(whole)) as server:
        check_ranks(ranks(server.address, 2), whole)


@pytest.mark.parametrize("form", ["file", "stream"])
def test_16_bit_floats_are_read_as_32_bit_ones(sandbox: Sandbox, form: str) -> None:
    """All 65,536 of them, in several batches and row groups, with nulls, coded and in lists."""
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    every = data.rng(3).permutation(every)
    halves = pa.array(every, mask=data.rng(4).random(len(every)) < 0.1)
    offsets = pa.array(np.minimum(np.arange(len(every) + 1) * 3 // 2, len(every)).astype(np.int32))
    table = pa.table(
        {
            "uid": pa.array(range(len(every)), pa.int64()),
            "x": halves,
            "list": pa.ListArray.from_arrays(offsets, halves),
            "pair": pa.FixedSizeListArray.from_arrays(pa.concat_arrays([halves, halves]), 2),
            "coded": pa.array(np.sign(every)).dictionary_encode(),
        }
    )
    root = sandbox.folder / "t"
    root.mkdir()
    new = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    with new(str(root / "a.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=5000)
    tensors = {
        "x": Tensor("x", fill=0.5),
        "half": Tensor("x", fill=0.5, dtype="float16"),
        "list": Tensor("list", fill=0.5),
        "pair": Tensor("pair", fill=0.5),
        "coded": Tensor("coded", fill=0.5),
    }
    whole = Dataset("t", root, ["a.arrow"], tensors, format="arrow", batch=4096)
    with sandbox.serve(sandbox.experiment(whole)) as server:
        check_ranks(ranks(server.address, 2), whole)


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (pa.array([None, None]), 'Column "x" of "a.arrow" is Null'),
        (pa.array([(1, 2, 3)] * 2, pa.month_day_nano_interval()), '"a.arrow" is Interval('),
        (pa.array(["a", "b"], pa.string_view()), '"a.arrow" is Utf8View'),
        (pa.array([{}, {}], pa.struct([])), 'Column "x" of "a.arrow" is Struct without fields ('),
        (pa.array([100, 200], pa.decimal128(5, -2)), 'Column "x" of "a.arrow" is Decimal(5, -2'),
        (
            pa.DictionaryArray.from_arrays(
                pa.array([0, 1]), pa.array(["a", "b"], pa.string_view())
            ),
            'Column "x" of "a.arrow" is Utf8View (',
        ),
    ],
)
def test_types_that_no_table_holds(sandbox: Sandbox, column: pa.Array, says: str) -> None:
    table = pa.table({"uid": pa.array([1, 2]), "x": column})
    with pa.ipc.new_file(str(sandbox.folder / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert says in refusal(sandbox, "arrow", "a.arrow")


NAMELESS = {
    "column": (pa.table([[1], [2]], names=["uid", ""]), "Column 2 of {} has no name"),
    "NUL": (pa.table([[1], [2]], names=["x\0", "uid"]), "Column 1 of {} has a NUL in its name"),
    "field": (
        pa.table({"uid": [1], "s": pa.array([{"a": 1, "": 2}])}),
        'Column "s" of {} has a field without a name',
    ),
    "field in a list": (
        pa.table({"uid": [1], "l": pa.array([[{"a": {"": 2}}]])}),
        'Column "l" of {} has a field without a name',
    ),
}


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
@pytest.mark.parametrize("case", NAMELESS)
def test_what_has_no_name(sandbox: Sandbox, kind: str, case: str) -> None:
    table, says = NAMELESS[case]
    path = sandbox.folder / f"a.{kind}"
    if kind == "parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    expected = says.replace("{}", f'"a.{kind}"') + " (write the file with names for all)"
    assert refusal(sandbox, kind, path.name) == expected


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_parts_of_lists_and_maps_need_no_name(sandbox: Sandbox, kind: str) -> None:
    lists = pa.list_(pa.field("", pa.int64()))
    structs = pa.list_(pa.field("", pa.struct({"a": pa.int64()})))
    table = pa.table(
        {
            "uid": [1, 2],
            "l": pa.array([[1, 2], [3]], lists),
            "s": pa.array([[{"a": 1}], []], structs),
            "m": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
        }
    )
    path = sandbox.folder / f"a.{kind}"
    if kind == "parquet":
        pq.write_table(table, path, use_compliant_nested_type=False)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    tensors = {"l": Tensor("l")}
    whole = Dataset(".", sandbox.folder, [path.name], tensors, format=kind, shuffle=NONE)
    with sandbox.serve(sandbox.experiment(whole)) as server:
        ((batch,),) = ranks(server.address, 1)
    assert batch.tensors["l"].values.tolist() == [1, 2, 3]


def refusal(sandbox: Sandbox, kind: str, path: str) -> str:
    """The one line with which a source is refused, without its place."""
    wrong = Dataset(path, sandbox.folder, [], {"uid": Tensor("uid")}, format=kind)
    outcome = sandbox.start("explain", sandbox.experiment(wrong).name).wait()
    assert outcome.code == 2, outcome.err
    (line,) = outcome.err.splitlines()
    assert line.startswith("error: ")
    assert " [experiment.yaml:" in line
    return line[len("error: ") : line.rindex(" [")]


def test_what_is_no_arrow_file(sandbox: Sandbox) -> None:
    sandbox.write("a.arrow", "uid,n\n1,2\n")
    assert refusal(sandbox, "arrow", "a.arrow") == '"a.arrow" is no Arrow IPC file'
    sandbox.write("a.arrow", "")
    assert refusal(sandbox, "arrow", "a.arrow") == '"a.arrow" is no Arrow IPC file'


def test_arrow_files_that_differ(sandbox: Sandbox) -> None:
    (sandbox.folder / "t").mkdir()
    for name, kind in (("a", pa.int64()), ("b", pa.float64())):
        table = pa.table({"uid": pa.array([1, 2], kind)})
        with pa.ipc.new_file(str(sandbox.folder / "t" / f"{name}.arrow"), table.schema) as writer:
            writer.write_table(table)
    assert refusal(sandbox, "arrow", "t") == (
        'Column "uid" is BIGINT in "t/a.arrow" and DOUBLE in "t/b.arrow" '
        "(write the files with one type)"
    )


@pytest.mark.parametrize("form", ["file", "stream"])
def test_damaged_arrow_files_are_refused(sandbox: Sandbox, form: str) -> None:
    """A wrong byte anywhere is refused or harmless, and never ends the process by itself."""
    table = arrow_rows(0, 40)
    sink = pa.BufferOutputStream()
    new = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    with new(sink, table.select(["uid", "text", "word", "words", "emb"]).schema) as writer:
        writer.write_table(table.select(["uid", "text", "word", "words", "emb"]))
    good = sink.getvalue().to_pybytes()
    for at in np.linspace(0, len(good) - 1, 12).astype(int).tolist():
        bad = bytearray(good)
        bad[at : at + 4] = b"\x7f\xff\xff\x7f"
        (sandbox.folder / "a.arrow").write_bytes(bad)
        wrong = Dataset("a.arrow", sandbox.folder, [], {"uid": Tensor("uid")}, format="arrow")
        outcome = sandbox.start("explain", sandbox.experiment(wrong).name).wait()
        assert outcome.code in (0, 2), (at, outcome.err)
    (sandbox.folder / "a.arrow").write_bytes(good[: len(good) // 2])
    assert '"a.arrow"' in refusal(sandbox, "arrow", "a.arrow")


def test_codes_with_leading_zeros_and_numbers_beyond_all_are_text(sandbox: Sandbox) -> None:
    """One file has none of them: the type is that of all."""
    root = sandbox.folder / "t"
    root.mkdir()
    (root / "a.csv").write_text("uid,zip,n,x,far\n0,1234,0,0.5,1.5\n1,,-7,-0.25,\n")
    (root / "b.csv").write_text("uid,zip,n,x,far\n2,01234,10,0,1e400\n3,00000,9,1e05,inf\n")
    tensors = {
        "zip": Tensor("zip", hash=(1 << 30, 7), fill=-1),
        "n": Tensor("n"),
        "x": Tensor("x"),
        "far": Tensor("far", hash=(1 << 30, 7), fill=-1),
    }
    codes = Dataset("t", root, ["a.csv", "b.csv"], tensors, format="csv", shuffle=NONE)
    assert codes.sequence().rows.column("zip").to_pylist() == ["1234", None, "01234", "00000"]
    assert codes.sequence().rows.column("far").to_pylist() == ["1.5", None, "1e400", "inf"]
    with sandbox.serve(sandbox.experiment(codes)) as server:
        check_ranks(ranks(server.address, 1), codes)


def test_nothing_is_left_of_a_driver_that_was_killed(sandbox: Sandbox) -> None:
    temporary = sandbox.folder / "tmp"
    temporary.mkdir()
    sandbox.environment["TMPDIR"] = str(temporary)
    whole = table(sandbox, "csv", TENSORS)
    path = sandbox.experiment(whole)

    def left() -> list[str]:
        return [p.name for p in temporary.glob("lastmile-*/*/*") if p.name != "lock"]

    with sandbox.serve(path) as server:
        assert len(left()) == 3
        server.job.signal(signal.SIGKILL)
        server.job.process.wait()
        assert len(left()) == 3
    data.write_impressions(sandbox.folder / "t", files=1)
    parquet = Dataset("t", sandbox.folder / "t", ["part-000.parquet"], {"uid": Tensor("uid")})
    with sandbox.serve(sandbox.experiment(parquet)):
        assert not list(temporary.glob("lastmile-*/*/*"))
    path = sandbox.experiment(whole)
    with sandbox.serve(path):
        assert len(left()) == 3
    assert not list(temporary.glob("lastmile-*/*/*"))


def test_mistakes_name_file_line_and_value(sandbox: Sandbox) -> None:
    sandbox.write("a.csv", "uid,n\n1,2\n3\n")
    assert refusal(sandbox, "csv", "a.csv") == (
        '"a.csv", line 3: 1 values instead of 2: 3 (must be comma-separated values as in RFC 4180)'
    )
    sandbox.write("a.csv", 'uid,name\n1,"a""b"\n2,a"b\n')
    assert refusal(sandbox, "csv", "a.csv") == (
        '"a.csv", line 3: a quote in a value without quotes: 2,a" '
        "(must be comma-separated values as in RFC 4180)"
    )
    sandbox.write("a.jsonl", '{"uid": 1}\n{"uid": }\n')
    assert refusal(sandbox, "json", "a.jsonl").startswith('"a.jsonl", line 2: no JSON (')
    for line, says in (
        (
            '{"uid": 1e400}',
            "the number 1e400 is beyond DOUBLE: {} (write it as a string, or null)",
        ),
        ('{"uid": 1, "": 2}', "a key has no name: {} (name all keys)"),
        (
            '{"uid": 1, "s": "\\ud800"}',
            "half a surrogate pair: {} (write both halves, or the character in UTF-8)",
        ),
        (
            '{"uid": NaN}',
            "no JSON (Non-standard token 'NaN'): {} (each line must be one JSON object)",
        ),
    ):
        sandbox.write("a.jsonl", f'{{"uid": 1}}\n\n{line}\n')
        expected = says.replace("{}", line)
        assert refusal(sandbox, "json", "a.jsonl") == f'"a.jsonl", line 3: {expected}'
    sandbox.write("a.jsonl", '{"uid": 1}\n\n{"uid": 18446744073709551616}\n')
    assert refusal(sandbox, "json", "a.jsonl") == (
        '"a.jsonl", line 3: 18446744073709551616 in "uid" is beyond 64 bits with sign '
        "(write such numbers as strings)"
    )


def test_a_change_of_the_file_does_not_touch_a_run(sandbox: Sandbox) -> None:
    whole = table(sandbox, "csv", TENSORS)
    whole.sequence()
    with sandbox.serve(sandbox.experiment(whole)) as server:
        (sandbox.folder / "small" / "0.csv").unlink()
        check_ranks(ranks(server.address, 1), whole)
