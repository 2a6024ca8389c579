"""The options of the wing's models and of their training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nonet.foundation.errors import UsageError

__all__ = ["HeadConfig"]


@dataclass(frozen=True)
class HeadConfig:
    """What lies between the towers' features and the embeddings."""

    dim: int = 256
    """Length of an embedding."""
    image: Literal["none", "linear", "mlp"] = "mlp"
    """From image features to embedding; the paper has `none` (the widths agree) or `linear` (its ablations)."""
    text: Literal["none", "linear", "mlp"] = "mlp"
    """From text features to embedding; the paper has `linear`."""
    hidden: int = 1024
    """Width of the hidden layer of `mlp`."""
    dropout: float = 0.1
    """Share of the features that `mlp` does not see in a training step."""
    temperature: float = 0.07
    """Divisor of the cosines at the start of training. It is learnt as its logarithm, so a step changes it by a share
    of itself and it stays positive. The paper starts at 1.0 and falls to about 1/64 over a million steps; a training
    of a few hundred steps has no time for that way."""

    def __post_init__(self) -> None:
        if self.dim < 1 or self.hidden < 1:
            raise UsageError("An embedding and a hidden layer need at least one dimension.")
        if self.temperature <= 0:
            raise UsageError("The temperature must be above 0.")
        if not 0 <= self.dropout < 1:
            raise UsageError("The dropout must be at least 0 and below 1.")
