"""Linear classification on frozen features: by the article's schedule of SGD (§5.3), and by L-BFGS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from nonet.foundation import console
from nonet.foundation.errors import DataError
from nonet.optim import Options, minimize

__all__ = ["Linear", "SgdSchedule", "fit_lbfgs", "fit_sgd"]

_STRENGTHS = tuple(10.0**power for power in range(-6, 2))


@dataclass(frozen=True)
class Linear:
    """A linear classifier on standardised features.

    Attributes:
        weight: one row a class.
        bias: one number a class.
        mean: of the features, taken off.
        spread: of the features, divided by.
        strength: of the regularisation that was chosen; 0 for none.
    """

    weight: Float[Tensor, "classes width"]
    bias: Float[Tensor, "classes"]
    mean: Float[Tensor, "width"]
    spread: Float[Tensor, "width"]
    strength: float = 0.0

    def scores(self, features: Float[np.ndarray, "pictures width"]) -> Float[np.ndarray, "pictures classes"]:
        """The logits."""
        inputs = (torch.from_numpy(features) - self.mean) / self.spread
        return (inputs @ self.weight.T + self.bias).numpy()


@dataclass(frozen=True)
class SgdSchedule:
    """SGD with momentum whose rate falls in steps; the defaults are the article's for ImageNet."""

    epochs: int = 100
    """Passes over the pictures."""
    batch_size: int = 1024
    """Pictures a step."""
    learning_rate: float = 0.1
    """Of the first epochs."""
    momentum: float = 0.9
    """Share of the former steps that goes on."""
    every: int = 30
    """Epochs after which the rate falls."""
    factor: float = 0.2
    """To which share of itself it falls."""
    seed: int = 0
    """Decides the order and which view of a picture is taken."""


def fit_sgd(
    views: Float[np.ndarray, "views pictures width"],
    labels: Int[np.ndarray, " pictures"],
    classes: int,
    schedule: SgdSchedule,
) -> Linear:
    """A linear classifier by SGD without weight decay.

    Args:
        views: features of each picture under several augmentations (the picture and its mirror image); each step takes
            one of them at random.
        labels: numbers of the classes.
        classes: how many there are.
        schedule: the article's by default.
    """
    mean, spread = _scale(views)
    inputs, targets = (torch.from_numpy(views) - mean) / spread, torch.from_numpy(labels)
    weight = torch.zeros(classes, inputs.shape[2], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.SGD([weight, bias], lr=schedule.learning_rate, momentum=schedule.momentum)
    rng = np.random.default_rng(schedule.seed)
    for epoch in console.track(range(schedule.epochs), "Fitting a linear classifier"):
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate * schedule.factor ** (epoch // schedule.every)
        order = torch.from_numpy(rng.permutation(len(labels)))
        for rows in order.split(schedule.batch_size):
            taken = torch.from_numpy(rng.integers(len(views), size=len(rows)))
            loss = F.cross_entropy(inputs[taken, rows] @ weight.T + bias, targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return Linear(weight.detach(), bias.detach(), mean, spread)


def fit_lbfgs(
    features: Float[np.ndarray, "pictures width"],
    labels: Int[np.ndarray, " pictures"],
    classes: int,
    *,
    held_out: float = 0.2,
    seed: int = 0,
) -> Linear:
    """A linear classifier by L-BFGS, its regularisation chosen on a part of the pictures that it does not see.

    Args:
        features: of the pictures.
        labels: numbers of the classes.
        classes: how many there are.
        held_out: share of the pictures to choose with; the last fit sees all.
        seed: decides which.
    Raises:
        DataError: if there are fewer than ten pictures.
    """
    if len(labels) < 10:
        raise DataError(f"{len(labels)} pictures are too few to fit to.", fix="Bring ten at least.")
    order = np.random.default_rng(seed).permutation(len(labels))
    cut = max(1, int(held_out * len(labels)))
    chosen, fitted = order[:cut], order[cut:]
    best, start = (-1.0, _STRENGTHS[0]), None
    for strength in console.track(_STRENGTHS[::-1], "Choosing the regularisation"):
        tried = _minimised(features[fitted], labels[fitted], classes, strength, start)
        right = float((tried.scores(features[chosen]).argmax(1) == labels[chosen]).mean())
        best, start = max(best, (right, strength)), tried  # the next begins where this one ended
    return _minimised(features, labels, classes, best[1], start)


def _minimised(features: np.ndarray, labels: np.ndarray, classes: int, strength: float, start: Linear | None) -> Linear:
    mean, spread = _scale(features[None])
    inputs, targets = (torch.from_numpy(features) - mean) / spread, torch.from_numpy(labels)
    width = inputs.shape[1]

    def loss(x: Tensor) -> Tensor:
        weight, bias = x[:, :width], x[:, width]
        return F.cross_entropy(inputs @ weight.T + bias, targets) + strength / 2 * weight.square().sum() / len(weight)

    first = torch.zeros(classes, width + 1)
    if start is not None:
        first = torch.cat([start.weight, start.bias[:, None]], dim=1)
    found = minimize(loss, first, options=Options(max_iterations=200, value_tolerance=1e-6)).x
    return Linear(found[:, :width], found[:, width], mean, spread, strength)


def _scale(views: Float[np.ndarray, "views pictures width"]) -> tuple[Tensor, Tensor]:
    rows = torch.from_numpy(views).flatten(0, 1)
    return rows.mean(0), rows.std(0, correction=0).clamp(min=1e-6)
