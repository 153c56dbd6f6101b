"""The rows of the oracle on generated tables and on real click logs."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from harness import LASTMILE, REPO, Sandbox, check_ranks, ranks
from oracle.dataset import NONE, Dataset, Shuffle
from oracle.steps import AntiJoin, Derive, Downsample, Filter, true
from oracle.tensors import Tensor

SHUFFLES = {"none": NONE, "row_groups": Shuffle(row_groups=8)}


def negative(column: str) -> tuple[str, object]:
    return f"{column} = 0", lambda rows: true(pc.equal(rows.column(column), 0))


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("generated")
    arguments = ["--rows", "20000", "--files", "3", "--row-group", "2048", "--seed", "5"]
    done = subprocess.run(
        [str(LASTMILE), "generate", str(out), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize("world", [1, 2, 3])
def test_generated_impressions(
    sandbox: Sandbox, generated: Path, world: int, shuffle: str, workers: int
) -> None:
    root = generated / "impressions"
    dataset = Dataset(
        str(root / "*.parquet"),
        root,
        sorted(path.name for path in root.iterdir()),
        {
            "dense": Tensor("dense_*", dtype="float32", fill=0),
            "cat": Tensor("cat_*", dtype="int64"),
            "seq_item": Tensor("seq_item", max_length=50),
            "seq_dwell": Tensor("seq_dwell"),
            "user_emb": Tensor("user_emb"),
            "label": Tensor("engaged", dtype="float32"),
            "weight": Tensor("weight", dtype="float32"),
        },
        [
            AntiJoin(generated / "spam_users.parquet", {"user_id": "user_id"}),
            Filter(
                "surface <> 'board'", lambda t: true(pc.not_equal(t.column("surface"), "board"))
            ),
            Downsample(0.1, ["user_id", "item_id"], where=negative("label"), weight="weight"),
            Derive(
                {
                    "engaged": (
                        "label = 1 AND dwell_s > 10",
                        lambda t: pc.and_(
                            pc.equal(t.column("label"), 1), pc.greater(t.column("dwell_s"), 10)
                        ),
                    )
                }
            ),
        ],
        batch=128,
        keys=["user_id", "item_id", "surface", "ts"],
        shuffle=SHUFFLES[shuffle],
    )
    with sandbox.serve(sandbox.experiment(dataset, workers=workers)) as server:
        check_ranks(ranks(server.address, world), dataset)


@pytest.fixture(scope="module")
def click_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of the example, as its first run leaves them."""
    tables = REPO / "examples" / "open-bandit" / "data"
    if not tables.exists():
        runs = tmp_path_factory.mktemp("demo")
        command = [str(LASTMILE), "demo", "--runs", str(runs)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
        if done.returncode == 5 and "could not be fetched" in done.stderr:
            pytest.skip("the click logs cannot be downloaded here")
        assert done.returncode == 0, done.stderr
    return tables.resolve()


@pytest.mark.timeout(700)  # the first run of the example may have to download
@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize(("world", "workers"), [(1, 1), (1, 4), (2, 1), (2, 2), (3, 2), (3, 4)])
def test_real_click_logs(
    sandbox: Sandbox, click_logs: Path, shuffle: str, world: int, workers: int
) -> None:
    before = pa.scalar(np.datetime64("2019-11-30", "us"))
    users = {f"user_{i}": Tensor(f"user_feature_{i}", hash=(64, 0)) for i in range(4)}
    root = click_logs / "logs"
    train = Dataset(
        str(root / "*.parquet"),
        root,
        sorted(path.name for path in root.iterdir()),
        {
            "item": Tensor("item_key", hash=(1024, 0)),
            **users,
            "affinity": Tensor("affinity_*", dtype="float32", fill=0),
            "position": Tensor("position", dtype="int64"),
            "label": Tensor("click", dtype="float32"),
            "weight": Tensor("weight"),
            "propensity_weight": Tensor("propensity_weight", dtype="float32"),
        },
        [
            Filter("ts < '2019-11-30'", lambda t: true(pc.less(t.column("ts"), before))),
            AntiJoin(click_logs / "blocked_items.parquet", {"item_key": "item_key"}),
            Downsample(0.25, where=negative("click"), weight="weight"),
            Derive(
                {
                    "propensity_weight": (
                        "1 / greatest(propensity_score, 0.01)",
                        lambda t: pc.divide(
                            1.0, pc.max_element_wise(t.column("propensity_score"), 0.01)
                        ),
                    )
                }
            ),
        ],
        batch=256,
        keys=["item_key", "ts"],
        shuffle=SHUFFLES[shuffle],
    )
    valid = replace(
        train,
        steps=[Filter("ts >= '2019-11-30'", later(before))],
        tensors={"label": Tensor("click", dtype="float32")},
        batch=1024,
        shuffle=NONE,
        keys=["position"],
    )
    datasets = {"train": train, "valid": valid}
    with sandbox.serve(sandbox.experiment(datasets, seed=7, workers=workers)) as server:
        for name, dataset in datasets.items():
            check_ranks(ranks(server.address, world, name=name), dataset, seed=7)


def later(before: pa.Scalar) -> object:
    return lambda t: true(pc.greater_equal(t.column("ts"), before))
