"""Sampling and splits of a million rows: shares in four standard errors, nested, independent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import Sandbox, ranks

ROWS, USERS = 1_000_000, 200_000
PARTS = {"train": 0.8, "valid": 0.15, "test": 0.05}
STEPS: dict[str, list[dict[str, Any]]] = {
    "rows_05": [{"sample": 0.05}],
    "rows_10": [{"sample": 0.10}],
    "rows_10_of": [{"downsample": {"keep": 0.10}}],
    "users_05": [{"sample": {"keep": 0.05, "by": "user"}}],
    "users_10": [{"sample": {"keep": 0.10, "by": "user"}}],
    "negatives": [{"downsample": {"keep": 0.10, "by": "user", "where": "uid % 10 <> 0"}}],
    "each_row": [{"downsample": {"keep": "0.05 + (uid % 2) * 0.05", "by": "user"}}],
    **{part: [{"split": {"parts": PARTS, "part": part, "by": "user"}}] for part in PARTS},
}


@pytest.fixture(scope="module")
def user() -> np.ndarray:
    return np.random.default_rng(3).integers(0, USERS, ROWS)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, user: np.ndarray) -> dict[str, np.ndarray]:
    """The rows that each of the datasets keeps, as masks."""
    folder = tmp_path_factory.mktemp("sampling")
    table = pa.table({"uid": np.arange(ROWS), "user": user})
    pq.write_table(table, folder / "t.parquet", row_group_size=100_000)
    sandbox = Sandbox(folder, shm=_made(folder / "shm"))
    dataset = {"source": {"parquet": "t.parquet"}, "tensors": {"uid": {"columns": "uid"}}}
    more = {"batch": 100_000, "shuffle": "none", "prefetch": 1, "slots": 2}
    tree = {
        "name": "sampling",
        "seed": 9,
        "datasets": {name: dataset | more | {"steps": steps} for name, steps in STEPS.items()},
        "cluster": {"workers": {"max": 2, "memory": "512MiB"}},
    }
    masks = {}
    with sandbox.serve(sandbox.write("experiment.yaml", json.dumps(tree))) as server:
        for name in STEPS:
            mask = np.zeros(ROWS, dtype=bool)
            for batch in ranks(server.address, 1, name=name)[0]:
                mask[np.asarray(batch.tensors["uid"])] = True
            masks[name] = mask
    return masks


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def near(count: int, of: int, share: float) -> bool:
    """Within four standard errors of a share of so many that are drawn on their own."""
    return abs(count - of * share) < 4 * np.sqrt(of * share * (1 - share))


def users(mask: np.ndarray, user: np.ndarray) -> np.ndarray:
    found = np.zeros(USERS, dtype=bool)
    found[user[mask]] = True
    return found


def test_shares_are_those_that_were_asked_for(
    kept: dict[str, np.ndarray], user: np.ndarray
) -> None:
    present = int(users(np.ones(ROWS, bool), user).sum())
    assert near(kept["rows_05"].sum(), ROWS, 0.05)
    assert near(kept["rows_10"].sum(), ROWS, 0.10)
    assert near(users(kept["users_05"], user).sum(), present, 0.05)
    assert near(users(kept["users_10"], user).sum(), present, 0.10)
    for part, share in PARTS.items():
        assert near(users(kept[part], user).sum(), present, share)


def test_rows_of_a_user_stay_or_go_together(kept: dict[str, np.ndarray], user: np.ndarray) -> None:
    for name in ("users_05", "users_10", *PARTS):
        assert not (users(kept[name], user) & users(~kept[name], user)).any()


def test_smaller_shares_are_nested(kept: dict[str, np.ndarray]) -> None:
    assert not (kept["rows_05"] & ~kept["rows_10"]).any()
    assert not (kept["users_05"] & ~kept["users_10"]).any()


def test_a_share_of_each_row(kept: dict[str, np.ndarray], user: np.ndarray) -> None:
    odd = np.arange(ROWS) % 2 == 1
    for rows, share in ((odd, 0.10), (~odd, 0.05)):
        there = int(users(rows, user).sum())
        assert near(users(kept["each_row"] & rows, user).sum(), there, share)


def test_positives_all_stay(kept: dict[str, np.ndarray]) -> None:
    positive = np.arange(ROWS) % 10 == 0
    assert kept["negatives"][positive].all()
    assert not kept["negatives"][~positive].all()


def test_no_key_is_in_two_parts_and_none_is_lost(
    kept: dict[str, np.ndarray], user: np.ndarray
) -> None:
    found = [users(kept[part], user).astype(int) for part in PARTS]
    present = users(np.ones(ROWS, bool), user)
    assert np.array_equal(sum(found), present.astype(int))


def test_kinds_of_steps_are_independent_on_the_same_keys(
    kept: dict[str, np.ndarray], user: np.ndarray
) -> None:
    both = users(kept["train"] & kept["users_10"], user).sum()
    sampled = int(users(kept["users_10"], user).sum())
    assert near(both, sampled, PARTS["train"])
    test = users(kept["test"] & kept["users_10"], user).sum()
    assert near(test, sampled, PARTS["test"])
    rows = int(kept["rows_10"].sum())
    assert near((kept["rows_10"] & kept["rows_10_of"]).sum(), rows, 0.10)
