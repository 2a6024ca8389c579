"""``config.json`` of an artifact: what the folder holds, and the size and checksum of each of its files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from nonet import __version__
from nonet.foundation.errors import ArtifactError
from nonet.foundation.reading import parse_json
from nonet.foundation.settings import rebuild

__all__ = ["CONFIG", "README", "TENSORS", "Fingerprint", "Manifest", "fingerprint", "is_inside", "read", "verify"]

FORMAT = "nonet-artifact"
FORMAT_VERSION = 1
CONFIG, TENSORS, README = "config.json", "model.safetensors", "README.md"

_AGAIN = "Make or copy the artifact again."


@dataclass(frozen=True)
class Fingerprint:
    """What a file must be: its size in bytes and its SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The content of ``config.json``.

    Attributes:
        kind: what the artifact is.
        config: its configuration in JSON's types.
        nonet_version: what wrote it.
        files: the other files of the artifact by relative name.
    """

    kind: str
    config: dict[str, Any]
    nonet_version: str
    files: Mapping[str, Fingerprint]

    def text(self) -> str:
        """The manifest as JSON."""
        content = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "nonet_version": self.nonet_version,
            "kind": self.kind,
            "config": self.config,
            "files": {name: vars(expected) for name, expected in sorted(self.files.items())},
        }
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read(folder: Path, *, any_version: bool = False) -> Manifest:
    """Reads and checks the manifest of an artifact.

    Args:
        folder: of the artifact.
        any_version: whether one of another format version will do.
    Raises:
        ArtifactError: if there is none, or it is damaged, foreign or of another version.
    """
    path = folder / CONFIG
    try:
        content = parse_json(path.read_bytes())
    except OSError as error:
        raise _unreadable(folder, error) from error
    except ValueError as error:
        raise ArtifactError("The file is not whole JSON: it was cut or changed.", where=path, fix=_AGAIN) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _foreign(folder)
    if content.get("format_version") != FORMAT_VERSION and not any_version:
        raise ArtifactError(
            f"The artifact has format {content.get('format_version')}, written by nonet"
            f" {content.get('nonet_version')}; this is nonet {__version__}, which reads format {FORMAT_VERSION}.",
            where=folder,
            fix="Use the nonet that wrote it, or make it again.",
        )
    try:
        found = rebuild(Manifest, {name: content[name] for name in ("kind", "config", "nonet_version", "files")})
    except (KeyError, ArtifactError) as error:
        raise ArtifactError("The file lacks what it must say.", where=path, fix=_AGAIN) from error
    if not any_version and (TENSORS not in found.files or not all(map(is_inside, found.files))):
        raise ArtifactError("The file names files that no artifact has.", where=path, fix=_AGAIN)
    return found


def fingerprint(path: Path) -> Fingerprint:
    """Size and checksum of a file."""
    with path.open("rb") as file:
        return Fingerprint(os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest())


def verify(path: Path, expected: Fingerprint) -> None:
    """Compares a file with its fingerprint.

    Raises:
        ArtifactError: if it is missing or differs.
    """
    if not path.is_file():
        raise ArtifactError("The file is missing.", where=path, fix=_AGAIN)
    size = path.stat().st_size
    if size != expected.bytes:
        what = f"The file has {size:,} bytes, not {expected.bytes:,}: it was cut or changed."
        raise ArtifactError(what, where=path, fix=_AGAIN)
    if fingerprint(path) != expected:
        raise ArtifactError("The file does not match its checksum: it was damaged or changed.", where=path, fix=_AGAIN)


def is_inside(name: str) -> bool:
    """Whether a relative name stays in the folder and is not that of the manifest."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and str(path) not in {".", CONFIG}


def _foreign(folder: Path) -> ArtifactError:
    return ArtifactError("This is not a nonet artifact.", where=folder, fix="Name a folder that nonet wrote.")


def _unreadable(folder: Path, error: OSError) -> ArtifactError:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        if folder.exists():
            return _foreign(folder)
        return ArtifactError("There is no such folder.", where=folder, fix="Check the spelling of the path.")
    return ArtifactError(f"The file cannot be read ({error.strerror}).", where=folder / CONFIG, fix=_AGAIN)
