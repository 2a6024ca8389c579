"""Archives of pictures: extracted once, safely, into the folder that needs them."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from nonet.foundation import console
from nonet.foundation.errors import DataError, ResourceError
from nonet.foundation.reading import one_error

__all__ = ["extract", "is_archive"]

_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar.zst", ".zip")


def is_archive(path: Path) -> bool:
    """Whether the file is named as an archive that `extract` reads."""
    return path.is_file() and path.name.lower().endswith(_SUFFIXES)


def extract(archive: Path, into: Path) -> Path:
    """Extracts an archive, or finds what an earlier call has extracted.

    Members that would leave the folder, links and devices are refused. An interrupted extraction starts again.

    Args:
        archive: a tar (plain or compressed) or zip file.
        into: the folder under which the extracted folder is made.
    Returns:
        The folder with the members; its name is made from the archive's name, size and time.
    Raises:
        DataError: if the archive is damaged or unsafe.
        ResourceError: if it would not fit on the disk.
    """
    stat = archive.stat()
    print_of = hashlib.blake2b(f"{archive.resolve()}:{stat.st_size}:{stat.st_mtime_ns}".encode(), digest_size=6)
    folder = into / f"{archive.name.split('.')[0]}-{print_of.hexdigest()}"
    if folder.is_dir():
        return folder
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        members = _zip(archive, part) if archive.suffix.lower() == ".zip" else _tar(archive, part)
        with one_error():
            for size in console.track(members, f"Extracting {archive.name}"):
                _check_room(part, size)
        part.rename(folder)
    except (ValueError, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise DataError(f"The archive is damaged or unsafe ({error}).", where=archive) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _tar(archive: Path, into: Path) -> Iterator[int]:
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() or member.isdir():
                yield member.size
                tar.extract(member, into, filter="data")


def _zip(archive: Path, into: Path) -> Iterator[int]:
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            yield member.file_size
            zipped.extract(member, into)  # drops drive letters, leading slashes and ".." by itself


def _check_room(folder: Path, size: int) -> None:
    if size > shutil.disk_usage(folder).free:
        raise ResourceError("The disk is too full for what the archive holds.", where=folder, fix="Free some space.")
