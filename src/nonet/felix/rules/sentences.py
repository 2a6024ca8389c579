"""Simple sentences made up of lists, active and passive: for experiments in which whole phrases have to move."""

from __future__ import annotations

import random

from nonet.felix.data import Pair
from nonet.felix.rules.fusion import inflected

__all__ = ["made_up"]


def _words(text: str) -> list[str]:
    return text.split()


_VERBS = _words("""
    carry catch clean close cover draw find follow help hold keep lead move open paint praise pull push repair see sell
    serve steal take teach throw visit watch write
""")
_NOUNS = _words("""
    actor artist baker bird boat boy bridge captain cat child clerk coach cook cow doctor dog driver engine farmer
    friend gate girl guard guest horse judge king lawyer letter lion map nurse painter pilot poet queen robot sailor
    sheep singer soldier student teacher tower train visitor wagon woman writer
""")
_ADJECTIVES = _words("old young tall small quiet famous tired happy angry clever brave strange rich poor blue green")
_NAMES = _words("Anna Boris Clara David Emma Felix Greta Hugo Ida Jonas Karl Lena Maria Nora Oscar Paul")
_PLACES = ("in the garden", "near the river", "at the market", "on the hill", "in 1950", "after the war", "last week")


def made_up(count: int, rng: random.Random) -> list[Pair]:
    """Sentences in the past, each to be turned from active to passive or back; no two alike.

    Args:
        count: how many.
        rng: draws them.
    """
    made: dict[str, Pair] = {}
    while len(made) < count:
        verb = rng.choice(_VERBS)
        doer, thing = _phrase(rng), _phrase(rng)
        where = rng.choice(("", " " + rng.choice(_PLACES)))
        active = _sentence(f"{doer} {inflected(verb, 'VBD')} {thing}{where}")
        passive = _sentence(f"{thing} was {inflected(verb, 'VBN')} by {doer}{where}")
        source, target = (active, passive) if rng.random() < 0.5 else (passive, active)
        made[source] = Pair(source, (target,), "voice")
    return list(made.values())


def _phrase(rng: random.Random) -> str:
    if rng.random() < 0.3:
        return rng.choice(_NAMES)
    described = [rng.choice(_ADJECTIVES)] if rng.random() < 0.4 else []
    return " ".join(["the", *described, rng.choice(_NOUNS)])


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
