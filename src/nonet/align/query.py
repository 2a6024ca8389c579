"""Queries of several parts: pictures and words, added and taken away (Jia et al. 2021, §7)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from nonet.foundation.errors import UsageError

__all__ = ["IMAGE_WEIGHT", "TEXT_WEIGHT", "compose"]

# the ratio that the article found best where a query has both kinds
TEXT_WEIGHT, IMAGE_WEIGHT = 2.0, 1.0


def compose(
    *,
    texts: Float[np.ndarray, "texts dim"] | None = None,
    images: Float[np.ndarray, "images dim"] | None = None,
    minus_texts: Float[np.ndarray, "minus_texts dim"] | None = None,
    minus_images: Float[np.ndarray, "minus_images dim"] | None = None,
    text_weight: float | None = None,
    image_weight: float | None = None,
) -> Float[np.ndarray, "dim"]:
    """One query vector from the embeddings of its parts.

    Each part is normalised; what is added is added with the weight of its kind, what is taken away is subtracted with
    the same weight; the result is normalised.

    Args:
        texts: embeddings of words to add.
        images: embeddings of pictures to add.
        minus_texts: embeddings of words to take away.
        minus_images: embeddings of pictures to take away.
        text_weight: by default 2 where the query has pictures too, else 1.
        image_weight: by default 1.
    Returns:
        A vector of length 1.
    Raises:
        UsageError: if nothing is added, or the parts cancel each other.
    """
    if not _count(texts) and not _count(images):
        raise UsageError(
            "A query needs something to look for, not only what to leave out.", fix="Add words or a picture."
        )
    has_pictures = bool(_count(images) or _count(minus_images))
    text_scale = (TEXT_WEIGHT if has_pictures else 1.0) if text_weight is None else text_weight
    image_scale = IMAGE_WEIGHT if image_weight is None else image_weight
    parts = [(texts, text_scale), (images, image_scale), (minus_texts, -text_scale), (minus_images, -image_scale)]
    total = np.sum([weight * _normalised(part).sum(0) for part, weight in parts if part is not None and len(part)], 0)
    length = float(np.linalg.norm(total))
    if length < 1e-6:
        raise UsageError("The parts of the query cancel each other.", fix="Take one of them away.")
    return (total / length).astype(np.float32)


def _count(part: np.ndarray | None) -> int:
    return 0 if part is None else len(part)


def _normalised(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors.astype(np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
