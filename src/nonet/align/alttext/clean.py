"""What an alt text says, or the reason why it says nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from nonet.align.words import clean_text

__all__ = ["AltText", "read_alt"]

_FILE_NAME = re.compile(r"[^/<>\n]{0,200}\.(?:jpe?g|jfif|png|gif|webp|svg|bmp|tiff?|avif|ico|heic)", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?:)?//\S+|www\.\S+|(?:/[\w.%~-]+){2,}/?", re.IGNORECASE)
_WORD = r"[A-Za-z0-9][A-Za-z0-9'(),:;!?-]{0,40}"
_PLAIN = re.compile(f"{_WORD}(?: {_WORD}){{1,20}}")  # words that are neither markup nor an address nor a file's name
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,1000}>")


@dataclass(frozen=True)
class AltText:
    """A cleaned alt text.

    Attributes:
        text: what it says; empty if it says nothing.
        reason: why it says nothing, or None.
        cut: whether it was too long.
    """

    text: str
    reason: str | None = None
    cut: bool = False


def read_alt(raw: str | None, addresses: Sequence[str] = ()) -> AltText:
    """Cleans an alt text.

    Entities that were escaped twice and tags inside the text are undone; white space, control and direction
    characters are normalised.

    Args:
        raw: the attribute, or None if the image has none.
        addresses: of the picture; a text that only repeats its file name says nothing.
    """
    if raw is None:
        return AltText("", "no alt text")
    if _PLAIN.fullmatch(raw):  # as most are written, and then there is nothing to clean
        return AltText(raw)
    sample = _MARKUP.sub(" ", html.unescape(raw[:20_000]))
    clean = clean_text(sample)
    if not clean.text:
        return AltText("", "an empty alt text")
    if _FILE_NAME.fullmatch(clean.text) or _repeats_name(clean.text, addresses):
        return AltText("", "an alt text that is a file name")
    if _ADDRESS.fullmatch(clean.text):
        return AltText("", "an alt text that is an address")
    if not any(character.isalnum() for character in clean.text):
        return AltText("", "an alt text without a letter")
    return AltText(clean.text, cut=clean.cut or len(raw) > 20_000)


def _repeats_name(text: str, addresses: Sequence[str]) -> bool:
    """``IMG_2034`` for ``IMG_2034.jpg``; a plain word such as ``cat`` for ``cat.jpg`` is a good alt text."""
    if " " in text or not re.search(r"[\d_-]", text):
        return False
    return any(PurePosixPath(unquote(_path(address))).stem == text for address in addresses)


def _path(address: str) -> str:
    return urlsplit(address).path if address[:5] != "data:" else ""
