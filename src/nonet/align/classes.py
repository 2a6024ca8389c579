"""Features of pictures for classifiers, as they are and mirrored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import ImageOps

from nonet.align.embedder import open_for_embedding
from nonet.align.encoders import ImageEncoder
from nonet.align.features import FeatureStore, image_features
from nonet.foundation import console

__all__ = ["picture_views"]

_BATCH = 32


def picture_views(
    encoder: ImageEncoder, images: Sequence[Path], cache: Path, *, mirrored: bool
) -> Float[np.ndarray, "views pictures width"]:
    """Features of picture files, one view or two, from the cache where they are there.

    Args:
        encoder: a tower that does not change any more.
        images: the files.
        cache: the folder of all feature stores.
        mirrored: whether to add the features of the mirror images.
    """
    digests = []
    for path in console.track(images, "Reading pictures"):
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    plain = image_features(encoder, images, digests, cache)
    return np.stack([plain, _mirrored(encoder, images, digests, cache)]) if mirrored else plain[None]


def _mirrored(
    encoder: ImageEncoder, images: Sequence[Path], digests: Sequence[str], cache: Path
) -> Float[np.ndarray, "pictures width"]:
    device = next(encoder.parameters()).device

    @torch.inference_mode()
    def compute(rows: list[int]) -> Float[np.ndarray, "rows width"]:
        made = []
        for start in range(0, len(rows), _BATCH):
            opened = [ImageOps.mirror(open_for_embedding(images[row]).picture) for row in rows[start : start + _BATCH]]
            made.append(encoder(encoder.preprocess(opened).to(device)).float().cpu().numpy())
        return np.concatenate(made)

    keys = [hashlib.sha256(f"mirror {digest}".encode()).hexdigest() for digest in digests]
    return FeatureStore(cache, encoder.fingerprint(), encoder.width).get(keys, compute, "Features of mirror images")
