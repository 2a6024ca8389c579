"""How far raters agree, and the ratings that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nonet.cxc.rating.pairs import PairToRate
from nonet.cxc.rating.records import Judgement

__all__ = ["Agreement", "RaterQuality", "agreement", "mean_scores", "score_table"]


@dataclass(frozen=True)
class RaterQuality:
    """How one rater fares against the others and against the control questions.

    Attributes:
        name: the rater.
        judged: pairs judged, control questions apart.
        with_others: Spearman's correlation with the mean of the other raters of the same pairs (leave one out).
        bias: mean difference from the mean of the others.
        gold_error: mean absolute difference from the known scores of control questions.
        seconds: median time a pair.
    """

    name: str
    judged: int
    with_others: float
    bias: float
    gold_error: float
    seconds: float


@dataclass(frozen=True)
class Agreement:
    """Agreement of all raters.

    Attributes:
        alpha: Krippendorff's alpha for interval data: 1 is perfect agreement, 0 is chance; NaN without overlap.
        pairs: pairs with two judgements or more.
        raters: each rater's quality.
    """

    alpha: float
    pairs: int
    raters: tuple[RaterQuality, ...]


def score_table(judgements: Sequence[Judgement], pairs: int) -> tuple[list[str], Float[np.ndarray, "raters pairs"]]:
    """Raters' names and their scores; NaN where a rater did not judge a pair."""
    names = list(dict.fromkeys(judgement.rater for judgement in judgements))
    row = {name: index for index, name in enumerate(names)}
    table = np.full((len(names), pairs), np.nan)
    for judgement in judgements:
        table[row[judgement.rater], judgement.pair] = judgement.score
    return names, table


def agreement(judgements: Sequence[Judgement], pairs: int) -> Agreement:
    """Agreement on the pairs that are no control questions."""
    plain = [judgement for judgement in judgements if judgement.gold is None]
    names, table = score_table(plain, pairs)
    every = list(dict.fromkeys(judgement.rater for judgement in judgements))
    row = {name: index for index, name in enumerate(names)}
    empty = np.full(pairs, np.nan)
    qualities = []
    for name in every:
        own = table[row[name]] if name in row else empty
        others = np.delete(table, row[name], axis=0) if name in row else table
        qualities.append(_quality(name, own, others, [j for j in judgements if j.rater == name]))
    return Agreement(_alpha(table), int(((~np.isnan(table)).sum(axis=0) >= 2).sum()), tuple(qualities))


def _alpha(table: Float[np.ndarray, "raters pairs"]) -> float:
    import krippendorff

    shared = table[:, (~np.isnan(table)).sum(axis=0) >= 2]
    values = np.unique(shared[~np.isnan(shared)])
    if len(values) < 2:  # without overlap or without variation agreement is undefined
        return float("nan")
    return float(krippendorff.alpha(reliability_data=shared, level_of_measurement="interval"))


def _quality(
    name: str,
    own: Float[np.ndarray, " pairs"],
    others: Float[np.ndarray, "raters pairs"],
    judged: Sequence[Judgement],
) -> RaterQuality:
    shared = ~np.isnan(own) & (~np.isnan(others)).any(axis=0)
    consensus = np.nanmean(others[:, shared], axis=0) if shared.any() else np.zeros(0)
    gold = [abs(judgement.score - judgement.gold) for judgement in judged if judgement.gold is not None]
    return RaterQuality(
        name=name,
        judged=int((~np.isnan(own)).sum()),
        with_others=_spearman(own[shared], consensus),
        bias=float((own[shared] - consensus).mean()) if shared.any() else float("nan"),
        gold_error=float(np.mean(gold)) if gold else float("nan"),
        seconds=float(np.median([judgement.seconds for judgement in judged])),
    )


def _spearman(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    from scipy.stats import rankdata

    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def mean_scores(judgements: Sequence[Judgement], pairs: Sequence[PairToRate]) -> dict[int, float]:
    """The mean score of each judged pair that is no control question, by its row, to two decimals as in the release."""
    _, table = score_table([judgement for judgement in judgements if judgement.gold is None], len(pairs))
    judged = np.flatnonzero((~np.isnan(table)).any(axis=0))
    return {int(row): round(float(np.nanmean(table[:, row])), 2) for row in judged}
