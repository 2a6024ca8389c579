"""Reading: how much of the time goes to the passage that matters, and what that says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import spearmanr

from nonet.gaze.samples import Samples

__all__ = ["LineReading", "difficulty_correlation", "line_reading", "share_on"]


@dataclass(frozen=True)
class LineReading:
    """How lines of text were read.

    Attributes:
        fixation_ms: mean duration of fixations.
        regressions: share of movements along a line that go back.
        skips: share of lines without a fixation.
        on_errors: share of the time on misspelt words.
    """

    fixation_ms: float
    regressions: float
    skips: float
    on_errors: float


def share_on(
    samples: Samples, boxes_cm: Sequence[tuple[float, float, float, float]], all_cm: Sequence[tuple[float, ...]]
) -> float:
    """The share of gaze on any text that is on some boxes; NaN without gaze on text.

    Args:
        samples: while the text was shown.
        boxes_cm: left, bottom, right, top of what matters.
        all_cm: the same for all lines.
    """
    on_text = _inside(samples.gaze_cm, all_cm)
    return float(_inside(samples.gaze_cm, boxes_cm)[on_text].mean()) if on_text.any() else float("nan")


def difficulty_correlation(difficulty: Float[np.ndarray, " n"], share: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Spearman's rank correlation of difficulty and share of time on the relevant passage, and its p."""
    rank_correlation, p = np.asarray(spearmanr(difficulty, share))
    return float(rank_correlation), float(p)


def line_reading(
    fixations: Sequence[tuple[float, float, Float[np.ndarray, " 2"]]],
    lines_cm: Sequence[Sequence[float]],
    errors_cm: Sequence[Sequence[float]] = (),
) -> LineReading | None:
    """Measures from fixations on lines; None without any.

    Args:
        fixations: start and stop in ms, place in cm.
        lines_cm: boxes of the lines from top to bottom.
        errors_cm: boxes of misspelt words.
    """
    if not fixations or not lines_cm:
        return None
    places = np.array([place for _, _, place in fixations])
    durations = np.array([stop - start for start, stop, _ in fixations])
    middles = np.array([(bottom + top) / 2 for _, bottom, _, top in lines_cm])
    line = np.abs(places[:, 1:2] - middles).argmin(axis=1)
    same = line[1:] == line[:-1]
    back = np.diff(places[:, 0]) < -0.3
    on_errors = _inside(places, errors_cm)
    return LineReading(
        fixation_ms=float(durations.mean()),
        regressions=float(back[same].mean()) if same.any() else 0.0,
        skips=float(1 - len(np.unique(line)) / len(lines_cm)),
        on_errors=float(durations[on_errors].sum() / max(1e-9, durations.sum())),
    )


def _inside(places: np.ndarray, boxes: Sequence[Sequence[float]]) -> np.ndarray:
    found = np.zeros(len(places), bool)
    x, y = places.T
    for left, bottom, right, top in boxes:
        found |= (x >= left) & (x <= right) & (y >= bottom) & (y <= top)
    return found
