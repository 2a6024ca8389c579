"""Similarity over populations: averages and deviations over pairs of networks that differ in nothing but the seed.

The article shows, for ten seeds of an architecture, the mean of all maps between two of them and their variance, and
the same between two architectures (Nguyen et al. 2021, §6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from nonet.cka import batches
from nonet.cka.capture import Call
from nonet.cka.comparing import compare
from nonet.cka.config import CompareOptions
from nonet.cka.selecting import Layers
from nonet.cka.similarity import Similarity
from nonet.foundation.errors import DataError, UsageError

__all__ = ["Pairs", "over_pairs"]


@dataclass(frozen=True)
class Pairs:
    """Similarity over several pairs of networks.

    Attributes:
        mean: the mean of their maps; NaN where any of them is.
        deviation: the standard deviation over the pairs (its square is the article's variance); NaN for one pair.
        count: of ordered pairs.
    """

    mean: Similarity
    deviation: Similarity
    count: int

    @property
    def matched(self) -> float:
        """Mean similarity of layers at the same share of the depth."""
        return float(np.nanmean(self.mean.at_proportional_depth()))

    @property
    def spread(self) -> float:
        """Root of the mean variance over the pairs; NaN for one pair."""
        values = self.deviation.values
        return float(np.sqrt(np.nanmean(np.square(values)))) if np.isfinite(values).any() else float("nan")


def over_pairs(
    populations: Mapping[str, Sequence[nn.Module]],
    loader: Iterable[Any],
    *,
    layers: Layers = None,
    options: CompareOptions | None = None,
    call: Call = batches.call,
) -> dict[str, Pairs]:
    """Mean maps and deviations of every population with itself and of every two with each other, from one pass.

    Args:
        populations: networks of one architecture each, by the population's name.
        loader: as in `nonet.cka.cka`.
        layers: which modules, of all networks.
        options: how similarity is measured.
        call: how a network is called.
    Returns:
        ``name`` for each network with itself, ``name, two seeds`` for pairs in a population of two or more, and ``name
        and other`` for pairs of two populations.
    Raises:
        UsageError: if a population is empty.
        DataError: if the networks of a population have different layers.
    """
    for name, networks in populations.items():
        if not networks:
            raise UsageError("The population has no network.", where=name, fix="Name one or more.")
    models = {f"{name} {n}": one for name, networks in populations.items() for n, one in enumerate(networks)}
    maps = compare(models, loader, layers=layers, options=options, call=call)
    keys = {name: [f"{name} {n}" for n in range(len(networks))] for name, networks in populations.items()}
    found: dict[str, Pairs] = {}
    for name, own in keys.items():
        found[name] = _summarised([maps[key, key] for key in own], name, name)
        if len(own) > 1:
            two = [maps[a, b] for a in own for b in own if a != b]
            found[f"{name}, two seeds"] = _summarised(two, name, f"{name}, another seed")
    names = list(keys)
    for place, name in enumerate(names):
        for other in names[place + 1 :]:
            between = [maps[a, b] for a in keys[name] for b in keys[other]]
            found[f"{name} and {other}"] = _summarised(between, name, other)
    return found


def _summarised(maps: Sequence[Similarity], row_model: str, column_model: str) -> Pairs:
    first = maps[0]
    if any((one.rows, one.columns) != (first.rows, first.columns) for one in maps):
        raise DataError(
            "The networks of a population have different layers.",
            where=row_model,
            fix="Give networks of one architecture; other ones are another population.",
        )
    stacked = np.stack([one.values for one in maps])
    reasons = {name: reason for one in maps for name, reason in one.reasons.items()}
    unknown = np.full_like(first.values, np.nan)
    mean = replace(
        first, values=stacked.mean(0), error=unknown, reasons=reasons, row_model=row_model, column_model=column_model
    )
    deviation = stacked.std(0, ddof=1) if len(maps) > 1 else unknown
    return Pairs(mean, replace(mean, values=deviation), len(maps))
