"""Intervals: of shares (Wilson 1927), of means and of paired differences (bootstrap)."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from nonet.foundation.report import Estimate

__all__ = ["bootstrap", "paired_difference", "wilson"]

_DRAWS = 2000
_Z = 1.959964


def wilson(successes: int, trials: int) -> Estimate:
    """The share of successes with its 95 % Wilson score interval.

    Raises:
        ValueError: if there were no trials, or more successes than trials.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes in {trials} trials")
    share = successes / trials
    wide = 1 + _Z**2 / trials
    middle = (share + _Z**2 / (2 * trials)) / wide
    half = _Z / wide * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Estimate(share, min(low, share), max(high, share), basis=f"95 % Wilson, {trials} episodes")


def bootstrap(values: Float[np.ndarray, " values"], *, unit: str = "", seed: int = 0) -> Estimate:
    """The mean with its 95 % percentile bootstrap interval; NaN for no values."""
    if len(values) == 0:
        return Estimate(math.nan, unit=unit)
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, len(values), (_DRAWS, len(values)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(values.mean()), float(low), float(high), unit, f"95 % bootstrap, {len(values)} episodes")


def paired_difference(ours: Float[np.ndarray, " pairs"], theirs: Float[np.ndarray, " pairs"]) -> Estimate:
    """The mean of ours minus theirs, pair by pair, with its 95 % bootstrap interval."""
    return bootstrap(ours - theirs)
