"""From scores to an order of kept tokens with insertions; always a path that keeps what is kept, once each.

The best next tokens are followed first. Where they make no path, a beam over permutations does: every partial path of
the beam is a row of one array, so a step costs the same whatever the width.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nonet.felix.config import DecodeConfig
from nonet.felix.labels import TagSet

__all__ = ["Decoded", "Tagging", "best_path", "decode", "taggings"]

KEEP = 1  # the number of the tag that changes nothing
_FORCED = 1e4


@dataclass(frozen=True)
class Tagging:
    """A tag for each token.

    Attributes:
        numbers: the classes.
        log_probability: of all of them together, under the network as it is (without biases).
    """

    numbers: tuple[int, ...]
    log_probability: float


@dataclass(frozen=True)
class Decoded:
    """What the tagger decided.

    Attributes:
        order: kept tokens in their new order, from the first mark to the last.
        counts: masks after each source token.
        arrivals: for each kept token the probability that the one before it points to it; 1 for the first.
        log_probability: of the order, given the tags.
        searched: whether a beam was needed.
    """

    order: tuple[int, ...]
    counts: tuple[int, ...]
    arrivals: dict[int, float]
    log_probability: float
    searched: bool = False


def taggings(
    scores: Float[np.ndarray, "tokens tags"], tags: TagSet, config: DecodeConfig, count: int = 1
) -> list[Tagging]:
    """The most probable taggings, best first.

    The first mark stays, whatever comes in after it; the last one stays as it is.

    Args:
        scores: of the network.
        tags: its classes.
        config: how cautious to be.
        count: how many.
    """
    allowed = _allowed(len(scores), tags)
    true = _log_softmax(np.where(allowed, scores, -np.inf))
    biased = scores.astype(np.float64)
    biased[:, KEEP] += config.keep_bias
    biased = _log_softmax(np.where(allowed, biased, -np.inf))
    unsure = 1 - np.exp(biased[:, KEEP]) < config.min_edit_probability
    only_keep = np.arange(len(tags)) == KEEP
    biased = np.where(unsure[:, None] & ~only_keep, -np.inf, biased)
    if count == 1:
        return [_tagging(biased.argmax(axis=1), true)]
    return [_tagging(numbers, true) for numbers in _best_products(biased, count)]


def decode(
    tagging: Tagging,
    points: Float[np.ndarray, "tokens tokens"] | None,
    tags: TagSet,
    config: DecodeConfig,
    count: int = 1,
) -> list[Decoded]:
    """Orders for a tagging, best first.

    Args:
        tagging: a tag for each token.
        points: scores of the pointer; None where nothing moves.
        tags: the classes.
        config: how cautious to be.
        count: how many orders at most.
    """
    chosen = [tags.tags[number] for number in tagging.numbers]
    kept = [index for index, tag in enumerate(chosen) if tag.keep]
    counts = tuple(tag.masks for tag in chosen)
    if points is None:
        return [Decoded(tuple(kept), counts, dict.fromkeys(kept, 1.0), 0.0)]
    true = _log_softmax(_between(points, kept))
    biased = true.copy()
    following = np.arange(len(kept) - 1)
    biased[following, following + 1] += config.keep_bias
    sure = np.exp(_log_softmax(biased)[following, following + 1])
    forced = 1 - sure < config.min_edit_probability
    biased[following[forced], following[forced] + 1] += _FORCED
    made = []
    paths, searched = _paths(biased, config.beam, count)
    for path in paths:
        steps = true[path[:-1], path[1:]]
        arrivals = {kept[place]: float(np.exp(step)) for place, step in zip(path[1:], steps, strict=True)}
        order = tuple(kept[place] for place in path)
        made.append(Decoded(order, counts, {0: 1.0} | arrivals, float(steps.sum()), searched))
    return made


def best_path(scores: Float[np.ndarray, "kept kept"], beam: int, count: int = 1) -> list[Int[np.ndarray, "kept"]]:
    """Paths from the first token to the last through every other one once, best first.

    Args:
        scores: of stepping from one token (row) to another (column), not minus infinity but where forbidden.
        beam: partial paths that are followed at once.
        count: how many paths at most.
    """
    size, end = len(scores), len(scores) - 1
    paths = np.zeros((1, size), np.int64)
    unused = np.ones((1, size), bool)
    unused[0, 0] = False
    total = np.zeros(1)
    for step in range(1, size):
        able = unused.copy()
        if step < end:
            able[:, end] = False
        reached = np.where(able, total[:, None] + scores[paths[:, step - 1]], -np.inf).ravel()
        width = min(max(beam, count), int(able.sum()))
        best = np.argpartition(-reached, width - 1)[:width] if width < reached.size else np.arange(reached.size)
        best = best[np.argsort(-reached[best], kind="stable")]
        row, place = np.divmod(best, size)
        paths, unused, total = paths[row], unused[row], reached[best]
        paths[:, step] = place
        unused[np.arange(len(best)), place] = False
    return list(paths[:count])


def _paths(scores: np.ndarray, beam: int, count: int) -> tuple[list[np.ndarray], bool]:
    if count == 1:
        nexts = scores.argmax(axis=1)
        path, seen = [0], {0}
        while path[-1] != len(scores) - 1 and int(nexts[path[-1]]) not in seen:
            path.append(int(nexts[path[-1]]))
            seen.add(path[-1])
        if len(path) == len(scores):
            return [np.array(path)], False
    return best_path(scores, beam, count), True


def _between(points: np.ndarray, kept: Sequence[int]) -> np.ndarray:
    """Scores between kept tokens; nothing points to itself or to the first mark."""
    scores = points[np.ix_(kept, kept)].astype(np.float64)
    np.fill_diagonal(scores, -1e9)
    scores[:, 0] = -1e9
    return scores


def _allowed(length: int, tags: TagSet) -> np.ndarray:
    allowed = np.ones((length, len(tags)), bool)
    if length > 2:  # into an empty text nothing comes
        allowed[0] = [tag.keep for tag in tags.tags]
    else:
        allowed[0] = [number == KEEP for number in range(len(tags))]
    allowed[-1] = [number == KEEP for number in range(len(tags))]
    return allowed


def _tagging(numbers: np.ndarray, log: np.ndarray) -> Tagging:
    return Tagging(tuple(numbers.tolist()), float(log[np.arange(len(numbers)), numbers].sum()))


def _best_products(log: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """The best choices of one column a row, best first: a heap over how far each is from the best of all."""
    ranked = np.argsort(-log, axis=1, kind="stable")
    losses = -np.take_along_axis(log, ranked, axis=1)
    losses = losses - losses[:, :1]
    able = sorted((loss, row) for row, loss in enumerate(losses[:, 1]) if np.isfinite(loss))[: 4 * count]
    yield ranked[:, 0]
    heap: list[tuple[float, tuple[int, ...]]] = [(loss, (place,)) for place, (loss, _) in enumerate(able[:1])]
    for _ in range(count - 1):
        if not heap:
            return
        loss, changed = heapq.heappop(heap)
        numbers = ranked[:, 0].copy()
        for place in changed:
            numbers[able[place][1]] = ranked[able[place][1], 1]
        yield numbers
        last = changed[-1]
        if last + 1 < len(able):  # the last change moves on to the next dearer one, or another joins it
            dearer = able[last + 1][0]
            heapq.heappush(heap, (loss - able[last][0] + dearer, (*changed[:-1], last + 1)))
            heapq.heappush(heap, (loss + dearer, (*changed, last + 1)))


def _log_softmax(scores: np.ndarray) -> np.ndarray:
    top = scores.max(axis=-1, keepdims=True)
    shifted = scores - top
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
