"""What can be learnt from a folder of pairs, before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nonet.felix.config import LabelConfig
from nonet.felix.data import Pair
from nonet.felix.examples import Example, labelled
from nonet.felix.labels import TagSet, order_of
from nonet.felix.tokens import Vocabulary

__all__ = ["Inspection", "inspect_pairs"]

_SHOWN = 3  # examples of each kind of suspicious row


@dataclass(frozen=True)
class Inspection:
    """What a set of pairs is like.

    Attributes:
        pairs: how many, each accepted text counted.
        realisable: share of them that the labels can express.
        left_out: reasons for which others cannot be.
        identical: share whose source and target are equal.
        nothing_new: share into which nothing comes.
        moved: share in which something changes its place.
        tags: how often each class occurs.
        spans: the 50th, 90th, 99th and 100th percentile of the longest insertion of a pair.
        lengths: the same of the source in tokens.
        kinds: how many pairs of each kind there are.
        suspicious: what looks wrong: the reason, how many, and examples.
    """

    pairs: int
    realisable: float
    left_out: dict[str, int]
    identical: float
    nothing_new: float
    moved: float
    tags: dict[str, int]
    spans: list[float]
    lengths: list[float]
    kinds: dict[str, int]
    suspicious: dict[str, tuple[int, list[str]]]


def inspect_pairs(pairs: Sequence[Pair], vocabulary: Vocabulary, config: LabelConfig) -> Inspection:
    """Labels all pairs and counts.

    Args:
        pairs: any.
        vocabulary: of the encoder that is to learn from them.
        config: how they are labelled.
    """
    left_out = Counter[str]()
    examples = list(labelled(pairs, vocabulary, config, left_out))
    total = sum(len(pair.targets) for pair in pairs)
    names = [str(tag) for tag in TagSet.of(config).tags]
    tags = Counter(names[number] for example in examples for number in example.tags[1:-1])
    spans = [max(map(len, example.labels.inserted)) for example in examples]
    orders = [order_of(example.labels.points) for example in examples]
    return Inspection(
        pairs=total,
        realisable=len(examples) / max(1, total),
        left_out=dict(left_out),
        identical=sum(pair.source == target for pair in pairs for target in pair.targets) / max(1, total),
        nothing_new=sum(not span for span in spans) / max(1, len(spans)),
        moved=sum(order != sorted(order) for order in orders) / max(1, len(orders)),
        tags={name: tags[name] for name in names},
        spans=_percentiles(spans),
        lengths=_percentiles([len(example.source) for example in examples]),
        kinds=dict(Counter(pair.kind for pair in pairs if pair.kind).most_common()),
        suspicious=_suspicious(pairs, examples),
    )


def _percentiles(values: Sequence[int]) -> list[float]:
    return [float(value) for value in np.percentile(values, [50, 90, 99, 100])] if values else []


def _suspicious(pairs: Sequence[Pair], examples: Sequence[Example]) -> dict[str, tuple[int, list[str]]]:
    seen = Counter(pair.source for pair in pairs)
    rows = {
        "the same source twice": [pair.source for pair in pairs if seen[pair.source] > 1],
        "almost nothing is kept": [
            e.source.text for e in examples if len(e.source) > 6 and len(e.labels.kept) - 2 < 0.2 * (len(e.source) - 2)
        ],
        "the target is three times as long or as short": [
            pair.source for pair in pairs if not 1 / 3 <= len(pair.targets[0]) / max(1, len(pair.source)) <= 3
        ],
        "control characters": [
            pair.source for pair in pairs if any(ord(c) < 32 and c not in "\t\n\r" for c in pair.source)
        ],
    }
    return {reason: (len(found), found[:_SHOWN]) for reason, found in rows.items() if found}
