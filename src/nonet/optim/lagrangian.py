"""Equality and inequality constraints by an augmented Lagrangian on the box-constrained core.

After Powell, Hestenes and Rockafellar; the order of multipliers, penalty and tolerances after A. R. Conn,
N. I. M. Gould, Ph. L. Toint, SIAM J. Numer. Anal. 28 (1991). A range ``l <= c(x) <= u`` enters by its best slack,
``clamp(c + multiplier / penalty, l, u)``, so that equalities and inequalities are one formula.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nonet.optim.box import Box
from nonet.optim.config import Options
from nonet.optim.constraints import Stacked
from nonet.optim.curvature import Curvature, LimitedMemory
from nonet.optim.descent import Descent
from nonet.optim.linesearch import Point
from nonet.optim.result import Status, Step
from nonet.optim.structured import Structured

__all__ = ["AugmentedLagrangian", "Outcome"]

FIRST_PENALTY = 10.0
PENALTY_GROWTH = 10.0
LARGEST_PENALTY = 1e10
ENOUGH_PROGRESS = 0.03
MOST_ROUNDS = 60
REACH = 10.0
SURELY_VIOLATED = 1e-4
ASTRAY = 10.0
INNER_SHARE = 0.1
UNSCALED_ALLOWANCE = 640.0  # in its own units a constraint may be off by so many tolerances: 1e-6 in float64


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


@dataclass(frozen=True)
class Judged:
    """How far a point is from satisfying the conditions of Karush, Kuhn and Tucker (relative, scaled).

    Attributes:
        stationarity: projected gradient of the Lagrangian against the sizes of its terms.
        violation: largest scaled excess of a constraint.
        complementarity: largest multiplier times distance to its end.
    """

    stationarity: float
    violation: float
    complementarity: float


@dataclass(frozen=True)
class Outcome:
    """Where the search under constraints ended, in the user's units."""

    status: Status
    x: Float[Tensor, "n"]
    value: float
    gradient: Float[Tensor, "n"]
    multipliers: Float[Tensor, "m"]
    lagrangian_gradient: Float[Tensor, "n"]
    violation: float
    kkt_residual: float
    evaluations: int
    iterations: int
    trace: tuple[Step, ...]
    detail: str


