"""Pairs without near-duplicates of the pictures that they will be judged by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps

from nonet.align.data import Pairs, describe
from nonet.align.embedder import open_for_embedding
from nonet.align.encoders import ImageEncoder
from nonet.align.features import FeatureStore
from nonet.align.listing import list_pictures
from nonet.align.neardup import Buckets, Match, cells_of, matches
from nonet.align.neardup_config import NearDuplicates
from nonet.align.pictures import open_picture
from nonet.align.writing import Pair, Tally, write_pairs
from nonet.foundation import console

__all__ = ["Removed", "fingerprints", "without_near_duplicates"]

_SEEN_AT = 48  # pixels
_CONSTANT = 4.6  # (0.86 + 4.6) / (1 + 4.6) = 0.975
_BATCH = 32
_BLOCK = 50_000  # pictures looked up at a time
_SAMPLE = 64 * 4000  # pictures that cells are learnt from at most


@dataclass(frozen=True)
class Removed:
    """A picture that was removed.

    Attributes:
        image: its file.
        evaluated: the picture that it is like.
        cosine: of their fingerprints.
    """

    image: Path
    evaluated: Path
    cosine: float


def fingerprints(encoder: ImageEncoder, images: Sequence[Path], cache: Path) -> Float[np.ndarray, "images width"]:
    """Embeddings in which copies of a picture lie together: cropped, compressed, resized or mirrored.

    Pictures are seen at 48 pixels, where compression and resizing leave no trace, and the features of a picture and of
    its mirror image are added. The article's threshold is for its own network, trained for this; so that 0.975
    divides here too, every embedding gets a constant part, which moves all cosines towards 1: on photographs a plain
    cosine of 0.86, between unlike ones (at most 0.78) and copies (0.89 and more), becomes 0.975.

    Args:
        encoder: an image tower.
        images: the files.
        cache: where features are kept.
    Returns:
        One row a picture, of length 1.
    """
    digests = []
    for path in console.track(images, "Reading pictures"):
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    device = next(encoder.parameters()).device

    @torch.inference_mode()
    def compute(rows: list[int]) -> Float[np.ndarray, "rows width"]:
        made = []
        for start in range(0, len(rows), _BATCH):
            opened = [open_for_embedding(images[row]).picture for row in rows[start : start + _BATCH]]
            small = [picture.resize((_SEEN_AT, _SEEN_AT), Image.Resampling.BOX) for picture in opened]
            views = (small, [ImageOps.mirror(one) for one in small])
            first, second = (encoder(encoder.preprocess(view).to(device)).float().cpu() for view in views)
            made.append((first + second).numpy())
        return np.concatenate(made)

    keys = [hashlib.sha256(f"copies at {_SEEN_AT} of {digest}".encode()).hexdigest() for digest in digests]
    vectors = FeatureStore(cache, encoder.fingerprint(), encoder.width).get(keys, compute, "Fingerprints of pictures")
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    constant = np.full((len(vectors), 1), np.sqrt(_CONSTANT), np.float32)
    return np.hstack([vectors, constant]) / np.float32(np.sqrt(1 + _CONSTANT))


def without_near_duplicates(
    pairs: Path, against: Sequence[Path], out: Path, encoder: ImageEncoder, options: NearDuplicates, cache: Path
) -> tuple[Tally, list[Removed]]:
    """Writes the pairs whose pictures are no near-duplicates of pictures to evaluate with.

    Args:
        pairs: the folder of pairs to train on.
        against: pictures to evaluate with: folders of pictures or of pairs, or lists.
        out: the folder of pairs to write; pictures stay where they are.
        encoder: an image tower, not the one that is judged.
        options: the article's by default.
        cache: where features are kept.
    Returns:
        What was kept, and what was removed with what it is like.
    Raises:
        DataError: if a source cannot be read, or nothing is left.
    """
    opened = Pairs.open(pairs)
    evaluated = [picture.path for source in against for picture in list_pictures(source).pictures]
    found = find(encoder, opened.images, evaluated, options, cache)
    like = {match.row: match for match in found}
    facts = {"source": "deduplicated", "notice": str(describe(pairs).get("notice", ""))}
    command = f"nonet align deduplicate {pairs} --against {' '.join(map(str, against))} --out {out}"
    with write_pairs(out, name=opened.name, command=command, **facts) as writer:
        for number, row in _rows(opened):
            if number in like:
                writer.tally.skip("a near-duplicate of a picture to evaluate with", str(opened.images[number]))
            else:
                writer.add(row)
    removed = [Removed(opened.images[m.row], evaluated[m.evaluated], m.cosine) for m in found]
    return writer.tally, removed


def find(
    encoder: ImageEncoder, images: Sequence[Path], evaluated: Sequence[Path], options: NearDuplicates, cache: Path
) -> list[Match]:
    """The near-duplicates of some pictures among others.

    Args:
        encoder: see `fingerprints`.
        images: to look among.
        evaluated: to look for.
        options: the article's by default.
        cache: where features are kept.
    """
    rng = np.random.default_rng(0)
    drawn = np.sort(rng.permutation(len(images))[:_SAMPLE])
    cells = cells_of(fingerprints(encoder, [images[row] for row in drawn.tolist()], cache), options.cells)
    buckets = Buckets(fingerprints(encoder, evaluated, cache), cells, options)

    def blocks() -> Iterator[Float[np.ndarray, "_ width"]]:
        for start in console.track(range(0, len(images), _BLOCK), "Looking for near-duplicates"):
            yield fingerprints(encoder, images[start : start + _BLOCK], cache)

    return list(matches(blocks(), buckets))


def _rows(pairs: Pairs) -> Iterator[tuple[int, Pair]]:
    """Row of the picture and the pair, with paths that do not depend on the folder."""
    sizes: dict[int, tuple[int, int]] = {}
    for text, number in zip(pairs.texts, pairs.image_of.tolist(), strict=True):
        image = pairs.images[number].resolve()
        if number not in sizes:
            sizes[number] = open_picture(image).size
        width, height = sizes[number]
        yield (
            number,
            Pair(
                str(image),
                text,
                pairs.concepts[number],
                pairs.splits[number],
                str(image),
                width,
                height,
                pairs.digests[number],
            ),
        )
