"""A trained thing on disk: a folder with ``config.json``, ``model.safetensors``, ``README.md`` and a wing's own files.

``config.json`` says what the folder holds and carries the size and SHA-256 of every other file, so that a damaged or
foreign folder is refused before anything in it is used. Loading parses JSON and safetensors; no code in the folder runs
and nothing is unpickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nonet import __version__
from nonet.foundation.errors import ArtifactError, ResourceError, readable
from nonet.foundation.files import atomic_folder, readable_folder

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Artifact", "Card", "load", "save"]

FORMAT = "nonet-artifact"
FORMAT_VERSION = 1
CONFIG, TENSORS, README = "config.json", "model.safetensors", "README.md"


@dataclass(frozen=True)
class Card:
    """What a person should know of an artifact before using it.

    Attributes:
        title: its name.
        description: what it does, a paragraph.
        data: what it was made from.
        figures: what was measured on it: name and value.
        command: the command that makes it again.
        date: the day it was made.
    """

    title: str
    description: str = ""
    data: str = ""
    figures: Mapping[str, object] = field(default_factory=dict)
    command: str = ""
    date: date | None = None

    def markdown(self) -> str:
        """The card as the text of ``README.md``."""
        parts = [f"# {self.title}", self.description]
        if self.data:
            parts += ["## Data", self.data]
        if self.figures:
            rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in self.figures.items()]
            parts += ["## Figures", "\n".join(["| measure | value |", "|---|---|", *rows])]
        if self.command:
            parts += ["## Made by", f"```\n{self.command}\n```"]
        made = f" on {self.date.isoformat()}" if self.date else ""
        parts.append(f"Made with nonet {__version__}{made}.")
        return "\n\n".join(part for part in parts if part) + "\n"


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


@dataclass(frozen=True)
class Artifact:
    """A loaded artifact.

    Attributes:
        kind: what it is, such as ``"align-encoder"``.
        config: the configuration that it was saved with.
        tensors: its weights, on the CPU.
        path: its folder.
        files: the wing's own files: name and path.
    """

    kind: str
    config: dict[str, Any]
    tensors: dict[str, Tensor]
    path: Path
    files: dict[str, Path] = field(default_factory=dict)


def save(
    folder: Path,
    *,
    kind: str,
    config: object,
    tensors: Mapping[str, Tensor],
    card: Card,
    files: Mapping[str, bytes | Path] | None = None,
) -> None:
    """Writes an artifact; a former one in the same folder is replaced in one step, whatever interrupts the writing.

    Files in ``folder`` that belong to no artifact (logs, notes) stay.

    Args:
        folder: where to.
        kind: what it is; `load` asks for the same.
        config: a dataclass or a mapping that JSON can express.
        tensors: the weights, by name.
        card: what ``README.md`` says.
        files: more files to keep with it: relative name and content (or a file to copy).
    Raises:
        ArtifactError: if files of another tool would be overwritten.
        ResourceError: if the disk is full or not writable.
    """
    target = Path(folder).resolve()
    contents = dict(files or {})
    for name in contents:
        _check_name(name)
    _refuse_foreign(target, {CONFIG, TENSORS, README, *contents})
    settings = plain(config)
    with _system_errors(target), atomic_folder(target) as partial:
        _write_tensors(partial / TENSORS, tensors)
        (partial / README).write_text(card.markdown(), encoding="utf-8")
        for name, content in contents.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content) if isinstance(content, bytes) else shutil.copyfile(content, path)
        manifest = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "nonet_version": __version__,
            "kind": kind,
            "config": settings,
            "files": {name: _fingerprint(partial / name) for name in sorted([TENSORS, README, *contents])},
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False)
        (partial / CONFIG).write_text(text + "\n", encoding="utf-8")
        _carry_over(target, partial)


def load(folder: Path, *, kind: str) -> Artifact:
    """Reads an artifact and checks every file of it.

    Args:
        folder: where it is.
        kind: what it must be.
    Raises:
        ArtifactError: if it is missing, damaged, not nonet's, of another kind or of another version.
    """
    place = readable_folder(Path(folder))
    manifest = _manifest(place)
    if manifest["kind"] != kind:
        raise ArtifactError(
            f"This folder holds a '{manifest['kind']}', not a '{kind}'.",
            where=folder,
            fix=f"Name a folder with a '{kind}'.",
        )
    for name, expected in manifest["files"].items():
        _verify(place / name, expected)
    others = {name: place / name for name in manifest["files"] if name not in {TENSORS, README}}
    return Artifact(kind, manifest["config"], _read_tensors(place / TENSORS), place, others)


def plain(config: object) -> dict[str, Any]:
    """A configuration as JSON's own types: dataclasses become objects, tuples lists, paths text."""
    value = _plain(config)
    if not isinstance(value, dict):
        raise TypeError(f"a configuration is a dataclass or a mapping, not {type(config).__name__}")
    return value


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (Path, date)):
        return str(value)
    return value


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    from safetensors.torch import save_file

    separate: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        copy = tensor.detach().cpu().contiguous()
        storage = copy.untyped_storage().data_ptr()
        separate[name] = copy.clone() if storage in seen else copy  # tied weights are stored for each name
        seen.add(storage)
    save_file(separate, path, metadata={"format": "pt"})


