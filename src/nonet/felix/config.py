"""The options of the wing: what is labelled, how it is learnt, how it is decoded. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nonet.foundation.settings import require

__all__ = ["AlignmentRule", "DecodeConfig", "EditorConfig", "LabelConfig", "LearningConfig", "Method", "Variant"]

Variant = Literal["felix", "infill", "insert"]
AlignmentRule = Literal["lcs", "greedy"]
Method = Literal["felix", "lasertagger", "seq2seq"]


@dataclass(frozen=True)
class LabelConfig:
    """How a pair of texts becomes tags, points and insertions, and what the pointer begins with."""

    variant: Variant = "felix"
    """`felix`: a pointer orders what is kept, a tag says how many tokens come in (Mask); `infill`: one insertion tag
    and a fixed span of masks (Infill); `insert`: no pointer, so nothing moves (FelixInsert)."""
    alignment: AlignmentRule = "lcs"
    """`lcs`: the longest common subsequence stays, what is left over is reused as moves; `greedy`: the nearest unused
    token, as the article's code does it."""
    max_mask: int = 10
    """The longest insertion after one token."""
    infill_span: int = 4
    """Masks of one insertion of `infill`; unused ones are filled with padding."""
    max_tokens: int = 128
    """The longest source in tokens; longer pairs are left out of training, longer inputs are edited in windows."""
    pointer_prior: float = 6.0
    """How strongly the pointer believes, before it learns, that texts stay in order; 0 is the article's pointer, which
    has to learn that too."""

    def __post_init__(self) -> None:
        require(self.max_mask >= 1, "max_mask", "at least 1")
        require(self.infill_span >= 1, "infill_span", "at least 1")
        require(self.max_tokens >= 8, "max_tokens", "at least 8")


@dataclass(frozen=True)
class LearningConfig:
    """How an editor learns."""

    epochs: float = 3.0
    """Times that every pair is shown."""
    steps: int = 0
    """Optimiser steps instead of epochs; 0 lets the epochs decide."""
    batch_size: int = 32
    """Pairs in a step."""
    learning_rate: float = 2e-4
    """The highest rate; it rises over the first tenth of the steps and falls to zero linearly."""
    pointing_weight: float = 1.0
    """Weight of the pointer's loss beside the tags'."""
    rare_tags: float = 1.0
    """How much more a tag weighs that is rare in its text: 1, as in the article's code, by the inverse of its share; 0
    not at all, which makes an editor of few edits, whose probabilities are to be believed."""
    predicted_tags: float = 0.0
    """Share of examples in which the pointer sees the predicted tags instead of the gold ones."""
    weight_decay: float = 0.01
    """Decay of matrices, decoupled from the gradient."""
    freeze_embeddings: bool = False
    """Whether the embeddings of the vocabulary stay as they are: a step costs up to a third less, and words that no
    pair has keep their place beside those that some have."""
    precision: Literal["no", "bf16"] = "no"
    """Mixed precision; bf16 is two to three times faster on processors that have it."""
    seed: int = 0
    """Decides the first weights, the order of the data, and what is drawn at random."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""

    def __post_init__(self) -> None:
        require(self.epochs > 0, "epochs", "above 0")
        require(self.steps >= 0, "steps", "at least 0")
        require(self.batch_size >= 1, "batch_size", "at least 1")
        require(0 <= self.rare_tags <= 1, "rare_tags", "from 0 to 1")
        require(0 <= self.predicted_tags <= 1, "predicted_tags", "from 0 to 1")


@dataclass(frozen=True)
class DecodeConfig:
    """How cautious an editor is."""

    keep_bias: float = 0.0
    """Added to the score of keeping a token as it is; above 0 edits less, below 0 more."""
    min_edit_probability: float = 0.0
    """An edit is made only if the networks give it at least this probability, new words included."""
    beam: int = 15
    """Orders that are followed at once where the best next tokens make no path."""

    def __post_init__(self) -> None:
        require(self.beam >= 1, "beam", "at least 1")
        require(0 <= self.min_edit_probability <= 1, "min_edit_probability", "from 0 to 1")
        require(abs(self.keep_bias) <= 100, "keep_bias", "from -100 to 100")


@dataclass(frozen=True)
class EditorConfig:
    """What an editor's folder says of it."""

    method: Method
    """`felix`, or a baseline: `lasertagger`, `seq2seq`."""
    labels: LabelConfig
    """How its pairs were labelled."""
    encoder: dict
    """The encoder's own configuration, in the words of its library."""
    phrases: tuple[str, ...] = ()
    """The phrases that `lasertagger` can insert, each as token ids joined by spaces."""
    decoding: DecodeConfig = field(default_factory=DecodeConfig)
    """How it decodes unless told otherwise."""
