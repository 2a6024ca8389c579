"""What the commands and functions of this wing can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nonet.foundation.errors import UsageError
from nonet.foundation.settings import require

__all__ = ["BlockOptions", "CompareOptions", "NetworkConfig", "ProbeOptions", "PruneOptions", "RecipeConfig"]


@dataclass(frozen=True)
class CompareOptions:
    """How similarity is measured."""

    kernel: Literal["linear", "rbf"] = "linear"
    """Inner products, or a Gaussian of the distance."""
    bandwidth: float = 1.0
    """Of the Gaussian, in units of a batch's median distance."""
    weighting: Literal["pairs", "batches"] = "pairs"
    """A batch of n examples weighs n(n - 3), as in the article's program, or every batch 1, as in its formula."""
    tokens: Literal["all", "mean", "first", "last"] = "all"
    """What stands for a sequence (batch, token, dim): every token, their mean, the first ([CLS]) or the last one.
    Padding, where the batch has an ``attention_mask``, is left out."""
    positions: int | None = None
    """How many positions of a picture or sequence to keep, drawn once per layer; None keeps all."""
    normalize: bool = False
    """Scale every example's activation to norm 1 first: a control for examples of large norm."""
    remove_pc: bool = False
    """Take out the first principal component of every layer's batch first."""
    inputs: bool = False
    """Show the input itself as the first layer, as the article does."""
    passes: int = 1
    """How often to go through the data; the article goes ten times through shuffled data."""
    groups: int = 16
    """Groups of batches of the jackknife that makes the confidence intervals."""
    tolerance: float | None = None
    """Stop as soon as no interval is wider than this to either side; None goes through all data."""
    seed: int = 0
    """Of the drawn positions."""

    def __post_init__(self) -> None:
        require(self.bandwidth > 0, "bandwidth", "above 0")
        require(self.passes >= 1, "passes", "at least 1")
        require(self.groups >= 2, "groups", "at least 2")
        require(self.positions is None or self.positions >= 1, "positions", "at least 1, or None")
        require(self.tolerance is None or self.tolerance > 0, "tolerance", "above 0, or None")


@dataclass(frozen=True)
class BlockOptions:
    """What counts as a block of layers."""

    threshold: float = 0.9
    """The least similarity between any two layers of a block."""
    least: int = 5
    """The least number of layers."""
    permutations: int = 500
    """Random orders of the layers that the null is made of."""
    seed: int = 0
    """Of the random orders."""

    def __post_init__(self) -> None:
        require(0 < self.threshold < 1, "threshold", "between 0 and 1")
        require(self.least >= 2, "least", "at least 2")
        require(self.permutations >= 19, "permutations", "at least 19")


@dataclass(frozen=True)
class NetworkConfig:
    """A residual network of the article.

    Attributes:
        depth: 6n + 2 for the ``cifar`` layout. For ``imagenet``, 50 or more: every three layers more are one more
            block of the third stage.
        width: factor on the number of filters; in the ``imagenet`` layout, of the third stage.
        classes: of the labels.
        residual: False leaves the skip connections out.
        layout: three stages of basic blocks for small pictures, or four of bottlenecks.
        scale_all: in the ``imagenet`` layout, widen all stages.
        channels: of the pictures.
    """

    depth: int = 14
    width: int = 1
    classes: int = 10
    residual: bool = True
    layout: Literal["cifar", "imagenet"] = "cifar"
    scale_all: bool = False
    channels: int = 3

    def __post_init__(self) -> None:
        if self.layout == "cifar" and (self.depth < 8 or self.depth % 6 != 2):
            near = max(8, 6 * round((self.depth - 2) / 6) + 2)
            raise UsageError(f"There is no network of depth {self.depth}: it is 6n + 2.", fix=f"Take {near}.")
        if self.layout == "imagenet" and (self.depth < 50 or (self.depth - 50) % 3):
            raise UsageError(f"There is no network of depth {self.depth}: it is 50 + 3n.", fix="Take 50.")
        require(self.width >= 1, "width", "at least 1")
        require(self.classes >= 2, "classes", "at least 2")

    @property
    def name(self) -> str:
        """Such as ``resnet38-1x`` or ``plain14-4x``."""
        return f"{'resnet' if self.residual else 'plain'}{self.depth}-{self.width}x"


@dataclass(frozen=True)
class RecipeConfig:
    """How the article trains; see the fields for what it chose."""

    epochs: int = 300
    """Passes over the full data; the article takes 300."""
    learning_rate: float = 0.01
    """Of SGD with momentum 0.9, falling to 0 by a cosine."""
    batch_size: int = 128
    """Examples of a step."""
    weight_decay: float = 2e-4
    """On kernels only; the article's Keras penalty of 1e-4 is this as a gradient."""
    subset: float = 1.0
    """Share of the training pictures, the first ones: the article takes 0.06, 0.25, 0.5 and 1."""
    augment: bool = True
    """Random crops of reflected borders, and flips."""
    precision: Literal["auto", "no", "bf16"] = "auto"
    """Of the forward pass; auto is bf16 where the processor multiplies it, which others are many times slower in."""
    snapshots: int = 0
    """How many states on the way to keep for `evolution`, evenly spaced."""
    pc_strength: float = 0.0
    """Weight of the penalty on the first principal component's share in every block (0: none; the follow-up: 10)."""
    pc_threshold: float = 0.1
    """The share above which that penalty counts."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            require(getattr(self, name) >= 1, name, "at least 1")
        for name in ("snapshots", "pc_strength", "weight_decay"):
            require(getattr(self, name) >= 0, name, "at least 0")
        require(self.learning_rate > 0, "learning_rate", "above 0")
        require(0 < self.subset <= 1, "subset", "above 0 and at most 1")


@dataclass(frozen=True)
class ProbeOptions:
    """How linear probes are fitted."""

    pool: int | None = 4
    """Side that pictures of features are averaged down to before the probe sees them; None keeps every position."""
    penalties: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1)
    """L2 weights to choose among, on a part of the training examples, relative to the features' mean square."""
    held_out: float = 0.25
    """Share of the training examples that the weight is chosen on."""
    seed: int = 0
    """Of that part."""

    def __post_init__(self) -> None:
        require(bool(self.penalties) and min(self.penalties) > 0, "penalties", "above 0")
        require(0 < self.held_out < 1, "held_out", "between 0 and 1")
        require(self.pool is None or self.pool >= 1, "pool", "at least 1, or None")


@dataclass(frozen=True)
class PruneOptions:
    """How blocks are removed."""

    budget: float = 0.01
    """Accuracy that may be lost in all, as a share of 1."""
    most: int = 0
    """The largest number of blocks to remove; 0 for no limit."""
    shortlist: int = 0
    """Try only so many candidates a step, those that change their input least by CKA; 0 tries all."""
    finetune: int = 0
    """Optimiser steps after each removal, on the training data; 0 for none."""
    learning_rate: float = 1e-3
    """Of the fine-tuning."""
    keep: tuple[str, ...] = field(default_factory=tuple)
    """Names or globs of blocks that must stay."""
    seed: int = 0
    """Of the halves and of the fine-tuning."""

    def __post_init__(self) -> None:
        require(0 <= self.budget < 1, "budget", "at least 0 and below 1, such as 0.01")
        for name in ("most", "shortlist", "finetune"):
            require(getattr(self, name) >= 0, name, "at least 0")
