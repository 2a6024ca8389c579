"""Reading captions: the tables that people keep beside their pictures, and the official layouts.

Read are TSV and CSV with a header or with two columns and none, JSON lines, ``captions_*.json`` of MS-COCO,
``dataset_*.json`` of Karpathy's splits, and the ``*.token.txt`` of Flickr8k and Flickr30K (``picture.jpg#0<TAB>text``).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nonet.align.words import decode_text
from nonet.foundation.errors import DataError
from nonet.foundation.reading import parse_json

__all__ = ["CAPTION_SUFFIXES", "Caption", "read_captions"]

CAPTION_SUFFIXES = (".tsv", ".csv", ".jsonl", ".json", ".txt")
_IMAGE_NAMES = ("image", "file_name", "filename", "image_path", "filepath", "path", "file", "image_name", "picture")
_CAPTION_NAMES = ("caption", "captions", "text", "texts", "alt", "alt_text", "description", "title", "raw")
_SPLITS = {"train": "train", "restval": "train", "val": "validation", "validation": "validation", "dev": "validation"}
_SPLITS |= {"valid": "validation", "test": "test"}
_ADVICE = "The first line should name the columns, for example: image<TAB>caption"


@dataclass(frozen=True)
class Caption:
    """One text of one picture.

    Attributes:
        image: the picture as the table names it.
        text: as written.
        split: the split that the table states, or None.
        utf8: whether the line was UTF-8.
    """

    image: str
    text: str
    split: str | None = None
    utf8: bool = True


def read_captions(path: Path) -> Iterator[Caption]:
    """The captions in a file, one by one.

    Args:
        path: a table in one of the layouts above.
    Raises:
        DataError: if the file cannot be read or its layout is not known.
    """
    if not path.is_file():
        raise DataError("There is no such captions file.", where=path, fix="Check the spelling of --captions.")
    try:
        if path.suffix.lower() == ".json":
            yield from _json(path)
        elif path.suffix.lower() == ".jsonl":
            yield from _json_lines(path)
        elif path.suffix.lower() == ".csv":
            yield from _table(path, _csv_rows(path))
        else:
            yield from _table(path, _tsv_rows(path))
    except OSError as error:
        raise DataError(f"The captions file cannot be read ({error.strerror}).", where=path) from error


Row = tuple[list[str], bool]


def _lines(path: Path) -> Iterator[tuple[str, bool]]:
    with path.open("rb") as file:
        start = file.read(2)
        file.seek(0)
        if start in (b"\xff\xfe", b"\xfe\xff"):  # spreadsheets save "Unicode text" as UTF-16
            for line in file.read().decode("utf-16", "replace").splitlines():
                yield line, True
            return
        for line in file:
            text, utf8 = decode_text(line)
            yield text.rstrip("\r\n"), utf8


def _tsv_rows(path: Path) -> Iterator[Row]:
    for line, utf8 in _lines(path):
        if line.strip():
            yield [_unquoted(cell) for cell in line.split("\t")], utf8


def _unquoted(cell: str) -> str:
    """Undoes the quotes that some writers put around a cell; a stray quote must not swallow the lines that follow."""
    inner = cell[1:-1]
    if len(cell) >= 2 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return cell


def _csv_rows(path: Path) -> Iterator[Row]:
    all_utf8 = True

    def texts() -> Iterator[str]:
        nonlocal all_utf8
        for line, utf8 in _lines(path):
            all_utf8 = utf8
            yield line + "\n"

    former = csv.field_size_limit(2**31 - 1)
    try:
        for cells in csv.reader(texts()):
            if cells:
                yield cells, all_utf8
    except csv.Error as error:
        raise DataError(f"The table is broken ({error}).", where=path) from error
    finally:
        csv.field_size_limit(former)


def _table(path: Path, rows: Iterator[Row]) -> Iterator[Caption]:
    first = next(rows, None)
    if first is None:
        raise DataError("The captions file is empty.", where=path, fix=_ADVICE)
    header = [cell.strip().lower() for cell in first[0]]
    image = next((header.index(name) for name in _IMAGE_NAMES if name in header), None)
    texts = _caption_columns(header)
    split = header.index("split") if "split" in header else None
    if image is None or not texts:
        if len(header) != 2:
            raise DataError(
                f"The columns {', '.join(header[:6])} do not say which holds the picture and which the caption.",
                where=path,
                fix=_ADVICE,
            )
        image, texts, split, rows = 0, [1], None, _with_first(first, rows)
    for cells, utf8 in rows:
        name = re.sub(r"#\w+$", "", cells[image].strip()) if image < len(cells) else ""
        stated = cells[split] if split is not None and split < len(cells) else None
        # a row that is too short has an empty caption, which is counted further on
        for column in [column for column in texts if column < len(cells)] or [None]:
            yield Caption(name, "" if column is None else cells[column], _split(stated), utf8)


def _with_first(first: Row, rows: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rows


def _caption_columns(header: Sequence[str]) -> list[int]:
    numbered = re.compile(rf"(?:{'|'.join(_CAPTION_NAMES)})[ _-]?\d*")
    return [column for column, name in enumerate(header) if numbered.fullmatch(name)]


def _split(stated: Any) -> str | None:
    return _SPLITS.get(str(stated).strip().lower()) if stated is not None else None


def _json_lines(path: Path) -> Iterator[Caption]:
    for number, (line, utf8) in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            raise DataError(f"Line {number} is not JSON ({error}).", where=path) from error
        if not isinstance(row, dict):
            raise DataError(f"Line {number} is not an object.", where=path, fix='For example: {"image": …, "text": …}')
        yield from _object(path, row, utf8)


def _object(path: Path, row: Mapping[str, Any], utf8: bool = True) -> Iterator[Caption]:
    image = next((row[name] for name in _IMAGE_NAMES if isinstance(row.get(name), str)), None)
    texts = next((row[name] for name in ("sentences", *_CAPTION_NAMES) if row.get(name) is not None), None)
    if image is None or texts is None:
        raise DataError(
            f"An entry with the keys {', '.join(list(row)[:6])} names no picture or no caption.",
            where=path,
            fix='For example: {"image": "cat.jpg", "caption": "a cat asleep"}',
        )
    for text in texts if isinstance(texts, list) else [texts]:
        raw = text.get("raw", "") if isinstance(text, dict) else text
        yield Caption(image, str(raw), _split(row.get("split")), utf8)


def _json(path: Path) -> Iterator[Caption]:
    text, utf8 = decode_text(path.read_bytes())
    try:
        content = parse_json(text)
    except ValueError as error:
        raise DataError(f"The file is not JSON ({error}).", where=path) from error
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        yield from _coco(path, content)
        return
    entries: Iterable[Any] = content.get("images", []) if isinstance(content, dict) else content
    if isinstance(content, dict) and "images" not in content:  # {"cat.jpg": "a cat", …}
        entries = [{"image": image, "captions": texts} for image, texts in content.items()]
    for entry in entries:
        if not isinstance(entry, dict):
            raise DataError("The entries are not objects.", where=path, fix='For example: [{"image": …, "text": …}]')
        yield from _object(path, entry, utf8)


def _coco(path: Path, content: Mapping[str, Any]) -> Iterator[Caption]:
    try:
        names = {image["id"]: image["file_name"] for image in content.get("images", [])}
        for annotation in content["annotations"]:
            image = names.get(annotation["image_id"], f"{annotation['image_id']:012d}.jpg")
            yield Caption(image, str(annotation["caption"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"The annotations are not in the layout of COCO captions ({error!r}).", where=path) from error
