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
from nonet.optim.objective import Bounds
from nonet.optim.result import Result
from nonet.optim.solve import minimize

__all__ = ["argmin"]


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
        The solution, in the shape of ``x0``. A variable at an active bound has derivative zero.

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


def _attach(
    fn: Callable[..., Tensor], found: Result, parameters: tuple[Tensor, ...], constraints: Sequence[Constraint]
) -> Tensor:
    shape, x = found.x.shape, found.x.reshape(-1)
    free = (found.bound_multipliers.reshape(-1) == 0).nonzero()[:, 0]
    rows = [m.reshape(-1) for m in found.multipliers]
    force = torch.cat(rows) if rows else x.new_zeros(0)
    largest = float(force.abs().max()) if len(force) else 0.0
    equalities = [
        (torch.as_tensor(c.lower) == torch.as_tensor(c.upper)).to(x.device).broadcast_to(m.shape).reshape(-1)
        for c, m in zip(constraints, found.multipliers, strict=True)
    ]
    tied = torch.cat(equalities) if equalities else torch.zeros(0, dtype=torch.bool)
    active = ((force.abs() > 1e-6 * largest) | tied).nonzero()[:, 0]
    ends = [torch.where(m > 0, torch.as_tensor(c.upper).to(m), torch.as_tensor(c.lower).to(m)).reshape(-1)
            for c, m in zip(constraints, found.multipliers, strict=True)]  # fmt: skip
    end = torch.cat(ends)[active] if ends else force

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

    z = torch.cat([x[free], force[active]]).detach()
    fixed = tuple(p.detach() for p in parameters)
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
