"""Multi30k: captions of Flickr30K photographs in four languages, line by line as its lists of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from nonet.align.sources.captions import Caption
from nonet.foundation.errors import DataError
from nonet.foundation.reading import unpack

__all__ = ["is_multi30k", "read_multi30k"]

_MOST = 2**30  # bytes of one file of captions
_SPLITS = {"train": "train", "val": "validation", "test_2016_flickr": "test", "test_2017_flickr": "test"}


def is_multi30k(folder: Path) -> bool:
    """Whether a folder is laid out as ``data/task1`` of Multi30k."""
    return (folder / "image_splits").is_dir() and (folder / "raw").is_dir()


def read_multi30k(folder: Path, languages: Sequence[str]) -> Iterator[Caption]:
    """The captions of some languages with the splits of the release.

    Args:
        folder: ``data/task1``: ``raw/SPLIT.LANGUAGE`` (or ``.gz``) and ``image_splits/SPLIT.txt``.
        languages: such as ``de``.
    Raises:
        DataError: if a language is not there, or a file has another number of lines than its list of pictures.
    """
    found = False
    for name, split in _SPLITS.items():
        pictures = folder / "image_splits" / f"{name}.txt"
        for language in languages:
            texts = _texts(folder / "raw" / f"{name}.{language}")
            if not pictures.is_file() or texts is None:
                continue
            named = pictures.read_text(encoding="utf-8", errors="replace").splitlines()
            names = [line.strip().partition("#")[0] for line in named]
            if len(names) != len(texts):
                raise DataError(
                    f"There are {len(texts)} captions of {len(names)} pictures.", where=f"{name}.{language}"
                )
            found = True
            yield from (Caption(image, text, split) for image, text in zip(names, texts, strict=True))
    if not found:
        raise DataError(
            f"There are no captions in {', '.join(languages)}.",
            where=folder / "raw",
            fix="Choose --languages en, de, fr or cs.",
        )


def _texts(path: Path) -> list[str] | None:
    packed = path.with_name(path.name + ".gz")
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    if not packed.is_file():
        return None
    try:
        return unpack(packed.read_bytes(), "gzip", _MOST).decode("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"The captions cannot be unpacked ({error}).", where=packed) from error
