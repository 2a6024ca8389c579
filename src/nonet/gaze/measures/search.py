"""Visual search: fixations until the target is found, and what more distractors cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nonet.foundation.errors import DataError
from nonet.gaze.events.changepoints import change_points
from nonet.gaze.events.labels import Event, intervals
from nonet.gaze.samples import Samples

__all__ = ["Search", "fixations_of", "search_slope", "search_trial"]

_ON_TARGET_CM = 1.6  # a fixation as near as that has found it
_SAME_CM = 0.5  # two fixations as near as that, one after the other, are one that drifted


@dataclass(frozen=True)
class Search:
    """One trial.

    Attributes:
        fixations: made until the target was fixated, it included; all of them where it never was.
        found_ms: from onset to that fixation; NaN where it never was.
        answer_ms: from onset to the response; NaN without.
    """

    fixations: int
    found_ms: float
    answer_ms: float


def fixations_of(samples: Samples) -> list[tuple[float, float, Float[np.ndarray, " 2"]]]:
    """Fixations: start and stop in ms, and mean place in cm; neighbours that noise parted are joined."""
    if len(samples) < 3:
        return []
    labels = change_points(samples.gaze_cm, samples.rate_hz)
    found: list[tuple[float, float, np.ndarray]] = []
    for event, start, stop in intervals(labels):
        if event is not Event.FIXATION:
            continue
        place = samples.gaze_cm[start:stop].mean(axis=0)
        begin, end = float(samples.t_ms[start]), float(samples.t_ms[stop - 1])
        if found and np.hypot(*(found[-1][2] - place)) < _SAME_CM:
            former = found.pop()
            share = (end - begin) / max(1e-9, end - begin + former[1] - former[0])
            begin, place = former[0], former[2] + share * (place - former[2])
        found.append((begin, end, place))
    return found


def search_trial(samples: Samples, onset_ms: float, target_cm: Float[np.ndarray, " 2"], answer_ms: float) -> Search:
    """Measures of one trial.

    Args:
        samples: of the trial.
        onset_ms: when the items appeared.
        target_cm: where the target was.
        answer_ms: time of the response, or NaN.
    """
    fixations = fixations_of(samples)
    for number, (start, _, place) in enumerate(fixations, 1):
        if np.hypot(*(place - target_cm)) <= _ON_TARGET_CM:
            return Search(number, start - onset_ms, answer_ms - onset_ms)
    return Search(len(fixations), float("nan"), answer_ms - onset_ms)


def search_slope(items: Sequence[float], values: Sequence[float]) -> float:
    """What an item more costs: the least-squares slope of a measure on the number of items.

    Raises:
        DataError: if all trials have the same number of items.
    """
    x, y = np.asarray(items, float), np.asarray(values, float)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known] - x[known].mean(), y[known]
    if not len(x) or not (x**2).sum():
        raise DataError("A slope needs trials with different numbers of items.", where="search")
    return float((x * y).sum() / (x**2).sum())
