"""A trained thing on disk: a folder with ``config.json``, ``model.safetensors``, ``README.md`` and a wing's own files.

``config.json`` says what the folder holds, with size and SHA-256 of every other file, so that a damaged or foreign
folder is refused before anything in it is used. Loading parses JSON and safetensors: no code in the folder runs and
nothing is unpickled.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from safetensors import SafetensorError

from nonet import __version__
from nonet.foundation import manifest as manifests
from nonet.foundation.card import Card
from nonet.foundation.errors import ArtifactError, ResourceError, UsageError, readable
from nonet.foundation.files import atomic_folder, readable_folder
from nonet.foundation.fitting import Module, fitted
from nonet.foundation.manifest import CONFIG, README, TENSORS, Manifest
from nonet.foundation.settings import plain, rebuild

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Artifact", "Card", "load", "load_module", "save"]

Config = TypeVar("Config")
_ATTEMPTS = 3  # to read an artifact that is replaced in the meantime


@dataclass(frozen=True)
class Artifact:
    """A loaded artifact.

    Attributes:
        kind: what it is, such as ``"align-encoder"``.
        config: the configuration that it was saved with, in JSON's types.
        tensors: its weights by name, on the CPU.
        path: its folder.
        files: the wing's own files: name and path.
    """

    kind: str
    config: dict[str, Any]
    tensors: dict[str, Any]
    path: Path
    files: dict[str, Path] = field(default_factory=dict)

    def configured(self, kind: type[Config]) -> Config:
        """The configuration as the dataclass that it was saved from.

        Raises:
            ArtifactError: if its fields are not those of the dataclass.
        """
        try:
            return rebuild(kind, self.config)
        except ArtifactError as error:
            raise ArtifactError(error.what, where=self.path / CONFIG, fix=error.fix) from error


def save(
    folder: Path,
    *,
    kind: str,
    config: object,
    tensors: Mapping[str, Tensor | np.ndarray],
    card: Card,
    files: Mapping[str, bytes | Path] | None = None,
) -> None:
    """Writes an artifact; a former one in the same folder is replaced in one step, whatever interrupts the writing.

    Files in ``folder`` that belong to no artifact (logs, notes) stay.

    Args:
        folder: where to.
        kind: what it is; `load` asks for the same.
        config: a dataclass or a mapping that JSON can express.
        tensors: the weights by name, all of torch or all of NumPy.
        card: what ``README.md`` says.
        files: more files to keep with it: relative name, and content or a file to copy.
    Raises:
        ArtifactError: if files of another tool would be overwritten.
        UsageError: if ``folder`` is the one we stand in, which cannot be replaced.
        ResourceError: if the disk is full or may not be written.
    """
    target = Path(folder).resolve()
    contents = dict(files or {})
    names = [TENSORS, README, *contents]
    if len({Path(name) for name in names}) < len(names) or not all(map(manifests.is_inside, contents)):
        raise ValueError(f"these cannot name files of an artifact: {sorted(contents)}")
    _refuse_to_overwrite(target, {CONFIG, *names})
    settings = plain(config)
    with _system_errors(target), atomic_folder(target) as partial:
        _write_tensors(partial / TENSORS, tensors)
        (partial / README).write_text(card.markdown(), encoding="utf-8")
        for name, content in contents.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content) if isinstance(content, bytes) else shutil.copyfile(content, path)
        prints = {name: manifests.fingerprint(partial / name) for name in names}
        text = Manifest(kind, settings, __version__, prints).text()
        (partial / CONFIG).write_text(text, encoding="utf-8")
        _carry_over(target, partial)


def load(folder: Path, *, kind: str, library: Literal["torch", "numpy"] = "torch") -> Artifact:
    """Reads an artifact and checks every file of it.

    Args:
        folder: where it is.
        kind: what it must be.
        library: whose arrays the weights become.
    Raises:
        ArtifactError: if it is missing, damaged, not nonet's, of another kind or of another version.
    """
    for attempt in range(_ATTEMPTS):
        place = readable_folder(Path(folder))
        found = manifests.read(place)
        try:
            return _load(place, found, kind, library)
        except ArtifactError:
            # someone may have put a new artifact in place between our reading of two files
            if attempt == _ATTEMPTS - 1 or manifests.read(readable_folder(Path(folder))) == found:
                raise
    raise AssertionError("the last attempt returns or raises")


def load_module(folder: Path, *, kind: str, build: Callable[[dict[str, Any]], Module]) -> Module:
    """Reads an artifact whose tensors are the state of a network that its configuration describes.

    Args:
        folder: where it is.
        kind: what it must be.
        build: makes the network, with any weights, from the configuration.
    Returns:
        The network with the stored weights, in evaluation mode.
    Raises:
        ArtifactError: as `load`; and if configuration and weights do not fit together.
    """
    stored = load(folder, kind=kind)
    module = fitted(lambda: build(stored.config), stored.tensors, "model", folder)
    module.eval()
    return module


def _load(place: Path, found: Manifest, kind: str, library: Literal["torch", "numpy"]) -> Artifact:
    if found.kind != kind:
        raise ArtifactError(
            f"This folder holds '{found.kind}' and not '{kind}'.",
            where=place,
            fix=f"Name a folder with '{kind}'.",
        )
    for name, expected in found.files.items():
        manifests.verify(place / name, expected)
    others = {name: place / name for name in found.files if name not in {TENSORS, README}}
    return Artifact(kind, found.config, _read_tensors(place / TENSORS, library), place, others)


def _write_tensors(path: Path, tensors: Mapping[str, Tensor | np.ndarray]) -> None:
    if all(isinstance(tensor, np.ndarray) for tensor in tensors.values()):
        from safetensors.numpy import save_file

        save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path)
    else:
        from safetensors.torch import save_file

        save_file(_separate(tensors), path, metadata={"format": "pt"})


def _separate(tensors: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors on the CPU, none sharing memory with another: tied weights are stored for each name."""
    separate: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        copy = tensor.detach().cpu().contiguous()
        storage = copy.untyped_storage().data_ptr()
        separate[name] = copy.clone() if storage in seen else copy
        seen.add(storage)
    return separate


