"""Where judged items stand in the ranking of their query, tile by tile: the whole similarity matrix never exists.

A rank is a count of more similar items, so nothing is sorted. A tile of similarities serves both directions: the rows
are queries of one side, the columns queries of the other; within one modality half of the tiles therefore suffice.
Products in single precision decide wherever rounding cannot have exchanged two items; the few that are nearer to each
other are compared in double precision. So ranks do not depend on the size of the tiles, on threads or on the library
that multiplies, and equal vectors are level to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from nonet.cxc import counting
from nonet.cxc.positives import Judged

__all__ = ["SelfMatch", "Standing", "both_standings", "similarity_blocks", "standing", "top_items"]

SelfMatch = Literal["removed", "zero"]

TILE = 2000  # rows and columns; 16 MB, and as fast to multiply as larger ones
BLOCK_BYTES = 64 * 2**20


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


def standing(
    queries: Float[np.ndarray, "queries dim"],
    gallery: Float[np.ndarray, "gallery dim"],
    judged: Judged,
    *,
    self_match: SelfMatch = "removed",
    tile: int = TILE,
) -> Standing:
    """Counts for every judged pair the items above it and level with it.

    Args:
        queries: float32.
        gallery: float32; the queries themselves where `judged` says so.
        judged: the pairs asked about, sorted by query.
        self_match: for tasks that search the queries themselves: what becomes of the query in its own results.
        tile: rows and columns of similarities in memory at a time.
    """
    count = _Count(queries, gallery, judged, self_match)
    if judged.same_side:
        for scores, row, column in _tiles(queries, queries, tile, upper=True):
            count.add(scores, row, column)
            if row != column:
                count.add(counting.transposed(scores), column, row)
    else:
        for scores, row, column in _tiles(queries, gallery, tile):
            count.add(scores, row, column)
    return count.standing()


def both_standings(
    left: Float[np.ndarray, "left dim"],
    right: Float[np.ndarray, "right dim"],
    forward: Judged,
    backward: Judged,
    *,
    tile: int = TILE,
) -> tuple[Standing, Standing]:
    """`standing` from left to right and from right to left, for the price of one multiplication."""
    ahead, back = _Count(left, right, forward, "removed"), _Count(right, left, backward, "removed")
    for scores, row, column in _tiles(left, right, tile):
        ahead.add(scores, row, column)
        back.add(counting.transposed(scores), column, row)
    return ahead.standing(), back.standing()


def _tiles(
    left: Float[np.ndarray, "left dim"], right: Float[np.ndarray, "right dim"], size: int, *, upper: bool = False
) -> Iterator[tuple[Float[np.ndarray, "rows columns"], int, int]]:
    """Similarities of some rows with some rows, and the first of each. A tile is overwritten by the next."""
    buffer = np.empty(size * size, dtype=np.float32)
    for row in range(0, len(left), size):
        rows = left[row : row + size]
        for column in range(row if upper else 0, len(right), size):
            columns = right[column : column + size]
            tile = buffer[: len(rows) * len(columns)].reshape(len(rows), len(columns))
            np.matmul(rows, columns.T, out=tile)
            yield tile, row, column


class _Count:
    """The counts of one task while tiles come in."""

    def __init__(
        self,
        queries: Float[np.ndarray, "queries dim"],
        gallery: Float[np.ndarray, "gallery dim"],
        judged: Judged,
        self_match: SelfMatch,
    ) -> None:
        self.queries, self.gallery = np.ascontiguousarray(queries), np.ascontiguousarray(gallery)
        self.items = judged.item
        self.bounds = np.searchsorted(judged.query, np.arange(judged.queries + 1))
        self.itself = {"removed": counting.REMOVED, "zero": counting.ZERO}[self_match] if judged.same_side else 0
        self.similarity = counting.products(self.queries, self.gallery, judged.query, judged.item)
        self.margin = _rounding(self.queries, self.gallery)
        self.above, self.level = (np.zeros(len(judged.item), dtype=np.int64) for _ in range(2))

    def add(self, scores: Float[np.ndarray, "rows columns"], first_query: int, first_item: int) -> None:
        """Counts the items of a tile for its queries; the tile is spoilt by it."""
        counting.count(
            scores, first_query, first_item, self.itself, self.bounds, self.items, self.similarity, self.margin,
            self.queries, self.gallery, self.above, self.level,
        )  # fmt: skip

    def standing(self) -> Standing:
        """What was counted."""
        return Standing(self.above, self.level, self.similarity)


def _rounding(
    queries: Float[np.ndarray, "queries dim"], gallery: Float[np.ndarray, "gallery dim"]
) -> Float[np.ndarray, " queries"]:
    """How far a product in single precision may lie from the true one, for each query.

    Rounding errors of n additions grow like √n (Higham and Mary 2019); four times that is never reached in practice.
    """
    unit = np.finfo(np.float32).eps / 2
    lengths = [np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64)) for rows in (queries, gallery)]
    return 4 * unit * queries.shape[1] ** 0.5 * lengths[0] * lengths[1].max(initial=0)


def similarity_blocks(
    queries: Float[np.ndarray, "queries dim"],
    gallery: Float[np.ndarray, "gallery dim"],
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[tuple[int, Float[np.ndarray, "rows gallery"]]]:
    """Yields the first row and the similarities of a block of queries. A block is overwritten by the next."""
    rows = max(1, min(len(queries), block_bytes // (4 * len(gallery))))
    buffer = np.empty((rows, len(gallery)), dtype=np.float32)
    for start in range(0, len(queries), rows):
        part = queries[start : start + rows]
        block = buffer[: len(part)]
        np.matmul(part, gallery.T, out=block)
        yield start, block


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
