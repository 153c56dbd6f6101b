"""The columns of files that differ, as one table: `schema: union`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

UNITS = ["s", "ms", "us", "ns"]


def union(schemas: list[pa.Schema]) -> pa.Schema:
    """All columns in the order of their first appearance, each with the type that holds all."""
    types: dict[str, list[pa.DataType]] = {}
    for schema in schemas:
        for field in schema:
            types.setdefault(field.name, []).append(field.type)
    return pa.schema([(name, _all(kinds)) for name, kinds in types.items()])


def _all(kinds: list[pa.DataType]) -> pa.DataType:
    distinct = list(dict.fromkeys(kinds))
    if len(distinct) == 1:
        return distinct[0]
    if all(pa.types.is_fixed_size_list(kind) for kind in distinct):
        (size,) = {kind.list_size for kind in distinct}
        return pa.list_(_all([kind.value_type for kind in distinct]), size)
    if all(pa.types.is_list(kind) for kind in distinct):
        return pa.list_(_all([kind.value_type for kind in distinct]))
    if all(pa.types.is_timestamp(kind) for kind in distinct):
        (zone,) = {kind.tz for kind in distinct}
        return pa.timestamp(max((kind.unit for kind in distinct), key=UNITS.index), zone)
    floats = [kind for kind in distinct if pa.types.is_floating(kind)]
    if floats:
        assert all(kind.bit_width <= 32 for kind in distinct if kind not in floats), distinct
        return pa.float64()
    numbers = [np.dtype(kind.to_pandas_dtype()) for kind in distinct]
    widest = np.result_type(*numbers)
    assert np.issubdtype(widest, np.integer), distinct
    return pa.from_numpy_dtype(widest)


def adapted(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows of one file as rows of the table."""
    columns = {
        field.name: rows.column(field.name).cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(len(rows), field.type)
        for field in schema
    }
    return pa.table(columns, schema=schema)
