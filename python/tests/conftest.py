"""Fixtures: a feeder, and feeds of it that are closed after the test."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lastmile
from tests.fake_feeder import Client, FakeFeeder

# A shell that starts us in the background has Ctrl-C ignored, by us and by all that we start.
signal.signal(signal.SIGINT, signal.default_int_handler)

Connect = Callable[..., tuple[lastmile.Feed, Client]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder with a short path, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="lm-") as name:
        yield Path(name)


@pytest.fixture
def feeder(folder: Path) -> Iterator[FakeFeeder]:
    feeder = FakeFeeder(folder)
    yield feeder
    feeder.close()


@pytest.fixture
def connect(feeder: FakeFeeder) -> Iterator[Connect]:
    """Connect a feed and return it with the feeder's end."""
    feeds = []

    def connect(name: str = "train", **options: Any) -> tuple[lastmile.Feed, Client]:
        settings: dict[str, Any] = {"rank": 0, "world_size": 2, "arrays": "numpy"} | options
        feed = lastmile.connect(f"unix:{feeder.path}", name, **settings)
        feeds.append(feed)
        client = feeder.client()
        assert client.receive(2).payload == b""  # MAPPED
        return feed, client

    yield connect
    for feed in feeds:
        feed.close()
