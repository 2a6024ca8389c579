"""The options of the wing's models and of their training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nonet.foundation.errors import UsageError

__all__ = ["HeadConfig", "LearningConfig", "Projection"]

Projection = Literal["none", "linear", "mlp"]


@dataclass(frozen=True)
class HeadConfig:
    """What lies between the towers' features and the embeddings."""

    dim: int = 256
    """Length of an embedding."""
    image_projection: Projection = "mlp"
    """From image features to embedding; the paper has `none` (the widths agree) or `linear` (its ablations)."""
    text_projection: Projection = "mlp"
    """From text features to embedding; the paper has `linear`."""
    hidden: int = 512
    """Width of the hidden layer of `mlp`."""
    dropout: float = 0.3
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


@dataclass(frozen=True)
class LearningConfig:
    """How a dual encoder learns."""

    epochs: int = 30
    """Times that every picture is shown."""
    batch_size: int = 256
    """Pairs that are each other's negatives; at most as many as there are pictures to train on."""
    learning_rate: float = 1e-3
    """The highest rate; it rises over the first twentieth of the steps and falls to zero along a cosine."""
    tower_rate: float = 0.1
    """Share of that rate for the towers while they learn; 1 is right for towers with random weights."""
    weight_decay: float = 0.05
    """Decay of matrices, decoupled from the gradient."""

    smoothing: float = 0.1
    """Share of the target that label smoothing spreads over the batch (the paper's)."""
    unfreeze: bool = False
    """Train the towers too. Otherwise their features are computed once and kept, and only the heads learn."""
    mirror: bool = True
    """Show pictures mirrored half of the time."""
    crop: float = 0.7
    """Smallest share of a picture's area that a random crop keeps while the towers learn; 1 for no crops."""
    workers: int = 0
    """Processes that read pictures beside the training."""
    seed: int = 0
    """Decides the first weights, the order of the data, and what is drawn at random."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UsageError("It must be at least 1.", where="epochs")
        if self.batch_size < 2:
            raise UsageError("A pair needs another one to be told from: it must be at least 2.", where="batch_size")
        if not 0 <= self.smoothing < 1:
            raise UsageError("It must be at least 0 and below 1.", where="smoothing")
        if not 0 < self.crop <= 1:
            raise UsageError("It must be above 0 and at most 1.", where="crop")
        if not 0 < self.tower_rate <= 1:
            raise UsageError("It must be above 0 and at most 1.", where="tower_rate")
