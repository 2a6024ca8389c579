"""Reads the files of ratings: which two items, and how similar people found them.

Ids are text. In the official release a caption is ``COCO_val2014:sentid:770337`` (the number is the COCO annotation
id) and an image ``COCO_val2014_000000391895.jpg``; your own data may use any.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from nonet.cxc.config import Kind
from nonet.foundation.errors import DataError

__all__ = [
    "COLUMNS",
    "KINDS",
    "ORIGINAL",
    "RatingSet",
    "Ratings",
    "TwiceRated",
    "read_ratings",
    "read_ratings_file",
    "twice_rated",
]

KINDS: tuple[Kind, ...] = ("sts", "sis", "sits")
COLUMNS: dict[Kind, tuple[str, str, str, str]] = {
    "sts": ("caption1", "caption2", "agg_score", "sampling_method"),
    "sis": ("image1", "image2", "agg_score", "sampling_method"),
    "sits": ("caption", "image", "agg_score", "sampling_method"),
}
ORIGINAL = "c2i_original"
_RELEASE = "https://github.com/google-research-datasets/Crisscrossed-Captions"


@dataclass(frozen=True)
class Ratings:
    """Rated pairs of one kind.

    Attributes:
        kind: what is rated.
        left: ids of the first items (SITS: captions).
        right: ids of the second items (SITS: images).
        score: mean human score, 0 (unrelated) to 5 (the same).
        method: how the pair was chosen, such as ``c2c_isim``.
    """

    kind: Kind
    left: tuple[str, ...]
    right: tuple[str, ...]
    score: Float[np.ndarray, " pairs"]
    method: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True)
class RatingSet:
    """The ratings of one split; a kind that is not there is None.

    Attributes:
        split: its name, such as ``test``.
        sts: of two captions (semantic textual similarity).
        sis: of two images (semantic image similarity).
        sits: of an image and a caption (semantic image–text similarity).
    """

    split: str
    sts: Ratings | None = None
    sis: Ratings | None = None
    sits: Ratings | None = None

    @property
    def present(self) -> list[Ratings]:
        """The kinds that are there."""
        return [ratings for kind in KINDS if (ratings := getattr(self, kind)) is not None]

    @cached_property
    def captions(self) -> frozenset[str]:
        """Ids of every caption that somebody rated."""
        sides = [self.sts.left, self.sts.right] if self.sts else []
        return frozenset().union(*sides, self.sits.left if self.sits else ())

    @cached_property
    def images(self) -> frozenset[str]:
        """Ids of every image that somebody rated."""
        sides = [self.sis.left, self.sis.right] if self.sis else []
        return frozenset().union(*sides, self.sits.right if self.sits else ())


@dataclass(frozen=True)
class TwiceRated:
    """How far apart two ratings of the same pair are, where both orders were rated.

    Attributes:
        pairs: how many pairs have both.
        identical: how many got the same score twice.
        mean_difference: mean absolute difference.
        straddling: how many have one score below `threshold` and the other not.
        threshold: the score asked about.
    """

    pairs: int
    identical: int
    mean_difference: float
    straddling: int
    threshold: float


def twice_rated(ratings: Ratings, threshold: float) -> TwiceRated:
    """Compares the two scores of pairs that occur in both orders; both are kept everywhere else."""
    scores = {(a, b): s for a, b, s in zip(ratings.left, ratings.right, ratings.score, strict=True)}
    both = np.array([(s, scores[b, a]) for (a, b), s in scores.items() if a < b and (b, a) in scores]).reshape(-1, 2)
    difference = np.abs(both[:, 0] - both[:, 1])
    reach = both >= threshold
    return TwiceRated(
        pairs=len(both),
        identical=int((difference == 0).sum()),
        mean_difference=float(difference.mean()) if len(both) else 0.0,
        straddling=int((reach[:, 0] != reach[:, 1]).sum()),
        threshold=threshold,
    )


def read_ratings(folder: Path, split: str = "test") -> RatingSet:
    """Reads ``sts_SPLIT.csv``, ``sis_SPLIT.csv`` and ``sits_SPLIT.csv`` of a folder, as many as are there.

    Args:
        folder: the release's ``data`` folder, or one that `nonet cxc ratings` wrote.
        split: ``val`` or ``test`` in the release.
    Raises:
        DataError: if none of the files is there, or one is not what its name says.
    """
    found = {kind: path for kind in KINDS if (path := folder / f"{kind}_{split}.csv").is_file()}
    if not found:
        names = {path.stem.partition("_")[2] for kind in KINDS for path in folder.glob(f"{kind}_*.csv")}
        splits = sorted(name for name in names if not name.endswith("_raw"))
        raise DataError(
            f"There is no sts_{split}.csv, sis_{split}.csv or sits_{split}.csv.",
            where=folder,
            fix=f"Take a --split that is there: {', '.join(splits)}."
            if splits
            else f"Name the folder of the rating files; the release has them at {_RELEASE}.",
        )
    read = {kind: read_ratings_file(path) for kind, path in found.items()}
    for kind, ratings in read.items():
        if ratings.kind != kind:
            raise DataError(f"This holds {ratings.kind} ratings by its header.", where=found[kind], fix="Rename it.")
    return RatingSet(split, **read)


def read_ratings_file(path: Path) -> Ratings:
    """Reads one CSV of ratings; its header tells the kind. A byte-order mark, quotes and CR LF are understood.

    Raises:
        DataError: with the line, if the header is unknown or a row is broken, out of range or there twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            kind = _kind_of(next(rows, []), path)
            return _rows_to_ratings(kind, rows, path)
    except UnicodeDecodeError as error:
        raise DataError(
            "This is not text in UTF-8.", where=path, fix="Is it a packed file? Unpack it first."
        ) from error
    except csv.Error as error:
        raise DataError(f"This is not a CSV file: {error}.", where=path) from error


def _kind_of(header: Sequence[str], path: Path) -> Kind:
    names = tuple(name.strip() for name in header)
    for kind, columns in COLUMNS.items():
        if names == columns:
            return kind
    expected = "; ".join(",".join(columns) for columns in COLUMNS.values())
    raise DataError(
        f"The header is '{','.join(names)[:120]}', and ratings have one of: {expected}.",
        where=path,
        fix="Take the aggregated files (sts_test.csv …), not the raw judgements.",
    )


def _rows_to_ratings(kind: Kind, rows: Iterator[list[str]], path: Path) -> Ratings:
    left, right, score, method = [], [], [], []
    seen: set[tuple[str, str]] = set()
    for line, row in enumerate(rows, 2):
        if not row:
            continue
        where = f"{path}, line {line}"
        if len(row) != 4:
            raise DataError(f"A row has 4 columns, this one {len(row)}.", where=where)
        try:
            value = float(row[2])
        except ValueError:
            raise DataError(f"'{row[2]}' is not a score.", where=where, fix="Scores are numbers from 0 to 5.") from None
        if not 0 <= value <= 5:  # also not a number
            raise DataError(f"The score {row[2]} is out of range.", where=where, fix="Scores lie between 0 and 5.")
        if (row[0], row[1]) in seen:
            raise DataError(f"The pair '{row[0]}', '{row[1]}' occurs twice.", where=where, fix="Keep one row a pair.")
        seen.add((row[0], row[1]))
        left.append(row[0])
        right.append(row[1])
        score.append(value)
        method.append(row[3])
    if not left:
        raise DataError("There are no rows below the header.", where=path)
    return Ratings(kind, tuple(left), tuple(right), np.array(score), tuple(method))
