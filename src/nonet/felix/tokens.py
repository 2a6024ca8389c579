"""Texts as word pieces that know where in the text they stand.

The place of each piece is what lets an edited text keep the writer's own letters and spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tokenizers import Tokenizer

from nonet.foundation.errors import ArtifactError, UsageError

__all__ = ["Pieces", "Vocabulary", "windows"]

_NAMES = {
    "cls": ("[CLS]", "<s>", "<cls>"),
    "sep": ("[SEP]", "</s>", "<sep>"),
    "mask": ("[MASK]", "<mask>"),
    "pad": ("[PAD]", "<pad>"),
    "unk": ("[UNK]", "<unk>"),
}
_BRACKETS = (("[unused1]", "[unused2]"), ("[unused0]", "[unused1]"), ("madeupword0000", "madeupword0001"))
_WORD_MARKS = ("Ġ", "▁")  # byte-level pieces and sentence pieces mark what begins a word
_LONE = re.compile("[\ud800-\udfff]")
_SENTENCE_ENDS = frozenset(".!?…。！？")


@dataclass(frozen=True)
class Pieces:
    """A text cut into pieces between a first and a last mark.

    Attributes:
        text: the text itself.
        ids: of the pieces in the vocabulary.
        keys: what makes two pieces equal when texts are aligned: the piece, or the characters of an unknown one.
        starts: where each piece begins in the text, in characters.
        ends: where it ends.
        glued: whether a piece goes on with the word before it.
    """

    text: str
    ids: tuple[int, ...]
    keys: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    glued: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, index: int) -> str:
        """The characters of a piece, as they stand in the text."""
        return self.text[self.starts[index] : self.ends[index]]

    def gap(self, index: int) -> str:
        """The characters between a piece and the one before it."""
        return self.text[self.ends[index - 1] : self.starts[index]] if index else ""


class Vocabulary:
    """The pieces of an encoder: from text to pieces and back.

    Args:
        tokenizer: in the fast form.
    Raises:
        UsageError: if it has no token for a mask, a first or a last mark, or padding.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.tokenizer.encode_special_tokens = True  # "[MASK]" typed by a user is text
        found = {name: self._first(names) for name, names in _NAMES.items()}
        for name in ("mask", "cls", "sep", "pad"):
            if found[name] is None:
                raise UsageError(
                    f"The encoder's vocabulary has no {name.upper()} token.",
                    fix="Choose an encoder that was trained to fill masks, such as BERT, RoBERTa or MiniLM.",
                )
        self.cls, self.sep, self.mask, self.pad = (found[name] or 0 for name in ("cls", "sep", "mask", "pad"))
        self.unknown = found["unk"]
        pairs = [(self._id(first), self._id(second)) for first, second in _BRACKETS]
        known = [pair for pair in pairs if None not in pair]
        self.brackets: tuple[int, int] = known[0] if known else (self.sep, self.sep)  # type: ignore[assignment]

    @classmethod
    def from_json(cls, content: str) -> Vocabulary:
        """The vocabulary of a ``tokenizer.json``.

        Raises:
            ArtifactError: if it is none.
        """
        try:
            return cls(Tokenizer.from_str(content))
        except (ValueError, TypeError, Exception) as error:  # the library raises bare Exceptions
            if isinstance(error, UsageError):
                raise
            raise ArtifactError(f"This is not a tokenizer ({error}).") from error

    def __len__(self) -> int:
        return self.tokenizer.get_vocab_size()

    @cached_property
    def special(self) -> list[int]:
        """What an inserter never writes: marks, masks, unknowns and unused pieces."""
        added = set(self.tokenizer.get_added_tokens_decoder())
        unused = {i for piece, i in self.tokenizer.get_vocab().items() if piece.startswith(("[unused", "madeupword"))}
        return sorted(added | unused | set(self.brackets) | {self.cls, self.sep, self.mask, self.pad})

    @cached_property
    def lowers(self) -> bool:
        """Whether capitals are lost in it."""
        return self.encode(["A"])[0].keys == self.encode(["a"])[0].keys

    def encode(self, texts: Sequence[str]) -> list[Pieces]:
        """Cuts texts into pieces; bytes that are no characters (lone surrogates) are in none of them."""
        found = self.tokenizer.encode_batch([_LONE.sub("\ufffd", text) for text in texts], add_special_tokens=False)
        return [self._pieces(text, encoding) for text, encoding in zip(texts, found, strict=True)]

    def words(self, ids: Sequence[int]) -> list[tuple[str, bool]]:
        """The texts of new pieces, and whether each goes on with the word before it."""
        pieces = [self.tokenizer.id_to_token(number) or "" for number in ids]
        if not self._marks_words:
            return [(piece[2:], True) if piece.startswith("##") else (piece, False) for piece in pieces]
        return [(self._decoded(run), not pieces[run[0]].startswith(_WORD_MARKS)) for run in _runs(pieces, ids)]

    @cached_property
    def _marks_words(self) -> bool:
        return any(piece.startswith(_WORD_MARKS) for piece in self.tokenizer.get_vocab())

    def _decoded(self, run: _Run) -> str:
        return self.tokenizer.decode(run.ids, skip_special_tokens=False).strip()

    def _pieces(self, text: str, encoding) -> Pieces:
        keys, starts, ends, glued = [], [], [], []
        end = 0
        for piece, number, (start, stop) in zip(encoding.tokens, encoding.ids, encoding.offsets, strict=True):
            if self._marks_words and start < stop and text[start].isspace():
                start += len(text[start:stop]) - len(text[start:stop].lstrip())
            start, stop = max(start, end), max(stop, end)  # pieces of one character share its place: the first has it
            unknown = number == self.unknown
            keys.append(text[start:stop].lower() if unknown else piece)
            glued.append(
                piece.startswith("##") or (start == stop) or (self._marks_words and start == end and bool(ends))
            )
            starts.append(start)
            ends.append(stop)
            end = stop
        return Pieces(
            text,
            (self.cls, *encoding.ids, self.sep),
            ("\x02", *keys, "\x03"),
            (0, *starts, len(text)),
            (0, *ends, len(text)),
            (False, *glued, False),
        )

    def _id(self, piece: str) -> int | None:
        return self.tokenizer.token_to_id(piece)

    def _first(self, names: Sequence[str]) -> int | None:
        return next((number for name in names if (number := self._id(name)) is not None), None)


