"""Where judged items stand in the ranking of their query, block by block: the whole similarity matrix never exists.

A rank is a count of more similar items, so nothing is sorted. A block of queries is multiplied with the gallery, and
one compiled pass counts, for each judged item, the items above it and the items level with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

from nonet.cxc.positives import Judged

__all__ = ["Standing", "similarity_blocks", "standing", "top_items"]

BLOCK_BYTES = 64 * 2**20
_KEPT, _REMOVED, _ZERO = 0, 1, 2


@dataclass(frozen=True)
class Standing:
    """Where each judged item stands.

    Attributes:
        above: how many items of the gallery are more similar to the query.
        level: how many are exactly as similar, itself included.
        similarity: of the item to the query.
    """

    above: Int[np.ndarray, " judged"]
    level: Int[np.ndarray, " judged"]
    similarity: Float[np.ndarray, " judged"]


def similarity_blocks(
    queries: Float[np.ndarray, "queries dim"],
    gallery: Float[np.ndarray, "gallery dim"],
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[tuple[int, Float[np.ndarray, "rows gallery"]]]:
    """Yields the first row and the similarities of a block of queries. A block is overwritten by the next.

    Equal gallery vectors get equal similarities to the last bit, so that ties are ties whatever the block size.
    """
    rows = max(1, min(len(queries), block_bytes // (4 * len(gallery))))
    buffer = np.empty((rows, len(gallery)), dtype=np.float32)
    copies, firsts = _copies(gallery)
    for start in range(0, len(queries), rows):
        part = queries[start : start + rows]
        block = buffer[: len(part)]
        np.matmul(part, gallery.T, out=block)
        if len(copies):
            block[:, copies] = block[:, firsts]
        yield start, block


def _copies(gallery: Float[np.ndarray, "gallery dim"]) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Rows that repeat an earlier row, and that row."""
    as_bytes = np.ascontiguousarray(gallery).view(np.dtype((np.void, gallery.itemsize * gallery.shape[1])))[:, 0]
    _, first, group = np.unique(as_bytes, return_index=True, return_inverse=True)
    source = first[group]
    copies = np.flatnonzero(source != np.arange(len(gallery)))
    return copies, source[copies]


def standing(
    queries: Float[np.ndarray, "queries dim"],
    gallery: Float[np.ndarray, "gallery dim"],
    judged: Judged,
    *,
    self_match: str = "removed",
    block_bytes: int = BLOCK_BYTES,
) -> Standing:
    """Counts for every judged pair the items above it and level with it.

    Args:
        queries: float32.
        gallery: float32.
        judged: the pairs asked about, sorted by query.
        self_match: for tasks that search the queries themselves: ``removed`` or ``zero``.
        block_bytes: memory for similarities.
    """
    count = len(judged.query)
    above, level = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    similarity = np.zeros(count, dtype=np.float32)
    own = {"removed": _REMOVED, "zero": _ZERO}[self_match] if judged.same_side else _KEPT
    start_of = np.searchsorted(judged.query, np.arange(judged.queries + 1))
    for start, block in similarity_blocks(queries, gallery, block_bytes):
        bounds = start_of[start : start + len(block) + 1]
        _count(block, start, own, bounds, judged.item, above, level, similarity)
    return Standing(above, level, similarity)


@numba.njit(nogil=True)
@no_type_check  # the compiler reads types itself
def _count(block, start, own, bounds, items, above, level, similarity):
    for row in range(len(block)):
        scores = block[row]
        itself = start + row
        if own == _ZERO:
            scores[itself] = 0
        for pair in range(bounds[row], bounds[row + 1]):
            asked = scores[items[pair]]
            higher, equal = _compare(scores, asked)
            if own == _REMOVED:
                higher -= scores[itself] > asked
                equal -= scores[itself] == asked
            above[pair] = higher
            level[pair] = equal
            similarity[pair] = asked


@numba.njit(nogil=True, fastmath={"reassoc"})
@no_type_check
def _compare(scores, asked):
    """How many are higher, how many equal. Counted in float32, as wide as the scores: then eight go at a time."""
    one, none = np.float32(1), np.float32(0)  # exact up to 2^24 items
    higher = equal = none
    for index in range(len(scores)):
        higher += one if scores[index] > asked else none
        equal += one if scores[index] == asked else none
    return int(higher), int(equal)


def top_items(
    queries: Float[np.ndarray, "queries dim"],
    gallery: Float[np.ndarray, "gallery dim"],
    k: int,
    *,
    itself: Int[np.ndarray, " queries"] | None = None,
) -> Int[np.ndarray, "queries k"]:
    """The k most similar items of each query, best first; equals in the order of the gallery.

    Args:
        queries: float32.
        gallery: float32.
        k: how many, at most the size of the gallery.
        itself: for each query its own row in the gallery, to be left out.
    """
    k = min(k, len(gallery) - (itself is not None))
    best = np.empty((len(queries), k), dtype=np.int64)
    for start, block in similarity_blocks(queries, gallery):
        if itself is not None:
            block[np.arange(len(block)), itself[start : start + len(block)]] = -np.inf
        cut = np.argpartition(-block, k - 1, axis=1)[:, :k] if k < block.shape[1] else np.argsort(-block, axis=1)
        cut.sort(axis=1)
        order = np.argsort(-np.take_along_axis(block, cut, axis=1), axis=1, kind="stable")
        best[start : start + len(block)] = np.take_along_axis(cut, order, axis=1)
    return best
