"""Which drawings show the same thing: the groups that keep variants of a drawing out of another split.

Two drawings are of one concept when any of these holds, directly or through others:

- their code points agree after skin tone, gender, hair, age-neutral person and direction are taken out;
- two of their names agree, as they are or after the English words for these are taken out;
- their pictures are the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence

__all__ = ["groups", "neutral_name", "neutral_sequence"]

_ZWJ, _HEART, _KISS, _HANDS = 0x200D, 0x2764, 0x1F48B, 0x1F91D
_PERSON, _CHILD, _OLDER = 0x1F9D1, 0x1F9D2, 0x1F9D3
_FAMILY, _COUPLE_HEART, _COUPLE_KISS, _COUPLE_HANDS = 0x1F46A, 0x1F491, 0x1F48F, 0x1F46B

_TAKEN_OUT = {
    0xFE0E,  # text presentation
    0xFE0F,  # emoji presentation
    *range(0x1F3FB, 0x1F400),  # skin tones
    *range(0x1F9B0, 0x1F9B4),  # hair: red, curly, white, bald
    0x2640,  # female
    0x2642,  # male
    0x27A1,  # facing right
}
_NEUTRAL = {
    0x1F468: _PERSON,  # man
    0x1F469: _PERSON,  # woman
    0x1F466: _CHILD,  # boy
    0x1F467: _CHILD,  # girl
    0x1F474: _OLDER,  # old man
    0x1F475: _OLDER,  # old woman
    0x1F478: 0x1F934,  # princess, prince
    0x1FAC5: 0x1F934,  # person with crown
    0x1F936: 0x1F385,  # Mrs. Claus, Santa Claus
    0x1F57A: 0x1F483,  # man dancing, woman dancing
    0x1F930: 0x1FAC4,  # pregnant woman, person
    0x1FAC3: 0x1FAC4,  # pregnant man
    0x1F46C: _COUPLE_HANDS,
    0x1F46D: _COUPLE_HANDS,
    0x1F6BA: 0x1F6B9,  # women's room, men's room
}
# sequences that say the same as one character
_ONE_CHARACTER = {
    (_PERSON, _HANDS, _PERSON): _COUPLE_HANDS,
    (_PERSON, _HEART, _PERSON): _COUPLE_HEART,
    (_PERSON, _HEART, _KISS, _PERSON): _COUPLE_KISS,
    (0x1FAF1, 0x1FAF2): _HANDS,  # a handshake of two skin tones
    (_PERSON, 0x1F384): 0x1F385,  # Mx Claus
    (_PERSON, 0x1F430, _PERSON): 0x1F46F,  # people with bunny ears
    (_PERSON, 0x1FAEF, _PERSON): 0x1F93C,  # wrestlers
}
_NAME_WORDS = re.compile(
    r"\b(?:(?:medium-|medium )?(?:light|dark) skin tone|medium skin tone|facing right|"
    r"wom[ae]n’s|m[ae]n’s|wom[ae]n|m[ae]n|person|people|boys?|girls?|child(?:ren)?|adults?|"
    r"(?:red|curly|white|blond) hair|bald|and|mr|mrs|mx)\b\.?"
)


def neutral_sequence(code_points: Sequence[int]) -> tuple[int, ...]:
    """Code points without skin tone, gender, hair and direction; families and couples as one character.

    Args:
        code_points: of one emoji, joiners included.
    """
    kept = [_NEUTRAL.get(point, point) for point in code_points if point not in _TAKEN_OUT and point != _ZWJ]
    if len(kept) > 1 and set(kept) <= {_PERSON, _CHILD}:
        return (_FAMILY,)
    one = _ONE_CHARACTER.get(tuple(kept))
    return tuple(kept) if one is None else (one,)


def neutral_name(name: str) -> str:
    """An English name without its words for skin tone, gender, hair and direction; empty if nothing is left.

    Args:
        name: words divided by spaces, as ``woman running medium-light skin tone``.
    """
    return " ".join(_NAME_WORDS.sub(" ", name.lower()).split())


def groups(keys: Sequence[Iterable[Hashable]]) -> list[int]:
    """Numbers the groups of things that are tied by shared keys, directly or through others.

    Args:
        keys: for each thing the keys that it shares with its like.
    Returns:
        For each thing the number of the first thing of its group.
    """
    parent = list(range(len(keys)))

    def root(thing: int) -> int:
        while parent[thing] != thing:
            parent[thing] = parent[parent[thing]]
            thing = parent[thing]
        return thing

    first: dict[Hashable, int] = {}
    for thing, own in enumerate(keys):
        for key in own:
            a, b = sorted((root(first.setdefault(key, thing)), root(thing)))
            parent[b] = a
    return [root(thing) for thing in range(len(keys))]
