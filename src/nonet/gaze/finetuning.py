"""Fine-tuning for one participant, judged like every other rung on dots that it did not see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int

from nonet.gaze.config import Personal
from nonet.gaze.model import GazeNet
from nonet.gaze.personal import RUNGS, Calibration, Fit, dot_error, fit_rung
from nonet.gaze.synthetic.dataset import Pictures
from nonet.gaze.train import finetune, infer

__all__ = ["Tuned", "calibration_of", "tuned_fit"]


@dataclass(frozen=True)
class Tuned:
    """A participant's network and what follows it.

    Attributes:
        net: trained on all dots.
        fit: the regressor behind it, fitted on all dots.
        errors_cm: by what follows the network (`base` is nothing), on dots left out of both trainings.
    """

    net: GazeNet
    fit: Fit
    errors_cm: dict[str, float]

    @property
    def error_cm(self) -> float:
        """The error of the chosen one."""
        return self.errors_cm[self.fit.rung]


def calibration_of(net: GazeNet, pictures: Pictures, dot: Int[np.ndarray, " n"]) -> Calibration:
    """What a network says of a calibration's pictures."""
    seen = infer(net, pictures)
    return Calibration(
        seen.gaze_cm.numpy().astype(float),
        seen.features.numpy().astype(float),
        pictures.target_cm.numpy().astype(float),
        dot,
    )


def tuned_fit(net: GazeNet, pictures: Pictures, dot: Int[np.ndarray, " n"], config: Personal) -> Tuned:
    """Trains a network on for one participant.

    The dots are cut into groups; each group is estimated by a network and regressors that saw the others only.

    Args:
        net: the base network.
        pictures: of the calibration.
        dot: which dot each shows.
        config: the options.
    """
    dots = np.random.default_rng(config.seed).permutation(np.unique(dot))
    estimates = {rung: np.empty((len(dot), 2)) for rung in RUNGS}
    for group in np.array_split(dots, config.finetune_folds):
        out = np.isin(dot, group)
        rest = torch.from_numpy(np.flatnonzero(~out))
        tuned = finetune(net, pictures.rows(rest), config)
        learnt = calibration_of(tuned, pictures.rows(rest), dot[~out])
        asked = calibration_of(tuned, pictures.rows(torch.from_numpy(np.flatnonzero(out))), dot[out])
        for rung in RUNGS:
            estimates[rung][out] = fit_rung(rung, learnt, config).predict(asked.base_cm, asked.features)
    final = finetune(net, pictures, config)
    data = calibration_of(final, pictures, dot)
    errors = {rung: dot_error(estimates[rung], data) for rung in RUNGS}
    best = min(RUNGS, key=lambda rung: errors[rung])
    return Tuned(final, fit_rung(best, data, config), {str(rung): error for rung, error in errors.items()})
