"""The rows of several datasets of an experiment, mixed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from lastmile import _checks, _nearest
from lastmile._canonical import Json
from lastmile.errors import UserError

OnDry = Literal["stop", "repeat", "rest"]

_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Mix:
    """Ratios by name of the dataset, in order, and what happens when one has no row left."""

    parts: tuple[tuple[str, float], ...]
    on_dry: OnDry

    def said(self) -> dict[str, Json]:
        """Return the canonical form, keys of the dataset."""
        parts: list[Json] = [{"dataset": name, "ratio": ratio} for name, ratio in self.parts]
        return {"mix": parts, "on_dry": self.on_dry}

    def check(self, place: str, before: Iterable[str], mixes: Iterable[str], arriving: Iterable[str]) -> None:
        """Check that the datasets are written before the mix, are no mixes, and come in their order."""
        known = [*before]
        mixed, unordered = set(mixes), set(arriving)
        for i, (name, _) in enumerate(self.parts):
            at = f"[{place}.mix[{i}].dataset]"
            if name not in known:
                hint = _nearest.hint(name, known)
                raise UserError(f'Unknown dataset "{name}" (must be one that is written above it){hint} {at}')
            if name in mixed:
                raise UserError(f'Invalid dataset: "{name}" is a mix itself (mix its datasets) {at}')
            if name in unordered:
                raise UserError(f'Invalid dataset: "{name}" has order: arrival (a mix needs order: deterministic) {at}')


def mix(ratios: Mapping[str, float], on_dry: object) -> Mix:
    """Return the mix of datasets by name."""
    said = _checks.mapping("mix", ratios)
    parts = tuple((_checks.name("dataset", name), _ratio(said[name])) for name in said)
    if len(parts) < 2:
        raise UserError(f"Invalid mix: {'1 dataset' if parts else 'no datasets'} (must be at least 2)")
    total = math.fsum(ratio for _, ratio in parts)
    if abs(total - 1) > _ROUNDING:
        raise UserError(f"Invalid mix: the ratios sum to {_checks.total(total)} (must be 1)")
    word = _checks.word("on_dry", on_dry, ("stop", "repeat", "rest"))
    return Mix(parts, "rest" if word == "rest" else "repeat" if word == "repeat" else "stop")


def _ratio(value: object) -> float:
    ratio = _checks.number("ratio", value)
    if not 0 < ratio < 1:
        raise UserError(f"Invalid ratio: {_checks.found(ratio)} (must be in (0, 1))")
    return ratio
