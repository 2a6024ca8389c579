"""Bringing an index up to date with its pictures: only what is new or changed is embedded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from nonet.align.embedder import Embedder, Opened, open_for_embedding
from nonet.align.index import Index
from nonet.align.listing import Listed, Listing
from nonet.align.segments import Picture
from nonet.align.writing import Tally
from nonet.foundation.errors import ArtifactError, DataError

__all__ = ["Outcome", "check_model", "open_or_create", "update"]

Item = TypeVar("Item")

_MANY_SEGMENTS = 8
_MUCH_DEAD = 0.2


@dataclass
class Outcome:
    """What an update did.

    Attributes:
        embedded: pictures whose vectors were made now.
        reused: pictures whose content the index knew under another path or caption.
        unchanged: pictures that it knew as they are.
        dropped: pictures that it knew and that are gone.
        skipped: files that could not be used, by reason.
    """

    embedded: int = 0
    reused: int = 0
    unchanged: int = 0
    dropped: int = 0
    skipped: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class _Known:
    """A picture as the index has it.

    Attributes:
        id: its id.
        sha256: of the file's bytes.
        captions: its texts.
    """

    id: int
    sha256: str
    captions: tuple[str, ...]

    def matches(self, sha256: str, captions: tuple[str, ...]) -> bool:
        """Whether nothing has changed."""
        return (self.sha256, self.captions) == (sha256, captions)


def open_or_create(folder: Path, embedder: Embedder, model: Path) -> Index:
    """The index in ``folder``, new if there is none.

    Raises:
        ArtifactError: if the index there was made by another model.
    """
    if not Index.is_at(folder):
        return Index.create(folder, fingerprint=embedder.fingerprint, model=str(model.resolve()), dim=embedder.dim)
    index = Index.open(folder)
    check_model(index, embedder)
    index.move_model(str(model.resolve()))
    return index


def check_model(index: Index, embedder: Embedder) -> None:
    """Raises ArtifactError if the index was made by another model than ``embedder``."""
    manifest = index.snapshot().manifest
    if (manifest.fingerprint, manifest.dim) != (embedder.fingerprint, embedder.dim):
        raise ArtifactError(
            "This index was made by another model; its vectors and those of this model cannot be compared.",
            where=index.folder,
            fix="Use that model, or index the pictures with this one into a new folder.",
        )


def update(
    index: Index,
    embedder: Embedder,
    listing: Listing,
    *,
    commit: int = 512,
    batch: int = 32,
    advance: Callable[[int], None] = lambda pictures: None,
    known: Callable[[Sequence[str]], Mapping[str, np.ndarray]] = lambda digests: {},
) -> Outcome:
    """Makes the index hold what ``listing`` names, beside the pictures of other sources.

    Pictures are known by the SHA-256 of their bytes. Every ``commit`` pictures the index is saved, so an interrupted
    update goes on where it was.

    Args:
        index: the index to bring up to date.
        embedder: the model that it was made with.
        listing: the pictures.
        commit: pictures between two saves.
        batch: pictures that the model sees at once.
        advance: called with the number of pictures just finished.
        known: gives the vectors, by SHA-256, of those pictures that the model need not see again; see
            `nonet.align.features.known_pictures`.
    """
    update = _Update(index, embedder, listing.source, batch, known)
    with index.writing():
        update.look_up()
        for pictures in _pieces(listing.pictures, commit):
            update.save(pictures)
            advance(len(pictures))
        update.drop_the_rest()
        _tidy(index)
    return update.outcome


class _Update:
    """One update in progress: what the index knew of the source, and which of it is still there."""

    def __init__(
        self,
        index: Index,
        embedder: Embedder,
        source: str,
        batch: int,
        known_vectors: Callable[[Sequence[str]], Mapping[str, np.ndarray]],
    ) -> None:
        self.index, self.embedder, self.source, self.batch = index, embedder, source, batch
        self.known_vectors = known_vectors
        self.outcome = Outcome()
        self.known: dict[str, _Known] = {}
        self.by_content: dict[str, int] = {}
        self.present: set[str] = set()

    def look_up(self) -> None:
        columns = self.index.snapshot().columns("path", "source", "sha256", "captions")
        for id, path, source, sha256, captions in columns:
            self.by_content[sha256] = id
            if source == self.source:
                self.known[path] = _Known(id, sha256, tuple(captions))

    def save(self, pictures: Sequence[Listed]) -> None:
        """Brings some pictures up to date, in one change of the index."""
        changed = list(self._changed(pictures))
        vectors = self._stored({sha256 for _, sha256 in changed})
        self.outcome.reused += sum(sha256 in vectors for _, sha256 in changed)
        unseen = {sha256: item.path for item, sha256 in changed if sha256 not in vectors}
        vectors |= self._embedded(unseen)
        usable = [(item, sha256) for item, sha256 in changed if sha256 in vectors]
        if not usable:
            return
        rows = [
            Picture(str(item.path), self.source, sha256, item.captions, vectors[sha256].width, vectors[sha256].height)
            for item, sha256 in usable
        ]
        replaced = [self.known[row.path].id for row in rows if row.path in self.known]
        ids = self.index.add(np.stack([vectors[row.sha256].vector for row in rows]), rows, replacing=replaced)
        self.by_content |= {row.sha256: id for id, row in zip(ids, rows, strict=True)}
        self.present |= {row.path for row in rows}

    def drop_the_rest(self) -> None:
        """Deletes what the source no longer names, or names but cannot show any more."""
        gone = [entry.id for path, entry in self.known.items() if path not in self.present]
        self.outcome.dropped = self.index.delete(gone)

    def _changed(self, pictures: Sequence[Listed]) -> Iterator[tuple[Listed, str]]:
        for item in pictures:
            path = str(item.path)
            try:
                with item.path.open("rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                self.outcome.skipped.skip(f"the file cannot be read ({error.strerror})", path)
                continue
            if path in self.known and self.known[path].matches(sha256, item.captions):
                self.outcome.unchanged += 1
                self.present.add(path)
            else:
                yield item, sha256

    def _stored(self, contents: set[str]) -> dict[str, _Seen]:
        """The vectors that the index has for some contents already."""
        ids = {sha256: self.by_content[sha256] for sha256 in contents if sha256 in self.by_content}
        snapshot = self.index.snapshot()
        vectors, pictures = snapshot.vectors(ids.values()), snapshot.pictures(ids.values())
        return {
            sha256: _Seen(vectors[id], pictures[id].width, pictures[id].height)
            for sha256, id in ids.items()
            if id in vectors
        }

    def _embedded(self, unseen: dict[str, Path]) -> dict[str, _Seen]:
        """The vectors that the model gives to pictures; those that cannot be opened are counted and left out."""
        seen: dict[str, _Seen] = {}
        vectors = dict(self.known_vectors(list(unseen)))
        for opened in _opened(unseen, self.batch, self.outcome.skipped):
            new = {sha256: file.picture for sha256, file in opened if sha256 not in vectors}
            if new:
                vectors |= zip(new, self.embedder.embed_images(list(new.values())), strict=True)
            seen |= {sha256: _Seen(vectors[sha256], file.width, file.height) for sha256, file in opened}
        self.outcome.embedded += len(seen)
        return seen


@dataclass(frozen=True)
class _Seen:
    """A picture's vector and size."""

    vector: np.ndarray
    width: int
    height: int


def _opened(files: dict[str, Path], size: int, skipped: Tally) -> Iterator[list[tuple[str, Opened]]]:
    """Pictures in batches; the next one is decoded while the caller works on this one."""
    with ThreadPoolExecutor() as pool:
        ahead: list[tuple[str, Path, Future[Opened]]] = []
        for batch in [*_pieces(list(files.items()), size), ()]:
            decoded, ahead = ahead, [(sha256, path, pool.submit(open_for_embedding, path)) for sha256, path in batch]
            opened = []
            for sha256, path, future in decoded:
                try:
                    opened.append((sha256, future.result()))
                except DataError as error:
                    skipped.skip(error.what, str(path))
            if opened:
                yield opened


def _pieces(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _tidy(index: Index) -> None:
    """Merges the segments where there are many, or much in them is dead."""
    manifest = index.snapshot().manifest
    dead = sum(entry.dead for entry in manifest.segments)
    much = dead > _MUCH_DEAD * max(1, manifest.pictures)
    fast = sum(entry.ann is not None for entry in manifest.segments)
    if much or len(manifest.segments) - fast > _MANY_SEGMENTS:
        index.compact(keep_fast=not much)
