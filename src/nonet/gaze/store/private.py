"""Files and folders that only their owner can read."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.files import replace_file
from nonet.foundation.reading import parse_json

__all__ = ["append_row", "make_folder", "new_id", "read_json", "read_rows", "require_id", "write_json", "write_private"]

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that are mistaken for another
_ID = re.compile(r"[a-z]-[a-z0-9]{16}")


def new_id(kind: str) -> str:
    """A random id such as ``p-k3v…``: 80 bits that say nothing about anybody."""
    return f"{kind}-" + "".join(secrets.choice(_LETTERS) for _ in range(16))


def require_id(text: str, kind: str) -> str:
    """The id, if it is one; nothing else ever becomes part of a path.

    Raises:
        UsageError: if it is not an id of that kind.
    """
    if not _ID.fullmatch(text) or not text.startswith(f"{kind}-"):
        raise UsageError(f"{text[:40]!r} is not an id of this kind.", fix=f"Ids look like {kind}-xxxxxxxxxxxxxxxx.")
    return text


def make_folder(path: Path) -> Path:
    """The folder, made for the owner alone; so are the parents that are missing."""
    if not path.is_dir():
        if not path.parent.is_dir():
            make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def write_private(path: Path, content: bytes | str) -> None:
    """Puts content into a file of the owner, whole or not at all; its folder hides it while it is written."""
    make_folder(path.parent)
    replace_file(path, content)
    path.chmod(0o600)


def write_json(path: Path, value: Any) -> None:
    """A JSON file of the owner."""
    write_private(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        DataError: if the file is missing, broken, or holds no object.
    """
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError("There is no such file.", where=path) from error
    except (ValueError, OSError) as error:
        raise DataError("This is not a readable JSON file.", where=path, fix="Restore it from a copy.") from error
    if not isinstance(value, dict):
        raise DataError("An object was expected in this JSON file.", where=path)
    return value


def append_row(path: Path, *rows: Mapping[str, Any]) -> None:
    """Adds lines of JSON to a file of the owner, in one write."""
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows).encode()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a writer was killed within its line
            text = b"\n" + text
        os.write(descriptor, text)
    finally:
        os.close(descriptor)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines; a line that a killed writer left unfinished is skipped."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                row = parse_json(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row
