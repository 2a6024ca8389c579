"""How model similarity follows human similarity: the sampled Spearman bootstrap and its named variants.

One sample of the article's bootstrap takes half of the queries, one rated item for each, and correlates model and
human scores of these pairs; the mean over the samples is the figure, their standard deviation is printed beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nonet.cxc.config import CorrelationRules, Kind
from nonet.cxc.data import RatedPairs
from nonet.foundation.errors import DataError

__all__ = ["CorrelationResult", "correlate", "model_scores"]


@dataclass(frozen=True)
class CorrelationResult:
    """A task's correlation.

    Attributes:
        kind: which task.
        mean: mean correlation over the samples.
        std: their standard deviation; 0 for one plain correlation.
        pairs: rated pairs that took part.
        queries: queries that were sampled from.
        sampled: pairs in one sample.
    """

    kind: Kind
    mean: float
    std: float
    pairs: int
    queries: int
    sampled: int


def model_scores(
    pairs: RatedPairs, left: Float[np.ndarray, "left dim"], right: Float[np.ndarray, "right dim"]
) -> Float[np.ndarray, " pairs"]:
    """Dot products of the two embeddings of each pair, in blocks."""
    scores = np.empty(len(pairs.left), dtype=np.float32)
    for start in range(0, len(scores), 8192):
        part = slice(start, start + 8192)
        scores[part] = np.einsum("ij,ij->i", left[pairs.left[part]], right[pairs.right[part]])
    return scores


def correlate(
    pairs: RatedPairs,
    scores: Float[np.ndarray, " pairs"],
    rules: CorrelationRules,
    image_of: Int[np.ndarray, " captions"] | None = None,
) -> CorrelationResult:
    """Correlates model scores with human scores.

    Args:
        pairs: rated pairs of one kind.
        scores: the model's similarity of each.
        rules: the procedure.
        image_of: for each caption its image; needed by the `promcse` variant on STS and SITS.

    Raises:
        DataError: if there are fewer than three pairs, or nothing to correlate because all scores are the same.
    """
    if pairs.kind == "sits" and not rules.sits_originals:
        kept = ~pairs.original
        left, right, human, original = (c[kept] for c in (pairs.left, pairs.right, pairs.score, pairs.original))
        pairs = RatedPairs(pairs.kind, left, right, human, original, pairs.total)
        scores = scores[kept]
    if len(scores) < 3:
        raise DataError(f"Only {len(scores)} rated pairs of {pairs.kind.upper()} are at hand; a correlation needs 3.")
    if rules.method == "plain":
        every = np.arange(len(scores))
        value = float(next(_correlations(scores, pairs.score, [every], rules)))
        return CorrelationResult(pairs.kind, value, 0.0, len(scores), len(scores), len(scores))
    query, row = _queries(pairs, rules, image_of)
    names, group = np.unique(query, return_inverse=True)
    order = np.argsort(group, kind="stable")
    count = np.bincount(group)
    first = np.cumsum(count) - count
    size = max(2, int(len(names) * rules.fraction))
    draws = (row[order[chosen]] for chosen in _samples(first, count, size, rules))
    values = np.fromiter(_correlations(scores, pairs.score, draws, rules), dtype=float, count=rules.samples)
    if np.isnan(values).any():
        raise DataError(f"The scores of {pairs.kind.upper()} are all the same in a sample: nothing to correlate.")
    return CorrelationResult(pairs.kind, float(values.mean()), float(values.std()), len(scores), len(names), size)


def _queries(
    pairs: RatedPairs, rules: CorrelationRules, image_of: Int[np.ndarray, " captions"] | None
) -> tuple[Int[np.ndarray, " links"], Int[np.ndarray, " links"]]:
    """Queries, and for each link the row of its rated pair."""
    every = np.arange(len(pairs.left))
    if rules.method == "promcse":
        if pairs.kind == "sis":
            return pairs.left, every
        if image_of is None:
            raise DataError("The promcse variant needs to know which image a caption belongs to.")
        return image_of[pairs.left], every
    if pairs.kind == "sits":
        return (pairs.right if rules.sits_query == "image" else pairs.left), every
    side = rules.sts_query if pairs.kind == "sts" else rules.sis_query
    if side == "either":
        return np.concatenate([pairs.left, pairs.right]), np.concatenate([every, every])
    return (pairs.left if side == "first" else pairs.right), every


def _samples(
    first: Int[np.ndarray, " queries"], count: Int[np.ndarray, " queries"], size: int, rules: CorrelationRules
) -> Iterator[Int[np.ndarray, " sampled"]]:
    rng = np.random.default_rng(rules.seed)
    replacement = rules.replacement or rules.method == "promcse"
    for _ in range(rules.samples):
        chosen = rng.choice(len(first), size, replace=replacement, shuffle=False)
        yield first[chosen] + (rng.random(size) * count[chosen]).astype(np.int64)


def _correlations(
    scores: Float[np.ndarray, " pairs"], human: Float[np.ndarray, " pairs"], draws, rules: CorrelationRules
) -> Iterator[float]:
    """A correlation for each draw of pairs; NaN where one side does not vary."""
    if rules.coefficient == "pearson":
        sides = [values.astype(np.float64) for values in (scores, human)]
        yield from (_pearson(*(side[draw] for side in sides)) for draw in draws)
        return
    codes = [np.unique(values, return_inverse=True)[1] for values in (scores, human)]
    yield from (_pearson(*(_ranks(code[draw]) for code in codes)) for draw in draws)


def _ranks(codes: Int[np.ndarray, " sampled"]) -> Float[np.ndarray, " sampled"]:
    """Mean ranks of values given by their place among all values: counted, not sorted."""
    count = np.bincount(codes)
    return (np.cumsum(count) - (count - 1) / 2)[codes]


def _pearson(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    a, b = a - a.mean(), b - b.mean()
    # summed without BLAS: waking its threads for so short a vector costs more than the sum
    aa, ab, bb = (float(np.einsum("i,i", *pair)) for pair in ((a, a), (a, b), (b, b)))
    return ab / (aa * bb) ** 0.5 if aa * bb > 0 else float("nan")
