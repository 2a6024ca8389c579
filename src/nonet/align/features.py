"""Features of frozen towers, kept on disk: a second training on the same pictures computes none.

A feature is found by what made it (the encoder's fingerprint) and what it was made from (a SHA-256), so neither a
renamed file nor another tower can be mistaken. Files are immutable segments that are written beside and renamed; an
interrupted run keeps what it had, and several runs may share the folder.
"""

from __future__ import annotations

import hashlib
import uuid
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nonet.align.encoders import ImageEncoder, TextEncoder
from nonet.align.model import image_batches, text_batches
from nonet.foundation import console
from nonet.foundation.files import atomic_write

__all__ = ["FeatureStore", "image_features", "text_features"]

_SEGMENT = 1024  # rows computed before they are written: what an interruption can lose

Keys = UInt8[np.ndarray, "rows 32"]
Compute = Callable[[list[int]], Float[np.ndarray, "rows width"]]


class FeatureStore:
    """The features that one encoder made.

    Args:
        folder: the cache; each encoder has a folder of its own inside.
        fingerprint: of the encoder.
        width: length of a feature vector.
    """

    def __init__(self, folder: Path, fingerprint: str, width: int) -> None:
        self.folder = folder / fingerprint[:32]
        self.width = width

    def get(self, keys: Sequence[str], compute: Compute, label: str) -> Float[np.ndarray, "rows width"]:
        """Features by key; those that are not on disk are computed and kept.

        Args:
            keys: SHA-256 in hexadecimal of what each row is made from.
            compute: gives the features of the rows it is asked for.
            label: what a progress bar says.
        """
        place = {key: row for row, key in reversed(list(enumerate(keys)))}
        result = np.empty((len(keys), self.width), np.float32)
        missing = dict(place)
        for path in sorted(self.folder.glob("*.npz")):
            for key, feature in self._read(path):
                row = missing.pop(key, None)
                if row is not None:
                    result[row] = feature
        rows = sorted(missing.values())
        if rows:
            with console.progress(label, len(rows)) as bar:
                for start in range(0, len(rows), _SEGMENT):
                    part = rows[start : start + _SEGMENT]
                    result[part] = compute(part)
                    self._write([keys[row] for row in part], result[part])
                    bar.advance(len(part))
        return result[[place[key] for key in keys]]

    def _read(self, path: Path) -> Iterable[tuple[str, Float[np.ndarray, "width"]]]:
        try:
            with np.load(path, allow_pickle=False) as segment:
                keys, features = segment["keys"], segment["features"]
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)  # damaged: its rows are computed again
            return []
        if features.shape != (len(keys), self.width):
            return []
        return zip((bytes(key).hex() for key in keys), features, strict=True)

    def _write(self, keys: Sequence[str], features: Float[np.ndarray, "rows width"]) -> None:
        packed = np.frombuffer(bytes.fromhex("".join(keys)), np.uint8).reshape(-1, 32)
        with atomic_write(self.folder / f"{uuid.uuid4().hex}.npz") as file:
            np.savez(file, keys=packed, features=features)


def image_features(
    encoder: ImageEncoder,
    images: Sequence[Path],
    digests: Sequence[str],
    cache: Path,
    *,
    batch_size: int = 32,
) -> Float[np.ndarray, "images width"]:
    """Features of picture files, from the cache where they are there.

    Args:
        encoder: a tower that does not change any more.
        images: the files.
        digests: their SHA-256 in hexadecimal, of the same length as `images`.
        cache: the folder of all feature stores.
        batch_size: pictures computed at a time.
    """

    @torch.inference_mode()
    def compute(rows: list[int]) -> Float[np.ndarray, "rows width"]:
        batches = image_batches(encoder, [images[row] for row in rows], batch_size)
        return np.concatenate([_features(encoder, pixels) for pixels in batches])

    return FeatureStore(cache, encoder.fingerprint(), encoder.width).get(digests, compute, "Picture features")


def text_features(
    encoder: TextEncoder, texts: Sequence[str], cache: Path, *, batch_size: int = 64
) -> Float[np.ndarray, "texts width"]:
    """Features of texts, from the cache where they are there.

    Args:
        encoder: a tower that does not change any more.
        texts: any strings.
        cache: the folder of all feature stores.
        batch_size: texts computed at a time.
    """

    @torch.inference_mode()
    def compute(rows: list[int]) -> Float[np.ndarray, "rows width"]:
        result = np.empty((len(rows), encoder.width), np.float32)
        device = next(encoder.parameters()).device
        for part, tokens in text_batches(encoder, [texts[row] for row in rows], batch_size):
            result[part] = encoder(*tokens.to(device)).float().cpu().numpy()
        return result

    keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
    return FeatureStore(cache, encoder.fingerprint(), encoder.width).get(keys, compute, "Text features")


def _features(encoder: ImageEncoder, pixels: Float[Tensor, "n 3 height width"]) -> Float[np.ndarray, "n features"]:
    return encoder(pixels.to(next(encoder.parameters()).device)).float().cpu().numpy()
