"""`LBFGS`: the core with the face of ``torch.optim.LBFGS``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from nonet.foundation.errors import DataError, UsageError
from nonet.optim.box import Box
from nonet.optim.config import Options
from nonet.optim.curvature import LimitedMemory
from nonet.optim.descent import Descent
from nonet.optim.linesearch import Point
from nonet.optim.result import Status

__all__ = ["LBFGS"]


class LBFGS(torch.optim.Optimizer):
    """L-BFGS with strong Wolfe line search for the parameters of a module; a drop-in for ``torch.optim.LBFGS``.

    Several parameter groups and several devices are allowed; a group may have bounds:
    ``LBFGS([{"params": weights}, {"params": scale, "lower": 1e-6}])``.

    Args:
        params: parameters or groups of them.
        lr: share of the full quasi-Newton step that the line search tries first.
        max_iter: accepted steps in one `step`.
        max_eval: calls of the closure in one `step`; None is a quarter more than `max_iter`.
        tolerance_grad: share of the largest gradient seen below which the gradient counts as zero.
        tolerance_change: share of the loss below which a decrease is not worth another step.
        history_size: pairs of steps to learn from.
        line_search_fn: accepted for compatibility; every search satisfies the strong Wolfe conditions.
        lower: least value of every parameter of the group.
        upper: greatest value.
        deterministic: the closure is the same function at every `step`, so that the loss and gradient known from the
            end of the last one are used again.

    Attributes:
        status: why the last `step` ended.
        evaluations: calls of the closure so far.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-8,
        tolerance_change: float = 1e-12,
        history_size: int = 10,
        line_search_fn: str | None = "strong_wolfe",
        *,
        lower: float = -math.inf,
        upper: float = math.inf,
        deterministic: bool = False,
    ) -> None:
        if line_search_fn not in {None, "strong_wolfe"}:
            raise UsageError(f"There is no line search '{line_search_fn}'.", where="LBFGS", fix="Leave it out.")
        if not lr > 0:
            raise UsageError(f"A first step of {lr} leads nowhere.", where="LBFGS.lr", fix="Take 1.")
        super().__init__(params, {"lr": lr, "lower": lower, "upper": upper})
        for group in self.param_groups:
            if group["lower"] > group["upper"]:
                raise DataError("The lower bound lies above the upper.", where="LBFGS", fix="Swap them.")
        self._params: list[Tensor] = [p for group in self.param_groups for p in group["params"]]
        for p in self._params:
            if not p.is_floating_point():
                raise DataError(
                    f"A parameter is of {p.dtype}, which has no gradient.", where="LBFGS", fix="Leave it out."
                )
        self._options = Options(
            gradient_tolerance=tolerance_grad,
            value_tolerance=tolerance_change,
            history=history_size,
            max_evaluations=max_eval or max(max_iter * 5 // 4, 2),
            max_iterations=max_iter,
            first_step=1.0,
        )
        self._deterministic = deterministic
        self._last: tuple[Point, Tensor] | None = None
        self.status = Status.RUNNING

    @property
    def evaluations(self) -> int:
        return int(self._memory().get("evaluations", 0))

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor]) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Takes up to `max_iter` steps and leaves the best parameters met.

        Args:
            closure: clears the gradients, computes the loss, calls ``backward`` and returns the loss.

        Returns:
            The loss at the parameters it leaves, which is never above the loss it began with.

        Raises:
            UsageError: if the closure calls no ``backward`` or returns more than one number.
        """
        memory, start = self._memory(), self._gather()
        point = self._known(start)
        fresh = point is None
        point = self._evaluate(closure, start) if point is None else point
        curvature = LimitedMemory(start, self._options.history or 10)
        curvature.steps, curvature.changes = list(memory.get("steps", [])), list(memory.get("changes", []))
        descent = Descent(
            lambda x: self._at(closure, x),
            point,
            self._box(start),
            curvature,
            self._options,
            length=self.param_groups[0]["lr"],
            evaluations=int(fresh),
            gradient_scale=float(memory.get("gradient_scale", 0.0)) if self._deterministic else 0.0,
            first_value=float(memory.get("first_value", math.nan)) if self._deterministic else math.nan,
        )
        self.status = descent.run()
        best = descent.best
        self._scatter(best.x, best.gradient)
        memory["steps"], memory["changes"] = curvature.steps, curvature.changes
        memory["evaluations"] = self.evaluations + descent.evaluations
        memory["gradient_scale"], memory["first_value"] = descent.gradient_scale, descent.first_value
        self._last = (best, self._gather())
        return torch.tensor(best.value, dtype=start.dtype, device=start.device)

    def _memory(self) -> dict[str, Any]:
        return self.state[self._params[0]]

    def _known(self, x: Float[Tensor, "n"]) -> Point | None:
        if self._deterministic and self._last is not None and bool(torch.equal(self._last[1], x)):
            return self._last[0]
        return None

    def _at(self, closure: Callable[[], Tensor], x: Float[Tensor, "n"]) -> Point:
        self._scatter(x)
        return self._evaluate(closure, x)

    def _evaluate(self, closure: Callable[[], Tensor], x: Float[Tensor, "n"]) -> Point:
        for p in self._params:
            p.grad = None
        with torch.enable_grad():
            loss = closure()
        if all(p.grad is None for p in self._params):
            raise UsageError(
                "The closure left no gradient.",
                where="LBFGS.step",
                fix="Call loss.backward() in it, and return the loss.",
            )
        value = loss if isinstance(loss, Tensor) else x.new_tensor(loss)
        if value.numel() != 1:
            raise UsageError(
                f"The closure returned {value.numel()} numbers.", where="LBFGS.step", fix="Return one loss."
            )
        grads = [torch.zeros_like(p) if p.grad is None else p.grad.to_dense() for p in self._params]
        flat = torch.cat([g.detach().reshape(-1).to(x) for g in grads])
        return Point(x, float(value), flat)

    def _gather(self) -> Float[Tensor, "n"]:
        first = self._params[0]
        return torch.cat([p.detach().reshape(-1).to(first) for p in self._params])

    def _scatter(self, x: Float[Tensor, "n"], gradient: Float[Tensor, "n"] | None = None) -> None:
        sizes = [p.numel() for p in self._params]
        for p, part in zip(self._params, x.split(sizes), strict=True):
            p.copy_(part.view_as(p))
        if gradient is not None:
            for p, part in zip(self._params, gradient.split(sizes), strict=True):
                p.grad = part.reshape(p.shape).to(p)

    def _box(self, like: Float[Tensor, "n"]) -> Box:
        ends = []
        for name in ("lower", "upper"):
            parts = [like.new_full((p.numel(),), g[name]) for g in self.param_groups for p in g["params"]]
            ends.append(torch.cat(parts))
        return Box(ends[0], ends[1])
