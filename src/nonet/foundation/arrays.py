"""Reads arrays that others wrote; what claims to hold more than its file is refused before memory is asked for.

Apart from `reading` because a command line that only shows its help has no use for NumPy.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nonet.foundation.reading import one_error

__all__ = ["read_array", "read_arrays"]

_BOMB_BYTES, _BOMB_RATIO = 2**30, 100  # what unpacks to more, and to so many times its size, is refused


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
