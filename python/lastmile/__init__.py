"""The Python client of Lastmile: a training script iterates over batches that an engine makes meanwhile.

In a script that ``lastmile run`` has started::

    import lastmile

    feed = lastmile.feed("train")
    for batch in feed:  # one epoch
        loss = model(batch["dense"], batch["cat"])

Anywhere else ``lastmile.open("experiment.yaml", "train")`` gives the same from an engine of its own, and
``lastmile.connect("unix:/path", "train", rank=0, world_size=2)`` from one that ``lastmile serve`` runs. Importing this
package is cheap: numpy and torch are imported when the first feed is made, and after its engine was started.

What an experiment file says can be said in Python as well, and opened or launched as such::

    train = lastmile.parquet("tables/*.parquet").filter("label >= 0").tensor("dense", "dense_*", fill=0)
    experiment = lastmile.experiment("first", datasets={"train": train}, train="train.py")
    lastmile.launch(experiment)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from lastmile.errors import BatchesHeld, DataError, LastmileError, UserError

if TYPE_CHECKING:
    from lastmile._batch import Batch, KeyedRagged, Keys, Masked, Ragged
    from lastmile._checkpoint import Checkpoints, checkpoint
    from lastmile._dataset import Dataset, arrow, csv, json, mix, parquet
    from lastmile._experiment import Experiment, experiment
    from lastmile._feed import Feed
    from lastmile._launch import Conclusion, launch
    from lastmile._tables import Values, values
    from lastmile._timers import Timers

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "BatchesHeld",
    "Checkpoints",
    "Conclusion",
    "DataError",
    "Dataset",
    "Experiment",
    "Feed",
    "KeyedRagged",
    "Keys",
    "LastmileError",
    "Masked",
    "Ragged",
    "Timers",
    "UserError",
    "Values",
    "arrow",
    "checkpoint",
    "connect",
    "csv",
    "experiment",
    "feed",
    "json",
    "launch",
    "mix",
    "open",
    "parquet",
    "values",
]

_HOMES = {
    **dict.fromkeys(("Batch", "KeyedRagged", "Keys", "Masked", "Ragged"), "_batch"),
    **dict.fromkeys(("Checkpoints", "checkpoint"), "_checkpoint"),
    **dict.fromkeys(("Dataset", "arrow", "csv", "json", "mix", "parquet"), "_dataset"),
    **dict.fromkeys(("Experiment", "experiment"), "_experiment"),
    **dict.fromkeys(("Conclusion", "launch"), "_launch"),
    **dict.fromkeys(("Values", "values"), "_tables"),
    "Feed": "_feed",
    "Timers": "_timers",
}


def feed(
    name: str,
    *,
    state: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    max_steps: int | None = None,
    ranks: Literal["all", "this"] = "all",
    arrays: Literal["numpy", "torch"] | None = None,
) -> Feed:
    """Return the feed of a dataset in a script that the launcher has started.

    Rank, world size and the engine's socket come from ``RANK``, ``WORLD_SIZE`` and ``LASTMILE_FEED``.

    Args:
        name: the dataset's name in the experiment.
        state: what ``Feed.state_dict()`` returned, to go on from there; None for the start of epoch 0.
        epochs: how many epochs the script is going to make, counted from epoch 0: while there is a next one it is
            prefetched during the current one. It is an announcement, not a limit: iterating further gives further
            epochs, each begun when it is asked for.
        max_steps: iteration ends after this many batches, counted from the position where the feed begins
            (``state``, or the last ``load_state_dict``) and across epochs; None for no limit.
        ranks: "all" shares the dataset among all ranks; "this" gives this rank all of it, as if it were alone.
        arrays: "torch" or "numpy" decides what values are; None gives torch tensors where torch can be imported.

    Raises:
        RuntimeError: a variable is missing; the message names it.
        ValueError: an argument is out of its bounds.
        LastmileError: the engine cannot be reached, or refuses (UserError: for example an unknown name).
    """
    from lastmile import _options

    path, rank, world_size, attempt = _options.from_environment(name)
    options = _options.checked(
        name,
        rank=rank,
        world_size=world_size,
        ranks=ranks,
        epochs=epochs,
        max_steps=max_steps,
        state=state,
        arrays=arrays,
        attempt=attempt,
    )
    from lastmile import _feed

    return _feed.Feed(path, options)


def open(
    experiment: str | os.PathLike[str] | Experiment,
    name: str,
    *,
    state: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    max_steps: int | None = None,
    arrays: Literal["numpy", "torch"] | None = None,
) -> Feed:
    """Start an engine for an experiment in the background and return a feed of it, as the only rank.

    For notebooks, tests and trying things out; needs no cluster and no launcher. The engine ends with
    ``Feed.close()``, with the feed, or with this process; Ctrl-C does not end it. ``LASTMILE_HOME`` says where the
    engine is; without it, the checkout that this package lies in.

    Args:
        experiment: the experiment file, or what ``lastmile.experiment`` has returned.
        name: the dataset's name in it.
        state: as for :func:`feed`.
        epochs: as for :func:`feed`.
        max_steps: as for :func:`feed`.
        arrays: as for :func:`feed`; with "numpy", torch is not imported at all.

    Raises:
        UserError: a mistake in the experiment, with its place.
        ValueError: an argument is out of its bounds.
        LastmileError: the engine cannot be found or does not start.
    """
    from lastmile import _options

    options = _options.checked(
        name, rank=0, world_size=1, ranks="all", epochs=epochs, max_steps=max_steps, state=state, arrays=arrays
    )
    from lastmile import _engine

    engine = _engine.Engine(experiment)
    try:
        from lastmile import _arrays, _feed  # imports numpy, and the next line torch, while the engine starts

        _arrays.array_maker(arrays)
        return _feed.Feed(engine.address(), options, engine)
    except BaseException:
        engine.close()
        raise


def connect(
    address: str,
    name: str,
    *,
    rank: int,
    world_size: int,
    state: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    max_steps: int | None = None,
    ranks: Literal["all", "this"] = "all",
    arrays: Literal["numpy", "torch"] | None = None,
) -> Feed:
    """Return a feed of an engine that ``lastmile serve`` runs on this host, for scripts under another launcher.

    Args:
        address: what ``lastmile serve`` has printed, ``"unix:/path"``.
        name: the dataset's name in the experiment.
        rank: this process's rank, in 0..world_size - 1.
        world_size: the number of ranks; every one of them has to connect.
        state: as for :func:`feed`.
        epochs: as for :func:`feed`.
        max_steps: as for :func:`feed`.
        ranks: as for :func:`feed`.
        arrays: as for :func:`feed`.

    Raises:
        ValueError: an argument is out of its bounds.
        LastmileError: no engine listens at the address, or it refuses (UserError: for example an unknown name).
    """
    from lastmile import _options

    scheme, _, path = address.partition(":")
    if scheme != "unix" or not path:
        raise ValueError(f'Invalid address: "{address}" (must be unix:/path, as "lastmile serve" prints it)')
    options = _options.checked(
        name,
        rank=rank,
        world_size=world_size,
        ranks=ranks,
        epochs=epochs,
        max_steps=max_steps,
        state=state,
        arrays=arrays,
    )
    from lastmile import _feed

    return _feed.Feed(path, options)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lastmile' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(f"lastmile.{_HOMES[name]}"), name)
