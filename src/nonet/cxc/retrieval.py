"""Metrics of the four retrieval tasks from the places of judged items, with ties treated as the rules say.

Recall at K (Parekh et al. 2021, §5), median rank, R-precision and mAP@R (Musgrave et al. 2020; used for captions by
Chun et al. 2022), and nDCG with the human scores as gains (Järvelin and Kekäläinen 2002). Where results are equally
similar, expectations over their random orders are exact (McSherry and Najork 2008).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from nonet.cxc.config import RetrievalRules, RetrievalTask, Ties
from nonet.cxc.positives import Judged
from nonet.cxc.ranking import Standing
from nonet.foundation.report import Estimate

__all__ = ["PerQuery", "RetrievalResult", "per_query", "retrieval_result"]


@dataclass(frozen=True)
class PerQuery:
    """What each query of a task got.

    Attributes:
        query: its row.
        hit: probability of a positive among the first K, a column for each K of the rules.
        best_rank: rank of the best positive, from 1; infinite without a positive.
        average_precision: at R, the number of the query's positives.
        r_precision: share of positives among the first R.
        ndcg: at the length of the rules; NaN where nothing graded is known.
    """

    query: Int[np.ndarray, " queries"]
    hit: Float[np.ndarray, "queries cutoffs"]
    best_rank: Float[np.ndarray, " queries"]
    average_precision: Float[np.ndarray, " queries"]
    r_precision: Float[np.ndarray, " queries"]
    ndcg: Float[np.ndarray, " queries"]


@dataclass(frozen=True)
class RetrievalResult:
    """A task's figures. Shares lie in [0, 1].

    Attributes:
        task: which is searched with which.
        queries: how many queries were averaged.
        skipped: how many had no positive and were left out.
        gallery: how many items were searched, without the query itself.
        positives: positive pairs.
        recall_at: the K of `recall`.
        recall: share of queries with a positive among the first K, with its interval.
        median_rank: of the best positive, from 1.
        map_at_r: mean average precision at R.
        r_precision: mean R-precision.
        ndcg: mean nDCG.
        tied: share of queries whose figures depend on the order of equally similar results.
        recall_range: recall with ties broken against, and for the model.
        each: the figures of each query.
    """

    task: RetrievalTask
    queries: int
    skipped: int
    gallery: int
    positives: int
    recall_at: tuple[int, ...]
    recall: tuple[Estimate, ...]
    median_rank: float
    map_at_r: float
    r_precision: float
    ndcg: float
    tied: float
    recall_range: tuple[tuple[float, float], ...]
    each: PerQuery


def per_query(judged: Judged, places: Standing, rules: RetrievalRules) -> PerQuery:
    """The figures of each query that the rules keep."""
    positives = judged.positives
    kept = np.arange(judged.queries) if rules.no_positive == "miss" else np.flatnonzero(positives > 0)
    groups = _Groups.of(judged, places)
    best = groups.first_of_query()
    hit = np.zeros((judged.queries, len(rules.recall_at)))
    rank = np.full(judged.queries, np.inf)
    for column, k in enumerate(rules.recall_at):
        hit[best.query, column] = best.hit_probability(k, rules.ties)
    rank[best.query] = best.rank(rules.ties)
    precision, r_precision = groups.precisions(positives, rules.ties)
    ndcg = _ndcg(judged, places, rules)
    return PerQuery(kept, hit[kept], rank[kept], precision[kept], r_precision[kept], ndcg[kept])


def retrieval_result(
    task: RetrievalTask,
    judged: Judged,
    places: Standing,
    rules: RetrievalRules,
    cluster: Int[np.ndarray, " queries"],
    seed: int = 0,
) -> RetrievalResult:
    """Averages over queries.

    Args:
        task: which is searched with which.
        judged: the judgements.
        places: where the judged items stand.
        rules: the rules.
        cluster: for each query the image it is or belongs to; the interval resamples images, because the captions of
            one image succeed and fail together.
        seed: of the resampling.
    """
    each = per_query(judged, places, rules)
    ranges = []
    for ties in ("pessimistic", "optimistic"):
        ranges.append(per_query(judged, places, replace(rules, ties=ties)))
    worst, best = ranges
    changed = (worst.hit != best.hit).any(axis=1) | (worst.average_precision != best.average_precision)
    finite_ndcg = each.ndcg[~np.isnan(each.ndcg)]
    return RetrievalResult(
        task=task,
        queries=len(each.query),
        skipped=judged.queries - len(each.query),
        gallery=judged.gallery - (judged.same_side and rules.self_match == "removed"),
        positives=int(judged.positive.sum()),
        recall_at=rules.recall_at,
        recall=_clustered_means(each.hit, cluster[each.query], seed),
        median_rank=float(np.median(each.best_rank)) if len(each.query) else float("nan"),
        map_at_r=_mean(each.average_precision),
        r_precision=_mean(each.r_precision),
        ndcg=_mean(finite_ndcg),
        tied=_mean(changed.astype(float)),
        recall_range=tuple((_mean(worst.hit[:, c]), _mean(best.hit[:, c])) for c in range(len(rules.recall_at))),
        each=each,
    )


@dataclass(frozen=True)
class _Groups:
    """Positives of one query and one similarity, in the order of the ranking.

    Attributes:
        query: whose.
        above: items more similar.
        level: items in the tie, positives among them.
        positives: positives in the tie.
        before: positives of the query that are more similar.
    """

    query: Int[np.ndarray, " groups"]
    above: Int[np.ndarray, " groups"]
    level: Int[np.ndarray, " groups"]
    positives: Int[np.ndarray, " groups"]
    before: Int[np.ndarray, " groups"]

    @classmethod
    def of(cls, judged: Judged, places: Standing) -> _Groups:
        query, above, level = (column[judged.positive] for column in (judged.query, places.above, places.level))
        key, first, count = np.unique(query * (judged.gallery + 1) + above, return_index=True, return_counts=True)
        owner = key // (judged.gallery + 1)
        total = np.cumsum(count) - count
        start = np.flatnonzero(np.diff(owner, prepend=-1))
        before = total - np.repeat(total[start], np.diff(start, append=len(owner)))
        return cls(owner, key % (judged.gallery + 1), level[first], count, before)

    def first_of_query(self) -> _Groups:
        """The best group of each query."""
        best = self.before == 0
        return _Groups(*(column[best] for column in (self.query, self.above, self.level, self.positives, self.before)))

    def hit_probability(self, k: int, ties: Ties) -> Float[np.ndarray, " groups"]:
        """How likely one of the group's positives is among the first k."""
        room = np.clip(k - self.above, 0, self.level)
        if ties == "optimistic":
            return (room > 0).astype(float)
        others = self.level - self.positives
        if ties == "pessimistic":
            return (room > others).astype(float)
        missed = np.ones(len(room))  # none of the drawn ones is a positive: drawing without putting back
        for drawn in range(int(room.max(initial=0))):
            left = self.level - drawn
            step = np.where(left > 0, np.maximum(others - drawn, 0) / np.maximum(left, 1), 1.0)
            missed = np.where(drawn < room, missed * step, missed)
        return 1 - missed

    def rank(self, ties: Ties) -> Float[np.ndarray, " groups"]:
        """The rank of the group's first positive."""
        if ties == "optimistic":
            return self.above + 1.0
        if ties == "pessimistic":
            return self.above + self.level - self.positives + 1.0
        return self.above + (self.level + 1) / (self.positives + 1)

    def precisions(
        self, positives: Int[np.ndarray, " queries"], ties: Ties
    ) -> tuple[Float[np.ndarray, " queries"], Float[np.ndarray, " queries"]]:
        """Average precision at R and R-precision of every query, R its number of positives."""
        r = positives[self.query]
        room = np.clip(r - self.above, 0, self.level)
        group = np.repeat(np.arange(len(room)), room)
        place = np.arange(len(group)) - np.repeat(np.cumsum(room) - room, room) + 1  # in the tie, from 1
        level, found = self.level[group], self.positives[group]
        if ties == "expected":
            chance = found / level
            before = (place - 1) * (found - 1) / np.maximum(level - 1, 1)
        else:
            lead = 0 if ties == "optimistic" else level - found
            chance = ((place > lead) & (place <= lead + found)).astype(float)
            before = place - lead - 1
        gained = chance * (self.before[group] + before + 1) / (self.above[group] + place)
        per = self.query[group]
        bins = {"minlength": len(positives)}
        share = np.maximum(positives, 1)
        return np.bincount(per, gained, **bins) / share, np.bincount(per, chance, **bins) / share


