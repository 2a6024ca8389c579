"""The fast path: compiled loops over many real matrices, which also say which rows they cannot vouch for.

With ``t = a + d``, ``q = a - d`` and ``D = q² + 4bc`` the roots are ``(t ± √D) / 2``. The larger one is computed so,
the smaller one as ``det / larger``, because the video's ``m - √(m² - p)`` cancels. What D and det lose to cancellation
is carried along: TwoSum (Knuth) keeps the rounding error of a sum, a fused multiply-add that of a product. A row is
marked where even that is not enough, or where an exponent is extreme, and `nonet.eigen.careful` does it again.

LLVM may neither contract nor reorder these operations: numba's ``fastmath`` stays off. Nothing in a loop branches and
every array is flat, so that LLVM runs four rows at a time.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

__all__ = ["general_entries", "general_rows", "symmetric_entries", "symmetric_rows"]

_DEPTH = 2.0**-40  # of a cancelling sum this much must be left: what it neglects is 2^-100 of its terms
_SMALL, _LARGE = 2.0**-600, 2.0**800  # between these, no rounding error falls below the smallest number
_HUGE = 2.0**400  # eigenvalues below this have squares below _LARGE


def _intrinsic(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A function of compiled code, made by a rule that has one argument more than the function: the typing context."""
    return intrinsic(rule)


@_intrinsic
def _fma(typing_context, x, y, z):
    """x·y + z rounded once: an instruction where the processor has it, the C library's function elsewhere."""
    if not x == y == z == types.float64:
        return None

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


@_intrinsic
def _pick(typing_context, condition, x, y):
    """X where the condition holds, else y, without a branch."""
    if not (condition == types.boolean and x == y == types.float64):
        return None

    def generate(context, builder, signature, arguments):
        return builder.select(*arguments)

    return types.float64(types.boolean, types.float64, types.float64), generate


