"""The report as one HTML page that asks nothing of any other host, and pictures as data addresses."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from nonet.cka.data import Pictures
from nonet.foundation.files import replace_file

__all__ = ["SCRIPTS", "picture", "standalone", "write_pictures"]

SCRIPTS = ("npz.js", "heatmap.js", "curves.js", "report.js")
_HERE = Path(__file__).parent


def standalone(content: dict[str, Any]) -> str:
    """The page with its style, scripts and data inside."""
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    environment = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=select_autoescape())
    frame = _HERE.parent / "foundation" / "static" / "frame.css"
    return environment.get_template("standalone.html").render(
        title=content["title"],
        style=frame.read_text(encoding="utf-8") + (_HERE / "static" / "report.css").read_text(encoding="utf-8"),
        scripts=[(_HERE / "static" / name).read_text(encoding="utf-8") for name in SCRIPTS],
        data=json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    )


def picture(pixels: np.ndarray) -> str:
    """A picture (channels, height, width) of bytes as the address of a PNG."""
    return "data:image/png;base64," + base64.b64encode(_png(pixels)).decode("ascii")


def write_pictures(pictures: Pictures, examples: np.ndarray, folder: Path) -> None:
    """Writes examples as PNG files named by rank, number and class."""
    for rank, example in enumerate(examples):
        name = f"{rank:02d}-example{example}-{pictures.classes[pictures.labels[example]]}.png"
        replace_file(folder / name, _png(pictures.images[example]))


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    shown = pixels[0] if len(pixels) == 1 else pixels[:3].transpose(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(shown)).save(file, "PNG")
    return file.getvalue()
