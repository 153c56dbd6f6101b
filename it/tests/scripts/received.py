"""A batch as plain copies, for the scripts and for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np


def tree(batch: Any, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """All of a batch, the state beside it."""
    tensors = {name: plain(value) for name, value in batch.items()}
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


def plain(value: Any) -> Any:
    """A copy; of several arrays in one value the name of their kind, then each."""
    if hasattr(value, "keys"):
        return "Keyed", value.keys, array(value.values), np.array(value.lengths)
    if hasattr(value, "mask"):
        return "Masked", plain(value.values), plain(value.mask)
    if hasattr(value, "offsets"):
        return "Ragged", array(value.values), np.array(value.offsets)
    return array(value)


def array(value: Any) -> Any:
    """A copy as numpy has it, which knows no bfloat16."""
    return np.array(value.float() if "bfloat16" in str(value.dtype) else value)
