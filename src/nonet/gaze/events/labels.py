"""Names of events, one label a sample, and the stretches that equal labels make."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

__all__ = ["Event", "Interval", "drop_short", "intervals", "runs"]


class Event(IntEnum):
    """What a sample belongs to; numbered as in the recordings of Andersson et al. 2017."""

    NONE = 0
    FIXATION = 1
    SACCADE = 2
    PSO = 3
    """Post-saccadic oscillation: the eye swings after a saccade."""
    PURSUIT = 4
    BLINK = 5
    OTHER = 6


class Interval(NamedTuple):
    """A stretch of equal labels.

    Attributes:
        event: which.
        start: first sample.
        stop: one behind the last.
    """

    event: Event
    start: int
    stop: int


def intervals(labels: Int[np.ndarray, " n"]) -> list[Interval]:
    """The stretches of a recording in their order; unlabelled ones are left out."""
    if not len(labels):
        return []
    edges = np.flatnonzero(np.diff(labels)) + 1
    starts, stops = np.r_[0, edges], np.r_[edges, len(labels)]
    found = [Interval(Event(int(labels[a])), int(a), int(b)) for a, b in zip(starts, stops, strict=True)]
    return [interval for interval in found if interval.event is not Event.NONE]


def runs(mask: Bool[np.ndarray, " n"]) -> list[tuple[int, int]]:
    """The stretches where a mask is true: first sample, one behind the last."""
    edges = np.flatnonzero(np.diff(np.r_[0, mask.astype(np.int8), 0]))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def drop_short(mask: Bool[np.ndarray, " n"], least: int) -> Bool[np.ndarray, " n"]:
    """The mask without stretches of fewer samples than `least`."""
    kept = mask.copy()
    for start, stop in runs(mask):
        if stop - start < least:
            kept[start:stop] = False
    return kept
