"""What a quasi-Newton method knows of the second derivatives, learnt from pairs of steps and changes of gradient.

Both kinds present the matrix as ``B = theta I - W M W'`` (Byrd, Nocedal, Schnabel, Math. Program. 63, 1994), which is
what the Cauchy point of a box needs.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["Curvature", "DenseBFGS", "LimitedMemory", "curvature_for"]


@runtime_checkable
class Curvature(Protocol):
    """An approximation B of the second derivatives, positive definite."""

    @property
    def known(self) -> bool:
        """Whether anything was learnt since the beginning or the last reset."""
        ...

    def update(self, s: Float[Tensor, "n"], y: Float[Tensor, "n"]) -> bool:
        """Learns from a step and the change of the gradient; False if the pair says nothing useful."""
        ...

    def solve(self, v: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        """``B⁻¹ v``."""
        ...

    def solve_free(self, v: Float[Tensor, "f"], free: Bool[Tensor, "n"]) -> Float[Tensor, "f"]:
        """``B_FF⁻¹ v`` with the rows and columns of the free variables."""
        ...

    def times(self, v: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        """``B v``."""
        ...

    def compact(self) -> tuple[float, Float[Tensor, "n k"], Float[Tensor, "k k"]]:
        """theta, W and M."""
        ...

    def reset(self) -> None:
        """Forgets everything."""
        ...


def curvature_for(x: Float[Tensor, "n"], history: int | None, dense_limit: int) -> Curvature:
    """The kind that suits the size: the whole matrix for few variables, a short history for many."""
    if history is None and len(x) <= dense_limit:
        return DenseBFGS(x)
    return LimitedMemory(x, history or 10)


def _useful(s: Tensor, y: Tensor) -> bool:
    """Whether the curvature along the step is told from rounding; relative, so that no scale of f or x matters."""
    eps = torch.finfo(s.dtype).eps
    return bool(s @ y > eps * s.norm() * y.norm())


class DenseBFGS:
    """The whole matrix and its inverse, for up to about a hundred variables."""

    def __init__(self, like: Float[Tensor, "n"]) -> None:
        self.matrix = torch.eye(len(like), dtype=like.dtype, device=like.device)
        self.inverse = self.matrix.clone()
        self.known = False

    def update(self, s: Tensor, y: Tensor) -> bool:
        if not _useful(s, y):
            return False
        sy = s @ y
        if not self.known:  # the size of the first curvature seen (Nocedal and Wright, equation 6.20)
            theta = y @ y / sy
            self.matrix, self.inverse = self.matrix * theta, self.inverse / theta
        bs = self.matrix @ s
        self.matrix = self.matrix - torch.outer(bs, bs) / (s @ bs) + torch.outer(y, y) / sy
        hy = self.inverse @ y
        cross = torch.outer(s, hy)
        self.inverse = self.inverse - (cross + cross.T) / sy + torch.outer(s, s) * ((1 + y @ hy / sy) / sy)
        self.known = True
        return True

    def solve(self, v: Tensor) -> Tensor:
        return self.inverse @ v

    def solve_free(self, v: Tensor, free: Tensor) -> Tensor:
        factor, failed = torch.linalg.cholesky_ex(self.matrix[free][:, free])
        if int(failed):
            self.reset()
            return v
        return torch.cholesky_solve(v[:, None], factor)[:, 0]

    def times(self, v: Tensor) -> Tensor:
        return self.matrix @ v

    def compact(self) -> tuple[float, Tensor, Tensor]:
        return 0.0, torch.eye(len(self.matrix), dtype=self.matrix.dtype, device=self.matrix.device), -self.matrix

    def reset(self) -> None:
        self.matrix = torch.eye(len(self.matrix), dtype=self.matrix.dtype, device=self.matrix.device)
        self.inverse, self.known = self.matrix.clone(), False


class LimitedMemory:
    """The last few pairs, for any number of variables."""

    def __init__(self, like: Float[Tensor, "n"], history: int) -> None:
        self.history = history
        self.steps: list[Tensor] = []
        self.changes: list[Tensor] = []
        self._like = like

    @property
    def known(self) -> bool:
        return bool(self.steps)

    def update(self, s: Tensor, y: Tensor) -> bool:
        if not _useful(s, y):
            return False
        self.steps = [*self.steps, s][-self.history :]
        self.changes = [*self.changes, y][-self.history :]
        return True

    @property
    def theta(self) -> float:
        """Size of the latest curvature."""
        if not self.steps:
            return 1.0
        s, y = self.steps[-1], self.changes[-1]
        return float(y @ y / (s @ y))

    def solve(self, v: Tensor) -> Tensor:
        """The two loops (Nocedal, Math. Comp. 35, 1980)."""
        weights = []
        for s, y in zip(reversed(self.steps), reversed(self.changes), strict=True):
            weights.append((s @ v) / (s @ y))
            v = v - weights[-1] * y
        v = v / self.theta
        for s, y, weight in zip(self.steps, self.changes, reversed(weights), strict=True):
            v = v + (weight - (y @ v) / (s @ y)) * s
        return v

    def solve_free(self, v: Tensor, free: Tensor) -> Tensor:
        theta, w, m = self.compact()
        if not self.steps:
            return v / theta
        w = w[free]
        inner = torch.eye(len(m), dtype=v.dtype, device=v.device) - m @ (w.T @ w) / theta
        return v / theta + w @ torch.linalg.solve(inner, m @ (w.T @ v)) / theta**2

    def times(self, v: Tensor) -> Tensor:
        theta, w, m = self.compact()
        return theta * v - w @ (m @ (w.T @ v))

    def compact(self) -> tuple[float, Tensor, Tensor]:
        theta, like = self.theta, self._like
        if not self.steps:
            return theta, like.new_zeros(len(like), 0), like.new_zeros(0, 0)
        s, y = torch.stack(self.steps, 1), torch.stack(self.changes, 1)
        sy = s.T @ y
        lower = sy.tril(-1)
        middle = torch.cat(
            [torch.cat([-sy.diag().diag(), lower.T], 1), torch.cat([lower, theta * (s.T @ s)], 1)],
        )
        return theta, torch.cat([y, theta * s], 1), torch.linalg.inv(middle)

    def reset(self) -> None:
        self.steps, self.changes = [], []
