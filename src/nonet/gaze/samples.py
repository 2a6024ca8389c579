"""Gaze over time: the one object that the analyses take, read from a session, a simulation or another tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from nonet.foundation.errors import DataError
from nonet.gaze.geometry import degrees_between
from nonet.gaze.personal import Fit

__all__ = ["Samples", "from_rows"]

_BACKWARDS_MS = 1000.0  # a clock that steps back further was set anew


@dataclass(frozen=True)
class Samples:
    """Gaze, one row a frame, in the order of time.

    Attributes:
        t_ms: display clock, strictly increasing.
        gaze_cm: estimates relative to the camera; NaN where the frame was unusable.
        distance_cm: from eye to screen.
        openness: of the eyes, height over width; NaN where unknown.
        reason: why a frame was unusable, else "".
    """

    t_ms: Float[np.ndarray, " n"]
    gaze_cm: Float[np.ndarray, "n 2"]
    distance_cm: Float[np.ndarray, " n"]
    openness: Float[np.ndarray, " n"]
    reason: Sequence[str]

    def __len__(self) -> int:
        return len(self.t_ms)

    @property
    def valid(self) -> Bool[np.ndarray, " n"]:
        """Which rows have a gaze."""
        return np.asarray(np.isfinite(self.gaze_cm).all(axis=1))

    @property
    def rate_hz(self) -> float:
        """Frames a second, by the median interval; NaN for fewer than two frames."""
        return float(1000 / np.median(np.diff(self.t_ms))) if len(self) > 1 else float("nan")

    @property
    def lost(self) -> float:
        """Share of unusable frames."""
        return float(1 - self.valid.mean()) if len(self) else float("nan")

    def between(self, start_ms: float, stop_ms: float) -> Samples:
        """The rows of a stretch of time."""
        first, last = np.searchsorted(self.t_ms, [start_ms, stop_ms])
        rows = slice(first, last)
        return Samples(
            self.t_ms[rows], self.gaze_cm[rows], self.distance_cm[rows], self.openness[rows], self.reason[rows]
        )

    def to_degrees(self) -> Float[np.ndarray, "n 2"]:
        """Gaze as visual angles from the straight line to the screen's plane below the camera, degrees."""
        return np.degrees(np.arctan2(self.gaze_cm, self.distance_cm[:, None]))

    def speed(self) -> Float[np.ndarray, " n"]:
        """Angular speed at each sample from its neighbours on both sides, degrees a second."""
        eye = np.column_stack([np.zeros((len(self), 2)), self.distance_cm])
        speed = np.full(len(self), np.nan)
        if len(self) > 2:
            angle = degrees_between(self.gaze_cm[:-2], self.gaze_cm[2:], eye[1:-1])
            speed[1:-1] = 1000 * angle / (self.t_ms[2:] - self.t_ms[:-2])
        return speed


def from_rows(rows: Sequence[Mapping[str, Any]], fit: Fit | None, distance_cm: float) -> Samples:
    """The samples of a session's rows, with a calibration applied.

    A row has ``t`` (ms), and ``base`` and ``features`` where the frame was usable, else ``reason``. Rows whose clock
    runs back a little (frames that overtook each other on the way) are put in order; after a clock was set back, only
    what follows counts from there on, with the former stretch before it.

    Args:
        rows: as stored.
        fit: the participant's calibration; None leaves the base model's estimates.
        distance_cm: where a row knows none.
    Raises:
        DataError: if there are no rows.
    """
    if not rows:
        raise DataError("This session has no frames.", fix="Record it again.")
    rows = _in_order(rows)
    t = np.array([row["t"] for row in rows], float)
    usable = np.array([row.get("base") is not None for row in rows])
    gaze = np.full((len(rows), 2), np.nan)
    if usable.any():
        base = np.array([row["base"] for row in rows if row.get("base") is not None], float)
        features = np.array([row["features"] for row in rows if row.get("base") is not None], float)
        gaze[usable] = fit.predict(base, features) if fit else base
    return Samples(
        t,
        gaze,
        np.array([row.get("distance") or distance_cm for row in rows], float),
        np.array([np.nan if row.get("open") is None else row["open"] for row in rows], float),
        [row.get("reason") or "" for row in rows],
    )


def _in_order(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows with increasing times; a clock that was set back goes on from where it was."""
    shifted, shift, last = [], 0.0, -np.inf
    for row in rows:
        t = row.get("t")
        if not isinstance(t, int | float) or not np.isfinite(t):
            continue
        if t + shift < last - _BACKWARDS_MS:
            shift = last - t + 1
        shifted.append((t + shift, row))
        last = max(last, t + shift)
    shifted.sort(key=lambda pair: pair[0])
    kept, before = [], -np.inf
    for t, row in shifted:
        if t > before:
            kept.append({**row, "t": t})
            before = t
    return kept
