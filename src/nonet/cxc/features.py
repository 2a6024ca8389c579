"""What the frozen towers say of pictures and captions, computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from nonet.align.encoders import ImageEncoder, TransformerTextEncoder
from nonet.cxc.config import TextInput
from nonet.cxc.data import Collection
from nonet.cxc.model import MAX_TOKENS, image_features, token_outputs
from nonet.cxc.pictures import Pictures
from nonet.foundation import console
from nonet.foundation.files import replace_file

__all__ = ["Features", "all_token_outputs", "compute_features", "kept_features"]

_PICTURES, _CAPTIONS = 32, 128  # at a time


@dataclass(frozen=True)
class Features:
    """What the frozen towers say of pictures and captions.

    Attributes:
        images: one row an image.
        tokens: for each caption what the text tower says of its tokens, padded; half precision, for there are many.
        mask: where there are tokens.
        image_of: the row of each caption's image.
    """

    images: Float[Tensor, "images image_width"]
    tokens: Float[Tensor, "captions tokens text_width"]
    mask: Bool[Tensor, "captions tokens"]
    image_of: Int[Tensor, " captions"]

    def mean_tokens(self) -> Float[Tensor, "captions text_width"]:
        """The mean over each caption's tokens, which is how sentence encoders pool."""
        parts = zip(self.tokens.split(1024), self.mask.split(1024), strict=True)
        return torch.cat(
            [(tokens * mask.unsqueeze(-1)).float().sum(1) / mask.sum(1, keepdim=True) for tokens, mask in parts]
        )

    def pooled(self) -> Features:
        """The same with one token a caption, the mean: all that a model without transformer layers reads."""
        means = self.mean_tokens().unsqueeze(1)
        return replace(self, tokens=means, mask=torch.ones(means.shape[:2], dtype=torch.bool))


def compute_features(
    pictures: Pictures, image_tower: ImageEncoder, tower: TransformerTextEncoder, what: TextInput = "outputs"
) -> Features:
    """Runs the frozen towers once."""
    images = [torch.empty(0, image_tower.width)]
    with console.progress("Reading pictures", len(pictures.paths)) as bar:
        for start in range(0, len(pictures.paths), _PICTURES):
            images.append(image_features(image_tower, pictures.paths[start : start + _PICTURES]))
            bar.advance(len(images[-1]))
    tokens, mask = all_token_outputs(tower, pictures.collection.texts, what)
    return Features(torch.cat(images), tokens, mask, torch.from_numpy(pictures.collection.image_of))


def kept_features(folder: Path, collection: Collection, towers: str, compute: Callable[[], Features]) -> Features:
    """Features from a file of the folder, computed if it is not there yet.

    Args:
        folder: of such files.
        collection: what they are of.
        towers: names of what makes them.
        compute: makes them.
    """
    content = "\0".join([towers, *collection.images, *collection.texts])
    path = folder / f"{hashlib.sha256(content.encode()).hexdigest()[:16]}.safetensors"
    if path.is_file() and (kept := _read_kept(path, len(collection.texts))) is not None:
        return kept
    features = compute()
    replace_file(path, save(vars(features)))
    return features


def _read_kept(path: Path, captions: int) -> Features | None:
    """The features of a file, or None if it is damaged: then they are computed again."""
    try:
        kept = Features(**load_file(path))
        fits = kept.tokens.ndim == 3 and kept.tokens.shape[:2] == kept.mask.shape and kept.images.ndim == 2
        fits = fits and kept.image_of.shape == (captions,) == kept.tokens.shape[:1] and kept.mask.dtype == torch.bool
        return kept if fits and kept.image_of.max() < len(kept.images) and kept.image_of.min() >= 0 else None
    except (SafetensorError, OSError, TypeError, RuntimeError):
        return None


def all_token_outputs(
    tower: TransformerTextEncoder, texts: Sequence[str], what: TextInput = "outputs"
) -> tuple[Float[Tensor, "captions tokens text_width"], Bool[Tensor, "captions tokens"]]:
    """Token outputs of many texts, padded to the longest, in half precision."""
    longest = min(MAX_TOKENS, tower.preprocess(texts)[1].shape[1])
    tokens = torch.zeros(len(texts), longest, tower.width, dtype=torch.float16)
    mask = torch.zeros(len(texts), longest, dtype=torch.bool)
    by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))  # little is computed on padding
    with console.progress("Reading captions", len(texts)) as bar:
        for start in range(0, len(texts), _CAPTIONS):
            rows = by_length[start : start + _CAPTIONS]
            outputs, where = token_outputs(tower, [texts[row] for row in rows], what)
            tokens[rows, : outputs.shape[1]], mask[rows, : where.shape[1]] = outputs.half(), where
            bar.advance(len(rows))
    return tokens, mask