class AugmentedLagrangian:
    """One solve: holds the multipliers and the penalty, and scales the problem by its gradients at the start."""

    def __init__(
        self,
        objective: Callable[[Tensor], Point],
        stacked: Stacked,
        box: Box,
        start: Float[Tensor, "n"],
        options: Options,
        watch: Callable[[Step], object] | None = None,
    ) -> None:
        self.objective, self.stacked, self.box, self.options, self.watch = objective, stacked, box, options, watch
        self.f_scale, self.c_scale, self.evaluations = 1.0, torch.ones_like(stacked.lower), 0
        self.eps = torch.finfo(start.dtype).eps
        raw = self._measure(start)
        steep = float(raw.gradient.abs().max())
        self.f_scale = 1 / steep if steep > 0 and math.isfinite(steep) else 1.0
        largest = raw.jacobian.abs().amax(1)
        self.c_scale = 1 / torch.where(largest.isfinite(), largest, 1.0).clamp(min=1.0)
        self.low, self.high = stacked.lower * self.c_scale, stacked.upper * self.c_scale
        self.multipliers = torch.zeros_like(self.low)
        self.penalty = FIRST_PENALTY
        scaled = Parts(
            raw.value * self.f_scale,
            raw.gradient * self.f_scale,
            raw.rows * self.c_scale,
            raw.jacobian * self.c_scale[:, None],
        )
        self.point = self._combine(start, scaled)
        self._far = ASTRAY * max(1.0, self._violation(scaled))
        self.curvature: Curvature
        if options.history is None and len(start) <= options.dense_limit:
            self.curvature = Structured(start, 1 / options.first_length)
        else:
            self.curvature = LimitedMemory(start, options.history or 10)

    def solve(self) -> Outcome:
        """Rounds of descent and new multipliers until the conditions hold, or cannot."""
        status, iterations, trace, last = Status.RUNNING, 0, [], math.inf
        if not (self.point.finite and bool(self.point.detail.jacobian.isfinite().all())):
            return self._outcome(Status.NONFINITE_START, 0, [])
        for _ in range(MOST_ROUNDS):
            begin = self.point
            status, descent = self._round()
            iterations += descent.iterations
            trace += [dataclasses.replace(s, penalty=self.penalty) for s in descent.trace]
            if status is Status.UNBOUNDED and self.penalty < LARGEST_PENALTY:
                self.penalty *= PENALTY_GROWTH  # too weak a penalty lets f run off outside the feasible set
                self.point = begin
                continue
            if status in {Status.INTERRUPTED, Status.UNBOUNDED}:
                break
            gap = self._gap(self.point.detail)
            self.multipliers = self._next_multipliers(self.point.detail)
            judged = self.judge()
            if self._good(judged, 1.0):
                status = Status.CONVERGED
                break
            if status is Status.BUDGET:
                break
            if self._cannot_be_met(judged):
                status = Status.INFEASIBLE
                break
            if status in {Status.STALLED, Status.PRECISION} and gap > 0.9 * last and self.penalty >= LARGEST_PENALTY:
                status = Status.PRECISION if self._good(judged, 10.0) else Status.STALLED
                break
            if gap > ENOUGH_PROGRESS * last and gap > self.tolerance:
                self.penalty = min(self.penalty * PENALTY_GROWTH, LARGEST_PENALTY)
            last = gap
        else:
            status = Status.PRECISION if self._good(self.judge(), 10.0) else Status.STALLED
        return self._outcome(status, iterations, trace)

    @property
    def tolerance(self) -> float:
        """Largest scaled violation that counts as met."""
        given = self.options.constraint_tolerance
        return 0.1 * self.eps**0.5 if given is None else given

    def _round(self) -> tuple[Status, Descent]:
        """Descends on the augmented Lagrangian until its slope is small against the violation that is left."""
        self.point = self._combine(self.point.x, self.point.detail)
        self._focus(self.point)
        options = dataclasses.replace(
            self.options,
            gradient_tolerance=self.eps,
            value_tolerance=0.0,
            curvature=max(self.options.curvature, 0.9),
            max_evaluations=max(self.options.max_evaluations - self.evaluations, 1),
        )
        descent = Descent(
            self._evaluate, self.point, self.box, self.curvature, options, self._change, self.watch,
            evaluations=0, reach=REACH,
        )  # fmt: skip
        while True:
            aim = max(INNER_SHARE * min(self._gap(self.point.detail), 1.0), self._tight() / 2)
            if self._slope(self.point) <= aim or self.evaluations >= self.options.max_evaluations:
                spent = self.evaluations >= self.options.max_evaluations
                return (Status.BUDGET if spent else Status.CONVERGED), descent
            status = descent.step()
            self.point = descent.point
            if self._violation(self.point.detail) > self._far:
                return Status.UNBOUNDED, descent
            if status is not Status.RUNNING:
                return status, descent

    def judge(self) -> Judged:
        """The first-order conditions at the current point with the current multipliers."""
        parts: Parts = self.point.detail
        force = parts.jacobian.T @ self.multipliers
        size = self._size(parts, self.multipliers)
        slope = self.box.projected_gradient(self.point.x, parts.gradient + force, size)
        room = torch.where(self.multipliers > 0, self.high - parts.rows, parts.rows - self.low)
        idle = torch.where(self.multipliers == 0, 0.0, (self.multipliers * room).abs())
        # constraints with large numbers look met when scaled; in their own units they must be met as well
        unscaled = float((self._excess(parts).abs() / self.c_scale).max())
        violation = max(self._violation(parts), unscaled / UNSCALED_ALLOWANCE)
        return Judged(float(slope.abs().max()) / size, violation, float(idle.max()) / size)

    def _size(self, parts: Parts, multipliers: Float[Tensor, "m"]) -> float:
        """Size of the terms that cancel in a stationary point.

        Capped, so that multipliers that grow without bound (dependent constraints) make nothing look small.
        """
        steep = float(parts.gradient.abs().max())
        force = float((parts.jacobian.T * multipliers).abs().max())
        return max(steep + min(force, 100 * steep), self.eps)

    def _excess(self, parts: Parts) -> Float[Tensor, "m"]:
        return parts.rows - torch.minimum(torch.maximum(parts.rows, self.low), self.high)

    def _violation(self, parts: Parts) -> float:
        return float(self._excess(parts).abs().max())

    def _tight(self) -> float:
        given = self.options.gradient_tolerance
        return self.eps**0.5 if given is None else given

    def _good(self, judged: Judged, slack: float) -> bool:
        return (
            judged.stationarity <= slack * self._tight()
            and judged.violation <= slack * self.tolerance
            and judged.complementarity <= slack * self.tolerance
        )

    def _cannot_be_met(self, judged: Judged) -> bool:
        """Whether the violation itself is at a minimum: no direction brings the constraints nearer."""
        if judged.violation <= SURELY_VIOLATED or self.penalty < 1e4:
            return False
        parts: Parts = self.point.detail
        excess = self._excess(parts)
        push = parts.jacobian.T @ excess
        size = float((parts.jacobian.T * excess).abs().max())
        slope = self.box.projected_gradient(self.point.x, push, max(size, self.eps))
        return float(slope.abs().max()) <= 1e-3 * size or self.penalty >= LARGEST_PENALTY

    def _slope(self, point: Point) -> float:
        parts: Parts = point.detail
        size = self._size(parts, self._next_multipliers(parts))
        slope = self.box.projected_gradient(point.x, point.gradient, size)
        return float(slope.abs().max()) / size

    def _shift(self, parts: Parts) -> Float[Tensor, "m"]:
        """Distance from the best slack, multipliers included."""
        wanted = parts.rows + self.multipliers / self.penalty
        return wanted - torch.minimum(torch.maximum(wanted, self.low), self.high)

    def _next_multipliers(self, parts: Parts) -> Float[Tensor, "m"]:
        return self.penalty * self._shift(parts)

    def _gap(self, parts: Parts) -> float:
        """Violation and complementarity in one number."""
        return float((self._shift(parts) - self.multipliers / self.penalty).abs().max())

    def _in_force(self, parts: Parts) -> Bool[Tensor, "m"]:
        return self._shift(parts) != 0

    def _focus(self, point: Point) -> None:
        if isinstance(self.curvature, Structured):
            parts: Parts = point.detail
            self.curvature.focus(parts.jacobian[self._in_force(parts)], self.penalty)

    def _change(self, old: Point, new: Point) -> Tensor:
        if not isinstance(self.curvature, Structured):
            return new.gradient - old.gradient
        self._focus(new)
        a, b = old.detail, new.detail
        weights = self._next_multipliers(b)
        return b.gradient - a.gradient + (b.jacobian - a.jacobian).T @ weights

    def _evaluate(self, x: Float[Tensor, "n"]) -> Point:
        return self._combine(x, self._measure(x))

    def _combine(self, x: Float[Tensor, "n"], parts: Parts) -> Point:
        shift = self._shift(parts)
        settled = (self.multipliers / self.penalty).square().sum()
        value = parts.value + float(self.penalty / 2 * (shift.square().sum() - settled))
        return Point(x, value, parts.gradient + parts.jacobian.T @ (self.penalty * shift), parts)

    def _measure(self, x: Float[Tensor, "n"]) -> Parts:
        self.evaluations += 1
        f = self.objective(x)
        leaf = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            rows = self.stacked(leaf)
            slopes = [
                torch.autograd.grad(row, leaf, retain_graph=True, allow_unused=True)[0] if row.requires_grad else None
                for row in rows
            ]
        jacobian = torch.stack([torch.zeros_like(x) if s is None else s for s in slopes])
        return Parts(
            f.value * self.f_scale,
            f.gradient * self.f_scale,
            rows.detach() * self.c_scale,
            jacobian * self.c_scale[:, None],
        )

    def _outcome(self, status: Status, iterations: int, trace: list[Step]) -> Outcome:
        parts: Parts = self.point.detail
        judged = self.judge()
        raw = parts.rows / self.c_scale
        excess = self.stacked.excess(raw).abs()
        detail = ""
        if status is Status.INFEASIBLE:
            worst = int(excess.argmax())
            detail = f"{self.stacked.name(worst)} is off by {float(excess[worst]):.3g} and can come no nearer."
        weights = self.multipliers * self.c_scale / self.f_scale
        pull = parts.gradient + parts.jacobian.T @ self.multipliers
        return Outcome(
            status=status,
            x=self.point.x,
            value=parts.value / self.f_scale,
            gradient=parts.gradient / self.f_scale,
            multipliers=weights,
            lagrangian_gradient=pull / self.f_scale,
            violation=float(excess.max()),
            kkt_residual=max(judged.stationarity, judged.violation, judged.complementarity),
            evaluations=self.evaluations,
            iterations=iterations,
            trace=tuple(
                dataclasses.replace(s, value=s.value / self.f_scale, gradient_norm=s.gradient_norm / self.f_scale)
                for s in trace
            ),
            detail=detail,
        )
