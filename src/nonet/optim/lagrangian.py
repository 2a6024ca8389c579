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
from nonet.optim.kkt import Judged, as_near_as_can_be, judge, size_of_terms
from nonet.optim.linesearch import Point
from nonet.optim.result import Status, Step
from nonet.optim.scaled import Parts, Scaled
from nonet.optim.structured import Structured

__all__ = ["AugmentedLagrangian", "Outcome"]

FIRST_PENALTY = 10.0
PENALTY_GROWTH = 10.0
LARGEST_PENALTY = 1e10
ENOUGH_PROGRESS = 0.03  # the share of the gap that new multipliers may leave; a larger rest raises the penalty
MOST_ROUNDS = 60
REACH = 10.0  # longest move in one step: a penalty that is still weak must not throw x out of the region of interest
SURELY_VIOLATED = 1e-4  # scaled; below it a violation may be what rounding leaves, and nothing is called infeasible
STRONG_PENALTY = 1e4  # a weaker one has not yet tried hard to meet the constraints
ASTRAY = 10.0  # a violation of so many times the first means that f runs off outside the feasible set
INNER_SHARE = 0.1  # of the gap: a descent more exact than its multipliers is wasted


@dataclass(frozen=True)
class Outcome:
    """Where the search under constraints ended, in the user's units.

    Attributes:
        status: why it ended.
        x: the best point.
        value: of the function there.
        gradient: of the function there.
        multipliers: one for each row of the constraints; 0 where it is not in force.
        lagrangian_gradient: of the function, plus the constraints' gradients by their multipliers.
        violation: the largest by which a constraint is missed.
        kkt_residual: how far the point is from the first-order conditions, relative to their terms.
        evaluations: of function and constraints together.
        iterations: steps of all descents.
        trace: those steps.
        detail: what else there is to say of the end.
    """

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
    """One solve: holds the multipliers, the penalty and the point where it is."""

    def __init__(
        self,
        objective: Callable[[Tensor], Point],
        stacked: Stacked,
        box: Box,
        start: Float[Tensor, "n"],
        options: Options,
        watch: Callable[[Step], object] | None = None,
    ) -> None:
        self.problem = Scaled(objective, stacked, start)
        self.box, self.options, self.watch = box, options, watch
        self.eps = torch.finfo(start.dtype).eps
        self.multipliers = torch.zeros_like(stacked.lower)
        self.penalty = FIRST_PENALTY
        self.point = self._combine(start, self.problem.first)
        self._far = ASTRAY * max(1.0, self.problem.violation(self.problem.first))
        self.curvature: Curvature
        if options.history is None and len(start) <= options.dense_limit:
            self.curvature = Structured(start, 1 / options.first_length)
        else:
            self.curvature = LimitedMemory(start, options.history or 10)

    def solve(self) -> Outcome:
        """Rounds of descent and new multipliers until the conditions hold, or cannot."""
        status, iterations, trace, last = Status.RUNNING, 0, [], math.inf
        visited: list[Point] = []
        if not self.problem.first.finite:
            return self._outcome(Status.NONFINITE_START, 0, [])
        for _ in range(MOST_ROUNDS):
            begin = self.point
            visited.append(begin)
            status, descent = self._round(told=len(visited) > 1)
            iterations += descent.iterations
            trace += descent.trace
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
        if status in {Status.STALLED, Status.INFEASIBLE} and self._is_noisy():
            status = Status.NOISY
        if not status.success:
            self._step_back(visited)
        return self._outcome(status, iterations, trace)

    def _step_back(self, visited: list[Point]) -> None:
        """An early end must not leave a point that is worse, in value and in violation, than one already met."""
        for point in visited:
            here, there = self.problem.violation(self.point.detail), self.problem.violation(point.detail)
            lower = not self.point.detail.value <= point.detail.value
            if (lower and not here < there) or not self.point.detail.finite:
                self.point = point

    def _is_noisy(self) -> bool:
        """Whether function and constraints are others when asked again at the same point."""
        known, again = (
            torch.cat([parts.rows, parts.rows.new_tensor([parts.value])])
            for parts in (self.point.detail, self.problem.measure(self.point.x))
        )
        return bool(((known - again).abs() > 100 * self.eps * torch.maximum(known.abs(), again.abs())).any())

    @property
    def tolerance(self) -> float:
        """Largest scaled violation that counts as met."""
        given = self.options.constraint_tolerance
        return 0.1 * self.eps**0.5 if given is None else given

    def _round(self, told: bool) -> tuple[Status, Descent]:
        """Descends on the augmented Lagrangian until its slope is small against the violation that is left."""
        self.point = self._combine(self.point.x, self.point.detail)
        self._focus(self.point)
        options = dataclasses.replace(
            self.options,
            gradient_tolerance=self.eps,
            value_tolerance=0.0,
            first_step=self.options.first_length,
            curvature=max(self.options.curvature, 0.9),
            max_evaluations=max(self.options.max_evaluations - self.problem.evaluations, 1),
        )
        descent = Descent(
            self._evaluate, self.point, self.box, self.curvature, options, self._change, self.watch,
            self._describe, told, reach=REACH, evaluations=0,
        )  # fmt: skip
        while True:
            aim = max(INNER_SHARE * min(self._gap(self.point.detail), 1.0), self._tight() / 2)
            if self._slope(self.point) <= aim or self.problem.evaluations >= self.options.max_evaluations:
                spent = self.problem.evaluations >= self.options.max_evaluations
                return (Status.BUDGET if spent else Status.CONVERGED), descent
            status = descent.step()
            self.point = descent.point
            if self.problem.violation(self.point.detail) > self._far:
                return Status.UNBOUNDED, descent
            if status is not Status.RUNNING:
                return status, descent

    def judge(self) -> Judged:
        """The first-order conditions at the current point with the current multipliers."""
        return judge(self.problem, self.box, self.point.x, self.point.detail, self.multipliers)

    def _tight(self) -> float:
        given = self.options.gradient_tolerance
        return self.eps**0.5 if given is None else given

    def _good(self, judged: Judged, slack: float) -> bool:
        return judged.within(slack * self._tight(), slack * self.tolerance)

    def _cannot_be_met(self, judged: Judged) -> bool:
        if judged.violation <= SURELY_VIOLATED or self.penalty < STRONG_PENALTY:
            return False
        nearest = as_near_as_can_be(self.problem, self.box, self.point.x, self.point.detail)
        return nearest or self.penalty >= LARGEST_PENALTY

    def _slope(self, point: Point) -> float:
        parts: Parts = point.detail
        size = size_of_terms(parts, self._next_multipliers(parts))
        slope = self.box.projected_gradient(point.x, point.gradient, size)
        return float(slope.abs().max()) / size

    def _shift(self, parts: Parts) -> Float[Tensor, "m"]:
        """Distance from the best slack, multipliers included."""
        wanted = parts.rows + self.multipliers / self.penalty
        return wanted - torch.minimum(torch.maximum(wanted, self.problem.low), self.problem.high)

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
        return self._combine(x, self.problem.measure(x))

    def _combine(self, x: Float[Tensor, "n"], parts: Parts) -> Point:
        shift = self._shift(parts)
        settled = (self.multipliers / self.penalty).square().sum()
        value = parts.value + float(self.penalty / 2 * (shift.square().sum() - settled))
        return Point(x, value, parts.gradient + parts.jacobian.T @ (self.penalty * shift), parts)

    def _describe(self, point: Point, step: Step) -> Step:
        """A step in the user's terms: the function itself, and by how much the constraints are broken."""
        parts: Parts = point.detail
        return dataclasses.replace(
            step,
            value=parts.value / self.problem.f_scale,
            gradient_norm=step.gradient_norm / self.problem.f_scale,
            violation=float(self.problem.unscaled_excess(parts).abs().max()),
            evaluations=self.problem.evaluations,
            penalty=self.penalty,
        )

    def _outcome(self, status: Status, iterations: int, trace: list[Step]) -> Outcome:
        parts: Parts = self.point.detail
        excess = self.problem.unscaled_excess(parts).abs()
        f_scale = self.problem.f_scale
        detail = ""
        if status is Status.INFEASIBLE:
            worst = int(excess.argmax())
            detail = f"{self.problem.stacked.name(worst)} is off by {float(excess[worst]):.3g} and can come no nearer."
        pull = parts.gradient + parts.jacobian.T @ self.multipliers
        return Outcome(
            status=status,
            x=self.point.x,
            value=parts.value / f_scale,
            gradient=parts.gradient / f_scale,
            multipliers=self.multipliers * self.problem.c_scale / f_scale,
            lagrangian_gradient=pull / f_scale,
            violation=float(excess.max()),
            kkt_residual=self.judge().residual,
            evaluations=self.problem.evaluations,
            iterations=iterations,
            trace=tuple(trace),
            detail=detail,
        )
