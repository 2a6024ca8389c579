"""Curvature of an augmented Lagrangian: the penalty's part is known exactly, only the Lagrangian's is learnt."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from nonet.optim.curvature import DenseBFGS

__all__ = ["Structured"]

DAMPING = 0.2


class Structured(DenseBFGS):
    """``B = M + penalty J' J`` with J the rows in force; M learns by damped BFGS (Powell 1978).

    A change of the multipliers or of the penalty leaves M right, so that nothing is learnt twice.
    """

    def __init__(self, like: Float[Tensor, "n"], size: float) -> None:
        super().__init__(like)
        self._size = size
        self._learnt: Tensor = self.matrix * size
        self._rows = like.new_zeros(0, len(like))
        self._fresh = True
        self.focus(self._rows, 0.0)

    def focus(self, rows: Float[Tensor, "k n"], penalty: float) -> None:
        """Takes the Jacobian's rows in force at the current point and the penalty's weight."""
        self._rows, self._penalty = rows, penalty
        self.matrix = self._learnt + penalty * (rows.T @ rows)
        self.known = True

    def update(self, s: Tensor, y: Tensor) -> bool:
        sy = s @ y
        if self._fresh and sy > 0:
            self._learnt = torch.eye(len(s), dtype=s.dtype, device=s.device) * (sy / (s @ s))
        ms = self._learnt @ s
        sms = s @ ms
        if not sms > 0:
            return False
        if sy < DAMPING * sms:
            share = (1 - DAMPING) * sms / (sms - sy)
            y = share * y + (1 - share) * ms
            sy = s @ y
        self._learnt = self._learnt - torch.outer(ms, ms) / sms + torch.outer(y, y) / sy
        self._fresh = False
        self.focus(self._rows, self._penalty)
        return True

    def solve(self, v: Tensor) -> Tensor:
        return self.solve_free(v, torch.ones(len(v), dtype=torch.bool, device=v.device))

    def reset(self) -> None:
        self._learnt = torch.eye(len(self.matrix), dtype=self.matrix.dtype, device=self.matrix.device) * self._size
        self._fresh = True
        self.focus(self._rows, self._penalty)
        self.known = False
