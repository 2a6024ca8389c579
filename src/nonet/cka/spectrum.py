"""The first principal component of every layer over a whole data set, in bounded memory.

λ₁ / Σλ is that of the centred features over all examples (the article's program subtracts each *example's* mean over
features instead, which understates it for ReLU features). The leading directions are found by subspace iteration: each
pass over the data multiplies a few vectors by the covariance of every layer at once, and only those vectors are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from nonet.cka import batches
from nonet.cka.capture import Call, Capture, ReadFeatures
from nonet.cka.config import CompareOptions
from nonet.cka.selecting import Layers
from nonet.foundation import console
from nonet.foundation.errors import DataError

__all__ = ["Principal", "principal"]

_VECTORS = 3


@dataclass(frozen=True)
class Principal:
    """The first principal components of the layers of a model.

    Attributes:
        layers: names.
        share: λ₁ / Σλ, in [0, 1]; NaN where features are constant.
        second: λ₂ / λ₁; near 1 the first component is not a thing of its own.
        scores: of every example on the first component, (layers, examples).
        directions: the component in each layer's features, of unit length.
        settled: by how much the last pass changed λ₁, relative.
    """

    layers: tuple[str, ...]
    share: Float[np.ndarray, " layers"]
    second: Float[np.ndarray, " layers"]
    scores: Float[np.ndarray, "layers examples"]
    directions: dict[str, Tensor] = field(repr=False)
    settled: Float[np.ndarray, " layers"]

    def cosines(self) -> Float[np.ndarray, "layers layers"]:
        """Squared cosines between first components over the examples; CKA tends to it where they dominate."""
        norms = np.linalg.norm(self.scores, axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            unit = self.scores / norms
        return np.square(unit @ unit.T)

    def dominant(self, rows: Iterable[int] | None = None, count: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """The examples that hold most of the first components of some layers (Nguyen et al. 2022, §3).

        Args:
            rows: numbers of layers; None for all.
            count: how many examples.
        Returns:
            Their numbers, the most dominant first, and the share of the components' variance that each holds.
        """
        chosen = self.scores[list(range(len(self.layers)) if rows is None else rows)].astype(np.float64)
        squares = np.square(chosen)
        shares = squares / np.maximum(squares.sum(1, keepdims=True), np.finfo(float).tiny)
        mean = shares.mean(0)
        order = np.argsort(-mean, kind="stable")[:count]
        return order, mean[order]


@dataclass
class _Layer:
    """What one layer keeps between batches and passes."""

    shift: Tensor  # the first batch's mean, near enough to the mean for sums to lose no digits
    total: Tensor  # Σ (x - shift)
    squares: float  # Σ |x - shift|²
    vectors: Tensor  # (dim, k), orthonormal
    product: Tensor  # Σ (x - mean) (x - mean)ᵀ vectors
    examples: int = 0
    largest: float = 0.0  # the estimate of λ₁ of the last pass

    def mean(self) -> Tensor:
        return self.shift + self.total / self.examples

    def variance(self) -> float:
        """Σλ, the sum of squares about the mean."""
        return max(0.0, self.squares - float(self.total.double().square().sum()) / self.examples)


def principal(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    layers: Layers = None,
    options: CompareOptions | None = None,
    call: Call = batches.call,
    passes: int = 4,
) -> Principal:
    """Finds the first principal component of every layer over the data.

    Args:
        model: any module; left as it was.
        loader: batches in the same order at every pass.
        layers: as in `nonet.cka.cka`.
        options: tokens, positions and normalisation.
        call: how the model is called.
        passes: of subspace iteration; `Principal.settled` tells whether they were enough.
    Raises:
        DataError: if the order of the data changes from pass to pass.
    """
    options = options or CompareOptions()
    work = _Work(model, layers, options, call)
    with work.capture.attached(), console.progress("First principal components", passes + 2) as bar:
        for step in range(passes + 2):
            work.go(loader, ("begin", *["multiply"] * passes, "score")[step])
            bar.advance()
    return work.result()


class _Work:
    """The passes over the data."""

    def __init__(self, model: nn.Module, layers: Layers, options: CompareOptions, call: Call) -> None:
        self.options, self.states = options, dict[str, _Layer]()
        self.step = "begin"
        self.reader = ReadFeatures(options, self.see)
        self.capture: Capture[Tensor | None] = Capture(model, self.reader, layers, call, options.inputs)
        self.scores: dict[str, list[Tensor]] = {}
        self.change: dict[str, float] = {}
        self.order: int | None = None

    def go(self, loader: Iterable[Any], step: str) -> None:
        """One pass."""
        self.step, order = step, 0
        for batch in loader:
            order = hash((order, *batches.checksums(batch))) % 2**61
            self.reader.mask = batches.padding_mask(batch)
            self.capture.run(batch)
        if self.order is not None and order != self.order:
            raise DataError(
                "The loader shows the data in another order at every pass.",
                fix="Take shuffle=False: the components' examples are told by their number.",
            )
        self.order = order
        if step == "multiply":
            self.orthogonalize()

    def see(self, name: str, features: Tensor) -> None:
        """One layer's features of one batch."""
        x = features.float()
        if self.options.normalize:
            x = nn.functional.normalize(x, dim=1)
        if self.step == "begin":
            self.begin(name, x)
            return
        state = self.states[name]
        centred = x - state.mean()
        scores = centred @ state.vectors
        if self.step == "multiply":
            state.product += centred.T @ scores
        else:
            self.scores.setdefault(name, []).append(scores.cpu())

    def begin(self, name: str, x: Tensor) -> None:
        """Sums for the mean and the variance; the first batch gives directions to begin with."""
        if name not in self.states:
            shift = x.mean(0)
            vectors = _leading(x - shift)
            self.states[name] = _Layer(shift, torch.zeros_like(shift), 0.0, vectors, torch.zeros_like(vectors))
        state = self.states[name]
        moved = x - state.shift
        state.total += moved.sum(0)
        state.squares += float(moved.double().square().sum())
        state.examples += len(x)

    def orthogonalize(self) -> None:
        """Takes the products of a pass as the next directions."""
        for name, state in self.states.items():
            if state.variance() > 0:
                vectors, triangle = torch.linalg.qr(state.product)
                largest = float(torch.linalg.matrix_norm(triangle, 2))
                self.change[name] = abs(largest - state.largest) / largest if largest else 0.0
                state.largest, state.vectors = largest, vectors
            state.product = torch.zeros_like(state.product)

    def result(self) -> Principal:
        """The components, from the scores of the last pass on all directions (Rayleigh and Ritz)."""
        names = tuple(self.states)
        share, second, scores, directions = [], [], [], {}
        for name in names:
            state = self.states[name]
            table = torch.cat(self.scores[name]).double()
            _, values, turn = torch.linalg.svd(table, full_matrices=False)
            total = state.variance()
            # what is left of constant features is rounding
            real = total > state.examples * 64**2 * 1e-14 * float(state.mean().double().square().sum()) and total > 0
            share.append(min(1.0, float(values[0]) ** 2 / total) if real else float("nan"))
            second.append(float(values[1] / values[0]) ** 2 if real and len(values) > 1 else 0.0)
            scores.append((table @ turn[0]).float().numpy() * real)
            directions[name] = (state.vectors.double() @ turn[0].to(state.vectors.device)).float()
        return Principal(
            names,
            np.array(share),
            np.array(second),
            np.stack(scores),
            directions,
            np.array([self.change.get(name, 0.0) for name in names]),
        )


def _leading(centred: Tensor) -> Tensor:
    """A few leading right singular vectors of a batch's features, (dim, k)."""
    k = min(_VECTORS, *centred.shape)
    gram = (centred @ centred.T).double()
    _, vectors = torch.linalg.eigh(gram)
    product = centred.T @ vectors[:, -k:].to(centred)
    noise = torch.randn(product.shape, generator=torch.Generator().manual_seed(0)).to(product)
    # the noise makes a full basis where the batch has fewer directions
    return torch.linalg.qr(product + 1e-6 * (product.abs().max() + 1e-30) * noise).Q
