"""From files to pairs that the rating page can show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nonet.cxc.config import Kind, SelectConfig
from nonet.cxc.data import Collection, RatedPairs, read_collection
from nonet.cxc.embeddings import place_rows, read_embeddings
from nonet.cxc.pictures import find_picture
from nonet.cxc.rating.pairs import PairToRate
from nonet.cxc.ratings import read_ratings, read_ratings_file
from nonet.cxc.selection import select_pairs
from nonet.foundation.errors import DataError

__all__ = ["choose", "numbered_collection"]


def choose(
    images: Path,
    captions: Sequence[Path],
    collection_file: Path | None,
    image_dir: Path | None,
    out: Path,
    config: SelectConfig,
    *,
    rated: Path | None = None,
    split: str = "test",
    gold: Path | None = None,
) -> list[PairToRate]:
    """Reads everything, chooses, and says what to show for each item.

    Args:
        images: embeddings.
        captions: embeddings, a file for each text encoder.
        collection_file: images and captions; None numbers the rows.
        image_dir: the pictures.
        out: where the pairs will be written: paths of pictures are relative to its folder.
        config: what to choose.
        rated: a folder of ratings.
        split: their split.
        gold: a rating file of control questions.

    Raises:
        DataError: if the files do not fit each other.
    """
    vectors = read_embeddings(images)
    words = [read_embeddings(path) for path in captions]
    if collection_file is None:
        collection = numbered_collection(len(vectors.rows), len(words[0].rows))
    else:
        collection = read_collection(collection_file, split)
    placed = place_rows(vectors, collection.images, collection.images, images)
    placed_words = [
        place_rows(file, collection.captions, collection.captions, path)
        for file, path in zip(words, captions, strict=True)
    ]
    for found, wanted, path in [(placed, collection.images, images)] + [
        (found, collection.captions, path) for found, path in zip(placed_words, captions, strict=True)
    ]:
        if len(found.ids) != len(wanted):
            missing = len(wanted) - len(found.ids)
            raise DataError(f"{missing:,} items have no embedding.", where=path, fix="Encode all of the collection.")
    parts = [RatedPairs.at_hand(part, collection) for part in read_ratings(rated, split).present] if rated else []
    chosen = select_pairs(collection, placed.rows, [found.rows for found in placed_words], config, parts)
    shows = _Shows(collection, image_dir, out)
    pairs = [shows.pair(pair.kind, pair.left, pair.right, pair.method) for pair in chosen]
    return _with_gold(pairs, gold, collection, shows) if gold else pairs


def numbered_collection(images: int, captions: int) -> Collection:
    """Rows without names: every image has equally many captions, in the order of the images.

    Raises:
        DataError: if the captions cannot be dealt out so.
    """
    if captions % images:
        raise DataError(
            f"{captions:,} captions cannot be dealt equally to {images:,} images.",
            fix="Say which caption belongs to which image with --collection.",
        )
    return Collection(
        images=tuple(f"image {row}" for row in range(images)),
        captions=tuple(f"caption {row}" for row in range(captions)),
        image_of=np.arange(captions) // (captions // images),
    )


class _Shows:
    """What the page shows for the items of a collection."""

    def __init__(self, collection: Collection, image_dir: Path | None, out: Path) -> None:
        self.collection, self.image_dir, self.beside = collection, image_dir, out.parent

    def pair(self, kind: Kind, left: int, right: int, method: str, gold: float | None = None) -> PairToRate:
        """A pair from the rows of its items."""
        first, second = ("image" if kind == "sis" else "caption"), ("caption" if kind == "sts" else "image")
        return PairToRate(
            kind=kind,
            left=self._id(first, left),
            right=self._id(second, right),
            method=method,
            left_text=self._text(left) if first == "caption" else None,
            right_text=self._text(right) if second == "caption" else None,
            left_image=self._image(left) if first == "image" else None,
            right_image=self._image(right) if second == "image" else None,
            gold=gold,
        )

    def _id(self, side: str, row: int) -> str:
        return self.collection.images[row] if side == "image" else self.collection.captions[row]

    def _text(self, row: int) -> str:
        return self.collection.texts[row] if self.collection.texts else self.collection.captions[row]

    def _image(self, row: int) -> str:
        name = self.collection.files[row] if self.collection.files else self.collection.images[row]
        if self.image_dir is None:
            return name
        path = find_picture(self.image_dir, name)
        if path is None:
            raise DataError(f"There is no picture '{name}'.", where=self.image_dir, fix="Check --image-dir.")
        return os.path.relpath(path.resolve(), self.beside.resolve())


def _with_gold(pairs: list[PairToRate], path: Path, collection: Collection, shows: _Shows) -> list[PairToRate]:
    """Adds control questions; a pair among them is not asked as an ordinary one too."""
    known = RatedPairs.at_hand(read_ratings_file(path), collection)
    if not len(known.score):
        raise DataError("None of its pairs is in the collection.", where=path)
    rows = zip(known.left.tolist(), known.right.tolist(), known.score.tolist(), strict=True)
    gold = [shows.pair(known.kind, left, right, "gold", score) for left, right, score in rows]
    asked = {(pair.kind, pair.left, pair.right) for pair in gold}
    return [pair for pair in pairs if (pair.kind, pair.left, pair.right) not in asked] + gold
