"""Error-free transformations and exact scaling: what the careful path computes with.

Written without a branch, on arrays of NumPy, torch or JAX alike:

- TwoSum (Knuth 1969) and TwoProduct (Dekker 1971, the halves cut by masking bits, which a compiler's fused
  multiply-adds cannot spoil) return a rounded result and what rounding lost;
- distillation (Kahan; Ogita, Rump & Oishi 2005), passes of TwoSum over many terms, leaves their sum with full precision
  whatever cancels;
- powers of two scale without any error, subnormal numbers too.
"""

from __future__ import annotations

from dataclasses import dataclass

from nonet.eigen.namespaces import Array, Namespace

__all__ = [
    "distilled",
    "fraction_and_exponent",
    "powers_of_two",
    "rescaled",
    "scaled",
    "times_power",
    "two_product",
    "two_sum",
]


@dataclass(frozen=True)
class _Format:
    """Numbers of one floating-point type: how many bits their fraction has, and what their exponent is offset by."""

    fraction: int
    bias: int

    @classmethod
    def of(cls, x: Array) -> _Format:
        return cls(52, 1023) if "64" in str(x.dtype) else cls(23, 127)


def two_sum(x: Array, y: Array) -> tuple[Array, Array]:
    """The rounded sum and what rounding lost."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def two_product(ns: Namespace, x: Array, y: Array) -> tuple[Array, Array]:
    """The rounded product and what rounding lost, for factors of ordinary size."""
    product = x * y
    x_high, x_low = _halves(ns, x)
    y_high, y_low = _halves(ns, y)
    return product, ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


def _halves(ns: Namespace, x: Array) -> tuple[Array, Array]:
    width = (_Format.of(x).fraction + 2) // 2  # bits to give away: 27 of 53, 12 of 24
    high = ns.floats((ns.bits(x) + (1 << (width - 1))) & -(1 << width))
    return high, x - high


def distilled(terms: list[Array], passes: int = 5) -> tuple[Array, Array]:
    """The sum of the terms as an unevaluated sum of two numbers, right to far more digits than one holds."""
    terms = list(terms)
    for _ in range(passes):
        for i in range(1, len(terms)):
            terms[i], terms[i - 1] = two_sum(terms[i], terms[i - 1])
    rest = terms[0]
    for term in terms[1:-1]:
        rest = rest + term
    return two_sum(terms[-1], rest)


def fraction_and_exponent(ns: Namespace, x: Array) -> tuple[Array, Array]:
    """X = f·2^e with 1 ≤ |f| < 2, exactly, subnormal numbers too; e is very small for 0."""
    form = _Format.of(x)
    tiny = ns.lib.abs(x) < 2.0 ** (1 - form.bias)
    lifted = ns.lib.where(tiny, x * 2.0 ** (form.fraction + 2), x)
    bits = ns.bits(lifted)
    mask = (1 << (form.fraction + form.bias.bit_length() + 1)) - (1 << form.fraction)
    exponent = ((bits & mask) >> form.fraction) - form.bias - ns.lib.where(tiny, form.fraction + 2, 0)
    one = form.bias << form.fraction
    fraction = ns.floats((bits & ~mask) | one)
    return ns.lib.where(x == 0, x, fraction), ns.lib.where(x == 0, -8 * form.bias, exponent)


def powers_of_two(ns: Namespace, exponent: Array, form: _Format) -> tuple[Array, Array]:
    """Two normal numbers whose product is 2^exponent, as near to it as the format allows."""
    limit = 2 * form.bias - 2
    exponent = ns.lib.clip(exponent, -limit, limit)
    half = exponent >> 1

    def power(n: Array) -> Array:
        return ns.floats((n + form.bias) << form.fraction)

    return power(half), power(exponent - half)


def scaled(ns: Namespace, x: Array, exponent: Array) -> Array:
    """x·2^exponent for 1 ≤ |x| < 2 or x = 0: rounded once, to 0 or infinity where that is the answer."""
    first, second = powers_of_two(ns, exponent, _Format.of(x))
    # a result below the smallest normal number must be rounded by the last factor alone
    return (x * first) * second


def rescaled(ns: Namespace, x: Array, exponent: Array) -> Array:
    """x·2^exponent for any x, rounded once."""
    fraction, own = fraction_and_exponent(ns, x)
    return scaled(ns, fraction, own + exponent)


def times_power(ns: Namespace, x: Array, exponent: Array) -> Array:
    """x·2^exponent for any x, by two multiplications: gradients flow through it."""
    first, second = powers_of_two(ns, exponent, _Format.of(ns.parts(x)[0]))
    return (x * first) * second
