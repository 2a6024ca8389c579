"""The quadratic penalty method of the article: simple to write, and instructive in how it ends.

Kept for teaching; `minimize` with constraints reaches more exact answers with fewer evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nonet.optim.constraints import Constraint, stack
from nonet.optim.objective import checked_start
from nonet.optim.optimizer import LBFGS
from nonet.optim.result import Step

__all__ = ["PenaltyPath", "penalty_method"]


@dataclass(frozen=True)
class PenaltyPath:
    """The rounds of a penalty method.

    Attributes:
        rounds: one step a round, the start first: point, value, violation, and the weight in force.
        ended: whether the penalty became exactly zero, the article's test.
    """

    rounds: tuple[Step, ...]
    ended: bool

    @property
    def x(self) -> Float[Tensor, "n"]:
        """The last point."""
        return self.rounds[-1].x

    @property
    def weight(self) -> float:
        """The last weight."""
        return self.rounds[-1].penalty


def penalty_method(
    fn: Callable[[Tensor], Tensor],
    x0: Tensor | Sequence[float],
    constraints: Constraint | Sequence[Constraint],
    *,
    weight: float = 1.0,
    growth: float = 2.0,
    max_rounds: int = 30,
    optimizer: Callable[..., torch.optim.Optimizer] = LBFGS,
) -> PenaltyPath:
    """Minimises ``f + weight * sum(excess²)`` again and again with a growing weight, one `step` a round.

    The loop ends when the penalty is exactly zero. In float32 that happens, because an excess below half the spacing of
    the numbers rounds to nothing; in float64 it need not ever happen, and the loop runs to `max_rounds`.

    Args:
        fn: the function.
        x0: where to begin; its dtype decides how the loop ends.
        constraints: made with `equal`, `at_most`, `at_least` or `between`.
        weight: weight of the first round.
        growth: factor from one round to the next.
        max_rounds: rounds allowed.
        optimizer: the class used, with the arguments of ``torch.optim.LBFGS``.
    """
    x = checked_start(x0).reshape(-1).requires_grad_()
    given = (constraints,) if isinstance(constraints, Constraint) else tuple(constraints)
    stacked = stack(given, x.detach())
    descent = optimizer([x], line_search_fn="strong_wolfe", tolerance_change=1e-20)
    calls = 0

    def note(weight: float) -> Step:
        with torch.no_grad():
            excess = float(stacked.excess(stacked(x)).abs().max())
            return Step(x.detach().clone(), float(fn(x)), 0.0, excess, 1.0, calls, weight)

    def closure() -> Tensor:
        nonlocal calls
        calls += 1
        descent.zero_grad()
        loss = fn(x) + weight * stacked.excess(stacked(x)).square().sum()
        loss.backward()
        return loss

    rounds = [note(weight)]
    for _ in range(max_rounds):
        descent.step(closure)  # pyright: ignore[reportCallIssue, reportArgumentType]
        rounds.append(note(weight))
        with torch.no_grad():
            left = float(weight * stacked.excess(stacked(x)).square().sum())
        if left == 0:
            return PenaltyPath(tuple(rounds), True)
        weight *= growth
    return PenaltyPath(tuple(rounds), False)
