"""Embeds a collection with a model: one of ours, or one of the Hugging Face library."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from nonet.align.encoders import Embeds, TransformerTextEncoder, dual_encoder, image_encoder, open_picture, text_encoder
from nonet.cxc.data import Collection
from nonet.cxc.embeddings import Embedded
from nonet.cxc.model import KIND, CxcModel
from nonet.foundation import console
from nonet.foundation.errors import ArtifactError, DataError, MissingError

__all__ = ["embed_collection"]

_STEP = 512


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
        if (path := _file(folder, name)) is not None
    ]
    if not found:
        raise DataError(f"None of the {len(names):,} pictures is there, such as '{names[0]}'.", where=folder)
    rows = _in_steps(judged.embed_images, [path for _, path in found], "Embedding pictures")
    return Embedded(rows, tuple(identity for identity, _ in found))


def _file(folder: Path, name: str) -> Path | None:
    """The picture by its name, or by its COCO number alone (the name in val2017)."""
    plain = Path(name).name
    candidates = (folder / name, folder / plain, folder / plain.rpartition("_")[2])
    return next((path for path in candidates if path.is_file()), None)


def _embed_captions(judged: Any, collection: Collection) -> Embedded:
    return Embedded(_in_steps(judged.embed_texts, collection.texts, "Embedding captions"), collection.captions)


def _in_steps(embed: Any, items: Sequence[Any], label: str) -> Float[np.ndarray, "items dim"]:
    parts = []
    with console.progress(label, len(items)) as bar:
        for start in range(0, len(items), _STEP):
            parts.append(embed(items[start : start + _STEP]))
            bar.advance(len(parts[-1]))
    return np.concatenate(parts).astype(np.float32)


def _open(model: str) -> Embeds | _HuggingFace | _TextAlone | _ImageAlone:
    kind = _artifact_kind(Path(model))
    if kind == KIND:
        return CxcModel.load(Path(model))
    if kind is not None:
        return dual_encoder(Path(model))
    return _hugging_face(model)


def _artifact_kind(folder: Path) -> str | None:
    """The kind of an artifact of nonet, or None for anything else."""
    try:
        manifest = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return None
    return manifest.get("kind") if str(manifest.get("format", "")).startswith("nonet") else None


def _hugging_face(name: str) -> _HuggingFace | _TextAlone | _ImageAlone:
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
        return _HuggingFace(name)
    try:
        tower = text_encoder(name)
    except DataError:
        return _ImageAlone(name)
    if not isinstance(tower, TransformerTextEncoder):
        raise ArtifactError("This text network is of an unknown kind.", where=name)
    return _TextAlone(tower)


class _HuggingFace:
    """A dual encoder such as CLIP, SigLIP or ALIGN, with the projections it was trained with."""

    def __init__(self, name: str) -> None:
        from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

        self.network = AutoModel.from_pretrained(name, use_safetensors=True).eval()
        self.processor = AutoImageProcessor.from_pretrained(name, backend="pil")
        self.tokenizer = AutoTokenizer.from_pretrained(name)

    @torch.inference_mode()
    def embed_images(self, pictures: Sequence[Path]) -> Float[np.ndarray, "n dim"]:
        """One vector a picture."""
        rows = []
        for start in range(0, len(pictures), 32):
            opened = [open_picture(path) for path in pictures[start : start + 32]]
            rows.append(_vectors(self.network.get_image_features(**self.processor(opened, return_tensors="pt"))))
        return np.concatenate(rows)

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "n dim"]:
        """One vector a text."""
        rows = []
        for start in range(0, len(texts), 64):
            part = list(texts[start : start + 64])
            tokens = self.tokenizer(part, padding=True, truncation=True, return_tensors="pt")
            rows.append(_vectors(self.network.get_text_features(**tokens)))
        return np.concatenate(rows)


def _vectors(output: Any) -> Float[np.ndarray, "n dim"]:
    """The library's releases return a tensor or an output object."""
    tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    return tensor.float().numpy()


class _TextAlone:
    """A sentence encoder."""

    def __init__(self, tower: TransformerTextEncoder) -> None:
        self.tower = tower.eval()

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "n dim"]:
        """One vector a text."""
        parts = [self.tower(*self.tower.preprocess(texts[start : start + 64])) for start in range(0, len(texts), 64)]
        return torch.cat(parts).float().numpy()


class _ImageAlone:
    """An image network."""

    def __init__(self, name: str) -> None:
        self.tower = image_encoder(name).eval()

    @torch.inference_mode()
    def embed_images(self, pictures: Sequence[Path]) -> Float[np.ndarray, "n dim"]:
        """One vector a picture."""
        parts = []
        for start in range(0, len(pictures), 32):
            opened = [open_picture(path) for path in pictures[start : start + 32]]
            parts.append(self.tower(self.tower.preprocess(opened)))
        return torch.cat(parts).float().numpy()
