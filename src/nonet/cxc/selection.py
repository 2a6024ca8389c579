"""Chooses pairs worth rating: the article's indirect sampling.

Pairs chosen by the similarity that is to be judged would flatter the model that chose them. So captions choose image
pairs and images choose caption pairs (Parekh et al. 2021): two images whose captions say alike may look quite unlike.
Among random pairs hardly any are similar; so similar ones are drawn far more often than they occur, but some from
every band of similarity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nonet.cxc.config import Kind, SelectConfig
from nonet.cxc.data import Collection, RatedPairs
from nonet.cxc.embeddings import unit_rows
from nonet.cxc.ranking import similarity_blocks
from nonet.foundation.errors import DataError

__all__ = ["Bands", "Drawn", "SelectedPair", "caption_means", "draw_by_similarity", "select_pairs"]

_BINS = 4096
_SPARE = 4  # candidates drawn for each pair wanted, because some fall to the limit per item


@dataclass(frozen=True)
class Drawn:
    """Pairs of items drawn by similarity.

    Attributes:
        first: rows, each smaller than its partner.
        second: rows.
        similarity: of the two, by the vectors that chose them.
        band: 0 for the least similar.
    """

    first: Int[np.ndarray, " pairs"]
    second: Int[np.ndarray, " pairs"]
    similarity: Float[np.ndarray, " pairs"]
    band: Int[np.ndarray, " pairs"]

    def at(self, rows: Int[np.ndarray, " rows"]) -> Drawn:
        """Some of the pairs."""
        return Drawn(self.first[rows], self.second[rows], self.similarity[rows], self.band[rows])


@dataclass(frozen=True)
class SelectedPair:
    """A pair to rate.

    Attributes:
        kind: what is compared.
        left: row of the first item (a caption, or an image in SIS).
        right: row of the second item (an image, or a caption in STS).
        method: how it was chosen, in the release's words.
    """

    kind: Kind
    left: int
    right: int
    method: str


def select_pairs(
    collection: Collection,
    images: Float[np.ndarray, "images image_dim"],
    captions: Sequence[Float[np.ndarray, "captions _"]],
    config: SelectConfig,
    rated: Sequence[RatedPairs] = (),
) -> list[SelectedPair]:
    """The pairs to rate, each once, in random order.

    Args:
        collection: which caption belongs to which image.
        images: one vector an image.
        captions: for each text encoder (the article took two, of different kinds) one vector a caption.
        config: how many, and how biased.
        rated: pairs within a modality that people rated; they choose the pairs of a caption and an image.
    """
    rng = np.random.default_rng(config.seed)
    intermodal = config.shares[2] if any(part.kind != "sits" for part in rated) else 0.0
    shares = np.array([*config.shares[:2], intermodal])
    if shares.sum() == 0:
        raise DataError("Only SITS pairs were asked for, and those need rated pairs.", fix="Give --rated.")
    sis, sts, sits = (round(float(n)) for n in config.pairs * shares / shares.sum())
    chosen = _image_pairs(collection, captions, sis, config, rng)
    chosen += _caption_pairs(collection, images, sts, config, rng)
    chosen += _intermodal_pairs(collection, rated, sits, config, rng)
    chosen += _own_pairs(collection, config, rng)
    unique = list(dict.fromkeys(chosen))
    return [unique[row] for row in rng.permutation(len(unique))]


def caption_means(
    collection: Collection, captions: Float[np.ndarray, "captions dim"]
) -> tuple[Int[np.ndarray, " described"], Float[np.ndarray, "described dim"]]:
    """The mean of each image's caption vectors, scaled to length 1, for the images that have captions."""
    described = np.unique(collection.image_of)
    sums = np.zeros((len(collection.images), captions.shape[1]), dtype=np.float32)
    np.add.at(sums, collection.image_of, unit_rows(captions, "--captions"))
    return described, unit_rows(sums[described], "--captions")


