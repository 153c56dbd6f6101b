"""Memory stays flat however many rows pass, and within what is declared."""

from __future__ import annotations

import time

import pytest

from harness import REPO, Job, Sandbox, pss
from oracle.dataset import Dataset, Shuffle
from oracle.steps import AntiJoin, Downsample
from oracle.tensors import Tensor

MIB = 1 << 20
WORKERS, BUDGET, BATCH, RANKS = 2, 256 * MIB, 4096, 2


def generated(sandbox: Sandbox, rows: int) -> Dataset:
    """Narrow rows of the generator, which itself needs no more memory for more rows."""
    files = max(1, rows // 500_000)
    arguments = ["--rows", str(rows), "--files", str(files), "--row-group", "51200"]
    job = sandbox.start("generate", "t", "--shape", "narrow", *arguments)
    most = max(size for _, size in sampled(sandbox, job, every=0.5))
    assert most < 900 * MIB, f"the generator took {most // MIB} MiB"
    tensors = {
        "dense": Tensor("dense_*", fill=0),
        "cat": Tensor("cat_*"),
        "seq": Tensor("seq_item", max_length=24),
        "label": Tensor("label"),
    }
    root = sandbox.folder / "t" / "impressions"
    return Dataset(
        "t/impressions",
        root,
        sorted(path.name for path in root.iterdir()),
        tensors,
        [
            AntiJoin(sandbox.folder / "t" / "spam_users.parquet", {"user_id": "user_id"}),
            Downsample(0.9, ["user_id", "item_id"]),
        ],
        batch=BATCH,
        keys=["item_id"],
        shuffle=Shuffle(row_groups=2),
    )


def sampled(sandbox: Sandbox, job: Job, every: float) -> list[tuple[int, int]]:
    """(rows that rank 0 has, PSS of the process tree) while a job runs."""
    samples = []
    while job.process.poll() is None:
        so_far = sandbox.folder / "rows-0"
        text = so_far.read_text() if so_far.exists() else ""
        samples.append((int(text or 0), pss(sandbox.processes())))
        time.sleep(every)
    job.wait().expect(0)
    return samples


def trained(sandbox: Sandbox, rows: int, every: float) -> list[tuple[int, int]]:
    """The samples of a job over generated rows."""
    dataset = generated(sandbox, rows)
    train = {"script": str(REPO / "bench" / "scripts" / "count.py"), "ranks": RANKS}
    memory = f"{BUDGET // MIB}MiB"
    path = sandbox.experiment(dataset, workers=WORKERS, memory=memory, train=train)
    return sampled(sandbox, sandbox.start_run(path), every)


def check(
    samples: list[tuple[int, int]], growth: float, capsys: pytest.CaptureFixture[str]
) -> None:
    total = max(rows for rows, _ in samples)
    second = max(size for rows, size in samples if total / 3 <= rows < 2 * total / 3)
    third = max(size for rows, size in samples if 2 * total / 3 <= rows)
    slot = BATCH * (4 * 4 + 2 * 8 + 8 + 24 * 8 + 1 + 8 + 8)
    bound = WORKERS * BUDGET + RANKS * 8 * slot + 600 * MIB
    with capsys.disabled():
        print(
            f"\nPSS of the process tree, {len(samples)} samples: second third "
            f"{second // MIB} MiB, last third {third // MIB} MiB, bound {bound // MIB} MiB"
        )
    assert third <= growth * second
    assert max(size for _, size in samples) <= bound


def test_a_million_rows_pass_in_bounded_memory(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    # Too short for the rule of the long test: a heap that is still warming up may grow.
    check(trained(sandbox, 1_000_000, every=0.1), growth=1.25, capsys=capsys)


@pytest.mark.long
def test_ten_million_rows_pass_in_flat_memory(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    check(trained(sandbox, 10_000_000, every=0.25), growth=1.05, capsys=capsys)
