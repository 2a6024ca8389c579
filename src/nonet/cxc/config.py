"""The choices of the protocol, each by name.

The article and the release leave many of them open, and published code differs in them. Every default is what the
published tables were made with, as far as that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nonet.foundation.errors import UsageError

__all__ = [
    "CorrelationRules",
    "Kind",
    "RetrievalRules",
    "RetrievalTask",
    "SelectConfig",
    "TextInput",
    "Ties",
    "TrainConfig",
]

Kind = Literal["sts", "sis", "sits"]
"""What is rated: two captions (STS), two images (SIS), or a caption and an image (SITS)."""

RetrievalTask = Literal["i2t", "t2i", "t2t", "i2i"]
"""What is searched with what: i = image, t = text; the query stands first."""

TextInput = Literal["outputs", "words"]
"""What learns reads of a frozen text network: its output for each token, or the word vectors that go into it."""

Ties = Literal["expected", "optimistic", "pessimistic"]


@dataclass(frozen=True)
class RetrievalRules:
    """What counts as found in the four retrieval tasks."""

    positives: Literal["extended", "original"] = "extended"
    """`original`: the pairs of MS-COCO alone. `extended`: also pairs that people rated at or above the threshold."""
    sts_at_least: float = 3.0
    """A caption pair with this score or more is a positive of T→T."""
    sits_at_least: float = 3.0
    """A caption and an image with this score or more are a positive of I→T and T→I."""
    sis_at_least: float = 2.5
    """An image pair with this score or more is a positive of I→I."""
    original_pairs: Literal["all", "rated"] = "all"
    """Captions of the image itself: positives always (`all`), or only if rated at or above the threshold (`rated`,
    which drops 29 pairs of the test split, as the library eccv-caption does)."""
    co_captions: Literal["all", "rated"] = "all"
    """Other captions of the same image in T→T: positives always, or only if rated at or above the threshold. People
    rated five of an image's ten pairs."""
    sts_pairs: Literal["symmetric", "directed"] = "symmetric"
    """Whether a rated caption pair is a positive both ways, or only from the first caption to the second."""
    sis_pairs: Literal["symmetric", "directed"] = "symmetric"
    """Whether a rated image pair is a positive both ways, or only from the first image to the second."""
    twice_rated: Literal["either", "mean"] = "either"
    """A pair rated in both orders, when symmetric: a positive if either score suffices, or if their mean does."""
    self_match: Literal["removed", "zero"] = "removed"
    """The query among the results of T→T and I→I: taken out, or left in with similarity 0 (VSE∞'s code does that)."""
    no_positive: Literal["skip", "miss"] = "skip"
    """A query without any positive: left out of the average, or counted as not found."""
    ties: Ties = "expected"
    """Results of equal similarity: in random order (its expectation), positives first, or positives last."""
    similarity: Literal["cosine", "dot"] = "cosine"
    """Similarity of two embeddings."""
    gallery: Literal["rated", "all"] = "rated"
    """Captions and images that occur in the ratings (5,000 and 25,000 a split), or all of the caption file."""
    gain: Literal["linear", "exponential"] = "linear"
    """nDCG's gain of a human score s: s/5, or (2^s - 1)/31."""
    unrated: Literal["zero", "removed"] = "zero"
    """Results that nobody rated, in nDCG: worth nothing, or taken out of the ranking (a condensed list)."""
    ndcg_at: int = 10
    """Length of the ranking that nDCG looks at."""
    recall_at: tuple[int, ...] = (1, 5, 10)
    """The K of R@K."""

    def __post_init__(self) -> None:
        for name in ("sts_at_least", "sits_at_least", "sis_at_least"):
            if not 0 <= getattr(self, name) <= 5:
                raise UsageError(f"{name} must lie between 0 and 5, not {getattr(self, name)}.")
        if self.ndcg_at < 1 or not self.recall_at or min(self.recall_at) < 1:
            raise UsageError("The lengths of rankings (ndcg_at, recall_at) must be 1 or more.")


