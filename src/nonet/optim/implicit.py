"""The derivative of a solution with respect to what the problem depends on, by the implicit function theorem.

At a solution the conditions of Karush, Kuhn and Tucker hold; differentiating them gives one linear system. The
solution is returned with one step of Newton on those conditions attached: its value is a little more exact, its
derivative is the implicit one, and nothing of the search itself is stored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from nonet.foundation.errors import DataError, UsageError
from nonet.optim.config import Options
from nonet.optim.constraints import Constraint
from nonet.optim.objective import Bounds, as_like
from nonet.optim.result import Result
from nonet.optim.solve import minimize

__all__ = ["argmin"]

FAINT = 1e-6  # a multiplier below this share of the largest may be what is left of a constraint that does not hold
NEAR = 1e-3  # a constraint so far from its end, relative to the end or 1, does not hold


def argmin(
    fn: Callable[..., Tensor],
    x0: Tensor,
    *parameters: Tensor,
    bounds: Bounds | None = None,
    constraints: Sequence[Constraint] = (),
    options: Options | None = None,
) -> Tensor:
    """The minimiser of ``fn(x, *parameters)``, differentiable once with respect to the parameters.

    Args:
        fn: takes x and the parameters; twice differentiable.
        x0: where to begin.
        parameters: what the solution depends on; those that require a gradient get one.
        bounds: as in `minimize`; they are constants.
        constraints: as in `minimize`, but their functions also take the parameters: ``c(x, *parameters)``.
        options: tolerances and budgets.

    Returns:
        The solution, in the shape of ``x0``. A variable at an active bound has derivative zero. Where a constraint
        holds with multiplier 0 there are two one-sided derivatives; it gives the one without the constraint.

    Raises:
        DataError: if the search does not converge, or the solution is not isolated (a singular system).
    """
    fixed = tuple(p.detach() for p in parameters)
    frozen = [_freeze(c, fixed) for c in constraints]
    found = minimize(lambda x: fn(x, *fixed), x0, bounds=bounds, constraints=frozen, options=options)
    if not found.success:
        raise DataError(
            f"There is no solution to differentiate: {found.message}", where="argmin", fix="Mend the problem first."
        )
    if not any(p.requires_grad for p in parameters):
        return found.x
    return _attach(fn, found, parameters, constraints)


def _freeze(constraint: Constraint, parameters: tuple[Tensor, ...]) -> Constraint:
    if not isinstance(constraint, Constraint):
        raise UsageError("It is not a constraint.", where="constraints", fix="Make it with equal, at_most, at_least.")
    return dataclasses.replace(constraint, fn=lambda x: constraint.fn(x, *parameters))


def _ends_in_force(
    found: Result, constraints: Sequence[Constraint], fixed: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """Which rows of the constraints hold the solution: their numbers, multipliers, and the ends they are at."""
    rows, ends, tied = [], [], []
    for constraint, multiplier in zip(constraints, found.multipliers, strict=True):
        lower, upper = (
            as_like(e, multiplier).broadcast_to(multiplier.shape) for e in (constraint.lower, constraint.upper)
        )
        rows.append(constraint.fn(found.x, *fixed).detach().reshape(-1))
        ends.append(torch.where(multiplier > 0, upper, lower).reshape(-1))
        tied.append((lower == upper).reshape(-1))
    if not rows:
        none = found.x.new_zeros(0)
        return none.long(), none, none
    row, end, force = torch.cat(rows), torch.cat(ends), torch.cat([m.reshape(-1) for m in found.multipliers])
    away = (row - end).abs() / end.abs().clamp(min=1)
    strong = force.abs() > FAINT * force.abs().max()
    active = torch.cat(tied) | ((force != 0) & ((away <= FAINT) | (strong & (away <= NEAR))))
    chosen = active.nonzero()[:, 0]
    return chosen, force[chosen], end[chosen]


def _attach(
    fn: Callable[..., Tensor], found: Result, parameters: tuple[Tensor, ...], constraints: Sequence[Constraint]
) -> Tensor:
    shape, x = found.x.shape, found.x.reshape(-1)
    fixed = tuple(p.detach() for p in parameters)
    free = (found.bound_multipliers.reshape(-1) == 0).nonzero()[:, 0]
    active, force, end = _ends_in_force(found, constraints, fixed)

    def conditions(z: Tensor, given: tuple[Tensor, ...]) -> Tensor:
        """Stationarity over the free variables, then the active constraints; zero at the solution."""
        full = x.detach().index_copy(0, free, z[: len(free)])
        weights = z[len(free) :]

        def held(point: Tensor) -> Tensor:
            values = [c.fn(point.reshape(shape), *given).reshape(-1) for c in constraints]
            return torch.cat(values)[active] - end if values else point.new_zeros(0)

        def lagrangian(point: Tensor) -> Tensor:
            return fn(point.reshape(shape), *given).reshape(()) + (weights * held(point)).sum()

        return torch.cat([torch.func.grad(lagrangian)(full)[free], held(full)])

    z = torch.cat([x[free], force]).detach()
    matrix = torch.func.jacrev(lambda z: conditions(z, fixed))(z)
    factor, pivots, failed = torch.linalg.lu_factor_ex(matrix)
    if int(failed) or float(torch.linalg.cond(matrix)) > 1 / torch.finfo(x.dtype).eps:
        raise DataError(
            "The solution is not isolated: its second derivatives are singular.",
            where="argmin",
            fix="Add a small regularisation to the function.",
        )
    with torch.enable_grad():
        residual = conditions(z, parameters)
        better = z - torch.linalg.lu_solve(factor, pivots, residual[:, None])[:, 0]
        return x.detach().index_copy(0, free, better[: len(free)]).reshape(shape)
