"""The documented bytes of keys and row identities, and what is computed from their hashes."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa

from .xxh64 import xxh64_many, xxh64_rows


def key_bytes(column: pa.Array) -> list[bytes]:
    """The bytes of each value of a key column."""
    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
    return [_key(value) for value in column.to_pylist()]


def _key(value: object) -> bytes:
    if value is None:
        return b"\x00"
    if isinstance(value, bool):
        return b"\x03" + (b"\x01" if value else b"\x00")
    if isinstance(value, int):
        return b"\x01" + struct.pack("<q", value)
    data = value.encode() if isinstance(value, str) else value
    return b"\x02" + struct.pack("<i", len(data)) + data


def uniform(salt: str, columns: list[list[bytes]], seed: int, epoch: int | None) -> np.ndarray:
    """u of the sampling hash for each row (float64); epoch only with `resample: each_epoch`."""
    drawn_anew = b"" if epoch is None else struct.pack("<q", epoch)
    head = salt.encode() + drawn_anew + b"\0"
    rows = [head + b"".join(parts) for parts in zip(*columns, strict=True)]
    return xxh64_many(rows, seed).astype(np.float64) / 2.0**64


def hashed_ids(strings: list[str | None], buckets: int, seed: int) -> list[int | None]:
    """XXH64(UTF-8, seed) mod buckets; null stays null."""
    present = [s.encode() for s in strings if s is not None]
    ids = iter((xxh64_many(present, seed) % np.uint64(buckets)).tolist() if present else [])
    return [None if s is None else next(ids) for s in strings]


def digest(
    paths: list[str], path: np.ndarray, row: np.ndarray, copy: np.ndarray | None = None
) -> np.ndarray:
    """The identity digest after each of the rows, in order (uint64 [n], running sums)."""
    return np.cumsum(identities(paths, path, row, copy), dtype=np.uint64)


def identities(
    paths: list[str], path: np.ndarray, row: np.ndarray, copy: np.ndarray | None = None
) -> np.ndarray:
    """The hash of the identity of each row (uint64 [n])."""
    numbers = row[:, None] if copy is None else np.stack([row, copy], axis=1)
    width = 8 * numbers.shape[1]
    hashes = np.zeros(len(row), dtype=np.uint64)
    for i, name in enumerate(paths):
        at = np.flatnonzero(path == i)
        head = np.frombuffer(name.encode() + b"\0", dtype=np.uint8)
        matrix = np.empty((len(at), len(head) + width), dtype=np.uint8)
        matrix[:, : len(head)] = head
        matrix[:, len(head) :] = (
            np.ascontiguousarray(numbers[at].astype("<i8")).view(np.uint8).reshape(len(at), width)
        )
        if len(at):
            hashes[at] = xxh64_rows(matrix, 0)
    return hashes
