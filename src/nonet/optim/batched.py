"""Thousands of small problems at once: one dense BFGS each, in lockstep, every problem at its own place in its search.

A step of the loop is one evaluation of all problems that still run; each then accepts, lengthens or shortens its step.
Finished problems leave the batch when enough of them are, so the last few do not pay for the many.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nonet.foundation.errors import DataError
from nonet.optim.config import Options
from nonet.optim.objective import checked_start
from nonet.optim.result import Status

__all__ = ["BatchResult", "minimize_batch"]

CODES = (Status.RUNNING, Status.CONVERGED, Status.PRECISION, Status.STALLED, Status.BUDGET, Status.NONFINITE_START)
SHORTEST = 1e-14
WORTH_DROPPING = 0.15  # the share of finished problems from which moving the others together pays


@dataclass(frozen=True)
class BatchResult:
    """What a batch of solves found; one row a problem.

    Attributes:
        x: the best points.
        value: the functions there.
        gradient: their gradients.
        evaluations: evaluations spent on each.
        codes: why each ended, as an index into ``CODES``; `status` reads it.
    """

    x: Float[Tensor, "batch n"]
    value: Float[Tensor, "batch"]
    gradient: Float[Tensor, "batch n"]
    evaluations: Int[Tensor, "batch"]
    codes: Int[Tensor, "batch"]

    @property
    def success(self) -> Tensor:
        """Which problems converged."""
        return (self.codes == CODES.index(Status.CONVERGED)) | (self.codes == CODES.index(Status.PRECISION))

    def status(self, row: int) -> Status:
        """Why one problem ended."""
        return CODES[int(self.codes[row])]


@dataclass
class _Batch:
    """Everything that is one column a problem (sums over few numbers are fast that way); `keep` drops problems."""

    row: Tensor
    x: Tensor
    f: Tensor
    g: Tensor
    inverse: Tensor
    direction: Tensor
    slope: Tensor
    step: Tensor
    low: Tensor  # step, value, slope of the best point on the line
    high: Tensor  # step, value, slope of the other end; infinite step where there is none
    known: Tensor
    first: Tensor
    scale: Tensor
    count: Tensor
    tries: Tensor
    code: Tensor

    def keep(self, mask: Tensor) -> None:
        for name, value in vars(self).items():
            setattr(self, name, value[..., mask])


def minimize_batch(
    fn: Callable[..., Tensor],
    x0: Tensor,
    *data: Tensor,
    options: Options | None = None,
) -> BatchResult:
    """Minimises ``fn(x, *data)`` for every row of ``x0`` and of the data.

    Args:
        fn: takes the ``n`` numbers of one problem and its row of each data tensor; returns one number. It is mapped by
            ``torch.func.vmap``, so it may not branch on values.
        x0: starting points, (batch, n), up to about fifty numbers each.
        data: tensors with one row a problem, such as measurements to fit.
        options: tolerances and budgets; budgets count for each problem. By default 1000 evaluations, curvature 0.9.

    Raises:
        DataError: if the shapes do not fit.
    """
    options = options or Options(max_evaluations=1000, curvature=0.9)
    start = checked_start(x0)
    if start.ndim != 2:
        raise DataError(f"The starting points have shape {tuple(start.shape)}.", where="x0", fix="Give (batch, n).")
    for i, tensor in enumerate(data):
        if len(tensor) != len(start):
            raise DataError(
                f"It has {len(tensor)} rows, x0 has {len(start)}.", where=f"data {i}", fix="Give one row each."
            )
    evaluate = torch.func.vmap(torch.func.grad_and_value(fn), (1, *(0 for _ in data)), (1, 0))
    columns = start.T.contiguous()
    gradient, value = evaluate(columns, *data)
    found = BatchResult(
        start.clone(),
        value.clone(),
        gradient.T.clone(),
        torch.ones(len(start), dtype=torch.int64, device=start.device),
        torch.zeros(len(start), dtype=torch.int64, device=start.device),
    )
    batch = _begin(columns, value, gradient)
    finite = value.isfinite() & gradient.isfinite().all(0)
    found.codes[~finite] = CODES.index(Status.NONFINITE_START)
    batch.keep(finite)
    data = tuple(tensor[finite] for tensor in data)
    _turn(batch, torch.ones_like(batch.f, dtype=torch.bool), options)
    while True:
        batch.code = torch.where(batch.code > 0, batch.code, _finished(batch, options))
        done = batch.code > 0
        if int(done.sum()) >= WORTH_DROPPING * len(done):
            _store(found, batch, done)
            batch.keep(~done)
            data = tuple(tensor[~done] for tensor in data)
        if len(batch.row) == 0:
            return found
        trial = batch.x + batch.step * batch.direction
        gradient, value = evaluate(trial, *data)
        batch.count += 1
        _react(batch, trial, value, gradient, options)


def _begin(x: Tensor, f: Tensor, g: Tensor) -> _Batch:
    n, size = x.shape
    blank = x.new_zeros(3, size)
    return _Batch(
        row=torch.arange(size, device=x.device),
        x=x.clone(),
        f=f,
        g=g,
        inverse=torch.eye(n, dtype=x.dtype, device=x.device)[:, :, None].repeat(1, 1, size),
        direction=torch.zeros_like(x),
        slope=torch.zeros_like(f),
        step=torch.ones_like(f),
        low=blank,
        high=blank.clone(),
        known=torch.zeros(size, dtype=torch.bool, device=x.device),
        first=f.clone(),
        scale=torch.zeros_like(f),
        count=torch.ones(size, dtype=torch.int64, device=x.device),
        tries=torch.zeros(size, dtype=torch.int64, device=x.device),
        code=torch.zeros(size, dtype=torch.int64, device=x.device),
    )


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix * vector).sum(1)


def _turn(batch: _Batch, mask: Tensor, options: Options) -> None:
    """A new direction for the problems in ``mask``, from the point where they are."""
    batch.scale = torch.maximum(batch.scale, batch.g.abs().amax(0))
    length = options.first_length / batch.g.norm(dim=0).clamp(min=1e-300)
    newton = -_times(batch.inverse, batch.g)
    steep = -batch.g * length
    slope = (newton * batch.g).sum(0)
    good = batch.known & (slope < 0)
    batch.known = torch.where(mask, good, batch.known)
    fresh = torch.where(good, newton, steep)
    batch.direction = torch.where(mask, fresh, batch.direction)
    batch.slope = (batch.direction * batch.g).sum(0)
    batch.step = torch.where(mask, torch.ones_like(batch.step), batch.step)
    low = torch.stack([torch.zeros_like(batch.f), batch.f, batch.slope], 0)
    high = torch.stack([torch.full_like(batch.f, math.inf), batch.f, batch.slope], 0)
    batch.low = torch.where(mask, low, batch.low)
    batch.high = torch.where(mask, high, batch.high)
    batch.tries = torch.where(mask, 0, batch.tries)


def _finished(batch: _Batch, options: Options) -> Tensor:
    """A code for each problem; 0 goes on."""
    eps = torch.finfo(batch.x.dtype).eps
    tight = options.gradient_tolerance if options.gradient_tolerance is not None else eps**0.5
    still = options.value_tolerance if options.value_tolerance is not None else eps**0.75
    steep = batch.g.abs().amax(0)
    span = torch.maximum(batch.f.abs(), eps**0.5 * (batch.first - batch.f))
    code = torch.zeros_like(batch.count)
    calm = (steep <= tight * batch.scale) & (~batch.known | (-batch.slope / 2 <= still * span))
    stuck = (batch.tries > 30) | (batch.step < SHORTEST)
    hidden = (-batch.slope <= 100 * eps * batch.f.abs()) & (steep <= eps ** (1 / 3) * batch.scale)
    code[batch.count >= options.max_evaluations] = CODES.index(Status.BUDGET)
    code[stuck] = CODES.index(Status.STALLED)
    code[stuck & hidden] = CODES.index(Status.PRECISION)
    code[calm] = CODES.index(Status.CONVERGED)
    return code


def _store(found: BatchResult, batch: _Batch, done: Tensor) -> None:
    rows = batch.row[done]
    found.x[rows], found.gradient[rows] = batch.x[:, done].T, batch.g[:, done].T
    found.value[rows] = batch.f[done]
    found.evaluations[rows], found.codes[rows] = batch.count[done], batch.code[done]


def _react(batch: _Batch, trial: Tensor, value: Tensor, gradient: Tensor, options: Options) -> None:
    """Accepts the trial, or moves an end of the bracket and chooses the next step."""
    eps = torch.finfo(value.dtype).eps
    finite = value.isfinite() & gradient.isfinite().all(0)
    slope = torch.where(finite, (gradient * batch.direction).sum(0), 0.0)
    enough = finite & (value <= batch.f + options.sufficient_decrease * batch.step * batch.slope)
    near = finite & (value <= batch.f + 10 * eps * batch.f.abs())
    enough |= near & ((2 * options.sufficient_decrease - 1) * batch.slope >= slope)
    accept = enough & (slope.abs() <= -options.curvature * batch.slope)
    batch.tries = batch.tries + 1
    _search_on(batch, value, slope, finite & enough)
    _learn(batch, trial, value, gradient, accept)
    _turn(batch, accept, options)


def _search_on(batch: _Batch, value: Tensor, slope: Tensor, enough: Tensor) -> None:
    here = torch.stack([batch.step, value, slope], 0)
    step = batch.step
    over = ~enough | (value > batch.low[1])
    turned = ~over & (slope * (batch.high[0] - step) >= 0)
    reach = step - batch.low[0]
    batch.high = torch.where(over, here, torch.where(turned, batch.low, batch.high))
    batch.low = torch.where(over, batch.low, here)
    open_end = batch.high[0].isinf()
    left = torch.minimum(batch.low[0], batch.high[0])
    right = torch.maximum(batch.low[0], batch.high[0])
    margin = torch.where(batch.low[0] == 0, 1e-3, 0.1) * (right - left)
    guess = _cubic(batch.low, batch.high)
    guess = torch.where(guess.isfinite(), guess, (left + right) / 2)
    guess = torch.minimum(torch.maximum(guess, left + margin), right - margin)
    undefined = ~batch.high[1].isfinite()
    guess = torch.where(undefined, batch.low[0] + 0.25 * (batch.high[0] - batch.low[0]), guess)
    batch.step = torch.where(open_end, step + 4 * reach, guess)


def _cubic(a: Tensor, b: Tensor) -> Tensor:
    width = b[0] - a[0]
    bend = a[2] + b[2] - 3 * (b[1] - a[1]) / width
    root = (bend * bend - a[2] * b[2]).sqrt() * width.sign()
    return b[0] - width * (b[2] + root - bend) / (b[2] - a[2] + 2 * root)


def _learn(batch: _Batch, trial: Tensor, value: Tensor, gradient: Tensor, accept: Tensor) -> None:
    """BFGS of the accepted problems, then the move."""
    eps = torch.finfo(value.dtype).eps
    s, y = trial - batch.x, gradient - batch.g
    sy = (s * y).sum(0)
    useful = accept & (sy > eps * s.norm(dim=0) * y.norm(dim=0))
    rho = 1 / torch.where(useful, sy, 1.0)
    size = torch.where(batch.known, 1.0, sy / (y * y).sum(0).clamp(min=1e-300))
    inverse = batch.inverse
    if not bool(batch.known.all()):
        unit = torch.eye(len(s), dtype=s.dtype, device=s.device)
        inverse = torch.where(batch.known, inverse, unit[:, :, None] * size)
    hy = _times(inverse, y)
    cross = s[:, None] * hy
    gain = (1 + (y * hy).sum(0) * rho) * rho
    new = inverse - (cross + cross.transpose(0, 1)) * rho + s[:, None] * s * gain
    batch.inverse = torch.where(useful, new, batch.inverse)
    batch.known = batch.known | useful
    batch.x = torch.where(accept, trial, batch.x)
    batch.f = torch.where(accept, value, batch.f)
    batch.g = torch.where(accept, gradient, batch.g)
