"""The global row sequence of a dataset and what each rank gets of it."""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from . import partitions, pruning
from .hashing import digest
from .language import COPYING, Explode, Limit, Step, drops
from .permutation import permutation
from .schemas import adapted, union
from .small import small_tables
from .steps import PATH, ROW, Context, copies
from .tensors import Tensor


@dataclass(frozen=True)
class Shuffle:
    """none: kind None; row groups: n; within a partition: n and its column."""

    row_groups: int | None = None
    within: str | None = None

    def yaml(self) -> Any:
        if self.row_groups is None and self.within is None:
            return "none"
        said: dict[str, Any] = {}
        if self.row_groups is not None:
            said["row_groups"] = self.row_groups
        if self.within is not None:
            said["within"] = self.within
        return said

    @property
    def count(self) -> int:
        return 8 if self.row_groups is None else self.row_groups

    @property
    def permutes(self) -> bool:
        return self.row_groups is not None or self.within is not None


NONE = Shuffle()
ROW_GROUP = 8192  # rows, of a small file that is converted


@dataclass(frozen=True)
class Piece:
    """The rows that a split gives, and what became of those it read."""

    rows: pa.Table
    read: int
    dropped: list[int]
    added: list[int]


@dataclass(frozen=True)
class Sequence:
    """The rows of one epoch in their global order, with the counts that belong to them."""

    rows: pa.Table
    paths: list[str]
    read: int
    dropped: list[int]
    added: list[int]

    @property
    def copy(self) -> np.ndarray | None:
        """The copy number of each row; None where no step makes several rows of one."""
        levels = copies(self.rows)
        if not levels:
            return None
        whole = np.zeros(len(self.rows), dtype=np.int64)
        for level in levels:
            whole = (whole << (63 // len(levels))) + np.asarray(self.rows.column(level))
        return whole

    @property
    def identity(self) -> list[tuple[str, int]]:
        path = np.asarray(self.rows.column(PATH)).tolist()
        row = np.asarray(self.rows.column(ROW)).tolist()
        return [(self.paths[p], r) for p, r in zip(path, row, strict=True)]

    @cached_property
    def digests(self) -> list[str]:
        """After each row: the identity digest of all up to it, as 16 hex digits."""
        path, row = np.asarray(self.rows.column(PATH)), np.asarray(self.rows.column(ROW))
        return [f"{value:016x}" for value in digest(self.paths, path, row, self.copy).tolist()]


@dataclass(frozen=True)
class Dataset:
    """A dataset as written in an experiment.

    `parquet` is what the experiment says; `root` the fixed folder part and `files` the paths
    relative to it, which the oracle reads. `format` is the key of the source: of small files in
    another format than Parquet the oracle reads its own copies, row groups of 8,192 rows. `arrived`
    is the order in which splits came, where that is not theirs.
    """

    parquet: str | list[str]
    root: Path
    files: list[str]
    tensors: dict[str, Tensor]
    steps: list[Step] = field(default_factory=list)
    batch: int = 32
    shuffle: Shuffle = NONE
    keys: list[str] = field(default_factory=lambda: ["uid"])
    extra: dict[str, Any] = field(default_factory=dict)
    on_corrupt: str | None = None
    corrupt: frozenset[tuple[str, int]] = frozenset()  # (file, row group) that cannot be read
    format: str = "parquet"
    schema: str | None = None
    last_step: str | None = None
    arrived: list[int] | None = None

    def yaml(self) -> dict[str, Any]:
        source: dict[str, Any] = {self.format: self.parquet}
        if self.on_corrupt:
            source["on_corrupt"] = self.on_corrupt
        if self.schema:
            source["schema"] = self.schema
        said: dict[str, Any] = {"source": source}
        if self.steps:
            said["steps"] = [step.yaml() for step in self.steps]
        if not self.tensors:
            return said | {"shuffle": self.shuffle.yaml()} | self.extra
        said["tensors"] = {name: tensor.yaml() for name, tensor in self.tensors.items()}
        said["batch"] = self.batch
        said["shuffle"] = self.shuffle.yaml()
        said["keys"] = self.keys
        if self.last_step:
            said["last_step"] = self.last_step
        return said | self.extra

    @property
    def paths(self) -> list[str]:
        return sorted(self.files, key=lambda path: path.encode())

    def splits(self, seed: int, epoch: int) -> list[list[tuple[int, int]]]:
        """The splits in their order, each a list of (index of the path, row group)."""
        groups = self._groups
        if not self.shuffle.permutes:
            return [[group] for group in groups]
        if self.shuffle.within is None:
            order = permutation("row_groups", [epoch], seed, len(groups))
            return _cut([groups[i] for i in order], self.shuffle.count)
        partitions: dict[str, list[tuple[int, int]]] = {}
        for group in groups:
            partitions.setdefault(_partition(self.paths[group[0]], self.shuffle.within), []).append(
                group
            )
        splits = []
        for ordinal, members in enumerate(partitions.values()):
            order = permutation("row_groups", [epoch, ordinal], seed, len(members))
            splits += _cut([members[i] for i in order], self.shuffle.count)
        return splits

    @cached_property
    def _groups(self) -> list[tuple[int, int]]:
        """The row groups with rows that are not pruned: (index of the path, row group)."""
        conditions = pruning.leading(self.steps)
        groups = []
        for i in self.opened:
            metadata = self._open(self.paths[i]).metadata
            for g in range(metadata.num_row_groups):
                if metadata.row_group(g).num_rows > 0 and (
                    self.format != "parquet"
                    or pruning.keeps_row_group(
                        conditions, metadata, self._open(self.paths[i]).schema_arrow, g
                    )
                ):
                    groups.append((i, g))
        return groups

    @cached_property
    def opened(self) -> list[int]:
        """Indices of the paths whose partitions are not pruned."""
        conditions = pruning.leading(self.steps)
        return [
            i
            for i, values in enumerate(self._partitions)
            if pruning.keeps_partition(conditions, values)
        ]

    def pruned(self) -> dict[str, int]:
        """What is not read: files, row groups of those that are opened, and their rows."""
        sizes = {
            (i, g): metadata.row_group(g).num_rows
            for i in self.opened
            for metadata in (self._open(self.paths[i]).metadata,)
            for g in range(metadata.num_row_groups)
        }
        left = set(self._groups) | {group for group, rows in sizes.items() if rows == 0}
        read = {i for i, _ in left}
        return {
            "files": len(self.paths) - len(read),
            "row_groups": len(sizes) - len(left),
            "rows": sum(rows for group, rows in sizes.items() if group not in left),
        }

    def sequence(self, seed: int = 42, epoch: int = 0) -> Sequence:
        """All rows of an epoch, in order."""
        last = self.steps[-1] if self.steps else None
        left = last.rows if isinstance(last, Limit) else None
        read = 0
        dropped, added = self._zeros()
        pieces = []
        pieces_of = list(self.pieces(seed, epoch))
        if self.arrived is not None:
            assert sorted(self.arrived) == list(range(len(pieces_of)))
            pieces_of = [pieces_of[ordinal] for ordinal in self.arrived]
        for piece in pieces_of:
            if left == 0:
                break
            rows = piece.rows
            read += piece.read
            dropped = [a + b for a, b in zip(dropped, piece.dropped, strict=True)]
            added = [a + b for a, b in zip(added, piece.added, strict=True)]
            if left is not None:
                dropped[-1] += max(0, len(rows) - left)
                rows = rows.slice(0, left)
                left -= len(rows)
            pieces.append(rows)
        if not pieces:
            pieces.append(self.nothing(seed, epoch))
        rows = pa.concat_tables(pieces).combine_chunks()
        return Sequence(rows, self.paths, read, dropped, added)

    def pieces(self, seed: int, epoch: int) -> Iterator[Piece]:
        """The rows of each split in order, none of them dropped by a limit."""
        context = Context(seed, epoch, self.paths)
        for ordinal, split in enumerate(self.splits(seed, epoch)):
            # A split reads its row groups in file order, whatever the order they were drawn in.
            rows = pa.concat_tables([self.row_group(*group) for group in sorted(split)])
            read = len(rows)
            dropped, added = self._zeros()
            rows = self._transformed(rows, context, dropped, added)
            if self.shuffle.permutes:
                rows = rows.take(permutation("rows", [epoch, ordinal], seed, len(rows)))
            yield Piece(rows, read, dropped, added)

    def nothing(self, seed: int, epoch: int) -> pa.Table:
        """No rows, with the columns that they would have."""
        first = self.opened[0] if self.opened else 0
        rows = self._with_identity(
            self._open(self.paths[first]).schema_arrow.empty_table(), first, 0
        )
        return self._transformed(rows, Context(seed, epoch, self.paths), *self._zeros())

    def _zeros(self) -> tuple[list[int], list[int]]:
        dropping = sum(drops(step) for step in self.steps)
        return [0] * dropping, [0] * sum(isinstance(step, COPYING) for step in self.steps)

    def _transformed(
        self, rows: pa.Table, context: Context, dropped: list[int], added: list[int]
    ) -> pa.Table:
        drop, add = 0, 0
        for step in self.steps:
            if isinstance(step, Limit):
                continue
            before = len(rows)
            gone = step.dropped(rows) if isinstance(step, Explode) else 0
            rows = step.apply(rows, context)
            if isinstance(step, COPYING):
                added[add] += len(rows) - (before - gone)
                add += 1
            else:
                gone = before - len(rows)
            if drops(step):
                dropped[drop] += gone
                drop += 1
        return rows

    def row_group(self, path: int, group: int) -> pa.Table:
        """The rows of a row group of a file, with their identity."""
        file = self._open(self.paths[path])
        sizes = [file.metadata.row_group(g).num_rows for g in range(group + 1)]
        if (self.paths[path], group) in self.corrupt:
            rows = file.schema_arrow.empty_table()
        else:
            rows = file.read_row_group(group)
        return self._with_identity(rows, path, sum(sizes[:-1]))

    def _with_identity(self, rows: pa.Table, path: int, first: int) -> pa.Table:
        """With the columns that the table has and the file has not, and the row identity."""
        count = len(rows)
        if self.schema == "union":
            rows = adapted(rows, self._union)
        for name, value in self._partitions[path].items():
            rows = rows.append_column(name, pa.array([value.as_py()] * count, value.type))
        rows = rows.append_column(PATH, pa.array(np.full(count, path, dtype=np.int32)))
        return rows.append_column(ROW, pa.array(np.arange(first, first + count, dtype=np.int64)))

    def _open(self, path: str) -> pq.ParquetFile:
        if path not in self._opened:
            self._opened[path] = pq.ParquetFile(self._parquet(path))
        return self._opened[path]

    @cached_property
    def _partitions(self) -> list[dict[str, pa.Scalar]]:
        return partitions.columns(self.paths)

    @cached_property
    def _union(self) -> pa.Schema:
        return union([self._open(self.paths[i]).schema_arrow for i in self.opened])

    def _parquet(self, path: str) -> Path | pa.Buffer:
        return self.root / path if self.format == "parquet" else self._small[path]

    @cached_property
    def _small(self) -> dict[str, pa.Buffer]:
        """The small files as Parquet, by path."""
        tables = small_tables(self.format, [self.root / path for path in self.paths])
        copies = {}
        for path, table in zip(self.paths, tables, strict=True):
            sink = pa.BufferOutputStream()
            pq.write_table(table, sink, row_group_size=ROW_GROUP)
            copies[path] = sink.getvalue()
        return copies

    @cached_property
    def _opened(self) -> dict[str, pq.ParquetFile]:
        return {}


def _cut(groups: list[tuple[int, int]], count: int) -> list[list[tuple[int, int]]]:
    return [groups[i : i + count] for i in range(0, len(groups), count)]


def _partition(path: str, column: str) -> str:
    """The leading folders of a path down to `column=…`."""
    folders = posixpath.dirname(path).split("/")
    for depth, folder in enumerate(folders):
        if folder.startswith(column + "="):
            return "/".join(folders[: depth + 1])
    raise ValueError(f"{path} has no folder {column}=…")


def deal(
    rows: int, batch: int, world: int, last_step: str | None = None
) -> list[list[tuple[int, int]]]:
    """For each step, the rows [first, last) of the sequence that each rank gets; empty: padding."""
    steps = []
    if last_step == "drop":
        rows -= rows % (batch * world)
    for first in range(0, rows, batch * world):
        left = rows - first
        if left >= batch * world:
            bounds = [first + r * batch for r in range(world + 1)]
        else:
            bounds = [first + left * r // world for r in range(world + 1)]
        steps.append(list(itertools.pairwise(bounds)))
    return steps


def padding(real: int, batch: int, last_step: str | None) -> int:
    """How many padding rows a batch has beside its real ones."""
    return max(0, (batch if last_step == "pad" else 1) - real)
