"""Pairs of picture and text on disk: the folder that every other room of the wing reads.

A pairs folder holds ``pairs.parquet`` (one row a pair), ``pairs.json`` (where the pairs came from and what was left
out) and, for sources that render or download, ``images/``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from nonet.foundation.description import DESCRIPTION, read_description
from nonet.foundation.errors import ArtifactError, DataError, UsageError

__all__ = ["DESCRIPTION", "FORMAT", "SCHEMA", "SPLITS", "STAMP", "TABLE", "Pairs", "describe"]

FORMAT = 1
SPLITS = ("train", "validation", "test")
TABLE = "pairs.parquet"
STAMP = "nonet.stamp"  # in the table's metadata and in the description: that both are of one making
SCHEMA = pa.schema(
    [
        ("image", pa.string()),  # relative to the folder with forward slashes, or absolute
        ("text", pa.string()),
        ("concept", pa.string()),  # what no two splits share
        ("split", pa.string()),
        ("source", pa.string()),  # URL, path or code point
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("sha256", pa.string()),  # of the image file
    ]
)
_REMAKE = "Make the pairs again with `nonet align pairs`."


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pictures and their texts; a picture may have several.

    Attributes:
        folder: the pairs folder.
        name: what the pairs are called, for cards and reports.
        images: the picture files, each once, in the order of the table.
        digests: SHA-256 of each picture file, in hexadecimal; the key for caches of its features.
        concepts: the group of each picture; no two splits share one.
        splits: the split of each picture: ``train``, ``validation`` or ``test``.
        texts: the texts, in the order of the table.
        image_of: for each text the row of its picture in ``images``.
    """

    folder: Path
    name: str
    images: list[Path]
    digests: list[str]
    concepts: list[str]
    splits: list[str]
    texts: list[str]
    image_of: Int[np.ndarray, "texts"]

    @classmethod
    def open(cls, folder: Path | str) -> Pairs:
        """Reads a pairs folder.

        Args:
            folder: what ``nonet align pairs`` wrote.
        Raises:
            DataError: if there is no such folder, or it holds no pairs, or its pictures are gone.
            ArtifactError: if the table is damaged, foreign or of another version.
        """
        folder = Path(folder)
        described = describe(folder)
        table, stamp = _read_table(folder / TABLE)
        if stamp is not None and stamp.decode("ascii", "replace") != described.get("stamp"):
            raise ArtifactError(f"{DESCRIPTION} and {TABLE} are not of one making.", where=folder, fix=_REMAKE)
        pairs = _from_table(folder, str(described.get("name") or folder.name), table)
        _check_present(pairs)
        return pairs

    def split(self, name: str) -> Pairs:
        """The pairs of one split, in the same order.

        Args:
            name: ``train``, ``validation`` or ``test``.
        Raises:
            UsageError: if there is no such split.
        """
        if name not in SPLITS:
            raise UsageError(f"'{name}' is not a split.", fix=f"Choose one of {', '.join(SPLITS)}.")
        return self.take([row for row, split in enumerate(self.splits) if split == name])

    def take(self, rows: Sequence[int]) -> Pairs:
        """The pairs of some pictures.

        Args:
            rows: rows of ``images``, each at most once.
        """
        new_row = np.full(len(self.images), -1, dtype=np.int64)
        new_row[list(rows)] = np.arange(len(rows))
        kept = np.flatnonzero(new_row[self.image_of] >= 0)
        return Pairs(
            folder=self.folder,
            name=self.name,
            images=[self.images[row] for row in rows],
            digests=[self.digests[row] for row in rows],
            concepts=[self.concepts[row] for row in rows],
            splits=[self.splits[row] for row in rows],
            texts=[self.texts[row] for row in kept],
            image_of=new_row[self.image_of[kept]],
        )

    @property
    def fingerprint(self) -> str:
        """A checksum of the pictures' contents and of their texts, in order."""
        digest = hashlib.sha256()
        for part in (*self.digests, *self.texts, self.image_of.tobytes().hex()):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        return digest.hexdigest()

    def __len__(self) -> int:
        """The number of pairs, which is the number of texts."""
        return len(self.texts)


def describe(folder: Path) -> dict[str, Any]:
    """What ``pairs.json`` says: name, source, counts and the reasons for what was left out.

    Raises:
        DataError: if there is no such folder or it holds no pairs.
        ArtifactError: if the file is damaged or of another version.
    """
    return read_description(folder, FORMAT, "nonet align pairs")


def _read_table(path: Path) -> tuple[pa.Table, bytes | None]:
    """The table, and the stamp of its making if the writer set one."""
    if not path.is_file():
        raise ArtifactError("The table of pairs is missing.", where=path, fix=_REMAKE)
    try:
        with pq.ParquetFile(path) as file:
            stamp = (file.metadata.metadata or {}).get(STAMP.encode())
            table = file.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ArtifactError("The table of pairs is damaged or not Parquet.", where=path, fix=_REMAKE) from error
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        raise ArtifactError(f"The table lacks the columns {', '.join(missing)}.", where=path, fix=_REMAKE)
    try:
        table = table.select(SCHEMA.names).cast(SCHEMA)
    except (pa.ArrowException, ValueError) as error:
        raise ArtifactError(f"A column of the table has another type ({error}).", where=path, fix=_REMAKE) from error
    for name in ("image", "text", "concept", "split", "sha256"):
        if table[name].null_count:
            raise ArtifactError(f"The column '{name}' has empty cells.", where=path, fix=_REMAKE)
    return table, stamp


def _from_table(folder: Path, name: str, table: pa.Table) -> Pairs:
    # dictionary codes number the pictures in the order of their first row
    coded = table["image"].combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    image_of = coded.indices.to_numpy().astype(np.int64)
    paths = coded.dictionary.to_pylist()
    _, first = np.unique(image_of, return_index=True)
    columns = {}
    for column in ("concept", "split", "sha256"):
        values = np.asarray(table[column].to_pylist(), dtype=object)
        columns[column] = values[first].tolist()
        torn = np.flatnonzero(values != values[first][image_of]) if len(values) else []
        if len(torn):
            raise ArtifactError(
                f"Rows of one picture disagree on '{column}'.", where=paths[image_of[torn[0]]], fix=_REMAKE
            )
    _check_splits(folder, columns["concept"], columns["split"])
    return Pairs(
        folder=folder,
        name=name,
        images=[folder / path for path in paths],
        digests=columns["sha256"],
        concepts=columns["concept"],
        splits=columns["split"],
        texts=table["text"].to_pylist(),
        image_of=image_of,
    )


def _check_splits(folder: Path, concepts: list[str], splits: list[str]) -> None:
    unknown = sorted(set(splits) - set(SPLITS))
    if unknown:
        raise ArtifactError(f"'{unknown[0]}' is not a split.", where=folder / TABLE, fix=_REMAKE)
    split_of: dict[str, str] = {}
    for concept, split in zip(concepts, splits, strict=True):
        if split_of.setdefault(concept, split) != split:
            raise ArtifactError(
                f"The concept '{concept}' is in two splits, so a test would see what training saw.",
                where=folder / TABLE,
                fix=_REMAKE,
            )


def _check_present(pairs: Pairs, sample: int = 64) -> None:
    """Looks at some pictures, so that a moved folder is noticed now and not in the middle of a training."""
    step = max(1, len(pairs.images) // sample)
    for image in pairs.images[::step]:
        if not image.is_file():
            raise DataError("A picture of these pairs is gone.", where=image, fix=f"Put it back, or: {_REMAKE}")
