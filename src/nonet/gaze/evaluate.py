"""How gaze is judged: distances on the screen, first the mean of each participant, then over participants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nonet.foundation.errors import DataError
from nonet.gaze.geometry import degrees

__all__ = ["Accuracy", "accuracy", "distances", "per_participant"]

Array = TypeVar("Array", np.ndarray, Tensor)


@dataclass(frozen=True)
class Accuracy:
    """Errors over participants: the mean of each, then their mean and its standard error.

    Attributes:
        cm: mean distance between gaze and target.
        cm_sem: standard error of the mean over participants.
        deg: the same as a visual angle.
        deg_sem: its standard error.
        best_cm: of the best participant.
        worst_cm: of the worst.
        participants: how many.
    """

    cm: float
    cm_sem: float
    deg: float
    deg_sem: float
    best_cm: float
    worst_cm: float
    participants: int

    def __str__(self) -> str:
        angle = "" if np.isnan(self.deg) else f" ({self.deg:.1f} ± {self.deg_sem:.1f}°)"
        return f"{self.cm:.2f} ± {self.cm_sem:.2f} cm{angle}"


def distances(gaze_cm: Array, target_cm: Array) -> Array:
    """Euclidean distances, cm.

    Args:
        gaze_cm: estimates, (n, 2).
        target_cm: truths, (n, 2).
    Returns:
        (n,)
    """
    squares = ((gaze_cm - target_cm) ** 2).sum(-1)
    return torch.sqrt(squares) if isinstance(squares, Tensor) else np.sqrt(squares)  # pyright: ignore[reportReturnType]


def per_participant(
    error_cm: Float[np.ndarray, " n"], participant: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " p"], Int[np.ndarray, " p"]]:
    """Each participant's mean error.

    Returns:
        Means, and the participants in the same order.
    """
    known, row = np.unique(participant, return_inverse=True)
    return np.bincount(row, error_cm) / np.bincount(row), known


def accuracy(
    gaze_cm: Float[np.ndarray, "n 2"],
    target_cm: Float[np.ndarray, "n 2"],
    participant: Int[np.ndarray, " n"],
    distance_cm: Float[np.ndarray, " n"] | float,
) -> Accuracy:
    """The article's figure: mean error per participant, mean ± s.e.m. over participants, in cm and in degrees.

    Args:
        gaze_cm: estimates for dots that no calibration saw.
        target_cm: the dots.
        participant: who, one a row.
        distance_cm: from eye to screen, for the degrees.
    Raises:
        DataError: if there is nothing to judge.
    """
    if not len(gaze_cm):
        raise DataError("There are no estimates to judge.")
    error = distances(gaze_cm, target_cm)
    cm, _ = per_participant(error, participant)
    deg, _ = per_participant(np.asarray(degrees(error, distance_cm)), participant)
    return Accuracy(float(cm.mean()), _sem(cm), float(deg.mean()), _sem(deg), float(cm.min()), float(cm.max()), len(cm))


def _sem(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
