"""From what a user writes to what the core asks for: flat points with value and gradient, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nonet.foundation.errors import DataError, UsageError
from nonet.optim.box import Box
from nonet.optim.linesearch import Point

__all__ = ["Bounds", "Objective", "as_like", "box_from", "checked_start"]

Bound = float | Tensor | Sequence[float] | None
Bounds = tuple[Bound, Bound]


def checked_start(x0: Tensor | Sequence[float] | float) -> Tensor:
    """The starting point as a floating tensor of its own.

    Raises:
        DataError: if it is empty, complex, of integers, not finite, or no numbers at all.
    """
    try:
        x = x0.detach().clone() if isinstance(x0, Tensor) else torch.as_tensor(x0, dtype=torch.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"This is no tensor of numbers: {error}.", where="x0", fix="Give numbers.") from error
    if x.numel() == 0:
        raise DataError("The starting point is empty.", where="x0", fix="Give at least one number.")
    if not x.is_floating_point():
        raise DataError(
            f"The starting point is of {x.dtype}, which has no gradient.",
            where="x0",
            fix="Convert it, for example with x0.double().",
        )
    if x.dtype not in {torch.float32, torch.float64}:
        raise DataError(
            f"{x.dtype} is too coarse for a line search.", where="x0", fix="Use x0.float() or, better, x0.double()."
        )
    if not bool(x.isfinite().all()):
        raise DataError("The starting point holds NaN or infinity.", where="x0", fix="Start from finite numbers.")
    return x


def as_like(value: float | Tensor | Sequence[float], like: Tensor) -> Tensor:
    """Numbers as a tensor of the type and on the device of another."""
    return value.to(like) if isinstance(value, Tensor) else torch.as_tensor(value, dtype=like.dtype, device=like.device)


def box_from(bounds: Bounds | None, like: Tensor) -> Box:
    """The box that ``(lower, upper)`` describes; None or an infinity is no bound.

    Args:
        bounds: numbers or tensors that broadcast to ``like``.
        like: the starting point.

    Raises:
        DataError: if shapes do not fit, a bound is NaN, or a lower bound lies above the upper one.
        UsageError: if they are not two.
    """
    if bounds is not None and not (isinstance(bounds, tuple) and len(bounds) == 2):
        raise UsageError(  # a list of two of SciPy's pairs would pass for lower and upper bounds
            "Bounds are a tuple of two: all lower ones, all upper ones.",
            where="bounds",
            fix="Write (0, 1), or tuple(zip(*bounds)) for a list of one pair a variable as SciPy has it.",
        )
    lower, upper = bounds or (None, None)
    ends = []
    for name, bound, none in (("lower", lower, -math.inf), ("upper", upper, math.inf)):
        value = as_like(none if bound is None else bound, like)
        try:
            ends.append(value.broadcast_to(like.shape).reshape(-1).clone())
        except RuntimeError as error:
            raise DataError(
                f"The {name} bound has shape {tuple(value.shape)}, the starting point {tuple(like.shape)}.",
                where="bounds",
                fix="Give one number, or one for each variable.",
            ) from error
        if bool(value.isnan().any()):
            raise DataError(f"The {name} bound holds NaN.", where="bounds", fix="Use infinity where there is no bound.")
    crossed = (ends[0] > ends[1]).nonzero()
    if len(crossed):
        i = int(crossed[0])
        raise DataError(
            f"The lower bound {float(ends[0][i]):g} lies above the upper bound {float(ends[1][i]):g}.",
            where=f"bounds, variable {i}",
            fix="Swap them; equal bounds fix a variable.",
        )
    return Box(ends[0], ends[1])


@dataclass(frozen=True)
class Objective:
    """A user's function of a shaped tensor, seen by the core as a function of a flat one.

    Attributes:
        fn: takes x and returns a number as a tensor of one element.
        shape: shape of x.
        gradient: the user's own gradient, in the shape of x; None asks autograd.
    """

    fn: Callable[[Tensor], Tensor]
    shape: torch.Size
    gradient: Callable[[Tensor], Tensor] | None = None

    def __call__(self, flat: Float[Tensor, "n"]) -> Point:
        """Value and gradient at a flat point."""
        if self.gradient is not None:
            with torch.no_grad():
                x = flat.reshape(self.shape)
                return Point(flat, float(self._number(self.fn(x))), self._slope(self.gradient(x)).to(flat))
        x = flat.detach().clone().requires_grad_()
        with torch.enable_grad():
            value = self._number(self.fn(x.reshape(self.shape)))
            if not value.requires_grad:
                raise DataError(
                    "The function's value does not depend on x through torch, so it has no gradient.",
                    where="fn",
                    fix="Compute with torch operations (no .item(), .numpy() or .detach()), or pass gradient=.",
                )
            (slope,) = torch.autograd.grad(value, x, allow_unused=True)
        return Point(flat, float(value.detach()), torch.zeros_like(flat) if slope is None else slope)

    def _slope(self, gradient: object) -> Tensor:
        if not isinstance(gradient, Tensor) or gradient.numel() != self.shape.numel():
            shown = tuple(gradient.shape) if isinstance(gradient, Tensor) else type(gradient).__name__
            raise UsageError(
                f"The gradient is {shown}, the starting point of shape {tuple(self.shape)}.",
                where="gradient",
                fix="Return a tensor with one number a variable.",
            )
        return gradient.reshape(-1)

    def _number(self, value: object) -> Tensor:
        if not isinstance(value, Tensor):
            if self.gradient is not None and isinstance(value, int | float):
                return torch.tensor(float(value))
            raise UsageError(
                f"The function returned {type(value).__name__}, not a tensor.",
                where="fn",
                fix="Return a torch tensor with one number.",
            )
        if value.numel() != 1:
            raise UsageError(
                f"The function returned {value.numel()} numbers (shape {tuple(value.shape)}), not one.",
                where="fn",
                fix="Reduce it, for example with .sum() or .square().sum().",
            )
        return value.reshape(())
