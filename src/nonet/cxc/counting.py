"""The compiled loops of ranking: how many similarities of a tile are above those asked about, and level with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, no_type_check

import numba
import numpy as np

__all__ = ["REMOVED", "ZERO", "count", "products", "transposed"]

REMOVED, ZERO = 1, 2  # what becomes of the query among its own results
_CHUNK = 512  # similarities compared at a time; those of a chunk with near ones are looked at singly
_SIDE = 64  # of the squares that a transposition moves: both sides of one stay in the fastest cache


def _compiled(**options: Any) -> Callable[[Callable], Callable]:
    """Compiles at the first call, and keeps the result on disk if there is a folder that may be written to."""

    def compile_it(function: Callable) -> Callable:
        try:
            return numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # numba found no place for its cache
            return numba.njit(nogil=True, **options)(function)

    return compile_it


@_compiled(fastmath={"reassoc", "contract"})
@no_type_check  # the compiler reads types itself
def _product(a, b):
    """In double precision; the same two vectors always give the same bits."""
    total = 0.0
    for index in range(len(a)):
        total += np.float64(a[index]) * np.float64(b[index])
    return total


@_compiled()
@no_type_check
def products(left, right, rows, columns):
    """Inner products in double precision of the rows of two arrays of single precision, pair by pair."""
    found = np.empty(len(rows), dtype=np.float64)
    for pair in range(len(rows)):
        found[pair] = _product(left[rows[pair]], right[columns[pair]])
    return found


@_compiled()
@no_type_check
def transposed(tile):
    """The tile with rows and columns exchanged."""
    rows, columns = tile.shape
    turned = np.empty((columns, rows), dtype=tile.dtype)
    for top in range(0, rows, _SIDE):
        for left in range(0, columns, _SIDE):
            for row in range(top, min(top + _SIDE, rows)):
                for column in range(left, min(left + _SIDE, columns)):
                    turned[column, row] = tile[row, column]
    return turned


@_compiled()
@no_type_check
def count(tile, first_query, first_item, own, bounds, items, asked, margin, queries, gallery, above, level):
    """Adds to `above` and `level` what a tile holds.

    Args:
        tile: similarities in single precision, queries by items. The query itself is struck out of it.
        first_query: the query of its first row.
        first_item: the item of its first column.
        own: REMOVED, ZERO, or 0 where the gallery does not hold the queries.
        bounds: for each query its first judged pair, and the number of pairs at the end.
        items: the item of each judged pair.
        asked: its similarity in double precision.
        margin: for each query how far a similarity of the tile may be off.
        queries: their vectors.
        gallery: vectors of the items.
        above: for each judged pair the number of more similar items so far.
        level: the number of equally similar ones so far, itself included.
    """
    columns = tile.shape[1]
    exact = np.full(columns, np.nan)  # similarities of the present query in double precision, where needed
    for row in range(len(tile)):
        scores, query = tile[row], first_query + row
        itself = query - first_item
        if own and 0 <= itself < columns:
            scores[itself] = -np.inf if own == REMOVED else 0
            exact[itself] = 0 if own == ZERO else np.nan
        for pair in range(bounds[query], bounds[query + 1]):
            place = items[pair] - first_item
            low, high = np.float32(asked[pair] - margin[query]), np.float32(asked[pair] + margin[query])
            for start in range(0, columns, _CHUNK):
                end = min(start + _CHUNK, columns)
                higher, near = _compare(scores[start:end], low, high)
                above[pair] += higher
                if near == 1 and start <= place < end:
                    level[pair] += 1  # the item itself
                    continue
                for column in range(start, end if near else start):
                    if low <= scores[column] <= high:
                        if np.isnan(exact[column]):
                            exact[column] = _product(queries[query], gallery[first_item + column])
                        above[pair] += exact[column] > asked[pair]
                        level[pair] += exact[column] == asked[pair]
        exact[:] = np.nan


@_compiled(fastmath={"reassoc"})
@no_type_check
def _compare(scores, low, high):
    """How many are above `high`, and from `low` to `high`; counted in float32, as wide as the scores: eight at once."""
    one, none = np.float32(1), np.float32(0)
    higher = not_lower = none
    for index in range(len(scores)):
        higher += one if scores[index] > high else none
        not_lower += one if scores[index] >= low else none
    return int(higher), int(not_lower - higher)
