"""Train a logistic regression on the dense features: the script that Embed.java has trained on its dataset."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.parallel import DistributedDataParallel

import lastmile


def main() -> None:
    torch.manual_seed(42)
    dist.init_process_group("gloo")
    feed = lastmile.feed("train")
    model: nn.Module | None = None
    rows = 0
    for batch in feed:
        if model is None:  # as wide as the data
            model = DistributedDataParallel(nn.Linear(batch["dense"].shape[1], 1))
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        optimizer.zero_grad()
        weight = batch["weight"] * batch.mask
        logits = model(batch["dense"]).squeeze(1)
        losses = binary_cross_entropy_with_logits(logits, batch["engaged"], weight, reduction="sum")
        (losses * dist.get_world_size() / batch.global_rows).backward()
        optimizer.step()
        rows += int(batch.mask.sum())
    print(f"rank {dist.get_rank()} trained on {rows} rows")
    dist.barrier()  # a rank that takes its connections away early can abort another
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
