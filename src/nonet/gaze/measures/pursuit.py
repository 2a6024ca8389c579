"""Smooth pursuit: how far from the target, how late, and how fast against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["Pursuit", "lag_ms", "pursuit"]

_OFF_CM = 2.0  # farther is off the target
_LAGS_MS = np.arange(-200.0, 600.0, 10.0)
_LEAST = 12  # samples


@dataclass(frozen=True)
class Pursuit:
    """One stretch of pursuit.

    Attributes:
        error_cm: mean distance from the target.
        error_sd_cm: its spread.
        error_p95_cm: its 95th percentile.
        lag_ms: by which gaze follows; negative where it leads.
        gain: speed of the gaze against the target's, along its way.
        radial_cm: mean absolute error away from the middle of the path.
        tangential_cm: mean absolute error along the path.
        off_target: share of samples farther than 2 cm.
        catch_up_hz: catch-up saccades a second.
        lost: share of unusable samples.
    """

    error_cm: float
    error_sd_cm: float
    error_p95_cm: float
    lag_ms: float
    gain: float
    radial_cm: float
    tangential_cm: float
    off_target: float
    catch_up_hz: float
    lost: float


def pursuit(
    t_ms: Float[np.ndarray, " n"],
    gaze_cm: Float[np.ndarray, "n 2"],
    target_cm: Float[np.ndarray, "n 2"],
    *,
    delay_ms: float = 0.0,
) -> Pursuit | None:
    """Measures of a pursuit; None where too little of it was seen.

    Args:
        t_ms: times of the samples.
        gaze_cm: estimates; NaN where unusable.
        target_cm: where the target was at these times.
        delay_ms: of display and camera together, taken off the lag.
    """
    seen = np.isfinite(gaze_cm).all(axis=1)
    if seen.sum() < _LEAST:
        return None
    t, gaze, target = t_ms[seen], gaze_cm[seen], target_cm[seen]
    away = gaze - target
    error = np.hypot(*away.T)
    lag = lag_ms(t, gaze, target)
    followed = _shifted(t, target, lag)
    centre = target.mean(axis=0)
    outward = target - centre
    outward = outward / np.maximum(np.hypot(*outward.T), 1e-9)[:, None]
    radial = (away * outward).sum(axis=1)
    across = away[:, 0] * -outward[:, 1] + away[:, 1] * outward[:, 0]
    seconds = (t[-1] - t[0]) / 1000
    return Pursuit(
        error_cm=float(error.mean()),
        error_sd_cm=float(error.std()),
        error_p95_cm=float(np.percentile(error, 95)),
        lag_ms=lag - delay_ms,
        gain=_gain(t, gaze, followed),
        radial_cm=float(np.abs(radial).mean()),
        tangential_cm=float(np.abs(across).mean()),
        off_target=float((error > _OFF_CM).mean()),
        catch_up_hz=_jumps(gaze - followed) / max(seconds, 1e-9),
        lost=float(1 - seen.mean()),
    )


def lag_ms(t_ms: np.ndarray, gaze_cm: np.ndarray, target_cm: np.ndarray) -> float:
    """The delay at which the target's path fits the gaze best, a constant offset apart, to within a millisecond or two.

    Args:
        t_ms: times.
        gaze_cm: estimates without gaps, (n, 2).
        target_cm: the target at these times, (n, 2).
    """

    def misfit(lag: float) -> float:
        inside = (t_ms - lag >= t_ms[0]) & (t_ms - lag <= t_ms[-1])
        away = gaze_cm[inside] - _shifted(t_ms, target_cm, lag)[inside]
        return float(((away - away.mean(axis=0)) ** 2).sum(axis=1).mean()) if inside.sum() > 2 else np.inf

    errors = np.array([misfit(lag) for lag in _LAGS_MS])
    low = int(np.argmin(errors))
    if not 0 < low < len(errors) - 1:
        return float(_LAGS_MS[low])
    before, here, after = errors[low - 1 : low + 2]
    bend = before - 2 * here + after
    return float(_LAGS_MS[low] + (5.0 * (before - after) / bend if bend > 0 else 0.0))


def _shifted(t: np.ndarray, target: np.ndarray, lag: float) -> np.ndarray:
    return np.column_stack([np.interp(t - lag, t, column) for column in target.T])


def _gain(t: np.ndarray, gaze: np.ndarray, target: np.ndarray) -> float:
    """The slope of the gaze's steps on the target's, both over some 200 ms so that noise hardly counts."""
    span = max(1, round(200 / max(1e-9, float(np.median(np.diff(t))))))
    if len(t) <= span + 2:
        return float("nan")
    steps, wanted = gaze[span:] - gaze[:-span], target[span:] - target[:-span]
    power = float((wanted**2).sum())
    return float((steps * wanted).sum() / power) if power > 0 else float("nan")


def _jumps(away: np.ndarray) -> int:
    """Sudden changes of the distance from the target: steps beyond four times the robust spread, and 0.8 cm."""
    steps = np.hypot(*np.diff(away, axis=0).T)
    spread = 1.4826 * float(np.median(np.abs(steps - np.median(steps))))
    return int((steps > max(0.8, float(np.median(steps)) + 4 * spread)).sum())
