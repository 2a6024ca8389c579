"""The same function walked by three methods, for people to watch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nonet.optim.config import Options
from nonet.optim.constraints import Constraint
from nonet.optim.penalty import penalty_method
from nonet.optim.result import Step
from nonet.optim.solve import minimize

__all__ = ["Path", "gradient_descent", "walks"]

DESCENT_STEPS = 200


@dataclass(frozen=True)
class Path:
    """Where a method went.

    Attributes:
        method: its name.
        steps: the points in order, the start first.
        note: how it ended, a sentence.
    """

    method: str
    steps: tuple[Step, ...]
    note: str


def gradient_descent(fn: Callable[[Tensor], Tensor], x0: Tensor, rate: float, steps: int = DESCENT_STEPS) -> Path:
    """Plain gradient descent with a fixed rate."""
    x, seen = x0.clone(), []
    for count in range(steps + 1):
        leaf = x.clone().requires_grad_()
        value = fn(leaf)
        (slope,) = torch.autograd.grad(value, leaf, allow_unused=True, materialize_grads=True)
        if not math.isfinite(float(value.detach())):
            return Path(
                "gradient descent", tuple(seen), f"Left the numbers after {count} steps: the rate is too large."
            )
        seen.append(Step(x, float(value.detach()), float(slope.abs().max()), 0.0, rate, count + 1))
        x = x - rate * slope
    return Path("gradient descent", tuple(seen), f"Stopped after {steps} steps of rate {rate:g}.")


def walks(fn: Callable[[Tensor], Tensor], x0: Tensor, constraints: Sequence[Constraint], rate: float) -> list[Path]:
    """L-BFGS, gradient descent, and under constraints the penalty method, from one start.

    Gradient descent knows no constraints and walks as if there were none.
    """
    options = Options(trace=True, max_evaluations=500)
    found = minimize(fn, x0, constraints=constraints, options=options)
    name = "augmented Lagrangian" if constraints else "L-BFGS"
    paths = [Path(name, found.trace, f"{found.message} {found.evaluations} evaluations.")]
    paths.append(gradient_descent(fn, x0, rate))
    if constraints:
        penalised = penalty_method(fn, x0, constraints)
        last = penalised.rounds[-1]
        ended = "The penalty became zero" if penalised.ended else "The penalty never became exactly zero; stopped"
        note = (
            f"{ended} after {len(penalised.rounds) - 1} rounds, weight {last.penalty:,.0f}, "
            f"{last.evaluations} evaluations."
        )
        paths.append(Path("penalty method", penalised.rounds, note))
    return paths