def _read_tensors(path: Path, library: Literal["torch", "numpy"]) -> dict[str, Any]:
    try:
        if library == "numpy":
            from safetensors.numpy import load_file

            return load_file(path)
        from safetensors.torch import load_file

        return load_file(path)
    except SafetensorError as error:
        fix = "Make or copy the artifact again."
        raise ArtifactError("This is not a safetensors file.", where=path, fix=fix) from error


def _refuse_to_overwrite(target: Path, names: set[str]) -> None:
    if target == Path.cwd() or target in Path.cwd().parents:
        raise UsageError(
            "The folder you stand in cannot be replaced.", where=target, fix="Name a folder inside it, such as ./model."
        )
    for name in sorted(names - _owned(target)):
        if (target / name).exists():
            raise ArtifactError(
                "This file is not of a nonet artifact and would be overwritten.",
                where=target / name,
                fix="Choose another folder to write to.",
            )


def _owned(folder: Path) -> set[str]:
    """The files in a folder that belong to an artifact of any version, however damaged the others are."""
    try:
        return {CONFIG, *manifests.read(folder, any_version=True).files}
    except ArtifactError:
        return set()


def _carry_over(target: Path, partial: Path) -> None:
    """Links the files that belong to no artifact into the new folder."""
    owned = _owned(target)
    for path in target.rglob("*"):
        name = path.relative_to(target)
        if name.as_posix() in owned or (path.is_dir() and not path.is_symlink()):
            continue
        (partial / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, partial / name, follow_symlinks=False)
        except OSError:  # a file system without links
            shutil.copy2(path, partial / name, follow_symlinks=False)


@contextmanager
def _system_errors(folder: Path) -> Iterator[None]:
    """What the system refuses (disk full, no permission) as an error to show."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        shown = readable(_as_os_error(error))
        if shown is None:
            raise
        raise ResourceError(shown.what, where=folder, fix=shown.fix) from error


def _as_os_error(error: Exception) -> Exception:
    """An error of safetensors, which says ``(os error 28)``, as the `OSError` it was."""
    code = re.search(r"\(os error (\d+)\)", str(error)) if isinstance(error, SafetensorError) else None
    return OSError(int(code[1]), str(error)) if code else error
