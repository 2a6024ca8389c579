"""Pairs as the networks see them: numbers, padded to the longest of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from nonet.felix.batches import TokenRows, padded, present
from nonet.felix.config import LabelConfig
from nonet.felix.data import Pair
from nonet.felix.labels import Labels, TagSet, Unrealisable, label, order_of
from nonet.felix.template import template
from nonet.felix.tokens import Pieces, Vocabulary

__all__ = ["Example", "Examples", "Insertion", "Insertions", "insertion", "labelled"]

_AT_ONCE = 1024
_RANDOM_MASKS = 0.1  # of the tokens of a text into which nothing comes


@dataclass(frozen=True)
class Example:
    """A pair for the tagger.

    Attributes:
        source: its tokens.
        labels: the edits; what comes in is token ids.
        tags: the class of each token.
    """

    source: Pieces
    labels: Labels
    tags: tuple[int, ...]


@dataclass(frozen=True)
class Insertion:
    """A pair for the inserter: the template and what belongs at its masks.

    Attributes:
        ids: tokens of the template.
        segments: 0, or 1 for deleted tokens and their brackets.
        masks: places of the masks.
        wanted: the token that belongs at each.
    """

    ids: tuple[int, ...]
    segments: tuple[int, ...]
    masks: tuple[int, ...]
    wanted: tuple[int, ...]


def labelled(
    pairs: Sequence[Pair], vocabulary: Vocabulary, config: LabelConfig, left_out: Counter[str] | None = None
) -> Iterator[Example]:
    """The pairs that can be labelled; a pair with several targets gives several examples.

    Args:
        pairs: texts.
        vocabulary: cuts them.
        config: how they are labelled.
        left_out: counts the reasons for which pairs are left out.
    """
    tags = TagSet.of(config)
    counts = Counter() if left_out is None else left_out
    both = ((pair.source, target) for pair in pairs for target in pair.targets)
    while chunk := list(islice(both, _AT_ONCE)):
        sources = vocabulary.encode([source for source, _ in chunk])
        targets = vocabulary.encode([target for _, target in chunk])
        for source, target in zip(sources, targets, strict=True):
            try:
                yield _example(source, target, vocabulary, config, tags)
            except Unrealisable as reason:
                counts[str(reason)] += 1


def _example(source: Pieces, target: Pieces, vocabulary: Vocabulary, config: LabelConfig, tags: TagSet) -> Example:
    if len(source) > config.max_tokens:
        raise Unrealisable("the source is too long")
    numbers = dict(zip(target.keys, target.ids, strict=True))
    found = label(source.keys, target.keys, config)
    inserted = tuple(tuple(numbers[key] for key in new) for new in found.inserted)
    if any(vocabulary.unknown in new for new in inserted):
        raise Unrealisable("a new token is not in the vocabulary")
    labels = Labels(found.points, inserted)
    return Example(source, labels, tuple(tags.numbers(labels)))


def insertion(example: Example, vocabulary: Vocabulary, config: LabelConfig, longest: int) -> Insertion | None:
    """What the inserter learns of an example; None if it does not fit."""
    span = TagSet.of(config).span
    new = [_padded_to(span, ids, vocabulary.pad) if ids else ids for ids in example.labels.inserted]
    order = order_of(example.labels.points)
    made = template(example.source, order, [len(ids) for ids in new], vocabulary, limit=longest)
    if made is None:
        return None
    kept, wanted = set(order), []
    for index in order:
        wanted += new[index]
        following = index + 1
        while following < len(new) and following not in kept:
            wanted += new[following]
            following += 1
    return Insertion(made.ids, made.segments, made.masks, tuple(wanted))


def _padded_to(span: int, ids: tuple[int, ...], padding: int) -> tuple[int, ...]:
    return ids + (padding,) * (span - len(ids))


class Examples(TokenRows[Example]):
    """Examples for the tagger."""

    def __init__(self, examples: Sequence[Example], padding: int, batch: int = 1) -> None:
        super().__init__(examples, [len(example.source) for example in examples], batch)
        self.padding = padding

    def collate(self, chosen: Sequence[Example]) -> dict[str, Tensor]:
        """A batch: ids, mask, tags and points."""
        sources = [example.source.ids for example in chosen]
        return {
            "ids": padded(sources, self.padding),
            "mask": present(sources),
            "tags": padded([example.tags for example in chosen], 0),
            "points": padded([example.labels.points for example in chosen], 0),
        }


class Insertions(TokenRows[Insertion]):
    """Examples for the inserter. Texts into which nothing comes get random masks, anew each time they are read."""

    def __init__(self, insertions: Sequence[Insertion], vocabulary: Vocabulary, batch: int = 1) -> None:
        super().__init__(insertions, [len(one.ids) for one in insertions], batch)
        self.vocabulary, self.share = vocabulary, _RANDOM_MASKS
        self.special = np.array([vocabulary.cls, vocabulary.sep, vocabulary.pad, *vocabulary.brackets])

    def collate(self, chosen: Sequence[Insertion]) -> dict[str, Tensor]:
        """A batch: ids, mask, segments, and the masks with what belongs there."""
        chosen = [one if one.masks else self._masked(one) for one in chosen]
        rows = [one.ids for one in chosen]
        return {
            "ids": padded(rows, self.vocabulary.pad),
            "mask": present(rows),
            "segments": padded([one.segments for one in chosen], 0),
            "rows": torch.tensor([row for row, one in enumerate(chosen) for _ in one.masks], dtype=torch.long),
            "places": torch.tensor([place for one in chosen for place in one.masks], dtype=torch.long),
            "wanted": torch.tensor([number for one in chosen for number in one.wanted], dtype=torch.long),
        }

    def _masked(self, one: Insertion) -> Insertion:
        ids = np.array(one.ids)
        able = np.flatnonzero(~np.isin(ids, self.special) & (np.array(one.segments) == 0))
        if not len(able):
            return one
        masks = np.sort(np.random.permutation(able)[: max(1, round(self.share * len(able)))])
        wanted = tuple(ids[masks].tolist())
        ids[masks] = self.vocabulary.mask
        return Insertion(tuple(ids.tolist()), one.segments, tuple(masks.tolist()), wanted)