def _ndcg(judged: Judged, places: Standing, rules: RetrievalRules) -> Float[np.ndarray, " queries"]:
    """NDCG of every query; equally similar results share the mean discount of their places, whatever the rule."""
    graded = ~np.isnan(judged.grade)
    query, grade = judged.query[graded], judged.grade[graded]
    gain = grade / 5 if rules.gain == "linear" else (2**grade - 1) / 31
    if rules.unrated == "zero":
        above, level = places.above[graded], places.level[graded]
    else:
        above, level = _condensed(query, places.similarity[graded])
    summed = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, rules.ndcg_at + 2)))])
    first, last = np.minimum(above, rules.ndcg_at), np.minimum(above + level, rules.ndcg_at)
    reached = np.bincount(query, gain * (summed[last] - summed[first]) / level, minlength=judged.queries)
    ideal_order = np.lexsort((-gain, query))
    place = _place_in_query(query[ideal_order])
    inside = place < rules.ndcg_at
    ideal = np.bincount(
        query[ideal_order][inside],
        (gain[ideal_order] / np.log2(place + 2))[inside],
        minlength=judged.queries,
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(ideal > 0, reached / ideal, np.nan)


def _condensed(
    query: Int[np.ndarray, " graded"], similarity: Float[np.ndarray, " graded"]
) -> tuple[Int[np.ndarray, " graded"], Int[np.ndarray, " graded"]]:
    """Items above and level among the graded ones of the same query."""
    order = np.lexsort((-similarity, query))
    q, s = query[order], similarity[order]
    opens = np.ones(len(q), dtype=bool)
    opens[1:] = (np.diff(q) != 0) | (np.diff(s) != 0)
    group = np.cumsum(opens) - 1
    above, level = np.empty_like(query), np.empty_like(query)
    above[order] = _place_in_query(q)[opens][group]
    level[order] = np.bincount(group)[group] if len(group) else group
    return above, level


def _place_in_query(query: Int[np.ndarray, " sorted"]) -> Int[np.ndarray, " sorted"]:
    """0, 1, 2, … within each run of one query."""
    start = np.flatnonzero(np.diff(query, prepend=-1))
    return np.arange(len(query)) - np.repeat(start, np.diff(start, append=len(query)))


def _clustered_means(
    values: Float[np.ndarray, "queries columns"], cluster: Int[np.ndarray, " queries"], seed: int, draws: int = 1000
) -> tuple[Estimate, ...]:
    """Means with 95 % intervals of a bootstrap over clusters."""
    if not len(values):
        return tuple(Estimate(float("nan")) for _ in range(values.shape[1]))
    _, group = np.unique(cluster, return_inverse=True)
    count = np.bincount(group).astype(float)
    sums = np.stack([np.bincount(group, column) for column in values.T])
    rng = np.random.default_rng(seed)
    drawn = np.empty((draws, len(sums)))
    for draw in range(draws):
        weight = np.bincount(rng.integers(0, len(count), len(count)), minlength=len(count))
        drawn[draw] = sums @ weight / (count @ weight)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return tuple(
        Estimate(float(mean), float(a), float(b), basis="95 % bootstrap over images")
        for mean, a, b in zip(values.mean(axis=0), low, high, strict=True)
    )


def _mean(values: Float[np.ndarray, " n"]) -> float:
    return float(values.mean()) if len(values) else float("nan")
