"""The dual encoder: two towers, a head on each, one space of embeddings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from nonet.align.config import HeadConfig, Projection
from nonet.align.embedder import open_for_embedding
from nonet.align.encoders import (
    ImageEncoder,
    TextEncoder,
    Tokens,
    fingerprint,
    rebuild_image_encoder,
    rebuild_text_encoder,
)
from nonet.foundation import artifact
from nonet.foundation.artifact import Card
from nonet.foundation.errors import UsageError

__all__ = ["KIND", "DualEncoder", "Heads", "image_batches", "text_batches"]

KIND = "align-dual-encoder"

Picture = Image.Image | Path


class Heads(nn.Module):
    """Features of both towers into one space, and the temperature: all that learns while the towers are frozen."""

    log_temperature: Tensor
    plain_temperature: Tensor

    def __init__(self, image_width: int, text_width: int, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        self.image = _head(config.image_projection, image_width, config)
        self.text = _head(config.text_projection, text_width, config)
        plain = config.temperature_kind == "plain"
        start = torch.tensor(config.temperature if plain else math.log(config.temperature))
        name = "plain_temperature" if plain else "log_temperature"
        if config.temperature_kind == "fixed":
            self.register_buffer(name, start)
        else:
            self.register_parameter(name, nn.Parameter(start))

    @property
    def temperature(self) -> Float[Tensor, ""]:
        """The divisor of the cosines."""
        return self.plain_temperature if self.config.temperature_kind == "plain" else self.log_temperature.exp()

    @torch.no_grad()
    def set_temperature(self, value: float) -> None:
        """Sets the divisor of the cosines, above 0."""
        if self.config.temperature_kind == "plain":
            self.plain_temperature.fill_(value)
        else:
            self.log_temperature.fill_(math.log(value))

    def forward(
        self, images: Float[Tensor, "n image_features"], texts: Float[Tensor, "m text_features"]
    ) -> tuple[Float[Tensor, "n dim"], Float[Tensor, "m dim"]]:
        """Embeddings of length 1."""
        return self.embed_images(images), self.embed_texts(texts)

    def embed_images(self, features: Float[Tensor, "n image_features"]) -> Float[Tensor, "n dim"]:
        """Embeddings of length 1 from features of pictures."""
        return F.normalize(self.image(features), dim=1)

    def embed_texts(self, features: Float[Tensor, "n text_features"]) -> Float[Tensor, "n dim"]:
        """Embeddings of length 1 from features of texts."""
        return F.normalize(self.text(features), dim=1)


class DualEncoder(nn.Module):
    """Pictures and texts as vectors of length 1 whose inner product says how well they belong together.

    Attributes:
        image_encoder: the image tower.
        text_encoder: the text tower.
        heads: what follows them.
        dim: length of an embedding.
    """

    def __init__(self, image_encoder: ImageEncoder, text_encoder: TextEncoder, config: HeadConfig) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.text_encoder = text_encoder
        self.heads = Heads(image_encoder.width, text_encoder.width, config)
        self.dim = config.dim
        self._fingerprint: str | None = None
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.heads.temperature.device

    @property
    def temperature(self) -> float:
        """What cosines are divided by, above 0."""
        return float(self.heads.temperature.detach())

    @property
    def fingerprint(self) -> str:
        """A hash of the configuration and all weights; embeddings of equal fingerprints may be compared."""
        if self.training or self._fingerprint is None:
            self._fingerprint = fingerprint(self.describe(), self.state_dict())
        return self._fingerprint

    def describe(self) -> dict[str, Any]:
        """All that is needed, beside the weights, to build this model again; plain JSON."""
        return {
            "image_encoder": self.image_encoder.describe(),
            "text_encoder": self.text_encoder.describe(),
            "heads": artifact.plain(self.heads.config),
        }

    def train(self, mode: bool = True) -> DualEncoder:
        self._fingerprint = None  # the weights may change from here on
        return super().train(mode)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        self._fingerprint = None
        return super().load_state_dict(*args, **kwargs)

    def forward(
        self, pixels: Float[Tensor, "n 3 height width"], tokens: Tokens
    ) -> tuple[Float[Tensor, "n dim"], Float[Tensor, "m dim"]]:
        """Embeddings of length 1 of preprocessed pictures and texts."""
        return self.heads(self.image_encoder(pixels), self.text_encoder(*tokens))

    @torch.inference_mode()
    def embed_images(self, pictures: Sequence[Picture], batch_size: int = 32) -> Float[np.ndarray, "n dim"]:
        """Embeddings of pictures.

        Args:
            pictures: RGB images, or files to open.
            batch_size: pictures in memory at a time.
        Returns:
            One row a picture, length 1, float32.
        Raises:
            DataError: if a file cannot be opened as a picture.
        """
        rows = [
            self.heads.embed_images(self.image_encoder(pixels.to(self.device))).float().cpu()
            for pixels in image_batches(self.image_encoder, pictures, batch_size)
        ]
        return torch.cat(rows).numpy() if rows else np.empty((0, self.dim), np.float32)

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> Float[np.ndarray, "n dim"]:
        """Embeddings of texts; each is cut at the text tower's limit of tokens.

        Args:
            texts: any strings; an empty one has an embedding too.
            batch_size: texts in memory at a time.
        Returns:
            One row a text, length 1, float32.
        """
        result = np.empty((len(texts), self.dim), np.float32)
        for rows, tokens in text_batches(self.text_encoder, texts, batch_size):
            features = self.text_encoder(*tokens.to(self.device))
            result[rows] = self.heads.embed_texts(features).float().cpu().numpy()
        return result

    def save(self, folder: Path, card: Card) -> None:
        """Writes the model as an artifact: towers, tokenizer, heads and card; see `nonet.foundation.artifact`."""
        artifact.save(folder, kind=KIND, config=self.describe(), tensors=self.state_dict(), card=card)

    @classmethod
    def load(cls, folder: Path) -> DualEncoder:
        """Reads what `save` wrote. No code in the folder runs and no other package's files are needed.

        Raises:
            ArtifactError: if the folder holds no dual encoder, or one that is damaged or of another version.
        """

        def build(config: dict[str, Any]) -> DualEncoder:
            towers = rebuild_image_encoder(config["image_encoder"]), rebuild_text_encoder(config["text_encoder"])
            return cls(*towers, HeadConfig(**config["heads"]))

        return artifact.load_module(folder, kind=KIND, build=build)


def image_batches(
    encoder: ImageEncoder, pictures: Sequence[Picture], batch_size: int
) -> Iterator[Float[Tensor, "n 3 height width"]]:
    """Preprocessed pictures in order; the next batch is read while the caller computes."""

    def read(start: int) -> Tensor:
        batch = pictures[start : start + batch_size]
        return encoder.preprocess(
            [open_for_embedding(item).picture if isinstance(item, Path) else item for item in batch]
        )

    with ThreadPoolExecutor(1) as ahead:
        waiting = None
        for start in range(0, len(pictures), batch_size):
            done, waiting = waiting, ahead.submit(read, start)
            if done is not None:
                yield done.result()
        if waiting is not None:
            yield waiting.result()


def text_batches(encoder: TextEncoder, texts: Sequence[str], batch_size: int) -> Iterator[tuple[np.ndarray, Tokens]]:
    """Rows and their tokens, texts of like length together, so that little is computed on padding."""
    by_length = np.argsort([len(text) for text in texts], kind="stable")
    for start in range(0, len(texts), batch_size):
        rows = by_length[start : start + batch_size]
        yield rows, encoder.preprocess([texts[int(row)] for row in rows])


def _head(kind: Projection, width: int, config: HeadConfig) -> nn.Module:
    if kind == "none":
        if width != config.dim:
            raise UsageError(
                f"Without a projection the embedding has the encoder's width {width}, not {config.dim}.",
                fix=f"Choose --dim {width}, or a projection.",
            )
        return nn.Identity()
    if kind == "linear":
        return nn.Linear(width, config.dim)
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Dropout(config.dropout),
        nn.Linear(width, config.hidden),
        nn.GELU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.hidden, config.dim),
    )
