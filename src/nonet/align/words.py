"""Cleaning of texts that people wrote: one form for captions, alt texts and sidecar files."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = ["MAX_CHARACTERS", "CleanText", "clean_text", "decode_text"]

MAX_CHARACTERS = 1000
"""Longer texts are cut: an encoder reads 64 tokens of them."""

_PLAIN = re.compile(r"[ -~\n\t]*")
_KEPT_FORMAT = {"\u200c", "\u200d"}  # joiners that Persian, Indic scripts and emoji are written with


@dataclass(frozen=True)
class CleanText:
    """A text as it goes into the pairs.

    Attributes:
        text: in Unicode NFC, on one line, without control and direction characters; may be empty.
        cut: whether it was longer than allowed.
    """

    text: str
    cut: bool


def clean_text(raw: str, max_characters: int = MAX_CHARACTERS) -> CleanText:
    """Normalises white space, removes characters that are not seen, and cuts what is too long.

    Args:
        raw: any text.
        max_characters: longest text kept; a longer one is cut at the last space before.
    """
    sample = raw[: 8 * max_characters]  # a text of a megabyte is not cleaned to its end
    # most texts are plain, and looking at each of their characters would take most of the time
    plain = _PLAIN.fullmatch(sample)
    text = " ".join(sample.split())
    if not plain:
        text = " ".join(_visible(unicodedata.normalize("NFC", text)).split())
    if len(text) <= max_characters:
        return CleanText(text, cut=len(sample) < len(raw) and bool(raw[len(sample) :].strip()))
    head = text[: max_characters + 1]
    return CleanText(
        head[: head.rfind(" ") if " " in head[max_characters // 2 :] else max_characters].strip(), cut=True
    )


def decode_text(data: bytes) -> tuple[str, bool]:
    """Decodes UTF-8, and Windows-1252 where it is not UTF-8.

    Returns:
        The text, and whether it was UTF-8.
    """
    try:
        return data.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        # five bytes mean nothing in Windows-1252; Latin-1 reads any
        legacy = data.decode("cp1252", "ignore") if re.search(rb"[\x80-\x9f]", data) else data.decode("latin-1")
        return legacy, False


def _visible(text: str) -> str:
    if text.isprintable() and "\ufffd" not in text:  # nothing to take away, known without a look at each character
        return text
    return "".join(map(_seen, text))


def _seen(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc":
        return " "  # tabs and line ends divide words, and so may any other
    if (category == "Cf" and character not in _KEPT_FORMAT) or category in {"Cs", "Cn"} or character == "\ufffd":
        return ""
    return character
