"""Sums of HSIC₁ over batches, between every two layers at once: streaming, resumable, mergeable.

One batch costs one matrix product: all layers' packed Gram matrices, (layers, n(n - 1)/2), times their transpose. The
HSICs of batches are averaged first and divided once at the end (Nguyen et al. 2021, eq. 3). Sums are kept in double
precision for a few groups of batches, which give confidence intervals by the delete-a-group jackknife.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nonet.cka.grams import Packed
from nonet.cka.kernels import LEAST_EXAMPLES
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.reading import parse_json

__all__ = ["Accumulator", "Layer"]


class Layer(NamedTuple):
    """A layer of one of the compared models."""

    model: str
    name: str


class Accumulator:
    """The sums for a fixed list of layers.

    Args:
        layers: their names, of one model or several.
        weighting: ``pairs`` weighs a batch of n examples n(n - 3), as the article's program does; ``batches`` weighs
            every batch 1, as its formula reads. They differ only where batches differ in size.
        groups: of batches, for the jackknife; batch b goes to group b mod ``groups``.
        offset: number of the first batch: processes that share the work give different ones.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        weighting: Literal["pairs", "batches"] = "pairs",
        groups: int = 16,
        offset: int = 0,
    ) -> None:
        self.layers = tuple(Layer(*layer) for layer in layers)
        self.weighting: Literal["pairs", "batches"] = weighting
        self.groups, self.offset = groups, offset
        self.batches = self.examples = 0
        self.digest = 0
        self._sums: dict[int, np.ndarray] = {}
        self._vectors = np.empty((0, 0), np.float32)

    def add(self, grams: Mapping[Layer, Packed], examples: int, checksum: int = 0) -> None:
        """Adds a batch.

        Args:
            grams: one for each layer.
            examples: in the batch, at least `LEAST_EXAMPLES`.
            checksum: of the batch, so that the same data is known again.
        Raises:
            DataError: if the layers are not the expected ones.
        """
        if examples < LEAST_EXAMPLES:
            raise DataError(f"A batch of {examples} is too small: HSIC₁ needs {LEAST_EXAMPLES} examples.")
        self._require_same(grams)
        size = examples * (examples - 1) // 2
        if self._vectors.shape != (len(self.layers), size):
            self._vectors = np.empty((len(self.layers), size), np.float32)
        exponents = np.empty(len(self.layers), np.int64)
        for row, layer in enumerate(self.layers):
            self._vectors[row], exponents[row] = grams[layer].vector, grams[layer].exponent
        products = np.ldexp(
            (self._vectors @ self._vectors.T).astype(np.float64), exponents[:, None] + exponents[None, :] + 1
        )
        if self.weighting == "batches":
            products /= examples * (examples - 3)
        group = (self.offset + self.batches) % self.groups
        self._sums[group] = self._sums[group] + products if group in self._sums else products
        self.batches += 1
        self.examples += examples
        self.digest = (self.digest * 1_000_003 + checksum) % 2**61

    def merge(self, other: Accumulator) -> None:
        """Adds the sums of another accumulator: of other data, or of another process.

        Raises:
            UsageError: if it is of other layers or another weighting.
            DataError: if it saw the very same batches, which would count double.
        """
        if (self.layers, self.weighting, self.groups) != (other.layers, other.weighting, other.groups):
            raise UsageError("Sums of different layers, weightings or groups cannot be added.", fix="Use the same.")
        if self.batches and self.digest and (self.digest, self.examples) == (other.digest, other.examples):
            raise DataError(
                "Both saw the same examples in the same order; added up they would count double.",
                fix="Let every process take its own share of the data.",
            )
        for group, sums in other._sums.items():
            self._sums[group] = self._sums[group] + sums if group in self._sums else sums.copy()
        self.batches += other.batches
        self.examples += other.examples
        self.digest = (self.digest + other.digest) % 2**61

    def all_reduce(self) -> None:
        """Adds up the sums of all processes of ``torch.distributed``, in place; every process then has the whole."""
        state = self.state_dict()
        sums, counts = state["sums"], state["counts"]
        torch.distributed.all_reduce(sums)
        torch.distributed.all_reduce(counts)
        self.load_state_dict({**state, "counts": counts, "sums": sums})

    def total(self) -> np.ndarray:
        """Weighted sums of HSIC₁ over all batches, (layers, layers), float64.

        Raises:
            DataError: if there were no batches.
        """
        if not self._sums:
            raise DataError(
                f"No batch had {LEAST_EXAMPLES} examples or more, which HSIC₁ needs.", fix="Use larger batches."
            )
        return np.sum(list(self._sums.values()), axis=0)

    def leave_one_out(self) -> list[np.ndarray]:
        """The sums without each group of batches in turn; empty while there is one group."""
        total = self.total()
        return [total - sums for sums in self._sums.values()] if len(self._sums) > 1 else []

    def state_dict(self) -> dict[str, Tensor]:
        """All of it as tensors; the names of the layers as bytes of JSON."""
        size = len(self.layers)
        sums = np.stack([self._sums.get(group, np.zeros((size, size))) for group in range(self.groups)])
        about = json.dumps([self.layers, self.weighting, self.groups, self.offset]).encode()
        return {
            "sums": torch.from_numpy(sums),
            "used": torch.tensor([group in self._sums for group in range(self.groups)]),
            "counts": torch.tensor([self.batches, self.examples, self.digest]),
            "about": torch.frombuffer(bytearray(about), dtype=torch.uint8),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a `state_dict`, whatever was here before."""
        layers, self.weighting, self.groups, self.offset = parse_json(bytes(state["about"].numpy()))
        self.layers = tuple(Layer(*layer) for layer in layers)
        sums = state["sums"].numpy()
        if sums.shape != (self.groups, len(layers), len(layers)):
            raise ValueError(f"sums of shape {sums.shape} for {len(layers)} layers in {self.groups} groups")
        self._sums = {group: sums[group] for group in range(self.groups) if sums[group].any() or state["used"][group]}
        self.batches, self.examples, self.digest = (int(count) for count in state["counts"])

    def _require_same(self, grams: Mapping[Layer, Packed]) -> None:
        if grams.keys() != set(self.layers):
            odd = next(iter(set(grams) ^ set(self.layers)))
            raise DataError(
                f"The layer was called in {'this' if odd in grams else 'an earlier'} batch only.",
                where=f"layer {odd.name}",
                fix="Choose layers that every batch passes through the same number of times, with layers=.",
            )
