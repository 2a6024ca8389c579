"""The careful path: eigenvalues with every rounding error of D and det carried along, for any exponents.

Written without a branch, on arrays of NumPy, torch or JAX alike. It rests on `nonet.eigen.errorfree`: the terms of D
are distilled, so that what is left after any cancellation still has full precision, and D's sign (real or complex?) is
the true one; b and c are scaled against each other, since only their product counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from nonet.eigen.errorfree import distilled, fraction_and_exponent, rescaled, scaled, two_product, two_sum
from nonet.eigen.namespaces import Array, Namespace

__all__ = ["Spectrum", "complex_spectrum", "determinant", "real_spectrum"]


@dataclass(frozen=True)
class Spectrum:
    """Two eigenvalues and what their computation knows.

    Attributes:
        centre: half the trace.
        half: half the distance of the eigenvalues, √(m² - p): real and not negative for a symmetric matrix; for a
            general real one, negative where the pair is complex: then it is minus the imaginary part.
        low: the smaller eigenvalue if real.
        high: the larger one.
    """

    centre: Array
    half: Array
    low: Array
    high: Array


def real_spectrum(ns: Namespace, a: Array, d: Array, products: list[tuple[Array, Array]]) -> Spectrum:
    """Eigenvalues of [[a, b], [c, d]] where bc is a sum of real products.

    Args:
        ns: the library of the arrays.
        a: the first diagonal entry.
        d: the second one.
        products: bc as pairs to be multiplied and added: one pair for a real matrix, two for a Hermitian one.
    """
    lib = ns.lib
    (ma, ea), (md, ed) = fraction_and_exponent(ns, a), fraction_and_exponent(ns, d)
    factors = [_factor(ns, x, y) for x, y in products]
    e_off = factors[0].exponent
    triangular = factors[0].x * factors[0].y == 0
    for factor in factors[1:]:
        e_off = lib.maximum(e_off, factor.exponent)
        triangular = triangular & (factor.x * factor.y == 0)
    e_diagonal = lib.maximum(ea, ed)
    a_near, d_near = scaled(ns, ma, ea - e_diagonal), scaled(ns, md, ed - e_diagonal)

    root, root_low, negative, e_root = _root(ns, two_sum(a_near, -d_near), e_diagonal, factors, e_off)

    # |t| + √D, at the scale of the larger
    e_pair = lib.maximum(e_diagonal, e_root)
    trace, trace_low = two_sum(a_near, d_near)
    t, t_low = rescaled(ns, trace, e_diagonal - e_pair), rescaled(ns, trace_low, e_diagonal - e_pair)
    near, near_low = rescaled(ns, root, e_root - e_pair), rescaled(ns, root_low, e_root - e_pair)
    sign = lib.where(t < 0, -lib.ones_like(t), lib.ones_like(t))
    double, dropped = two_sum(sign * t, near)
    double, dropped = two_sum(double, dropped + (sign * t_low + near_low))

    determinant, rest, e_det = _determinant(ns, (ma, ea), (md, ed), factors, e_off)
    quotient = _quotient(ns, determinant, rest, double, dropped)

    large, small = rescaled(ns, sign * double, e_pair - 1), rescaled(ns, sign * quotient, e_det - e_pair + 1)
    large, small = lib.where(triangular, a, large), lib.where(triangular, d, small + 0.0)
    swap = large < small
    half = rescaled(ns, root, e_root - 1)
    finite = lib.isfinite(a) & lib.isfinite(d)
    for x, y in products:
        finite = finite & lib.isfinite(x) & lib.isfinite(y)

    def known(x: Array) -> Array:
        return lib.where(finite, x, lib.full_like(x, float("nan")))

    return Spectrum(
        centre=known(rescaled(ns, trace, e_diagonal - 1)),
        half=known(lib.where(negative, -half, half)),
        low=known(lib.where(swap, large, small)),
        high=known(lib.where(swap, small, large)),
    )


@dataclass(frozen=True)
class _Factor:
    """A product x·y·2^exponent with x and y of ordinary size."""

    x: Array
    y: Array
    exponent: Array

    def at(self, ns: Namespace, exponent: Array) -> Array:
        """What to multiply ``y`` with, at the scale 2^exponent."""
        return scaled(ns, self.x, self.exponent - exponent)


def _factor(ns: Namespace, x: Array, y: Array) -> _Factor:
    (mx, ex), (my, ey) = fraction_and_exponent(ns, x), fraction_and_exponent(ns, y)
    return _Factor(mx, my, ex + ey)


def _determinant(
    ns: Namespace, a: tuple[Array, Array], d: tuple[Array, Array], factors: list[_Factor], e_off: Array
) -> tuple[Array, Array, Array]:
    """Ad - bc in two parts, and the exponent of the scale they are at."""
    (ma, ea), (md, ed) = a, d
    e_det = ns.lib.maximum(ea + ed, e_off)
    terms = [term for factor in factors for term in two_product(ns, -factor.at(ns, e_det), factor.y)]
    return *distilled([*terms, *two_product(ns, scaled(ns, ma, ea + ed - e_det), md)]), e_det


def determinant(ns: Namespace, a: Array, d: Array, products: list[tuple[Array, Array]], exponent: Array) -> Array:
    """(ad - bc)·2^exponent of real numbers, right to the last digit or so however much cancels.

    Args:
        ns: the library of the arrays.
        a: the first factor of ad.
        d: the second factor.
        products: bc, as in `real_spectrum`.
        exponent: an integer array.
    """
    factors = [_factor(ns, x, y) for x, y in products]
    e_off = factors[0].exponent
    for factor in factors[1:]:
        e_off = ns.lib.maximum(e_off, factor.exponent)
    near, rest, e_det = _determinant(ns, fraction_and_exponent(ns, a), fraction_and_exponent(ns, d), factors, e_off)
    return rescaled(ns, near + rest, e_det + exponent)


def _root(
    ns: Namespace, difference: tuple[Array, Array], e_diagonal: Array, factors: list[_Factor], e_off: Array
) -> tuple[Array, Array, Array, Array]:
    """√|D| in two parts, whether D is negative, and the exponent of the scale they are at.

    D = q² + 2 q q_low + q_low² + 4bc is summed at a scale at which the larger of q² and bc is of ordinary size.
    """
    lib = ns.lib
    mq, eq = fraction_and_exponent(ns, difference[0])
    e_root = lib.maximum(eq + e_diagonal, (e_off + 1) >> 1)
    q, q_low = scaled(ns, mq, eq + e_diagonal - e_root), rescaled(ns, difference[1], e_diagonal - e_root)
    terms = [*two_product(ns, q_low, q_low), *two_product(ns, 2 * q, q_low)]
    for factor in factors:
        terms += two_product(ns, 4 * factor.at(ns, 2 * e_root), factor.y)
    discriminant, rest = distilled([*terms, *two_product(ns, q, q)])
    negative = discriminant < 0
    size, rest = lib.abs(discriminant), lib.where(negative, -rest, rest)
    root = lib.sqrt(size)
    square, square_low = two_product(ns, root, root)
    twice = lib.where(root > 0, 2 * root, lib.ones_like(root))
    return root, (((size - square) - square_low) + rest) / twice, negative, e_root


def _quotient(ns: Namespace, x: Array, x_low: Array, y: Array, y_low: Array) -> Array:
    """(x + x_low) / (y + y_low) with one more step than a plain division; 0 for y = 0, which only x = 0 has here."""
    y = ns.lib.where(y == 0, ns.lib.ones_like(y), y)
    quotient = x / y
    product, product_low = two_product(ns, quotient, y)
    return quotient + (((x - product) - product_low) + (x_low - quotient * y_low)) / y


def complex_spectrum(ns: Namespace, a: Array, b: Array, c: Array, d: Array) -> Spectrum:
    """Eigenvalues of complex matrices; ``half`` is complex here, and high = centre + half.

    Args:
        ns: the library of the arrays.
        a: upper left entries.
        b: upper right entries.
        c: lower left entries.
        d: lower right entries.
    """
    lib = ns.lib
    ma, ea = _complex_fraction(ns, a)
    mb, eb = _complex_fraction(ns, b)
    mc, ec = _complex_fraction(ns, c)
    md, ed = _complex_fraction(ns, d)
    e_off, e_diagonal = eb + ec, lib.maximum(ea, ed)
    near = [(rescaled(ns, x, ea - e_diagonal), rescaled(ns, y, ed - e_diagonal)) for x, y in zip(ma, md, strict=True)]
    (p, p_low), (q, q_low) = (two_sum(x, -y) for x, y in near)

    size = lib.maximum(fraction_and_exponent(ns, p)[1], fraction_and_exponent(ns, q)[1])
    e_root = lib.maximum(size + e_diagonal, (e_off + 1) >> 1)
    p, p_low, q, q_low = (rescaled(ns, x, e_diagonal - e_root) for x in (p, p_low, q, q_low))
    br, bi = (rescaled(ns, 4 * x, e_off - 2 * e_root) for x in mb)
    across = [(p_low, p_low), (-q_low, q_low), (2 * p, p_low), (-2 * q, q_low), (br, mc[0]), (-bi, mc[1])]
    root = _complex_root(
        ns,
        _dot(ns, [*across, (-q, q), (p, p)]),
        _dot(ns, [(2 * p_low, q_low), (2 * p, q_low), (2 * p_low, q), (br, mc[1]), (bi, mc[0]), (2 * p, q)]),
    )

    e_pair = lib.maximum(e_diagonal, e_root)
    trace = [x + y for x, y in near]
    t = [rescaled(ns, x, e_diagonal - e_pair) for x in trace]
    near_root = [rescaled(ns, x, e_root - e_pair) for x in root]
    against = t[0] * near_root[0] + t[1] * near_root[1] < 0
    double = [x + lib.where(against, -y, y) for x, y in zip(t, near_root, strict=True)]

    e_det = lib.maximum(ea + ed, e_off)
    ar, ai = (rescaled(ns, x, ea + ed - e_det) for x in ma)
    br, bi = (rescaled(ns, x, e_off - e_det) for x in mb)
    real = _dot(ns, [(-br, mc[0]), (bi, mc[1]), (-ai, md[1]), (ar, md[0])])
    imaginary = _dot(ns, [(-br, mc[1]), (-bi, mc[0]), (ai, md[0]), (ar, md[1])])
    norm = double[0] * double[0] + double[1] * double[1]
    norm = lib.where(norm == 0, lib.ones_like(norm), norm)
    small = ((real * double[0] + imaginary * double[1]) / norm, (imaginary * double[0] - real * double[1]) / norm)

    triangular = (b == 0) | (c == 0)
    large = lib.where(triangular, a, ns.complex(*(rescaled(ns, x, e_pair - 1) for x in double)))
    small = lib.where(triangular, d, ns.complex(*(rescaled(ns, x, e_det - e_pair + 1) + 0.0 for x in small)))
    centre = ns.complex(*(rescaled(ns, x, e_diagonal - 1) for x in trace))
    half = ns.complex(*(rescaled(ns, x, e_root - 1) for x in root))
    finite = lib.isfinite(a) & lib.isfinite(b) & lib.isfinite(c) & lib.isfinite(d)
    return _in_order(ns, centre, half, large, small, finite)


def _in_order(ns: Namespace, centre: Array, half: Array, large: Array, small: Array, finite: Array) -> Spectrum:
    """Complex eigenvalues sorted by real part, then by imaginary part; NaN where a matrix is not finite."""
    lib = ns.lib
    swap = (large.real < small.real) | ((large.real == small.real) & (large.imag < small.imag))
    low, high = lib.where(swap, large, small), lib.where(swap, small, large)
    away = (high - low).real * half.real + (high - low).imag * half.imag < 0
    unknown = lib.full_like(half, complex(float("nan"), float("nan")))
    return Spectrum(
        centre=lib.where(finite, centre, unknown),
        half=lib.where(finite, lib.where(away, -half, half), unknown),
        low=lib.where(finite, low, unknown),
        high=lib.where(finite, high, unknown),
    )


def _complex_fraction(ns: Namespace, z: Array) -> tuple[tuple[Array, Array], Array]:
    """Real and imaginary part at a scale at which the larger is of ordinary size, and that scale's exponent."""
    parts = ns.parts(z)
    exponents = [fraction_and_exponent(ns, part)[1] for part in parts]
    exponent = ns.lib.maximum(*exponents)
    return (rescaled(ns, parts[0], -exponent), rescaled(ns, parts[1], -exponent)), exponent


def _dot(ns: Namespace, products: list[tuple[Array, Array]]) -> Array:
    total, rest = distilled([term for x, y in products for term in two_product(ns, x, y)])
    return total + rest


def _complex_root(ns: Namespace, x: Array, y: Array) -> tuple[Array, Array]:
    """The square root with a real part that is not negative."""
    lib = ns.lib
    wide = lib.sqrt(0.5 * (lib.abs(x) + lib.hypot(x, y)))
    narrow = y / lib.where(wide == 0, lib.ones_like(wide), 2 * wide)
    return lib.where(x < 0, lib.abs(narrow), wide), lib.where(x < 0, lib.copysign(wide, y), narrow)
