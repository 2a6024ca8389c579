"""Pictures with a class: a folder a class, as ImageNet, its robustness sets, CIFAR and most others are laid out."""

from __future__ import annotations

import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from nonet.align.pictures import PICTURE_SUFFIXES
from nonet.foundation.errors import DataError
from nonet.foundation.files import atomic_folder
from nonet.foundation.reading import parse_json

__all__ = ["Labelled", "class_folders", "class_names", "sample_in"]

_SAMPLE = 100  # pictures of each class and split


@dataclass(frozen=True, eq=False)
class Labelled:
    """Pictures and their classes.

    Attributes:
        images: the files.
        labels: the number of each picture's class in `classes`.
        classes: names of the folders, in alphabetical order.
    """

    images: list[Path]
    labels: Int[np.ndarray, " images"]
    classes: list[str]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Int[np.ndarray, " rows"]) -> Labelled:
        """Some of the pictures, with the same classes."""
        return Labelled([self.images[row] for row in rows.tolist()], self.labels[rows], self.classes)

    def relabelled(self, classes: list[str]) -> Labelled:
        """The same pictures with numbers of classes in another list, which a robustness set has only a part of.

        Raises:
            DataError: if a class is not in it.
        """
        number = {name: n for n, name in enumerate(classes)}
        unknown = [name for name in self.classes if name not in number]
        if unknown:
            raise DataError(f"There is no class '{unknown[0]}' to learn from.", fix="Give both sets the same folders.")
        map_to = np.array([number[name] for name in self.classes], np.int64)
        return Labelled(self.images, map_to[self.labels], classes)


def class_folders(folder: Path, most: int = 0, seed: int = 0) -> Labelled:
    """The pictures of a folder that has a folder for each class.

    Args:
        folder: with ``CLASS/picture.jpg``, at any depth below the class.
        most: of each class take so many at most, drawn at random; 0 for all.
        seed: decides which are drawn.
    Raises:
        DataError: if there is no such folder, or fewer than two classes with pictures.
    """
    if not folder.is_dir():
        raise DataError("There is no such folder.", where=folder, fix="Check the spelling of the path.")
    images: list[Path] = []
    labels: list[int] = []
    classes: list[str] = []
    rng = np.random.default_rng(seed)
    for home in sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."):
        found = sorted(path for path in home.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
        if most and len(found) > most:
            found = [found[row] for row in np.sort(rng.permutation(len(found))[:most]).tolist()]
        if found:
            images += found
            labels += [len(classes)] * len(found)
            classes.append(home.name)
    if len(classes) < 2:
        raise DataError(
            f"{len(classes)} classes with pictures are here.",
            where=folder,
            fix="Put the pictures of each class into a folder of its own.",
        )
    return Labelled(images, np.array(labels, np.int64), classes)


def sample_in(data: Path, name: str, out: Path) -> Path:
    """Labelled pictures in a folder of real data sets; of an archive the first hundred of each class and split.

    Args:
        data: with a folder ``NAME`` or an archive ``NAME-jpg.tar.xz`` in it: SPLIT/CLASS/picture.jpg.
        name: of the set.
        out: folder that a sample of an archive is unpacked to, once.
    Raises:
        DataError: if neither is there, or the archive is damaged.
    """
    archive = data / f"{name}-jpg.tar.xz"
    for ready in (data / name, out):
        if ready.is_dir():
            return ready
    if not archive.is_file():
        raise DataError(f"There is no {name}/ and no {archive.name}.", where=data, fix="Put one of them there.")
    taken: Counter[str] = Counter()
    try:
        with atomic_folder(out) as partial, tarfile.open(archive) as members:
            for member in members:
                home, _, _ = member.name.removeprefix("./").rpartition("/")
                if member.isfile() and "/" in home and taken[home] < _SAMPLE:
                    taken[home] += 1
                    members.extract(member, partial, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"This is not a whole archive ({error}).", where=archive) from error
    return out


def class_names(classes: list[str], file: Path | None = None) -> list[str]:
    """What the classes are called in words.

    Args:
        classes: names of their folders.
        file: a JSON object, or lines of folder, tab and name; by default the folders' names with spaces.
    Raises:
        DataError: if the file cannot be read or lacks a class.
    """
    if file is None:
        return [" ".join(name.replace("_", " ").replace("-", " ").split()) for name in classes]
    try:
        text = file.read_text(encoding="utf-8-sig")
        rows = (
            parse_json(text)
            if file.suffix == ".json"
            else dict(_row(line) for line in text.splitlines() if line.strip())
        )
        return [str(dict(rows)[name]) for name in classes]
    except KeyError as error:
        raise DataError(f"The class {error} has no name.", where=file) from error
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"The names of the classes cannot be read ({error}).", where=file, fix="Lines of folder<TAB>name, or JSON."
        ) from error


def _row(line: str) -> tuple[str, str]:
    folder, _, name = line.partition("\t")
    return folder.strip(), name.strip() or folder.strip()
