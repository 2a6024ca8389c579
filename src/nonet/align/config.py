"""The options of the wing's models and of their training."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, TypeVar

from nonet.foundation.errors import UsageError

__all__ = ["FineTuning", "HeadConfig", "LearningConfig", "Projection", "Recipe", "with_recipe"]

Projection = Literal["none", "linear", "mlp"]
Recipe = Literal["short", "paper", "retrieval"]


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
    """Divisor of the cosines at the start of training. The paper starts at 1.0 and falls to about 1/64 over a million
    steps; a training of a few hundred steps has no time for that way."""
    temperature_kind: Literal["log", "plain", "fixed"] = "log"
    """How it is learnt: as its logarithm, so that a step changes it by a share of itself and it stays positive; as
    itself, as in the paper; or not at all."""

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
    """The highest rate; see `schedule` and `warmup`."""
    tower_rate: float = 0.1
    """Share of that rate for the towers while they learn; 1 is right for towers with random weights."""
    optimizer: Literal["adamw", "lamb"] = "adamw"
    """LAMB is the paper's: each matrix moves by a share of its own length, whatever the batch size."""
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    """How the rate falls to zero after its rise."""
    warmup: float = 0.05
    """Share of the steps over which the rate rises."""
    weight_decay: float = 0.05
    """Decay of matrices, decoupled from the gradient; norms and biases do not decay."""
    ema: float | None = None
    """Decay of a moving average of the weights, which is then the result; None for none."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Mixed precision of the towers; fp16 needs an accelerator."""
    chunk: int = 0
    """Pairs that the towers see at a time while all of a batch are each other's negatives: gradients are those of the
    whole batch, memory that of a chunk, time a third more. Batch normalisation sees the chunk; the paper's saw 16
    pairs. 0 for the whole batch at once."""
    look_every: int = 0
    """Steps between looks at retrieval on the validation split; 0 for one at the end."""
    smoothing: float = 0.1
    """Share of the target that label smoothing spreads over the batch (the paper's)."""
    negatives: float = 1.0
    """Share of the batch's other pairs that a pair is told from; the paper's ablation has a half and a quarter."""
    unfreeze: bool = False
    """Train the towers too. Otherwise their features are computed once and kept, and only the heads learn."""
    mirror: bool = True
    """Show pictures mirrored half of the time."""
    crop: float = 0.7
    """Smallest share of a picture's area that a random crop keeps while the towers learn; 1 for no crops."""
    paper_crop: bool = False
    """Crop as the paper does instead: a square at a random place of the picture squeezed to 346 pixels (§5)."""
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
        if not 0 < self.negatives <= 1:
            raise UsageError("It must be above 0 and at most 1.", where="negatives")
        if not 0 < self.crop <= 1:
            raise UsageError("It must be above 0 and at most 1.", where="crop")
        if not 0 < self.tower_rate <= 1:
            raise UsageError("It must be above 0 and at most 1.", where="tower_rate")
        if not 0 <= self.warmup < 1:
            raise UsageError("It must be at least 0 and below 1.", where="warmup")
        if self.chunk < 0 or self.look_every < 0:
            raise UsageError("It must be at least 0.", where="chunk" if self.chunk < 0 else "look_every")


@dataclass(frozen=True)
class FineTuning:
    """How a classifier learns; the defaults are the article's for the fine-grained sets (§5.3)."""

    head_steps: int = 20_000
    """Steps of the head alone."""
    steps: int = 20_000
    """Steps of the whole network after that."""
    batch_size: int = 256
    """Pictures a step."""
    head_rate: float = 1e-2
    """Rate of the head alone; both fall along a cosine."""
    rate: float = 1e-3
    """Rate of the whole network."""
    momentum: float = 0.9
    """Of SGD."""
    weight_decay: float = 1e-5
    """Decay of matrices."""
    seed: int = 0
    """Decides the order and what is drawn at random."""


_PAPER_HEADS = HeadConfig(
    dim=640, image_projection="none", text_projection="linear", temperature=1.0, temperature_kind="plain"
)
_PAPER = LearningConfig(
    epochs=12,
    batch_size=16_384,
    learning_rate=1e-3,
    tower_rate=1.0,
    optimizer="lamb",
    schedule="linear",
    warmup=10_000 / 1_200_000,
    weight_decay=1e-5,
    chunk=16,
    unfreeze=True,
    paper_crop=True,
)
_RETRIEVAL = replace(_PAPER, epochs=200, batch_size=2048, learning_rate=1e-5, warmup=0.0)


def with_recipe(recipe: Recipe, heads: HeadConfig, learning: LearningConfig) -> tuple[HeadConfig, LearningConfig]:
    """Options of a recipe; those that differ from the defaults stay as they are.

    Args:
        recipe: `short`, the defaults; `paper`, pre-training as Jia et al. 2021, §5: LAMB, rate 1e-3 over 16,384 pairs,
            warm-up over a 120th of the steps and linear fall, batch normalisation over 16 pairs, temperature from 1.0;
            or `retrieval`, its fine-tuning (§5.1): the same loss with 2,048 pairs and rate 1e-5 (3,000 steps on
            Flickr30K are about 200 epochs).
        heads: the options given.
        learning: the options given.
    """
    if recipe == "short":
        return heads, learning
    other = _PAPER if recipe == "paper" else _RETRIEVAL
    return _merged(heads, _PAPER_HEADS) if recipe == "paper" else heads, _merged(learning, other)


Options = TypeVar("Options", HeadConfig, LearningConfig)


def _merged(given: Options, recipe: Options) -> Options:
    default = type(given)()
    changed = {
        f.name: getattr(given, f.name) for f in fields(given) if getattr(given, f.name) != getattr(default, f.name)
    }
    return replace(recipe, **changed)
