"""Which token of the source each token of the target is taken from (Mallinson et al. 2020, section 3.1).

Both sequences begin and end with the same marks. Every source token is used at most once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence

from nonet.felix.config import AlignmentRule

__all__ = ["NEW", "align", "common_subsequence"]

NEW = -1  # a target token that comes from nowhere in the source


def align(source: Sequence[Hashable], target: Sequence[Hashable], rule: AlignmentRule, *, moves: bool) -> list[int]:
    """The source index of each target token, or `NEW`.

    Args:
        source: tokens between a first and a last mark.
        target: likewise.
        rule: ``greedy`` takes the nearest unused token; ``lcs`` keeps the longest common subsequence in place first
            and reuses what is left over.
        moves: whether tokens may change their order; without, only the longest common subsequence is taken.
    """
    if rule == "greedy" and moves:
        return _fill(source, target, [0] + [NEW] * (len(target) - 1), ahead=0)
    aligned = common_subsequence(source, target)
    return _fill(source, target, aligned, ahead=1) if moves else aligned


def common_subsequence(source: Sequence[Hashable], target: Sequence[Hashable]) -> list[int]:
    """A longest common subsequence: the source index of each target token in it, `NEW` for the others.

    Hunt and Szymanski's way: a longest increasing run over the pairs of equal tokens, so that texts with few repeated
    tokens cost little more than their length.
    """
    shorter = min(len(source), len(target))
    head = next((i for i in range(shorter) if source[i] != target[i]), shorter)
    tail = next((i for i in range(shorter - head) if source[-1 - i] != target[-1 - i]), shorter - head)
    middle = _longest_run(source[head : len(source) - tail], target[head : len(target) - tail])
    last = range(len(source) - tail, len(source))
    return [*range(head), *(NEW if index == NEW else head + index for index in middle), *last]


def _longest_run(source: Sequence[Hashable], target: Sequence[Hashable]) -> list[int]:
    places: dict[Hashable, list[int]] = {}
    for index in range(len(source) - 1, -1, -1):  # descending: a target token extends a run once
        places.setdefault(source[index], []).append(index)
    ends: list[int] = []  # the smallest source index that ends a run of each length
    nodes: list[tuple[int, int, tuple | None]] = []  # (source, target, node before) of that end
    for position, token in enumerate(target):
        for index in places.get(token, ()):
            length = bisect_left(ends, index)
            if length < len(ends) and ends[length] == index:
                continue  # an earlier token of the target ends such a run already
            node = (index, position, nodes[length - 1] if length else None)
            if length == len(ends):
                ends.append(index)
                nodes.append(node)
            else:
                ends[length], nodes[length] = index, node
    aligned = [NEW] * len(target)
    node = nodes[-1] if nodes else None
    while node is not None:
        aligned[node[1]] = node[0]
        node = node[2]
    return aligned


def _fill(source: Sequence[Hashable], target: Sequence[Hashable], aligned: list[int], *, ahead: int) -> list[int]:
    """Gives target tokens without a source the unused equal token nearest to where the one before them came from.

    Args:
        source: as in `align`.
        target: as in `align`.
        aligned: what is decided already.
        ahead: 1 looks for the nearest to the following place, so that runs move whole; 0 for the place itself.
    """
    used = set(aligned)
    unused: dict[Hashable, list[int]] = {}
    for index, token in enumerate(source):
        if index not in used:
            unused.setdefault(token, []).append(index)
    filled, last = list(aligned), 0
    for position, token in enumerate(target):
        if filled[position] == NEW and unused.get(token):
            wanted = last + ahead
            nearest = min(unused[token], key=lambda index: (abs(index - wanted), index))
            unused[token].remove(nearest)
            filled[position] = nearest
        if filled[position] != NEW:
            last = filled[position]
    return filled
