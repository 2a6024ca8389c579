"""Retrieval as the field reports it: recall at 1, 5 and 10 in both directions, with several texts a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nonet.foundation.errors import DataError

__all__ = ["CUTOFFS", "Direction", "Retrieval", "retrieval", "retrieval_ranks"]

CUTOFFS = (1, 5, 10)


@dataclass(frozen=True)
class Direction:
    """How well one kind of query finds the other kind.

    Attributes:
        queries: how many were asked.
        candidates: how many things each was to be found among.
        recall: for each of `CUTOFFS` the share of queries with a right candidate at that rank or before.
        chance: what guessing would reach at the same cut-offs.
        median_rank: of the best right candidate; 1 is perfect.
    """

    queries: int
    candidates: int
    recall: tuple[float, ...]
    chance: tuple[float, ...]
    median_rank: float


@dataclass(frozen=True)
class Retrieval:
    """Retrieval in both directions.

    Attributes:
        image_to_text: pictures as queries; a picture is served by any of its texts.
        text_to_image: texts as queries; each has one picture.
        mean_recall: mean of the six recalls, as Multi30k is reported (Jia et al. 2021, Table 11).
    """

    image_to_text: Direction
    text_to_image: Direction

    @property
    def mean_recall(self) -> float:
        return float(np.mean(self.image_to_text.recall + self.text_to_image.recall))


def retrieval(
    images: Float[np.ndarray, "images dim"],
    texts: Float[np.ndarray, "texts dim"],
    image_of: Int[np.ndarray, "texts"],
    *,
    block: int = 1024,
) -> Retrieval:
    """Recall and median rank in both directions.

    Args:
        images: embeddings of length 1.
        texts: embeddings of length 1.
        image_of: for each text the row of its picture; every picture needs at least one text.
        block: queries compared at a time; memory is `block` × candidates.
    Raises:
        DataError: if there is nothing to compare, or a picture has no text.
    """
    if not len(images) or not len(texts):
        raise DataError("There are no pairs to evaluate on.", fix="Choose another split, or make more pairs.")
    counts = np.bincount(image_of, minlength=len(images))
    if counts.min() == 0:
        raise DataError(f"{int((counts == 0).sum())} pictures have no text.", fix="Leave them out of the evaluation.")
    numbers = np.arange(len(images))
    forward = retrieval_ranks(images, texts, numbers, image_of, block=block)
    backward = retrieval_ranks(texts, images, image_of, numbers, block=block)
    return Retrieval(
        _direction(forward, len(texts), counts),
        _direction(backward, len(images), np.ones(len(texts), np.int64)),
    )


def retrieval_ranks(
    queries: Float[np.ndarray, "queries dim"],
    candidates: Float[np.ndarray, "candidates dim"],
    query_group: Int[np.ndarray, "queries"],
    candidate_group: Int[np.ndarray, "candidates"],
    *,
    block: int = 1024,
) -> Int[np.ndarray, "queries"]:
    """The rank of each query's best right candidate, from 1.

    A candidate is right if it is of the query's group. Ties are taken pessimistically: wrong candidates of the same
    score come first, so a model that gives everything one embedding gains nothing. Scores that are not numbers count
    as worst for the right candidate and best for the others.

    Raises:
        DataError: if a query has no right candidate.
    """
    order = np.argsort(candidate_group, kind="stable")
    grouped = candidate_group[order]
    first = np.searchsorted(grouped, query_group, side="left")
    last = np.searchsorted(grouped, query_group, side="right")
    if np.any(first == last):
        raise DataError("A query has no right candidate.", where=f"query {int(np.flatnonzero(first == last)[0])}")
    arranged = candidates[order]
    columns = np.arange(len(arranged))
    ranks = np.empty(len(queries), np.int64)
    for start in range(0, len(queries), block):
        rows = slice(start, start + block)
        scores = queries[rows] @ arranged.T
        right = (columns >= first[rows, None]) & (columns < last[rows, None])
        best = np.where(right & ~np.isnan(scores), scores, -np.inf).max(1, keepdims=True)
        ranks[rows] = 1 + np.sum(~right & ~(scores < best), axis=1)
    return ranks


def _direction(ranks: np.ndarray, candidates: int, right: np.ndarray) -> Direction:
    return Direction(
        queries=len(ranks),
        candidates=candidates,
        recall=tuple(float(np.mean(ranks <= cutoff)) for cutoff in CUTOFFS),
        chance=tuple(float(np.mean(_chance(candidates, right, cutoff))) for cutoff in CUTOFFS),
        median_rank=float(np.median(ranks)),
    )


def _chance(candidates: int, right: np.ndarray, cutoff: int) -> np.ndarray:
    """The chance that `cutoff` draws without replacement hold one of the `right` among the candidates."""
    missed = np.ones(len(right))
    for draw in range(min(cutoff, candidates)):
        missed *= np.clip((candidates - right - draw) / (candidates - draw), 0, 1)
    return 1 - missed
