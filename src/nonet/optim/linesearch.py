"""A line search for the strong Wolfe conditions that survives NaN, infinities and rounding.

Bracketing and sectioning after Nocedal and Wright, "Numerical Optimization" (2006), algorithms 3.5 and 3.6; the
approximate Wolfe condition, for where rounding hides the decrease, after Hager and Zhang (SIAM J. Optim. 16, 2005).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from nonet.optim.config import Options

__all__ = ["Found", "Point", "search"]

SHRINK_FROM_UNDEFINED = 0.25
LONGEST_JUMP = 10.0


@dataclass(frozen=True)
class Point:
    """The function at one place.

    Attributes:
        x: the place, flat.
        value: the function's value.
        gradient: its gradient.
        detail: what else the evaluation found, such as the constraints and their Jacobian.
    """

    x: Float[Tensor, "n"]
    value: float
    gradient: Float[Tensor, "n"]
    detail: Any = None

    @property
    def finite(self) -> bool:
        """Whether value and gradient are numbers that can be compared."""
        return math.isfinite(self.value) and bool(self.gradient.isfinite().all())


@dataclass(frozen=True)
class Found:
    """Where a line search ended.

    Attributes:
        point: the accepted point, or None when no step was acceptable.
        step: its distance along the direction.
        evaluations: evaluations spent.
        lowest: the lowest point met, accepted or not.
    """

    point: Point | None
    step: float
    evaluations: int
    lowest: Point


@dataclass(frozen=True)
class _Trial:
    step: float
    value: float
    slope: float
    point: Point


def search(
    evaluate: Callable[[float], Point],
    start: Point,
    direction: Float[Tensor, "n"],
    first: float,
    longest: float,
    options: Options,
    eps: float,
    budget: int,
) -> Found:
    """Looks for a step that lowers the function enough and flattens its slope enough.

    Args:
        evaluate: the function at a step along the direction.
        start: the point at step 0.
        direction: a direction of descent.
        first: the first step to try.
        longest: the longest step allowed (a bound is reached there).
        options: the two Wolfe constants.
        eps: precision of the numbers.
        budget: evaluations allowed.

    Returns:
        The step found; its point is None if the function could not be lowered.
    """
    slope = float(start.gradient @ direction)
    origin = _Trial(0.0, start.value, slope, start)
    noise = 10 * eps * abs(start.value)
    low, high, previous = origin, None, origin
    step = min(first, longest)
    for count in range(1, min(budget, 40) + 1):
        point = evaluate(step)
        finite = point.finite
        trial = _Trial(step, point.value, float(point.gradient @ direction) if finite else math.nan, point)
        enough = finite and trial.value <= origin.value + options.sufficient_decrease * step * slope
        if finite and not enough and trial.value <= origin.value + noise:
            # the decrease drowns in rounding: judge by the slopes alone
            enough = (2 * options.sufficient_decrease - 1) * slope >= trial.slope
        flat = finite and abs(trial.slope) <= -options.curvature * slope
        if enough and flat:
            return Found(point, step, count, point)
        if not finite or not enough or (low is not origin and trial.value > low.value):
            high = trial
        else:
            if trial.slope < 0 and step >= longest:
                return Found(point, step, count, point)
            previous = low
            if trial.slope * ((high.step if high else math.inf) - trial.step) >= 0:
                high = low
            low = trial
        if high is not None and _nothing_left(low, high, origin, eps):
            break
        step = _extend(previous, low, longest) if high is None else _section(low, high)
    accepted = low if low is not origin else None
    return Found(accepted.point if accepted else None, low.step, count, low.point)


def _nothing_left(low: _Trial, high: _Trial, origin: _Trial, eps: float) -> bool:
    """Whether the bracket holds no lower value that the numbers could show."""
    width = abs(high.step - low.step)
    if width <= 4 * eps * max(high.step, low.step):
        return True
    return math.isfinite(high.value) and width * abs(low.slope) <= eps * abs(origin.value) / 4


def _extend(previous: _Trial, low: _Trial, longest: float) -> float:
    """A longer step: where the cubic through the last two trials turns, within limits."""
    reach = low.step - previous.step
    guess = _cubic(previous, low)
    lower, upper = low.step + reach, low.step + LONGEST_JUMP * reach
    if guess is None or guess <= low.step:
        guess = upper if low.slope <= previous.slope else low.step + 4 * reach
    return min(max(guess, lower), upper, longest)


def _section(low: _Trial, high: _Trial) -> float:
    """A step between the two ends of the bracket."""
    if not (math.isfinite(high.value) and math.isfinite(high.slope)):
        return low.step + SHRINK_FROM_UNDEFINED * (high.step - low.step)
    guess = _cubic(low, high)
    left, right = sorted((low.step, high.step))
    margin = 0.1 * (right - left)
    if low.step == 0:  # far too long a first step: let the interpolation jump down
        left, margin = 0.0, 1e-3 * right
    if guess is None or not math.isfinite(guess):
        return (left + right) / 2
    return min(max(guess, left + margin), right - margin)


def _cubic(a: _Trial, b: _Trial) -> float | None:
    """Minimiser of the cubic with the values and slopes of two trials, if it has one."""
    width = b.step - a.step
    if width == 0:
        return None
    bend = a.slope + b.slope - 3 * (b.value - a.value) / width
    scale = max(abs(bend), abs(a.slope), abs(b.slope))
    if scale == 0 or not math.isfinite(scale):
        return None
    square = (bend / scale) ** 2 - (a.slope / scale) * (b.slope / scale)
    if square < 0:
        return None
    root = math.copysign(scale * math.sqrt(square), width)
    below = b.slope - a.slope + 2 * root
    if below == 0:
        return None
    return b.step - width * (b.slope + root - bend) / below
