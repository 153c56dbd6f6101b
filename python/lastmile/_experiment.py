"""An experiment said in Python, and its canonical JSON."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Final, Literal, NotRequired, TypedDict

from lastmile import _canonical, _checks, _cores, _dataset
from lastmile._canonical import Json
from lastmile._dataset import Dataset
from lastmile.errors import UserError

_SIZE: Final = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,9})?) ?([kKMGT]i?B|B|)")
_POWERS: Final = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4}
_MEMORY: Final = 2 << 30
_SPAN: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(ms|s|m|h|)")
_MILLIS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "": 1000}
_MOST_SECONDS: Final = 1e9
_WANTED_SPAN: Final = "a duration such as 30s or 5m"
_SPLIT_TIMEOUT: Final = 600.0


class Train(TypedDict):
    """A script to train: its path, its arguments, its ranks (1 where they are not said).

    All ranks are started again ``restarts`` times (0) when one of them has failed, or has made no step for
    ``stall_timeout`` though it could: seconds, or such as ``30s``; None, the default, for any time.
    """

    script: str
    args: NotRequired[Sequence[str | float | bool]]
    ranks: NotRequired[int]
    restarts: NotRequired[int]
    stall_timeout: NotRequired[str | float | None]


class Workers(TypedDict, total=False):
    """Worker threads (one per core), and the memory of each of them, in bytes or such as ``512MiB`` (2GiB).

    A run of a split that takes longer than ``split_timeout`` (ten minutes) is given up, and the split run again:
    seconds, or such as ``30s``.
    """

    max: int
    memory: int | str
    split_timeout: str | float


class Cluster(TypedDict, total=False):
    """The hardware: this machine."""

    kind: Literal["local"]
    workers: Workers


@dataclass(frozen=True)
class Experiment:
    """Everything that was said: datasets, how they are trained on, and the hardware. Made by ``lastmile.experiment``.

    ``lastmile.open``, ``lastmile.launch`` and, as a file of :meth:`to_json` whose name ends in ``.json``, every command
    take it.

    Attributes:
        name: of the experiment; names its run records.
        folder: absolute; relative paths and the ranks start there. Not part of the JSON.
    """

    name: str
    folder: Path
    _json: str

    def to_json(self) -> str:
        """Return the canonical JSON: one line, the same as of the experiment file and of the Java builder."""
        return self._json


def experiment(
    name: str,
    *,
    datasets: Mapping[str, Dataset],
    seed: int = 0,
    train: str | Train | None = None,
    cluster: Cluster | None = None,
    folder: str | os.PathLike[str] = ".",
) -> Experiment:
    """Return the experiment of datasets that were said with ``lastmile.parquet(...)`` and its like.

    Args:
        name: of the experiment, which names its run records: letters, digits, ``-``, ``_`` and ``.``.
        datasets: by name, in the order of the experiment file; at least one.
        seed: of every permutation and sampling hash, 64 bits.
        train: the script, or ``{"script": …, "args": [...], "ranks": n}``; None for an experiment that is only opened.
        cluster: ``{"workers": {"max": n, "memory": "512MiB"}}``; None for one worker per core with 2 GiB each and
            ten minutes for a split.
        folder: where relative paths start, and the ranks.

    Raises:
        UserError: a value is wrong, a dataset has no tensors, a step follows a limit. The message ends with the place.
    """
    tree: dict[str, Json] = {
        "version": 1,
        "name": _checks.name("name", name),
        "seed": _checks.whole("seed", seed),
        "datasets": _datasets(datasets),
        "train": None if train is None else _training(train),
        "cluster": _cluster(cluster or {}),
    }
    return Experiment(name, Path(os.path.normpath(Path(folder).absolute())), _canonical.text(tree))


def _datasets(written: object) -> Json:
    said = _checks.mapping("datasets", written)
    if not said:
        raise UserError("Invalid datasets: none (must be at least one)")
    datasets = {_checks.name("name", name): _dataset_of(name, said[name]) for name in said}
    mixes = {name: mix for name, dataset in datasets.items() if (mix := _dataset.mixed(dataset))}
    mixed = {part for mix in mixes.values() for part, _ in mix.parts}
    arriving = [name for name, dataset in datasets.items() if _dataset.arrives(dataset)]
    names = [*datasets]
    for name, mix in mixes.items():
        mix.check(f"datasets.{name}", names[: names.index(name)], mixes, arriving)
    return [[name, _dataset.finished(datasets[name], name, mixed=name in mixed)] for name in datasets]


def _dataset_of(name: str, dataset: object) -> Dataset:
    if not isinstance(dataset, Dataset):
        raise _checks.wrong(f"datasets.{name}", dataset, 'a dataset such as lastmile.parquet("…")')
    return dataset


def _training(train: object) -> Json:
    said: Mapping[str, Any]
    known = ("script", "args", "ranks", "restarts", "stall_timeout")
    said = {"script": train} if isinstance(train, str) else _checks.mapping("train", train, known)
    restarts = _checks.count("restarts", said.get("restarts", 0))
    if restarts < 0:
        raise _checks.wrong("restarts", restarts, ">= 0")
    return {
        "script": _checks.filled("script", _checks.required(said, "script")),
        "args": _arguments(said.get("args", ())),
        "ranks": _checks.positive("ranks", said.get("ranks", 1)),
        "restarts": restarts,
        "stall_timeout": _seconds("stall_timeout", said.get("stall_timeout")),
    }


def _seconds(element: str, span: object) -> float | None:
    """Whole milliseconds of a duration as people write it, in seconds."""
    if span is None:
        return None
    if isinstance(span, str):
        written = _SPAN.fullmatch(span)
        if not written:
            raise _checks.wrong(element, span, _WANTED_SPAN)
        millis = int(Decimal(written[1]) * _MILLIS[written[2]])
    elif isinstance(span, Real) and not isinstance(span, bool):
        seconds = _checks.number(element, span)
        if seconds >= _MOST_SECONDS:
            raise _checks.wrong(element, span, _WANTED_SPAN)
        millis = math.floor(seconds * 1e3 + 0.5)
    else:
        raise _checks.wrong(element, span, _WANTED_SPAN)
    if millis <= 0:
        raise UserError(f"Invalid {element}: {_checks.total(millis / 1e3)} (must be > 0)")
    return millis / 1e3


def _arguments(arguments: object) -> Json:
    if isinstance(arguments, str | Mapping) or not isinstance(arguments, Sequence):
        raise _checks.wrong("args", arguments, "a list")
    return [_argument(i, argument) for i, argument in enumerate(arguments)]


def _argument(i: int, argument: object) -> str:
    if isinstance(argument, bool):
        return "true" if argument else "false"
    if isinstance(argument, Integral):
        return str(int(argument))
    if isinstance(argument, Real):
        return repr(float(argument))
    if not isinstance(argument, str):
        raise _checks.wrong(f"args[{i}]", argument, "text or a number")
    return _checks.text(f"args[{i}]", argument)


def _cluster(cluster: object) -> Json:
    said = _checks.mapping("cluster", cluster, ("kind", "workers"))
    _checks.word("kind", said.get("kind", "local"), ("local",))
    workers = _checks.mapping("workers", said.get("workers", {}), ("max", "memory", "split_timeout"))
    most = _checks.positive("max", workers["max"]) if "max" in workers else _cores.available()
    memory = _bytes(workers.get("memory", _MEMORY))
    timeout = _seconds("split_timeout", workers.get("split_timeout", _SPLIT_TIMEOUT))
    if timeout is None:
        raise _checks.wrong("split_timeout", None, _WANTED_SPAN)
    return {"kind": "local", "workers": {"max": most, "memory": memory, "split_timeout": timeout}}


def _bytes(size: object) -> int:
    """Bytes of a size as people write it; part of a byte is cut off."""
    if isinstance(size, Integral) and not isinstance(size, bool):
        return _checks.above_zero("memory", _checks.whole("memory", size))
    if not isinstance(size, str):
        raise _checks.wrong("memory", size, "a size such as 512MiB or 2GiB")
    written = _SIZE.fullmatch(size)
    if not written:
        raise _checks.wrong("memory", size, "a size such as 512MiB or 2GiB")
    unit = written[2]
    scale = (1024 if "i" in unit else 1000) ** (_POWERS.get(unit[0], 0) if unit else 0)
    count = int(Decimal(written[1]) * scale)
    if count >= 2**63:
        raise _checks.wrong("memory", size, "a size such as 512MiB or 2GiB")
    return _checks.above_zero("memory", count)
