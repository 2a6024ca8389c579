"""The core: quasi-Newton descent in a box, from one point to the next. Every face of the wing stands on it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from nonet.optim.box import Box
from nonet.optim.config import Options
from nonet.optim.curvature import Curvature
from nonet.optim.linesearch import Found, Point, search
from nonet.optim.result import Status, Step

__all__ = ["Descent"]

UNBOUNDED_FALL = 1e25
MOST_IDLE_STEPS = 3
LATEST = 10  # steps whose curvatures are remembered
FARTHEST_CORNER = 100.0  # in lengths of x (at least 1): bounds farther away are no statement about x


@dataclass
class Descent:
    """A search in progress: where it is, the best it has seen, what it has learnt.

    Attributes:
        evaluate: the function with its gradient at a flat point.
        point: where it is.
        box: the bounds.
        curvature: what is known of the second derivatives.
        options: tolerances and budgets.
        change: the pair (step, change of gradient) that the curvature learns from two points.
        watch: called with every accepted step; a true answer stops the search.
        describe: what to show of a step whose value is not the user's function alone.
        told: whether the starting point is the end of a former search, already shown.
        length: share of the full step that is tried first.
        reach: longest move in one step, in units of x (or of its length, if that is above one).
    """

    evaluate: Callable[[Float[Tensor, "n"]], Point]
    point: Point
    box: Box
    curvature: Curvature
    options: Options
    change: Callable[[Point, Point], Tensor] = lambda old, new: new.gradient - old.gradient
    watch: Callable[[Step], object] | None = None
    describe: Callable[[Point, Step], Step] = lambda point, step: step
    told: bool = False
    length: float = 1.0
    reach: float = math.inf
    evaluations: int = 1
    iterations: int = 0
    first_value: float = math.nan
    gradient_scale: float = 0.0
    idle: int = 0
    best: Point = field(init=False)
    trace: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.best = self.point
        self._flattest = float(self.point.gradient.norm())
        self._bent = self.curvature.known  # whether any upward curvature was ever met
        self._bends: deque[float] = deque(maxlen=LATEST)  # upward curvatures along the latest steps
        self.eps = torch.finfo(self.point.x.dtype).eps
        if math.isnan(self.first_value):
            self.first_value = self.point.value
        if not self.told:
            self._note(0.0)

    def run(self) -> Status:
        """Takes steps until something ends the search; says what."""
        while (status := self.step()) is Status.RUNNING:
            pass
        return status

    def step(self) -> Status:
        """Takes one step: direction, line search, learning. RUNNING while there is more to do."""
        if not self.point.finite:
            return Status.NONFINITE_START
        self.gradient_scale = max(self.gradient_scale, float(self.point.gradient.abs().max()))
        if self.gradient_norm() == 0:
            return Status.CONVERGED
        direction, slope = self._direction()
        if self._converged(slope):
            return Status.CONVERGED
        limit = self.options.max_iterations
        if self.evaluations >= self.options.max_evaluations or (limit is not None and self.iterations >= limit):
            return Status.BUDGET
        found = self._search(direction, slope)
        self.evaluations += found.evaluations
        if found.lowest.value == -math.inf:
            return Status.UNBOUNDED
        if found.point is None:
            return self._no_step(slope, found)
        self._learn(found.point)
        if self.idle >= MOST_IDLE_STEPS:
            return self._end(-slope)
        if self._note(found.step):
            return Status.INTERRUPTED
        return Status.UNBOUNDED if self._falls_forever() else Status.RUNNING

    def gradient_norm(self) -> float:
        """Largest component of the projected gradient."""
        shown = self.box.projected_gradient(self.point.x, self.point.gradient, self.gradient_scale)
        return float(shown.abs().max())

    def _direction(self) -> tuple[Tensor, float]:
        """The quasi-Newton direction and its slope; steepest descent where the curvature misleads."""
        x, gradient = self.point.x, self.point.gradient
        for _ in range(2):
            bounded = self.box.bounded
            if self.curvature.known:
                move = self.box.step(x, gradient, self.curvature) if bounded else -self.curvature.solve(gradient)
            else:
                move = self._first_move(x, gradient)
            slope = float(move @ gradient)
            if slope < 0 and math.isfinite(slope):
                break
            self.curvature.reset()
        return move, slope

    def _first_move(self, x: Tensor, gradient: Tensor) -> Tensor:
        """Where to look first, whatever the scale of f.

        Bounds say how far x may sensibly go. As long as nothing bends upwards the corner downhill is tried, if they
        have one: the line search comes back from it by interpolation, while a short step would have to be lengthened
        again and again.
        """
        if self.options.first_step is None and not self._bent:
            move = self.box.corner(x, gradient) - x
            if float(move.norm()) <= FARTHEST_CORNER * max(1.0, float(x.norm())):
                return move
        size = self.options.first_length / float(gradient.norm())
        return self.box.project(x - size * gradient) - x

    def _converged(self, slope: float) -> bool:
        tight = self.options.gradient_tolerance
        tight = self.eps**0.5 if tight is None else tight
        if self.gradient_norm() > tight * self.gradient_scale:
            return False
        still = self.options.value_tolerance
        still = self.eps**0.75 if still is None else still
        span = max(abs(self.point.value), self.eps**0.5 * (self.first_value - self.point.value))
        if not self.curvature.known:
            return True
        # the model may not know a valley's floor yet: what is left of the slope may lie along the flattest bend met
        beyond = self.gradient_norm() ** 2 / (2 * min(self._bends, default=math.inf))
        return -slope / 2 <= still * span and beyond <= still ** (2 / 3) * span

    def _search(self, direction: Tensor, slope: float) -> Found:
        x = self.point.x
        longest = math.inf
        if self.box.bounded:
            longest = max(1.0, self.box.longest(x, direction))
        if self.reach < math.inf:
            longest = min(longest, self.reach * max(1.0, float(x.norm())) / float(direction.norm()))

        def along(step: float) -> Point:
            return self.evaluate(self.box.project(x + step * direction))

        budget = self.options.max_evaluations - self.evaluations
        return search(along, self.point, direction, self.length, longest, self.options, self.eps, budget)

    def _learn(self, new: Point) -> None:
        move = new.x - self.point.x
        self._bent |= self.curvature.update(move, self.change(self.point, new))
        bend = float((new.gradient - self.point.gradient) @ move / (move @ move))
        if bend > 0:
            self._bends.append(bend)
        self.point = new
        self.iterations += 1
        flatter = float(new.gradient.norm()) < 0.9 * self._flattest
        lower = new.value < self.best.value - 4 * self.eps * abs(self.best.value)
        self.idle = 0 if flatter or lower else self.idle + 1
        self._flattest = min(self._flattest, float(new.gradient.norm()))
        if new.value <= self.best.value + 4 * self.eps * abs(self.best.value):
            self.best = new  # of points that rounding cannot tell apart, the later is the flatter

    def _no_step(self, slope: float, found: Found) -> Status:
        """What it means that no step was acceptable."""
        if self.evaluations >= self.options.max_evaluations:
            return Status.BUDGET
        if self.curvature.known and not self._hidden(-slope):
            self.curvature.reset()
            return Status.RUNNING
        return self._end(-slope)

    def _end(self, promised: float) -> Status:
        small = self.gradient_norm() <= self.eps ** (1 / 3) * self.gradient_scale
        return Status.PRECISION if small and self._hidden(promised) else Status.STALLED

    def _hidden(self, promised: float) -> bool:
        """Whether the decrease that the model promises drowns in the rounding of the value."""
        return promised <= 100 * self.eps * max(abs(self.point.value), self.eps * abs(self.first_value))

    def _falls_forever(self) -> bool:
        fallen = self.first_value - self.point.value
        return fallen > UNBOUNDED_FALL * (abs(self.first_value) + self.gradient_scale * self.eps)

    def _note(self, step: float) -> bool:
        if not self.options.trace and self.watch is None:
            return False
        scale = max(self.gradient_scale, float(self.point.gradient.abs().max()))
        shown = self.box.projected_gradient(self.point.x, self.point.gradient, scale)
        entry = Step(self.point.x, self.point.value, float(shown.abs().max()), 0.0, step, self.evaluations)
        entry = self.describe(self.point, entry)
        if self.options.trace:
            self.trace.append(entry)
        return bool(self.watch(entry)) if self.watch is not None else False
