"""The pictures behind a search page: thumbnails, whole pictures of the index, and pictures that visitors bring."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from nonet.align.embedder import open_for_embedding
from nonet.align.filecache import FileCache
from nonet.align.pictures import Limits, open_picture
from nonet.align.segments import Picture
from nonet.foundation.errors import DataError

__all__ = ["Gallery", "Shown", "Upload", "thumbnail"]

_THUMBNAIL = 256  # pixels
_MAX_THUMBNAILS = 512 * 2**20  # bytes
_MAX_UPLOADS = 256 * 2**20  # bytes
# how the files begin that browsers show as they are
_SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"GIF8": "image/gif"}


@dataclass(frozen=True)
class Shown:
    """A picture as a browser shows it.

    Attributes:
        content: the bytes of an image file.
        media_type: what kind of image file.
    """

    content: bytes
    media_type: str


@dataclass(frozen=True)
class Upload:
    """A picture that a visitor brought.

    Attributes:
        sha256: of the bytes that came, in hexadecimal; its name from now on.
        width: in pixels.
        height: in pixels.
    """

    sha256: str
    width: int
    height: int


class Gallery:
    """Pictures by id or hash, never by path. What can be made again is cached beside the index."""

    def __init__(self, index_folder: Path) -> None:
        """Keeps its caches in a hidden folder of the index, or in a temporary one where that is read-only."""
        home = index_folder / ".cache"
        with suppress(OSError):
            home.mkdir(exist_ok=True)
        if not os.access(home, os.W_OK):
            self._temporary = tempfile.TemporaryDirectory(prefix="nonet-")
            home = Path(self._temporary.name)
        self._thumbnails = FileCache(home / "thumbs", _MAX_THUMBNAILS)
        self._uploads = FileCache(home / "uploads", _MAX_UPLOADS)

    def thumbnail(self, picture: Picture) -> Shown:
        """A small version of an indexed picture.

        Raises:
            DataError: if its file is gone, changed or broken.
        """
        name = f"{picture.sha256}.webp"
        cached = self._thumbnails.get(name)
        if cached is not None:
            with suppress(FileNotFoundError):  # another thread may have let it go
                return Shown(cached.read_bytes(), "image/webp")
        content = thumbnail(_original(picture))
        with suppress(OSError):  # a full disk costs time, not pictures
            self._thumbnails.put(name, content)
        return Shown(content, "image/webp")

    def whole(self, picture: Picture) -> Shown:
        """An indexed picture in full; formats that browsers do not show are converted.

        Raises:
            DataError: if its file is gone, changed or broken.
        """
        content = _original(picture)
        for signature, media_type in _SIGNATURES.items():
            if content.startswith(signature):
                return Shown(content, media_type)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return Shown(content, "image/webp")
        return Shown(_encoded(open_picture(content), "PNG"), "image/png")

    def keep(self, content: bytes) -> Upload:
        """Keeps an uploaded picture, as large as a model looks at it and without what the camera noted.

        Raises:
            DataError: if it is no picture, is broken, or breaks a limit.
        """
        opened = open_for_embedding(content)
        sha256 = hashlib.sha256(content).hexdigest()
        name = f"{sha256}.jpg"
        if self._uploads.get(name) is None:
            self._uploads.put(name, _encoded(opened.picture, "JPEG", quality=95, subsampling=0))
        return Upload(sha256, opened.width, opened.height)

    def upload(self, sha256: str) -> Path:
        """The file of an uploaded picture.

        Raises:
            DataError: if it is not kept any more.
        """
        path = self._uploads.get(f"{sha256}.jpg")
        if path is None:
            raise DataError("An uploaded picture of this query is no longer kept.", fix="Add the picture again.")
        return path


def thumbnail(source: Path | bytes) -> bytes:
    """A small WebP version of a picture."""
    picture = open_picture(source)
    picture.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return _encoded(picture, "WEBP", quality=82, method=2)


def _original(picture: Picture) -> bytes:
    """The bytes that were indexed; a file that was put in their place since is not shown."""
    try:
        with Path(picture.path).open("rb") as file:
            content = file.read(Limits().max_bytes + 1)
    except OSError as error:
        raise DataError("The file of this picture is gone.", fix="Index the pictures again.") from error
    if hashlib.sha256(content).hexdigest() != picture.sha256:
        raise DataError("The file of this picture has changed since it was indexed.", fix="Index the pictures again.")
    return content


def _encoded(picture: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()
