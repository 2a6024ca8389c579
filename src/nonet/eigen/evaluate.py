"""How the wing is judged: errors in units of the last place, over classes of matrices each hard in its own way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nonet.eigen.model import eigvals, eigvalsh
from nonet.eigen.reference import exact, units_off

__all__ = ["METHODS", "ClassErrors", "accuracy", "matrix_classes", "plain"]


@dataclass(frozen=True)
class ClassErrors:
    """The largest error of each method over one class of matrices.

    Attributes:
        name: the class.
        units: a method's name and its largest error in units of the last place, over the real and imaginary parts of
            both eigenvalues; infinite where a result is not finite. Methods for symmetric matrices appear where the
            class is symmetric.
        misjudged: a method's name and how many matrices it called real that are complex, or the reverse.
    """

    name: str
    units: dict[str, float]
    misjudged: dict[str, int]


def plain(matrices: np.ndarray) -> np.ndarray:
    """The trick as taught, m ± √(m² - p), in floating point: complex eigenvalues (n, 2) of matrices (n, 2, 2)."""
    a, b, c, d = matrices.reshape(-1, 4).T
    with np.errstate(all="ignore"):
        m, p = (a + d) / 2, a * d - b * c
        s = np.sqrt((m * m - p).astype(np.complex128))
        return np.stack([m - s, m + s], -1)


def _lapack(matrices: np.ndarray) -> np.ndarray:
    return np.sort_complex(np.linalg.eigvals(matrices).astype(np.complex128))


METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "plain formula": plain,
    "numpy eigvals": _lapack,
    "nonet eigvals": eigvals,
    "numpy eigvalsh": lambda x: np.linalg.eigvalsh(x).astype(np.complex128),
    "nonet eigvalsh": lambda x: eigvalsh(x).astype(np.complex128),
}


def matrix_classes(count: int, seed: int) -> dict[str, np.ndarray]:
    """Matrices of each class, (count, 2, 2).

    Args:
        count: how many of each.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape)

    def built(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
        return np.stack([a, b, c, d], -1).reshape(-1, 2, 2)

    angle = rng.uniform(0, np.pi, count)
    cos, sin = np.cos(angle), np.sin(angle)
    ratio, gap = 10 ** rng.uniform(-12, -4, count), 10 ** rng.uniform(-14, -6, count)
    flat = cos * sin * (1 - ratio)
    b, m, w = normal(count), normal(count), normal(count)
    near = gap * normal(count)
    triangular = normal(count, 2, 2)
    triangular[:, 1, 0] *= 1e-160
    triangular[:, 0, 1] *= 1e160
    return {
        "normal": normal(count, 2, 2),
        "symmetric": built(w, b, b, m),
        "covariance, condition 1e4 to 1e12": built(
            cos * cos + ratio * sin * sin, flat, flat, sin * sin + ratio * cos * cos
        ),
        "symmetric, gap 1e-14 to 1e-6": built(1 + gap * w, near, near, 1 + gap * m),
        "rank one + 1e-10": normal(count, 2, 1) * normal(count, 1, 2) + 1e-10 * normal(count, 2, 2),
        "near-defective": built(m + b, b * b * (1 + gap), -np.ones(count), m - b),
        "rotation": built(cos, -sin, sin, cos),
        "graded columns": normal(count, 2, 2) * np.array([1.0, 1e-8]),
        "× 1e200": normal(count, 2, 2) * 1e200,
        "× 1e-200": normal(count, 2, 2) * 1e-200,
        "off-diagonal 1e±160": triangular,
        "subnormal": normal(count, 2, 2) * 1e-310,
        "any exponents": np.ldexp(rng.uniform(-1, 1, (count, 2, 2)), rng.integers(-1070, 1020, (count, 2, 2))),
        "small integers": rng.integers(-3, 4, (count, 2, 2)).astype(np.float64),
    }


def accuracy(
    count: int, seed: int, methods: dict[str, Callable[[np.ndarray], np.ndarray]] = METHODS
) -> list[ClassErrors]:
    """The largest errors of each method on each class, against exact arithmetic.

    Args:
        count: matrices a class.
        seed: of the random matrices.
        methods: functions from (n, 2, 2) to complex (n, 2), sorted by real, then imaginary part.
    """
    found = []
    for name, matrices in matrix_classes(count, seed).items():
        truths = [exact(*matrix.ravel()) for matrix in matrices]
        symmetric = bool((matrices[:, 0, 1] == matrices[:, 1, 0]).all())
        units, misjudged = {}, {}
        for label, method in methods.items():
            if label.endswith("eigvalsh") and not symmetric:
                continue
            values = method(matrices)
            units[label] = max(
                max(units_off(value.real, re), units_off(value.imag, im))
                for row, truth in zip(values, truths, strict=True)
                for value, (re, im) in zip(row, truth.pair, strict=True)
            )
            reals = (np.imag(values) == 0).all(-1)
            misjudged[label] = int(sum(real != truth.real for real, truth in zip(reals, truths, strict=True)))
        found.append(ClassErrors(name, units, misjudged))
    return found
