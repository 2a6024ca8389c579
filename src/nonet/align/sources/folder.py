"""Pairs from a folder, or an archive, of pictures with captions."""

from __future__ import annotations

import re
import shlex
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from nonet.align.pictures import PICTURE_SUFFIXES, Facts, Limits, inspect_picture
from nonet.align.sources.archives import extract, is_archive
from nonet.align.sources.captions import CAPTION_SUFFIXES, Caption, read_captions
from nonet.align.sources.multi30k import is_multi30k, read_multi30k
from nonet.align.splits import Shares
from nonet.align.words import clean_text, decode_text
from nonet.align.writing import Pair, PairsWriter, Tally, prepare_folder, write_pairs
from nonet.foundation import console
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.files import is_file

__all__ = ["FolderConfig", "Shelf", "make_pairs", "words_of_name"]

In = TypeVar("In")
Out = TypeVar("Out")

_NOTICE = "The pictures and captions are the user's own; their licences are those of their owners."


@dataclass(frozen=True)
class FolderConfig:
    """How a folder becomes pairs.

    Attributes:
        captions: the captions file; None looks for ``captions.tsv`` (or .csv, .jsonl, .json, .txt) in the folder, then
            for a ``.txt`` file beside each picture.
        names: whether the file name of a picture without a caption is its caption.
        languages: of the captions, where they are a folder of Multi30k.
        shares: how the pictures are split, where the captions file states no split of its own.
        limits: what a picture may be.
    """

    captions: Path | None = None
    names: bool = False
    languages: tuple[str, ...] = ("en",)
    shares: Shares = field(default_factory=Shares)
    limits: Limits = field(default_factory=Limits)

    def command(self, source: Path, out: Path) -> str:
        """The command line that makes these pairs."""
        words = ["nonet", "align", "pairs", "folder", str(source), "--out", str(out)]
        words += ["--captions", str(self.captions)] if self.captions else []
        words += ["--names"] if self.names else []
        words += ["--languages", *self.languages] if self.languages != ("en",) else []
        words += ["--validation", str(self.shares.validation), "--test", str(self.shares.test)]
        return shlex.join([*words, "--seed", str(self.shares.seed)])


def make_pairs(source: Path, out: Path, config: FolderConfig) -> Tally:
    """Checks every picture that has a caption and writes the pairs folder; the pictures stay where they are.

    Args:
        source: a folder, or an archive that is extracted below ``out``.
        out: the pairs folder.
        config: what to take.
    Returns:
        What was kept and what was left out.
    Raises:
        DataError: if there is no such folder, it holds no pictures, or no pair is left.
    """
    prepare_folder(out)
    folder = extract(source, out / "extracted") if is_archive(source) else source
    shelf = Shelf(folder)
    name = source.name.split(".")[0] or source.resolve().name
    with write_pairs(out, name=name, source="folder", command=config.command(source, out), notice=_NOTICE) as writer:
        gathered = _gather(shelf, config, writer.tally)
        split_of: dict[str, str] = {}
        checked = _in_order(lambda path: _check(path, config.limits), gathered)
        for (path, captions), facts in console.track(checked, "Checking pictures", total=len(gathered)):
            if isinstance(facts, DataError):
                writer.tally.skip(_kind(facts.what), str(path), len(captions))
                continue
            for caption in captions:
                split = caption.split or config.shares.split(facts.sha256)
                if split_of.setdefault(facts.sha256, split) != split:
                    writer.tally.skip("the same picture in another split", str(path))
                    continue
                _add(writer, out, path, caption, facts, split)
    return writer.tally


class Shelf:
    """The pictures below a folder, found by whatever a captions file calls them.

    Args:
        folder: searched with all folders in it; hidden ones are left out.
    Raises:
        DataError: if there is no such folder or it holds no pictures.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            what = "This is a file, neither a folder nor an archive." if folder.exists() else "There is no such folder."
            raise DataError(what, where=folder, fix="Name a folder of pictures, or a .tar or .zip of one.")
        self.folder = folder
        try:
            next(folder.iterdir(), None)
        except OSError as error:
            raise DataError(f"The folder cannot be read ({error.strerror}).", where=folder) from error
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
        self.pictures = [path for path in files if not _hidden(path.relative_to(folder)) and path.is_file()]
        if not self.pictures:
            raise DataError("The folder holds no pictures.", where=folder, fix=f"Known are {_known_suffixes()}.")
        self._by_name: dict[str, list[Path]] = {}
        for path in self.pictures:
            for key in {path.name, path.stem}:
                self._by_name.setdefault(key, []).append(path)

    def find(self, name: str) -> Path | str:
        """The picture that is called ``name``: a path, the end of one, a file name, or a name without suffix.

        Returns:
            The file, or the reason why none is meant.
        """
        if not name:
            return "a caption without a picture's name"
        direct = self.folder / name
        if is_file(direct):
            return direct
        wanted = Path(name.replace("\\", "/"))
        called = self._by_name.get(wanted.name, [])
        ends = [path for path in called if path.parts[-len(wanted.parts) :] == wanted.parts]
        found = ends or (called if len(wanted.parts) == 1 else [])
        if len(found) > 1:
            return "several pictures have this name"
        return found[0] if found else "a caption whose picture is not there"


def words_of_name(path: Path) -> str:
    """A file name as words: ``red-balloon_02.jpg`` is "red balloon"; a camera's number is nothing."""
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", path.stem))
    meant = [word for word in words if word.lower() not in {"img", "dsc", "dscn", "dscf", "pxl", "image", "screenshot"}]
    return " ".join(meant).lower() if any(len(word) > 2 for word in meant) else ""


