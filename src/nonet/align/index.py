"""The index: embedded pictures in a folder, searched exactly or fast, changed without ever being half-changed.

Reading goes through a `Snapshot`, one state that stays whole whatever is written meanwhile. Writing goes through an
`Index`: it makes new files, replaces the manifest in one step, and clears away what no manifest names.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from filelock import FileLock, Timeout
from jaxtyping import Float

from nonet.align import ann
from nonet.align.ann_config import AnnConfig
from nonet.align.manifest import MANIFEST, Manifest, SegmentEntry
from nonet.align.segments import (
    ANN,
    SEGMENTS,
    TOMBSTONES,
    Batch,
    Picture,
    write_segment,
    write_tombstones,
)
from nonet.align.snapshot import Hits, Snapshot
from nonet.foundation.errors import ArtifactError, ResourceError, UsageError
from nonet.foundation.files import atomic_folder

__all__ = ["Hits", "Index", "Snapshot"]


class Index:
    """An index in a folder."""

    def __init__(self, folder: Path, snapshot: Snapshot) -> None:
        """Use `Index.open` or `Index.create`."""
        self.folder = folder
        self._snapshot = snapshot
        self._lock = FileLock(folder / "lock", timeout=0)

    @classmethod
    def create(cls, folder: Path, *, fingerprint: str, model: str, dim: int) -> Index:
        """A new index without pictures.

        Args:
            folder: a folder that is empty or not there yet.
            fingerprint: of the model whose embeddings it will hold.
            model: where that model is.
            dim: numbers in an embedding.
        Raises:
            UsageError: if the folder holds something else.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(
                "This is not an index, and it is not empty.", where=folder, fix="Name a new folder with --out."
            )
        folder.mkdir(parents=True, exist_ok=True)
        Manifest(fingerprint=fingerprint, model=model, dim=dim).save(folder)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Index:
        """The index in ``folder``.

        Raises:
            ArtifactError: if there is none, or it is damaged or of another version.
        """
        return cls(folder, _read(folder))

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Whether ``folder`` holds an index (which may still be damaged)."""
        return (folder / MANIFEST).is_file()

    def snapshot(self) -> Snapshot:
        """The newest state; costs one look at the manifest where nothing has changed."""
        if Manifest.load(self.folder) != self._snapshot.manifest:
            self._snapshot = _read(self.folder)
        return self._snapshot

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keeps other processes from changing the index.

        Raises:
            ResourceError: if another one is changing it now.
        """
        try:
            self._lock.acquire()
        except Timeout as error:
            raise ResourceError(
                "Another process is changing this index.", where=self.folder, fix="Wait until it has finished."
            ) from error
        try:
            self._clear_leftovers()
            yield
        finally:
            self._lock.release()

    def add(
        self,
        vectors: Float[np.ndarray, "pictures dim"],
        pictures: Sequence[Picture],
        *,
        replacing: Iterable[int] = (),
    ) -> list[int]:
        """Adds pictures, and deletes others in the same step.

        Args:
            vectors: their embeddings, of length 1.
            pictures: what is known of them, one for each vector.
            replacing: ids to delete.
        Returns:
            Their ids.
        Raises:
            ArtifactError: if the vectors are of another dimension or not finite.
        """
        with self.writing():
            manifest = self.snapshot().manifest
            _check(vectors, len(pictures), manifest.dim)
            entries = self._bury(replacing)
            ids = np.arange(manifest.next_id, manifest.next_id + len(pictures))
            if len(pictures):
                name = f"{manifest.generation + 1:08d}"
                batch = Batch.of(ids, vectors, pictures)
                entries = (*entries, write_segment(self.folder, name, len(ids), manifest.dim, [batch]))
            self._commit(manifest.after(segments=entries, next_id=manifest.next_id + len(ids)))
            return ids.tolist()

    def delete(self, ids: Iterable[int]) -> int:
        """Deletes pictures; ids that are not there are passed over.

        Returns:
            How many were deleted.
        """
        with self.writing():
            before = self.snapshot().manifest
            after = before.after(segments=self._bury(ids))
            if after.pictures < before.pictures:
                self._commit(after)
            return before.pictures - after.pictures

    def compact(self, *, keep_fast: bool = False) -> None:
        """Merges the segments into one without the deleted pictures, in bounded memory. Ids stay as they are.

        Args:
            keep_fast: leave the segments up to the last one with a structure for approximate search as they are.
        """
        with self.writing():
            snapshot = self.snapshot()
            manifest, segments = snapshot.manifest, snapshot.live_segments()
            fast = [number for number, segment in enumerate(segments) if segment.ann is not None]
            first = fast[-1] + 1 if keep_fast and fast else 0
            rows = sum(segment.entry.rows - segment.entry.dead for segment in segments[first:])
            # ids rise within a segment and from each segment to the next, so the merged ones rise too
            batches = (batch for segment in segments[first:] for batch in segment.batches())
            entries = manifest.segments[:first]
            if rows:
                name = f"{manifest.generation + 1:08d}"
                entries = (*entries, write_segment(self.folder, name, rows, manifest.dim, batches))
            self._commit(manifest.after(segments=entries))

    def accelerate(
        self, queries: Mapping[str, Float[np.ndarray, "queries dim"]], config: AnnConfig
    ) -> list[tuple[str, ann.Facts]]:
        """Builds the structure for approximate search of every large segment that has none.

        Reading goes on meanwhile; the index is the former one until a structure is whole.

        Args:
            queries: by kind, such as people ask; see `ann.build`.
            config: from which size on, and with which recall.
        Returns:
            Name of each segment with a structure, and what is known of it.
        """
        built = []
        with self.writing():
            for number, segment in enumerate(self.snapshot().live_segments()):
                if segment.ann is not None:
                    built.append((segment.entry.name, segment.ann.facts))
                elif segment.entry.rows >= config.exact_below:
                    manifest = self.snapshot().manifest
                    name = f"{manifest.generation + 1:08d}"
                    with atomic_folder(self.folder / ANN / name) as home:
                        facts = ann.build(segment.vectors, queries, config, home)
                    entries = list(manifest.segments)
                    entries[number] = replace(entries[number], ann=name)
                    self._commit(manifest.after(segments=tuple(entries)))
                    built.append((segment.entry.name, facts))
        return built

    def merge(self, other: Snapshot) -> tuple[int, int]:
        """Adds the pictures of another index of the same model, with new ids, in bounded memory.

        Returns:
            How many were added, and how many were left out because this index has a picture of that path.
        Raises:
            ArtifactError: if the other was made by another model.
        """
        with self.writing():
            snapshot = self.snapshot()
            manifest = snapshot.manifest
            if (manifest.fingerprint, manifest.dim) != (other.manifest.fingerprint, other.manifest.dim):
                raise ArtifactError(
                    "The two indexes were made by different models; their vectors cannot be compared.",
                    fix="Index the pictures of one with the model of the other.",
                )
            here = {path for _, path in snapshot.columns("path")}
            new = sum(path not in here for _, path in other.columns("path"))
            if new:
                name = f"{manifest.generation + 1:08d}"
                batches = _renumbered(other, here, manifest.next_id)
                entry = write_segment(self.folder, name, new, manifest.dim, batches)
                after = manifest.after(segments=(*manifest.segments, entry), next_id=manifest.next_id + new)
                self._commit(after)
            return new, len(other) - new

    def move_model(self, model: str) -> None:
        """Notes where the model is now."""
        with self.writing():
            manifest = self.snapshot().manifest
            if manifest.model != model:
                self._commit(manifest.after(model=model))

    def _bury(self, ids: Iterable[int]) -> tuple[SegmentEntry, ...]:
        """The segments' entries with new tombstones for ``ids``; a segment without living rows is left out."""
        wanted = np.unique(np.fromiter(ids, np.int64))
        entries = []
        for segment in self._snapshot.live_segments():
            entry, rows = segment.entry, segment.find(wanted)
            if entry.dead + len(rows) == entry.rows:
                continue
            if len(rows):
                dead = rows if segment.alive is None else np.union1d(np.flatnonzero(~segment.alive), rows)
                name = f"{self._snapshot.manifest.generation + 1:08d}-{entry.name}.npy"
                write_tombstones(self.folder, name, dead.astype(np.int64))
                entry = replace(entry, dead=len(dead), tombstones=name)
            entries.append(entry)
        return tuple(entries)

    def _commit(self, manifest: Manifest) -> None:
        manifest.save(self.folder)
        self._snapshot = _read(self.folder)
        self._clear_leftovers()

    def _clear_leftovers(self) -> None:
        """Removes what no manifest names: the former state's files, and those of a process that was killed."""
        manifest = self.snapshot().manifest
        named = {
            SEGMENTS: {entry.name for entry in manifest.segments},
            TOMBSTONES: {entry.tombstones for entry in manifest.segments},
            ANN: {entry.ann for entry in manifest.segments},
        }
        leftovers = [p for kind, names in named.items() for p in (self.folder / kind).glob("*") if p.name not in names]
        for path in leftovers:
            if path.exists():
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _renumbered(other: Snapshot, known: set[str], first: int) -> Iterator[Batch]:
    """The pictures of an index whose paths are not known, with ids from ``first``."""
    for segment in other.live_segments():
        for batch in segment.batches():
            new = np.array([path not in known for path in batch.rows["path"].to_pylist()], bool)
            ids = np.arange(first, first + int(new.sum()))
            first += len(ids)
            yield Batch(ids, batch.vectors[new], batch.rows.filter(pa.array(new)))


def _read(folder: Path, attempts: int = 5) -> Snapshot:
    """The state in ``folder``; looks again when a writer replaces it between the manifest and the segments."""
    for _ in range(attempts):
        manifest = Manifest.load(folder)
        try:
            return Snapshot(folder, manifest)
        except FileNotFoundError as error:
            missing = error.filename
            if Manifest.load(folder) == manifest:
                break
    raise ArtifactError(
        "A file of this index is missing.",
        where=missing,
        fix="Build the index again into a new folder with `nonet align index`.",
    )


def _check(vectors: np.ndarray, pictures: int, dim: int) -> None:
    if vectors.shape != (pictures, dim):
        raise ArtifactError(
            f"{pictures} pictures of dimension {dim} were expected, and an array of shape {vectors.shape} came.",
            fix="Embed the pictures with the model that the index was made with.",
        )
    if not np.isfinite(vectors).all():
        raise ArtifactError(
            "An embedding holds a number that is not finite.", fix="The model is damaged: train it again."
        )
