"""A contact sheet: the pictures of a search in one file, to look at."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from nonet.align.gallery import thumbnail
from nonet.align.pictures import open_picture
from nonet.align.search import Result
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.files import atomic_write, replace_file

__all__ = ["check_name", "write_sheet"]

_CELL, _LINE, _COLUMNS = 200, 40, 5  # pixels, pixels, pictures
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.4 system-ui,sans-serif;margin:24px}"
    "main{display:grid;gap:16px;grid-template-columns:repeat(auto-fill,minmax(180px,1fr))}"
    "figure{margin:0}img{width:100%;aspect-ratio:1;object-fit:contain;background:#fff;border-radius:10px}"
    "figcaption{overflow-wrap:anywhere}"
)


def check_name(path: Path) -> None:
    """Raises UsageError if a sheet cannot be written under this name."""
    if path.suffix.lower() not in {".html", ".png"}:
        raise UsageError("A contact sheet is a .html or a .png file.", where=path, fix="Choose such a name.")


def write_sheet(path: Path, results: Sequence[Result], *, title: str) -> None:
    """Writes the pictures of ``results`` with their scores and captions.

    Args:
        path: ending in ``.html`` (one file that needs no other) or ``.png``.
        results: in their order.
        title: a heading.
    """
    if path.suffix.lower() == ".html":
        replace_file(path, _page(results, title))
    else:
        with atomic_write(path) as file:
            _drawing(results).save(file, "PNG")


def _page(results: Sequence[Result], title: str) -> str:
    figures = []
    for result in results:
        try:
            data = base64.b64encode(thumbnail(Path(result.picture.path))).decode()
            image = f'<img alt="" src="data:image/webp;base64,{data}">'
        except DataError:
            image = "<p>This file is gone.</p>"
        figures.append(f"<figure>{image}<figcaption>{html.escape(_label(result))}</figcaption></figure>")
    heading = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{heading}</title><style>{_STYLE}</style>'
        f"<h1>{heading}</h1><main>{''.join(figures)}</main></html>"
    )


def _drawing(results: Sequence[Result]) -> Image.Image:
    columns = max(1, min(_COLUMNS, len(results)))
    rows = max(1, -(-len(results) // columns))
    sheet = Image.new("RGB", (columns * _CELL, rows * (_CELL + _LINE)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, result in enumerate(results):
        left, top = place % columns * _CELL, place // columns * (_CELL + _LINE)
        try:
            picture = open_picture(Path(result.picture.path))
            picture.thumbnail((_CELL - 8, _CELL - 8))
            sheet.paste(picture, (left + (_CELL - picture.width) // 2, top + (_CELL - picture.height) // 2))
        except DataError:
            draw.text((left + 12, top + _CELL // 2), "This file is gone.", fill="gray")
        draw.text((left + 8, top + _CELL), _label(result)[:30], fill="black")
    return sheet


def _label(result: Result) -> str:
    caption = result.picture.captions[0] if result.picture.captions else Path(result.picture.path).name
    return f"{result.score:.2f}  {caption}"
