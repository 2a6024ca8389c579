"""The manifest of an index: which files make up its present state.

Nothing that a manifest names is ever changed in place. A change writes new files beside the old ones and then
replaces the manifest in one step, so a process killed at any point leaves the former state or the new one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nonet.foundation.errors import ArtifactError
from nonet.foundation.files import replace_file
from nonet.foundation.reading import parse_json
from nonet.foundation.settings import rebuild

__all__ = ["MANIFEST", "Manifest", "SegmentEntry"]

MANIFEST = "manifest.json"
_FORMAT = "nonet align index"
_VERSION = 1


@dataclass(frozen=True)
class SegmentEntry:
    """One immutable segment, as the manifest names it.

    Attributes:
        name: its folder below ``segments/``.
        rows: how many pictures it was written with.
        dead: how many of them have been deleted since.
        tombstones: the file below ``tombstones/`` with their row numbers; None while there are none.
        ann: the folder below ``ann/`` with its structure for approximate search; None while it is searched exactly.
    """

    name: str
    rows: int
    dead: int = 0
    tombstones: str | None = None
    ann: str | None = None


@dataclass(frozen=True)
class Manifest:
    """The state of an index.

    Attributes:
        fingerprint: of the model whose embeddings these are.
        model: the model's folder when the index was last written to.
        dim: numbers in an embedding.
        generation: rises by one with every change.
        next_id: the id that the next picture gets; ids are never used twice.
        segments: in the order of their writing.
    """

    fingerprint: str
    model: str
    dim: int
    generation: int = 0
    next_id: int = 0
    segments: tuple[SegmentEntry, ...] = ()

    @property
    def pictures(self) -> int:
        """How many pictures can be found."""
        return sum(entry.rows - entry.dead for entry in self.segments)

    def save(self, folder: Path) -> None:
        """Becomes the state of the index in ``folder``."""
        record = {"format": _FORMAT, "version": _VERSION, **asdict(self)}
        replace_file(folder / MANIFEST, json.dumps(record, indent=1))

    @staticmethod
    def load(folder: Path) -> Manifest:
        """The state of the index in ``folder``.

        Raises:
            ArtifactError: if there is no index, or its manifest is damaged or of another version.
        """
        path = folder / MANIFEST
        if not path.is_file():
            what = "This folder is not an index." if folder.is_dir() else "There is no index here."
            raise ArtifactError(what, where=folder, fix="Make one: nonet align index model/ IMAGES --out index/")
        try:
            record = parse_json(path.read_bytes())
            if record.pop("format") != _FORMAT:
                raise ValueError("it is of another format")
            if (version := record.pop("version")) != _VERSION:
                raise ValueError(f"it is of version {version}, and this nonet reads version {_VERSION}")
            return _checked(rebuild(Manifest, record))
        except (ValueError, TypeError, KeyError, AttributeError, OSError, ArtifactError) as error:
            raise ArtifactError(
                f"The manifest of this index cannot be used: {error}.",
                where=path,
                fix="Build the index again into a new folder with `nonet align index`.",
            ) from error

    def after(self, **changes: object) -> Manifest:
        """The next state."""
        return replace(self, generation=self.generation + 1, **changes)  # type: ignore[arg-type]


def _checked(manifest: Manifest) -> Manifest:
    numbers = [manifest.dim, manifest.generation, manifest.next_id]
    numbers += [number for entry in manifest.segments for number in (entry.rows, entry.dead)]
    if not all(isinstance(number, int) and number >= 0 for number in numbers) or manifest.dim == 0:
        raise ValueError("a count in it is not a number")
    names = [
        name for entry in manifest.segments for name in (entry.name, entry.tombstones, entry.ann) if name is not None
    ]
    texts = [manifest.fingerprint, manifest.model, *names]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a name in it is not a text")
    if any(Path(name).name != name for name in names):  # a manifest must not reach outside its folder
        raise ValueError("it names a file outside the index")
    return manifest
