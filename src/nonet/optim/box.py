"""Bounds on the variables: projection, the generalised Cauchy point and the subspace step of L-BFGS-B.

After R. H. Byrd, P. Lu, J. Nocedal, C. Zhu, SIAM J. Sci. Comput. 16 (1995), sections 4 and 5, with the subspace step
of J. L. Morales and J. Nocedal, ACM TOMS 38 (2011). The path of the Cauchy point is searched without a loop over
break points: slopes on all its pieces come from cumulative sums.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nonet.optim.curvature import Curvature

__all__ = ["Box"]

Vector = Float[Tensor, "n"]


@dataclass(frozen=True)
class Box:
    """Lower and upper bounds; infinite where there is none, equal where a variable is fixed.

    Attributes:
        lower: one number a variable.
        upper: one number a variable, nowhere below ``lower``.
    """

    lower: Vector
    upper: Vector

    @property
    def bounded(self) -> bool:
        """Whether any bound is finite."""
        return bool((self.lower.isfinite() | self.upper.isfinite()).any())

    def project(self, x: Vector) -> Vector:
        """The nearest point of the box."""
        return torch.minimum(torch.maximum(x, self.lower), self.upper)

    def corner(self, x: Vector, gradient: Vector) -> Vector:
        """Where an endless step against the gradient ends, projected; infinite where no bound is in the way."""
        return torch.where(gradient > 0, self.lower, torch.where(gradient < 0, self.upper, x))

    def projected_gradient(self, x: Vector, gradient: Vector, scale: float) -> Vector:
        """How far a gradient step leads inside the box, in units of the gradient.

        Args:
            x: a point of the box.
            gradient: the gradient there.
            scale: size of a typical gradient; measures a distance to a bound against a slope, whatever the scale of f.
        """
        if scale == 0:
            return torch.zeros_like(x)
        return (x - self.project(x - gradient / scale)) * scale

    def longest(self, x: Vector, direction: Vector) -> float:
        """The step along ``direction`` at which the first bound is met."""
        room = torch.where(direction > 0, self.upper - x, self.lower - x)
        steps = torch.where(direction != 0, room / direction, math.inf)
        return float(steps.min().clamp(min=0)) if len(x) else math.inf

    def step(self, x: Vector, gradient: Vector, curvature: Curvature) -> Vector:
        """The quasi-Newton step inside the box: to the Cauchy point, then on over the variables still free."""
        cauchy, free = self.cauchy_point(x, gradient, curvature)
        if not bool(free.any()):
            return cauchy - x
        slope = gradient + curvature.times(cauchy - x)
        onward = cauchy.clone()
        onward[free] -= curvature.solve_free(slope[free], free)
        target = self.project(onward)
        if float((target - x) @ gradient) < 0:
            return target - x
        move = onward - cauchy  # projecting turned uphill: shorten the step instead
        return cauchy + move * min(1.0, self.longest(cauchy, move)) - x

    def cauchy_point(self, x: Vector, gradient: Vector, curvature: Curvature) -> tuple[Vector, Bool[Tensor, "n"]]:
        """The first minimum of the quadratic model along the projected gradient path.

        Returns:
            The point, and which variables are not held by a bound there.
        """
        edge = torch.where(gradient < 0, self.upper, self.lower)
        times = torch.where(gradient != 0, (x - edge) / gradient, math.inf).clamp(min=0)
        moving = times > 0
        theta, w, m = curvature.compact()
        breaks, order = times.sort()
        g, w = gradient[order], w[order]
        zero = breaks.new_zeros(1)
        # on piece k the k first variables of the order stand at their bounds; pieces 0 to n
        still = torch.where(breaks > 0, g, 0)
        squares = torch.cat([still.square().flip(0).cumsum(0).flip(0), zero])
        pushes = torch.cat([-(w * still[:, None]).flip(0).cumsum(0).flip(0), w.new_zeros(1, w.shape[1])])
        travelled = torch.where(breaks.isfinite(), breaks * still, 0)[:, None] * w
        offsets = torch.cat([w.new_zeros(1, w.shape[1]), -travelled.cumsum(0)])
        bend = theta * squares - ((pushes @ m) * pushes).sum(1)
        pull = squares + ((pushes @ m) * offsets).sum(1)
        begins, ends = torch.cat([zero, breaks]), torch.cat([breaks, zero + math.inf])
        lowest = torch.where((bend > 0) & (squares > 0), pull / bend, torch.where(pull > 0, math.inf, 0.0))
        lowest = torch.where(squares > 0, lowest, begins)
        stop = (lowest < ends).nonzero()[:, 0]
        stop = stop[ends[stop] > begins[stop]]
        time = torch.maximum(lowest[stop[0]], begins[stop[0]]) if len(stop) else breaks[breaks.isfinite()].max()
        travel = torch.minimum(time, times)
        cauchy = torch.where(times <= time, edge, x - travel * gradient)
        cauchy = torch.where(moving & (gradient != 0), cauchy, x)
        free = (times > time) & (self.lower < self.upper)
        return self.project(cauchy), free
