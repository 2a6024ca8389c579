"""How far a point is from the conditions of Karush, Kuhn and Tucker: on scaled functions, relative to their terms."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nonet.optim.box import Box
from nonet.optim.scaled import Parts, Scaled

__all__ = ["Judged", "as_near_as_can_be", "judge", "size_of_terms"]

UNSCALED_ALLOWANCE = 640.0  # in its own units a constraint may be off by so many tolerances: 1e-6 in float64


@dataclass(frozen=True)
class Judged:
    """How far a point is from satisfying the conditions (relative, scaled).

    Attributes:
        stationarity: projected gradient of the Lagrangian against the sizes of its terms.
        violation: largest scaled excess of a constraint.
        complementarity: largest multiplier times distance to its end.
    """

    stationarity: float
    violation: float
    complementarity: float

    @property
    def residual(self) -> float:
        """The worst of the three."""
        return max(self.stationarity, self.violation, self.complementarity)

    def within(self, tight: float, met: float) -> bool:
        """Whether the slope is below one tolerance, and violation and complementarity below another."""
        return self.stationarity <= tight and self.violation <= met and self.complementarity <= met


def judge(problem: Scaled, box: Box, x: Float[Tensor, "n"], parts: Parts, multipliers: Float[Tensor, "m"]) -> Judged:
    """The first-order conditions at a point with given multipliers."""
    force = parts.jacobian.T @ multipliers
    size = size_of_terms(parts, multipliers)
    slope = box.projected_gradient(x, parts.gradient + force, size)
    room = torch.where(multipliers > 0, problem.high - parts.rows, parts.rows - problem.low)
    idle = torch.where(multipliers == 0, 0.0, (multipliers * room).abs())
    # constraints with large numbers look met when scaled; in their own units they must be met as well
    unscaled = float(problem.unscaled_excess(parts).abs().max())
    violation = max(problem.violation(parts), unscaled / UNSCALED_ALLOWANCE)
    return Judged(float(slope.abs().max()) / size, violation, float(idle.max()) / size)


def size_of_terms(parts: Parts, multipliers: Float[Tensor, "m"]) -> float:
    """Size of the terms that cancel in a stationary point.

    Capped, so that multipliers that grow without bound (dependent constraints) make nothing look small; and not below a
    share of the gradient at the start (which is 1), since at a minimum that no constraint holds there are no terms.
    """
    steep = float(parts.gradient.abs().max())
    force = float((parts.jacobian.T * multipliers).abs().max())
    return max(steep + min(force, 100 * steep), torch.finfo(parts.gradient.dtype).eps ** 0.25)


def as_near_as_can_be(problem: Scaled, box: Box, x: Float[Tensor, "n"], parts: Parts) -> bool:
    """Whether the violation itself is at a minimum: no direction brings the constraints nearer."""
    excess = problem.excess(parts)
    push = parts.jacobian.T @ excess
    size = float((parts.jacobian.T * excess).abs().max())
    slope = box.projected_gradient(x, push, max(size, torch.finfo(x.dtype).eps))
    return float(slope.abs().max()) <= 1e-3 * size
