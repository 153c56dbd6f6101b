"""Train a small click model on the Open Bandit logs and judge it on the last day.

Run by ``lastmile run experiment.yaml`` on every rank: the feed, the rank and the world size come from the environment.
The same seed gives the same numbers every time.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.parallel import DistributedDataParallel

import lastmile

IDS = {"item": 1024, "user_0": 64, "user_1": 64, "user_2": 64, "user_3": 64}  # the buckets of experiment.yaml
POSITIONS = 4  # 1 to 3, and 0 on a padding row
AFFINITIES = 80


class ClickModel(nn.Module):
    """Embeddings of the ids and the position, the affinities as they are, two layers: one logit a row."""

    def __init__(self, width: int = 8, hidden: int = 32) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict({name: nn.Embedding(buckets, width) for name, buckets in IDS.items()})
        self.position = nn.Embedding(POSITIONS, width)
        inputs = (len(IDS) + 1) * width + AFFINITIES
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, batch: lastmile.Batch) -> Tensor:
        parts = [embedding(batch[name]) for name, embedding in self.embeddings.items()]
        parts += [self.position(batch["position"]), batch["affinity"]]
        return self.layers(torch.cat(parts, dim=1)).squeeze(1)


def loss_of(model: nn.Module, batch: lastmile.Batch) -> Tensor:
    """Return this rank's part of the loss, so that the mean over the ranks is the mean over the step's real rows.

    DistributedDataParallel averages gradients over the ranks; ranks may hold different numbers of rows in the last
    step, and one padding row. So: sum over the own real rows, divide by the rows of all ranks, undo the averaging.
    """
    weight = batch["weight"] * batch["propensity_weight"] * batch.mask
    losses = binary_cross_entropy_with_logits(model(batch), batch["label"], weight, reduction="sum")
    return losses * dist.get_world_size() / batch.global_rows


def train(model: nn.Module, epochs: int, rate: float) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    feed = lastmile.feed("train", epochs=epochs)
    for epoch in range(epochs):
        total, steps = 0.0, 0
        for batch in feed:
            optimizer.zero_grad()
            loss = loss_of(model, batch)
            loss.backward()
            optimizer.step()
            total, steps = total + loss.item(), steps + 1
        if dist.get_rank() == 0:
            print(f"epoch {epoch}: {steps} steps, weighted loss on rank 0 {total / steps:.4f}")


@torch.no_grad()
def predict(model: nn.Module) -> tuple[Tensor, Tensor]:
    """Return scores and labels of the held-out rows, each row once, on rank 0; nothing on the others."""
    model.eval()
    mine = [
        torch.stack([model(batch), batch["label"]])[:, batch.mask]  # a copy: the batch can go
        for batch in lastmile.feed("valid", epochs=1)
    ]
    own = torch.cat(mine, dim=1) if mine else torch.empty(2, 0)
    parts: list[Tensor | None] = [None] * dist.get_world_size()
    dist.gather_object(own, parts if dist.get_rank() == 0 else None)
    scores, labels = torch.cat([part for part in parts if part is not None] or [torch.empty(2, 0)], dim=1)
    return scores, labels


def areas_under_curve(scores: Tensor, labels: Tensor, resamples: int, seed: int) -> tuple[float, Tensor]:
    """Return the AUC and those of bootstrap resamples of the rows; NaN where one of the classes is missing.

    AUC = (pairs of a click above a non-click + half the ties) / pairs, counted on rows sorted by score.
    """
    _, group = torch.unique(scores, return_inverse=True)  # 0 is the lowest score; equal scores share a group
    groups, rows = int(group.max()) + 1, len(scores)

    def area(picked: Tensor) -> float:
        clicks = torch.bincount(group[picked], labels[picked].double(), groups)
        others = torch.bincount(group[picked], 1 - labels[picked].double(), groups)
        below = torch.cumsum(others, 0) - others
        return ((clicks * (below + others / 2)).sum() / (clicks.sum() * others.sum())).item()

    generator = torch.Generator().manual_seed(seed)
    draws = (torch.randint(rows, (rows,), generator=generator) for _ in range(resamples))
    return area(torch.arange(rows)), torch.tensor([area(draw) for draw in draws], dtype=torch.float64)


def report(scores: Tensor, labels: Tensor, seed: int, resamples: int = 1000) -> None:
    """Print the result in words and write it beside the run's record."""
    auc, resampled = areas_under_curve(scores, labels, resamples, seed)
    low, high = torch.nanquantile(resampled, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    rows, clicks = len(labels), int(labels.sum())
    print(f"held-out AUC {auc:.4f}, 95 % of {resamples:,} bootstrap resamples between {low:.4f} and {high:.4f}")
    print(f"on {rows:,} rows of the last day with {clicks} clicks; with so few clicks read the interval, not the value")
    metrics = {"auc": auc, "auc_low": low, "auc_high": high, "rows": rows, "clicks": clicks, "resamples": resamples}
    Path(os.environ["LASTMILE_RUN"], "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rate", type=float, default=0.003)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()

    torch.manual_seed(options.seed)  # the same on all ranks; DistributedDataParallel also copies rank 0's weights
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    model = DistributedDataParallel(ClickModel())
    train(model, options.epochs, options.rate)
    scores, labels = predict(model.module)
    if dist.get_rank() == 0:
        report(scores, labels, options.seed)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