@dataclass(frozen=True)
class Bands:
    """Bands of similarity over all pairs of some items.

    Attributes:
        of_bin: the band of each bin of similarity.
        population: how many pairs each band has, the least similar first.
    """

    of_bin: Int[np.ndarray, " bins"]
    population: Int[np.ndarray, " bands"]

    @classmethod
    def measure(cls, vectors: Float[np.ndarray, "items dim"], bands: int) -> Bands:
        """Counts all pairs. A pair is in band b or higher if at most 1/4^b of the pairs are more similar."""
        histogram = np.zeros(_BINS, dtype=np.int64)
        for _, _, similarity in _upper_pairs(vectors):
            histogram += np.bincount(_bin(similarity), minlength=_BINS)
        share_above = (histogram.sum() - np.cumsum(histogram)) / max(histogram.sum(), 1)
        band = (share_above[:, None] < 0.25 ** np.arange(1, bands)[None, :]).sum(axis=1)
        return cls(band, np.bincount(band, weights=histogram, minlength=bands).astype(np.int64))

    def of(self, similarity: Float[np.ndarray, " pairs"]) -> Int[np.ndarray, " pairs"]:
        """The band of each pair."""
        return self.of_bin[_bin(similarity)]

    def shares(self, lean: float) -> Float[np.ndarray, " bands"]:
        """The share of a sample that each band gets."""
        weight = lean ** np.arange(len(self.population)) * (self.population > 0)
        return weight / max(weight.sum(), 1e-12)


