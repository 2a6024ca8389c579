"""Personalisation: from a base model's estimates and a participant's calibration to estimates for that person.

The rungs, from the surest to the most flexible: nothing, a constant offset, an affine map drawn towards the identity,
and the article's support vector regression on the penultimate layer (Valliappan et al. 2020, Methods), which needs many
dots well spread: between few dots it falls back to the mean and is worse than no calibration. So the rung is chosen
by leaving out one dot after the other, never single frames, whose neighbours would still be there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from sklearn.svm import SVR

from nonet.foundation.errors import DataError
from nonet.gaze.config import Personal

__all__ = ["RUNGS", "Calibration", "Fit", "Rung", "choose", "fit_rung", "left_out"]

Rung = Literal["base", "offset", "affine", "svr"]
RUNGS: tuple[Rung, ...] = ("base", "offset", "affine", "svr")
MIN_DOTS = 4  # fewer say nothing about other places
_LEAST_SD = 1e-6
_BETTER = 0.02  # share of error that a more flexible rung must save to be chosen


@dataclass(frozen=True)
class Calibration:
    """Frames of a participant who looked at known dots.

    Attributes:
        base_cm: what the network says, (n, 2).
        features: its penultimate layer, (n, 4).
        target_cm: the dots' places, (n, 2).
        dot: which dot, (n,).
    """

    base_cm: Float[np.ndarray, "n 2"]
    features: Float[np.ndarray, "n f"]
    target_cm: Float[np.ndarray, "n 2"]
    dot: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.dot)

    def rows(self, index: np.ndarray) -> Calibration:
        """Some of the frames."""
        return Calibration(self.base_cm[index], self.features[index], self.target_cm[index], self.dot[index])


@dataclass(frozen=True)
class Fit:
    """A fitted rung; arrays only, so that it is stored without code.

    Attributes:
        rung: which.
        arrays: what it needs, by name.
        errors_cm: of each rung, on dots left out.
        gamma: kernel width of the support vector regression.
    """

    rung: Rung
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    errors_cm: dict[str, float] = field(default_factory=dict)
    gamma: float = 0.06

    def predict(self, base_cm: Float[np.ndarray, "n 2"], features: Float[np.ndarray, "n f"]) -> np.ndarray:
        """Gaze in cm for new frames, (n, 2)."""
        if self.rung == "offset":
            return base_cm + self.arrays["offset"]
        if self.rung == "affine":
            return _with_one(base_cm) @ self.arrays["map"]
        if self.rung == "svr":
            return self._regress(features)
        return base_cm

    def _regress(self, features: np.ndarray) -> np.ndarray:
        held = self.arrays
        rows = (features - held["mean"]) / held["sd"]
        columns = []
        for axis in "xy":
            support = held[f"support_{axis}"]
            squares = (rows**2).sum(1)[:, None] + (support**2).sum(1) - 2 * rows @ support.T
            columns.append(np.exp(-self.gamma * squares.clip(min=0)) @ held[f"dual_{axis}"] + held[f"intercept_{axis}"])
        return np.stack(columns, axis=1)


def fit_rung(rung: Rung, data: Calibration, config: Personal) -> Fit:
    """Fits one rung on all frames given."""
    if rung == "offset":
        return Fit(rung, {"offset": np.median(_dot_means(data.target_cm - data.base_cm, data.dot), axis=0)})
    if rung == "affine":
        return Fit(rung, {"map": _ridge(data, config.ridge)})
    if rung == "svr":
        return _svr(data, config)
    return Fit(rung)


def choose(data: Calibration, config: Personal | None = None) -> Fit:
    """Fits the rung that is best on dots left out; a more flexible one must be clearly better.

    Args:
        data: the calibration.
        config: the options.
    Returns:
        The fit, with the errors of all rungs on dots left out. It is never worse there than the base model.
    Raises:
        DataError: if there are too few dots.
    """
    config = config or Personal()
    if len(np.unique(data.dot)) < MIN_DOTS:
        raise DataError(
            f"The calibration has {len(np.unique(data.dot))} dots with usable frames.",
            fix=f"At least {MIN_DOTS} are needed; 9 or more are better. Calibrate again.",
        )
    thin = data.rows(_some_of_each(data.dot, config.frames_per_dot))
    errors = {rung: dot_error(left_out(rung, thin, config), thin) for rung in RUNGS}
    best: Rung = "base"
    for rung in RUNGS:
        if errors[rung] < (1 - _BETTER) * errors[best]:
            best = rung
    fitted = fit_rung(best, data, config)
    return Fit(fitted.rung, fitted.arrays, errors, config.gamma)


def left_out(rung: Rung, data: Calibration, config: Personal) -> Float[np.ndarray, "n 2"]:
    """Estimates for each frame by a fit that saw no frame of its dot."""
    estimates = np.empty_like(data.base_cm)
    for dot in np.unique(data.dot):
        out = data.dot == dot
        estimates[out] = fit_rung(rung, data.rows(~out), config).predict(data.base_cm[out], data.features[out])
    return estimates


def dot_error(estimates_cm: np.ndarray, data: Calibration) -> float:
    """The mean over dots of the mean distance over frames, cm."""
    errors = np.hypot(*(estimates_cm - data.target_cm).T)
    return float(_dot_means(errors[:, None], data.dot).mean())


def _svr(data: Calibration, config: Personal) -> Fit:
    """One regression a coordinate, on standardised features: unstandardised they are clearly worse."""
    mean, sd = data.features.mean(0), data.features.std(0).clip(min=_LEAST_SD)
    rows = (data.features - mean) / sd
    arrays = {"mean": mean, "sd": sd}
    for axis, name in enumerate("xy"):
        machine = SVR(C=config.C, gamma=config.gamma, epsilon=config.epsilon, cache_size=50)  # pyright: ignore[reportArgumentType]
        machine.fit(rows, data.target_cm[:, axis])
        arrays[f"support_{name}"] = machine.support_vectors_
        arrays[f"dual_{name}"] = machine.dual_coef_[0]
        arrays[f"intercept_{name}"] = machine.intercept_
    return Fit("svr", arrays, gamma=config.gamma)


def _ridge(data: Calibration, pull: float) -> np.ndarray:
    """The affine map (3, 2) with least squares, drawn towards the identity in units of the base model's spread."""
    mean = data.base_cm.mean(0)
    rows = np.column_stack([data.base_cm - mean, np.ones(len(data))])
    change = np.linalg.solve(
        rows.T @ rows + pull * np.diag([rows[:, 0].var() + 0.1, rows[:, 1].var() + 0.1, 0.0]),
        rows.T @ (data.target_cm - data.base_cm),
    )
    linear = np.eye(2) + change[:2]
    return np.vstack([linear, change[2] - mean @ change[:2]])


def _with_one(points: np.ndarray) -> np.ndarray:
    return np.column_stack([points, np.ones(len(points))])


def _dot_means(values: Float[np.ndarray, "n d"], dot: np.ndarray) -> Float[np.ndarray, "k d"]:
    return np.stack([values[dot == one].mean(0) for one in np.unique(dot)])


def _some_of_each(dot: np.ndarray, most: int) -> np.ndarray:
    """At most so many frames of each dot, spread over its time."""
    chosen = []
    for one in np.unique(dot):
        rows = np.flatnonzero(dot == one)
        chosen.append(rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))])
    return np.concatenate(chosen)