@dataclass(frozen=True)
class _Run:
    """Pieces of one word."""

    first: int
    ids: list[int]

    def __getitem__(self, index: int) -> int:
        return self.first + index


def _runs(pieces: Sequence[str], ids: Sequence[int]) -> Iterator[_Run]:
    """Whole words: bytes of one character may be spread over several pieces."""
    begins = [i for i, piece in enumerate(pieces) if i == 0 or piece.startswith(_WORD_MARKS)]
    for first, stop in zip(begins, [*begins[1:], len(pieces)], strict=True):
        yield _Run(first, list(ids[first:stop]))


def windows(pieces: Pieces, limit: int) -> list[Pieces]:
    """A long text as windows whose texts follow one another without a gap.

    A window ends behind a sentence if one ends in its second half, else between words, else where the limit is.

    Args:
        pieces: any text.
        limit: the most pieces in a window, both marks included.
    """
    if len(pieces) <= limit:
        return [pieces]
    room, cuts, first, last = limit - 2, [], 1, len(pieces) - 1
    while last - first > room:
        first = _cut(pieces, first, first + room)
        cuts.append(first)
    return [_slice(pieces, a, b) for a, b in zip([1, *cuts], [*cuts, last], strict=True)]


def _cut(pieces: Pieces, first: int, stop: int) -> int:
    """The piece before which a window that begins at ``first`` ends, at most ``stop``."""
    between = [i for i in range(stop, first + 1, -1) if pieces.gap(i).strip(" ") != pieces.gap(i) or pieces.gap(i)]
    for index in between:
        if index - first > (stop - first) // 2 and pieces.of(index - 1)[-1:] in _SENTENCE_ENDS:
            return index
    return between[0] if between else stop


def _slice(pieces: Pieces, first: int, stop: int) -> Pieces:
    begin = 0 if first == 1 else pieces.ends[first - 1]
    end = len(pieces.text) if stop == len(pieces) - 1 else pieces.ends[stop - 1]
    text = pieces.text[begin:end]
    return Pieces(
        text,
        (pieces.ids[0], *pieces.ids[first:stop], pieces.ids[-1]),
        (pieces.keys[0], *pieces.keys[first:stop], pieces.keys[-1]),
        (0, *(place - begin for place in pieces.starts[first:stop]), len(text)),
        (0, *(place - begin for place in pieces.ends[first:stop]), len(text)),
        (False, *pieces.glued[first:stop], False),
    )
