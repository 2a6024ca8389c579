"""Angular velocity from positions in degrees, at any rate and with gaps."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.ndimage import median_filter
from scipy.signal import savgol_filter

from nonet.gaze.events.labels import runs

__all__ = ["local_median", "robust_sd", "velocity"]


def velocity(position_deg: Float[np.ndarray, "n 2"], rate_hz: float, window_ms: float) -> Float[np.ndarray, "n 2"]:
    """Velocity by a quadratic fitted to each window (Savitzky and Golay 1964), degrees a second.

    Args:
        position_deg: visual angles; NaN where there is no gaze.
        rate_hz: samples a second.
        window_ms: length of the window; at least three samples are taken.
    Returns:
        NaN where there is no gaze, and in stretches too short for a window.
    """
    window = max(3, round(window_ms * rate_hz / 1000) | 1)
    found = np.full_like(position_deg, np.nan)
    for start, stop in runs(np.asarray(np.isfinite(position_deg).all(axis=1))):
        if stop - start >= window:
            piece = position_deg[start:stop]
            found[start:stop] = savgol_filter(piece, window, 2, deriv=1, delta=1 / rate_hz, axis=0)
    return found


def local_median(values: Float[np.ndarray, "n 2"], samples: int) -> Float[np.ndarray, "n 2"]:
    """The median of each column over windows; gaps are bridged for it, and stay gaps."""
    filled = values.copy()
    known = np.isfinite(values).all(axis=1)
    if not known.any():
        return values.copy()
    index = np.arange(len(values))
    for column in range(values.shape[1]):
        filled[:, column] = np.interp(index, index[known], values[known, column])
    smooth = median_filter(filled, size=(max(1, samples | 1), 1), mode="nearest")
    smooth[~known] = np.nan
    return smooth


def robust_sd(values: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " 2"]:
    """The spread of each column from the median absolute deviation; fast movements hardly change it."""
    centre = np.nanmedian(values, axis=0)
    return 1.4826 * np.nanmedian(np.abs(values - centre), axis=0)
