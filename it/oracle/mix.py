"""The global row sequence of a mix of datasets."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from .dataset import Dataset, Piece, Sequence
from .language import Limit
from .steps import COPY, PATH
from .tensors import Tensor
from .xxh64 import xxh64_rows

PASS = 1 << 32


@dataclass(frozen=True)
class Taken:
    """What was taken of one dataset."""

    passes: int
    read: int
    delivered: int


@dataclass(frozen=True)
class MixedSequence(Sequence):
    taken: list[Taken]


@dataclass(frozen=True)
class Mixed:
    """A mix as written in an experiment; ``datasets`` are written before it, with their ratios."""

    datasets: dict[str, tuple[Dataset, float]]
    tensors: dict[str, Tensor]
    on_dry: str | None = None
    limit: int | None = None
    batch: int = 32
    keys: list[str] = field(default_factory=lambda: ["uid"])
    last_step: str | None = None

    def yaml(self) -> dict[str, Any]:
        mix = [{"dataset": name, "ratio": ratio} for name, (_, ratio) in self.datasets.items()]
        said: dict[str, Any] = {"mix": mix, "batch": self.batch, "keys": self.keys}
        said["tensors"] = {name: tensor.yaml() for name, tensor in self.tensors.items()}
        if self.on_dry:
            said["on_dry"] = self.on_dry
        if self.last_step:
            said["last_step"] = self.last_step
        if self.limit is not None:
            said["steps"] = [{"limit": self.limit}]
        return said

    def sequence(self, seed: int = 42, epoch: int = 0) -> MixedSequence:
        """All rows of an epoch, in order, one drawn after the other."""
        members = [_Member(dataset, seed, epoch) for dataset, _ in self.datasets.values()]
        ratios = [ratio for _, ratio in self.datasets.values()]
        out: set[int] = set()
        rows: list[tuple[int, int]] = []
        over = False
        while not over and len(rows) != self.limit:
            draw = unit(seed, epoch, len(rows))
            drawn = chosen(ratios, out, draw)
            while not over and not members[drawn].has_row():
                if self.on_dry == "repeat":
                    others = [m for i, m in enumerate(members) if i != drawn]
                    over = all(member.passes > 1 for member in others)
                    if not over:
                        members[drawn].start_over()
                elif self.on_dry == "rest":
                    out.add(drawn)
                    over = len(out) == len(members)
                    drawn = drawn if over else chosen(ratios, out, draw)
                else:
                    over = True
            if not over:
                rows.append((drawn, members[drawn].take()))
        return self._sequence(members, rows, seed, epoch)

    def _sequence(
        self, members: list[_Member], rows: list[tuple[int, int]], seed: int, epoch: int
    ) -> MixedSequence:
        paths: list[str] = []
        tables = []
        dropped: list[int] = []
        added: list[int] = []
        level = any(name.startswith(COPY) for m in members for name in m.names(seed, epoch))
        for (name, (dataset, _)), member in zip(self.datasets.items(), members, strict=True):
            table = pa.concat_tables([dataset.nothing(seed, epoch), *member.tables])
            shifted = pa.array(np.asarray(table.column(PATH)) + len(paths), pa.int32())
            copy = Sequence(table, [], 0, [], []).copy
            table = table.set_column(table.schema.get_field_index(PATH), PATH, shifted)
            table = table.select([n for n in table.column_names if not n.startswith(COPY)])
            if level:
                copies = np.zeros(len(table), np.int64) if copy is None else copy
                table = table.append_column(COPY + "0", pa.array(copies))
            tables.append(table)
            paths += [f"{name}\0{path}" for path in dataset.paths]
            member.end_at_limit()
            dropped += [*member.dropped, member.left]
            added += member.added
        starts = np.cumsum([0, *(len(table) for table in tables)])
        order = [int(starts[member]) + row for member, row in rows]
        together = pa.concat_tables(tables, promote_options="default").combine_chunks()
        return MixedSequence(
            together.take(pa.array(order, pa.int64())),
            paths,
            sum(member.read for member in members),
            dropped,
            added,
            [Taken(member.passes, member.read, member.delivered) for member in members],
        )


def unit(seed: int, epoch: int, row: int) -> float:
    """u of the draw of a row."""
    data = b"mix\0" + struct.pack("<qq", epoch, row)
    matrix = np.frombuffer(data, np.uint8).reshape(1, -1)
    return float(xxh64_rows(matrix, seed).astype(np.float64)[0]) / 2.0**64


def rows_of(ratios: list[float], counts: list[int], on_dry: str, seed: int, epoch: int = 0) -> int:
    """How many rows a mix of datasets with so many rows each has, from its draws alone."""
    if on_dry == "rest":
        return sum(counts)
    most = 8 * sum(counts) + 1000
    head = np.frombuffer(b"mix\0" + struct.pack("<q", epoch), np.uint8)
    data = np.concatenate(
        [np.tile(head, (most, 1)), np.arange(most, dtype="<i8").view(np.uint8).reshape(most, 8)],
        axis=1,
    )
    units = xxh64_rows(np.ascontiguousarray(data), seed).astype(np.float64) / 2.0**64
    drawn = np.searchsorted(np.cumsum(ratios)[:-1], units, side="right")
    dry = [int(np.flatnonzero(drawn == i)[count]) for i, count in enumerate(counts)]
    return min(dry) if on_dry == "stop" else max(dry)


def chosen(ratios: list[float], out: set[int], u: float) -> int:
    """The dataset that is drawn, of those that take part."""
    part = [i for i in range(len(ratios)) if i not in out]
    total = 0.0
    for i in part:
        total += ratios[i]
    until = 0.0
    for i in part[:-1]:
        until += ratios[i]
        if u * total < until:
            return i
    return part[-1]


class _Member:
    """A dataset while its rows are taken: ``tables`` are those of the splits begun."""

    def __init__(self, dataset: Dataset, seed: int, epoch: int) -> None:
        self.dataset, self.seed, self.epoch = dataset, seed, epoch
        last = dataset.steps[-1] if dataset.steps else None
        self.limit = last.rows if isinstance(last, Limit) else None
        self.passes, self.read, self.delivered, self.left = 0, 0, 0, 0
        self.tables: list[pa.Table] = []
        self.rows = 0  # of all tables
        dropped, added = dataset._zeros()
        self.dropped, self.added = dropped, added
        self.start_over()

    def names(self, seed: int, epoch: int) -> list[str]:
        return list(self.dataset.nothing(seed, epoch).column_names)

    def start_over(self) -> None:
        self.pieces: Iterator[Piece] = self.dataset.pieces(
            self.seed, self.epoch + self.passes * PASS
        )
        self.passes += 1
        self.taken = 0
        self.at = self.rows
        self.ended = False

    def has_row(self) -> bool:
        while not self.ended and self.at == self.rows and self.taken != self.limit:
            piece = next(self.pieces, None)
            if piece is None:
                self.ended = True
            else:
                self._begin(piece)
        self.end_at_limit()
        return not self.ended

    def end_at_limit(self) -> None:
        if self.taken == self.limit and not self.ended:
            self.dropped[-1] += self.rows - self.at  # what its last split has beyond the limit
            self.left -= self.rows - self.at
            self.at = self.rows
            self.ended = True

    def _begin(self, piece: Piece) -> None:
        self.read += piece.read
        self.dropped = [a + b for a, b in zip(self.dropped, piece.dropped, strict=True)]
        self.added = [a + b for a, b in zip(self.added, piece.added, strict=True)]
        self.tables.append(piece.rows)
        self.rows += len(piece.rows)
        self.left += len(piece.rows)

    def take(self) -> int:
        row = self.at
        self.at += 1
        self.taken += 1
        self.delivered += 1
        self.left -= 1
        return row
