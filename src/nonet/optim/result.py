"""What a solve returns: a status that says why it ended, the best point, and what is known about that point."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import torch
from torch import Tensor

__all__ = ["Result", "Status", "Step"]


class Status(Enum):
    """Why a solve ended; the value is a sentence for people."""

    CONVERGED = "Converged: the first-order conditions hold to the tolerances."
    PRECISION = "Converged to the precision of the numbers: rounding hides any lower value."
    STALLED = "Stopped without convergence: no step along the search direction lowers the function."
    WRONG_GRADIENT = "Stopped: the gradient does not agree with the function. `check_grad` shows where."
    NOISY = "Stopped: the function gave two different values at the same point, so it cannot be searched."
    DISCONTINUOUS = "Stopped at a jump or a kink: the function is not smooth at the best point found."
    UNBOUNDED = "Stopped: the function falls without bound."
    INFEASIBLE = "No feasible point was found: the constraints cannot be met near the point returned."
    BUDGET = "Stopped at the budget of evaluations or iterations."
    NONFINITE_START = "The function or its gradient is not finite at the starting point."
    INTERRUPTED = "Stopped by the callback."
    RUNNING = "Not finished yet."

    @property
    def success(self) -> bool:
        """Whether the point satisfies the conditions of a minimum."""
        return self in {Status.CONVERGED, Status.PRECISION}


@dataclass(frozen=True)
class Step:
    """One accepted step, for a trace or a plot.

    Attributes:
        x: the point, flat.
        value: the function there.
        gradient_norm: largest component of the projected gradient (of the Lagrangian, under constraints).
        violation: largest violation of a constraint; 0 without constraints.
        step: length of the step along the search direction, 1 being the full quasi-Newton step.
        evaluations: evaluations of the function so far.
        penalty: penalty weight in force; 0 without constraints.
    """

    x: Tensor
    value: float
    gradient_norm: float
    violation: float
    step: float
    evaluations: int
    penalty: float = 0.0


@dataclass(frozen=True)
class Result:
    """What a solve found.

    Attributes:
        status: why it ended.
        x: the best point, in the shape of the starting point.
        value: the function there.
        gradient: its gradient there, in the shape of ``x``.
        evaluations: evaluations of the function with its gradient (and of the constraints with theirs).
        iterations: accepted steps.
        gradient_norm: largest component of the projected gradient; of the Lagrangian under constraints.
        violation: largest amount by which a constraint is broken; 0 without constraints.
        kkt_residual: the largest of stationarity, violation and complementarity, each relative to its scale;
            a point with 0 satisfies the conditions of Karush, Kuhn and Tucker exactly.
        multipliers: one tensor a constraint, in the shape of its value. The Lagrangian is
            ``f + sum(multiplier * constraint)``: positive where an upper end holds, negative where a lower end does.
        bound_multipliers: the gradient of the Lagrangian at variables held by a bound, zero elsewhere.
        trace: the accepted steps, the starting point first; empty unless asked for.
        detail: what more is known about the end, such as which constraint cannot be met.
    """

    status: Status
    x: Tensor
    value: float
    gradient: Tensor
    evaluations: int
    iterations: int
    gradient_norm: float
    violation: float = 0.0
    kkt_residual: float = 0.0
    multipliers: tuple[Tensor, ...] = ()
    bound_multipliers: Tensor = field(default_factory=lambda: torch.zeros(0))
    trace: tuple[Step, ...] = ()
    detail: str = ""

    @property
    def success(self) -> bool:
        """Whether the solve converged."""
        return self.status.success

    @property
    def message(self) -> str:
        """Why it ended, in words."""
        return f"{self.status.value} {self.detail}".strip()

    def __str__(self) -> str:
        return (
            f"{self.message}\n  value {self.value:.10g}, projected gradient {self.gradient_norm:.2e}, "
            f"violation {self.violation:.2e}, {self.evaluations} evaluations, {self.iterations} iterations"
        )
