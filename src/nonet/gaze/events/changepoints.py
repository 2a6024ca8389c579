"""Fixations at camera rates as a piecewise constant fit: all frames of a fixation together outweigh the noise.

Where the velocity of a small saccade drowns in the noise of a 30 Hz camera, the means before and after it still differ.
The best partition under a penalty for each piece is found exactly by dynamic programming (Jackson et al. 2005).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from nonet.gaze.events.labels import Event

__all__ = ["change_points"]

_LONGEST = 90  # samples of a piece; a longer fixation is parted and joined again
_SAME = 1.0  # pieces whose means are so near, in standard errors of the penalty, are one


def change_points(
    position: Float[np.ndarray, "n 2"], rate_hz: float, *, penalty: float = 4.0, least_ms: float = 80.0
) -> Int[np.ndarray, " n"]:
    """Fixations as pieces of constant position; what lies between them, and too short pieces, are saccades.

    Args:
        position: in any unit; NaN where there is no gaze.
        rate_hz: samples a second, 15 to 120.
        penalty: of a piece, in multiples of the logarithm of the number of samples.
        least_ms: the shortest fixation.
    Returns:
        One label a sample; neighbouring fixations are parted by at least one sample of saccade.
    """
    labels = np.zeros(len(position), np.int64)
    rows = np.flatnonzero(np.isfinite(position).all(axis=1))
    if len(rows) < 4:
        return labels
    seen = position[rows]
    steps = np.diff(seen, axis=0)
    noise = max(1e-9, 1.4826 * float(np.median(np.abs(steps))) / np.sqrt(2))
    cost = penalty * np.log(len(seen))
    least = max(2, int(np.ceil(least_ms * rate_hz / 1000)))
    for start, stop in _joined(seen, _partition(seen / noise, cost), noise * np.sqrt(_SAME * cost)):
        if stop - start >= least:
            labels[rows[start:stop]] = Event.FIXATION
            if start > 0 and labels[rows[start - 1]] == Event.FIXATION:
                labels[rows[start]] = Event.SACCADE
        else:
            labels[rows[start:stop]] = Event.SACCADE
    return labels


def _partition(seen: Float[np.ndarray, "n 2"], cost: float) -> list[tuple[int, int]]:
    """The pieces with the least squared error and penalty."""
    count = len(seen)
    sums = np.vstack([np.zeros(2), np.cumsum(seen, axis=0)])
    squares = np.r_[0, np.cumsum((seen**2).sum(axis=1))]
    best, origin = np.zeros(count + 1), np.zeros(count + 1, np.int64)
    for stop in range(1, count + 1):
        starts = np.arange(max(0, stop - _LONGEST), stop)
        total = sums[stop] - sums[starts]
        errors = squares[stop] - squares[starts] - (total**2).sum(axis=1) / (stop - starts)
        candidates = best[starts] + errors + cost
        low = int(np.argmin(candidates))
        best[stop], origin[stop] = candidates[low], starts[low]
    pieces, stop = [], count
    while stop > 0:
        pieces.append((int(origin[stop]), stop))
        stop = int(origin[stop])
    return pieces[::-1]


def _joined(seen: np.ndarray, pieces: list[tuple[int, int]], near: float) -> list[tuple[int, int]]:
    """Neighbouring pieces whose means do not differ by more than chance as one."""
    found: list[tuple[int, int]] = []
    for start, stop in pieces:
        if found:
            former = found[-1]
            away = np.hypot(*(seen[start:stop].mean(axis=0) - seen[former[0] : former[1]].mean(axis=0)))
            if away < near * np.sqrt(1 / (stop - start) + 1 / (former[1] - former[0])):
                found[-1] = (former[0], stop)
                continue
        found.append((start, stop))
    return found
