"""The article's dual encoders, on frozen towers: DE_I2T, DE_T2T and DE_I2T+T2T are one network, trained differently.

The text side is the article's: token outputs of a frozen text network, a projection, transformer layers, the first
position, a linear map. The image side is a linear map of a frozen image network's features (the article fine-tunes
its EfficientNet-B4, which needs far more than minutes).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor, nn

from nonet.align.encoders import (
    ImageEncoder,
    TransformerTextEncoder,
    open_picture,
    rebuild_image_encoder,
    rebuild_text_encoder,
)
from nonet.cxc.config import TextInput, TrainConfig
from nonet.foundation import artifact
from nonet.foundation.artifact import Card
from nonet.foundation.errors import UsageError

__all__ = ["KIND", "CxcModel", "Heads", "image_features", "text_tower", "token_outputs"]

KIND = "cxc-dual-encoder"
MAX_TOKENS = 48  # the article's


class Heads(nn.Module):
    """All that learns: from frozen features to the common space."""

    def __init__(self, image_width: int, text_width: int, config: TrainConfig) -> None:
        super().__init__()
        self.image = nn.Sequential(
            nn.LayerNorm(image_width), nn.Dropout(config.dropout), nn.Linear(image_width, config.dim)
        )
        self.project = nn.Linear(text_width, config.width)
        layers = [
            nn.TransformerEncoderLayer(
                config.width, config.heads, 4 * config.width, config.dropout, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(config.layers)
        ]
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(config.width)
        self.text = nn.Linear(config.width, config.dim)
        self.log_temperature = nn.Parameter(torch.tensor(config.temperature).log())

    def embed_images(self, features: Float[Tensor, "n image_width"]) -> Float[Tensor, "n dim"]:
        """Vectors of length 1."""
        return F.normalize(self.image(features), dim=1)

    def embed_tokens(
        self, outputs: Float[Tensor, "n tokens text_width"], mask: Bool[Tensor, "n tokens"]
    ) -> Float[Tensor, "n dim"]:
        """Vectors of length 1 from what the frozen text network says of each token."""
        if not self.layers:
            mean = (outputs * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
            return F.normalize(self.text(self.norm(F.gelu(self.project(mean)))), dim=1)
        hidden = self.project(outputs)
        for layer in self.layers:
            hidden = layer(hidden, src_key_padding_mask=~mask)
        return F.normalize(self.text(self.norm(hidden[:, 0])), dim=1)


class CxcModel(nn.Module):
    """Pictures and texts as vectors of length 1 whose inner product says how similar they are.

    Attributes:
        image_encoder: the frozen image tower.
        text_encoder: the frozen text tower, for texts on both sides.
        heads: what learns.
        config: how it was trained.
    """

    def __init__(self, image_encoder: ImageEncoder, text_encoder: TransformerTextEncoder, config: TrainConfig) -> None:
        super().__init__()
        self.image_encoder = image_encoder.requires_grad_(False).eval()
        self.text_encoder = text_encoder.requires_grad_(False).eval()
        self.config = config
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.heads = Heads(image_encoder.width, text_encoder.width, config)
        self.eval()

    @torch.inference_mode()
    def embed_images(self, pictures: Sequence[Image.Image | Path], batch_size: int = 32) -> Float[np.ndarray, "n dim"]:
        """One vector of length 1 a picture."""
        rows = np.empty((len(pictures), self.config.dim), np.float32)
        for start in range(0, len(pictures), batch_size):
            part = pictures[start : start + batch_size]
            rows[start : start + len(part)] = self.heads.embed_images(image_features(self.image_encoder, part))
        return rows

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> Float[np.ndarray, "n dim"]:
        """One vector of length 1 a text."""
        rows = np.empty((len(texts), self.config.dim), np.float32)
        by_length = np.argsort([len(text) for text in texts], kind="stable")
        for start in range(0, len(texts), batch_size):
            part = by_length[start : start + batch_size]
            chosen = [str(texts[int(row)]) for row in part]
            rows[part] = self.heads.embed_tokens(*token_outputs(self.text_encoder, chosen, self.config.text_input))
        return rows

    def save(self, folder: Path, card: Card) -> None:
        """Writes the whole model, towers included, as an artifact."""
        config = {
            "image_encoder": self.image_encoder.describe(),
            "text_encoder": self.text_encoder.describe(),
            "training": artifact.plain(self.config),
        }
        artifact.save(folder, kind=KIND, config=config, tensors=self.state_dict(), card=card)

    @classmethod
    def load(cls, folder: Path) -> CxcModel:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: if the folder holds no such model, or a damaged one.
        """

        def build(config: dict[str, Any]) -> CxcModel:
            towers = rebuild_image_encoder(config["image_encoder"]), rebuild_text_encoder(config["text_encoder"])
            return cls(towers[0], text_tower(towers[1]), TrainConfig(**config["training"]))

        return artifact.load_module(folder, kind=KIND, build=build)


def text_tower(encoder: nn.Module) -> TransformerTextEncoder:
    """The text tower, if it is of the kind that gives an output for each token.

    Raises:
        UsageError: if it is not.
    """
    if not isinstance(encoder, TransformerTextEncoder):
        raise UsageError("This text encoder gives no output for each token.", fix="Take a transformer, such as minilm.")
    return encoder


@torch.inference_mode()
def image_features(encoder: ImageEncoder, pictures: Sequence[Image.Image | Path]) -> Float[Tensor, "n image_width"]:
    """Features of a batch of pictures by the frozen tower."""
    opened = [open_picture(item) if isinstance(item, Path) else item for item in pictures]
    return encoder(encoder.preprocess(opened)).float()


@torch.inference_mode()
def token_outputs(
    encoder: TransformerTextEncoder, texts: Sequence[str], what: TextInput = "outputs"
) -> tuple[Float[Tensor, "n tokens text_width"], Bool[Tensor, "n tokens"]]:
    """What the frozen text network says of each token of a batch of texts, and where there are tokens."""
    ids, mask = encoder.preprocess(texts)
    ids, mask = ids[:, :MAX_TOKENS], mask[:, :MAX_TOKENS]
    if what == "words":
        return encoder.network.get_input_embeddings()(ids).float(), mask
    return encoder.network(input_ids=ids, attention_mask=mask).last_hidden_state.float(), mask
