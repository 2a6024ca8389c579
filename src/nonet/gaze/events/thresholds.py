"""The classic detectors with one threshold, and the one whose threshold follows the noise.

I-VT and I-DT: Salvucci and Goldberg 2000. A threshold in multiples of the median velocity spread: Engbert and Kliegl
2003, here on what a camera gives at 30 Hz, where the noise alone moves at tens of degrees a second.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from nonet.foundation.errors import UsageError
from nonet.gaze.events.labels import Event, drop_short, runs
from nonet.gaze.events.velocity import robust_sd, velocity

__all__ = ["idt", "ivt", "noise_adaptive"]


def ivt(
    position_deg: Float[np.ndarray, "n 2"], rate_hz: float, *, threshold: float = 20.0, least_ms: float = 100.0
) -> Int[np.ndarray, " n"]:
    """Fixations are where the eye is slower than a threshold, saccades where it is faster.

    Args:
        position_deg: visual angles; NaN where there is no gaze.
        rate_hz: samples a second.
        threshold: degrees a second.
        least_ms: the shortest fixation.
    """
    _require(threshold > 0, "threshold")
    speed = np.hypot(*_steps(position_deg, rate_hz).T)
    return _labels(speed, threshold, rate_hz, least_ms)


def idt(
    position_deg: Float[np.ndarray, "n 2"], rate_hz: float, *, dispersion: float = 1.0, least_ms: float = 100.0
) -> Int[np.ndarray, " n"]:
    """Fixations are the longest windows whose extents along both axes add up to no more than a threshold.

    Args:
        position_deg: visual angles; NaN where there is no gaze.
        rate_hz: samples a second.
        dispersion: degrees.
        least_ms: the shortest fixation.
    """
    _require(dispersion > 0, "dispersion")
    least = max(2, round(least_ms * rate_hz / 1000))
    labels = np.zeros(len(position_deg), np.int64)
    for first, last in runs(np.asarray(np.isfinite(position_deg).all(axis=1))):
        start = first
        while start + least <= last:
            low, high = position_deg[start : start + least].min(0), position_deg[start : start + least].max(0)
            if (high - low).sum() > dispersion:
                start += 1
                continue
            stop = start + least
            while stop < last:
                low, high = np.minimum(low, position_deg[stop]), np.maximum(high, position_deg[stop])
                if (high - low).sum() > dispersion:
                    break
                stop += 1
            labels[start:stop] = Event.FIXATION
            start = stop
    return labels


def noise_adaptive(
    position_deg: Float[np.ndarray, "n 2"],
    rate_hz: float,
    *,
    times_noise: float = 4.0,
    floor: float = 22.0,
    least_ms: float = 100.0,
) -> Int[np.ndarray, " n"]:
    """I-VT whose threshold is a multiple of the recording's own velocity noise, for cameras of 30 Hz.

    The speed comes from differences over two intervals, which halves the noise; a saccade of one interval stays.

    Args:
        position_deg: visual angles; NaN where there is no gaze.
        rate_hz: samples a second.
        times_noise: threshold in robust standard deviations of velocity.
        floor: the lowest threshold, degrees a second (the article's for saccades, where the noise allows it).
        least_ms: the shortest fixation.
    """
    _require(times_noise > 0, "times_noise")
    moving = velocity(position_deg, rate_hz, window_ms=2200 / rate_hz)
    if not np.isfinite(moving).any():
        return np.zeros(len(position_deg), np.int64)
    threshold = max(floor, times_noise * float(np.linalg.norm(robust_sd(moving))))
    return _labels(np.hypot(*moving.T), threshold, rate_hz, least_ms)


def _labels(speed: np.ndarray, threshold: float, rate_hz: float, least_ms: float) -> np.ndarray:
    known = np.isfinite(speed)
    least = max(1, round(least_ms * rate_hz / 1000))
    slow = drop_short(known & (np.nan_to_num(speed) < threshold), least)
    labels = np.zeros(len(speed), np.int64)
    labels[known & (np.nan_to_num(speed) >= threshold)] = Event.SACCADE
    labels[slow] = Event.FIXATION
    return labels


def _steps(position_deg: np.ndarray, rate_hz: float) -> np.ndarray:
    steps = np.diff(position_deg, axis=0, append=position_deg[-1:]) * rate_hz
    if len(steps) > 1:
        steps[-1] = steps[-2]
    return steps


def _require(holds: bool, name: str) -> None:
    if not holds:
        raise UsageError("It must be above 0.", where=name)
