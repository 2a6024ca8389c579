"""A model whose answers are known: pictures and colour words meet in the space of colours."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
}


class ColourModel:
    """Embeds a picture by its mean colour, a text by the colours it names; counts what it is given."""

    dim = 8
    temperature = 0.1

    def __init__(self, name: str = "colours") -> None:
        self.fingerprint = name
        self.pictures_seen = 0
        self.texts_seen = 0
        # no training has kept features of it
        self.image_encoder = SimpleNamespace(fingerprint=lambda: name, width=8)

    def to(self, device: object) -> "ColourModel":
        return self

    def embed_images(self, pictures: Sequence[Image.Image | Path]) -> np.ndarray:
        self.pictures_seen += len(pictures)
        means = [np.asarray(picture, float).reshape(-1, 3).mean(0) for picture in pictures]
        return _unit(np.array([_colour(mean) for mean in means]))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        self.texts_seen += len(texts)
        return _unit(np.array([self._text(text) for text in texts]))

    def _text(self, text: str) -> np.ndarray:
        named = [_colour(COLOURS[word]) for word in text.lower().split() if word in COLOURS]
        if named:
            return np.sum(named, 0) + 1e-9
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return np.random.default_rng(int.from_bytes(digest)).standard_normal(8)


def _colour(rgb: Sequence[float]) -> np.ndarray:
    return np.array([*(np.asarray(rgb, float) / 255), 0.05, 0, 0, 0, 0])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def paint(path: Path, colour: str | tuple[int, int, int], size: tuple[int, int] = (40, 30)) -> Path:
    """A picture file of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, COLOURS[colour] if isinstance(colour, str) else colour).save(path)
    return path


def png(colour: str) -> bytes:
    """A picture of one colour, as it is sent."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    return file.getvalue()


def warc_record(url: str, kind: str, body: bytes) -> bytes:
    """The answer of a server, as archives of the web keep it."""
    http = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Record-ID: <urn:uuid:0>\r\n"
    head += "WARC-Date: 2024-01-01T00:00:00Z\r\nContent-Type: application/http; msgtype=response\r\n"
    return head.encode() + f"Content-Length: {len(http)}\r\n\r\n".encode() + http + b"\r\n\r\n"
