"""Memory stays flat however many rows pass, and within what is declared."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import data
from harness import Sandbox, pss
from oracle.dataset import Dataset, Shuffle
from oracle.steps import Downsample, Filter
from oracle.tensors import Tensor

MIB = 1 << 20
WORKERS, BUDGET, BATCH, RANKS = 2, 256 * MIB, 4096, 2


def narrow(root: Path, rows: int) -> Dataset:
    """Narrow rows: one file written, and linked as often as needed."""
    each = 500_000
    root.mkdir()
    r = data.rng(4)
    lengths = r.integers(0, 8, each)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    columns = {
        "uid": pa.array(np.arange(each), pa.int64()),
        "label": pa.array((r.random(each) < 0.1).astype(np.int8)),
        "a": pa.array(r.normal(size=each).astype(np.float32)),
        "b": pa.array(r.normal(size=each).astype(np.float32)),
        "seq": pa.ListArray.from_arrays(
            pa.array(offsets), pa.array(r.integers(0, 10**6, int(offsets[-1])))
        ),
    }
    first = root / "part-0000.parquet"
    pq.write_table(pa.table(columns), first, row_group_size=50_000, compression="zstd")
    files = [first.name]
    for i in range(1, rows // each):
        files.append(f"part-{i:04d}.parquet")
        (root / files[-1]).hardlink_to(first)
    steps = [
        Filter("a > -100", lambda rows: np.ones(len(rows), bool)),
        Downsample(0.9, ["uid"]),
    ]
    tensors = {"x": Tensor(["a", "b"]), "seq": Tensor("seq", max_length=6), "y": Tensor("label")}
    shuffle = Shuffle(row_groups=2)
    return Dataset("t", root, files, tensors, steps, batch=BATCH, shuffle=shuffle)


def sampled(sandbox: Sandbox, rows: int, every: float) -> list[tuple[int, int]]:
    """(rows that rank 0 has, PSS of the process tree) while a job runs."""
    dataset = narrow(sandbox.folder / "t", rows)
    train = {"script": str(Path(__file__).parent / "scripts" / "count.py"), "ranks": RANKS}
    memory = f"{BUDGET // MIB}MiB"
    path = sandbox.experiment(dataset, workers=WORKERS, memory=memory, train=train)
    job = sandbox.start_run(path)
    samples = []
    while job.process.poll() is None:
        so_far = sandbox.folder / "rows-0"
        text = so_far.read_text() if so_far.exists() else ""
        samples.append((int(text or 0), pss(sandbox.processes())))
        time.sleep(every)
    job.wait().expect(0)
    return samples


def check(
    samples: list[tuple[int, int]], growth: float, capsys: pytest.CaptureFixture[str]
) -> None:
    total = max(rows for rows, _ in samples)
    second = max(size for rows, size in samples if total / 3 <= rows < 2 * total / 3)
    third = max(size for rows, size in samples if 2 * total / 3 <= rows)
    slot = BATCH * (8 + 8 + 1 + 8 + 8 + 6 * 8) * 2
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
    check(sampled(sandbox, 1_000_000, every=0.1), growth=1.25, capsys=capsys)


@pytest.mark.long
def test_ten_million_rows_pass_in_flat_memory(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    check(sampled(sandbox, 10_000_000, every=1.0), growth=1.05, capsys=capsys)
