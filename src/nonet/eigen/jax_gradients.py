"""The eigenvalues as functions that JAX can differentiate, compile and map."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from nonet.eigen.namespaces import Namespace
from nonet.eigen.spectrum import general_change, general_values, hermitian_change, hermitian_values

__all__ = ["general", "hermitian"]

_JAX = Namespace("jax", jnp)


@jax.custom_jvp
def general(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Low, high, half, all three complex."""
    return general_values(_JAX, a, b, c, d)


@general.defjvp
def _general_jvp(entries: tuple[jax.Array, ...], change: tuple[jax.Array, ...]) -> Any:
    found = general(*entries)
    apart = general_change(_JAX, entries, found[2], change)
    centre = 0.5 * (change[0] + change[3])
    return found, (centre - apart, centre + apart, apart)


@jax.custom_jvp
def hermitian(a: jax.Array, b: jax.Array, d: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Low, high, half, all three real."""
    return hermitian_values(_JAX, a, b, d)


@hermitian.defjvp
def _hermitian_jvp(entries: tuple[jax.Array, ...], change: tuple[jax.Array, ...]) -> Any:
    found = hermitian(*entries)
    apart = hermitian_change(_JAX, entries, found[2], change)
    centre = 0.5 * (change[0] + change[2])
    return found, (centre - apart, centre + apart, apart)
