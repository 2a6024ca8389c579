"""Exact eigenvalues of one real matrix, by fractions and 60-digit decimals: what everything else is judged by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

__all__ = ["Reference", "decimal", "digits_right", "exact", "root", "units_off"]

_WIDE = Context(prec=60, Emin=-999999, Emax=999999)


@dataclass(frozen=True)
class Reference:
    """The eigenvalues (low, high) if real, else low ∓ i·high: centre and imaginary part.

    Attributes:
        real: whether the eigenvalues are real; decided in exact arithmetic.
        low: the smaller eigenvalue, or the real part of both.
        high: the larger eigenvalue, or the positive imaginary part.
    """

    real: bool
    low: Decimal
    high: Decimal

    @property
    def pair(self) -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
        """Both eigenvalues as (real part, imaginary part), in the order of `nonet.eigen.eigvals`."""
        if self.real:
            return (self.low, Decimal(0)), (self.high, Decimal(0))
        return (self.low, self.high.copy_negate()), (self.low, self.high)


def exact(a: float, b: float, c: float, d: float) -> Reference:
    """The eigenvalues of [[a, b], [c, d]], right to more than 50 digits.

    Args:
        a: upper left entry, finite.
        b: upper right entry.
        c: lower left entry.
        d: lower right entry.
    """
    w, x, y, z = Fraction(a), Fraction(b), Fraction(c), Fraction(d)
    trace, discriminant, determinant = w + z, (w - z) ** 2 + 4 * x * y, w * z - x * y
    apart = root(abs(discriminant))
    if discriminant < 0:
        return Reference(False, decimal(trace / 2), _WIDE.divide(apart, Decimal(2)))
    large = _WIDE.divide(_WIDE.add(decimal(abs(trace)), apart), Decimal(2))
    # the product of both is the determinant, so that the smaller one cancels nothing
    small = _WIDE.divide(decimal(determinant), large) if large else Decimal(0)
    pair = (small, large) if trace >= 0 else (small.copy_negate(), large.copy_negate())
    return Reference(True, min(pair), max(pair))


def units_off(value: float, truth: Decimal) -> float:
    """The error in units of the last place of the truth; infinite for what is not finite.

    Args:
        value: a computed number.
        truth: the right one.
    """
    if not math.isfinite(value):
        return 0.0 if value == float(truth) else math.inf
    gap = abs(_WIDE.subtract(Decimal(value), truth))
    return float(_WIDE.divide(gap, Decimal(math.ulp(float(truth))))) if math.isfinite(float(truth)) else math.inf


def digits_right(value: complex, truth: tuple[Decimal, Decimal]) -> float:
    """How many decimal digits are right: -log₁₀ of the relative error, from 0 to 17 (no error at all).

    Args:
        value: a computed eigenvalue.
        truth: its right real and imaginary part.
    """
    if not (math.isfinite(value.real) and math.isfinite(value.imag)):
        return 0.0
    error = max(abs(_WIDE.subtract(Decimal(x), y)) for x, y in zip((value.real, value.imag), truth, strict=True))
    size = max(abs(part) for part in truth)
    if not error:
        return 17.0
    if not size:
        return 0.0
    return min(max(float(-_WIDE.divide(error, size).log10()), 0.0), 17.0)


def decimal(x: Fraction) -> Decimal:
    """A fraction to 60 digits."""
    return _WIDE.divide(Decimal(x.numerator), Decimal(x.denominator))


def root(x: Fraction) -> Decimal:
    """The square root of a fraction that is not negative, to 60 digits."""
    return _WIDE.sqrt(decimal(x))
