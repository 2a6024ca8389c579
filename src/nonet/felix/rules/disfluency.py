"""Disfluency put into fluent sentences: a wrong start, a hesitation and a correction, as people make them in speech."""

from __future__ import annotations

import random

from nonet.felix.rules.parsing import Span

__all__ = ["disfluent"]

_REPAIRS = ("no", "no wait", "sorry", "I mean", "or wait", "rather", "no sorry", "um no", "oops", "actually")
_FILLERS = ("um", "uh", "er", "you know", "well")


def disfluent(sent: Span, others: list[str], rng: random.Random) -> str | None:
    """A sentence with a disfluency put in; None if it has no noun to be mistaken about.

    Args:
        sent: a fluent sentence.
        others: nouns and names to be mistaken with.
        rng: draws what is put in.
    """
    nouns = [t for t in sent if t.pos_ in {"NOUN", "PROPN"} and t.dep_ != "compound" and t.is_alpha]
    if not nouns or len(sent) < 5:
        return None
    wrong = rng.choice([word for word in others if word.lower() not in sent.text.lower()] or others)
    noun = rng.choice(nouns)
    words = [token.text_with_ws for token in sent]
    place = noun.i - sent.start
    kind = rng.random()
    if kind < 0.6:  # a mistake and its repair: "the dog no wait the cat"
        start = noun.left_edge.i - sent.start if noun.i - noun.left_edge.i <= 2 else place
        kept = "".join(words[start:place]) if start else ""
        put, where = f"{kept}{wrong} {rng.choice(_REPAIRS)} ", start
    elif kind < 0.8:  # a restart: the first words come twice
        many = rng.randint(1, min(3, len(words) - 2))
        put, where = f"{''.join(words[:many])}{rng.choice((*_REPAIRS, *_FILLERS))} ", 0
    else:
        put, where = f"{rng.choice(_FILLERS)} ", place
    return "".join([*words[:where], put, *words[where:]]).strip()
