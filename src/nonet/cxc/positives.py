"""Who is a positive of whom, by the rules: from rated pairs to the judgements of one retrieval task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from nonet.cxc.config import Kind, RetrievalRules, RetrievalTask
from nonet.cxc.data import Collection, RatedPairs

__all__ = ["Judged", "judged_pairs"]


@dataclass(frozen=True)
class Judged:
    """What is known of the results of each query of a task, sorted by query and item.

    Attributes:
        query: row of the query.
        item: row in the gallery.
        positive: whether the item counts as found.
        grade: mean human score, NaN where nobody rated the pair.
        queries: number of queries, with or without judgements.
        gallery: number of items searched.
        same_side: whether queries and gallery are the same items (T→T, I→I).
    """

    query: Int[np.ndarray, " judged"]
    item: Int[np.ndarray, " judged"]
    positive: Bool[np.ndarray, " judged"]
    grade: Float[np.ndarray, " judged"]
    queries: int
    gallery: int
    same_side: bool

    @property
    def positives(self) -> Int[np.ndarray, " queries"]:
        """The number of positives of each query."""
        return np.bincount(self.query[self.positive], minlength=self.queries)


@dataclass(frozen=True)
class _Links:
    """Directed pairs; the same pair may come several times."""

    query: Int[np.ndarray, " links"]
    item: Int[np.ndarray, " links"]
    grade: Float[np.ndarray, " links"]
    positive: Bool[np.ndarray, " links"]

    def reversed(self) -> _Links:
        return _Links(self.item, self.query, self.grade, self.positive)

    @staticmethod
    def joined(*parts: _Links) -> _Links:
        columns = ("query", "item", "grade", "positive")
        return _Links(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def judged_pairs(
    task: RetrievalTask, rated: Mapping[Kind, RatedPairs], collection: Collection, rules: RetrievalRules
) -> Judged:
    """The judgements of a task.

    Args:
        task: which is searched with which.
        rated: the rated pairs at hand; without those of its kind a task has the original positives alone.
        collection: images and captions.
        rules: what counts as a positive.
    """
    captions, images = len(collection.captions), len(collection.images)
    if task == "i2t":
        return _judged(_caption_image(rated, collection, rules).reversed(), images, captions, same_side=False)
    if task == "t2i":
        return _judged(_caption_image(rated, collection, rules), captions, images, same_side=False)
    if task == "t2t":
        links = _within(rated.get("sts"), rules.sts_at_least, rules.sts_pairs, rules)
        siblings = _co_captions(collection)
        if rules.co_captions == "rated" and rules.positives == "extended":
            siblings = _Links(siblings.query, siblings.item, siblings.grade, np.zeros_like(siblings.positive))
        return _judged(_Links.joined(links, siblings), captions, captions, same_side=True)
    links = _within(rated.get("sis"), rules.sis_at_least, rules.sis_pairs, rules)
    return _judged(links, images, images, same_side=True)


def _caption_image(rated: Mapping[Kind, RatedPairs], collection: Collection, rules: RetrievalRules) -> _Links:
    """From captions to images."""
    own = np.arange(len(collection.captions))
    always = rules.original_pairs == "all" or rules.positives == "original"
    original = _Links(own, collection.image_of, np.full(len(own), np.nan), np.full(len(own), always))
    if "sits" not in rated:
        return original
    pairs = rated["sits"]
    enough = (pairs.score >= rules.sits_at_least) & (rules.positives == "extended")
    return _Links.joined(_Links(pairs.left, pairs.right, pairs.score, enough), original)


def _within(pairs: RatedPairs | None, at_least: float, direction: str, rules: RetrievalRules) -> _Links:
    """Pairs of one modality, both ways unless directed."""
    if pairs is None:
        none = np.zeros(0, dtype=np.int64)
        return _Links(none, none, np.zeros(0), np.zeros(0, dtype=bool))
    extended = rules.positives == "extended"
    links = _Links(pairs.left, pairs.right, pairs.score, (pairs.score >= at_least) & extended)
    if direction == "directed":
        return links
    both = _Links.joined(links, links.reversed())
    if rules.twice_rated == "either":
        return both
    _, group = np.unique(np.stack([both.query, both.item]), axis=1, return_inverse=True)
    mean = np.bincount(group, weights=both.grade) / np.bincount(group)
    return _Links(both.query, both.item, mean[group], (mean[group] >= at_least) & extended)


def _co_captions(collection: Collection) -> _Links:
    """Each caption with the other captions of its image."""
    query, item = [], []
    for rows in collection.captions_of:
        left, right = np.nonzero(~np.eye(len(rows), dtype=bool))
        query.append(rows[left])
        item.append(rows[right])
    none = np.zeros(0, dtype=np.int64)
    query, item = np.concatenate([none, *query]), np.concatenate([none, *item])
    return _Links(query, item, np.full(len(query), np.nan), np.ones(len(query), dtype=bool))


def _judged(links: _Links, queries: int, gallery: int, *, same_side: bool) -> Judged:
    """One judgement a pair: positive if one of its links is, graded with the mean of its ratings."""
    apart = links.query != links.item if same_side else np.ones(len(links.query), dtype=bool)
    key, group = np.unique(links.query[apart] * gallery + links.item[apart], return_inverse=True)
    grade = links.grade[apart]
    known = ~np.isnan(grade)
    count = np.bincount(group[known], minlength=len(key))
    total = np.bincount(group[known], weights=grade[known], minlength=len(key))
    positive = np.bincount(group[links.positive[apart]], minlength=len(key)) > 0
    with np.errstate(invalid="ignore"):
        mean = total / count
    return Judged(key // gallery, key % gallery, positive, mean, queries, gallery, same_side)
