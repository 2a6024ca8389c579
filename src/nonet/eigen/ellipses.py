"""What a 2×2 matrix says about shapes: condition, orientation, anisotropy, confidence ellipses, contour areas."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np

from nonet.eigen.careful import determinant
from nonet.eigen.errorfree import fraction_and_exponent, times_power
from nonet.eigen.matrices import Entries, MatrixError, general_entries, hermitian_entries
from nonet.eigen.namespaces import Array, Namespace
from nonet.eigen.spectrum import hermitian
from nonet.foundation.errors import UsageError

__all__ = ["Ellipse", "anisotropy", "bcea", "condition", "ellipse", "orientation"]

_QUIET = np.errstate(all="ignore")  # as in `nonet.eigen.model`
_ROUNDING = 8.0  # a covariance computed in floating point may miss being one by so many units of rounding


class Ellipse(NamedTuple):
    """Ellipses, one a matrix.

    Attributes:
        major: the longer semi-axis, (...), in the unit of the data.
        minor: the shorter one.
        angle: of the longer axis against the first coordinate, radians in (-π/2, π/2].
    """

    major: Array
    minor: Array
    angle: Array


@_QUIET
def condition(*matrix: Any) -> Array:
    """Condition numbers in the 2-norm: largest over smallest singular value; infinite for singular matrices.

    Args:
        *matrix: one array of shape (..., 2, 2), or the entries a, b, c, d.

    Returns:
        Real, (...), at least 1; NaN where the matrix is not finite.
    """
    entries = general_entries("condition", matrix)
    if entries.is_complex:
        return _complex_condition(entries)
    ns, lib = entries.ns, entries.ns.lib
    exponent = _exponent(ns, entries.a, entries.b, entries.c, entries.d)
    a, b, c, d = (times_power(ns, x, -exponent) for x in (entries.a, entries.b, entries.c, entries.d))
    size = lib.abs(_determinant(ns, entries, a * d - b * c, exponent))
    return _over_determinant(ns, 0.5 * (ns.length(a + d, c - b) + ns.length(a - d, b + c)), size)


def _complex_condition(entries: Entries) -> Array:
    """By the squares of the singular values, whose sum is that of all entries and whose product is |det|²."""
    ns, lib = entries.ns, entries.ns.lib
    exponent = _exponent(ns, *(p for x in (entries.a, entries.b, entries.c, entries.d) for p in ns.parts(x)))
    a, b, c, d = (times_power(ns, x, -exponent) for x in (entries.a, entries.b, entries.c, entries.d))
    total = ns.magnitude(a) ** 2 + ns.magnitude(b) ** 2 + ns.magnitude(c) ** 2 + ns.magnitude(d) ** 2
    size = ns.magnitude(a * d - b * c)
    gap = total - 2 * size
    apart = ns.root(lib.where(gap > 0, gap, lib.zeros_like(gap)))
    return _over_determinant(ns, 0.5 * (ns.root(total + 2 * size) + apart), size)


def _over_determinant(ns: Namespace, largest: Array, determinant: Array) -> Array:
    """σ₁/σ₂ of σ₁ and |det| = σ₁σ₂."""
    singular = determinant == 0
    found = largest * (largest / ns.lib.where(singular, ns.lib.ones_like(largest), determinant))
    found = ns.lib.where(singular, ns.lib.full_like(found, math.inf), found)
    return ns.lib.where(found < 1, ns.lib.ones_like(found), found)


@_QUIET
def orientation(*matrix: Any, UPLO: Literal["L", "U"] = "L") -> Array:
    """The angle of the eigenvector of the larger eigenvalue of real symmetric matrices.

    Args:
        *matrix: one array of shape (..., 2, 2), or the entries a, b, d.
        UPLO: which off-diagonal entry is read.

    Returns:
        Radians in (-π/2, π/2], (...); 0 for a multiple of the identity, with gradient 0.
    """
    return _orientation(_real_symmetric("orientation", matrix, UPLO))


def _orientation(entries: Entries) -> Array:
    ns, lib = entries.ns, entries.ns.lib
    b, delta = entries.b, 0.5 * entries.a - 0.5 * entries.d
    level = (b == 0) & (delta == 0)
    one = lib.ones_like(delta)
    angle = 0.5 * lib.arctan2(lib.where(b == 0, lib.zeros_like(b), b), lib.where(level, one, delta))
    # where b is 0 its value is not used, but its gradient is
    alone = (b == 0) & ~level
    turned = 0.5 * (b - ns.constant(b)) / lib.where(alone, delta, one)
    return angle + lib.where(alone, turned, lib.zeros_like(turned))


@_QUIET
def anisotropy(*matrix: Any, UPLO: Literal["L", "U"] = "L") -> Array:
    """(λ₂ - λ₁) / (λ₂ + λ₁) of symmetric or Hermitian matrices; its square is the coherence of structure tensors.

    Args:
        *matrix: one array of shape (..., 2, 2), or the entries a, b, d.
        UPLO: which off-diagonal entry is read.

    Returns:
        In [0, 1] for positive semi-definite matrices, (...); 0 for the zero matrix. Larger than 1, or infinite, where
        the eigenvalues have opposite signs.
    """
    entries = hermitian_entries("anisotropy", matrix, UPLO)
    lib = entries.ns.lib
    _, _, half = hermitian(entries)
    centre = lib.abs(0.5 * entries.a + 0.5 * entries.d)
    level, opposite = half == 0, (centre == 0) & (half != 0)
    found = half / lib.where(level | opposite, lib.ones_like(centre), centre)
    return lib.where(opposite, lib.full_like(half, math.inf), lib.where(level, half, found))


@_QUIET
def ellipse(*covariance: Any, level: float = 0.95, UPLO: Literal["L", "U"] = "L") -> Ellipse:
    """Confidence ellipses of bivariate normal distributions.

    Args:
        *covariance: covariance matrices, one array of shape (..., 2, 2), or the variances and the covariance a, b, d.
        level: the probability inside, in (0, 1); the squared radius is then the χ² quantile -2 ln(1 - level).
        UPLO: which off-diagonal entry is read.

    Returns:
        Semi-axes and angle. A smaller eigenvalue that is negative by no more than rounding counts as 0; a matrix that
        is no covariance gets NaN axes.

    Raises:
        UsageError: if the level is not between 0 and 1.
    """
    entries = _real_symmetric("ellipse", covariance, UPLO)
    ns = entries.ns
    radius = math.sqrt(-2 * math.log1p(-_probability("ellipse", "level", level)))
    low, high, _ = hermitian(entries)
    valid, low = _covariance(ns, low, high)
    nowhere = ns.lib.full_like(high, math.nan)
    major, minor = (ns.lib.where(valid, radius * ns.root(ns.lib.where(valid, x, 0 * x)), nowhere) for x in (high, low))
    return Ellipse(major, minor, _orientation(entries))


@_QUIET
def bcea(*covariance: Any, share: float = 0.682, UPLO: Literal["L", "U"] = "L") -> Array:
    """Bivariate contour ellipse area: the steadiness of a fixation in eye tracking, 2kπ √det with 1 - e^-k = share.

    Args:
        *covariance: covariance matrices of gaze positions, one array of shape (..., 2, 2), or the entries a, b, d.
        share: the share of the positions inside, in (0, 1).
        UPLO: which off-diagonal entry is read.

    Returns:
        Areas in the square of the data's unit, (...); 0 for a singular covariance, NaN for what is no covariance.

    Raises:
        UsageError: if the share is not between 0 and 1.
    """
    entries = _real_symmetric("bcea", covariance, UPLO)
    ns = entries.ns
    k = -math.log1p(-_probability("bcea", "share", share))
    low, high, _ = hermitian(entries)
    valid, low = _covariance(ns, low, high)
    area = 2 * math.pi * k * ns.root(ns.lib.where(valid, low, 0 * low)) * ns.root(ns.lib.where(valid, high, 0 * high))
    return ns.lib.where(valid, area, ns.lib.full_like(area, math.nan))


def _covariance(ns: Namespace, low: Array, high: Array) -> tuple[Array, Array]:
    """Which matrices are covariances, and their smaller eigenvalue with what rounding made negative set to 0."""
    slack = _ROUNDING * ns.lib.finfo(high.dtype).eps * high
    return low >= -slack, ns.lib.where(low < 0, ns.lib.zeros_like(low), low)


def _real_symmetric(function: str, matrix: tuple[Any, ...], UPLO: Literal["L", "U"]) -> Entries:
    entries = hermitian_entries(function, matrix, UPLO)
    if entries.ns.is_complex(entries.b):
        raise MatrixError("The matrices are complex.", where=function, fix="Give real symmetric matrices.")
    return entries


def _probability(function: str, name: str, value: float) -> float:
    if not 0 < value < 1:
        raise UsageError(f"{name} is {value}.", where=function, fix="Give a number between 0 and 1, such as 0.95.")
    return float(value)


def _exponent(ns: Namespace, *parts: Array) -> Array:
    largest = ns.lib.abs(ns.constant(parts[0]))
    for part in parts[1:]:
        largest = ns.lib.maximum(largest, ns.lib.abs(ns.constant(part)))
    exponent = fraction_and_exponent(ns, largest)[1]
    return ns.lib.where(largest == 0, ns.lib.zeros_like(exponent), exponent)  # no huge factor for gradients to meet


def _determinant(ns: Namespace, entries: Entries, plain: Array, exponent: Array) -> Array:
    """The determinant at the scale 2^-exponent of the entries: the plain one's gradient, the careful one's value."""
    a, b, c, d = (ns.constant(x) for x in (entries.a, entries.b, entries.c, entries.d))
    return determinant(ns, a, d, [(b, c)], -2 * exponent) + (plain - ns.constant(plain))
