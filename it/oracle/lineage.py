"""What becomes of each row of a source: where ranks get it, or which step drops it and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .dataset import Dataset
from .language import Explode, Join, Limit, Member, Sample, Split
from .steps import PATH, ROW, AntiJoin, Context, Downsample, Filter, copies, drawn

Row = tuple[str, int]  # path in the source, row in the file


@dataclass(frozen=True)
class Gone:
    """A row, or a copy of it, that a step drops."""

    step: int
    copies: list[int]
    why: str | None  # None: the test does not say


def gone(
    dataset: Dataset, seed: int, epoch: int, whys: dict[int, Callable[[dict], str]] | None = None
) -> dict[Row, list[Gone]]:
    """Every row that a step but `limit` drops, by hand: those before it that are not behind it.

    `whys` says of a step, by its number, why it drops a row: from the values of that row.
    """
    found: dict[Row, list[Gone]] = defaultdict(list)
    context = Context(seed, epoch, dataset.paths)
    for split in dataset.splits(seed, epoch):
        rows = pa.concat_tables([dataset.row_group(*group) for group in sorted(split)])
        for number, step in enumerate(dataset.steps):
            if isinstance(step, Limit):
                continue
            after = step.apply(rows, context)
            left = set(_names(after, len(copies(rows))))
            why = _why(step, rows, context, (whys or {}).get(number))
            for place, name in enumerate(_names(rows, len(copies(rows)))):
                if name not in left:
                    path, row, *numbers = name
                    said = None if why is None else why(place)
                    found[dataset.paths[path], row].append(Gone(number, numbers, said))
            rows = after
    return found


def _names(rows: pa.Table, levels: int) -> list[tuple[int, ...]]:
    """What a row is called before the steps behind copy it."""
    columns = [PATH, ROW, *copies(rows)[:levels]]
    return list(zip(*(np.asarray(rows.column(c)).tolist() for c in columns), strict=True))


def _why(
    step: object, rows: pa.Table, context: Context, said: Callable[[dict], str] | None
) -> Callable[[int], str] | None:
    if said is not None:
        values = rows.select([c for c in rows.column_names if not c.startswith("__")]).to_pylist()
        return lambda i: said(values[i])
    if isinstance(step, (Downsample, Sample, Split)):
        return _hashed(step, rows, context)
    if isinstance(step, Explode):
        column = rows.column(step.columns[0]).to_pylist()
        return lambda i: f"{step.columns[0]} is {'NULL' if column[i] is None else 'empty'}"
    if isinstance(step, (AntiJoin, Member, Join)):
        keys = {name: rows.column(name).to_pylist() for name in step.on}
        table = (
            str(step.table)
            if isinstance(step, AntiJoin)
            else f"the {len(step.table.rows)} values written here"
        )
        there = isinstance(step, AntiJoin) or (isinstance(step, Member) and step.anti)
        where = f"is {'' if there else 'not '}in {table}"
        return lambda i: f"{' and '.join(f'{n} {_sql(k[i])}' for n, k in keys.items())} {where}"
    assert not isinstance(step, Filter), "say why a filter drops a row"
    return None


def _hashed(
    step: Downsample | Sample | Split, rows: pa.Table, context: Context
) -> Callable[[int], str]:
    if isinstance(step, Downsample):
        return _above(step.draws(rows, context), step.share(rows))
    if isinstance(step, Sample):
        salt = "sample" if step.salt is None else step.salt
        u = drawn(rows, context, salt, step.by, step.each_epoch)
        return _above(u, np.full(len(rows), step.keep))
    u = drawn(rows, context, "split" if step.salt is None else step.salt, step.by)
    return lambda i: f"hash {float(u[i])!r} is in {part(step, float(u[i]))}"


def _sql(value: object) -> str:
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def _above(u: np.ndarray, keep: np.ndarray) -> Callable[[int], str]:
    return lambda i: f"hash {float(u[i])!r} ≥ keep {float(keep[i])!r}"


def part(step: Split, u: float) -> str:
    """The part of a split that a hash is in."""
    low = 0.0
    for name, share in step.parts.items():
        high = low + share
        if u < high or high > 1 - 1e-9:
            return f"part {name} ({low:.9g} to {min(high, 1):.9g})"
        low = high
    return f"no part (from {low:.9g})"


@dataclass(frozen=True)
class Start:
    """Where ranks begin, and behind which row the last of their steps ends."""

    world: int
    batch: int
    step: int
    row: int
    end: int

    def place(self, row: int) -> tuple[int, int, int] | None:
        """The step, the rank and the row in its batch; None: these ranks do not get it."""
        if not self.row <= row < self.end:
            return None
        whole = self.world * self.batch
        step, of_step = divmod(row - self.row, whole)
        rows = min(whole, self.end - self.row - step * whole)
        bounds = [rows * rank // self.world for rank in range(self.world + 1)]
        rank = max(r for r in range(self.world) if bounds[r] <= of_step)
        return self.step + step, rank, of_step - bounds[rank]


def uses(starts: Sequence[Start], row: int) -> list[tuple[int, int, int, bool]]:
    """Everywhere a row is given, and whether the ranks go back behind it afterwards."""
    found = []
    for i, start in enumerate(starts):
        place = start.place(row)
        if place is not None:
            found.append((*place, any(later.row <= row for later in starts[i + 1 :])))
    return found
