"""What the frozen towers say of pictures and captions, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nonet.align.encoders import ImageEncoder, TransformerTextEncoder
from nonet.cxc.model import MAX_TOKENS, image_features, token_outputs
from nonet.cxc.pictures import Pictures
from nonet.foundation import console

__all__ = ["Features", "all_token_outputs", "compute_features"]

_PICTURES, _CAPTIONS = 32, 128  # at a time


@dataclass(frozen=True)
class Features:
    """What the frozen towers say of pictures and captions.

    Attributes:
        images: one row an image.
        tokens: for each caption its token outputs, padded; half precision, for there are many.
        mask: where there are tokens.
        image_of: the row of each caption's image.
    """

    images: Float[Tensor, "images image_width"]
    tokens: Float[Tensor, "captions tokens text_width"]
    mask: Bool[Tensor, "captions tokens"]
    image_of: Int[Tensor, " captions"]

    def mean_tokens(self) -> Float[Tensor, "captions text_width"]:
        """The mean token output of each caption, which is how sentence encoders pool."""
        parts = zip(self.tokens.split(1024), self.mask.split(1024), strict=True)
        return torch.cat(
            [(tokens * mask.unsqueeze(-1)).float().sum(1) / mask.sum(1, keepdim=True) for tokens, mask in parts]
        )


def compute_features(pictures: Pictures, image_tower: ImageEncoder, tower: TransformerTextEncoder) -> Features:
    """Runs the frozen towers once."""
    images = [torch.empty(0, image_tower.width)]
    with console.progress("Reading pictures", len(pictures.paths)) as bar:
        for start in range(0, len(pictures.paths), _PICTURES):
            images.append(image_features(image_tower, pictures.paths[start : start + _PICTURES]))
            bar.advance(len(images[-1]))
    tokens, mask = all_token_outputs(tower, pictures.collection.texts)
    return Features(torch.cat(images), tokens, mask, torch.from_numpy(pictures.collection.image_of))


def all_token_outputs(
    tower: TransformerTextEncoder, texts: Sequence[str]
) -> tuple[Float[Tensor, "captions tokens text_width"], Bool[Tensor, "captions tokens"]]:
    """Token outputs of many texts, padded to the longest, in half precision."""
    longest = min(MAX_TOKENS, tower.preprocess(texts)[1].shape[1])
    tokens = torch.zeros(len(texts), longest, tower.width, dtype=torch.float16)
    mask = torch.zeros(len(texts), longest, dtype=torch.bool)
    by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))  # little is computed on padding
    with console.progress("Reading captions", len(texts)) as bar:
        for start in range(0, len(texts), _CAPTIONS):
            rows = by_length[start : start + _CAPTIONS]
            outputs, where = token_outputs(tower, [texts[row] for row in rows])
            tokens[rows, : outputs.shape[1]], mask[rows, : where.shape[1]] = outputs.half(), where
            bar.advance(len(rows))
    return tokens, mask