def _gather(shelf: Shelf, config: FolderConfig, tally: Tally) -> list[tuple[Path, list[Caption]]]:
    """The pictures that have captions, in the order of their paths."""
    captions: dict[Path, list[Caption]] = {}
    table = _captions_file(shelf.folder, config.captions)
    for caption in _captions(table, config) if table else _sidecars(shelf.pictures):
        found = shelf.find(caption.image)
        if isinstance(found, str):
            tally.skip(found, f"{caption.image or '?'}: {caption.text[:60]}")
        else:
            captions.setdefault(found, []).append(caption)
    for path in shelf.pictures:
        if path not in captions and config.names and (words := words_of_name(path)):
            captions[path] = [Caption(path.name, words)]
        elif path not in captions:
            tally.skip("a picture without a caption", str(path))
    return sorted(captions.items())


def _captions(table: Path, config: FolderConfig) -> Iterable[Caption]:
    return read_multi30k(table, config.languages) if is_multi30k(table) else read_captions(table)


def _captions_file(folder: Path, named: Path | None) -> Path | None:
    if named is not None:
        candidates = [named, folder / named, *folder.glob(f"*/{named}")] if not named.is_absolute() else [named]
        return next((path for path in candidates if path.is_file()), named)
    candidates = [path for suffix in CAPTION_SUFFIXES for path in sorted(folder.glob(f"captions{suffix}"))]
    candidates += [path for suffix in CAPTION_SUFFIXES for path in sorted(folder.glob(f"*/captions{suffix}"))]
    if len(candidates) > 1 and candidates[0].parent != folder:
        raise UsageError(
            f"There are several captions files ({candidates[0]}, {candidates[1]} …).",
            where=folder,
            fix="Say which with --captions.",
        )
    if candidates:
        console.note(f"The captions are read from {candidates[0]}")
    return candidates[0] if candidates else None


def _sidecars(pictures: Iterable[Path]) -> Iterator[Caption]:
    for path in pictures:
        for sidecar in (path.with_suffix(".txt"), path.with_name(path.name + ".txt")):
            if sidecar.is_file():
                text, utf8 = decode_text(sidecar.read_bytes())
                for line in filter(str.strip, text.splitlines() or [""]):
                    yield Caption(str(path.resolve()), line, utf8=utf8)


def _add(writer: PairsWriter, out: Path, path: Path, caption: Caption, facts: Facts, split: str) -> None:
    clean = clean_text(caption.text)
    where = f"{path}: {clean.text[:60]}"
    if not clean.text:
        writer.tally.skip("an empty text", str(path))
        return
    if clean.cut:
        writer.tally.change("a long text was cut", where)
    if not caption.utf8:
        writer.tally.change("a text that was not UTF-8 was read as Windows-1252", where)
    absolute, root = path.resolve(), out.resolve()
    inside = absolute.is_relative_to(root)
    writer.add(
        Pair(
            image=absolute.relative_to(root).as_posix() if inside else str(absolute),
            text=clean.text,
            concept=facts.sha256,
            split=split,
            source=str(path),
            width=facts.width,
            height=facts.height,
            sha256=facts.sha256,
        )
    )


def _check(path: Path, limits: Limits) -> Facts | DataError:
    try:
        return inspect_picture(path, limits)
    except DataError as error:
        return error


def _kind(what: str) -> str:
    """An error as a reason to count: without what differs from picture to picture."""
    return re.sub(r" \(.*\)", "", what).rstrip(".")


def _in_order(work: Callable[[Path], Out], items: Iterable[tuple[Path, In]]) -> Iterator[tuple[tuple[Path, In], Out]]:
    """Does the work of several items at once, and yields in their order, with few results waiting."""
    waiting: deque[tuple[tuple[Path, In], Future[Out]]] = deque()
    with ThreadPoolExecutor() as workers:
        try:
            for item in items:
                waiting.append((item, workers.submit(work, item[0])))
                if len(waiting) >= 64:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:  # Ctrl-C waits for no more than the pictures in hand
            workers.shutdown(wait=True, cancel_futures=True)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _known_suffixes() -> str:
    return ", ".join(sorted(PICTURE_SUFFIXES))
