"""Near-duplicates of evaluation pictures among those to train on (Jia et al. 2021, appendix A).

All pictures to train on are divided into cells of like embeddings. Every picture belongs to its ten nearest cells and
so to 120 buckets, one for each three of them; two pictures that share a bucket are compared, and a cosine above 0.975
makes them near-duplicates. The article hashes both sides; the evaluation side is small, so here it alone is put into
buckets, and pictures to train on come by in blocks and look into theirs: memory grows with the evaluation side only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import faiss
import numpy as np
from jaxtyping import Float, Int, Int64

from nonet.align.neardup_config import NearDuplicates

__all__ = ["Buckets", "Match", "cells_of", "matches"]

_ITERATIONS = 10
_PER_CELL = 64  # pictures that a cell's centre is learnt from


@dataclass(frozen=True)
class Match:
    """A picture to train on that is a near-duplicate of one to evaluate with.

    Attributes:
        row: of the picture to train on, counted over all blocks.
        evaluated: row of the nearest picture to evaluate with.
        cosine: of their embeddings.
    """

    row: int
    evaluated: int
    cosine: float


def cells_of(sample: Float[np.ndarray, "sample dim"], count: int, seed: int = 0) -> Float[np.ndarray, "cells dim"]:
    """Centres of cells, learnt by k-means from embeddings of pictures to train on.

    Args:
        sample: embeddings of length 1; all of them, or as many as are at hand.
        count: the article has 4,000; at most a quarter of the sample.
        seed: decides where k-means begins.
    """
    cells = max(1, min(count, len(sample) // 4))
    learner = faiss.Kmeans(
        sample.shape[1],
        cells,
        niter=_ITERATIONS,
        seed=seed,
        spherical=True,
        min_points_per_centroid=1,
        max_points_per_centroid=_PER_CELL,
    )
    learner.train(np.ascontiguousarray(sample, np.float32))
    return np.asarray(learner.centroids)


class Buckets:
    """The evaluation pictures in their buckets.

    Args:
        evaluated: their embeddings, of length 1.
        cells: from `cells_of`.
        options: how many cells a picture belongs to, and the cosine.
    """

    def __init__(
        self,
        evaluated: Float[np.ndarray, "evaluated dim"],
        cells: Float[np.ndarray, "cells dim"],
        options: NearDuplicates,
    ) -> None:
        self._options = options
        self._centres = faiss.IndexFlatIP(cells.shape[1])
        self._centres.add(np.ascontiguousarray(cells, np.float32))
        self._evaluated = np.ascontiguousarray(evaluated, np.float32)
        keys = self._keys(self._evaluated)
        rows = np.repeat(np.arange(len(evaluated)), keys.shape[1])
        order = np.argsort(keys.ravel(), kind="stable")
        self._sorted, self._rows = keys.ravel()[order], rows[order]

    def find(self, block: Float[np.ndarray, "block dim"]) -> list[Match]:
        """The near-duplicates in a block, rows counted from 0.

        Args:
            block: embeddings of pictures to train on, of length 1.
        """
        block = np.ascontiguousarray(block, np.float32)
        pairs = self._pairs(block)
        cosines = np.einsum("ij,ij->i", block[pairs[:, 0]], self._evaluated[pairs[:, 1]])
        above = cosines > self._options.cosine
        best: dict[int, Match] = {}
        for (row, evaluated), cosine in zip(pairs[above].tolist(), cosines[above].tolist(), strict=True):
            if row not in best or cosine > best[row].cosine:
                best[row] = Match(row, evaluated, cosine)
        return [best[row] for row in sorted(best)]

    def _pairs(self, block: np.ndarray) -> Int64[np.ndarray, "pairs 2"]:
        """Rows of the block and of the evaluation side that share a bucket, each pair once."""
        keys = self._keys(block)
        first = np.searchsorted(self._sorted, keys.ravel(), side="left")
        last = np.searchsorted(self._sorted, keys.ravel(), side="right")
        counts = last - first
        rows = np.repeat(np.repeat(np.arange(len(block)), keys.shape[1]), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        evaluated = self._rows[np.repeat(first, counts) + within]
        together = np.unique(rows * len(self._evaluated) + evaluated)
        return np.stack(np.divmod(together, max(1, len(self._evaluated))), axis=1).astype(np.int64)

    def _keys(self, vectors: np.ndarray) -> Int[np.ndarray, "rows buckets"]:
        """A number for each bucket of each row."""
        nearest = min(self._options.nearest, self._centres.ntotal)
        _, cells = self._centres.search(vectors, nearest)
        cells = np.sort(cells, axis=1)
        together = min(self._options.together, nearest)
        size, keys = self._centres.ntotal, []
        for chosen in combinations(range(nearest), together):
            key = np.zeros(len(vectors), np.int64)
            for column in chosen:
                key = key * size + cells[:, column]
            keys.append(key)
        return np.stack(keys, axis=1)


def matches(blocks: Iterable[Float[np.ndarray, "_ dim"]], buckets: Buckets) -> Iterator[Match]:
    """The near-duplicates in all blocks of pictures to train on.

    Args:
        blocks: embeddings of length 1, one block after the other.
        buckets: of the evaluation side.
    """
    done = 0
    for block in blocks:
        for match in buckets.find(block):
            yield Match(done + match.row, match.evaluated, match.cosine)
        done += len(block)
