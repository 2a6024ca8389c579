"""Reads images with their captions, and says which part of the ratings they cover."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from nonet.cxc.config import Kind
from nonet.cxc.ratings import ORIGINAL, Ratings, RatingSet
from nonet.foundation.errors import DataError
from nonet.foundation.reading import made_sense_of, parse_json

__all__ = [
    "Collection",
    "RatedPairs",
    "coco_caption_id",
    "coco_image_id",
    "collection_from_ratings",
    "collection_from_rows",
    "merged_rows",
    "read_collection",
]


@dataclass(frozen=True)
class Collection:
    """Images, their captions, and which belongs to which. Its order is the order of the rows of embeddings.

    Attributes:
        images: ids.
        captions: ids.
        image_of: for each caption the row of its image.
        texts: for each caption its words; empty where only ids are known.
        files: for each image its file name.
    """

    images: tuple[str, ...]
    captions: tuple[str, ...]
    image_of: Int[np.ndarray, " captions"]
    texts: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, ids in (("image", self.images), ("caption", self.captions)):
            twice = [name for name, count in Counter(ids).items() if count > 1]
            if twice:
                raise DataError(
                    f"{len(twice):,} {what} ids occur more than once, the first is '{twice[0]}'.",
                    fix="Give every image and caption one id.",
                )

    @cached_property
    def image_row(self) -> dict[str, int]:
        """The row of an image id."""
        return {name: row for row, name in enumerate(self.images)}

    @cached_property
    def caption_row(self) -> dict[str, int]:
        """The row of a caption id."""
        return {name: row for row, name in enumerate(self.captions)}

    @cached_property
    def captions_of(self) -> list[Int[np.ndarray, " own"]]:
        """For each image the rows of its captions."""
        order = np.argsort(self.image_of, kind="stable")
        counts = np.bincount(self.image_of, minlength=len(self.images))
        return np.split(order, np.cumsum(counts)[:-1])

    def only(self, images: Iterable[str], captions: Iterable[str]) -> Collection:
        """The part with these ids, in the same order; captions without their image are left out."""
        wanted_images, wanted_captions = set(images), set(captions)
        keep_images = [row for row, name in enumerate(self.images) if name in wanted_images]
        new_row = {old: new for new, old in enumerate(keep_images)}
        keep = [
            row
            for row, name in enumerate(self.captions)
            if name in wanted_captions and int(self.image_of[row]) in new_row
        ]
        return Collection(
            images=tuple(self.images[row] for row in keep_images),
            captions=tuple(self.captions[row] for row in keep),
            image_of=np.array([new_row[int(self.image_of[row])] for row in keep], dtype=np.int64),
            texts=tuple(self.texts[row] for row in keep) if self.texts else (),
            files=tuple(self.files[row] for row in keep_images) if self.files else (),
        )


@dataclass(frozen=True)
class RatedPairs:
    """The rated pairs of one kind whose two items are at hand, as rows of a collection.

    Attributes:
        kind: what is rated.
        left: rows of the first items (captions, or images in SIS).
        right: rows of the second items (images, or captions in STS).
        score: mean human score.
        original: whether the pair is an image and its own caption (``c2i_original``).
        total: how many pairs the ratings hold, at hand or not.
    """

    kind: Kind
    left: Int[np.ndarray, " pairs"]
    right: Int[np.ndarray, " pairs"]
    score: Float[np.ndarray, " pairs"]
    original: Bool[np.ndarray, " pairs"]
    total: int

    @classmethod
    def at_hand(cls, ratings: Ratings, collection: Collection) -> RatedPairs:
        """Keeps the pairs whose items the collection has."""
        left_row = collection.image_row if ratings.kind == "sis" else collection.caption_row
        right_row = collection.caption_row if ratings.kind == "sts" else collection.image_row
        left = np.array([left_row.get(name, -1) for name in ratings.left], dtype=np.int64)
        right = np.array([right_row.get(name, -1) for name in ratings.right], dtype=np.int64)
        known = (left >= 0) & (right >= 0)
        original = np.array([method == ORIGINAL for method in ratings.method], dtype=bool)
        return cls(ratings.kind, left[known], right[known], ratings.score[known], original[known], len(ratings))


def collection_from_ratings(ratings: RatingSet) -> Collection:
    """Images and captions as the rated original pairs (``c2i_original``) tell them, in the order of the file.

    Enough for embeddings that carry ids; there are no texts.
    """
    pairs = [
        (caption, image) for caption, image, method in zip(*_sits_columns(ratings), strict=True) if method == ORIGINAL
    ]
    if not pairs:
        raise DataError(
            "The ratings do not say which caption belongs to which image (no c2i_original rows).",
            fix="Name the caption file with --coco.",
        )
    images = list(dict.fromkeys(image for _, image in pairs))
    row = {name: index for index, name in enumerate(images)}
    grouped = sorted(pairs, key=lambda pair: row[pair[1]])
    return Collection(
        images=tuple(images),
        captions=tuple(caption for caption, _ in grouped),
        image_of=np.array([row[image] for _, image in grouped], dtype=np.int64),
        files=tuple(images),
    )


def _sits_columns(ratings: RatingSet) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    sits = ratings.sits
    return (sits.left, sits.right, sits.method) if sits else ((), (), ())


def read_collection(path: Path, split: str | None = None) -> Collection:
    """Reads images and captions.

    Args:
        path: Karpathy's ``dataset_coco.json``, an official COCO caption file (``captions_val2014.json``), or a
            ``captions.tsv`` with the columns image, caption and optionally caption_id.
        split: for Karpathy's file the split to take; ignored for the others.
    Raises:
        DataError: if it is neither, or has no such split.
    """
    if path.suffix == ".tsv":
        return _read_tsv(path)
    try:
        content = parse_json(path.read_bytes())
    except ValueError as error:
        raise DataError("This is not JSON.", where=path, fix="Unpack it if it is a packed file.") from error
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise DataError("There is no list 'images' in it.", where=path, fix="Expected dataset_coco.json.")
    try:
        return _from_coco(content) if "annotations" in content else _from_karpathy(content["images"], split)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"An entry lacks {error}.", where=path, fix="Expected the file as it was published.") from error
    except DataError as error:
        raise DataError(error.what, where=path, fix=error.fix) from error


def _from_karpathy(entries: Sequence[dict], split: str | None) -> Collection:
    chosen = [entry for entry in entries if split is None or entry["split"] == split]
    if not chosen:
        known = ", ".join(sorted({str(entry["split"]) for entry in entries}))
        raise DataError(f"No image is of the split '{split}'.", fix=f"It has: {known}.")
    ids, texts, image_of = [], [], []
    for row, entry in enumerate(chosen):
        family = entry["filename"].rpartition("_")[0]  # COCO_val2014
        for sentence in entry["sentences"]:
            ids.append(f"{family}:sentid:{sentence['sentid']}")
            texts.append(sentence["raw"].strip())
            image_of.append(row)
    files = [
        f"{entry['filepath']}/{entry['filename']}" if entry.get("filepath") else entry["filename"] for entry in chosen
    ]
    return Collection(
        images=tuple(entry["filename"] for entry in chosen),
        captions=tuple(ids),
        image_of=np.array(image_of, dtype=np.int64),
        texts=tuple(texts),
        files=tuple(files),
    )


def _from_coco(content: dict) -> Collection:
    """val2017 is a part of val2014: CxC names both by their number and the older file name."""
    entries = {entry["id"]: entry["file_name"] for entry in content["images"]}
    row = {number: index for index, number in enumerate(entries)}
    notes = sorted(content["annotations"], key=lambda note: (row[note["image_id"]], note["id"]))
    return Collection(
        images=tuple(coco_image_id(number) for number in entries),
        captions=tuple(coco_caption_id(note["id"]) for note in notes),
        image_of=np.array([row[note["image_id"]] for note in notes], dtype=np.int64),
        texts=tuple(note["caption"].strip() for note in notes),
        files=tuple(entries.values()),
    )


def coco_image_id(number: int) -> str:
    """The id in the ratings of a COCO image number."""
    return f"COCO_val2014_{number:012d}.jpg"


def coco_caption_id(number: int) -> str:
    """The id in the ratings of a COCO annotation number."""
    return f"COCO_val2014:sentid:{number}"


def _read_tsv(path: Path) -> Collection:
    with path.open(encoding="utf-8-sig", newline="") as file, made_sense_of(path, what="This is not a TSV in UTF-8"):
        return collection_from_rows(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE), path)


def collection_from_rows(rows: Iterable[dict[str, str]], where: object) -> Collection:
    """A collection from rows with ``image``, ``caption`` and optionally ``caption_id`` (else IMAGE#0, IMAGE#1, …).

    COCO's numbers, in the columns ``image_id`` and ``caption_id`` together, become the ids of the ratings.
    """
    images: dict[str, int] = {}
    files, ids, texts, image_of, counted = [], [], [], [], Counter()
    for line, row in enumerate(rows, 2):
        if not row.get("image") or not row.get("caption"):
            raise DataError("A row needs an image and a caption.", where=f"{where}, line {line}")
        name, number = row["image"], row.get("caption_id")
        if number and number.isdecimal() and row.get("image_id", "").isdecimal():
            name, number = coco_image_id(int(row["image_id"])), coco_caption_id(int(number))
        if name not in images:
            images[name] = len(images)
            files.append(row["image"])
        ids.append(number or f"{name}#{counted[name]}")
        counted[name] += 1
        texts.append(row["caption"].strip())
        image_of.append(images[name])
    if not ids:
        raise DataError("There are no rows with the columns image and caption.", where=where)
    return Collection(tuple(images), tuple(ids), np.array(image_of, dtype=np.int64), tuple(texts), tuple(files))


def merged_rows(ratings: RatingSet, collection: Collection) -> dict[str, list]:
    """All ratings of a split in one table, each with both orders' score, texts and files where known.

    The release's own script handles SITS alone.

    Returns:
        Columns: split, kind, left, right, score, reverse_score (NaN where the other order was not rated), method,
        left_text, right_text, left_file, right_file, at_hand.
    """
    text = dict(zip(collection.captions, collection.texts, strict=False))
    file = dict(zip(collection.images, collection.files, strict=False))
    columns: dict[str, list] = {name: [] for name in _MERGED}
    for part in ratings.present:
        scores = {(a, b): s for a, b, s in zip(part.left, part.right, part.score, strict=True)}
        rows = collection.image_row | collection.caption_row
        for left, right, score, method in zip(part.left, part.right, part.score, part.method, strict=True):
            reverse = scores.get((right, left), np.nan)
            values = (
                ratings.split, part.kind, left, right, float(score), float(reverse), method,
                text.get(left), text.get(right), file.get(left), file.get(right), left in rows and right in rows,
            )  # fmt: skip
            for name, value in zip(_MERGED, values, strict=True):
                columns[name].append(value)
    return columns


_MERGED = (
    "split", "kind", "left", "right", "score", "reverse_score", "method",
    "left_text", "right_text", "left_file", "right_file", "at_hand",
)  # fmt: skip
