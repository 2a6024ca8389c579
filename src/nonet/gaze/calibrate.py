"""From a session's frames to a calibration, or to the reason why there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from nonet.foundation.errors import DataError
from nonet.gaze.camera.advice import ADVICE
from nonet.gaze.config import Personal
from nonet.gaze.geometry import Screen, degrees
from nonet.gaze.personal import MIN_DOTS, Calibration, Fit, choose
from nonet.gaze.tasks.plan import Plan, Stage
from nonet.gaze.tasks.stages import SETTLE_MS

__all__ = ["Checked", "Seen", "check", "dots_seen", "fit_calibration"]

_LEAST_FRAMES = 3  # of a dot, for it to count
_LEAST_RATE = 4.0  # frames a second
_EXPLAINED = 0.85  # share of the error of always saying the middle that a calibration may keep at most
_SHUT_SHARE = 0.4
_MOVED_CM = 6.0  # change of distance within a calibration


@dataclass(frozen=True)
class Checked:
    """How far off a fit is on dots that it did not see.

    Attributes:
        cm: mean over dots of the mean distance over frames.
        deg: the same as a visual angle.
        distance_cm: that was used for it.
        dots: for each: target x and y, mean estimate x and y, error in cm, frames.
        lost: share of frames without gaze.
    """

    cm: float
    deg: float
    distance_cm: float
    dots: list[dict[str, float]]
    lost: float


class Seen(NamedTuple):
    """What was seen of a stage of dots.

    Attributes:
        data: the usable frames.
        used: their rows, in the same order.
        rows: of all frames taken while dots were shown.
    """

    data: Calibration
    used: list[Mapping[str, Any]]
    rows: list[Mapping[str, Any]]


def dots_seen(
    stage: Stage,
    number: int,
    screen: Screen,
    rows: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
) -> Seen:
    """The usable frames of a stage of dots, each with its dot, and all frames taken while dots were shown.

    Frames of the first moments of a dot, when the eye is on its way, are left out. A dot shown again, after an
    interruption, counts from its last showing.

    Args:
        stage: calibration or validation.
        number: of the stage in the plan.
        screen: it was shown on.
        rows: of the session.
        events: of the session; those of kind ``trial`` say when each dot appeared.
    """
    begun = {row["trial"]: row["t"] for row in events if row.get("kind") == "trial" and row.get("stage") == number}
    seen: list[tuple[int, Mapping[str, Any]]] = []
    settle = min(SETTLE_MS, *(trial.ms / 2 for trial in stage.trials))
    for row in rows:
        trial, t = row.get("trial", -1), row.get("t", -1.0)
        if row.get("stage") != number or trial not in begun or not 0 <= trial < len(stage.trials):
            continue
        if settle <= t - begun[trial] <= stage.trials[trial].ms:
            seen.append((trial, row))
    usable = [(dot, row) for dot, row in seen if row.get("base") is not None]
    counts = Counter(dot for dot, _ in usable)
    usable = [(dot, row) for dot, row in usable if counts[dot] >= _LEAST_FRAMES]
    dots = np.array([dot for dot, _ in usable], np.int64)
    places = screen.to_cm(np.array([trial.dot[0][1:] for trial in stage.trials], float))
    data = Calibration(
        np.array([row["base"] for _, row in usable], float).reshape(-1, 2),
        np.array([row["features"] for _, row in usable], float).reshape(len(usable), -1 if usable else 0),
        places[dots],
        dots,
    )
    return Seen(data, [row for _, row in usable], [row for _, row in seen])


def fit_calibration(
    plan: Plan,
    screen: Screen,
    rows: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
    config: Personal | None = None,
) -> Fit:
    """The fit of a session's calibration stage.

    Raises:
        DataError: with the reason, if the participant did not look, or could not be seen.
    """
    data, _, seen = dots_seen(plan.stages[0], 0, screen, rows, events)
    _require_seen(data, seen, len(plan.stages[0].trials))
    fit = choose(data, config)
    nothing = _error_of_middle(data)
    if min(fit.errors_cm.values()) > _EXPLAINED * nothing:
        raise DataError(
            "The eyes did not follow the dots: the estimates are hardly better than saying the middle of the screen.",
            where="calibration",
            fix="Look at each dot until it moves, and calibrate again.",
        )
    return fit


def check(
    stage: Stage,
    number: int,
    screen: Screen,
    rows: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
    fit: Fit | None,
    distance_cm: float,
) -> Checked:
    """How far off a fit is on the dots of a validation.

    Raises:
        DataError: if no dot has usable frames.
    """
    data, _, seen = dots_seen(stage, number, screen, rows, events)
    if not len(data):
        raise DataError("No dot of this check has usable frames.", where=stage.title, fix=_advice(seen))
    estimates = fit.predict(data.base_cm, data.features) if fit else data.base_cm
    dots = []
    for dot in np.unique(data.dot):
        here = data.dot == dot
        target, mean = data.target_cm[here][0], estimates[here].mean(0)
        error = float(np.hypot(*(estimates[here] - target).T).mean())
        dots.append(
            {
                "x": float(target[0]),
                "y": float(target[1]),
                "gaze_x": float(mean[0]),
                "gaze_y": float(mean[1]),
                "error_cm": error,
                "frames": int(here.sum()),
            }
        )
    cm = float(np.mean([dot["error_cm"] for dot in dots]))
    known = [row["distance"] for row in seen if row.get("distance")]
    distance = float(np.median(known)) if known else distance_cm
    return Checked(cm, float(degrees(cm, distance)), distance, dots, 1 - len(data) / max(1, len(seen)))


def _require_seen(data: Calibration, seen: Sequence[Mapping[str, Any]], dots: int) -> None:
    if not seen:
        raise DataError("No frame came while the dots were shown.", where="calibration", fix="Check the camera.")
    reasons = Counter(row["reason"] for row in seen if row.get("reason"))
    if reasons.get("eyes shut", 0) > _SHUT_SHARE * len(seen):
        raise DataError("The eyes were shut.", where="calibration", fix="Look at each dot, and calibrate again.")
    times: Float[np.ndarray, " n"] = np.array([row["t"] for row in seen], float)
    rate = 1000 / np.median(np.diff(times)) if len(times) > 2 else 0.0
    if rate < _LEAST_RATE:
        raise DataError(
            f"The camera gave {rate:.1f} frames a second; at least {_LEAST_RATE:.0f} are needed.",
            where="calibration",
            fix="Close other programs, give more light, or use another camera.",
        )
    if len(np.unique(data.dot)) < max(MIN_DOTS, dots // 2):
        raise DataError(
            f"Only {len(np.unique(data.dot))} of {dots} dots have usable frames.",
            where="calibration",
            fix=_advice(seen),
        )
    known = [row["distance"] for row in seen if row.get("distance")]
    if known and np.ptp(np.percentile(known, [5, 95])) > _MOVED_CM:
        raise DataError(
            f"The head moved by {np.ptp(np.percentile(known, [5, 95])):.0f} cm towards or from the camera.",
            where="calibration",
            fix="Keep still and calibrate again.",
        )


def _advice(seen: Sequence[Mapping[str, Any]]) -> str:
    reasons = Counter(row["reason"] for row in seen if row.get("reason"))
    return ADVICE[reasons.most_common(1)[0][0]] if reasons else "Look at each dot until it moves."


def _error_of_middle(data: Calibration) -> float:
    dots = np.stack([data.target_cm[data.dot == dot][0] for dot in np.unique(data.dot)])
    return float(np.hypot(*(dots - dots.mean(0)).T).mean())
