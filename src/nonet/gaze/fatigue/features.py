"""What a block of tracking or proofreading says about alertness, and its change against the participant's first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from nonet.foundation.errors import DataError
from nonet.gaze.events.labels import runs
from nonet.gaze.measures.pursuit import pursuit
from nonet.gaze.measures.reading import line_reading
from nonet.gaze.measures.search import fixations_of
from nonet.gaze.samples import Samples

__all__ = ["FEATURES", "PROOF_FEATURES", "block_features", "normalised", "proof_features"]

FEATURES = (
    "error, cm",
    "spread of the error, cm",
    "95th percentile of the error, cm",
    "radial error, cm",
    "tangential error, cm",
    "lag, ms",
    "gain",
    "catch-up saccades, 1/s",
    "share off target",
    "blinks, 1/min",
    "share lost",
)
"""The features of a block of tracking, in their order."""
PROOF_FEATURES = (
    "fixation, ms",
    "share of regressions",
    "share of lines skipped",
    "share of time on errors",
    "time taken, s",
    "blinks, 1/min",
    "share lost",
)
"""The features of a block of proofreading, in their order."""
_SHUT = 0.14  # openness below which an eye is shut
_TOO_LITTLE = "A block has too little gaze to be judged."


def block_features(samples: Samples, target_cm: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " f"]:
    """The features of one block of tracking.

    Args:
        samples: of the block.
        target_cm: where the object was at their times.
    Raises:
        DataError: if too little gaze was seen.
    """
    found = pursuit(samples.t_ms, samples.gaze_cm, target_cm)
    if found is None:
        raise DataError(_TOO_LITTLE, fix="Record it again.")
    minutes = max(1e-9, (samples.t_ms[-1] - samples.t_ms[0]) / 60_000)
    return np.array(
        [
            found.error_cm,
            found.error_sd_cm,
            found.error_p95_cm,
            found.radial_cm,
            found.tangential_cm,
            found.lag_ms,
            found.gain,
            found.catch_up_hz,
            found.off_target,
            _blinks(samples) / minutes,
            found.lost,
        ]
    )


def proof_features(
    samples: Samples, lines_cm: Sequence[Sequence[float]], errors_cm: Sequence[Sequence[float]]
) -> Float[np.ndarray, " f"]:
    """The features of one block of proofreading.

    Args:
        samples: of the block.
        lines_cm: left, bottom, right, top of each line, from top to bottom.
        errors_cm: the same of each misspelt word.
    Raises:
        DataError: if too little gaze was seen.
    """
    found = line_reading(fixations_of(samples), lines_cm, errors_cm)
    if found is None:
        raise DataError(_TOO_LITTLE, fix="Record it again.")
    seconds = max(1e-9, (samples.t_ms[-1] - samples.t_ms[0]) / 1000)
    measured = (found.fixation_ms, found.regressions, found.skips, found.on_errors)
    return np.array([*measured, seconds, _blinks(samples) / (seconds / 60), samples.lost])


def normalised(
    features: Float[np.ndarray, "b f"], participant: Int[np.ndarray, " b"], block: Int[np.ndarray, " b"]
) -> Float[np.ndarray, "b f"]:
    """Changes against each participant's first block: people differ more from each other than with fatigue.

    Args:
        features: a row a block.
        participant: whose.
        block: its number.
    Raises:
        DataError: if somebody has one block only.
    """
    change = np.empty_like(features, dtype=float)
    for one in np.unique(participant):
        mine = np.flatnonzero(participant == one)
        if len(mine) < 2:
            raise DataError("A change needs two blocks of each participant.", where=f"participant {one}")
        first = mine[np.argmin(block[mine])]
        change[mine] = features[mine] - features[first]
    return change


def _blinks(samples: Samples) -> int:
    """Stretches of shut eyes of up to half a second, or of gaps as long."""
    shut = (np.nan_to_num(samples.openness, nan=1.0) < _SHUT) | np.array([r == "eyes shut" for r in samples.reason])
    if not shut.any():
        shut = ~samples.valid
    return sum(bool(samples.t_ms[min(stop, len(shut) - 1)] - samples.t_ms[start] <= 500) for start, stop in runs(shut))
