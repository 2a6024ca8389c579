"""Embeds a collection with a model: one of ours, or one of the Hugging Face library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from nonet.align.encoders import (
    Embeds,
    ImageEncoder,
    TextEncoder,
    dual_encoder,
    image_encoder,
    open_picture,
    text_encoder,
)
from nonet.cxc.data import Collection
from nonet.cxc.embeddings import Embedded
from nonet.cxc.model import KIND, CxcModel, image_features
from nonet.cxc.pictures import find_picture
from nonet.foundation import console, manifest
from nonet.foundation.errors import ArtifactError, DataError, MissingError

__all__ = ["embed_collection"]

_BATCH = 32


def embed_collection(
    model: str, collection: Collection, image_dir: Path | None
) -> tuple[Embedded | None, Embedded | None]:
    """Embeds the images that the folder has and the captions whose text is known.

    Args:
        model: a folder that nonet wrote, or a folder or id of a Hugging Face model: CLIP or ALIGN, a sentence encoder
            (captions alone), or an image network (images alone).
        collection: what to embed.
        image_dir: the pictures; None embeds captions alone.
    Returns:
        Embeddings of images and of captions; None where the model or the data has none.
    """
    judged = _open(model)
    images = _embed_images(judged, collection, image_dir) if image_dir and hasattr(judged, "embed_images") else None
    captions = _embed_captions(judged, collection) if collection.texts and hasattr(judged, "embed_texts") else None
    if images is None and captions is None:
        raise DataError(
            "There is nothing that this model could embed.",
            where=model,
            fix="Name the caption file with --coco, and the pictures with --image-dir.",
        )
    return images, captions


def _embed_images(judged: Any, collection: Collection, folder: Path) -> Embedded | None:
    names = collection.files or collection.images
    found = [
        (identity, path)
        for identity, name in zip(collection.images, names, strict=True)
        if (path := find_picture(folder, name)) is not None
    ]
    if not found:
        raise DataError(f"None of the {len(names):,} pictures is there, such as '{names[0]}'.", where=folder)
    rows = _in_batches(judged.embed_images, [path for _, path in found], "Embedding pictures")
    return Embedded(rows, tuple(identity for identity, _ in found))


def _embed_captions(judged: Any, collection: Collection) -> Embedded:
    by_length = sorted(range(len(collection.texts)), key=lambda row: len(collection.texts[row]))
    rows = _in_batches(judged.embed_texts, [collection.texts[row] for row in by_length], "Embedding captions")
    return Embedded(rows, tuple(collection.captions[row] for row in by_length))


def _in_batches(embed: Any, items: Sequence[Any], label: str) -> Float[np.ndarray, "items dim"]:
    parts = []
    with console.progress(label, len(items)) as bar:
        for start in range(0, len(items), _BATCH):
            parts.append(embed(items[start : start + _BATCH]))
            bar.advance(len(parts[-1]))
    return np.concatenate(parts).astype(np.float32)


def _open(model: str) -> Embeds | _DualNetwork | _TextTower | _ImageTower:
    try:
        kind = manifest.read(Path(model), any_version=True).kind
    except ArtifactError:
        return _hugging_face(model)  # which says what is wrong if it is not one of those either
    return CxcModel.load(Path(model)) if kind == KIND else dual_encoder(Path(model))


def _hugging_face(name: str) -> _DualNetwork | _TextTower | _ImageTower:
    from transformers import AutoConfig

    is_path = name.count("/") != 1 or name.startswith((".", "~"))
    if is_path and not Path(name).is_dir():
        raise DataError("There is no such model folder.", where=name, fix="Check the path, or give a hub id.")
    try:
        config = AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise MissingError(f"The model cannot be loaded ({reason}).", where=name) from error
    if hasattr(config, "text_config") and hasattr(config, "vision_config"):
        return _DualNetwork(name)
    try:
        return _TextTower(text_encoder(name))
    except DataError:
        return _ImageTower(image_encoder(name))


class _DualNetwork:
    """A dual encoder such as CLIP, SigLIP or ALIGN, with the projections it was trained with."""

    def __init__(self, name: str) -> None:
        from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

        self.network = AutoModel.from_pretrained(name, use_safetensors=True).eval()
        self.processor = AutoImageProcessor.from_pretrained(name, backend="pil")
        self.tokenizer = AutoTokenizer.from_pretrained(name)

    @torch.inference_mode()
    def embed_images(self, pictures: Sequence[Path]) -> Float[np.ndarray, "n dim"]:
        """One vector a picture."""
        pixels = self.processor([open_picture(path) for path in pictures], return_tensors="pt")
        return _vectors(self.network.get_image_features(**pixels))

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "n dim"]:
        """One vector a text."""
        tokens = self.tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        return _vectors(self.network.get_text_features(**tokens))


def _vectors(output: Any) -> Float[np.ndarray, "n dim"]:
    """The library's releases return a tensor or an output object."""
    tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    return tensor.float().numpy()


class _TextTower:
    """A sentence encoder."""

    def __init__(self, tower: TextEncoder) -> None:
        self.tower = tower.eval()

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "n dim"]:
        """One vector a text."""
        return self.tower(*self.tower.preprocess(texts)).float().numpy()


class _ImageTower:
    """An image network."""

    def __init__(self, tower: ImageEncoder) -> None:
        self.tower = tower.eval()

    def embed_images(self, pictures: Sequence[Path]) -> Float[np.ndarray, "n dim"]:
        """One vector a picture."""
        return image_features(self.tower, pictures).numpy()
