"""`minimize`: the functional face of the core."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from nonet.optim.box import Box
from nonet.optim.checking import disagreement, is_noisy
from nonet.optim.config import Options
from nonet.optim.constraints import Constraint, stack
from nonet.optim.curvature import curvature_for
from nonet.optim.descent import Descent
from nonet.optim.lagrangian import AugmentedLagrangian
from nonet.optim.objective import Bounds, Objective, box_from, checked_start
from nonet.optim.result import Result, Status, Step

__all__ = ["minimize"]


def minimize(
    fn: Callable[[Tensor], Tensor],
    x0: Tensor | Sequence[float] | float,
    *,
    bounds: Bounds | None = None,
    constraints: Constraint | Sequence[Constraint] = (),
    gradient: Callable[[Tensor], Tensor] | None = None,
    options: Options | None = None,
    callback: Callable[[Step], object] | None = None,
) -> Result:
    """Finds a local minimum of a smooth function, if wanted in a box and under constraints.

    Without constraints it is L-BFGS with a strong Wolfe line search (the whole BFGS matrix for few variables), with
    bounds L-BFGS-B, with constraints an augmented Lagrangian on it.

    Args:
        fn: takes a tensor of the shape of ``x0`` and returns a tensor of one number, computed by torch.
        x0: where to begin, float32 or float64, on any device; moved into the bounds.
        bounds: ``(lower, upper)``, each None, a number, or a tensor that broadcasts to ``x0``.
        constraints: made with `equal`, `at_most`, `at_least` or `between`.
        gradient: the gradient of ``fn`` in the shape of ``x0``; by default autograd computes it.
        options: tolerances and budgets.
        callback: called with every accepted `Step`; a true answer stops the search.

    Returns:
        The best point found and why the search ended. It is never worse than the (projected) starting point.

    Raises:
        DataError: if the starting point, the bounds or the constraints cannot be used.
        UsageError: if the function does not return one number.
    """
    options = options or Options()
    start = checked_start(x0)
    box = box_from(bounds, start)
    x = box.project(start.reshape(-1))
    objective = Objective(fn, start.shape, gradient)
    if isinstance(constraints, Constraint) or len(constraints):
        given = [constraints] if isinstance(constraints, Constraint) else constraints
        return _constrained(objective, x, box, given, options, callback)
    return _boxed(objective, x, box, options, callback)


def _constrained(
    objective: Objective,
    x: Tensor,
    box: Box,
    constraints: Sequence[Constraint],
    options: Options,
    callback: Callable[[Step], object] | None,
) -> Result:
    shape = objective.shape
    stacked = stack(tuple(constraints), x.reshape(shape))
    found = AugmentedLagrangian(objective, stacked, box, x, options, callback).solve()
    held = torch.where((found.x <= box.lower) | (found.x >= box.upper), found.lagrangian_gradient, 0.0)
    free = found.lagrangian_gradient - held
    return Result(
        status=found.status,
        x=found.x.reshape(shape),
        value=found.value,
        gradient=found.gradient.reshape(shape),
        evaluations=found.evaluations,
        iterations=found.iterations,
        gradient_norm=float(free.abs().max()),
        violation=found.violation,
        kkt_residual=found.kkt_residual,
        multipliers=stacked.split(found.multipliers),
        bound_multipliers=held.reshape(shape),
        trace=found.trace,
        detail=found.detail,
    )


def _boxed(
    objective: Objective, x: Tensor, box: Box, options: Options, callback: Callable[[Step], object] | None
) -> Result:
    shape = objective.shape
    curvature = curvature_for(x, options.history, options.dense_limit)
    descent = Descent(objective, objective(x), box, curvature, options, watch=callback)
    status = descent.run()
    if status is Status.STALLED:
        status = _why_stalled(descent, objective)
    best = descent.best
    scale = max(descent.gradient_scale, torch.finfo(x.dtype).tiny)
    slope = float(box.projected_gradient(best.x, best.gradient, scale).abs().max()) if best.finite else math.nan
    held = torch.where((best.x <= box.lower) | (best.x >= box.upper), best.gradient, 0.0)
    return Result(
        status=status,
        x=best.x.reshape(shape),
        value=best.value,
        gradient=best.gradient.reshape(shape),
        evaluations=descent.evaluations,
        iterations=descent.iterations,
        gradient_norm=slope,
        kkt_residual=slope / scale,
        bound_multipliers=held.reshape(shape),
        trace=tuple(descent.trace),
    )


def _why_stalled(descent: Descent, objective: Objective) -> Status:
    """A search that cannot go on asks the function a few more questions."""
    best = descent.best
    again = objective(best.x)
    descent.evaluations += 1
    if is_noisy(best, again):
        return Status.NOISY
    descent.evaluations += 4
    return disagreement(objective, best)
