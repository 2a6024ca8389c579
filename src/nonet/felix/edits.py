"""What an editor did to a text, as edits that can be accepted or rejected one by one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from nonet.felix.surface import Item
from nonet.felix.tokens import Pieces

__all__ = ["Edit", "Kind", "Plan", "compose", "plan_edits", "without_unsure"]

Kind = Literal["insert", "delete", "replace", "move"]


@dataclass(frozen=True)
class Edit:
    """One change.

    Attributes:
        kind: what it does.
        start: where the changed characters begin in the source; for an insertion, the place behind which it comes.
        end: where they end.
        old: the characters that go or move.
        new: the words that come in.
        probability: that the networks give it, the least over its tokens.
        tokens: the source tokens that go or move.
        after: the source token behind which new words come, or which a moved block follows.
    """

    kind: Kind
    start: int
    end: int
    old: str
    new: str
    probability: float
    tokens: tuple[int, ...] = field(default=(), repr=False)
    after: int = field(default=0, repr=False)


@dataclass(frozen=True)
class Plan:
    """A decoded text before it is written.

    Attributes:
        source: the text in pieces.
        items: kept and new pieces in the order of the result.
        edits: the changes, in the order of the source.
    """

    source: Pieces
    items: tuple[Item, ...]
    edits: tuple[Edit, ...]

    @property
    def unchanged(self) -> bool:
        """Whether nothing was edited."""
        return not self.edits


def plan_edits(
    source: Pieces,
    items: Sequence[Item],
    words: Callable[[tuple[int, ...]], str],
    change: Sequence[float],
    arrivals: dict[int, float],
    filled: dict[int, float],
) -> Plan:
    """Names the edits of a decoded text.

    Args:
        source: the text.
        items: kept and new pieces in the order of the result.
        words: the text of new pieces.
        change: for each source token the probability that it does not stay as it is.
        arrivals: for each kept token the probability of what it follows.
        filled: for each token behind which something comes in, the probability of what was filled in.
    """
    order = [item for item in items if isinstance(item, int)]
    kept = set(order)
    gone = _runs([i for i in range(len(source)) if i not in kept])
    new: dict[int, tuple[int, ...]] = {}
    before = 0
    for item in items:
        if isinstance(item, int):
            before = item
        else:
            new[before] = item
    edits = []
    for run in gone:
        probability = min(change[i] for i in run)
        made = _spanning(source, "delete", run, probability)
        ids = new.pop(run[0] - 1, None)  # what comes in where something goes replaces it
        if ids:
            probability = min(probability, filled.get(run[0] - 1, 1.0))
            made = replace(made, kind="replace", new=words(ids), after=run[0] - 1, probability=probability)
        edits.append(made)
    for after, ids in new.items():
        place = source.ends[after]
        probability = min(change[after], filled.get(after, 1.0))
        edits.append(Edit("insert", place, place, "", words(ids), probability, (), after))
    edits += _moves(source, order, arrivals)
    return Plan(source, tuple(items), tuple(sorted(edits, key=lambda edit: (edit.start, edit.end, edit.kind))))


def compose(plan: Plan, rejected: Collection[int]) -> list[Item]:
    """The items of the text if some edits are rejected.

    With none rejected they are the plan's own; with all rejected, the source's pieces in order.

    Args:
        plan: a plan.
        rejected: numbers of its edits.
    """
    refused = [plan.edits[number] for number in sorted(set(rejected))]
    order = [item for item in plan.items if isinstance(item, int)]
    back = sorted(index for edit in refused for index in edit.tokens)
    order = [index for index in order if index not in set(back)]
    for index in back:  # each returns behind the token that it followed, or the nearest before that
        place = max(range(len(order)), key=lambda i: order[i] if order[i] < index else -1)
        order.insert(place + 1, index)
    dropped = {edit.after for edit in refused if edit.new}
    new, before = {}, 0
    for item in plan.items:
        if isinstance(item, int):
            before = item
        elif before not in dropped:
            new[before] = item
    items: list[Item] = []
    waiting: tuple[int, ...] | None = None
    restored = {index for edit in refused if edit.kind in {"delete", "replace"} for index in edit.tokens}
    for index in order:
        if waiting is not None and not (index in restored and items[-1] == index - 1):
            items.append(waiting)
            waiting = None
        items.append(index)
        waiting = new.get(index, waiting)
    return items


def without_unsure(plan: Plan, least: float, again: Callable[[Sequence[Item]], Plan]) -> Plan:
    """The plan with the edits alone that have at least a probability.

    Args:
        plan: a plan.
        least: the probability.
        again: names the edits of other items, for a block that stays may make another one of those that move.
    """
    for _ in range(len(plan.source)):
        unsure = [number for number, edit in enumerate(plan.edits) if edit.probability < least]
        if not unsure:
            return plan
        plan = again(compose(plan, unsure))
    return again(range(len(plan.source)))


def _moves(source: Pieces, order: Sequence[int], arrivals: dict[int, float]) -> list[Edit]:
    """Blocks that are not where they were: all but a longest run of tokens that kept their order."""
    staying = _longest_increasing(order)
    moves, place = [], 0
    while place < len(order):
        if order[place] in staying:
            place += 1
            continue
        stop = place + 1
        while stop < len(order) and order[stop] == order[stop - 1] + 1 and order[stop] not in staying:
            stop += 1
        block = tuple(order[place:stop])
        behind = arrivals.get(order[stop], 1.0) if stop < len(order) else 1.0
        made = _spanning(source, "move", block, min(arrivals.get(block[0], 1.0), behind))
        moves.append(replace(made, after=order[place - 1]))
        place = stop
    return moves


def _longest_increasing(order: Sequence[int]) -> set[int]:
    ends: list[int] = []
    nodes: list[tuple[int, tuple | None]] = []
    for index in order:
        length = bisect_left(ends, index)
        node = (index, nodes[length - 1] if length else None)
        ends[length : length + 1], nodes[length : length + 1] = [index], [node]
    chosen, node = set(), nodes[-1] if nodes else None
    while node is not None:
        chosen.add(node[0])
        node = node[1]
    return chosen


def _spanning(source: Pieces, kind: Kind, tokens: Sequence[int], probability: float) -> Edit:
    start, end = source.starts[tokens[0]], source.ends[tokens[-1]]
    return Edit(kind, start, end, source.text[start:end], "", probability, tuple(tokens))


def _runs(indices: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for index in indices:
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs
