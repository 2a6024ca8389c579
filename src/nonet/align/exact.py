"""Exact search: every stored vector is compared with the query.

The stored numbers are half precision, the sums single precision. The scan walks a memory-mapped array in blocks that
stay in the processor's cache, so memory does not grow with the index.
"""

from __future__ import annotations

import faiss
import numpy as np
from jaxtyping import Bool, Float, Float16, Float32, Int64

__all__ = ["best", "scan"]

_SPARSE = 8  # where fewer than one row in so many may be found, they are picked out
_BLOCK = 4096  # rows; a multiple of 8, for the bit mask


def scan(
    vectors: Float16[np.ndarray, "rows dim"],
    queries: Float[np.ndarray, "queries dim"],
    k: int,
    alive: Bool[np.ndarray, " rows"] | None = None,
) -> tuple[Float32[np.ndarray, "queries found"], Int64[np.ndarray, "queries found"]]:
    """The ``k`` rows of largest inner product with each query.

    Args:
        vectors: the stored rows; may be memory-mapped.
        queries: one a row.
        k: how many to find, at least 1.
        alive: the rows that may be found; all where None.
    Returns:
        Scores, falling, and row numbers; ``found`` is the smaller of ``k`` and the number of rows that may be found.
    """
    rows, dim = vectors.shape
    if alive is not None and (few := np.flatnonzero(alive)).size * _SPARSE < rows:
        return _among(vectors, queries, k, few)
    queries = np.ascontiguousarray(queries, np.float32)
    block = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    # faiss reads half-precision numbers where they lie: we copy each block into the memory of one small faiss index
    block.codes.resize(_BLOCK * dim * 2)
    memory = faiss.rev_swig_ptr(block.codes.data(), _BLOCK * dim * 2).view(np.float16).reshape(_BLOCK, dim)
    bits = None if alive is None else np.packbits(alive, bitorder="little")

    scores = np.empty((len(queries), 0), np.float32)
    numbers = np.empty((len(queries), 0), np.int64)
    for start in range(0, rows, _BLOCK):
        size = min(_BLOCK, rows - start)
        memory[:size] = vectors[start : start + size]
        block.ntotal = size
        params = None
        if bits is not None:
            mask = faiss.IDSelectorBitmap(bits[start // 8 : -(-(start + size) // 8)])  # pyright: ignore[reportCallIssue]
            params = faiss.SearchParameters(sel=mask)  # pyright: ignore[reportCallIssue]  (faiss wraps both in Python)
        found_scores, found = block.search(queries, min(k, size), params=params)
        found_scores[found < 0] = -np.inf
        scores, numbers = best(
            np.concatenate([scores, found_scores], axis=1),
            np.concatenate([numbers, np.where(found < 0, -1, found + start)], axis=1),
            k,
        )
    reachable = rows if alive is None else int(alive.sum())
    return scores[:, :reachable], numbers[:, :reachable]


def _among(
    vectors: np.ndarray, queries: np.ndarray, k: int, rows: Int64[np.ndarray, " rows"]
) -> tuple[np.ndarray, np.ndarray]:
    """The best of a few rows, which are read alone."""
    queries = np.ascontiguousarray(queries, np.float32)
    scores = np.empty((len(queries), 0), np.float32)
    numbers = np.empty((len(queries), 0), np.int64)
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        found = queries @ vectors[part].astype(np.float32).T
        labels = np.broadcast_to(part, found.shape)
        scores, numbers = best(np.concatenate([scores, found], axis=1), np.concatenate([numbers, labels], axis=1), k)
    return scores, numbers


def best(
    scores: Float32[np.ndarray, "queries candidates"], labels: Int64[np.ndarray, "queries candidates"], k: int
) -> tuple[Float32[np.ndarray, "queries found"], Int64[np.ndarray, "queries found"]]:
    """The ``k`` largest scores of each row, falling, with their labels; equal scores in the order of labels."""
    order = np.lexsort((labels, -scores), axis=1)[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(labels, order, axis=1)
