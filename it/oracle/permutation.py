"""Seeded permutations: SplitMix64 and Fisher-Yates from the last index down."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from .xxh64 import MASK, xxh64

GAMMA = 0x9E3779B97F4A7C15


def state(label: str, numbers: Sequence[int], seed: int) -> int:
    """The first state of the generator of one permutation."""
    data = label.encode() + b"\0" + b"".join(struct.pack("<q", n) for n in numbers)
    return xxh64(data, seed)


def draws(first: int, count: int) -> np.ndarray:
    """The first `count` outputs (uint64) of SplitMix64."""
    z = np.uint64(first) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GAMMA)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def splitmix64(first: int, count: int) -> list[int]:
    """The same, one by one, in plain integers."""
    out, s = [], first
    for _ in range(count):
        s = (s + GAMMA) & MASK
        z = (s ^ (s >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        out.append(z ^ (z >> 31))
    return out


def permutation(label: str, numbers: Sequence[int], seed: int, n: int) -> np.ndarray:
    """Position i of the result holds the old index of what comes i-th (int64 [n])."""
    order = list(range(n))
    if n:
        bounds = np.arange(n, 0, -1, dtype=np.uint64)
        picks = (draws(state(label, numbers, seed), n) % bounds).tolist()
        for i, j in zip(range(n - 1, -1, -1), picks, strict=True):
            order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)
