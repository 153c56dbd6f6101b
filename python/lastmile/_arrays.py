"""Torch tensors or numpy arrays: what the script sees."""

from __future__ import annotations

import importlib
from typing import Any

from lastmile._batch import Wrap
from lastmile._options import Arrays


def array_maker(arrays: Arrays | None) -> Wrap:
    """Return what makes the script's values from numpy arrays; imports torch unless numpy is asked for."""
    if arrays == "numpy":
        return _as_is
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        if arrays is None and error.name == "torch":
            return _as_is
        raise
    wrap: Wrap = torch.from_numpy
    return wrap


def _as_is(array: Any) -> Any:
    return array
