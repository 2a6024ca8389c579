"""Whether indirect sampling finds similar pairs: judged on the ratings themselves.

Rated pairs stand for all pairs of their band of caption similarity; the bands and how many pairs each has are those of
all pairs of the images at hand. So the mean human score of any sample can be told, also of a random one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nonet.cxc.config import SelectConfig
from nonet.cxc.data import Collection, RatedPairs
from nonet.cxc.selection import Bands, caption_means
from nonet.foundation.report import Claim, Estimate, Figure, Table

__all__ = [
    "ARTICLE",
    "CLAIM",
    "Chosen",
    "chosen_by",
    "enrichment_claim",
    "enrichment_figure",
    "enrichment_table",
    "gain",
]

CLAIM = "pairs chosen by the other modality are more similar than random ones"
ARTICLE = "image pairs are taken by the similarity of their captions because random pairs are hardly ever similar"
_DRAWS = 200


@dataclass(frozen=True)
class Chosen:
    """Rated image pairs in the bands of one text encoder.

    Attributes:
        encoder: its name.
        bands: of all pairs of the images at hand, by the similarity of their captions.
        band: of each rated pair.
        score: of each rated pair by people.
    """

    encoder: str
    bands: Bands
    band: Int[np.ndarray, " pairs"]
    score: Float[np.ndarray, " pairs"]

    def mean(self, share: Float[np.ndarray, " bands"], rows: Int[np.ndarray, " rows"] | None = None) -> float:
        """The mean human score of a sample that takes so large a share from each band.

        A band that nobody rated says nothing; its share goes to the others.
        """
        band, score = (self.band, self.score) if rows is None else (self.band[rows], self.score[rows])
        count = np.bincount(band, minlength=len(share))
        rated = count > 0
        mean = np.bincount(band, score, minlength=len(share))[rated] / count[rated]
        return float(mean @ share[rated] / share[rated].sum())


def chosen_by(
    encoder: str,
    sis: RatedPairs,
    captions: Collection,
    vectors: Float[np.ndarray, "captions dim"],
    config: SelectConfig,
) -> Chosen:
    """Puts rated image pairs into the bands of similarity of their captions.

    Args:
        encoder: name of the text encoder.
        sis: rated image pairs, both with captions in the collection.
        captions: images and captions at hand.
        vectors: of the captions, by that encoder.
        config: how many bands.
    """
    described, means = caption_means(captions, vectors)
    row = np.full(len(captions.images), -1)
    row[described] = np.arange(len(described))
    bands = Bands.measure(means, config.bands)
    similarity = np.einsum("ij,ij->i", means[row[sis.left]], means[row[sis.right]])
    return Chosen(encoder, bands, bands.of(similarity), sis.score)


def gain(chosen: Mapping[str, Chosen], config: SelectConfig) -> Estimate:
    """Mean human score of pairs sampled by `config`, minus that of random pairs; the mean over text encoders.

    Returns:
        Points of the scale of 0 to 5, with a bootstrap interval over rated pairs.
    """
    rng = np.random.default_rng(config.seed)

    def difference(one: Chosen, rows: Int[np.ndarray, " rows"] | None = None) -> float:
        return one.mean(one.bands.shares(config.lean), rows) - one.mean(one.bands.population.astype(float), rows)

    drawn = []
    for _ in range(_DRAWS):
        pairs = len(next(iter(chosen.values())).score)
        rows = rng.integers(0, pairs, pairs)  # the same pairs for every encoder: they are the same ratings
        drawn.append(np.mean([difference(one, rows) for one in chosen.values()]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    value = float(np.mean([difference(one) for one in chosen.values()]))
    return Estimate(value, float(low), float(high), "points of 5", "95 % bootstrap over rated pairs")


def enrichment_table(chosen: Mapping[str, Chosen], images: int, config: SelectConfig) -> Table:
    """Each band of each encoder: how many pairs there are, are taken, were rated, and how similar people found them."""
    rows = []
    for name, one in chosen.items():
        population, taken = one.bands.population / one.bands.population.sum(), one.bands.shares(config.lean)
        for band in range(config.bands):
            scores = one.score[one.band == band]
            mean = f"{scores.mean():.2f}" if len(scores) else ""
            rows.append((name, band, f"{population[band]:.4%}", f"{taken[band]:.1%}", len(scores), mean))
        means = f"{one.mean(population):.2f}", f"{one.mean(taken):.2f}"
        rows.append((name, "all: random, sampled", "", "", len(one.score), " → ".join(means)))
    pairs = len(next(iter(chosen.values())).score)
    columns = ["chosen by", "band", "share of all pairs", "share of the sample", "rated pairs", "mean human score"]
    caption = f"Image pairs chosen by their captions; {pairs:,} rated pairs of {images:,} images."
    return Table("Indirect sampling: human scores by band of caption similarity", columns, rows, caption)


def enrichment_figure(chosen: Mapping[str, Chosen]) -> Figure:
    """Mean human score of image pairs by band of caption similarity."""
    import plotly.graph_objects as go

    plot = go.Figure()
    for name, one in chosen.items():
        rated = np.unique(one.band)
        means = [float(one.score[one.band == band].mean()) for band in rated]
        plot.add_trace(go.Scatter(x=rated, y=means, mode="lines+markers", name=name))
    plot.update_layout(
        xaxis_title="band of caption similarity , the most similar pairs on the right",
        yaxis_title="mean human score of the images, 0 to 5",
        yaxis_range=[0, 5],
    )
    caption = "The more alike the captions of two images, the more alike people find the images."
    return Figure("Captions choose image pairs", plot, caption)


def enrichment_claim(found: Estimate, command: str) -> Claim:
    """The claim that indirect sampling rests on."""
    return Claim(
        CLAIM,
        ARTICLE,
        found,
        found.above(),
        f"Mean human score (SIS) of a sample by nonet's default bias minus that of random pairs. {command}",
    )
