"""Collections whose pictures are files: what a model learns from, and the photographs that it is judged on."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nonet.cxc.data import Collection, collection_from_rows, read_collection
from nonet.cxc.ratings import KINDS, read_ratings_file
from nonet.foundation.errors import DataError
from nonet.foundation.reading import made_sense_of, one_error

__all__ = ["Pictures", "find_picture", "joined", "rated_images", "read_pairs"]


@dataclass(frozen=True)
class Pictures:
    """A collection whose pictures are files.

    Attributes:
        collection: images and captions.
        paths: the file of each image.
    """

    collection: Collection
    paths: tuple[Path, ...]

    def only(self, images: set[str]) -> Pictures:
        """The part with these images."""
        part = self.collection.only(images, self.collection.captions)
        path = dict(zip(self.collection.images, self.paths, strict=True))
        return Pictures(part, tuple(path[name] for name in part.images))


def read_pairs(source: Path, extracted: Path) -> Pictures:
    """Reads a folder, or a .tar, that holds pictures and a ``captions.tsv`` with the columns image and caption.

    A folder that `nonet align pairs` wrote will do too; its training split is taken.

    Args:
        source: the folder or archive. Pictures lie beside the table or in ``images`` there.
        extracted: a folder to unpack an archive into.
    Raises:
        DataError: if there is no such table or a picture is missing.
    """
    if not source.exists():
        raise DataError("There is no such folder or archive.", where=source, fix="Check the spelling of the path.")
    if source.is_file():
        try:
            with one_error(), tarfile.open(source) as archive:
                archive.extractall(extracted, filter="data")
        except (ValueError, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise DataError("This is not a .tar archive.", where=source) from error
        source = extracted
    if (source / "pairs.parquet").is_file():
        return _located(_rows_of_pairs(source / "pairs.parquet"), source)
    found = sorted(source.rglob("captions.tsv"))
    if len(found) != 1:
        raise DataError(f"There are {len(found)} files captions.tsv in it.", where=source, fix="It needs exactly one.")
    return _located(read_collection(found[0]), found[0].parent)


def _rows_of_pairs(table: Path) -> Collection:
    """The training split of a folder that `nonet align pairs` wrote."""
    import pyarrow.parquet as parquet

    with made_sense_of(table, what="This is not a table of pairs", fix="Make it with `nonet align pairs`."):
        rows = parquet.read_table(table, columns=["image", "text"], filters=[("split", "=", "train")]).to_pylist()
    return collection_from_rows(({"image": row["image"], "caption": row["text"]} for row in rows), table)


def _located(collection: Collection, folder: Path) -> Pictures:
    """Finds the pictures, beside the table or in ``images`` there."""
    paths = []
    for name in collection.files:
        path = find_picture(folder, name)
        if path is None:
            raise DataError(f"There is no picture '{name}'.", where=folder)
        paths.append(path)
    return Pictures(collection, tuple(paths))


def find_picture(folder: Path, name: str) -> Path | None:
    """A picture in a folder or in ``images`` there.

    It may lie there by its path, by its name alone, or by its COCO number alone (its name in val2017).
    """
    plain = Path(name).name
    names = (name, plain, plain.rpartition("_")[2])
    candidates = (place / one for place in (folder, folder / "images") for one in names)
    return next((path for path in candidates if path.is_file()), None)


def joined(parts: Sequence[Pictures]) -> Pictures:
    """Several collections as one."""
    offsets = np.cumsum([0] + [len(part.paths) for part in parts])
    collections = [part.collection for part in parts]
    whole = Collection(
        images=tuple(name for part in collections for name in part.images),
        captions=tuple(name for part in collections for name in part.captions),
        image_of=np.concatenate([part.image_of + start for part, start in zip(collections, offsets, strict=False)]),
        texts=tuple(text for part in collections for text in part.texts),
        files=tuple(name for part in collections for name in part.files),
    )
    return Pictures(whole, tuple(path for part in parts for path in part.paths))


def rated_images(folder: Path) -> set[str]:
    """Images that occur in any rating file of the folder, as images or through rated pairs of images."""
    files = [path for kind in KINDS for path in sorted(folder.glob(f"{kind}_*.csv")) if not path.stem.endswith("_raw")]
    if not files:
        raise DataError("There are no rating files.", where=folder, fix="Name the folder with sts_test.csv and others.")
    images: set[str] = set()
    for path in files:
        ratings = read_ratings_file(path)
        images |= set(ratings.right) if ratings.kind == "sits" else set()
        images |= {*ratings.left, *ratings.right} if ratings.kind == "sis" else set()
    return images
