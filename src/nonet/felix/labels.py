"""What a tagger learns of a pair: which tokens stay, in which order, and what comes in after them.

Points follow the article's section 3.2: each kept token points to the one that follows it in the target; deleted tokens
and the last one point to 0.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nonet.felix.alignment import NEW, align
from nonet.felix.config import LabelConfig

__all__ = ["Labels", "Tag", "TagSet", "Unrealisable", "label", "order_of", "realise"]


class Unrealisable(Exception):  # noqa: N818 - it tells why a pair cannot be labelled; nobody sees it as an error
    """A pair that the labels cannot express; the message says why."""


@dataclass(frozen=True)
class Labels:
    """The edits that turn a source into a target.

    Attributes:
        points: for each source token the one that follows it in the target; 0 for deleted ones and the last.
        inserted: for each source token the new tokens after it.
    """

    points: tuple[int, ...]
    inserted: tuple[tuple[Any, ...], ...]

    @cached_property
    def kept(self) -> frozenset[int]:
        """The source tokens that stay."""
        return frozenset((0, *self.points))


@dataclass(frozen=True)
class Tag:
    """One class of the tagger.

    Attributes:
        keep: whether the token stays.
        masks: how many masks follow it.
    """

    keep: bool
    masks: int

    def __str__(self) -> str:
        return ("KEEP" if self.keep else "DELETE") + (f"|{self.masks}" if self.masks else "")


@dataclass(frozen=True)
class TagSet:
    """The classes of a tagger: as many as the network has outputs, each with one number.

    Attributes:
        tags: DELETE, KEEP, and those with insertions.
        span: masks of one insertion where that is fixed (infill), else 0.
    """

    tags: tuple[Tag, ...]
    span: int = 0

    @classmethod
    def of(cls, config: LabelConfig) -> TagSet:
        """The classes of a variant."""
        plain = (Tag(False, 0), Tag(True, 0))
        if config.variant == "infill":
            return cls((*plain, Tag(True, config.infill_span)), config.infill_span)
        counts = range(1, config.max_mask + 1)
        tags = (*plain, *(Tag(True, count) for count in counts))
        if config.variant == "insert":
            tags += tuple(Tag(False, count) for count in counts)
        return cls(tags)

    def __len__(self) -> int:
        return len(self.tags)

    @property
    def keeps(self) -> list[bool]:
        """For each class whether it keeps a token."""
        return [tag.keep for tag in self.tags]

    def numbers(self, labels: Labels) -> list[int]:
        """The class of each source token.

        Raises:
            Unrealisable: if more comes in after one token than a class can say.
        """
        numbers = []
        for index, new in enumerate(labels.inserted):
            count = len(new)
            if self.span and 0 < count <= self.span:
                count = self.span
            tag = Tag(index in labels.kept, count)
            if tag not in self._number:
                raise Unrealisable("an insertion is too long" if tag.masks else "no such tag")
            numbers.append(self._number[tag])
        return numbers

    @cached_property
    def _number(self) -> dict[Tag, int]:
        return {tag: number for number, tag in enumerate(self.tags)}


def label(source: Sequence[Hashable], target: Sequence[Hashable], config: LabelConfig) -> Labels:
    """The edits from source to target.

    Args:
        source: tokens between a first and a last mark.
        target: likewise, with the same marks.
        config: the variant and the alignment.
    Raises:
        Unrealisable: if the target does not end with the source's last mark, or (`insert`) an insertion has no room.
    """
    moves = config.variant != "insert"
    aligned = align(source, target, config.alignment, moves=moves)
    if aligned[-1] != len(source) - 1:
        raise Unrealisable("the target does not end like the source")
    points, inserted = [0] * len(source), [()] * len(source)
    last, new = 0, []
    for token, index in zip(target[1:], aligned[1:], strict=True):
        if index == NEW:
            new.append(token)
            continue
        points[last] = index
        if moves:
            inserted[last] = tuple(new)
        else:
            _spread(new, last, index, inserted, config.max_mask)
        last, new = index, []
    return Labels(tuple(points), tuple(inserted))


def _spread(new: list, last: int, following: int, inserted: list[tuple], limit: int) -> None:
    """Puts an insertion onto the deleted tokens that it replaces, so that a replacement is one tag; else onto ``last``.

    What is longer than a tag can say goes on with the next deleted token.
    """
    places = range(last + 1, following) if following - last > 1 else range(last, last + 1)
    if len(new) > limit * len(places):
        raise Unrealisable("an insertion is too long")
    for number, place in enumerate(places):
        inserted[place] = tuple(new[number * limit : (number + 1) * limit])


def order_of(points: Sequence[int]) -> list[int]:
    """The kept tokens in the order of the target, from the first mark to the last.

    Raises:
        ValueError: if the points run in a loop or miss a token that something points to.
    """
    order, seen, end = [0], {0}, len(points) - 1
    while order[-1] != end:
        following = points[order[-1]]
        if following in seen:
            raise ValueError(f"the points run in a loop at {following}")
        order.append(following)
        seen.add(following)
    if seen != {0, *points}:
        raise ValueError("some kept tokens are on no path")
    return order


def realise(source: Sequence[Any], labels: Labels) -> list[Any]:
    """The target that labels make of a source: the inverse of `label`.

    Deleted tokens may carry insertions too; they come where the token was, behind the kept token before it.
    """
    made: list[Any] = []
    kept, inserted = labels.kept, labels.inserted
    for index in order_of(labels.points):
        made.append(source[index])
        made.extend(inserted[index])
        following = index + 1
        while following < len(source) and following not in kept:
            made.extend(inserted[following])
            following += 1
    return made
