"""Does the gradient belong to the function? Central differences, with a report that says where they part."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nonet.optim.linesearch import Point
from nonet.optim.objective import Objective, checked_start
from nonet.optim.result import Status

__all__ = ["GradientReport", "check_grad", "disagreement", "is_noisy"]


@dataclass(frozen=True)
class GradientReport:
    """What `check_grad` found.

    Attributes:
        ok: whether the gradient agrees with differences of the function.
        message: what is wrong and what it looks like, in words.
        gradient: the gradient given, in the shape of x.
        differences: central differences of the function.
        worst: index of the worst component, flat.
        error: largest difference, relative to the larger of the two gradients.
    """

    ok: bool
    message: str
    gradient: Tensor
    differences: Tensor
    worst: int
    error: float

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return self.message


def check_grad(
    fn: Callable[[Tensor], Tensor],
    x: Tensor,
    gradient: Callable[[Tensor], Tensor] | None = None,
    *,
    tolerance: float | None = None,
) -> GradientReport:
    """Compares the gradient of a function with central differences, component by component.

    Args:
        fn: takes a tensor and returns one number.
        x: where to compare; float64 makes the comparison sharp.
        gradient: the gradient to check; by default the one that autograd computes.
        tolerance: relative difference that passes; None is ``10 eps ** (2/3)`` (4e-10 in float64 at best, loosened
            where the function's own rounding is larger).

    Returns:
        A report that is true when the gradient is right.
    """
    start = checked_start(x)
    objective = Objective(fn, start.shape, gradient)
    flat = start.reshape(-1)
    point = objective(flat)
    if is_noisy(point, objective(flat)):
        return _report(
            False, "The function gives different values at the same point: fix its seed.", point, point.gradient, start
        )
    eps = torch.finfo(flat.dtype).eps
    differences = torch.empty_like(flat)
    for i in range(len(flat)):
        width = eps ** (1 / 3) * max(1.0, abs(float(flat[i])))
        differences[i] = _central(objective, flat, i, width)
    if not bool(differences.isfinite().all()) or not point.finite:
        return _report(False, "The function is not finite around this point.", point, differences, start)
    size = max(float(differences.abs().max()), float(point.gradient.abs().max()), eps)
    noise = 100 * eps ** (2 / 3) * max(abs(point.value), size, 1e-300) / size
    error = float((differences - point.gradient).abs().max()) / size
    limit = tolerance if tolerance is not None else max(10 * eps ** (2 / 3), noise) * 100
    if error <= limit:
        return _report(True, f"The gradient agrees with differences to {error:.1e}.", point, differences, start)
    return _report(False, _describe(point.gradient, differences, error), point, differences, start)


def _describe(given: Float[Tensor, "n"], seen: Float[Tensor, "n"], error: float) -> str:
    worst = int((given - seen).abs().argmax())
    text = (
        f"The gradient is wrong: component {worst} is {float(given[worst]):.6g}, differences say "
        f"{float(seen[worst]):.6g} (relative error {error:.1e})."
    )
    norm = float(seen @ seen)
    ratio = float(given @ seen) / norm if norm > 0 else math.nan
    if float(given.abs().max()) == 0:
        return text + " It is zero everywhere: is the function detached from x?"
    if float((given - ratio * seen).abs().max()) <= 1e-4 * float(seen.abs().max()):
        hint = "its sign is flipped" if abs(ratio + 1) < 1e-3 else f"it is {ratio:.4g} times the right one"
        return f"{text} Everywhere {hint}."
    wrong = ((given - seen).abs() > 1e-4 * float(seen.abs().max())).nonzero()[:, 0].tolist()
    return f"{text} {len(wrong)} of {len(given)} components are wrong: {', '.join(map(str, wrong[:8]))}."


def _report(ok: bool, text: str, point: Point, seen: Tensor, like: Tensor) -> GradientReport:
    gap = (point.gradient - seen).abs()
    size = max(float(seen.abs().max()), float(point.gradient.abs().max()), 1e-300)
    return GradientReport(
        ok,
        text,
        point.gradient.reshape(like.shape),
        seen.reshape(like.shape),
        int(gap.argmax()),
        float(gap.max()) / size,
    )


def _central(objective: Objective, x: Float[Tensor, "n"], i: int, width: float) -> float:
    above, below = x.clone(), x.clone()
    above[i] += width
    below[i] -= width
    return (objective(above).value - objective(below).value) / float(above[i] - below[i])


def is_noisy(first: Point, second: Point) -> bool:
    """Whether two evaluations at one point differ by more than rounding."""
    eps = torch.finfo(first.x.dtype).eps
    return abs(first.value - second.value) > 100 * eps * max(abs(first.value), abs(second.value))


def disagreement(objective: Objective, point: Point) -> Status:
    """Why no step down the gradient lowers the function: a wrong gradient, or a jump or kink.

    Looks at the function a little to both sides along the gradient (four evaluations).
    """
    size = float(point.gradient.norm())
    if size == 0 or not math.isfinite(size):
        return Status.STALLED
    unit = point.gradient / size
    eps = torch.finfo(point.x.dtype).eps
    width = eps ** (1 / 3) * max(1.0, float(point.x.abs().max()))
    slopes = []
    for h in (width, width / 8):
        up, down = objective(point.x + h * unit).value, objective(point.x - h * unit).value
        slopes.append(((up - point.value) / h, (point.value - down) / h))
    if not all(math.isfinite(s) for pair in slopes for s in pair):
        return Status.DISCONTINUOUS
    (_, _), (right, left) = slopes
    scale = max(abs(right), abs(left), size)
    if abs(right - left) > 0.05 * scale:
        return Status.DISCONTINUOUS
    middle = (right + left) / 2
    return Status.WRONG_GRADIENT if abs(middle - size) > 0.05 * max(size, abs(middle)) else Status.STALLED
