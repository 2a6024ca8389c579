"""Reads what others wrote: parsers that fail in one way, and refuse what claims to be larger than it is.

Each raises `ValueError` for anything that its text or bytes may hold; whoever reads a file says where it was, and what
to do. None of them runs code from what it reads.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import math
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nonet.foundation.errors import DataError, NonetError

__all__ = ["made_sense_of", "one_error", "parse_json", "read_array", "read_arrays", "unpack"]

_BOMB_BYTES, _BOMB_RATIO = 2**30, 100  # what unpacks to more, and to so many times its size, is refused


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: if it is none, or nested too deep to be anybody's data.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def unpack(data: bytes, kind: Literal["gzip", "bz2"], most: int) -> bytes:
    """The content of compressed bytes.

    Args:
        data: compressed.
        kind: how.
        most: how many bytes are accepted.
    Raises:
        ValueError: if it is damaged, or holds more.
    """
    with one_error(), (gzip.open if kind == "gzip" else bz2.open)(io.BytesIO(data)) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it unpacks to more than {most:,} bytes")
    return content


def read_array(path: Path, *, mapped: bool = False) -> np.ndarray:
    """The array of an ``.npy`` file.

    Args:
        path: the file.
        mapped: whether to leave it on the disk.
    Raises:
        ValueError: if it is none, holds objects, or claims more than it has.
        OSError: if there is no such file.
    """
    with path.open("rb") as file, one_error():
        _check_header(file, path.stat().st_size)
        return np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)


def read_arrays(path: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file by name.

    Args:
        path: the file.
        names: only these; all of them where None.
    Raises:
        ValueError: if it is none, lacks a name, holds objects, or claims more than it has.
        OSError: if there is no such file.
    """
    found: dict[str, np.ndarray] = {}
    with path.open("rb") as file, one_error(), zipfile.ZipFile(file) as packed:
        members = {member.filename.removesuffix(".npy"): member for member in packed.infolist()}
        for name in members if names is None else names:
            member = members[name]
            if member.file_size > max(_BOMB_BYTES, _BOMB_RATIO * path.stat().st_size):
                raise ValueError(f"'{member.filename}' unpacks to {member.file_size:,} bytes")
            with packed.open(member) as content:
                _check_header(content, member.file_size)
            with packed.open(member) as content:
                found[name] = np.lib.format.read_array(content, allow_pickle=False)
    return found


def _check_header(file: Any, size: int) -> None:
    """Compares what an array claims to hold with the bytes that are there, before memory is asked for."""
    version = np.lib.format.read_magic(file)
    if version not in {(1, 0), (2, 0)}:
        raise ValueError(f"an array of version {version[0]}.{version[1]}")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = read(file)
    if kind.hasobject:
        raise ValueError("it holds objects of Python")
    if any(side < 0 for side in shape) or file.tell() + math.prod(shape) * kind.itemsize > size:
        raise ValueError(f"it claims the shape {shape} and is shorter than that")


@contextmanager
def made_sense_of(
    where: object, kind: type[NonetError] = DataError, *, what: str, fix: str | None = None
) -> Iterator[None]:
    """A block that takes apart what was read and does nothing else: whatever fails in it is the content's fault.

    Args:
        where: the file.
        kind: of error.
        what: was wrong, a sentence without its full stop.
        fix: what to do about it.
    Raises:
        NonetError: of that kind, for anything but an error that is one already, an interruption, or no memory.
    """
    try:
        yield
    except (NonetError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise kind(f"{what} ({reason}).", where=where, fix=fix) from error


@contextmanager
def one_error() -> Iterator[None]:
    """What the libraries raise on damaged archives, arrays and compressed bytes, as `ValueError`.

    Of the errors of the system only those pass that have a number: a missing file, a full disk.
    """
    try:
        yield
    except (
        EOFError,
        KeyError,
        NotImplementedError,
        OverflowError,
        RuntimeError,
        SyntaxError,
        TypeError,
        lzma.LZMAError,
        tarfile.TarError,
        tokenize.TokenError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(str(error) or "it is cut off") from error
    except OSError as error:
        if error.errno is None:  # of a library, about the content
            raise ValueError(str(error)) from error
        raise
