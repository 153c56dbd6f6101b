"""Torch tensors or numpy arrays: what the script sees."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from lastmile._batch import Wrap
from lastmile._layout import BFLOAT16, Layout
from lastmile._options import Arrays
from lastmile.errors import UserError


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

    def tensor(array: Any) -> Any:
        if array.dtype == BFLOAT16:
            return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(array)

    return tensor


def check_dtypes(wrap: Wrap, layout: Layout, feed: str) -> None:
    """Raise UserError when the script is to get numpy arrays of a dtype that numpy does not have."""
    for tensor in layout.tensors if wrap is _as_is else ():
        if tensor.dtype == BFLOAT16:
            raise UserError(
                f'Tensor "{tensor.name}" is bfloat16, which numpy does not have (take dtype: float32, or torch with '
                f'arrays="torch") [datasets.{feed}.tensors.{tensor.name}.dtype]'
            )


def _as_is(array: Any) -> Any:
    return array
