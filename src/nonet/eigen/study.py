"""The lesson re-made with numbers: what the trick promises, where it loses digits, and what it costs to keep them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from nonet.eigen.config import StudyConfig
from nonet.eigen.evaluate import METHODS, ClassErrors, accuracy, plain
from nonet.eigen.model import eigvals, eigvalsh
from nonet.foundation.report import Claim, Report, Table

__all__ = ["LESSON", "study"]

LESSON: tuple[tuple[tuple[float, float, float, float], tuple[float, float]], ...] = (
    ((3, 1, 4, 1), (2 - 5**0.5, 2 + 5**0.5)),
    ((8, 4, 2, 6), (4, 10)),
    ((2, 7, 1, 8), (1, 9)),
    ((2, 3, 2, 4), (3 - 7**0.5, 3 + 7**0.5)),
    ((3, 1, 5, 7), (2, 8)),
    ((0, 1, 1, 0), (-1, 1)),
    ((1, 0, 0, -1), (-1, 1)),
)
"""Matrices a, b, c, d of the lesson's examples and quizzes, with their eigenvalues."""

_GATE = 4.0  # units in the last place
_ROUNDING = 1e-14
_OURS = ("nonet eigvals", "nonet eigvalsh")


def study(config: StudyConfig, clock: Callable[[], float] = time.thread_time) -> Report:
    """Measures every claim anew.

    Args:
        config: how much to measure.
        clock: seconds; by default the processor time of this thread.
    """
    rows = accuracy(config.count, config.seed)
    speeds = _speeds(config, clock)
    how = f"{config.count} matrices of each of {len(rows)} classes against 60-digit arithmetic"
    return Report(
        title="Eigenvalues of 2×2 matrices from mean and product",
        claims=[_trick(), _plain_loses(rows, how), _lapack_loses(rows, how), _ours(rows, how), _kinds(rows, how)]
        + [_speed(name, times, config) for name, times in speeds.items()],
        tables=[_errors(rows)],
        summary="After 3Blue1Brown, “A quick trick for computing eigenvalues”. The trick is right on paper; these are "
        "its digits in floating point, beside LAPACK's and this wing's.",
        facts={
            "scale": config.scale,
            "count": config.count,
            "seed": config.seed,
            "batch": config.batch,
            "rounds": config.rounds,
        },
    )


def _trick() -> Claim:
    matrices = np.array([entries for entries, _ in LESSON], float).reshape(-1, 2, 2)
    right = np.array([values for _, values in LESSON])
    error = float(np.abs(plain(matrices) - right).max())
    return Claim(
        text="m ± √(m² - p) gives the eigenvalues of the lesson's matrices",
        article="lesson, examples and quizzes",
        measured=f"largest difference {error:.1e} over {len(LESSON)} matrices",
        holds=error < _ROUNDING,
        how="the formula as taught, in double precision, against the known roots",
    )


def _plain_loses(rows: list[ClassErrors], how: str) -> Claim:
    worst = max(row.units["plain formula"] for row in rows)
    return Claim(
        text="In floating point the plain formula loses digits",
        article="not in the lesson",
        measured=f"up to {worst:.1e} units in the last place",
        holds=worst > _GATE,
        how=how,
    )


def _lapack_loses(rows: list[ClassErrors], how: str) -> Claim:
    hard = next(row for row in rows if row.name.startswith("covariance"))
    worst = min(hard.units["numpy eigvals"], hard.units["numpy eigvalsh"])
    return Claim(
        text="LAPACK loses digits of the smaller eigenvalue of nearly singular covariances",
        article="not in the lesson",
        measured=f"up to {worst:.1e} units in the last place by the better of its two routines, "
        f"{hard.units['nonet eigvalsh']:.1f} by nonet",
        holds=worst > _GATE,
        how=how,
    )


def _ours(rows: list[ClassErrors], how: str) -> Claim:
    worst = max(units for row in rows for name, units in row.units.items() if name in _OURS)
    return Claim(
        text="From the same two numbers all digits can be had",
        article="not in the lesson",
        measured=f"at most {worst:.2f} units in the last place",
        holds=worst <= _GATE,
        how=how,
    )


def _kinds(rows: list[ClassErrors], how: str) -> Claim:
    wrong = {name: sum(row.misjudged.get(name, 0) for row in rows) for name in METHODS}
    return Claim(
        text="Whether a pair is real or complex is always told rightly",
        article="the sign of m² - p",
        measured=f"misjudged: {wrong['nonet eigvals']} by nonet, {wrong['plain formula']} by the plain formula, "
        f"{wrong['numpy eigvals']} by LAPACK",
        holds=wrong["nonet eigvals"] == 0,
        how=how,
    )


def _speeds(config: StudyConfig, clock: Callable[[], float]) -> dict[str, tuple[float, float]]:
    """The fastest times in seconds of NumPy and of this wing, by the name of the function."""
    general = np.random.default_rng(config.seed).standard_normal((config.batch, 2, 2))
    symmetric = np.ascontiguousarray(general + np.swapaxes(general, -1, -2))
    pairs = {
        "eigvals": (lambda: np.linalg.eigvals(general), lambda: eigvals(general)),
        "eigvalsh": (lambda: np.linalg.eigvalsh(symmetric), lambda: eigvalsh(symmetric)),
    }
    return {
        name: (_fastest(theirs, config.rounds, clock), _fastest(ours, config.rounds, clock))
        for name, (theirs, ours) in pairs.items()
    }


def _fastest(run: Callable[[], object], rounds: int, clock: Callable[[], float]) -> float:
    run()  # compiles, and touches the memory
    times = []
    for _ in range(rounds):
        start = clock()
        run()
        times.append(clock() - start)
    return min(times)


def _speed(name: str, times: tuple[float, float], config: StudyConfig) -> Claim:
    theirs, ours = times
    return Claim(
        text=f"{name} is faster than numpy.linalg.{name}",
        article="“quick”: no characteristic polynomial",
        measured=f"{theirs / ours:.0f} times: {ours * 1e3:.2f} ms against {theirs * 1e3:.0f} ms",
        holds=ours < theirs,
        how=f"{config.batch:,} matrices, float64, one thread, the fastest of {config.rounds} rounds",
    )


def _errors(rows: list[ClassErrors]) -> Table:
    names = list(METHODS)
    return Table(
        title="Largest error in units of the last place",
        columns=["matrices", *names],
        rows=[[row.name, *(row.units.get(name) for name in names)] for row in rows],
        caption="∞ where a result is not finite; empty where the matrices are not symmetric.",
    )
