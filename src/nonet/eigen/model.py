"""Eigenvalues, eigenvectors and Schur forms of many 2×2 matrices: the functions that carry the wing's name.

Each takes one array of shape (..., 2, 2), or the entries as separate arrays, of NumPy, torch or JAX, and returns the
same kind. A matrix with a NaN or an infinity gets NaN, and no other matrix of the batch notices.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from nonet.eigen import compute
from nonet.eigen.matrices import Entries, general_entries, hermitian_entries
from nonet.eigen.namespaces import Array, Namespace
from nonet.eigen.spectrum import general, hermitian
from nonet.foundation.errors import UsageError

__all__ = ["Eig", "Eigh", "Schur", "eig", "eigh", "eigvals", "eigvalsh", "schur"]


_QUIET = np.errstate(all="ignore")  # what is infinite or not a number in a batch is answered by NaN, row by row


class Eig(NamedTuple):
    """Eigenvalues and eigenvectors of general matrices.

    Attributes:
        eigenvalues: complex, (..., 2).
        eigenvectors: complex, (..., 2, 2); column i belongs to eigenvalue i and has length 1.
        defective: bool, (...): whether the matrix has only one direction of eigenvectors, exactly.
    """

    eigenvalues: Array
    eigenvectors: Array
    defective: Array


class Eigh(NamedTuple):
    """Eigenvalues and eigenvectors of symmetric or Hermitian matrices.

    Attributes:
        eigenvalues: real, (..., 2), the smaller one first.
        eigenvectors: (..., 2, 2); orthonormal columns, for real matrices a rotation.
    """

    eigenvalues: Array
    eigenvectors: Array


class Schur(NamedTuple):
    """A = Z T Zᴴ.

    Attributes:
        T: (..., 2, 2), upper triangular; for a real matrix with a complex pair, of equal diagonal entries.
        Z: (..., 2, 2), a rotation, or unitary for complex matrices.
    """

    T: Array
    Z: Array


def eigvals(*matrix: Any, workers: int = 1) -> Array:
    """Eigenvalues of general matrices.

    Args:
        *matrix: one array of shape (..., 2, 2), or the entries a, b, c, d.
        workers: threads that share the matrices of large real NumPy arrays.

    Returns:
        Complex, (..., 2), sorted by real part, then imaginary part: two reals with imaginary part +0, or an exact
        conjugate pair. Whether a pair is real is decided exactly for the numbers given.

    Raises:
        MatrixError: if the arrays are not 2×2 matrices of numbers.
        UsageError: if there are no workers.
    """
    _check_workers("eigvals", workers)
    entries = general_entries("eigvals", matrix)
    whole = entries.whole
    if entries.ns.name == "numpy" and not entries.is_complex:
        flat = (
            whole.reshape(-1)
            if whole is not None and whole.flags.c_contiguous
            else tuple(np.ascontiguousarray(x).reshape(-1) for x in (entries.a, entries.b, entries.c, entries.d))
        )
        pairs, _ = compute.real_pairs(flat, half=False, workers=workers)
        return pairs.reshape(*entries.a.shape, 2)
    low, high, _ = general(entries)
    return entries.ns.lib.stack([low, high], -1)


def eigvalsh(*matrix: Any, UPLO: Literal["L", "U"] = "L", workers: int = 1) -> Array:
    """Eigenvalues of symmetric or Hermitian matrices.

    Args:
        *matrix: one array of shape (..., 2, 2), or the entries a, b, d of [[a, b], [conj(b), d]].
        UPLO: which off-diagonal entry of the array is read: "L" the lower, "U" the upper. Gradients go to it alone.
        workers: as for `eigvals`.

    Returns:
        Real, (..., 2), the smaller one first.

    Raises:
        MatrixError: if the arrays are not 2×2 matrices of numbers.
        UsageError: if there are no workers.
    """
    _check_workers("eigvalsh", workers)
    entries = hermitian_entries("eigvalsh", matrix, UPLO)
    whole = entries.whole
    if entries.ns.name == "numpy" and not np.iscomplexobj(entries.b):
        flat = (
            whole.reshape(-1)
            if whole is not None and whole.flags.c_contiguous
            else tuple(np.ascontiguousarray(x).reshape(-1) for x in (entries.a, entries.b, entries.d))
        )
        pairs, _ = compute.symmetric_pairs(flat, lower=UPLO == "L", half=False, workers=workers)
        return np.moveaxis(pairs.reshape(2, *entries.a.shape), 0, -1)
    low, high, _ = hermitian(entries)
    return entries.ns.lib.stack([low, high], -1)


@_QUIET
def eig(*matrix: Any) -> Eig:
    """Eigenvalues and eigenvectors of general matrices.

    From x = δ ± s, the sign chosen so that nothing cancels, come both vectors: (x, c) and (b, -x). They are safe at
    double roots: a multiple of the identity gets the axes, a defective matrix its one direction twice.

    Args:
        *matrix: as for `eigvals`.
    """
    entries = general_entries("eig", matrix)
    ns = entries.ns
    low, high, half = general(entries)
    delta = 0.5 * entries.a - 0.5 * entries.d
    along = (delta * ns.lib.conj(half)).real >= 0 if entries.is_complex else (delta >= 0) | (half.imag != 0)
    x = ns.lib.where(along, delta + half, delta - half)
    b, c = entries.b + ns.lib.zeros_like(x), entries.c + ns.lib.zeros_like(x)
    (u, v), (w, y) = _unit(ns, x, c, (0, 1)), _unit(ns, b, -x, (1, 0))
    # with x = 0 the matrix is triangular with equal diagonal entries
    none, one = ns.lib.zeros_like(x), ns.lib.ones_like(x)
    level, lone_b, lone_c = x == 0, (x == 0) & (b != 0), (x == 0) & (c != 0)
    u, v = _choose(ns, [(lone_b, (one, none)), (level, (none, one))], (u, v))
    w, y = _choose(ns, [(lone_c, (none, one)), (level, (one, none))], (w, y))
    first, second = ([ns.lib.where(along, p, q), ns.lib.where(along, q, p)] for p, q in ((w, u), (y, v)))
    vectors = _square(ns, *first, *second)
    defective = (half == 0) & ((entries.b != 0) | (entries.c != 0))
    return Eig(ns.lib.stack([low, high], -1), vectors, defective)


@_QUIET
def eigh(*matrix: Any, UPLO: Literal["L", "U"] = "L") -> Eigh:
    """Eigenvalues and eigenvectors of symmetric or Hermitian matrices.

    Of real matrices the second vector (of the larger eigenvalue) has a first component that is not negative, and the
    two form a rotation. A multiple of the identity gets the identity.

    Args:
        *matrix: as for `eigvalsh`.
        UPLO: as for `eigvalsh`.
    """
    entries = hermitian_entries("eigh", matrix, UPLO)
    ns = entries.ns
    low, high, half = hermitian(entries)
    b, delta = entries.b, 0.5 * entries.a - 0.5 * entries.d
    along = delta >= 0
    x = ns.lib.where(along, delta + half, delta - half) + ns.lib.zeros_like(b)
    (u, v), (w, y) = _unit(ns, x, entries.c, (0, 1)), _unit(ns, b, -x, (1, 0))
    one = ns.lib.ones_like(x)
    turn = one if ns.is_complex(b) else ns.lib.where(b < 0, -one, one)
    first = ns.lib.where(along, w, -turn * u), ns.lib.where(along, u, turn * w)
    second = ns.lib.where(along, y, -turn * v), ns.lib.where(along, v, turn * y)
    vectors = _square(ns, *first, *second)
    return Eigh(ns.lib.stack([low, high], -1), vectors)


def _unit(ns: Namespace, x: Array, y: Array, spare: tuple[int, int]) -> tuple[Array, Array]:
    """The vector (x, y) at length 1, or ``spare`` where it is 0."""
    largest = ns.constant(ns.lib.maximum(ns.magnitude(x), ns.magnitude(y)))
    nothing = largest == 0
    safe = ns.lib.where(nothing, ns.lib.ones_like(largest), largest)
    x, y = x / safe, y / safe
    length = ns.length(ns.magnitude(x), ns.magnitude(y))
    length = ns.lib.where(nothing, ns.lib.ones_like(length), length)
    return (
        ns.lib.where(nothing, ns.lib.full_like(x, spare[0]), x / length),
        ns.lib.where(nothing, ns.lib.full_like(y, spare[1]), y / length),
    )


def _choose(ns: Namespace, cases: list[tuple[Array, tuple[Array, Array]]], vector: tuple[Array, Array]) -> Any:
    """The vector of the first case that applies."""
    for applies, other in reversed(cases):
        vector = tuple(ns.lib.where(applies, new, old) for new, old in zip(other, vector, strict=True))
    return vector


@_QUIET
def schur(*matrix: Any) -> Schur:
    """The Schur form, with eigenvalues as accurate as those of `eigvals`, in the same order.

    For a rotation Z the difference of the off-diagonal entries stays b - c, so T needs no multiplication.

    Args:
        *matrix: as for `eigvals`.
    """
    entries = general_entries("schur", matrix)
    ns, lib = entries.ns, entries.ns.lib
    if entries.is_complex:
        return _complex_schur(entries)
    low, high, half = general(entries)
    delta, unreal = 0.5 * entries.a - 0.5 * entries.d, half.imag != 0
    vector = _smaller_vector(ns, entries, delta, half.real)
    turned = _levelling(ns, delta, 0.5 * entries.b + 0.5 * entries.c)
    cosine, sine = (lib.where(unreal, new, old) for new, old in zip(turned, vector, strict=True))

    # the off-diagonal entries differ by b - c; of a complex pair their product is -s²
    skew, even = 0.5 * entries.b - 0.5 * entries.c, 0.5 * entries.b + 0.5 * entries.c
    radius = ns.length(delta, even)
    wide = lib.where(even < 0, -radius, radius)
    upper, lower = wide + skew, wide - skew
    above = lib.abs(upper) > lib.abs(lower)
    larger = lib.where(unreal, lib.where(above, upper, lower), lib.ones_like(upper))
    smaller = -half.imag * (half.imag / larger)
    upper, lower = lib.where(above, upper, smaller), lib.where(above, smaller, lower)
    nothing = lib.zeros_like(upper)
    upper, lower = lib.where(unreal, upper, entries.b - entries.c), lib.where(unreal, lower, nothing)
    return Schur(_square(ns, low.real, upper, lower, high.real), _square(ns, cosine, -sine, sine, cosine))


def _smaller_vector(ns: Namespace, entries: Entries, delta: Array, half: Array) -> tuple[Array, Array]:
    """The unit eigenvector of the smaller eigenvalue of real matrices with real pairs."""
    lib = ns.lib
    along = delta >= 0
    x = lib.where(along, delta + half, delta - half)
    vector = _unit(ns, lib.where(along, entries.b, x), lib.where(along, -x, entries.c), (1, 0))
    axis = (lib.zeros_like(x), lib.ones_like(x))
    return _choose(ns, [((x == 0) & (entries.c != 0), axis)], vector)


def _levelling(ns: Namespace, delta: Array, even: Array) -> tuple[Array, Array]:
    """Cosine and sine of the rotation that makes the diagonal entries equal."""
    lib = ns.lib
    radius = ns.length(delta, even)
    level = radius == 0
    safe = lib.where(level, lib.ones_like(radius), radius)
    cosine = lib.where(level, lib.ones_like(radius), lib.sqrt(0.5 + 0.5 * (lib.abs(even) / safe)))
    sine = -0.5 * (delta / safe) / cosine
    return cosine, lib.where(even < 0, -sine, sine)


def _complex_schur(entries: Entries) -> Schur:
    ns, lib = entries.ns, entries.ns.lib
    low, high, half = general(entries)
    b, c, delta = entries.b, entries.c, 0.5 * entries.a - 0.5 * entries.d
    along = (delta * lib.conj(half)).real >= 0
    x = lib.where(along, delta + half, delta - half)
    u, v = _unit(ns, lib.where(along, b, x), lib.where(along, -x, c), (1, 0))
    axis = (lib.zeros_like(x), lib.ones_like(x))
    u, v = _choose(ns, [((x == 0) & (c != 0), axis)], (u, v))
    # the second vector is (-v̄, ū); T's corner is what A makes of it, along the first
    p, q = -lib.conj(v), lib.conj(u)
    corner = lib.conj(u) * (2 * delta * p + b * q) + lib.conj(v) * (c * p)  # A - d I serves as well as A
    return Schur(_square(ns, low, corner, lib.zeros_like(corner), high), _square(ns, u, p, v, q))


def _square(ns: Namespace, a: Array, b: Array, c: Array, d: Array) -> Array:
    return ns.lib.stack([ns.lib.stack([a, b], -1), ns.lib.stack([c, d], -1)], -2)


def _check_workers(function: str, workers: int) -> None:
    if workers < 1:
        raise UsageError(f"{workers} workers do nothing.", where=function, fix="Give at least 1.")
