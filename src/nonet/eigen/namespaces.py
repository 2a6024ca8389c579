"""Which library an array belongs to, and the few operations whose names differ between NumPy, torch and JAX.

The mathematics of this wing that is not a compiled loop is written once against `Namespace`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["Array", "Namespace", "namespace_of"]

Array = Any  # numpy.ndarray, torch.Tensor or jax.Array: the same kind comes back


@dataclass(frozen=True)
class Namespace:
    """One array library.

    Attributes:
        name: ``numpy``, ``torch`` or ``jax``.
        lib: the module with ``where``, ``sqrt``, ``stack`` … (``numpy``, ``torch``, ``jax.numpy``).
    """

    name: str
    lib: ModuleType

    def bits(self, x: Array) -> Array:
        """The words of floating-point numbers, as signed integers of the same width."""
        double = "64" in str(x.dtype)
        if self.name == "jax":
            import jax

            return jax.lax.bitcast_convert_type(x, self.lib.int64 if double else self.lib.int32)
        return x.view(self.lib.int64 if double else self.lib.int32)

    def floats(self, bits: Array) -> Array:
        """The inverse of `bits`."""
        double = "64" in str(bits.dtype)
        if self.name == "jax":
            import jax

            return jax.lax.bitcast_convert_type(bits, self.lib.float64 if double else self.lib.float32)
        return bits.view(self.lib.float64 if double else self.lib.float32)

    def constant(self, x: Array) -> Array:
        """The same values, through which no gradient flows."""
        if self.name == "torch":
            return x.detach()
        if self.name == "jax":
            import jax

            return jax.lax.stop_gradient(x)
        return x

    def is_complex(self, x: Array) -> bool:
        """Whether the elements are complex numbers."""
        return "complex" in str(x.dtype)

    def parts(self, x: Array) -> tuple[Array, Array]:
        """Real and imaginary part."""
        return (x.real, x.imag) if self.is_complex(x) else (x, self.lib.zeros_like(x))

    def complex(self, real: Array, imaginary: Array) -> Array:
        """A complex array of its two parts, keeping infinities and signs of zero."""
        if self.name == "numpy":
            result = np.empty(real.shape, np.result_type(real.dtype, np.complex64))
            result.real, result.imag = real, imaginary
            return result
        if self.name == "torch":
            return self.lib.complex(real, imaginary)
        import jax

        return jax.lax.complex(real, imaginary)

    def magnitude(self, x: Array) -> Array:
        """|x|, whose derivative at 0 is 0."""
        return self.length(*self.parts(x)) if self.is_complex(x) else self.lib.abs(x)

    def length(self, x: Array, y: Array) -> Array:
        """√(x² + y²) of real arrays, with neither overflow nor underflow, whose derivative at 0 is 0."""
        nothing = (x == 0) & (y == 0)
        return self.lib.where(nothing, 0 * x, self.lib.hypot(self.lib.where(nothing, self.lib.ones_like(x), x), y))

    def root(self, x: Array) -> Array:
        """√x of real arrays, whose derivative at 0 is 0."""
        return self.lib.where(x == 0, 0 * x, self.lib.sqrt(self.lib.where(x == 0, self.lib.ones_like(x), x)))


@cache
def _namespace(name: str) -> Namespace:
    if name == "torch":
        import torch

        return Namespace(name, torch)
    if name == "jax":
        import jax.numpy

        return Namespace(name, jax.numpy)
    return Namespace("numpy", np)


def namespace_of(*arrays: Any) -> Namespace:
    """The library of the given arrays; torch and JAX are not imported to find out.

    Args:
        arrays: arrays of one library, numbers, or nested lists (which count as NumPy's).
    """
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch is not None and any(isinstance(array, torch.Tensor) for array in arrays):
        return _namespace("torch")
    if jax is not None and any(isinstance(array, jax.Array) for array in arrays):
        return _namespace("jax")
    return _namespace("numpy")
