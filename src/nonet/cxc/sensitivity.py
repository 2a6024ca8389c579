"""Which choice of the protocol moves which figure by how much, on the whole ratings.

The scorers are made from the ratings themselves, because what is measured is the protocol, not a model: human scores
with noise for correlation, and for retrieval vectors that rated pairs pull together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from nonet.cxc.config import CorrelationRules, Kind, RetrievalRules, RetrievalTask
from nonet.cxc.correlation import correlate
from nonet.cxc.data import Collection, RatedPairs
from nonet.cxc.embeddings import unit_rows
from nonet.cxc.evaluate import task_name
from nonet.cxc.positives import judged_pairs
from nonet.cxc.ranking import standing
from nonet.cxc.retrieval import retrieval_result
from nonet.foundation.report import Table

__all__ = ["Moved", "correlation_choices", "retrieval_choices", "sensitivity_tables", "stand_in_vectors"]

_NOISE = 1.6  # points on the scale of 0 to 5; correlations come out like those of published models
_DIM = 64


@dataclass(frozen=True)
class Moved:
    """A figure under the published rules and under another choice.

    Attributes:
        task: which task.
        choice: what was chosen otherwise.
        usual: the figure under the default rules, times 100.
        other: the figure under the other choice, times 100.
    """

    task: str
    choice: str
    usual: float
    other: float

    @property
    def difference(self) -> float:
        """How far the choice moves the figure."""
        return self.other - self.usual


_CORRELATION: Mapping[Kind, Sequence[tuple[str, dict]]] = {
    "sts": [
        ("the second caption is the query", {"sts_query": "second"}),
        ("either caption is the query", {"sts_query": "either"}),
        ("PromCSE's sampling", {"method": "promcse"}),
        ("all pairs once", {"method": "plain"}),
        ("Pearson", {"coefficient": "pearson"}),
    ],
    "sis": [
        ("the second image is the query", {"sis_query": "second"}),
        ("either image is the query", {"sis_query": "either"}),
        ("all pairs once", {"method": "plain"}),
        ("Pearson", {"coefficient": "pearson"}),
    ],
    "sits": [
        ("captions are the queries", {"sits_query": "caption"}),
        ("without the original pairs", {"sits_originals": False}),
        ("PromCSE's sampling", {"method": "promcse"}),
        ("all pairs once", {"method": "plain"}),
        ("Pearson", {"coefficient": "pearson"}),
    ],
}

_RETRIEVAL: Mapping[RetrievalTask, Sequence[tuple[str, dict]]] = {
    "i2t": [
        ("original positives", {"positives": "original"}),
        ("low-rated originals dropped", {"original_pairs": "rated"}),
        ("threshold 2.5", {"sits_at_least": 2.5}),
    ],
    "t2i": [
        ("original positives", {"positives": "original"}),
        ("low-rated originals dropped", {"original_pairs": "rated"}),
        ("threshold 2.5", {"sits_at_least": 2.5}),
    ],
    "t2t": [
        ("original positives", {"positives": "original"}),
        ("co-captions must be rated 3 or more", {"co_captions": "rated"}),
        ("the same, queries without a positive missed", {"co_captions": "rated", "no_positive": "miss"}),
        ("the query stays in with similarity 0", {"self_match": "zero"}),
    ],
    "i2i": [
        ("pairs directed", {"sis_pairs": "directed"}),
        ("twice-rated pairs by their mean", {"twice_rated": "mean"}),
        ("threshold 3", {"sis_at_least": 3.0}),
        ("queries without a positive missed", {"no_positive": "miss"}),
    ],
}


def correlation_choices(
    rated: Mapping[Kind, RatedPairs], collection: Collection, rng: np.random.Generator
) -> list[Moved]:
    """Every choice of the correlation tasks, with one fixed noisy scorer a task."""
    moved = []
    for kind, choices in _CORRELATION.items():
        pairs = rated[kind]
        scores = pairs.score + _NOISE * rng.standard_normal(len(pairs.score))
        usual = correlate(pairs, scores, CorrelationRules(samples=200), collection.image_of).mean
        for name, changes in choices:
            rules = replace(CorrelationRules(samples=200), **changes)
            other = correlate(pairs, scores, rules, collection.image_of).mean
            moved.append(Moved(kind.upper(), name, 100 * usual, 100 * other))
    return moved


def retrieval_choices(
    rated: Mapping[Kind, RatedPairs], collection: Collection, rng: np.random.Generator
) -> list[Moved]:
    """Every choice of the retrieval tasks: R@1 of a stand-in model."""
    images, captions = stand_in_vectors(rated, collection, rng)
    sides = {"i": images, "t": captions}
    moved = []
    for task, choices in _RETRIEVAL.items():
        left, right = sides[task[0]], sides[task[2]]
        cluster = np.arange(len(left))

        def first(rules: RetrievalRules, task: RetrievalTask = task, left=left, right=right, cluster=cluster) -> float:
            judged = judged_pairs(task, rated, collection, rules)
            places = standing(left, right, judged, self_match=rules.self_match)
            return 100 * retrieval_result(task, judged, places, rules, cluster).recall[0].value

        usual = first(RetrievalRules(recall_at=(1,)))
        for name, changes in choices:
            moved.append(Moved(task_name(task), name, usual, first(RetrievalRules(recall_at=(1,), **changes))))
    return moved


def stand_in_vectors(
    rated: Mapping[Kind, RatedPairs], collection: Collection, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "images dim"], Float[np.ndarray, "captions dim"]]:
    """Vectors of images that rated pairs pull together, and captions around their image."""
    own = rng.standard_normal((len(collection.images), _DIM))
    pulled = own.copy()
    pairs = rated["sis"]
    pull = 0.25 * np.clip(pairs.score - 1.5, 0, None)[:, None]
    np.add.at(pulled, pairs.left, pull * own[pairs.right])
    np.add.at(pulled, pairs.right, pull * own[pairs.left])
    images = unit_rows(pulled.astype(np.float32), "images")
    noise = rng.standard_normal((len(collection.captions), _DIM)) / np.sqrt(_DIM)
    seen = images + 0.7 * rng.standard_normal(images.shape) / np.sqrt(_DIM)
    return unit_rows(seen.astype(np.float32), "images"), unit_rows(
        (images[collection.image_of] + 1.1 * noise).astype(np.float32), "captions"
    )


def sensitivity_tables(correlations: Sequence[Moved], retrievals: Sequence[Moved]) -> tuple[Table, Table]:
    """Both lists as tables."""
    columns = ["task", "choice", "published rules", "this choice", "difference"]

    def rows(moved: Sequence[Moved]) -> list[tuple]:
        return [(m.task, m.choice, f"{m.usual:.1f}", f"{m.other:.1f}", f"{m.difference:+.1f}") for m in moved]

    return (
        Table(
            "Which choice moves the correlation",
            columns,
            rows(correlations),
            f"Scorer: human scores with normal noise of {_NOISE} points, the same for every row of a task.",
        ),
        Table(
            "Which choice moves R@1",
            columns,
            rows(retrievals),
            "Stand-in model: vectors that rated image pairs pull together, captions around their image.",
        ),
    )
