"""Fixtures of the end-to-end tests.

Every test has a time limit, and no test may leave a process or a file in shared memory behind.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

IT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(IT), str(IT.parent / "python")]
pytest.register_assert_rewrite("harness")

from harness import Sandbox  # noqa: E402 - the paths above come first

# A shell that starts us in the background has Ctrl-C ignored, by us and by all that we start.
signal.signal(signal.SIGINT, signal.default_int_handler)

TIME_LIMIT_S, LONG_TIME_LIMIT_S = 120, 1200


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes minutes; run by ./dev test --long")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if IT in item.path.parents and item.get_closest_marker("timeout") is None:
            long = item.get_closest_marker("long") is not None
            item.add_marker(pytest.mark.timeout(LONG_TIME_LIMIT_S if long else TIME_LIMIT_S))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A folder and a runtime folder of the test's own; checked for leftovers afterwards."""
    shm = Path("/dev/shm") / f"lm-test-{secrets.token_hex(4)}"
    shm.mkdir(mode=0o700)
    box = Sandbox(tmp_path, shm)
    yield box
    wrong = box.close()
    assert not wrong, "left behind:\n" + "\n".join(wrong)


@pytest.fixture
def cached(sandbox: Sandbox) -> Sandbox:
    """A sandbox with a cache of its own, which has the engine's library already."""
    shared = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lastmile"
    cache = sandbox.folder / "cache" / "lastmile"
    cache.mkdir(parents=True)
    for library in shared.glob("duckdb-*"):
        (cache / library.name).symlink_to(library)
    sandbox.environment["XDG_CACHE_HOME"] = str(cache.parent)
    return sandbox
