"""What the inserter reads: kept tokens in their new order, deleted ones in brackets, masks where something comes in.

As in the article's figure 2: ``kept [ deleted ] MASK MASK``. The brackets and what is in them carry segment 1 where the
encoder knows two segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nonet.felix.tokens import Pieces, Vocabulary

__all__ = ["Template", "fill", "template"]


@dataclass(frozen=True)
class Template:
    """An input of the inserter.

    Attributes:
        ids: token ids.
        segments: 0, or 1 for deleted tokens and their brackets.
        masks: the places of the masks.
        anchors: for each mask the kept token that it follows, by its index in the source.
    """

    ids: tuple[int, ...]
    segments: tuple[int, ...]
    masks: tuple[int, ...]
    anchors: tuple[int, ...]


def template(
    source: Pieces,
    order: Sequence[int],
    counts: Sequence[int],
    vocabulary: Vocabulary,
    *,
    limit: int | None = None,
) -> Template | None:
    """The template of a decoded or labelled source.

    Args:
        source: the tokens.
        order: the kept ones in their new order, marks included.
        counts: how many masks come after each source token, deleted ones included.
        vocabulary: for the mask and the brackets.
        limit: the most tokens that the encoder reads; deleted tokens are left out if they do not fit.
    Returns:
        None if the masks alone do not fit.
    """
    made = _write(source, order, counts, vocabulary, deleted=True)
    if limit is not None and len(made.ids) > limit:
        made = _write(source, order, counts, vocabulary, deleted=False)
        if len(made.ids) > limit:
            return None
    return made


def _write(
    source: Pieces, order: Sequence[int], counts: Sequence[int], vocabulary: Vocabulary, *, deleted: bool
) -> Template:
    kept, (opening, closing) = set(order), vocabulary.brackets
    ids: list[int] = []
    segments: list[int] = []
    masks: list[int] = []
    anchors: list[int] = []
    for index in order:
        stop = index + 1
        while stop < len(source) and stop not in kept:
            stop += 1
        gone = source.ids[index + 1 : stop] if deleted else ()
        bracket = (opening, *gone, closing) if gone else ()
        count = sum(counts[index:stop])
        ids += [source.ids[index], *bracket]
        segments += [0] + [1] * len(bracket)
        masks += range(len(ids), len(ids) + count)
        anchors += [index] * count
        ids += [vocabulary.mask] * count
        segments += [0] * count
    return Template(tuple(ids), tuple(segments), tuple(masks), tuple(anchors))


def fill(order: Sequence[int], anchors: Sequence[int], filled: Sequence[int], padding: int) -> list[int | tuple]:
    """Kept tokens and what was filled in, in the order of the result.

    Args:
        order: as in `template`.
        anchors: of the template.
        filled: one token id a mask.
        padding: the id that stands for nothing (unused masks of a fixed span).
    """
    new: dict[int, list[int]] = {}
    for anchor, number in zip(anchors, filled, strict=True):
        if number != padding:
            new.setdefault(anchor, []).append(number)
    items: list[int | tuple] = []
    for index in order:
        items.append(index)
        if new.get(index):
            items.append(tuple(new[index]))
    return items
