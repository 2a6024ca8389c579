"""Function and constraints together, scaled by their gradients at the start, and how they are measured at a point."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nonet.optim.constraints import Stacked
from nonet.optim.linesearch import Point

__all__ = ["Parts", "Scaled"]


@dataclass(frozen=True)
class Parts:
    """Function and constraints at a point, scaled.

    Attributes:
        value: the function.
        gradient: its gradient.
        rows: values of the constraints.
        jacobian: their gradients, one a row.
    """

    value: float
    gradient: Float[Tensor, "n"]
    rows: Float[Tensor, "m"]
    jacobian: Float[Tensor, "m n"]

    @property
    def finite(self) -> bool:
        """Whether there is nothing that cannot be computed with."""
        gradients = bool(self.gradient.isfinite().all()) and bool(self.jacobian.isfinite().all())
        return gradients and math.isfinite(self.value) and bool(self.rows.isfinite().all())


class Scaled:
    """A problem whose largest gradients are of size one at the start; steep constraints only are scaled down.

    Attributes:
        stacked: the constraints as the user gave them.
        f_scale: what the function is multiplied with.
        c_scale: what each constraint is multiplied with.
        low: least values of the scaled constraints.
        high: greatest values.
        first: the scaled problem at the start.
        evaluations: how often it was measured.
    """

    def __init__(self, objective: Callable[[Tensor], Point], stacked: Stacked, start: Float[Tensor, "n"]) -> None:
        self._objective, self.stacked, self.evaluations = objective, stacked, 0
        self.f_scale, self.c_scale = 1.0, torch.ones_like(stacked.lower)
        raw = self.measure(start)
        steep = float(raw.gradient.abs().max())
        self.f_scale = 1 / steep if steep > 0 and math.isfinite(steep) else 1.0
        largest = raw.jacobian.abs().amax(1)
        self.c_scale = 1 / torch.where(largest.isfinite(), largest, 1.0).clamp(min=1.0)
        self.low, self.high = stacked.lower * self.c_scale, stacked.upper * self.c_scale
        self.first = self._scale(raw)

    def measure(self, x: Float[Tensor, "n"]) -> Parts:
        """Function, constraints and their gradients at a point."""
        self.evaluations += 1
        f = self._objective(x)
        leaf = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            rows = self.stacked(leaf)
            slopes = [
                torch.autograd.grad(row, leaf, retain_graph=True, allow_unused=True)[0] if row.requires_grad else None
                for row in rows
            ]
        jacobian = torch.stack([torch.zeros_like(x) if s is None else s for s in slopes])
        return self._scale(Parts(f.value, f.gradient, rows.detach(), jacobian))

    def _scale(self, parts: Parts) -> Parts:
        return Parts(
            parts.value * self.f_scale,
            parts.gradient * self.f_scale,
            parts.rows * self.c_scale,
            parts.jacobian * self.c_scale[:, None],
        )

    def excess(self, parts: Parts) -> Float[Tensor, "m"]:
        """By how much each scaled constraint lies above its range (positive) or below it (negative)."""
        return parts.rows - torch.minimum(torch.maximum(parts.rows, self.low), self.high)

    def violation(self, parts: Parts) -> float:
        """The largest scaled excess."""
        return float(self.excess(parts).abs().max())

    def unscaled_excess(self, parts: Parts) -> Float[Tensor, "m"]:
        """By how much each constraint is broken, in the user's units."""
        return self.stacked.excess(parts.rows / self.c_scale)
