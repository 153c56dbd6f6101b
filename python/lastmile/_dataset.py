"""A dataset that is being said: a table, what is done to its rows, and the tensors they become."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from lastmile import _checks, _mix, _nearest, _steps, _tables, _tensors
from lastmile._canonical import Json
from lastmile._mix import Mix, OnDry
from lastmile._steps import Keys, Label, Names, Step
from lastmile._tables import OnCorrupt, Schema, Source, Values
from lastmile.errors import UserError

Path = str | os.PathLike[str]
Table: TypeAlias = "Path | Values | Dataset"
"""A small table: a path of Parquet files, ``lastmile.values(...)``, or a source such as ``lastmile.csv("x.csv")``."""

OnEmpty = Literal["allow", "error"]
LastStep = Literal["uneven", "pad", "drop"]
Certificate = Literal["identities", "full"]
Order = Literal["deterministic", "arrival"]

_ROW_GROUPS: Final = 8
_VALIDATION: Final = "valid"


@dataclass(frozen=True)
class Said:
    """What was said of a dataset so far; None where a default hangs on other things."""

    source: Source | Mix
    steps: tuple[Step, ...] = ()
    tensors: tuple[tuple[str, dict[str, Json]], ...] = ()
    batch: int = 4096
    shuffle: tuple[int, str | None] | Literal["none"] | None = None
    keys: tuple[str, ...] = ()
    prefetch: int = 4
    slots: int | None = None
    on_empty: OnEmpty = "allow"
    last_step: LastStep = "uneven"
    certificate: Certificate = "identities"
    order: Order = "deterministic"


@dataclass(frozen=True)
class Dataset:
    """A dataset that is being said. Begun by ``lastmile.parquet``, ``csv``, ``json``, ``arrow`` or ``mix``.

    Immutable: each call returns a new dataset and leaves this one as it was, so that variations may start from a common
    one. The calls are named as the keys of the experiment file (docs/experiment.md), and give the same experiment.
    Nothing is read and no engine is needed until the experiment is opened or launched.

    Conditions and expressions are SQL scalar expressions. A wrong value is refused by the call that brings it, with
    :class:`lastmile.UserError`; what only the data can tell (a column that is not there) is found when the experiment
    is opened.
    """

    _said: Said

    def filter(self, condition: str) -> Dataset:
        """Keep the rows for which the condition is TRUE."""
        return self._step(_steps.filter(condition))

    def derive(self, columns: Mapping[str, str] | None = None, /, **more: str) -> Dataset:
        """Add columns, each the value of an expression; a later one may use an earlier one, a name that exists may not.

        Args:
            columns: expressions by name, for names that Python cannot say.
            more: the same as keywords.
        """
        return self._step(_steps.derive({**_checks.mapping("derive", columns or {}), **more}))

    def select(self, *columns: str) -> Dataset:
        """Keep only these columns: names or patterns such as ``dense_*``."""
        return self._step(_steps.of_columns("select", columns))

    def drop(self, *columns: str) -> Dataset:
        """Leave these columns out: names or patterns."""
        return self._step(_steps.of_columns("drop", columns))

    def rename(self, names: Mapping[str, str]) -> Dataset:
        """Give columns other names: the new by the old, or patterns with one ``*`` on both sides."""
        return self._step(_steps.rename(names))

    def cast(self, types: Mapping[str, str]) -> Dataset:
        """Give columns other types: SQL types such as ``FLOAT`` or ``BIGINT[]`` by name or pattern."""
        return self._step(_steps.cast(types))

    def join(
        self,
        table: Table,
        on: Keys,
        *,
        select: Names = (),
        prefix: str = "",
        how: _steps.How = "left",
        match: _steps.Match = "unique",
        filter: str | None = None,
    ) -> Dataset:
        """Add columns of a small table to the rows whose keys are in it; a null key never matches.

        Args:
            table: the small side, read whole once per process.
            on: a key column, several, or ``{here: there}``.
            select: names and patterns of the columns to add; () for all but the keys.
            prefix: put before the names of the added columns.
            how: rows without a match stay with nulls ("left"), or go ("inner").
            match: keys that are several times in the table are an error ("unique"), or the first row counts ("first").
            filter: only the table's rows for which this condition on its own columns is TRUE; None for all.
        """
        step = _steps.join(_small(table), on, filter, select=select, prefix=prefix, how=how, match=match)
        return self._step(step)

    def semi_join(self, table: Table, on: Keys, *, filter: str | None = None) -> Dataset:
        """Keep the rows whose keys are in a small table; a row with a null key goes. Arguments as for :meth:`join`."""
        return self._step(_steps.membership("semi_join", _small(table), on, filter))

    def anti_join(self, table: Table, on: Keys, *, filter: str | None = None) -> Dataset:
        """Drop the rows whose keys are in a small table; a row with a null key stays. Arguments as for :meth:`join`."""
        return self._step(_steps.membership("anti_join", _small(table), on, filter))

    def downsample(
        self,
        keep: float | str,
        *,
        where: str | None = None,
        by: Names = (),
        weight: str | None = None,
        salt: str = "downsample",
        resample: _steps.Resample = "once",
    ) -> Dataset:
        """Keep a share of the rows, by a hash of their keys.

        Args:
            keep: the share in (0, 1], or an expression that gives one for each row.
            where: only rows for which this is TRUE are sampled, the others stay; None for all rows.
            by: key columns, rows with equal keys stay or go together; () for each row by itself.
            weight: float32 column multiplied by 1/keep on the sampled rows that stay, made where it does not exist.
            salt: of the hash.
            resample: "each_epoch" draws anew in each epoch.
        """
        step = _steps.downsample(keep, where=where, by=by, weight=weight, salt=salt, resample=resample)
        return self._step(step)

    def sample(
        self, keep: float, *, by: Names = (), salt: str = "sample", resample: _steps.Resample = "once"
    ) -> Dataset:
        """Keep a share of all rows, without weights. Arguments as for :meth:`downsample`."""
        return self._step(_steps.sample(keep, by=by, salt=salt, resample=resample))

    def upsample(self, repeat: int, *, where: str | None = None, copy: str | None = None) -> Dataset:
        """Repeat rows: those for which the condition is TRUE, or all, are there so many times afterwards.

        Args:
            repeat: times that they are there, > 0.
            where: the condition; None for all rows.
            copy: name of a new int64 column for the number of the copy, from 0; None for none.
        """
        return self._step(_steps.upsample(repeat, where, copy))

    def weight(self, factors: Mapping[str, str | float]) -> Dataset:
        """Multiply float32 columns, made where they do not exist, by expressions or numbers."""
        return self._step(_steps.weight(factors))

    def label(self, columns: Mapping[str, str | Label]) -> Dataset:
        """Add int32 labels: 1 where a condition is TRUE, else 0; or ``{"classes": {condition: class}, "else": 0}``."""
        return self._step(_steps.label(columns))

    def explode(self, *columns: str, position: str | None = None) -> Dataset:
        """Make one row of each element of a list, or of several of one length; null and empty lists give none.

        Args:
            columns: the lists; afterwards they hold the element.
            position: name of a new int64 column for the place in the list, from 0; None for none.
        """
        return self._step(_steps.explode(columns, position))

    def truncate(self, columns: Names, *, first: int | None = None, last: int | None = None) -> Dataset:
        """Cut lists to their first, or their last, so many values."""
        return self._step(_steps.truncate(columns, first, last))

    def split(
        self, parts: Mapping[str, float], *, by: Names = (), part: str | None = None, salt: str = "split"
    ) -> Dataset:
        """Split the rows into parts by a hash of their keys, no key in two of them, and keep the rows of one.

        Args:
            parts: shares by name, summing to at most 1; the rows of no part go.
            by: key columns; () for each row by itself.
            part: the one that is kept; None for the one named as the dataset will be.
            salt: of the hash.
        """
        return self._step(_steps.split(parts, by=by, part=part, salt=salt))

    def part(self, name: str) -> Dataset:
        """Return another part of this dataset: its rows up to its first split, of which the given part is kept.

        Tensors, keys and batch are the same; the order and the steps behind the split are not taken over.
        """
        kinds = [step.kind for step in self._said.steps]
        if "split" not in kinds:
            raise UserError(f'Unknown part "{name}" (the dataset has no split)')
        at = kinds.index("split")
        split = _steps.resolved(_steps.with_part(self._said.steps[at], _checks.text("part", name)), name)
        return Dataset(replace(self._said, steps=(*self._said.steps[:at], split), shuffle=None))

    def without_tensors(self) -> Dataset:
        """Leave the tensors out, such as for a part that gets its own."""
        return Dataset(replace(self._said, tensors=()))

    def limit(self, rows: int) -> Dataset:
        """End each epoch after so many rows; no step may follow."""
        return self._step(_steps.limit(rows))

    def tensor(
        self,
        name: str,
        columns: Names,
        *,
        dtype: _tensors.DType | None = None,
        fill: float | None = None,
        null: _tensors.Null | None = None,
        max_length: int | None = None,
        truncate: _tensors.End = "first",
        pad: bool = False,
        layout: _tensors.Layout = "dense",
        hash: int | _tensors.Hash | None = None,
        vocabulary: str | None = None,
    ) -> Dataset:
        """Add a tensor to the batch: ``[B]`` of a column, ``[B, n]`` of a pattern or a list of them, ragged of lists.

        Args:
            name: in the batch.
            columns: a name, a pattern, or several of them.
            dtype: of the values; None for that of the source.
            fill: stands where there is no value, also inside lists; 0 where one is needed.
            null: a null is filled ("fill"), ends the run ("error"), or is filled and masked ("mask"); None for "fill"
                where a fill is given, else "error".
            max_length: lists are cut to so many values; None for no cut.
            truncate: the end of a list that stays when it is cut.
            pad: lists become a matrix ``[B, max_length]`` with a mask.
            layout: "keyed" puts the columns one after the other, as TorchRec's KeyedJaggedTensor takes them.
            hash: strings become ids: so many buckets, or ``{"buckets": n, "seed": s}``.
            vocabulary: file of words, one a line: strings become the number of their line, others 0.
        """
        tree = _tensors.tensor(
            columns,
            dtype=dtype,
            fill=fill,
            null=null,
            max_length=max_length,
            truncate=truncate,
            pad=pad,
            layout=layout,
            hash=hash,
            vocabulary=vocabulary,
        )
        tensors = (*self._said.tensors, (_checks.filled("name", name), tree))
        _checks.names("tensors", (each for each, _ in tensors))
        return Dataset(replace(self._said, tensors=tensors))

    def batch(self, rows: int) -> Dataset:
        """Set the rows per rank and step, 4096 otherwise."""
        return Dataset(replace(self._said, batch=_checks.positive("batch", rows)))

    def shuffle(
        self, order: Literal["none"] | None = None, *, row_groups: int | None = None, within: str | None = None
    ) -> Dataset:
        """Set the order: ``"none"`` is file order, the default of a dataset named ``valid``.

        Args:
            order: "none", or None to shuffle.
            row_groups: row groups per split, 8 otherwise.
            within: a partition column: its partitions stay in path order; None to shuffle the whole table.
        """
        if order is not None:
            if not _nearest.hint(_checks.text("shuffle", order), ("none",)):
                raise _checks.wrong("shuffle", order, "none, row_groups=n or within=PARTITION")
            _checks.word("shuffle", order, ("none",))
            if row_groups is not None or within is not None:
                raise UserError("Invalid shuffle: none (has neither row_groups nor within)")
            return Dataset(replace(self._said, shuffle="none"))
        groups = _ROW_GROUPS if row_groups is None else _checks.positive("row_groups", row_groups)
        column = None if within is None else _checks.filled("within", within)
        return Dataset(replace(self._said, shuffle=(groups, column)))

    def keys(self, *columns: str) -> Dataset:
        """Set the columns, and no others, that ride along for the script."""
        return Dataset(replace(self._said, keys=tuple(_checks.names("keys", columns))))

    def prefetch(self, steps: int) -> Dataset:
        """Set how many steps are kept ready per rank, 4 otherwise."""
        return Dataset(replace(self._said, prefetch=_checks.positive("prefetch", steps)))

    def slots(self, count: int) -> Dataset:
        """Set the shared-memory slots per rank, prefetch + 2 otherwise; more than prefetch."""
        return Dataset(replace(self._said, slots=_checks.positive("slots", count)))

    def on_empty(self, answer: OnEmpty) -> Dataset:
        """Set what an epoch without rows does: it has no steps ("allow"), or it ends the run ("error")."""
        _checks.word("on_empty", answer, ("allow", "error"))
        return Dataset(replace(self._said, on_empty=answer))

    def last_step(self, answer: LastStep) -> Dataset:
        """Set what becomes of the rows that fill no whole step at the end of an epoch.

        Args:
            answer: the ranks share them evenly, one that would get none gets one padding row ("uneven"); each batch of
                them is filled up with padding rows, so that all batches have one size ("pad"); or they are dropped and
                counted ("drop").
        """
        _checks.word("last_step", answer, ("uneven", "pad", "drop"))
        return Dataset(replace(self._said, last_step=answer))

    def certificate(self, of: Certificate) -> Dataset:
        """Set what certificates speak of: which rows were delivered ("identities"), their values too ("full")."""
        _checks.word("certificate", of, ("identities", "full"))
        return Dataset(replace(self._said, certificate=of))

    def order(self, choice: Order) -> Dataset:
        """Set which split's rows come next: those of the next one ("deterministic"), or of the first ready ("arrival").

        With "arrival" the rows of an epoch, and those of each split, are the same, but the order of the splits is not.
        Not for a mix or in one, nor with ``limit`` or ``last_step("drop")``, which would leave others out each time.
        """
        _checks.word("order", choice, ("deterministic", "arrival"))
        return Dataset(replace(self._said, order=choice))

    def _step(self, step: Step) -> Dataset:
        return Dataset(replace(self._said, steps=(*self._said.steps, step)))


def parquet(*paths: Path, on_corrupt: OnCorrupt = "fail", schema: Schema = "strict") -> Dataset:
    """Begin a dataset of Parquet files.

    Args:
        paths: files, patterns or folders, relative to the experiment's folder or absolute.
        on_corrupt: a row group that cannot be read ends the run ("fail"), or is left out and counted ("skip").
        schema: files with different columns are refused ("strict"), or read as one table ("union").
    """
    return Dataset(Said(_tables.parquet(map(_spelled, paths), on_corrupt, schema)))


def csv(*paths: Path) -> Dataset:
    """Begin a dataset of small files of comma-separated values (RFC 4180), UTF-8, the first line naming the columns."""
    return Dataset(Said(_tables.of_format("csv", map(_spelled, paths))))


def json(*paths: Path) -> Dataset:
    """Begin a dataset of small files with one JSON object a line, UTF-8."""
    return Dataset(Said(_tables.of_format("json", map(_spelled, paths))))


def arrow(*paths: Path) -> Dataset:
    """Begin a dataset of small Arrow IPC files, of the file or the stream format."""
    return Dataset(Said(_tables.of_format("arrow", map(_spelled, paths))))


def mix(ratios: Mapping[str, float], *, on_dry: OnDry = "stop") -> Dataset:
    """Begin a mix of other datasets of the same experiment.

    Which of them gives the next row is drawn by their ratios; each keeps its steps and its order. A dataset that is
    only mixed needs no tensors.

    Args:
        ratios: shares of the rows in (0, 1) by name of the dataset, at least two, summing to 1.
        on_dry: when a row is to come from a dataset that has none left, the epoch ends ("stop"), the dataset starts
            over until each has been read to its end once ("repeat"), or the others go on without it until none has a
            row left ("rest").
    """
    return Dataset(Said(_mix.mix(ratios, on_dry)))


def _spelled(path: object) -> object:
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def _small(table: object) -> object:
    """Return the source of a small table, or what was given in its place."""
    if isinstance(table, str | os.PathLike):
        return _tables.parquet([_spelled(table)], "fail", "strict")
    if not isinstance(table, Dataset):
        return table
    if table != Dataset(Said(table._said.source)) or mixed(table):
        raise UserError(
            "Invalid table: a dataset with steps or tensors (must be a source alone, with filter= of the join)"
        )
    return table._said.source


def finished(dataset: Dataset, name: str, *, mixed: bool) -> Json:
    """Return the canonical form of a dataset under its name, the defaults that hang on it written out.

    A dataset that is mixed into another needs no tensors.

    Raises UserError for parts that do not fit together, with the place as the engine names it.
    """
    said = dataset._said
    place = f"datasets.{name}"
    if not said.tensors and not mixed:
        raise UserError(f"Invalid tensors: none (must be at least one) [{place}.tensors]")
    _check_order(said, place)
    slots = said.prefetch + 2 if said.slots is None else said.slots
    if slots <= said.prefetch:
        raise UserError(f"Invalid slots: {slots} (must be > prefetch: {said.prefetch}) [{place}.slots]")
    return _source(said, name, place) | {
        "steps": [_finished_step(said.steps, i, name, place) for i in range(len(said.steps))],
        "tensors": [[tensor, tree] for tensor, tree in said.tensors],
        "batch": said.batch,
        "keys": [*said.keys],
        "order": said.order,
        "prefetch": said.prefetch,
        "slots": slots,
        "on_empty": said.on_empty,
        "last_step": said.last_step,
        "certificate": said.certificate,
    }


def arrives(dataset: Dataset) -> bool:
    """Whether the splits of a dataset come in the order of arrival."""
    return dataset._said.order == "arrival"


def _check_order(said: Said, place: str) -> None:
    """In the order of arrival, which rows a limit or the last step leaves out is not known before."""
    if said.order == "deterministic":
        return
    for wrong, why in (
        (isinstance(said.source, Mix), "for a mix, which draws whose row is next"),
        (any(step.kind == "limit" for step in said.steps), "with limit, which takes the first rows"),
        (said.last_step == "drop", "with last_step: drop, which drops the last rows"),
    ):
        if wrong:
            raise UserError(f"Invalid order: arrival (not {why}: must be deterministic) [{place}.order]")


def mixed(dataset: Dataset) -> Mix | None:
    """Return the mix that a dataset is; None: it is a table."""
    return dataset._said.source if isinstance(dataset._said.source, Mix) else None


def _source(said: Said, name: str, place: str) -> dict[str, Json]:
    """Return the canonical form of the source and its order; a mix has that of its datasets, and may be limited."""
    if not isinstance(said.source, Mix):
        return {"source": said.source.said(), "shuffle": _order(said, name)}
    if said.shuffle is not None:
        raise UserError(f"Invalid shuffle: not for a mix (each of its datasets has its own) [{place}.shuffle]")
    for i, step in enumerate(said.steps):
        if step.kind != "limit":
            raise UserError(
                f"Invalid step: {step.kind} (a mix can only be limited; write the step in the datasets that are mixed) "
                f"[{place}.steps[{i}].{step.kind}]"
            )
    return said.source.said()


def _finished_step(steps: Sequence[Step], i: int, name: str, place: str) -> Json:
    step = steps[i]
    at = f"[{place}.steps[{i}].{step.kind}"
    if step.kind == "limit" and i < len(steps) - 1:
        raise UserError(f"Invalid limit: a step follows (must be the last) {at}]")
    if step.kind != "split":
        return step.said()
    try:
        return _steps.resolved(step, name).said()
    except UserError as mistake:
        raise UserError(f"{mistake} {at}.part]") from None


def _order(said: Said, name: str) -> Json:
    shuffle = said.shuffle
    if shuffle is None:
        shuffle = "none" if name == _VALIDATION else (_ROW_GROUPS, None)
    if isinstance(shuffle, str):
        return shuffle
    groups, within = shuffle
    return {"row_groups": groups, "within": within}
