"""XXH64, for one byte string and for many of the same length at once."""

from __future__ import annotations

import struct

import numpy as np

MASK = (1 << 64) - 1
P1 = 0x9E3779B185EBCA87
P2 = 0xC2B2AE3D27D4EB4F
P3 = 0x165667B19E3779F9
P4 = 0x85EBCA77C2B2AE63
P5 = 0x27D4EB2F165667C5


def _rotl(x: int, r: int) -> int:
    return ((x << r) | (x >> (64 - r))) & MASK


def _round(lane: int, value: int) -> int:
    return _rotl((lane + value * P2) & MASK, 31) * P1 & MASK


def xxh64(data: bytes, seed: int = 0) -> int:
    """The hash as an unsigned integer; a negative seed is taken as its two's complement."""
    seed &= MASK
    n, at = len(data), 0
    if n >= 32:
        lanes = [(seed + P1 + P2) & MASK, (seed + P2) & MASK, seed, (seed - P1) & MASK]
        while n - at >= 32:
            for i, value in enumerate(struct.unpack_from("<4Q", data, at)):
                lanes[i] = _round(lanes[i], value)
            at += 32
        h = sum(_rotl(lane, r) for lane, r in zip(lanes, (1, 7, 12, 18), strict=True)) & MASK
        for lane in lanes:
            h = ((h ^ _round(0, lane)) * P1 + P4) & MASK
    else:
        h = (seed + P5) & MASK
    h = (h + n) & MASK
    while n - at >= 8:
        h ^= _round(0, struct.unpack_from("<Q", data, at)[0])
        h = (_rotl(h, 27) * P1 + P4) & MASK
        at += 8
    if n - at >= 4:
        h ^= struct.unpack_from("<I", data, at)[0] * P1 & MASK
        h = (_rotl(h, 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        h ^= byte * P5 & MASK
        h = _rotl(h, 11) * P1 & MASK
    h = (h ^ (h >> 33)) * P2 & MASK
    h = (h ^ (h >> 29)) * P3 & MASK
    return h ^ (h >> 32)


def _rotl_array(x: np.ndarray, r: int) -> np.ndarray:
    return (x << np.uint64(r)) | (x >> np.uint64(64 - r))


def _round_array(lane: np.ndarray, value: np.ndarray) -> np.ndarray:
    return _rotl_array(lane + value * np.uint64(P2), 31) * np.uint64(P1)


def xxh64_rows(rows: np.ndarray, seed: int = 0) -> np.ndarray:
    """The hashes (uint64 [n]) of the n rows of a uint8 matrix [n, length]."""
    rows = np.ascontiguousarray(rows, dtype=np.uint8)
    count, n = rows.shape
    at = 0

    def full(value: int) -> np.ndarray:
        return np.full(count, value & MASK, dtype=np.uint64)

    def words(width: str, offset: int, length: int) -> np.ndarray:
        piece = np.ascontiguousarray(rows[:, offset : offset + length])
        return piece.view(width).reshape(count).astype(np.uint64)

    if n >= 32:
        lanes = [full(seed + P1 + P2), full(seed + P2), full(seed), full(seed - P1)]
        while n - at >= 32:
            lanes = [_round_array(a, words("<u8", at + 8 * i, 8)) for i, a in enumerate(lanes)]
            at += 32
        h = full(0)
        for lane, r in zip(lanes, (1, 7, 12, 18), strict=True):
            h = h + _rotl_array(lane, r)
        for lane in lanes:
            h = (h ^ _round_array(full(0), lane)) * np.uint64(P1) + np.uint64(P4)
    else:
        h = full(seed + P5)
    h = h + np.uint64(n)
    while n - at >= 8:
        h = h ^ _round_array(full(0), words("<u8", at, 8))
        h = _rotl_array(h, 27) * np.uint64(P1) + np.uint64(P4)
        at += 8
    if n - at >= 4:
        h = h ^ words("<u4", at, 4) * np.uint64(P1)
        h = _rotl_array(h, 23) * np.uint64(P2) + np.uint64(P3)
        at += 4
    for i in range(at, n):
        h = h ^ rows[:, i].astype(np.uint64) * np.uint64(P5)
        h = _rotl_array(h, 11) * np.uint64(P1)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(P2)
    h = (h ^ (h >> np.uint64(29))) * np.uint64(P3)
    return h ^ (h >> np.uint64(32))


def xxh64_many(values: list[bytes], seed: int = 0) -> np.ndarray:
    """The hashes (uint64) of byte strings of any lengths."""
    out = np.empty(len(values), dtype=np.uint64)
    lengths = np.fromiter((len(v) for v in values), dtype=np.int64, count=len(values))
    for length in np.unique(lengths):
        at = np.flatnonzero(lengths == length)
        joined = b"".join(values[i] for i in at)
        matrix = np.frombuffer(joined, dtype=np.uint8).reshape(len(at), int(length))
        out[at] = xxh64_rows(matrix, seed)
    return out
