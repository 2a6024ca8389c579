"""What a step of training sees: pictures, each with one of its texts, as features or as pixels and tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset

from nonet.align.config import LearningConfig
from nonet.align.data import Pairs
from nonet.align.encoders import EfficientNetEncoder, ImageEncoder, TextEncoder
from nonet.align.pictures import open_picture

__all__ = ["Batch", "Captions", "FeaturePairs", "PicturePairs", "as_it_is", "augmented", "identities", "prepared"]

Batch = dict[str, Tensor]


class Captions:
    """Which texts a picture has, and which texts and pictures are the same.

    A picture comes once in an epoch, with one of its texts drawn at random: so its other texts are never its
    negatives. Texts equal but for case, and files equal byte for byte, have the same number.
    """

    def __init__(self, pairs: Pairs) -> None:
        order = np.argsort(pairs.image_of, kind="stable")
        self._order = order
        self._counts = np.bincount(pairs.image_of, minlength=len(pairs.images))
        self._first = np.cumsum(self._counts) - self._counts
        self.text_number = _numbers([text.casefold().strip() for text in pairs.texts])
        self.picture_number = _numbers(pairs.digests)

    def draw(self, pictures: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
        """One text for each picture, by NumPy's global generator, which the training seeds for every step."""
        chosen = np.floor(np.random.random(len(pictures)) * self._counts[pictures]).astype(np.int64)
        return self._order[self._first[pictures] + chosen]

    def identities(self, pictures: Int[np.ndarray, "n"], texts: Int[np.ndarray, "n"]) -> Batch:
        """What tells which pairs are no negatives of each other; see `identities`."""
        return {
            "picture": torch.from_numpy(self.picture_number[pictures]),
            "text": torch.from_numpy(self.text_number[texts]),
        }


def identities(batch: Batch) -> tuple[Tensor, Tensor]:
    """Numbers of the pictures and of the texts: pairs that agree in one of them are no negatives of each other."""
    return batch["picture"], batch["text"]


class FeaturePairs(Dataset):
    """Features of frozen towers, a batch at a time.

    Args:
        pairs: whose features they are.
        images: features of every picture.
        texts: features of every text.
    """

    def __init__(
        self,
        pairs: Pairs,
        images: Float[np.ndarray, "images image_width"],
        texts: Float[np.ndarray, "texts text_width"],
    ) -> None:
        self.captions = Captions(pairs)
        self.images = torch.from_numpy(images)
        self.texts = torch.from_numpy(texts)

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, rows: list[int]) -> Batch:
        """The pictures `rows` with a text each."""
        pictures = np.asarray(rows)
        texts = self.captions.draw(pictures)
        return {
            "image_features": self.images[pictures],
            "text_features": self.texts[texts],
            **self.captions.identities(pictures, texts),
        }


class PicturePairs(Dataset):
    """Pixels and tokens, a batch at a time, for towers that learn."""

    def __init__(
        self, pairs: Pairs, image_encoder: ImageEncoder, text_encoder: TextEncoder, config: LearningConfig
    ) -> None:
        self.pairs, self.config = pairs, config
        self.captions = Captions(pairs)
        # of an encoder only the preprocessing is used here, in whatever process reads the data
        self.image_encoder, self.preprocess_texts = image_encoder, text_encoder.preprocess

    def __len__(self) -> int:
        return len(self.pairs.images)

    def __getitems__(self, rows: list[int]) -> Batch:
        """The pictures `rows` with a text each."""
        pictures = np.asarray(rows)
        texts = self.captions.draw(pictures)
        opened = [open_picture(self.pairs.images[row]) for row in rows]
        tokens = self.preprocess_texts([self.pairs.texts[row] for row in texts])
        return {
            "pixels": prepared(opened, self.image_encoder, self.config),
            "ids": tokens.ids,
            "mask": tokens.mask,
            **self.captions.identities(pictures, texts),
        }


def prepared(
    pictures: Sequence[Image.Image], encoder: ImageEncoder, config: LearningConfig
) -> Float[Tensor, "n 3 height width"]:
    """Pictures as the network sees them in training: cropped and mirrored at random by NumPy's global generator."""
    if config.paper_crop and isinstance(encoder, EfficientNetEncoder):
        mirrored = [_mirrored(picture, config) for picture in pictures]
        places = [tuple(place) for place in np.random.random((len(pictures), 2))]
        return encoder.preparation.at(mirrored, places)
    return encoder.preprocess([augmented(picture, config) for picture in pictures])


def augmented(picture: Image.Image, config: LearningConfig) -> Image.Image:
    """A random crop and mirroring of a picture, by NumPy's global generator."""
    if config.crop < 1:
        side = np.sqrt(np.random.uniform(config.crop, 1))
        width, height = (max(1, round(length * side)) for length in picture.size)
        left = np.random.randint(picture.width - width + 1)
        top = np.random.randint(picture.height - height + 1)
        picture = picture.crop((left, top, left + width, top + height))
    return _mirrored(picture, config)


def _mirrored(picture: Image.Image, config: LearningConfig) -> Image.Image:
    return ImageOps.mirror(picture) if config.mirror and np.random.random() < 0.5 else picture


def as_it_is(batch: Any) -> Any:
    """The collation of data that come in batches."""
    return batch


def _numbers(values: Sequence[str]) -> Int[np.ndarray, "n"]:
    """A number for each distinct value."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values], dtype=np.int64)
