"""Plain text: the packaged Wikipedia dump, or a folder of text files, as documents in paragraphs."""

from __future__ import annotations

import bz2
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from nonet.felix.sources.tables import read_lines
from nonet.foundation import packaged
from nonet.foundation.errors import DataError

__all__ = ["Document", "folder_documents", "wikipedia"]

_DUMP = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
_LEAST = 80  # characters of a paragraph
# what stands outside of prose, innermost first
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}|\{\|[^{}]*?\|\}", re.S)
_DROPPED = re.compile(
    r"<!--.*?-->|<ref[^<>]*/>|<ref.*?</ref>|<math.*?</math>|<gallery.*?</gallery>|<pre.*?</pre>"
    r"|<source.*?</source>|<code.*?</code>",
    re.S | re.I,
)
_FILE = re.compile(r"\[\[(?:File|Image|Category|[a-z-]{2,12}):(?:[^\[\]]|\[\[[^\[\]]*\]\])*\]\]", re.I)
_LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]")
_ADDRESS = re.compile(r"\[\w+://\S*\s?([^\]]*)\]")
_TAG = re.compile(r"<[^<>]+>")
_SPACES = re.compile(r"[ \t\u00a0]+")


@dataclass(frozen=True)
class Document:
    """A text.

    Attributes:
        name: its title or file.
        paragraphs: of prose, without markup.
    """

    name: str
    paragraphs: tuple[str, ...]


def wikipedia() -> Iterator[Document]:
    """The articles of the Wikipedia dump that comes with the data package ``gensim``."""
    path = packaged.file_in("gensim", f"gensim/test/test_data/{_DUMP}")
    with bz2.open(path) as file:
        title = ""
        for _, element in ElementTree.iterparse(file):
            tag = element.tag.rpartition("}")[2]
            if tag == "title":
                title = element.text or ""
            elif tag == "text" and element.text and not element.text.lower().startswith("#redirect"):
                yield Document(title, tuple(_prose(element.text)))
            elif tag == "page":
                element.clear()


def folder_documents(folder: Path) -> Iterator[Document]:
    """The text files of a folder, or one file; paragraphs are set apart by empty lines.

    Raises:
        DataError: if there is no text file.
    """
    found = (
        [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.suffix in {".txt", ".md"})
    )
    if not found:
        raise DataError("There is no text file here (.txt, .md).", where=folder, fix="Check the path.")
    for path in found:
        text = "\n".join(read_lines(path))
        paragraphs = (_SPACES.sub(" ", " ".join(part.split())) for part in re.split(r"\n\s*\n", text))
        yield Document(str(path), tuple(part for part in paragraphs if part))


def _prose(markup: str) -> Iterator[str]:
    """The paragraphs of an article without markup."""
    text = _DROPPED.sub("", markup)
    while (fewer := _TEMPLATE.sub("", text)) != text:
        text = fewer
    text = _ADDRESS.sub(r"\1", _LINK.sub(r"\1", _FILE.sub("", text)))
    text = _TAG.sub("", text).replace("&nbsp;", " ").replace("'''", "").replace("''", "")
    for line in text.splitlines():
        line = _SPACES.sub(" ", line).strip()
        broken = any(sign in line for sign in ("{{", "}}", "[[", "]]", "<ref", "|"))
        if (
            len(line) >= _LEAST
            and not broken
            and not line.startswith(("=", "*", "#", "|", ":", ";", "!", "{", "}", "[", "<"))
        ):
            yield re.sub(r" ?\(\s*[,;]?\s*\)", "", line)