def _read_tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ArtifactError(
            "This is not a safetensors file.", where=path, fix="Make or copy the artifact again."
        ) from error


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    foreign = ArtifactError("This is not a nonet artifact.", where=folder, fix="Name a folder that nonet wrote.")
    try:
        manifest = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        if not folder.exists():
            raise ArtifactError("There is no such folder.", where=folder, fix="Check the spelling.") from error
        raise foreign from error
    except ValueError as error:
        raise ArtifactError("The file is damaged.", where=path, fix="Make or copy the artifact again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise foreign
    if manifest.get("format_version") != FORMAT_VERSION:
        raise ArtifactError(
            f"The artifact has format {manifest.get('format_version')} (written by nonet"
            f" {manifest.get('nonet_version')}); this is nonet {__version__}, which reads format {FORMAT_VERSION}.",
            where=folder,
            fix="Use the nonet that wrote it, or make it again.",
        )
    return manifest


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": os.fstat(file.fileno()).st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _verify(path: Path, expected: Mapping[str, Any]) -> None:
    again = "Make or copy the artifact again."
    if not path.is_file():
        raise ArtifactError("The file is missing.", where=path, fix=again)
    size = path.stat().st_size
    if size != expected["bytes"]:
        what = f"The file has {size:,} bytes, not {expected['bytes']:,}: it was cut or changed."
        raise ArtifactError(what, where=path, fix=again)
    if _fingerprint(path)["sha256"] != expected["sha256"]:
        raise ArtifactError(
            "The content does not match its checksum: it was damaged or changed.", where=path, fix=again
        )


def _check_name(name: str) -> None:
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or name in {CONFIG, TENSORS, README}:
        raise ValueError(f"{name!r} cannot name a file of an artifact")


def _owned(folder: Path) -> set[str]:
    try:
        return {CONFIG, *_manifest(folder)["files"]}
    except ArtifactError:
        return set()


def _refuse_foreign(target: Path, names: set[str]) -> None:
    owned = _owned(target)
    for name in sorted(names - owned):
        if (target / name).exists():
            raise ArtifactError(
                "This file is not of a nonet artifact and would be overwritten.",
                where=target / name,
                fix="Choose another folder to write to.",
            )


def _carry_over(target: Path, partial: Path) -> None:
    """Links the files that belong to no artifact into the new folder."""
    owned = _owned(target)
    for path in _walk(target):
        name = path.relative_to(target)
        if str(name) not in owned:
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, partial / name, follow_symlinks=False)
            except OSError:
                shutil.copy2(path, partial / name, follow_symlinks=False)


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*") if folder.exists() else ():
        if path.is_symlink() or not path.is_dir():
            yield path


@contextmanager
def _system_errors(folder: Path) -> Iterator[None]:
    """What the system refuses (disk full, no permission) as an error to show."""
    try:
        yield
    except OSError as error:
        shown = readable(error)
        if shown is None:
            raise
        raise ResourceError(shown.what, where=folder, fix=shown.fix) from error
    except Exception as error:
        if "os error 28" not in str(error):  # safetensors' form of ENOSPC
            raise
        fix = "Free some space and run the same command again."
        raise ResourceError("The disk is full.", where=folder, fix=fix) from error
