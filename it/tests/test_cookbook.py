"""The experiments of the cookbook run as they stand, and do what they promise."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from harness import LASTMILE, REPO, Got, Sandbox, ranks

COOKBOOK = (REPO / "docs" / "cookbook.md").read_text(encoding="utf-8")
RECIPES = {
    re.search(r"^name: (\S+)$", block, re.MULTILINE).group(1): block  # type: ignore[union-attr]
    for block in re.findall(r"```yaml\n(.*?)```", COOKBOOK, re.DOTALL)
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables that the page speaks of, smaller, and the table of totals by its own command."""
    folder = tmp_path_factory.mktemp("tables")
    sandbox = Sandbox(folder, folder)
    command = ("generate", "tables", "--rows", "20000", "--shape", "narrow")
    sandbox.start(*command).wait().expect(0)
    (command_of_page,) = re.findall(r"```sh\n(.*?)```", COOKBOOK, re.DOTALL)
    subprocess.run(
        ["bash", "-c", command_of_page.replace("./lastmile", str(LASTMILE))],
        cwd=folder,
        env=sandbox.environment,
        check=True,
        timeout=60,
    )
    return folder


def whole(folder: Path) -> pa.Table:
    return pq.read_table(folder / "tables" / "impressions")


@pytest.fixture
def read(sandbox: Sandbox, tables: Path) -> Callable[..., dict[str, np.ndarray]]:
    """An epoch of a dataset of a recipe, its tensors and keys end to end."""
    for name in ("tables", "item_counts.parquet"):
        (sandbox.folder / name).symlink_to(tables / name)

    def columns(recipe: str, name: str = "train") -> dict[str, Any]:
        with sandbox.serve(sandbox.write("experiment.yaml", RECIPES[recipe])) as server:
            batches = ranks(server.address, 1, name=name)[0]
        return {key: joined([_value(b, key) for b in batches]) for key in names(batches[0])}

    return columns


def names(batch: Got) -> list[str]:
    return [*batch.tensors, *(f"key {name}" for name in batch.keys)]


def _value(batch: Got, name: str) -> Any:
    return batch.keys[name[4:]] if name.startswith("key ") else batch.tensors[name]


def joined(values: list[Any]) -> Any:
    if isinstance(values[0], tuple):
        return tuple(joined([value[i] for value in values]) for i in range(len(values[0])))
    return np.concatenate([np.asarray(value) for value in values])


def test_every_recipe_is_tested() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert len(RECIPES) == len(re.findall(r"^## ", COOKBOOK, re.MULTILINE)) == 10
    assert [name for name in RECIPES if f'read("{name}"' not in source] == []


def test_no_spam_users(tables: Path, read: Callable[..., Any]) -> None:
    listed = pq.read_table(tables / "tables" / "spam_users.parquet")
    spam = listed.filter(pc.equal(listed.column("reason"), "spam")).column("user_id")
    users = read("spam-users")["key user_id"]
    expected = [
        u for u in whole(tables).column("user_id").to_pylist() if u not in set(spam.to_pylist())
    ]
    assert sorted(users.tolist()) == sorted(expected)


def test_negatives_by_surface(tables: Path, read: Callable[..., Any]) -> None:
    got = read("negatives-by-surface")
    table = whole(tables)
    positive = got["label"] == 1
    assert positive.sum() == pc.sum(table.column("label")).as_py()
    assert set(got["weight"][positive].tolist()) == {1.0}
    for surface, weight in (("home", 20.0), ("search", 5.0), ("related", 2.0), ("board", 2.0)):
        here = ~positive & (got["key surface"] == surface)
        assert set(got["weight"][here].tolist()) == {weight}
        rows = table.filter(pc.equal(table.column("surface").cast(pa.string()), surface))
        negatives = pc.sum(pc.equal(rows.column("label"), 0)).as_py()
        error = np.sqrt(negatives / weight * (1 - 1 / weight))
        assert abs(here.sum() - negatives / weight) < 4 * error


def test_position_bias(read: Callable[..., Any]) -> None:
    got = read("position-bias")
    for surface, propensity in (("home", 0.9), ("search", 0.7), ("related", 0.4), ("board", 0.2)):
        clicks = (got["key surface"] == surface) & (got["label"] == 1)
        assert set(got["weight"][clicks].tolist()) == {float(np.float32(1 / propensity))}
    assert set(got["weight"][got["label"] == 0].tolist()) == {1.0}


