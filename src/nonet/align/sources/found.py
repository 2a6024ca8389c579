"""What is known of the addresses of pictures, on disk: asked once, in bounded memory, kept over an interruption."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from nonet.align.pictures import Facts

__all__ = ["Found", "Picture"]

_AT_ONCE = 200  # answers written together


@dataclass(frozen=True)
class Picture:
    """A picture that was found at an address.

    Attributes:
        image: its file as tables name it: relative to the folder, or absolute.
        facts: its size and hash.
    """

    image: str
    facts: Facts


class Found:
    """Addresses and their pictures, or why they have none.

    Args:
        path: a file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._base = self._open()
        self._waiting = 0

    def get(self, address: str) -> Picture | str | None:
        """The picture at an address, the reason why there is none, or None if it has not been asked for."""
        row = self._base.execute("SELECT * FROM found WHERE address = ?", (_key(address),)).fetchone()
        if row is None:
            return None
        _, image, reason, width, height, sha256, suffix = row
        return (
            str(reason)
            if image is None
            else Picture(image, Facts(width=width, height=height, sha256=sha256, suffix=suffix))
        )

    def put(self, address: str, found: Picture | str) -> None:
        """Notes what was found."""
        if isinstance(found, str):
            row = (None, found, None, None, None, None)
        else:
            facts = asdict(found.facts)
            row = (found.image, None, facts["width"], facts["height"], facts["sha256"], facts["suffix"])
        self._base.execute("INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?, ?, ?)", (_key(address), *row))
        self._waiting += 1
        if self._waiting >= _AT_ONCE:
            self.keep()

    def keep(self) -> None:
        """Makes sure that all is on disk."""
        self._base.commit()
        self._waiting = 0

    def close(self, *, forget: bool) -> None:
        """Closes the file, and removes it where it is of no more use."""
        self.keep()
        self._base.close()
        if forget:
            self._path.unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        try:
            base = self._connect()
            base.execute("DELETE FROM found WHERE image IS NULL")  # what failed in an earlier run is tried again
        except sqlite3.DatabaseError:
            self._path.unlink(missing_ok=True)  # no such file of ours, or damaged
            base = self._connect()
        return base

    def _connect(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._path)
        columns = "address BLOB PRIMARY KEY, image TEXT, reason TEXT, width INT, height INT, sha256 TEXT, suffix TEXT"
        with closing(base.cursor()) as cursor:
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute(f"CREATE TABLE IF NOT EXISTS found ({columns}) WITHOUT ROWID")
        return base


def _key(address: str) -> bytes:
    return hashlib.blake2b(address.encode("utf-8", "surrogatepass"), digest_size=16).digest()
