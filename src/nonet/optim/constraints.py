"""Constraints on a function of x: equal to, at most, at least, or between."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nonet.foundation.errors import DataError, UsageError
from nonet.optim.objective import as_like

__all__ = ["Constraint", "at_least", "at_most", "between", "equal"]


@dataclass(frozen=True)
class Constraint:
    """``lower <= fn(x) <= upper``; equal ends make an equality.

    Attributes:
        fn: takes x in its own shape and returns a tensor of any shape.
        lower: least value allowed; broadcasts to the function's value.
        upper: greatest value allowed.
        name: what messages call it.
    """

    fn: Callable[[Tensor], Tensor]
    lower: float | Tensor = -math.inf
    upper: float | Tensor = math.inf
    name: str = ""


def equal(fn: Callable[[Tensor], Tensor], value: float | Tensor = 0.0, name: str = "") -> Constraint:
    """``fn(x) == value``."""
    return Constraint(fn, value, value, name)


def at_most(fn: Callable[[Tensor], Tensor], upper: float | Tensor = 0.0, name: str = "") -> Constraint:
    """``fn(x) <= upper``."""
    return Constraint(fn, upper=upper, name=name)


def at_least(fn: Callable[[Tensor], Tensor], lower: float | Tensor = 0.0, name: str = "") -> Constraint:
    """``fn(x) >= lower``."""
    return Constraint(fn, lower=lower, name=name)


def between(fn: Callable[[Tensor], Tensor], lower: float | Tensor, upper: float | Tensor, name: str = "") -> Constraint:
    """``lower <= fn(x) <= upper``."""
    return Constraint(fn, lower, upper, name)


@dataclass(frozen=True)
class Stacked:
    """Several constraints as one function of a flat x, one row a number.

    Attributes:
        constraints: as the user gave them.
        shape: shape of x.
        shapes: shapes of the constraints' values.
        lower: least values, flat.
        upper: greatest values, flat.
    """

    constraints: tuple[Constraint, ...]
    shape: torch.Size
    shapes: tuple[torch.Size, ...]
    lower: Float[Tensor, "m"]
    upper: Float[Tensor, "m"]

    def __call__(self, flat: Float[Tensor, "n"]) -> Float[Tensor, "m"]:
        """The constraints' values."""
        x = flat.reshape(self.shape)
        return torch.cat([constraint.fn(x).reshape(-1) for constraint in self.constraints])

    def excess(self, values: Float[Tensor, "m"]) -> Float[Tensor, "m"]:
        """By how much each row lies above its range (positive) or below it (negative)."""
        return values - torch.minimum(torch.maximum(values, self.lower), self.upper)

    def split(self, rows: Float[Tensor, "m"]) -> tuple[Tensor, ...]:
        """Rows as one tensor a constraint, in its own shape."""
        parts = rows.split([shape.numel() for shape in self.shapes])
        return tuple(part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True))

    def name(self, row: int) -> str:
        """What to call the constraint that a row belongs to."""
        for number, (constraint, shape) in enumerate(zip(self.constraints, self.shapes, strict=True)):
            if row < shape.numel():
                return constraint.name or f"constraint {number}"
            row -= shape.numel()
        raise IndexError(row)


def stack(constraints: Constraint | list[Constraint] | tuple[Constraint, ...], x: Tensor) -> Stacked:
    """Checks constraints at the starting point and stacks them.

    Raises:
        UsageError: if something is not a constraint or does not return a tensor of numbers.
        DataError: if ends do not fit the value's shape or leave no number between them, or if there is no gradient.
    """
    given = (constraints,) if isinstance(constraints, Constraint) else tuple(constraints)
    shapes, lowers, uppers = [], [], []
    for number, constraint in enumerate(given):
        if not isinstance(constraint, Constraint):
            raise UsageError(
                f"Constraint {number} is a {type(constraint).__name__}.",
                where="constraints",
                fix="Make it with equal, at_most, at_least or between.",
            )
        where = constraint.name or f"constraint {number}"
        with torch.enable_grad():
            value = constraint.fn(x.detach().clone().requires_grad_())
        if not isinstance(value, Tensor):
            raise UsageError(f"It returned {type(value).__name__}.", where=where, fix="Return a torch tensor.")
        if value.numel() == 0:
            raise UsageError("It returned no number.", where=where, fix="Leave it out.")
        if not value.requires_grad:
            raise DataError(
                "Its value does not depend on x through torch, so it has no gradient.",
                where=where,
                fix="Compute with torch operations (no .item(), .numpy() or .detach()).",
            )
        try:
            ends = [as_like(e, x).broadcast_to(value.shape) for e in (constraint.lower, constraint.upper)]
        except RuntimeError as error:
            raise DataError(
                "The ends do not have the shape of the value.", where=where, fix=f"The value is {tuple(value.shape)}."
            ) from error
        if not bool((ends[0] <= ends[1]).all()):
            raise DataError(
                "The lower end is above the upper end, or NaN.", where=where, fix="Equal ends make an equality."
            )
        shapes.append(value.shape)
        lowers.append(ends[0].reshape(-1))
        uppers.append(ends[1].reshape(-1))
    return Stacked(given, x.shape, tuple(shapes), torch.cat(lowers), torch.cat(uppers))