def draw_by_similarity(
    vectors: Float[np.ndarray, "items dim"],
    count: int,
    config: SelectConfig,
    rng: np.random.Generator,
    known: Set[tuple[int, int]] = frozenset(),
) -> Drawn:
    """Draws pairs of items, biased to similar ones, with every band of similarity covered.

    Args:
        vectors: unit length.
        count: how many pairs; fewer come back where there are not so many under the limit per item.
        config: bands, bias and limit.
        rng: randomness.
        known: pairs not to draw again, the smaller row first.
    """
    bands = Bands.measure(vectors, config.bands)
    quota = np.ceil(count * bands.shares(config.lean)).astype(np.int64)
    wanted = _SPARE * (quota + 8) + len(known)
    rate = np.minimum(1, wanted / np.maximum(bands.population, 1)).astype(np.float32)
    parts = []
    for first, second, similarity in _upper_pairs(vectors):
        band = bands.of(similarity)
        kept = rng.random(len(band), dtype=np.float32) < rate[band]
        parts.append((first[kept], second[kept], similarity[kept], band[kept]))
    if not parts:
        return Drawn(*(np.zeros(0, dtype=kind) for kind in (np.int64, np.int64, np.float32, np.int64)))
    found = Drawn(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    fresh = np.array([pair not in known for pair in zip(found.first.tolist(), found.second.tolist(), strict=True)])
    found = found.at(np.flatnonzero(fresh))
    return found.at(np.array(_take(found, quota, count, config.most_per_item, rng), dtype=np.int64))


def _upper_pairs(
    vectors: Float[np.ndarray, "items dim"],
) -> Iterator[tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"], Float[np.ndarray, " pairs"]]]:
    """Every pair once, with its similarity, in blocks."""
    for start, block in similarity_blocks(vectors, vectors, block_bytes=16 * 2**20):
        first, second = np.nonzero(np.arange(block.shape[1]) > np.arange(start, start + len(block))[:, None])
        if len(first):
            yield first + start, second, block[first, second]


def _bin(similarity: Float[np.ndarray, " pairs"]) -> Int[np.ndarray, " pairs"]:
    return np.clip((similarity + 1) * (_BINS / 2), 0, _BINS - 1).astype(np.int64)


def _take(
    candidates: Drawn, quota: Int[np.ndarray, " bands"], count: int, limit: int, rng: np.random.Generator
) -> list[int]:
    """Rows of candidates, band by band from the top; what a band lacks is taken from the ones below, then above."""
    used: dict[int, int] = {}
    taken: list[int] = []
    left_over: list[int] = []
    owed = 0
    for band in range(len(quota) - 1, -1, -1):
        rows = rng.permutation(np.flatnonzero(candidates.band == band)).tolist()
        wanted = min(int(quota[band]) + owed, count - len(taken))
        owed = wanted - _fill(candidates, rows, wanted, limit, used, taken)
        left_over += rows
    _fill(candidates, left_over, count - len(taken), limit, used, taken)
    return taken


def _fill(candidates: Drawn, rows: list[int], wanted: int, limit: int, used: dict[int, int], taken: list[int]) -> int:
    """Moves rows into `taken` until so many are there or none is left; those moved or refused leave `rows`."""
    moved = 0
    while rows and moved < wanted:
        row = rows.pop()
        a, b = int(candidates.first[row]), int(candidates.second[row])
        if used.get(a, 0) < limit and used.get(b, 0) < limit:
            used[a], used[b] = used.get(a, 0) + 1, used.get(b, 0) + 1
            taken.append(row)
            moved += 1
    return moved


def _image_pairs(
    collection: Collection,
    captions: Sequence[Float[np.ndarray, "captions _"]],
    count: int,
    config: SelectConfig,
    rng: np.random.Generator,
) -> list[SelectedPair]:
    """Image pairs that captions choose; every text encoder chooses its share."""
    chosen: dict[tuple[int, int], SelectedPair] = {}
    row_of = {int(image): row for row, image in enumerate(np.unique(collection.image_of))}
    for number, vectors in enumerate(captions, 1):
        described, means = caption_means(collection, vectors)
        wanted = count * number // len(captions) - len(chosen)
        known = {(row_of[a], row_of[b]) for a, b in chosen}
        drawn = draw_by_similarity(means, wanted, config, rng, known)
        for a, b in zip(described[drawn.first].tolist(), described[drawn.second].tolist(), strict=True):
            left, right = (a, b) if rng.random() < 0.5 else (b, a)
            chosen[a, b] = SelectedPair("sis", left, right, "i2i_csim")
    return list(chosen.values())


def _caption_pairs(
    collection: Collection,
    images: Float[np.ndarray, "images image_dim"],
    count: int,
    config: SelectConfig,
    rng: np.random.Generator,
) -> list[SelectedPair]:
    """Caption pairs that images choose: one caption of each of two images."""
    described = np.unique(collection.image_of)
    own = collection.captions_of
    drawn = draw_by_similarity(unit_rows(images[described], "--images"), count, config, rng)
    return [
        SelectedPair("sts", int(rng.choice(own[a])), int(rng.choice(own[b])), "c2c_isim")
        for a, b in zip(described[drawn.first].tolist(), described[drawn.second].tolist(), strict=True)
    ]


def _intermodal_pairs(
    collection: Collection, rated: Sequence[RatedPairs], count: int, config: SelectConfig, rng: np.random.Generator
) -> list[SelectedPair]:
    """A caption and an image that two rated items of one modality lead to, the more similar the likelier."""
    own = collection.captions_of
    links: list[tuple[float, SelectedPair]] = []
    for part in rated:
        for a, b, score in zip(part.left.tolist(), part.right.tolist(), part.score.tolist(), strict=True):
            if part.kind == "sts" and collection.image_of[a] != collection.image_of[b]:
                pair = (a, int(collection.image_of[b]))
            elif part.kind == "sis" and len(own[b]):
                pair = (int(rng.choice(own[b])), a)
            else:
                continue
            links.append((score, SelectedPair("sits", *pair, "c2i_intrasim")))
    if not links or not count:
        return []
    weight = config.lean ** np.array([score for score, _ in links])
    rows = rng.choice(len(links), min(count, len(links)), replace=False, p=weight / weight.sum())
    return [links[row][1] for row in rows]


def _own_pairs(collection: Collection, config: SelectConfig, rng: np.random.Generator) -> list[SelectedPair]:
    """Images with their own captions, and captions of one image."""
    captions = rng.permutation(len(collection.captions))
    originals = [
        SelectedPair("sits", int(row), int(collection.image_of[row]), "c2i_original")
        for row in captions[: config.originals]
    ]
    own = collection.captions_of
    siblings = [
        SelectedPair("sts", int(row), int(rng.choice(others)), "c2c_cocaption")
        for row in captions[: config.co_captions]
        if len(others := np.setdiff1d(own[collection.image_of[row]], [row]))
    ]
    return originals + siblings
