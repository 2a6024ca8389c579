"""The trick, step by step, for one matrix: what the command prints and the page shows."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np

from nonet.eigen.evaluate import plain
from nonet.eigen.model import eig, eigh
from nonet.eigen.reference import decimal, digits_right, exact, root
from nonet.foundation.errors import UsageError

__all__ = ["Lesson", "Spin", "explain", "parse_matrix", "spin"]


@dataclass(frozen=True)
class Lesson:
    """One matrix, taken apart.

    Attributes:
        matrix: a, b, c, d.
        mean: m, half the trace, rounded once.
        product: p, the determinant, rounded once.
        spread: m² - p, rounded once: s² of the distance s, negative where the eigenvalues are complex.
        real: whether the eigenvalues are real.
        eigenvalues: the two, each as (real part, imaginary part).
        eigenvectors: a unit vector for each, as two (real part, imaginary part).
        defective: whether there is only one direction of eigenvectors.
        steps: the computation in sentences.
        digits: right digits of the less accurate eigenvalue, by method.
    """

    matrix: tuple[float, float, float, float]
    mean: float
    product: float
    spread: float
    real: bool
    eigenvalues: list[tuple[float, float]]
    eigenvectors: list[list[tuple[float, float]]]
    defective: bool
    steps: list[str]
    digits: dict[str, float]


@dataclass(frozen=True)
class Spin:
    """A combination of the Pauli matrices along a direction: x σx + y σy + z σz = [[z, x - iy], [x + iy, -z]].

    Attributes:
        axis: x, y, z, of length 1.
        matrix: a, b, c, d, each as (real part, imaginary part).
        mean: half the trace, which is 0.
        product: the determinant -(x² + y² + z²), which is -1 but for rounding.
        eigenvalues: the smaller and the larger one.
        eigenvectors: a unit vector for each, as two (real part, imaginary part).
        points: for each eigenvector the point of the Bloch sphere that stands for it.
    """

    axis: tuple[float, float, float]
    matrix: list[tuple[float, float]]
    mean: float
    product: float
    eigenvalues: list[float]
    eigenvectors: list[list[tuple[float, float]]]
    points: list[tuple[float, float, float]]


def parse_matrix(text: str) -> tuple[float, float, float, float]:
    """The four numbers of ``"3 1; 4 1"``: rows end at a semicolon or a line, numbers at a space or a comma.

    Args:
        text: decimals or fractions such as ``1/3``; brackets are ignored.

    Raises:
        UsageError: if these are not two rows of two finite numbers.
    """
    rows = [
        re.split(r"[\s,]+", row.strip(" ,\t"))
        for row in re.split(r"[;\n]+", re.sub(r"[\[\]()]", " ", text))
        if row.strip(" ,\t")
    ]
    if len(rows) == 1 and len(rows[0]) == 4:
        rows = [rows[0][:2], rows[0][2:]]
    if [len(row) for row in rows] != [2, 2]:
        raise UsageError(f"'{text}' is not a 2×2 matrix.", fix='Write two rows of two numbers, such as "3 1; 4 1".')
    numbers = []
    for word in (word for row in rows for word in row):
        try:
            number = float(Fraction(word)) if "/" in word else float(word)
        except (ValueError, ZeroDivisionError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise UsageError(
                f"'{word}' is not a finite number.", where=f"'{text}'", fix="Write it like 3, -0.5, 1e-9 or 1/3."
            )
        numbers.append(number)
    a, b, c, d = numbers
    return a, b, c, d


def explain(a: float, b: float, c: float, d: float) -> Lesson:
    """The trick on [[a, b], [c, d]], with the digits that each way of computing gets right.

    Args:
        a: upper left entry, finite.
        b: upper right entry.
        c: lower left entry.
        d: lower right entry.
    """
    matrix = np.array([[a, b], [c, d]])
    with np.errstate(all="ignore"):
        found = eig(matrix)
    truth = exact(a, b, c, d)
    w, x, y, z = (Fraction(entry) for entry in (a, b, c, d))
    mean, product = (w + z) / 2, w * z - x * y
    spread = mean * mean - product
    with np.errstate(all="ignore"):
        candidates = {
            "plain formula": plain(matrix)[0],
            "LAPACK": np.sort_complex(np.linalg.eigvals(matrix).astype(np.complex128)),
            "nonet": found.eigenvalues,
        }
    digits = {
        name: min(digits_right(complex(v), t) for v, t in zip(values, truth.pair, strict=True))
        for name, values in candidates.items()
    }
    return Lesson(
        matrix=(a, b, c, d),
        mean=_nearest(mean),
        product=_nearest(product),
        spread=_nearest(spread),
        real=truth.real,
        eigenvalues=[(float(v.real), float(v.imag)) for v in found.eigenvalues],
        eigenvectors=[[(float(v.real), float(v.imag)) for v in column] for column in found.eigenvectors.T],
        defective=bool(found.defective),
        steps=_steps((a, b, c, d), mean, product, spread, found.eigenvalues, bool(found.defective)),
        digits=digits,
    )


def spin(polar: float, azimuth: float) -> Spin:
    """The trick where it pays most: a complex matrix of which mean and product are plain to see.

    Args:
        polar: angle of the direction against the z axis, radians.
        azimuth: its angle around that axis, from x to y, radians.
    """
    x, y, z = math.sin(polar) * math.cos(azimuth), math.sin(polar) * math.sin(azimuth), math.cos(polar)
    matrix = np.array([[z, x - 1j * y], [x + 1j * y, -z]])
    found = eigh(matrix)
    columns = [(complex(u), complex(v)) for u, v in found.eigenvectors.T]
    return Spin(
        axis=(x, y, z),
        matrix=[(float(entry.real), float(entry.imag)) for entry in matrix.ravel()],
        mean=(z - z) / 2,
        product=-z * z - (x * x + y * y),
        eigenvalues=[float(value) for value in found.eigenvalues],
        eigenvectors=[[(u.real, u.imag), (v.real, v.imag)] for u, v in columns],
        points=[_bloch(u, v) for u, v in columns],
    )


def _bloch(u: complex, v: complex) -> tuple[float, float, float]:
    """What the three Pauli matrices measure in the state (u, v)."""
    across = u.conjugate() * v
    return 2 * across.real, 2 * across.imag, abs(u) ** 2 - abs(v) ** 2


def _steps(
    matrix: tuple[float, float, float, float],
    mean: Fraction,
    product: Fraction,
    spread: Fraction,
    values: np.ndarray,
    defective: bool,
) -> list[str]:
    a, b, c, d = (_short(x) for x in matrix)
    m, inside = _written(mean), _written(spread)
    steps = [
        f"The mean of the eigenvalues is the mean of the diagonal: m = ({a} + {_wrapped(d)}) / 2 = {m}.",
        f"Their product is the determinant: p = {a}·{_wrapped(d)} - {_wrapped(b)}·{_wrapped(c)} = {_written(product)}.",
        f"Two numbers around m, at distance s, have the product m² - s². So s² = m² - p = {inside}.",
    ]
    if spread > 0:
        low, high = (_short(float(v.real)) for v in values)
        steps.append(f"s = √{inside} = {_plain(root(spread))}: the eigenvalues are m - s = {low} and m + s = {high}.")
    elif spread < 0:
        pair = f"{m} ± {_short(abs(float(values[1].imag)))} i"
        steps.append(
            f"s² is negative: no real numbers do it. The eigenvalues are {pair}, above and below m in the plane."
        )
    else:
        steps.append(f"s = 0: both eigenvalues are m = {m}.")
        steps.append(
            "The matrix is defective: it has only one direction of eigenvectors."
            if defective
            else "The matrix is a multiple of the identity: every vector is an eigenvector."
        )
    return steps


def _nearest(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def _short(x: float) -> str:
    return f"{x:.12g}".replace("e+", "e")


def _written(x: Fraction) -> str:
    """Twelve digits, of numbers too that no floating-point number holds."""
    return _plain(decimal(x))


def _plain(x: Decimal) -> str:
    near = float(x)
    if math.isfinite(near) and (near or not x):
        return _short(near)
    return f"{Context(prec=12).plus(x).normalize():g}".replace("e+", "e")


def _wrapped(text: str) -> str:
    return f"({text})" if text.startswith("-") else text
