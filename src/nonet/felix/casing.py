"""Which words have capitals: learnt from the targets of the pairs, where the vocabulary has lost them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from nonet.foundation.errors import ArtifactError
from nonet.foundation.reading import parse_json

__all__ = ["Casing", "ends_sentence"]

_WORD = re.compile(r"\w[\w'’-]*")
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’)\]]*\s*$")
_LARGEST = 20_000  # words that are remembered
# words that have a capital only where a sentence begins
_SMALL_WORDS = (
    "a an the this that these those he she it they we you his her its their our your my and or but so yet for "
    "nor if as at by in of on to from with without after before while when where which who whom whose what why "
    "how there here however although because since though then thus also is are was were be been has have had "
    "do does did will would can could may might must shall should not no some any all both each every many "
    "most much more other another such one two three four five six seven eight nine ten under over about into "
    "during until between through against "
)
_ALWAYS_LOWER = frozenset(_SMALL_WORDS.split())


@dataclass(frozen=True)
class Casing:
    """How words are written inside a sentence.

    Attributes:
        forms: a word in small letters, and the form that it mostly has inside sentences, for words with capitals.
        small: words that are mostly written without.
        sentences: whether sentences begin with a capital.
    """

    forms: dict[str, str] = field(default_factory=lambda: {"i": "I"})
    small: frozenset[str] = _ALWAYS_LOWER
    sentences: bool = True

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Casing:
        """Counts the forms of words in texts."""
        inside: dict[str, Counter[str]] = {}
        begins: Counter[bool] = Counter()
        for text in texts:
            end = 0
            for match in _WORD.finditer(text):
                word, before = match[0], text[end : match.start()]
                if end == 0 or ends_sentence(before):
                    begins[word[0].isupper()] += word[0].isalpha()
                else:
                    inside.setdefault(word.lower(), Counter())[word] += 1
                end = match.end()
        common = sorted(inside.items(), key=lambda item: (-item[1].total(), item[0]))[:_LARGEST]
        mostly = {word: counts.most_common(1)[0][0] for word, counts in common}
        forms = {word: form for word, form in mostly.items() if form != word}
        capitals = begins[True] >= begins[False]
        if capitals:
            forms.setdefault("i", "I")
        small = frozenset(word for word, form in mostly.items() if form == word) | (_ALWAYS_LOWER - set(forms))
        return cls(forms, small, capitals)

    def inside(self, word: str) -> str:
        """A new word as it is written inside a sentence."""
        return self.forms.get(word.lower(), word)

    def lowered(self, word: str, text: str) -> str:
        """A word that stood at the head of a sentence, as it is written inside one.

        Args:
            word: as it stood there.
            text: the source, where it may stand inside a sentence too.
        """
        small = word.lower()
        if small in self.forms:
            return self.forms[small]
        if small in self.small or re.search(rf"(?<![.!?] )(?<!^)\b{re.escape(small)}\b", text):
            return small
        return word

    def to_json(self) -> str:
        """All of it as JSON."""
        return json.dumps({"forms": self.forms, "small": sorted(self.small), "sentences": self.sentences})

    @classmethod
    def from_json(cls, content: str) -> Casing:
        """What `to_json` wrote.

        Raises:
            ArtifactError: if it is not that.
        """
        try:
            found = parse_json(content)
            forms, small = dict(found["forms"]), frozenset(found["small"])
            if not all(isinstance(word, str) for word in (*forms.values(), *small)):
                raise TypeError("a word is no text")
            return cls(forms, small, bool(found["sentences"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"The table of capitals is damaged ({error}).") from error


def ends_sentence(text: str) -> bool:
    """Whether a text ends with the end of a sentence."""
    return bool(_SENTENCE_END.search(text))
