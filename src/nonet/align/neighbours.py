"""Classification by the nearest labelled pictures, as the article's ablations measure (§6, Tables 8 to 10)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from nonet.align import exact

__all__ = ["label_recall", "nearest_labels", "vote"]


def nearest_labels(
    known: Float[np.ndarray, "known dim"],
    labels: Int[np.ndarray, " known"],
    queries: Float[np.ndarray, "queries dim"],
    k: int,
) -> Int[np.ndarray, "queries k"]:
    """The labels of the `k` nearest known pictures by cosine, the nearest first.

    Args:
        known: embeddings, of any length above 0.
        labels: their classes.
        queries: embeddings, of any length above 0.
        k: at most as many as there are known pictures.
    """
    _, rows = exact.scan(_unit(known).astype(np.float16), _unit(queries), min(k, len(known)))
    return labels[rows]


def label_recall(found: Int[np.ndarray, "queries k"], truth: Int[np.ndarray, " queries"], cutoff: int) -> float:
    """R@K of the article: the share of queries whose label is among those of the `cutoff` nearest pictures."""
    return float(np.mean((found[:, :cutoff] == truth[:, None]).any(1)))


def vote(found: Int[np.ndarray, "queries k"]) -> Int[np.ndarray, " queries"]:
    """The commonest label of each row; of several equally common ones that whose first picture is the nearest."""
    counts = (found[:, :, None] == found[:, None, :]).sum(2)
    return np.take_along_axis(found, counts.argmax(1)[:, None], axis=1)[:, 0]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)).astype(np.float32)
