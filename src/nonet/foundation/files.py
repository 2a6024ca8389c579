"""Nothing half-written: files and folders that appear whole or not at all.

What is new is written beside what it replaces, forced to the disk, and put in place by one rename. Whatever
interrupts that (Ctrl-C, ``kill -9``, a full disk), the former file or folder stays as it was. The next write
clears away what a killed one left.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from nonet.foundation.errors import UsageError

try:
    import fcntl
except ImportError:  # Windows: no locks, so leftovers of killed writers are not cleared there
    fcntl = None

__all__ = ["atomic_folder", "atomic_write", "is_file", "readable_folder", "replace_file", "require_place"]

_PARTIAL = ".partial-"
_FORMER = ".former"
_EXCHANGE = 2  # RENAME_EXCHANGE of <linux/fs.h>
_AT_FDCWD = -100
# What renameat2 answers where the kernel or the file system cannot exchange.
_CANNOT_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}


def is_file(path: Path) -> bool:
    """Whether there is a file; there is none of a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@contextmanager
def atomic_write(path: Path, mode: str = "wb") -> Iterator[IO]:
    """Opens a file that takes the place of ``path`` when the block ends well.

    Args:
        path: the file to make or replace; its folder is made if absent.
        mode: ``"wb"``, or ``"w"`` for UTF-8 text with the newlines as given.
    Yields:
        The open file.
    """
    if mode not in {"wb", "w"}:
        raise ValueError(f"atomic_write opens with 'wb' or 'w', not {mode!r}")
    try:
        target = path.resolve()  # a link stays a link: what it points to is replaced
    except RuntimeError:  # Python 3.11 and 3.12 have no errno for it
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None
    target.parent.mkdir(parents=True, exist_ok=True)
    with _beside(target, Path.touch) as partial:
        with partial.open("wb") if mode == "wb" else partial.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(target, partial)
        partial.replace(target)
        _sync_folder(target.parent)


def replace_file(path: Path, content: bytes | str) -> None:
    """Puts ``content`` into ``path``, whole or not at all; text as UTF-8.

    What has no UTF-8 (half of a surrogate pair, from a file's name or from JSON) is written as JSON escapes it.
    """
    with atomic_write(path) as file:
        file.write(content.encode(errors="backslashreplace") if isinstance(content, str) else content)


@contextmanager
def atomic_folder(folder: Path, sign: str | None = None) -> Iterator[Path]:
    """An empty folder that takes the place of ``folder`` when the block ends well.

    On Linux the two change places in one system call, so a reader finds the former or the new one at any time.
    Elsewhere there is a moment with neither; `readable_folder` finds the former one then.

    Args:
        folder: the folder to make or replace.
        sign: a name that tells a folder of the kind that may be replaced; another one that is not empty is refused.
    Yields:
        The folder to write into. Files in it are forced to the disk at the end.
    Raises:
        UsageError: if the folder holds something else.
        NotADirectoryError: if it is a file.
    """
    target = folder.resolve()
    require_place(target, folder=True)
    if sign is not None and target.is_dir() and any(target.iterdir()) and not (target / sign).exists():
        raise UsageError(
            f"The folder holds something else: it has no {sign}.", where=folder, fix="Choose a new folder, or empty it."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    former = _former(target)
    if former.exists() and not target.exists():  # a writer was killed between its two renames
        former.rename(target)
    with _beside(target, Path.mkdir) as partial:
        yield partial
        for path in partial.rglob("*"):
            if path.is_dir():
                _sync_folder(path)
            elif path.is_file() and not path.is_symlink():
                _sync(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
        _sync_folder(partial)
        with suppress(FileNotFoundError):
            shutil.copymode(target, partial)
        if not target.exists():
            partial.rename(target)
        elif not _exchange(partial, target):
            _remove(former)
            target.rename(former)
            partial.rename(target)
        _remove(former)  # also one that a killed writer left
        _sync_folder(target.parent)


def require_place(path: Path, *, folder: bool | None) -> None:
    """Tells before long work whether its result can be written.

    Args:
        path: the file or folder to come.
        folder: whether it is to be a folder; None where it may be either.
    Raises:
        OSError: if something of another kind is there, if a file stands where a folder above it would be, or if the
            nearest folder may not be written.
    """
    if folder and path.exists() and not path.is_dir():
        raise _refusal(errno.ENOTDIR, path)
    if folder is False and path.is_dir():
        raise _refusal(errno.EISDIR, path)
    nearest = next(above for above in (path.absolute(), *path.absolute().parents) if above.exists())
    if nearest != path.absolute() and not nearest.is_dir():
        raise _refusal(errno.ENOTDIR, nearest)
    if not os.access(nearest, os.W_OK):
        raise _refusal(errno.EACCES, nearest)


def _refusal(code: int, path: Path) -> OSError:
    return OSError(code, os.strerror(code), str(path))


def readable_folder(folder: Path) -> Path:
    """Where the content of ``folder`` is: itself, or the former one while it is being replaced."""
    former = _former(folder.resolve())
    return former if not folder.exists() and former.exists() else folder


@contextmanager
def _beside(target: Path, make: Callable[[Path], object]) -> Iterator[Path]:
    """A new path in the folder of ``target``, made by ``make``, locked, and removed at the end if it is still there."""
    _sweep(target)
    partial, lock = _claim(target, make)
    try:
        yield partial
    finally:
        _remove(partial)
        os.close(lock)


def _claim(target: Path, make: Callable[[Path], object]) -> tuple[Path, int]:
    while True:
        partial = target.with_name(f".{target.name}{_PARTIAL}{secrets.token_hex(4)}")
        make(partial)
        lock = _lock(partial)
        if lock is not None:
            if partial.exists():
                return partial, lock
            os.close(lock)  # another writer swept it before the lock was ours


def _sweep(target: Path) -> None:
    """Removes what killed writers of ``target`` left: a partial that nobody locks."""
    if fcntl is None:
        return
    prefix = f".{target.name}{_PARTIAL}"
    for entry in target.parent.iterdir():
        if entry.name.startswith(prefix):
            lock = _lock(entry)
            if lock is not None:
                _remove(entry)
                os.close(lock)


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock on ``path``, or None if another process has it."""
    if fcntl is None:
        return os.open(os.devnull, os.O_RDONLY)
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EAGAIN}:
            os.close(descriptor)
            return None
    return descriptor  # also where the file system knows no locks


def _exchange(first: Path, second: Path) -> bool:
    """Lets two paths change places in one step; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # a C library older than 2018
        return False
    if renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(second))


def _sync_folder(folder: Path) -> None:
    """Forces the names in ``folder`` to the disk, so that a rename survives a power cut."""
    with suppress(PermissionError):  # Windows opens no folders
        _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _former(target: Path) -> Path:
    return target.with_name(f".{target.name}{_FORMER}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