def _inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    return numba.njit(error_model="numpy", forceinline=True)(inspect.unwrap(function))


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles at the first call, and keeps the result on disk if there is a folder that may be written to."""
    function = inspect.unwrap(function)  # numba can compile no run-time check of annotations around it
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no place for its cache
        return numba.njit(**options)(function)


@_inlined
def _two_sum(x, y):
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


@_inlined
def _two_difference(x, y):
    total = x - y
    part = total - x
    return total, (x - (total - part)) - (y + part)


@_inlined
def _sorted(first, second):
    swap = second < first
    return _pick(swap, second, first), _pick(swap, first, second)


@_inlined
def _pair(t, root, determinant):
    """(t ± root) / 2 without cancellation."""
    size = abs(t)
    double = size + root
    left = double - size
    dropped = (size - (double - left)) + (root - left)
    inverse = 1.0 / double
    small = determinant * inverse
    small += (_fma(-small, double, determinant) - small * dropped) * inverse
    large, small = 0.5 * double, small + small
    return _pick(t < 0.0, -large, large), _pick(t < 0.0, -small, small)


@_inlined
def _general(a, b, c, d):
    """Centre, half distance or imaginary part, the roots if real, whether they are, whether to trust all this."""
    q, q_low = _two_difference(a, d)
    square, product = q * q, b * c
    product_low = _fma(b, c, -product)
    discriminant, low = _two_sum(square, 4.0 * product)
    discriminant += low + (_fma(q, q, -square) + (4.0 * product_low + 2.0 * q * q_low))
    root = math.sqrt(abs(discriminant))

    across = a * d
    determinant, low = _two_sum(across, -product)
    determinant += low + (_fma(a, d, -across) - product_low)
    large, small = _pair(a + d, root, determinant)

    triangular = (b == 0.0) | (c == 0.0)
    real = (discriminant > 0.0) | triangular
    size, kept = abs(discriminant), abs(determinant)
    sure = (size > _fma(_DEPTH, square + 4.0 * abs(product), _SMALL)) & (size < _LARGE)
    sure &= (not real) | ((kept > _fma(_DEPTH, abs(across) + abs(product), _SMALL)) & (kept < _LARGE))
    sure |= triangular & (square + abs(b) + abs(c) < _LARGE)
    low, high = _sorted(_pick(triangular, a, small), _pick(triangular, d, large))
    return 0.5 * (a + d), _pick(triangular, 0.5 * abs(q), 0.5 * root), low, high, real, sure


@_inlined
def _symmetric(a, b, d):
    """Half distance, the roots, whether to trust the roots, whether to trust the half distance.

    D/4 is a sum of squares, so nothing cancels in it, and Kahan's determinant (ad - b², two units of rounding at most)
    needs no test either. What is left is the exponents. Few operations are: the memory is hardly slower than they.
    """
    q, q_low = _two_difference(a, d)
    delta = 0.5 * q
    quarter = _fma(delta, delta, _fma(b, b, delta * q_low))
    half = math.sqrt(quarter)
    product = b * b
    determinant = _fma(a, d, -product) - _fma(b, b, -product)
    t = a + d
    size = _fma(0.5, abs(t), half)
    large = math.copysign(size, t)
    small = determinant / large

    diagonal = b == 0.0
    sure = ((abs(determinant) > _SMALL) | diagonal) & (size < _HUGE)
    low, high = _sorted(_pick(diagonal, a, small), _pick(diagonal, d, large))
    return _pick(diagonal, abs(delta), half), low, high, sure, (quarter > _SMALL) | diagonal


@_inlined
def _general_row(i, a, b, c, d, roots, half, marked):
    """Row i of the results, as `general_entries` describes them."""
    m, s, low, high, real, sure = _general(np.float64(a), np.float64(b), np.float64(c), np.float64(d))
    roots[4 * i] = _pick(real, low, m)
    roots[4 * i + 1] = _pick(real, 0.0, -s)
    roots[4 * i + 2] = _pick(real, high, m)
    roots[4 * i + 3] = _pick(real, 0.0, s)
    marked[i] = not sure
    if half is not None:
        half[i] = _pick(real, s, -s)


@_inlined
def _symmetric_row(i, a, b, d, low, high, half):
    """Row i of the results, as `symmetric_entries` describes them; whether it is to be done with more care."""
    s, first, high[i], sure, deep = _symmetric(np.float64(a), np.float64(b), np.float64(d))
    if half is not None:
        half[i] = s
        sure &= deep
    low[i] = _pick(sure, first, math.nan)
    return not sure


@_inlined
def _symmetric_four(i, entries, lower, low, high, half):
    """As `_symmetric_row`, from a, b, c, d of row i, taking c for b if ``lower``."""
    b = _pick(lower, np.float64(entries[4 * i + 2]), np.float64(entries[4 * i + 1]))
    return _symmetric_row(i, entries[4 * i], b, entries[4 * i + 3], low, high, half)


@_compiled
def general_entries(a, b, c, d, roots, half, marked):
    """Eigenvalues of [[a, b], [c, d]], one matrix an element of the four arrays.

    Args:
        a: upper left entries, of shape (n,), float32 or float64 as all the others.
        b: upper right entries.
        c: lower left entries.
        d: lower right entries.
        roots: gets the roots as (re, im) of the first, (re, im) of the second, flat, of shape (4n,).
        half: gets half the distance of the roots, of shape (n,): positive if real, negative if imaginary; or None.
        marked: gets True for a row to be done with more care, of shape (n,).
    """
    for i in range(a.size):
        _general_row(i, a[i], b[i], c[i], d[i], roots, half, marked)


@_compiled
def general_rows(entries, roots, half, marked):
    """As `general_entries`, the entries being a, b, c, d of one matrix after the other in one flat array."""
    for i in range(entries.size // 4):
        a, b, c, d = entries[4 * i], entries[4 * i + 1], entries[4 * i + 2], entries[4 * i + 3]
        _general_row(i, a, b, c, d, roots, half, marked)


@_compiled
def symmetric_entries(a, b, d, low, high, half):
    """Eigenvalues of [[a, b], [b, d]], one matrix an element of the three arrays.

    Args:
        a: upper left entries, of shape (n,), float32 or float64 as all the others.
        b: off-diagonal entries.
        d: lower right entries.
        low: gets the smaller roots, of shape (n,); NaN for a row to be done with more care.
        high: gets the larger roots, of shape (n,).
        half: gets half the distance of the roots, of shape (n,), or None.

    Returns:
        How many rows are to be done with more care.
    """
    again = 0
    for i in range(a.size):
        again += _symmetric_row(i, a[i], b[i], d[i], low, high, half)
    return again


@_compiled
def symmetric_rows(entries, lower, low, high, half):
    """As `symmetric_entries`, from one flat array of a, b, c, d, taking c for b if ``lower``.

    The loop stands at three places of the array at once: the processor then fetches ahead along three streams, as it
    does for three arrays, and waits less for the memory.
    """
    again, third = 0, entries.size // 12
    for i in range(third):
        again += _symmetric_four(i, entries, lower, low, high, half)
        again += _symmetric_four(i + third, entries, lower, low, high, half)
        again += _symmetric_four(i + 2 * third, entries, lower, low, high, half)
    for i in range(3 * third, entries.size // 4):
        again += _symmetric_four(i, entries, lower, low, high, half)
    return again
