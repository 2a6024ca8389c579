"""Connectives of English, by where they stand. The lists are of the usual kind (after PDTB), not an article's own."""

from __future__ import annotations

__all__ = ["BACKWARD", "FORWARD", "INNER", "backward", "bare"]

# they begin a second sentence, and are taken off it
BACKWARD = (
    "on the other hand",
    "at the same time",
    "because of this",
    "in other words",
    "in particular",
    "in addition",
    "as a result",
    "for example",
    "for instance",
    "in contrast",
    "by contrast",
    "in fact",
    "additionally",
    "consequently",
    "furthermore",
    "nevertheless",
    "nonetheless",
    "subsequently",
    "conversely",
    "otherwise",
    "similarly",
    "therefore",
    "meanwhile",
    "moreover",
    "however",
    "likewise",
    "overall",
    "finally",
    "instead",
    "besides",
    "indeed",
    "hence",
    "still",
    "later",
    "also",
    "then",
    "thus",
)
# they begin a sentence, and a comma ends their clause
FORWARD = ("although", "though", "since", "while", "because", "even though")
# they stand between two clauses
INNER = (
    "even though",
    "although",
    "because",
    "whereas",
    "so that",
    "now that",
    "unless",
    "hence",
    "while",
    "though",
)


def backward(text: str) -> tuple[str, str] | None:
    """The backward connective that begins a sentence, and the rest without it; None if there is none.

    A connective that a comma does not follow counts only where it cannot be an adverb of the verb alone.
    """
    small = text.lower()
    for phrase in BACKWARD:
        if small.startswith(phrase):
            rest = text[len(phrase) :]
            if rest.startswith(", "):
                return phrase, rest[2:]
            if rest.startswith(" ") and phrase in {"thus", "hence", "therefore", "then", "instead", "indeed"}:
                return phrase, rest[1:]
    return None


def bare(phrase: str) -> str:
    """A connective as the name of a kind."""
    return phrase.strip(" ,").replace(" ", "_")
