"""A folder of files that can be made again, kept below a size."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from threading import Lock

from nonet.foundation.files import replace_file

__all__ = ["FileCache"]


class FileCache:
    """Files by name; the least recently used go when together they grow too large. Safe to use from several threads."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Uses ``folder``, with what an earlier run left there.

        Args:
            folder: made if absent.
            max_bytes: that all files may take together.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        self._changing = Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._bytes = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())

    def get(self, name: str) -> Path | None:
        """The file of that name, if it is still here; it counts as used now."""
        path = self._folder / name
        with suppress(FileNotFoundError):
            os.utime(path)
            return path
        return None

    def put(self, name: str, content: bytes) -> Path:
        """Keeps a file, and lets others go if need be.

        Raises:
            OSError: if the disk does not take it.
        """
        path = self._folder / name
        with self._changing:
            former = path.stat().st_size if path.is_file() else 0
            replace_file(path, content)
            self._bytes += len(content) - former
            if self._bytes > self._max_bytes:
                self._make_room(keep=path)
        return path

    def _make_room(self, keep: Path) -> None:
        """Goes down to three quarters of the limit, so that not every new file has to look through the folder."""
        files = sorted((path.stat().st_mtime_ns, path) for path in self._folder.iterdir() if path != keep)
        for _, path in files:
            if self._bytes <= self._max_bytes * 0.75:
                return
            self._bytes -= path.stat().st_size
            path.unlink(missing_ok=True)
