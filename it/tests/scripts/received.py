"""A batch as plain copies, for the scripts and for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np


def tree(batch: Any, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """All of a batch: ragged tensors as (values, offsets), the state beside it."""
    tensors = {
        name: (np.array(value.values), np.array(value.offsets))
        if hasattr(value, "offsets")
        else np.array(value)
        for name, value in batch.items()
    }
    keys = {name: batch.keys[name] for name in batch.keys}
    return {
        "epoch": batch.epoch,
        "step": batch.step,
        "rows": batch.rows,
        "global_rows": batch.global_rows,
        "mask": np.array(batch.mask),
        "tensors": tensors,
        "keys": {n: v if isinstance(v, list) else np.array(v) for n, v in keys.items()},
        "state": state,
    }
