"""Small tables of the shapes and values that recommender tables have, awkward ones included."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TEXTS = [
    "",
    "home",
    "search",
    "Zürich",
    "日本語",
    "emoji 🙂",
    "quote ' and \"",
    "zero\0byte",
    " x ",
]
INT64 = np.iinfo(np.int64)


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(list(seed))


def with_nulls(r: np.random.Generator, values: np.ndarray | list, kind: pa.DataType) -> pa.Array:
    """A tenth of the values null."""
    return pa.array(values, kind, mask=r.random(len(values)) < 0.1)


def lists(r: np.random.Generator, rows: int, values: pa.DataType, longest: int = 6) -> pa.Array:
    """Lists of different lengths: a tenth null, some empty, a tenth of the values null."""
    lengths = r.integers(0, longest, rows)
    null = r.random(rows) < 0.1
    lengths[null] = 0
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    count = int(offsets[-1])
    if pa.types.is_string(values):
        flat = with_nulls(r, [TEXTS[i] for i in r.integers(0, len(TEXTS), count)], values)
    elif pa.types.is_floating(values):
        flat = with_nulls(r, r.normal(size=count), values)
    else:
        flat = with_nulls(r, r.integers(0, 100, count), pa.int64()).cast(values)
    nulls = pa.array(np.append(null, False))
    marked = pa.array(offsets, pa.int32(), mask=np.asarray(nulls))
    return pa.ListArray.from_arrays(marked, flat)


def fixed(r: np.random.Generator, rows: int, width: int, *, nulls: bool = True) -> pa.Array:
    """Fixed-size lists of float32, a tenth of them null and a tenth of the values null."""
    flat = r.normal(size=(rows, width)).astype(np.float32)
    values = flat.tolist()
    if nulls:
        for i in np.flatnonzero(r.random(rows) < 0.1):
            values[i] = None
        for i in np.flatnonzero(r.random(rows) < 0.1):
            if values[i] is not None:
                values[i][int(r.integers(width))] = None
    return pa.array(values, pa.list_(pa.float32(), width))


def impressions(seed: int, rows: int, first: int) -> pa.Table:
    """The narrow table of most tests; `uid` is unique over all files."""
    r = rng(seed, first)
    user = pa.array(r.integers(0, 300, rows), pa.int64(), mask=r.random(rows) < 0.03)
    dense = {
        f"dense_{i}": with_nulls(r, r.normal(size=rows), pa.float32())
        if i == 0
        else pa.array(r.normal(size=rows).astype(np.float32))
        for i in range(3)
    }
    return pa.table(
        {
            "uid": pa.array(np.arange(first, first + rows), pa.int64()),
            "user_id": user,
            "item_id": pa.array(r.integers(0, 1000, rows), pa.int64()),
            "surface": pa.array([TEXTS[i] for i in r.integers(0, len(TEXTS), rows)]),
            "label": pa.array((r.random(rows) < 0.2).astype(np.int8)),
            "dwell_s": with_nulls(r, r.gamma(1.5, 8, rows), pa.float32()),
            **dense,
            "seq": lists(r, rows, pa.int64()),
            "emb": fixed(r, rows, 3),
        }
    )


def write_impressions(
    root: Path,
    *,
    files: int = 4,
    rows: int = 500,
    row_group: int = 120,
    seed: int = 1,
    partitions: int = 0,
) -> list[str]:
    """Write the table; the paths relative to `root`, in dt=… folders when there are partitions."""
    names = []
    for i in range(files):
        folder = f"dt=2024-03-{1 + i * partitions // files:02d}/" if partitions else ""
        name = f"{folder}part-{i:03d}.parquet"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        table = impressions(seed, rows, i * rows)
        pq.write_table(table, root / name, row_group_size=row_group, compression="zstd")
        names.append(name)
    return names


def write_listed(path: Path, users: np.ndarray) -> None:
    """A table of users to leave out, with a null key and a column that nobody needs."""
    ids = pa.array([*users.tolist(), None], pa.int64())
    pq.write_table(pa.table({"user_id": ids, "reason": ["spam"] * len(ids)}), path)


def awkward(seed: int, rows: int, first: int = 0) -> pa.Table:
    """Every type that a tensor can be made of, with its extreme values and nulls."""
    r = rng(seed, rows)

    def ints(kind: str) -> np.ndarray:
        info = np.iinfo(kind)
        values = r.integers(info.min, info.max, rows, dtype=kind, endpoint=True)
        values[0], values[1] = info.min, info.max
        return values

    floats = r.normal(size=rows)
    floats[:4] = [np.nan, np.inf, -np.inf, -0.0]
    instants = r.integers(-(10**9), 4 * 10**9, rows)
    columns: dict[str, pa.Array] = {"uid": pa.array(np.arange(first, first + rows), pa.int64())}
    for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"):
        columns[kind] = pa.array(ints(kind))
        columns[f"{kind}_null"] = with_nulls(r, ints(kind), columns[kind].type)
    columns["uint64"] = pa.array(ints("uint64") >> np.uint64(1))
    columns["float32"] = pa.array(floats.astype(np.float32))
    columns["float64"] = pa.array(floats)
    columns["float32_null"] = with_nulls(r, floats.astype(np.float32), pa.float32())
    columns["float64_null"] = with_nulls(r, floats, pa.float64())
    columns["flag"] = pa.array(r.random(rows) < 0.5)
    columns["flag_null"] = with_nulls(r, r.random(rows) < 0.5, pa.bool_())
    columns["day"] = pa.array(r.integers(-1000, 30000, rows).astype(np.int32), pa.date32())
    columns["text"] = pa.array([TEXTS[i] for i in r.integers(0, len(TEXTS), rows)])
    columns["text_null"] = with_nulls(r, columns["text"].to_pylist(), pa.string())
    columns["word"] = columns["text"].dictionary_encode()
    for unit, scale in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        ticks = instants * scale + r.integers(0, scale, rows)
        for zone, suffix in ((None, ""), ("Europe/Zurich", "_zone")):
            columns[f"at_{unit}{suffix}"] = pa.array(ticks, pa.timestamp(unit, zone))
    for kind in (pa.int64(), pa.int32(), pa.uint8(), pa.float32(), pa.float64(), pa.string()):
        columns[f"list_{kind}"] = lists(r, rows, kind)
    columns["list_ns"] = lists(r, rows, pa.int64()).cast(pa.list_(pa.timestamp("ns")))
    columns["list_days"] = lists(r, rows, pa.int32()).cast(pa.list_(pa.date32()))
    columns["emb"] = fixed(r, rows, 4, nulls=False)
    columns["emb_null"] = fixed(r, rows, 4)
    cents = [Decimal(int(i)).scaleb(-2) for i in r.integers(-(10**9), 10**9, rows)]
    columns["price"] = pa.array(cents, pa.decimal128(12, 2))
    columns["price_null"] = with_nulls(r, cents, pa.decimal128(12, 2))
    columns["list_price"] = lists(r, rows, pa.int64()).cast(pa.list_(pa.decimal128(30, 3)))
    columns["list_flag"] = lists(r, rows, pa.int64()).cast(pa.list_(pa.bool_()))
    columns["list_uint64"] = lists(r, rows, pa.int64()).cast(pa.list_(pa.uint64()))
    columns["list_zone"] = lists(r, rows, pa.int64()).cast(pa.list_(pa.timestamp("ms", "UTC")))
    columns["day_null"] = with_nulls(r, np.arange(rows, dtype=np.int32), pa.int32()).cast(
        pa.date32()
    )
    columns["at_ns_null"] = with_nulls(r, instants * 10**9 + 1, pa.int64()).cast(pa.timestamp("ns"))
    columns["uint64_null"] = with_nulls(r, ints("uint64") >> np.uint64(1), pa.uint64())
    return pa.table(columns)


def damage(path: Path, row_group: int, column: str) -> None:
    """Overwrite the middle of the pages of one column."""
    metadata = pq.read_metadata(path).row_group(row_group)
    chunk = next(
        metadata.column(i)
        for i in range(metadata.num_columns)
        if metadata.column(i).path_in_schema == column
    )
    first = chunk.dictionary_page_offset or chunk.data_page_offset
    length = chunk.total_compressed_size
    with path.open("r+b") as file:
        file.seek(first)
        file.write(b"\xff" * length)
