"""Blocks of layers that all resemble each other, and how sure one can be that a block means something.

A block is a run of neighbouring layers of which no two are less similar than a threshold. Neighbours resemble each
other in any network, so two controls stand beside each block: the same layers in the untrained network, and the longest
block that random orders of the same layers give.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from nonet.cka.config import BlockOptions

__all__ = ["Block", "find_blocks", "largest_share", "untrained"]

Map = Float[np.ndarray, "layers layers"]


@dataclass(frozen=True)
class Block:
    """A run of similar layers.

    Attributes:
        first: number of the first layer.
        last: number of the last layer, included.
        least: the least similarity between two of its layers.
        mean: the mean similarity between two different ones.
        outside: mean similarity of its layers with those that are not in it; NaN if it has all.
        control: mean similarity of the same layers in the untrained network; NaN without one.
        p_value: share of random orders of the layers with a block as long (plus one in numerator and denominator).
    """

    first: int
    last: int
    least: float
    mean: float
    outside: float
    control: float = float("nan")
    p_value: float = float("nan")

    @property
    def size(self) -> int:
        """How many layers it has."""
        return self.last - self.first + 1

    @property
    def excess(self) -> float:
        """Mean similarity over the untrained network's."""
        return self.mean - self.control


def find_blocks(values: Map, options: BlockOptions | None = None, control: Map | None = None) -> list[Block]:
    """The blocks of a map, the longest first, none overlapping another.

    Args:
        values: similarities of a network's layers with themselves; NaN belongs to no block.
        options: threshold, least size, and the null.
        control: the map of the untrained network, with the same layers.
    """
    options = options or BlockOptions()
    reach = _reach(_similar(values, options.threshold))
    spans: list[tuple[int, int]] = []
    while len(values):
        first = int((reach - np.arange(len(values))).argmax())
        last = int(reach[first])
        if last - first + 1 < options.least:
            break
        spans.append((first, last))
        reach[first : last + 1] = np.arange(first, last + 1) - 1  # they begin no other block
        reach[:first] = np.minimum(reach[:first], first - 1)  # and others end before them
    null = _null(values, options) if spans else np.empty(0, int)
    blocks = [_described(values, control, null, *span) for span in spans]
    return sorted(blocks, key=lambda block: -block.size)


def largest_share(values: Map, threshold: float = 0.9) -> float:
    """The longest block as a share of all layers, in [0, 1]."""
    if not len(values):
        return 0.0
    reach = _reach(_similar(values, threshold))
    return float(max(0, (reach - np.arange(len(values))).max() + 1)) / len(values)


def _similar(values: Map, threshold: float) -> np.ndarray:
    return np.nan_to_num(values, nan=-1.0) >= threshold


def _reach(similar: np.ndarray) -> np.ndarray:
    """For each first layer, the last one such that all between are similar (first - 1 where it is NaN).

    All pairs of a run are similar if those of the run without its first layer are, and the first is similar to each.
    """
    n = len(similar)
    # how far to the right of the diagonal a row stays similar
    upper = np.where(np.triu(similar, 0) | np.tri(n, n, -1, dtype=bool), n, np.arange(n)[None, :]).min(1) - 1
    reach = np.minimum.accumulate(upper[::-1])[::-1]
    return np.maximum(np.where(similar.diagonal(), np.minimum(upper, reach), np.arange(n) - 1), np.arange(n) - 1)


def _null(values: Map, options: BlockOptions) -> np.ndarray:
    """The longest block of each random order of the layers."""
    random = np.random.default_rng(options.seed)
    similar = _similar(values, options.threshold)
    longest = np.empty(options.permutations, int)
    for number in range(options.permutations):
        order = random.permutation(len(values))
        reach = _reach(similar[np.ix_(order, order)])
        longest[number] = (reach - np.arange(len(values))).max() + 1
    return longest


def _described(values: Map, control: Map | None, null: np.ndarray, first: int, last: int) -> Block:
    inside = slice(first, last + 1)
    pairs = ~np.eye(last - first + 1, dtype=bool)
    part = values[inside, inside]
    others = np.delete(values[inside], np.arange(first, last + 1), axis=1)
    size = last - first + 1
    return Block(
        first,
        last,
        float(part.min()),
        float(part[pairs].mean()) if size > 1 else 1.0,
        float(np.nanmean(others)) if others.size and np.isfinite(others).any() else float("nan"),
        float("nan") if control is None else float(np.nanmean(control[inside, inside][pairs])),
        float((1 + (null >= size).sum()) / (1 + len(null))),
    )


def untrained(model: nn.Module, seed: int = 0) -> tuple[nn.Module, Sequence[str]]:
    """A copy of a model with new random weights, made by the modules' own ``reset_parameters``.

    Args:
        model: any module; a transformers model is initialised as that library does it.
        seed: of the weights.
    Returns:
        The copy, and the names of modules that own parameters and know no way to reset them (they keep theirs).
    """
    fresh = copy.deepcopy(model)
    kept: list[str] = []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        own_way: Any = getattr(fresh, "_init_weights", None)
        for name, module in fresh.named_modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
            elif any(True for _ in module.parameters(recurse=False)) and own_way is None:
                kept.append(name or type(model).__name__)
        if own_way is not None:
            fresh.apply(own_way)
    return fresh, kept
