"""Eigenvalues and half their distance for arrays of any kind: what every public function of this wing starts from.

The derivatives are written once, for torch and JAX. With δ = (a - d)/2, m = (a + d)/2 and s = √(δ² + bc),

    dλ = dm ± ds,    ds = (δ dδ + (c db + b dc) / 2) / s,

and at s = 0, where no derivative exists, ds is taken as 0: both eigenvalues move as their mean. For symmetric
matrices that is the smallest element of the subdifferential of the larger eigenvalue.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nonet.eigen import compute
from nonet.eigen.careful import complex_spectrum, real_spectrum
from nonet.eigen.matrices import Entries
from nonet.eigen.namespaces import Array, Namespace

__all__ = ["Triple", "general", "general_change", "general_values", "hermitian", "hermitian_change", "hermitian_values"]

Triple = tuple[Array, Array, Array]  # the smaller eigenvalue, the larger one, half their distance


def general(entries: Entries) -> Triple:
    """Complex eigenvalues and complex half distance (high = centre + half) of general matrices.

    Args:
        entries: the matrices; of any library, with gradients in torch and JAX.
    """
    a, b, c, d = entries.a, entries.b, entries.c, entries.d
    if entries.ns.name == "torch":
        from nonet.eigen.torch_gradients import General

        return General.apply(a, b, c, d)
    if entries.ns.name == "jax":
        from nonet.eigen.jax_gradients import general as differentiable

        return differentiable(a, b, c, d)
    return general_values(entries.ns, a, b, c, d)


def hermitian(entries: Entries) -> Triple:
    """Real eigenvalues and half distance of symmetric or Hermitian matrices; a and d real, b real or complex.

    Args:
        entries: the matrices; of any library, with gradients in torch and JAX.
    """
    a, b, d = entries.a, entries.b, entries.d
    if entries.ns.name == "torch":
        from nonet.eigen.torch_gradients import Hermitian

        return Hermitian.apply(a, b, d)
    if entries.ns.name == "jax":
        from nonet.eigen.jax_gradients import hermitian as differentiable

        return differentiable(a, b, d)
    return hermitian_values(entries.ns, a, b, d)


def general_values(ns: Namespace, a: Array, b: Array, c: Array, d: Array) -> Triple:
    """What `general` returns, without gradients."""
    if _in_memory(ns, a):
        flat = _flat(ns, a, b, c, d)
        if ns.is_complex(a):
            pairs, half = compute.complex_pairs(*flat)
        else:
            pairs, distance = compute.real_pairs(flat, half=True)
            assert distance is not None
            half = _signed(compute.NUMPY, distance)
        return _shaped(ns, a, pairs[:, 0], pairs[:, 1], half)
    if ns.is_complex(a):
        found = complex_spectrum(ns, a, b, c, d)
        return found.low, found.high, found.half
    found = real_spectrum(ns, a, d, [(b, c)])
    half = _signed(ns, found.half)
    apart, nothing = found.half < 0, ns.lib.zeros_like(a)
    low = ns.complex(ns.lib.where(apart, found.centre, found.low), ns.lib.where(apart, found.half, nothing))
    high = ns.complex(ns.lib.where(apart, found.centre, found.high), ns.lib.where(apart, -found.half, nothing))
    return low, high, half


def hermitian_values(ns: Namespace, a: Array, b: Array, d: Array) -> Triple:
    """What `hermitian` returns, without gradients."""
    if _in_memory(ns, a):
        flat = _flat(ns, a, b, d)
        if ns.is_complex(b):
            pairs, half = compute.hermitian_pairs(*flat)
        else:
            pairs, half = compute.symmetric_pairs(flat, lower=True, half=True)
        return _shaped(ns, a, pairs[0], pairs[1], half)
    products = [(b.real, b.real), (b.imag, b.imag)] if ns.is_complex(b) else [(b, b)]
    found = real_spectrum(ns, a, d, products)
    return found.low, found.high, found.half


def general_change(ns: Namespace, entries: tuple[Array, ...], half: Array, change: tuple[Array, ...]) -> Array:
    """Ds for small changes of a, b, c, d."""
    a, b, c, d = entries
    da, db, dc, dd = change
    return over(ns, 0.25 * (a - d) * (da - dd) + 0.5 * (c * db + b * dc), half)


def hermitian_change(ns: Namespace, entries: tuple[Array, ...], half: Array, change: tuple[Array, ...]) -> Array:
    """Ds for small changes of a, b, d."""
    a, b, d = entries
    da, db, dd = change
    across = b.real * db.real + b.imag * db.imag if ns.is_complex(b) else b * db
    return over(ns, 0.25 * (a - d) * (da - dd) + across, half)


def over(ns: Namespace, x: Array, half: Array) -> Array:
    """X / half, and 0 where half is 0; the parts of a complex half are divided by alone, so that nothing underflows."""
    size = ns.magnitude(half)
    nothing = size == 0
    safe = ns.lib.where(nothing, ns.lib.ones_like(size), size)
    if not ns.is_complex(half):
        return ns.lib.where(nothing, ns.lib.zeros_like(size), x / safe)
    turned = x * ns.complex(half.real / safe, -half.imag / safe)
    zero = ns.lib.zeros_like(size)
    real, imaginary = (ns.lib.where(nothing, zero, part / safe) for part in (turned.real, turned.imag))
    return ns.complex(real, imaginary)


def _in_memory(ns: Namespace, x: Array) -> bool:
    """Whether the compiled loop can read the array where it lies."""
    return ns.name == "numpy" or (ns.name == "torch" and x.device.type == "cpu")


def _flat(ns: Namespace, *arrays: Array) -> tuple[np.ndarray, ...]:
    if ns.name == "torch":
        arrays = tuple(array.detach().resolve_conj().resolve_neg().numpy() for array in arrays)
    return tuple(np.ascontiguousarray(array).reshape(-1) for array in arrays)


def _shaped(ns: Namespace, like: Array, *found: Any) -> Any:
    shape = tuple(like.shape)
    found = tuple(array.reshape(shape) for array in found)
    return tuple(ns.lib.from_numpy(array) for array in found) if ns.name == "torch" else found


def _signed(ns: Namespace, half: Array) -> Array:
    """The complex half distance from the one whose sign tells a real pair from a complex one."""
    nothing = ns.lib.zeros_like(half)
    unreal = half < 0
    return ns.complex(ns.lib.where(unreal, nothing, half), ns.lib.where(unreal, -half, nothing))
