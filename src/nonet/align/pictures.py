"""Opening a picture from anywhere: the one door through which image bytes come in.

Training, indexing, downloading and the web page all open pictures here, so that a hostile or broken file meets the
same limits everywhere.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from nonet.foundation.errors import DataError

__all__ = ["PICTURE_SUFFIXES", "Facts", "Limits", "inspect_picture", "open_picture"]

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif"})
# no formats that run other programs (EPS) or that are seldom pictures of anything
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")  # a JPEG of several pictures (MPO) opens as JPEG
_SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp", "BMP": ".bmp"}
_SUFFIXES |= {"TIFF": ".tif", "AVIF": ".avif"}


@dataclass(frozen=True)
class Limits:
    """What a picture may be at most and at least.

    Attributes:
        max_bytes: size of the file.
        max_pixels: declared width times height, checked before anything is decoded.
        min_side: shorter side in pixels.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 100_000_000
    min_side: int = 2


def open_picture(source: Path | bytes, limits: Limits | None = None) -> Image.Image:
    """Decodes a picture to 8-bit RGB, upright.

    The first frame of an animation is taken, transparency is laid on white, CMYK, palettes and 16-bit greys are
    converted, and the orientation that the camera noted is applied.

    Args:
        source: a file or its bytes.
        limits: what is accepted.
    Returns:
        An image of mode ``RGB``, loaded into memory.
    Raises:
        DataError: if it is no picture, is broken, or breaks a limit.
    """
    limits = limits or Limits()
    where = source if isinstance(source, Path) else None
    data = _read(source, limits) if isinstance(source, Path) else source
    if not data:
        raise DataError("The image file is empty.", where=where)
    if len(data) > limits.max_bytes:
        raise DataError(f"The image file is larger than {limits.max_bytes:,} bytes.", where=where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own bomb warning and remarks on odd metadata
            return _decode(data, limits)
    except DataError as error:
        raise DataError(error.what, where=where) from error
    except UnidentifiedImageError as error:
        raise DataError("The file is not a picture of a known format.", where=where) from error
    except Image.DecompressionBombError as error:
        raise DataError("The picture has too many pixels.", where=where) from error
    except MemoryError:
        raise
    except Exception as error:  # decoders raise anything on broken files: OSError, SyntaxError, struct.error …
        raise DataError(f"The picture is broken ({error}).", where=where) from error


def _read(path: Path, limits: Limits) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limits.max_bytes + 1)
    except OSError as error:
        raise DataError(f"The image file cannot be read ({error.strerror}).", where=path) from error


def _decode(data: bytes, limits: Limits) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        width, height = image.size
        if width * height > limits.max_pixels:
            raise DataError(f"The picture has too many pixels ({width}×{height}).")
        if min(width, height) < limits.min_side:
            raise DataError(f"The picture is too small ({width}×{height}).")
        image.load()
        upright = ImageOps.exif_transpose(image)
    return _to_rgb(upright)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _scale_deep_grey(image).convert("RGB")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        canvas = Image.new("RGBA", layer.size, "white")
        canvas.alpha_composite(layer)
        return canvas.convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _scale_deep_grey(image: Image.Image) -> Image.Image:
    """Greys of 16 bits or more to 8 bits (a plain ``convert`` clips at 255)."""
    import numpy as np

    values = np.asarray(image, dtype=np.float64)
    top = 65535.0 if image.mode.startswith("I") else max(1.0, float(np.nanmax(values, initial=0.0)))
    scaled = np.clip(np.nan_to_num(values) * (255.0 / top), 0, 255)
    return Image.fromarray(scaled.round().astype(np.uint8))


@dataclass(frozen=True)
class Facts:
    """What the table of pairs says of a picture.

    Attributes:
        width: in pixels, upright.
        height: in pixels, upright.
        sha256: of the file, hexadecimal.
        suffix: the usual file name suffix of its format, with the dot.
    """

    width: int
    height: int
    sha256: str
    suffix: str


def inspect_picture(source: Path | bytes, limits: Limits | None = None) -> Facts:
    """Decodes a picture to its end, so that a broken one is found now, and says what it is.

    Args:
        source: a file or its bytes.
        limits: what is accepted.
    Raises:
        DataError: as `open_picture`.
    """
    limits = limits or Limits()
    data = _read(source, limits) if isinstance(source, Path) else source
    try:
        picture = open_picture(data, limits)
    except DataError as error:
        raise DataError(error.what, where=source if isinstance(source, Path) else None) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            suffix = _SUFFIXES.get(image.format or "", ".img")
    return Facts(picture.width, picture.height, hashlib.sha256(data).hexdigest(), suffix)
