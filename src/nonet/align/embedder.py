"""What indexing and search ask of a model: vectors of length 1 for pictures and for texts, in one space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from PIL import Image

from nonet.align.pictures import open_picture

__all__ = ["Embedder", "Opened", "open_for_embedding"]

_LONGEST = 1024  # pixels; every tower shrinks further, and a batch of photographs must not fill the memory


@runtime_checkable
class Embedder(Protocol):
    """A dual encoder, such as `nonet.align.model.DualEncoder`."""

    @property
    def dim(self) -> int:
        """Numbers in a vector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Equal for models with equal embeddings."""
        ...

    @property
    def temperature(self) -> float:
        """What cosines are divided by before they become probabilities."""
        ...

    def embed_images(self, pictures: Sequence[Image.Image | Path], /) -> Float[np.ndarray, "pictures dim"]:
        """One vector of length 1 for each picture."""
        ...

    def embed_texts(self, texts: Sequence[str], /) -> Float[np.ndarray, "texts dim"]:
        """One vector of length 1 for each text."""
        ...


@dataclass(frozen=True)
class Opened:
    """A picture ready to be embedded.

    Attributes:
        picture: upright RGB, its longer side bounded.
        width: of the whole picture, in pixels.
        height: of the whole picture, in pixels.
    """

    picture: Image.Image
    width: int
    height: int


def open_for_embedding(source: Path | bytes) -> Opened:
    """Opens a picture as it is embedded, at indexing and in queries alike.

    Raises:
        DataError: if it is no picture, is broken, or breaks a limit.
    """
    picture = open_picture(source)
    width, height = picture.size
    picture.thumbnail((_LONGEST, _LONGEST), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return Opened(picture, width, height)
