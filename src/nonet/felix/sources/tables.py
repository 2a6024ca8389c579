"""Pairs from tables: a text before, a tab, and a text after; more columns are further accepted texts."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nonet.felix.data import Collected, Pair
from nonet.foundation.errors import DataError

__all__ = ["read_lines", "read_table"]

_HEADERS = {"source", "before", "input", "original", "src", "incorrect"}
_UNUSABLE = {  # what most rows were left out for: what is said when none is left, and what to do
    "fewer than two columns": (
        "No row has two columns.",
        "Write one pair a line: the text before, a tab, the text after (or a .csv file with two columns).",
    ),
    "not in UTF-8": ("The rows are not in UTF-8.", "Save the file as UTF-8."),
    "a NUL byte": ("The rows hold NUL bytes.", "Save the file as UTF-8, or as UTF-16 with a byte-order mark."),
}
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


def read_table(path: Path, *, reverse: bool = False) -> Collected:
    """Reads a TSV file, or a CSV file by its ending.

    Rows that cannot be used are left out and counted: too few columns, an empty text, bytes that are no UTF-8, NUL.

    Args:
        path: the file.
        reverse: whether the second column is the text before.
    Raises:
        DataError: if there is no such file, or no row can be used.
    """
    left_out, pairs = Counter[str](), []
    for number, row in enumerate(_rows(path, left_out)):
        if number == 0 and row and row[0].strip().lower() in _HEADERS:
            continue
        cells = [cell.strip() for cell in row]
        if len(cells) < 2:
            left_out["fewer than two columns"] += bool(cells and cells[0])
            continue
        if reverse:
            cells = [cells[1], cells[0]]
        pair = checked(cells[0], tuple(cells[1:]), left_out)
        if pair is not None:
            pairs.append(pair)
    worst = max(_UNUSABLE, key=lambda reason: left_out[reason])
    if not pairs and left_out[worst]:
        what, fix = _UNUSABLE[worst]
        raise DataError(what, where=path, fix=fix)
    return Collected(path.stem, {"train": pairs}, {k: v for k, v in left_out.items() if v})


def checked(source: str, targets: tuple[str, ...], left_out: Counter[str], **more: str) -> Pair | None:
    """A pair, or None, with the reason counted, if it cannot be used."""
    wanted = tuple(target for target in targets if target.strip())
    if not source.strip() or not wanted:
        left_out["an empty text"] += 1
    elif "\0" in source or any("\0" in target for target in wanted):
        left_out["a NUL byte"] += 1
    else:
        return Pair(source, wanted, **more)
    return None


def read_lines(path: Path, left_out: Counter[str] | None = None) -> Iterator[str]:
    """The lines of a text file in UTF-8, or UTF-16 with a mark; lines that are neither are left out and counted.

    Raises:
        DataError: if there is no such file.
    """
    counts = Counter() if left_out is None else left_out
    if not path.is_file():
        what = "This is a folder, not a file." if path.is_dir() else "There is no such file."
        raise DataError(what, where=path, fix="Check the path.")
    with path.open("rb") as file:
        head = file.read(4)
    encoding = next((name for mark, name in _BOMS if head.startswith(mark)), "utf-8")
    if encoding == "utf-16":
        try:
            yield from path.read_text(encoding=encoding).split("\n")
        except UnicodeError as error:
            raise DataError(f"The file is damaged UTF-16 ({error}).", where=path, fix="Save it as UTF-8.") from error
        return
    with path.open("rb") as file:
        for number, line in enumerate(file):
            try:
                yield line.decode("utf-8-sig" if number == 0 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                counts["not in UTF-8"] += 1


def _rows(path: Path, left_out: Counter[str]) -> Iterator[list[str]]:
    lines = read_lines(path, left_out)
    if path.suffix.lower() == ".csv":
        try:
            yield from csv.reader(line + "\n" for line in lines)
        except csv.Error as error:
            raise DataError(f"This is not a CSV file ({error}).", where=path) from error
    else:
        for line in lines:
            yield line.split("\t")
