"""Features of frozen towers, kept on disk: a second training on the same pictures computes none.

A feature is found by what made it (the encoder's fingerprint) and what it was made from (a SHA-256), so neither a
renamed file nor another tower can be mistaken. Files are immutable segments that are written beside and renamed; an
interrupted run keeps what it had, and several runs may share the folder.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nonet.align.encoders import ImageEncoder, TextEncoder
from nonet.align.model import DualEncoder, image_batches, text_batches
from nonet.foundation import console, packaged
from nonet.foundation.arrays import read_arrays
from nonet.foundation.files import atomic_write

__all__ = ["FeatureStore", "Known", "default_cache", "image_features", "kept", "known_pictures", "text_features"]

_SEGMENT = 1024  # rows computed before they are written: what an interruption can lose

Keys = UInt8[np.ndarray, "rows 32"]
Compute = Callable[[list[int]], Float[np.ndarray, "rows width"]]
Known = Callable[[Sequence[str]], Mapping[str, np.ndarray]]  # vectors by SHA-256, of those that are known


def default_cache() -> Path:
    """The folder of features in the user's cache."""
    return packaged.cache_folder() / "features"


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
        found = self.find(list(place))
        for key, feature in found.items():
            result[place[key]] = feature
        rows = sorted(row for key, row in place.items() if key not in found)
        if rows:
            with console.progress(label, len(rows)) as bar:
                for start in range(0, len(rows), _SEGMENT):
                    part = rows[start : start + _SEGMENT]
                    result[part] = compute(part)
                    self._write([keys[row] for row in part], result[part])
                    bar.advance(len(part))
        return result[[place[key] for key in keys]]

    def find(self, keys: Sequence[str]) -> dict[str, Float[np.ndarray, "width"]]:
        """The features of those keys that are on disk."""
        wanted, found = {bytes.fromhex(key) for key in keys}, {}
        for path in sorted(self.folder.glob("*.npz")):
            for key, feature in self._read(path, wanted):
                found[key.hex()] = feature
                wanted.discard(key)
        return found

    def _read(self, path: Path, wanted: set[bytes]) -> list[tuple[bytes, Float[np.ndarray, "width"]]]:
        """The wanted features of one file; where it has none of them, only its keys are read."""
        try:
            keys = [bytes(key) for key in read_arrays(path, ["keys"])["keys"]]
            if wanted.isdisjoint(keys):
                return []
            features = read_arrays(path, ["features"])["features"]
        except (OSError, ValueError, TypeError):
            path.unlink(missing_ok=True)  # damaged: its rows are computed again
            return []
        if features.shape != (len(keys), self.width):
            return []
        return [(key, features[row]) for row, key in enumerate(keys) if key in wanted]

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

    return _store(encoder, cache).get(digests, compute, "Picture features")


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
    return _store(encoder, cache).get(keys, compute, "Text features")


def kept(encoder: ImageEncoder | TextEncoder, cache: Path) -> bool:
    """Whether a training, by which the encoder did not change, has left features of it in `cache`."""
    return _store(encoder, cache).folder.is_dir()


def known_pictures(model: DualEncoder, cache: Path) -> Known:
    """Embeddings of pictures without looking at them, where a training has kept their features.

    Nothing is added to the cache.
    """
    store = _store(model.image_encoder, cache)

    @torch.inference_mode()
    def known(digests: Sequence[str]) -> dict[str, np.ndarray]:
        found = store.find(digests)
        if not found:
            return {}
        features = torch.from_numpy(np.stack(list(found.values()))).to(model.device)
        return dict(zip(found, model.heads.embed_images(features).float().cpu().numpy(), strict=True))

    return known


def _store(encoder: ImageEncoder | TextEncoder, cache: Path) -> FeatureStore:
    return FeatureStore(cache, encoder.fingerprint(), encoder.width)


def _features(encoder: ImageEncoder, pixels: Float[Tensor, "n 3 height width"]) -> Float[np.ndarray, "n features"]:
    return encoder(pixels.to(next(encoder.parameters()).device)).float().cpu().numpy()
