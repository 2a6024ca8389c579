"""Edited text from kept and new pieces: the writer's own letters and spaces where they were."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from nonet.felix.casing import Casing, ends_sentence
from nonet.felix.tokens import Pieces, Vocabulary

__all__ = ["Item", "render"]

Item = int | tuple[int, ...]  # a kept piece by its index in the source, or new pieces by their ids

_OPENING = frozenset("([{¿¡«“‘‹")
_BINDING = frozenset("-–'’/@#$£€_")  # nothing stands between these and a new piece after them
_ATTACHED = frozenset(".,;:!?%)]}…»”’›'-–/_")  # nothing stands between a word and these
_HYPHENS = frozenset("-/")
_QUOTES = frozenset('"“”')


@dataclass
class _Chunk:
    """A piece of the edited text.

    Attributes:
        text: its characters.
        space: what stands before it.
        source: its index in the source; None for a new one.
        moved: whether another piece stood before it in the source.
        glued: whether it goes on with the word before it.
    """

    text: str
    space: str
    source: int | None
    moved: bool
    glued: bool


def render(
    source: Pieces, items: Sequence[Item], vocabulary: Vocabulary, casing: Casing, *, inside: bool = False
) -> str:
    """The edited text.

    A text of which everything is kept in order comes back byte for byte.

    Args:
        source: the text that was edited.
        items: kept and new pieces in the order of the result, from the first mark to the last.
        vocabulary: of the new pieces.
        casing: how words are written.
        inside: whether it is a part of a sentence, so that its first word gets no capital.
    """
    writer = _Writer(source, vocabulary)
    for item in items:
        if isinstance(item, int):
            writer.keep(item)
        else:
            writer.insert(item)
    _recase(writer.chunks, source, vocabulary, casing, inside)
    return "".join(chunk.space + chunk.text for chunk in writer.chunks)


class _Writer:
    """Puts pieces one behind the other."""

    def __init__(self, source: Pieces, vocabulary: Vocabulary) -> None:
        self.source, self.vocabulary = source, vocabulary
        self.chunks: list[_Chunk] = []
        self.before: int | None = None  # the kept piece just written; None behind a new one

    @cached_property
    def spaced(self) -> bool:
        """Whether the source sets its punctuation apart, as tokenised texts do."""
        marks = [i for i in range(2, len(self.source) - 1) if self.source.of(i) in {".", ",", "?", "!", ";"}]
        return bool(marks) and all(self.source.gap(i) for i in marks)

    @property
    def tail(self) -> str:
        """The last visible character so far."""
        return next((chunk.text[-1] for chunk in reversed(self.chunks) if chunk.text), "")

    def keep(self, index: int) -> None:
        """Writes a piece of the source."""
        source, text = self.source, self.source.of(index)
        follows = index == 0 or self.before == index - 1
        space = source.gap(index) if follows else self._join(index, text)
        self.chunks.append(_Chunk(text, space, index, not follows, source.glued[index]))
        self.before = index

    def insert(self, ids: tuple[int, ...]) -> None:
        """Writes new pieces."""
        for text, glued in self.vocabulary.words(ids):
            space = "" if glued and self.tail else self._space(text)
            self.chunks.append(_Chunk(text, space, None, True, glued))
        self.before = None

    def _join(self, index: int, text: str) -> str:
        """What stands before a kept piece that follows something new."""
        own = "".join(character for character in self.source.gap(index) if character.isspace())
        if index == len(self.source) - 1:
            return own
        if not self.tail:  # nothing is written yet: the source's own indentation
            return "".join(character for character in self.source.gap(1) if character.isspace())
        if self.source.glued[index]:
            return ""
        if self.before is None and self.tail in _HYPHENS and not self.spaced:
            return ""
        if own and index > 1:
            return "" if self.tail in _OPENING and not self.spaced else own
        return self._space(text) if index == 1 or _needs_space(self.tail, text) else ""

    def _space(self, text: str) -> str:
        """What stands before a new piece."""
        tail = self.tail
        if not tail or not text or (_is_ideograph(tail) and _is_ideograph(text[0])):
            return ""
        if self.spaced:
            return "" if tail in "'’" and text in {"s", "t", "re", "ve", "ll", "d", "m"} else " "
        if text[0] in _QUOTES or tail in _QUOTES:
            written = "".join(chunk.text for chunk in self.chunks)
            inside = sum(written.count(quote) for quote in _QUOTES) % 2 == 1
            return "" if inside or tail in _OPENING else " "
        digits = text.isdigit() and (tail == "." or (tail == "," and len(text) == 3)) and self._digit_before_mark()
        attached = text[0] in _ATTACHED or tail in _OPENING or tail in _BINDING or digits
        return "" if attached else " "

    def _digit_before_mark(self) -> bool:
        return len(self.chunks) > 1 and self.chunks[-2].text[-1:].isdigit()


def _needs_space(tail: str, text: str) -> bool:
    """Whether two pieces that were not neighbours would run into one."""
    if _is_ideograph(tail) or _is_ideograph(text[:1]):
        return False
    return text[:1].isalnum() and tail not in _OPENING and tail not in _BINDING


def _is_ideograph(character: str) -> bool:
    return bool(character) and ("\u3040" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff")


def _recase(chunks: list[_Chunk], source: Pieces, vocabulary: Vocabulary, casing: Casing, inside: bool) -> None:
    """Gives words that came to the head of a sentence a capital, and takes it from those that left it."""
    if not (source.text != source.text.lower() or any(c.source is None for c in chunks)):
        return
    capitals = casing.sentences and (source.text != source.text.lower() or not re.search(r"[a-z]", source.text))
    for number, chunk in enumerate(chunks):
        if not chunk.moved or chunk.glued or not chunk.text[:1].isalpha():
            continue
        begins = _begins(chunks, number, inside)
        if chunk.source is not None:
            began = ends_sentence(source.text[: source.starts[chunk.source]][-4:]) or chunk.source == 1
            if begins and not began and capitals:
                chunk.text = chunk.text[0].upper() + chunk.text[1:]
            elif began and not begins and chunk.text[0].isupper():
                _rewrite(chunks, number, casing.lowered(_word(chunks, number), source.text))
            continue
        if vocabulary.lowers and capitals:
            _rewrite(chunks, number, casing.inside(_word(chunks, number)))
        if begins and capitals:
            chunk.text = chunk.text[0].upper() + chunk.text[1:]


def _begins(chunks: Sequence[_Chunk], number: int, inside: bool) -> bool:
    before = "".join(chunk.space + chunk.text for chunk in chunks[max(0, number - 4) : number])
    return ends_sentence(before[-4:]) if before.strip() else not inside


def _word(chunks: Sequence[_Chunk], number: int) -> str:
    return "".join(chunk.text for chunk in chunks[number : _word_end(chunks, number)])


def _word_end(chunks: Sequence[_Chunk], number: int) -> int:
    stop = number + 1
    while stop < len(chunks) and chunks[stop].glued and not chunks[stop].space:
        stop += 1
    return stop


def _rewrite(chunks: list[_Chunk], number: int, word: str) -> None:
    """Writes a word of the same length over its chunks."""
    for chunk in chunks[number : _word_end(chunks, number)]:
        if len(word) >= len(chunk.text):
            chunk.text, word = word[: len(chunk.text)], word[len(chunk.text) :]