def test_delayed_labels(tables: Path, read: Callable[..., Any]) -> None:
    got = read("delayed-labels")
    folder = tables / "tables" / "impressions"
    now = pa.concat_tables([pq.read_table(p) for p in sorted(folder.glob("part-0000?.parquet"))])
    later: dict[tuple[int, int], tuple[int, float]] = {}
    for path in sorted(folder.glob("part-0001?.parquet")):
        for row in pq.read_table(path).to_pylist():
            later.setdefault((row["user_id"], row["item_id"]), (row["label"], row["dwell_s"]))
    clicked, outcome = 0, [0, 0, 0, 0]
    for row in now.to_pylist():
        other = later.get((row["user_id"], row["item_id"]), (0, 0.0))
        clicked += row["label"] == 1 or other[0] == 1
        long = row["label"] == 1 and row["dwell_s"] > 30
        outcome[3 if long else 2 if other[0] == 1 else row["label"]] += 1
    assert got["clicked"].sum() == clicked
    assert np.bincount(got["outcome"], minlength=4).tolist() == outcome
    assert len(got["stayed"]) == len(now)


def test_popularity(tables: Path, read: Callable[..., Any]) -> None:
    got = read("popularity")
    counts = pq.read_table(tables / "item_counts.parquet").to_pydict()
    of_item = dict(zip(counts["item_id"], counts["impressions"], strict=True))
    assert of_item == Counter(whole(tables).column("item_id").to_pylist())
    negative = got["label"] == 0
    shares = np.array([min(1.0, np.sqrt(2 / of_item[i])) for i in got["key item_id"][negative]])
    assert np.array_equal(got["weight"][negative], (1 / shares).astype(np.float32))
    total = pc.sum(pc.equal(whole(tables).column("label"), 0)).as_py()
    assert abs(got["weight"][negative].sum() / total - 1) < 0.1


def test_last_items(tables: Path, read: Callable[..., Any]) -> None:
    got = read("last-items")
    values, mask = got["items"]
    assert values.shape[1] == 20
    assert mask[:, 0].all()
    lists = [v[-20:] for v in whole(tables).column("seq_item").to_pylist() if v]
    assert mask.sum() == sum(map(len, lists))
    padded = sorted(v + [0] * (20 - len(v)) for v in lists)
    assert sorted(values.tolist()) == padded


def test_user_disjoint(tables: Path, read: Callable[..., Any]) -> None:
    train, valid = read("user-disjoint"), read("user-disjoint", "valid")
    mine, others = set(train["key user_id"].tolist()), set(valid["key user_id"].tolist())
    assert not mine & others
    assert len(others) > 100
    table = whole(tables)
    here = pc.is_in(table.column("user_id"), pa.array(sorted(others)))
    assert len(valid["label"]) == pc.sum(here).as_py()
    assert "weight" not in valid
    training = table.filter(pc.invert(here))
    positives = pc.sum(training.column("label")).as_py()
    negatives = len(training) - positives
    assert set(train["weight"][train["label"] == 1].tolist()) == {1.0}
    assert len(train["weight"][train["label"] == 1]) == positives
    sampled = train["weight"][train["label"] == 0]
    assert set(sampled.tolist()) == {10.0}
    assert abs(sampled.sum() - negatives) < 4 * 10 * np.sqrt(negatives * 0.1 * 0.9)


def test_rare_surfaces(tables: Path, read: Callable[..., Any]) -> None:
    got = read("rare-surfaces")
    table = whole(tables)
    rare = pc.and_(
        pc.equal(table.column("surface").cast(pa.string()), "board"),
        pc.equal(table.column("label"), 1),
    )
    count = pc.sum(rare).as_py()
    assert count > 0
    assert ((got["key surface"] == "board") & (got["label"] == 1)).sum() == 5 * count
    assert len(got["label"]) == len(table) + 4 * count


def test_two_logs(tables: Path, read: Callable[..., Any]) -> None:
    got = read("two-logs")
    surfaces = whole(tables).column("surface").cast(pa.string())
    feed = pc.sum(pc.is_in(surfaces, pa.array(["home", "related"]))).as_py()
    rows = len(got["label"])
    searches = (got["key surface"] == "search").sum()
    assert set(got["key surface"].tolist()) == {"home", "related", "search"}
    assert abs(searches / rows - 0.3) < 4 * np.sqrt(0.3 * 0.7 / rows)
    assert rows - searches >= feed  # all of the larger at least once


def test_backfill(tables: Path, read: Callable[..., Any]) -> None:
    times = read("backfill")["key ts"]
    ts = whole(tables).column("ts").cast(pa.timestamp("us")).cast(pa.int64()).to_pylist()
    first, last = (
        int(np.datetime64(t, "us").astype(int)) for t in ("2023-07-22T12", "2023-07-22T18")
    )
    assert times.tolist() == [t for t in ts if first <= t < last]
    assert len(times) > 100
