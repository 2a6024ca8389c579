"""Which pictures are to be indexed: those of a folder, of a pairs folder, or of a list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nonet.align.data import DESCRIPTION, Pairs
from nonet.align.pictures import PICTURE_SUFFIXES
from nonet.foundation.errors import DataError, UsageError

__all__ = ["Listed", "Listing", "list_pictures"]


@dataclass(frozen=True)
class Listed:
    """A picture file that was named.

    Attributes:
        path: the file, absolute.
        captions: its texts.
    """

    path: Path
    captions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """The pictures of one source.

    Attributes:
        source: the folder or list, absolute; indexing it again replaces what it gave before.
        pictures: each file once.
    """

    source: str
    pictures: list[Listed]


def list_pictures(images: Path, split: str | None = None) -> Listing:
    """The pictures that ``images`` means.

    Args:
        images: a folder (searched through, hidden files left out), a pairs folder, one picture, or a UTF-8 text file
            with a path a line, relative to the file's folder, and behind a tab a caption.
        split: of a pairs folder only this split.
    Raises:
        DataError: if it does not exist, cannot be read, or names no pictures.
        UsageError: if a split is asked of something that is not a pairs folder.
    """
    images = images.resolve()
    is_pairs = (images / DESCRIPTION).is_file()
    if split is not None and not is_pairs:
        raise UsageError("Only a pairs folder has splits.", where=images, fix="Leave --split out.")
    if is_pairs:
        pictures = _of_pairs(images, split)
    elif images.is_dir():
        pictures = [Listed(path) for path in _pictures_below(images)]
    elif images.is_file():
        pictures = [Listed(images)] if images.suffix.lower() in PICTURE_SUFFIXES else _of_list(images)
    else:
        raise DataError("There is no such file or folder.", where=images, fix="Check the spelling of the path.")
    if not pictures:
        raise DataError(
            "No pictures are here.", where=images, fix=f"Files with these endings are looked for: {_endings()}."
        )
    return Listing(str(images), pictures)


def _of_pairs(folder: Path, split: str | None) -> list[Listed]:
    pairs = Pairs.open(folder)
    if split is not None:
        pairs = pairs.split(split)
    captions: list[list[str]] = [[] for _ in pairs.images]
    for text, image in zip(pairs.texts, pairs.image_of.tolist(), strict=True):
        captions[image].append(text)
    return [Listed(path, tuple(texts)) for path, texts in zip(pairs.images, captions, strict=True)]


def _pictures_below(folder: Path) -> list[Path]:
    next(folder.iterdir(), None)  # rglob passes over a folder that may not be read; this one must not be passed over
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def _of_list(file: Path) -> list[Listed]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(
            "This is neither a picture nor a list of pictures.",
            where=file,
            fix=f"A list is a UTF-8 text with one path a line. Pictures end in {_endings()}.",
        ) from error
    captions: dict[Path, list[str]] = {}
    for line in lines:
        name, _, caption = line.partition("\t")
        if name.strip():
            captions.setdefault(file.parent / name.strip(), []).extend([caption.strip()] if caption.strip() else [])
    return [Listed(path, tuple(texts)) for path, texts in captions.items()]


def _endings() -> str:
    return ", ".join(sorted(PICTURE_SUFFIXES))
