"""A saved dual encoder by its folder, for those who judge encoders and need not know how one is built."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from PIL import Image

__all__ = ["Embeds", "dual_encoder"]


@runtime_checkable
class Embeds(Protocol):
    """What a dual encoder does."""

    def embed_images(self, pictures: Sequence[Image.Image | Path], batch_size: int = 32) -> Float[np.ndarray, "n dim"]:
        """One vector of length 1 a picture."""
        ...

    def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> Float[np.ndarray, "n dim"]:
        """One vector of length 1 a text."""
        ...


def dual_encoder(folder: Path) -> Embeds:
    """Loads what `nonet align train` wrote.

    Raises:
        ArtifactError: if the folder holds no dual encoder.
    """
    from nonet.align.model import DualEncoder  # which is built from encoders: it imports this package

    return DualEncoder.load(folder)