@dataclass(frozen=True)
class CorrelationRules:
    """How model and human scores are correlated in the three similarity tasks."""

    method: Literal["sampled", "promcse", "plain"] = "sampled"
    """`sampled`: half of the queries, one rated item for each, many times (the article). `promcse`: as many images as
    half of the split *with replacement*, one pair each whose query belongs to that image (the code of PromCSE).
    `plain`: all pairs once."""
    coefficient: Literal["spearman", "pearson"] = "spearman"
    """Which correlation."""
    samples: int = 1000
    """How many samples are averaged."""
    fraction: float = 0.5
    """The share of queries in a sample."""
    replacement: bool = False
    """Whether a query can come twice into one sample."""
    sts_query: Literal["first", "second", "either"] = "first"
    """Which caption of a pair is the query."""
    sis_query: Literal["first", "second", "either"] = "first"
    """Which image of a pair is the query."""
    sits_query: Literal["image", "caption"] = "image"
    """Which side is the query: with images the published standard deviations come out, with captions they do not."""
    sits_originals: bool = True
    """Whether the rated pairs of MS-COCO itself (`c2i_original`) take part in SITS."""
    similarity: Literal["cosine", "dot"] = "cosine"
    """Similarity of two embeddings."""
    seed: int = 0
    """Seed of the sampling."""

    def __post_init__(self) -> None:
        if self.samples < 1 or not 0 < self.fraction <= 1:
            raise UsageError("samples must be 1 or more and fraction in (0, 1].")


@dataclass(frozen=True)
class SelectConfig:
    """Which pairs are worth rating: the article's indirect sampling."""

    pairs: int = 2000
    """How many pairs, all kinds together."""
    bands: int = 8
    """Bands of similarity. The topmost holds the most similar 1/4^(bands-1) of all pairs, each lower one three times
    what is above it, so that the few very similar pairs have bands of their own and no range is left out."""
    lean: float = 1.5
    """A band's share of the sample is this many times that of the band below. 1 gives every band the same share."""
    shares: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Shares of SIS, STS and SITS pairs (SITS needs rated pairs and is left out without them)."""
    originals: int = 0
    """So many pairs of an image and its own caption besides (`c2i_original`)."""
    co_captions: int = 0
    """So many pairs of captions of one image besides (`c2c_cocaption`)."""
    most_per_item: int = 40
    """No image or caption stands in more pairs of one kind than this."""
    seed: int = 0
    """Seed of the sampling."""

    def __post_init__(self) -> None:
        if self.pairs < 1 or self.bands < 1 or self.lean <= 0 or self.most_per_item < 1:
            raise UsageError("pairs, bands and most_per_item must be 1 or more, lean above 0.")
        if self.originals < 0 or self.co_captions < 0:
            raise UsageError("originals and co_captions must not be negative.")
        if min(self.shares) < 0 or sum(self.shares) == 0:
            raise UsageError("shares must not be negative, and one must be above 0.")


@dataclass(frozen=True)
class TrainConfig:
    """Training of a dual encoder on frozen features."""

    objective: Literal["i2t", "t2t", "i2t+t2t"] = "i2t"
    """Image–text matching, text–text matching of captions of one image, or both weighted."""
    t2t_weight: float = 0.5
    """Weight of the text–text loss beside the image–text loss of weight 1, in `i2t+t2t`."""
    text_input: TextInput = "outputs"
    """What the layers read of the frozen text network: its `outputs` for each token, as in the article, or only the
    vectors of the `words` that go into it, which know nothing of sentences. A sentence encoder's outputs bring
    the similarity of captions along; the article's BERT had never been trained for that."""
    dim: int = 256
    """Dimensions of the common space."""
    width: int = 128
    """Width of the transformer layers; a multiple of `heads`. The article's 768 learns from millions of captions."""
    layers: int = 1
    """Transformer layers over what the frozen network says of each token; 0 takes the mean over the tokens through one
    hidden layer, which is many times faster."""
    heads: int = 4
    """Attention heads of these layers."""
    dropout: float = 0.1
    """Dropout in these layers and on the image features."""
    temperature: float = 0.07
    """Divides similarities of normalised embeddings in the loss; learnt from this start. The article's own models
    take plain dot products of unbounded vectors, which need far longer training."""
    epochs: int = 20
    """Passes over the captions."""
    batch_size: int = 128
    """Captions a step; each with its image, and for text–text with another caption of that image."""
    learning_rate: float = 1e-3
    """Peak of the learning rate (Adam, warm-up over a tenth, then a cosine to zero)."""
    weight_decay: float = 0.05
    """Weight decay of AdamW."""
    clip: float = 1.0
    """Greatest norm of the gradient."""
    seed: int = 0
    """Seed of initial weights and of the order of the data."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise UsageError("batch_size must be 2 or more: the loss needs negatives.", where="--batch-size")
        if self.width < 1 or self.heads < 1 or self.width % self.heads:
            raise UsageError("width must be a multiple of heads.", where="--width")
        if self.epochs < 1 or self.dim < 1 or self.layers < 0 or self.temperature <= 0:
            raise UsageError("epochs and dim must be 1 or more, layers not negative, temperature above 0.")
