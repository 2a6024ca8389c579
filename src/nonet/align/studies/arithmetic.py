"""Queries of a picture and words whose right answer is known: a person with a profession, a cat with an expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nonet.align.data import Pairs
from nonet.align.query import compose

__all__ = ["Question", "ask", "questions"]

_PEOPLE = ("man", "woman", "person")
_ROLES = [
    "artist",
    "astronaut",
    "cook",
    "farmer",
    "firefighter",
    "judge",
    "mechanic",
    "pilot",
    "scientist",
    "singer",
    "student",
    "teacher",
    "technologist",
]
_CATS = {
    "grinning cat": "grinning",
    "cat with tears of joy": "tears of joy",
    "pouting cat": "pouting",
    "crying cat": "crying",
    "weary cat": "weary",
    "kissing cat": "kissing",
}


@dataclass(frozen=True)
class Question:
    """A picture, words to add, and the picture that they should find; rows of the pairs' pictures."""

    picture: int
    words: str
    answer: int


def questions(pairs: Pairs) -> list[Question]:
    """The questions that these drawings allow.

    Args:
        pairs: drawings of OpenMoji with their names.
    """
    by_name: dict[str, int] = {}
    for text, image in zip(pairs.texts, pairs.image_of.tolist(), strict=True):
        by_name.setdefault(text.lower(), image)
    asked = [(person, role, f"{person} {role}") for person in _PEOPLE for role in _ROLES]
    asked += [
        (f"{person} artist", role, f"{person} {role}") for person in _PEOPLE for role in _ROLES if role != "artist"
    ]
    asked += [(base, words, cat) for cat, words in _CATS.items() for base in ("cat face", "cat")]
    return [
        Question(by_name[base], words, by_name[answer])
        for base, words, answer in asked
        if base in by_name and answer in by_name
    ]


def ask(
    asked: Sequence[Question],
    pictures: Float[np.ndarray, "pictures dim"],
    words: Float[np.ndarray, "questions dim"],
) -> dict[str, float]:
    """The share of questions whose nearest drawing, beside the one asked with, is the answer.

    Args:
        asked: the questions.
        pictures: embeddings of all drawings.
        words: embeddings of the questions' words.
    Returns:
        By kind of query: picture and words, words only, picture only.
    """
    shares = {}
    for kind in ("picture + words", "words", "picture"):
        right = 0
        for question, text in zip(asked, words, strict=True):
            image = pictures[question.picture][None]
            vector = compose(texts=text[None] if "words" in kind else None, images=image if "picture" in kind else None)
            scores = pictures @ vector
            scores[question.picture] = -np.inf
            right += int(scores.argmax()) == question.answer
        shares[kind] = right / len(asked)
    return shares
