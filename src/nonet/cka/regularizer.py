"""A penalty on layers whose first principal component holds too much (Nguyen et al. 2022, §5): no block appears."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["PrincipalPenalty", "first_share"]

_STEPS = 3


class PrincipalPenalty(nn.Module):
    """strength · Σ max(0, λ₁ / Σλ - threshold) over layers.

    Args:
        layers: whose outputs are watched.
        strength: weight of the penalty.
        threshold: share of the variance that the first component may hold.
    """

    def __init__(self, layers: Iterable[nn.Module], strength: float = 10.0, threshold: float = 0.1) -> None:
        super().__init__()
        self.strength, self.threshold = strength, threshold
        self._terms: list[Tensor] = []
        for layer in layers:
            layer.register_forward_hook(self._watch)

    def take(self) -> Tensor | float:
        """The penalty of the forward pass that was just made, in training; then it is forgotten."""
        terms, self._terms = self._terms, []
        return self.strength * torch.stack(terms).sum() if terms else 0.0

    def _watch(self, layer: nn.Module, inputs: object, out: Tensor) -> None:
        if torch.is_grad_enabled():
            self._terms.append((first_share(out) - self.threshold).clamp(min=0))


def first_share(out: Tensor) -> Tensor:
    """λ₁ / Σλ of a batch's centred features, (n, …), differentiable; a lower bound that is tight where λ₁ stands out.

    A few steps of the power iteration begin with the batch's longest example. The article's program keeps a vector
    from batch to batch instead; beginning anew makes a training that was interrupted end with the same weights.
    """
    features = out.float().flatten(1)
    centred = features - features.mean(0)
    least = torch.finfo(centred.dtype).tiny
    with torch.no_grad():
        direction = centred[centred.square().sum(1).argmax()]
        for _ in range(_STEPS):
            direction = centred.T @ (centred @ direction)
            direction = direction / direction.norm().clamp(min=least)
    return (centred @ direction).square().sum() / centred.square().sum().clamp(min=least)
