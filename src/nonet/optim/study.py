"""The article's figures, made again: Rosenbrock, the flower function, and the penalty method in two precisions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from nonet.foundation.report import Claim, Estimate, Report, Table
from nonet.optim.constraints import at_least
from nonet.optim.optimizer import LBFGS
from nonet.optim.penalty import PenaltyPath, penalty_method
from nonet.optim.solve import minimize

__all__ = ["StudyConfig", "flower", "rosenbrock", "study"]

POST = "Keydana, torch for optimization, RStudio AI Blog, April 2021"
HOW = "nonet.optim.study, all in this run; float64 unless said otherwise"


@dataclass(frozen=True)
class StudyConfig:
    """What the study may spend.

    Attributes:
        max_rounds: outer rounds of the penalty method before it is given up.
    """

    max_rounds: int = 30


def rosenbrock(x: Tensor) -> Tensor:
    """The post's Rosenbrock function: a = 1, b = 5."""
    return (1 - x[0]) ** 2 + 5 * (x[1] - x[0] ** 2) ** 2


def flower(x: Tensor) -> Tensor:
    """The post's flower function: a = b = 1, c = 4; its infimum -1 lies at 0, where it is not defined."""
    return x.norm() + torch.sin(4 * torch.atan2(x[1], x[0]))


def study(config: StudyConfig | None = None) -> Report:
    """Re-makes the post's claims; seconds on one core."""
    config = config or StudyConfig()
    outside = at_least(lambda x: x.square().sum(), 2.0)
    start = torch.tensor([0.5, 0.5])
    theirs = penalty_method(flower, start, outside, optimizer=torch.optim.LBFGS, max_rounds=config.max_rounds)
    double = penalty_method(flower, start.double(), outside, max_rounds=config.max_rounds)
    lagrangian = minimize(flower, start.double(), constraints=outside)
    exact = math.sqrt(2) - 1
    rows = [
        ("penalty method, float32, torch's optimizer", *_row(theirs, exact)),
        ("penalty method, float64, our optimizer", *_row(double, exact)),
        ("augmented Lagrangian, float64", lagrangian.evaluations, lagrangian.value - exact, lagrangian.violation),
    ]
    loss = _steps(rosenbrock, torch.tensor([-1.0, 1.0], dtype=torch.float64), 2)
    fallen = _steps(flower, torch.tensor([20.0, 20.0]), 5)
    claims = [
        Claim(
            "two steps of L-BFGS solve Rosenbrock from (-1, 1)",
            f"4.5e-12 after two steps of the optimizer ({POST})",
            Estimate(loss),
            loss <= 4.5e-12,
            HOW,
        ),
        Claim(
            "with a strong Wolfe line search L-BFGS descends the flower function from (20, 20)",
            f"-0.9999999 after five steps; without a line search it diverges ({POST})",
            Estimate(fallen),
            fallen < -0.999,
            HOW + "; float32",
        ),
        Claim(
            "doubling the penalty's weight, the constraint is met exactly",
            f"22 rounds, weight 2,097,152 ({POST})",
            f"{len(theirs.rounds) - 1} rounds, weight {theirs.weight:,.0f}",
            theirs.ended and len(theirs.rounds) - 1 == 22 and theirs.weight == 2_097_152,
            HOW + "; float32, torch.optim.LBFGS as in the post",
        ),
        Claim(
            "that the penalty becomes zero is rounding: in float64 the same loop does not end by its test",
            "not in the article",
            f"violation {double.rounds[-1].violation:.1e} after {len(double.rounds) - 1} rounds",
            not double.ended,
            HOW,
        ),
    ]
    table = Table("flower function outside a circle", ["method", "evaluations", "f - f*", "violation"], rows)
    return Report("optim: L-BFGS with and without constraints", claims, tables=[table])


def _row(path: PenaltyPath, exact: float) -> tuple[int, float, float]:
    last = path.rounds[-1]
    return last.evaluations, last.value - exact, last.violation


def _steps(fn: Callable[[Tensor], Tensor], x: Tensor, count: int) -> float:
    x.requires_grad_()
    optimizer = LBFGS([x])

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = fn(x)
        loss.backward()
        return loss

    for _ in range(count - 1):
        optimizer.step(closure)
    return float(optimizer.step(closure))
