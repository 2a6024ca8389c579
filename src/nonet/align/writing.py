"""Writing a pairs folder: rows as they come, a tally of what was left out and why, and nothing half-written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nonet import __version__
from nonet.align.data import DESCRIPTION, FORMAT, SCHEMA, SPLITS, STAMP, TABLE
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.files import atomic_write, replace_file

__all__ = ["Pair", "PairsWriter", "Tally", "prepare_folder", "write_pairs"]

_EXAMPLES = 5
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Pair:
    """One row of the table; the fields are its columns.

    Attributes:
        image: the picture file, relative to the pairs folder with forward slashes, or absolute.
        text: what is said of it.
        concept: the group that no two splits share.
        split: ``train``, ``validation`` or ``test``.
        source: where it came from: a URL, a path or a code point.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        sha256: of the image file, hexadecimal.
    """

    image: str
    text: str
    concept: str
    split: str
    source: str
    width: int
    height: int
    sha256: str


@dataclass
class Reason:
    """One reason in a tally.

    Attributes:
        count: how often it was met.
        examples: the first few places.
    """

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: str, count: int = 1) -> None:
        """Counts ``count`` more, met at ``example``."""
        self.count += count
        if len(self.examples) < _EXAMPLES:
            self.examples.append(example if len(example) <= 200 else example[:199] + "…")


@dataclass
class Tally:
    """What happened to the rows that came in: every one is kept or skipped for one reason.

    Attributes:
        kept: rows written.
        skipped: rows left out, by reason.
        changed: rows kept after a change, such as a text cut short, by kind of change.
    """

    kept: int = 0
    skipped: dict[str, Reason] = field(default_factory=dict)
    changed: dict[str, Reason] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows that came in."""
        return self.kept + sum(reason.count for reason in self.skipped.values())

    def skip(self, reason: str, example: str, count: int = 1) -> None:
        """Counts ``count`` rows left out for ``reason``."""
        self.skipped.setdefault(reason, Reason()).add(example, count)

    def change(self, kind: str, example: str) -> None:
        """Counts a row that was kept after a change."""
        self.changed.setdefault(kind, Reason()).add(example)

    def reasons(self) -> dict[str, int]:
        """How many rows were left out for each reason, as a summary names them."""
        return {f"skipped: {name}": reason.count for name, reason in sorted(self.skipped.items())}


def prepare_folder(out: Path) -> Path:
    """Makes the folder that pairs are to be written to, or accepts one that held pairs before.

    Raises:
        UsageError: if it is a file, or holds other things.
    """
    if out.exists() and not out.is_dir():
        raise UsageError("This is a file; pairs need a folder.", where=out, fix="Name another with --out.")
    if out.is_dir():
        ours = {TABLE, DESCRIPTION, "images", "extracted"}
        foreign = sorted(path.name for path in out.iterdir() if path.name not in ours and path.name[0] != ".")
        if foreign:
            raise UsageError(
                f"The folder holds other things ({', '.join(foreign[:3])}).",
                where=out,
                fix="Name a new or empty folder with --out.",
            )
    out.mkdir(parents=True, exist_ok=True)
    return out


class PairsWriter:
    """Takes rows and keeps the tally; `write_pairs` makes one.

    Args:
        table: where the rows go.
    """

    def __init__(self, table: pq.ParquetWriter) -> None:
        self.tally = Tally()
        self._table = table
        self._rows: list[Pair] = []
        self._seen: set[bytes] = set()
        self._pictures: dict[str, set[str]] = {}
        self._texts: dict[str, int] = {}
        self._hash = hashlib.sha256()

    def add(self, pair: Pair) -> None:
        """Writes a row, unless the same picture came with the same text before."""
        key = hashlib.blake2b(f"{pair.sha256}\0{pair.text}".encode(), digest_size=16).digest()
        if key in self._seen:
            self.tally.skip("the same picture with the same text again", f"{pair.source}: {pair.text}")
            return
        self._seen.add(key)
        self.tally.kept += 1
        self._pictures.setdefault(pair.split, set()).add(pair.image)
        self._texts[pair.split] = self._texts.get(pair.split, 0) + 1
        self._rows.append(pair)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def finish(self) -> dict[str, Any]:
        """Writes the last rows and the stamp.

        Returns:
            What the description says of the rows.
        """
        self._flush()
        stamp = self._hash.hexdigest()
        self._table.add_key_value_metadata({STAMP: stamp})
        return {
            "stamp": stamp,
            "rows": self.tally.rows,
            "pairs": self.tally.kept,
            "pictures": sum(map(len, self._pictures.values())),
            "splits": {
                split: {"pictures": len(pictures), "pairs": self._texts[split]}
                for split in SPLITS
                if (pictures := self._pictures.get(split))
            },
            "skipped": _plain(self.tally.skipped),
            "changed": _plain(self.tally.changed),
        }

    def _flush(self) -> None:
        columns = {name: [getattr(pair, name) for pair in self._rows] for name in SCHEMA.names}
        self._hash.update(json.dumps(columns, sort_keys=True).encode())
        self._table.write_table(pa.table(columns, schema=SCHEMA))
        self._rows.clear()


@contextmanager
def write_pairs(out: Path, *, name: str, source: str, command: str, notice: str) -> Iterator[PairsWriter]:
    """Writes the pairs of one source.

    The former pairs of the folder stay whole until the last row is written; an error or Ctrl-C leaves them untouched.

    Args:
        out: the pairs folder.
        name: what the pairs are called.
        source: the kind of source.
        command: the command that makes these pairs again.
        notice: who made the pictures and texts, and under which licence, as far as known.
    Yields:
        What takes the rows.
    Raises:
        UsageError: if ``out`` cannot hold pairs.
        DataError: if no row was kept.
    """
    prepare_folder(out)
    with atomic_write(out / TABLE) as file, pq.ParquetWriter(file, SCHEMA, compression="zstd") as table:
        writer = PairsWriter(table)
        yield writer
        if not writer.tally.kept:
            raise DataError(
                "No pair was left." + _most_common(writer.tally.skipped),
                where=out,
                fix="Check the source and the options.",
            )
        rows = writer.finish()
    facts = {"format": FORMAT, "name": name, "source": source, "command": command, "notice": notice}
    description = {**facts, "nonet": __version__, **rows}
    replace_file(out / DESCRIPTION, json.dumps(description, ensure_ascii=False, indent=2) + "\n")


def _plain(reasons: Mapping[str, Reason]) -> dict[str, Any]:
    ranked = sorted(reasons.items(), key=lambda item: (-item[1].count, item[0]))
    return {name: {"count": reason.count, "examples": reason.examples} for name, reason in ranked}


def _most_common(skipped: Mapping[str, Reason]) -> str:
    if not skipped:
        return " The source held none."
    name, reason = max(skipped.items(), key=lambda item: item[1].count)
    return f" Most rows were skipped for this reason: {name} (for example {reason.examples[0]})."
