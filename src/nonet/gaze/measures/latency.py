"""Saccade latency at camera rates: where a step fitted to the movement begins.

At 30 frames a second a threshold crossing is late by half a frame on average and depends on noise. The gaze projected
on the line from fixation to target is fitted by a ramp between two levels, whose knee may lie between two frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["EARLIEST_MS", "LATEST_MS", "Latency", "saccade_latency"]

EARLIEST_MS, LATEST_MS = 80.0, 600.0  # before: anticipated; after: not a reaction to the jump
_LEAST_GAIN, _MOST_GAIN = 0.4, 1.8  # of the movement against the jump
_DURATION_MS = (24.0, 36.0, 50.0, 70.0)  # of a saccade of some degrees to twenty, with a camera's exposure


@dataclass(frozen=True)
class Latency:
    """One trial.

    Attributes:
        ms: from the target's jump to the movement's onset; NaN where it cannot be told.
        valid: whether it counts: in time, towards the target, and with gaze around it.
        reason: why it does not, else "".
        gain: size of the movement against the jump.
    """

    ms: float
    valid: bool
    reason: str
    gain: float


def saccade_latency(
    t_ms: Float[np.ndarray, " n"],
    gaze_cm: Float[np.ndarray, "n 2"],
    jump_ms: float,
    start_cm: Float[np.ndarray, " 2"],
    target_cm: Float[np.ndarray, " 2"],
    *,
    delay_ms: float = 0.0,
) -> Latency:
    """The latency of the saccade to a target that jumped.

    Args:
        t_ms: times of the frames.
        gaze_cm: estimates; NaN where unusable.
        jump_ms: when the target jumped, on the same clock.
        start_cm: where it was.
        target_cm: where it went.
        delay_ms: of display and camera together, taken off.
    """
    used = np.isfinite(gaze_cm).all(axis=1) & (t_ms > jump_ms - 500) & (t_ms < jump_ms + 900)
    t, way = t_ms[used] - jump_ms, target_cm - start_cm
    length = float(np.hypot(*way))
    if (t < 0).sum() < 3 or (t > 300).sum() < 3:
        return Latency(float("nan"), False, "too few frames", float("nan"))
    along = (gaze_cm[used] - start_cm) @ way / length**2
    onset, gain, rest = _fit_ramp(t, along)
    onset -= delay_ms
    noise = np.sqrt(rest / len(t))
    if not _LEAST_GAIN <= gain <= _MOST_GAIN or gain < 3 * noise:
        return Latency(onset, False, "no saccade to the target", gain)
    if onset < EARLIEST_MS:
        return Latency(onset, False, "anticipated", gain)
    if onset > LATEST_MS:
        return Latency(onset, False, "late", gain)
    return Latency(onset, True, "", gain)


def _fit_ramp(t: np.ndarray, along: np.ndarray) -> tuple[float, float, float]:
    """Onset, height and squared error of the best ramp from one level to another.

    The level before and the level after are linear given onset and duration, so those two are searched: in steps of
    4 ms, then between the best neighbours.
    """
    best = (np.inf, 0.0, 0.0)
    for duration in _DURATION_MS:
        onsets = np.arange(-100.0, 750.0, 4.0)
        shape = np.clip((t - onsets[:, None]) / duration, 0, 1)
        shape = shape * shape * (3 - 2 * shape)  # eyes speed up and slow down
        errors, heights = _two_levels(shape, along)
        low = int(np.argmin(errors))
        onset = onsets[low]
        if 0 < low < len(onsets) - 1:  # the parabola through three neighbours
            before, here, after = errors[low - 1 : low + 2]
            bend = before - 2 * here + after
            onset += 4.0 * 0.5 * (before - after) / bend if bend > 0 else 0.0
        if errors[low] < best[0]:
            best = (float(errors[low]), float(onset), float(heights[low]))
    return best[1], best[2], best[0]


def _two_levels(shape: Float[np.ndarray, "k n"], along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors and heights of the least-squares fits along = level + height·shape."""
    centred, off = shape - shape.mean(axis=1, keepdims=True), along - along.mean()
    power = (centred**2).sum(axis=1)
    cross = centred @ off
    heights = np.divide(cross, power, out=np.zeros_like(cross), where=power > 1e-9)
    return (off**2).sum() - heights * cross, heights
