"""Pairs without near-duplicates of the pictures that they will be judged by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from nonet.align.classes import picture_views
from nonet.align.data import Pairs, describe
from nonet.align.encoders import ImageEncoder
from nonet.align.listing import list_pictures
from nonet.align.neardup import Buckets, Match, cells_of, matches
from nonet.align.neardup_config import NearDuplicates
from nonet.align.pictures import open_picture
from nonet.align.writing import Pair, Tally, write_pairs
from nonet.foundation import console

__all__ = ["Removed", "fingerprints", "without_near_duplicates"]

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

    The features of a picture and of its mirror image are added, so that mirroring changes nothing, and the mean over
    all pictures that nets learn to give to any is left in: the article's threshold is for such plain embeddings.

    Args:
        encoder: an image tower.
        images: the files.
        cache: where features are kept.
    """
    vectors = picture_views(encoder, images, cache, mirrored=True).sum(0)
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)).astype(np.float32)


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

    def blocks() -> Iterator[Float[np.ndarray, "block width"]]:
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
