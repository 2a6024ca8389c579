"""Reads what others wrote: parsers that fail in one way, and refuse what claims to be larger than it is.

Each raises `ValueError` for anything that its text or bytes may hold; whoever reads a file says where it was, and what
to do. None of them runs code from what it reads.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import json
import lzma
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from nonet.foundation.errors import DataError, NonetError

__all__ = ["made_sense_of", "one_error", "parse_json", "text_of", "unpack"]


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: if it is none, or nested too deep to be anybody's data.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def text_of(value: Any) -> str:
    """A value of a JSON text that must be text itself.

    Raises:
        TypeError: if it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


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
        if isinstance(error, FileNotFoundError) and isinstance(error.filename, str):
            reason = f"there is no {Path(error.filename).name}"
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
        if error.errno in (None, errno.EINVAL):  # of a library, about the content: a place before the file's beginning
            raise ValueError(str(error)) from error
        raise
