"""What goes in: matrices as one array of shape (..., 2, 2), or as their entries, of NumPy, torch or JAX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nonet.eigen.namespaces import Array, Namespace, namespace_of
from nonet.foundation.errors import DataError, UsageError

__all__ = ["Entries", "MatrixError", "general_entries", "hermitian_entries"]

_ACCEPTED = "float32, float64, complex64, complex128; integers and booleans are taken as float64, float16 as float32"


class MatrixError(DataError, ValueError):
    """The given arrays are not 2×2 matrices of numbers. A ``ValueError`` too, as NumPy users expect."""


@dataclass(frozen=True)
class Entries:
    """The matrices [[a, b], [c, d]] of a batch.

    Attributes:
        ns: the library of the arrays.
        a: upper left entries, of the batch's shape.
        b: upper right entries.
        c: lower left entries.
        d: lower right entries.
        whole: the array of shape (..., 2, 2) that they are views of, if they came in that form.
    """

    ns: Namespace
    a: Array
    b: Array
    c: Array
    d: Array
    whole: Array | None = None

    @property
    def is_complex(self) -> bool:
        """Whether the entries are complex numbers."""
        return self.ns.is_complex(self.a)


def general_entries(function: str, matrix: tuple[Any, ...]) -> Entries:
    """The entries of general matrices.

    Args:
        function: the name of the public function that was called, for messages.
        matrix: one array of shape (..., 2, 2), or a, b, c, d, which are broadcast against each other.

    Raises:
        MatrixError: if the shapes or the type of the elements do not fit.
        UsageError: if another number of arrays is given.
    """
    if len(matrix) == 1:
        return _from_whole(function, matrix[0])
    if len(matrix) != 4:
        raise UsageError(
            f"{function} takes one array of shape (..., 2, 2) or four, a, b, c, d, not {len(matrix)}.",
            fix=f"For example {function}([[3, 1], [4, 1]]) or {function}(3, 1, 4, 1).",
        )
    ns, (a, b, c, d) = _together(function, matrix)
    return Entries(ns, a, b, c, d)


def hermitian_entries(function: str, matrix: tuple[Any, ...], UPLO: Literal["L", "U"] = "L") -> Entries:
    """The entries of symmetric or Hermitian matrices: a and d real, c = conj(b).

    Args:
        function: the name of the public function that was called, for messages.
        matrix: one array of shape (..., 2, 2), of which one triangle is read, or a, b, d.
        UPLO: which triangle, "L" or "U", as `numpy.linalg.eigvalsh` has it.

    Raises:
        MatrixError: if the shapes or the type of the elements do not fit.
        UsageError: if another number of arrays is given, or UPLO is neither.
    """
    if UPLO not in ("L", "U"):
        raise UsageError(
            f"UPLO is {UPLO!r}.", where=function, fix="Use 'L' for the lower triangle or 'U' for the upper."
        )
    if len(matrix) == 1:
        found = _from_whole(function, matrix[0])
        ns, a, d = found.ns, found.a, found.d
        off, whole = (found.c if UPLO == "L" else found.b), found.whole
        conjugated = UPLO == "L"
    elif len(matrix) == 3:
        ns, (a, off, d) = _together(function, matrix)
        whole, conjugated = None, False
    else:
        raise UsageError(
            f"{function} takes one array of shape (..., 2, 2) or the three entries a, b, d, not {len(matrix)} arrays.",
            fix=f"For example {function}([[2, 1], [1, 3]]) or {function}(2, 1, 3).",
        )
    if not ns.is_complex(a):
        return Entries(ns, a, off, off, d, whole)
    other = ns.lib.conj(off)
    b, c = (other, off) if conjugated else (off, other)
    return Entries(ns, a.real, b, c, d.real)


def _from_whole(function: str, matrix: Any) -> Entries:
    ns = namespace_of(matrix)
    matrix = _numbers(ns, function, matrix)
    if matrix.ndim < 2 or tuple(matrix.shape[-2:]) != (2, 2):
        raise MatrixError(
            f"The array has shape {tuple(matrix.shape)}, which is not (..., 2, 2).",
            where=function,
            fix="Give 2×2 matrices in the last two axes, or the four entries as separate arrays.",
        )
    a, b, c, d = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 0], matrix[..., 1, 1]
    return Entries(ns, a, b, c, d, matrix)


def _together(function: str, arrays: tuple[Any, ...]) -> tuple[Namespace, list[Array]]:
    ns = namespace_of(*arrays)
    if ns.name == "torch":  # plain numbers go where the tensors are
        tensor = next(array for array in arrays if isinstance(array, ns.lib.Tensor))
        arrays = tuple(ns.lib.as_tensor(array, device=tensor.device) for array in arrays)
    found = [_numbers(ns, function, array) for array in arrays]
    kind = found[0].dtype
    for array in found[1:]:
        kind = ns.lib.promote_types(kind, array.dtype)
    try:
        if len({tuple(array.shape) for array in found}) > 1:
            found = list((ns.lib.broadcast_tensors if ns.name == "torch" else ns.lib.broadcast_arrays)(*found))
    except (ValueError, RuntimeError) as error:
        shapes = ", ".join(str(tuple(array.shape)) for array in found)
        raise MatrixError(
            f"The entries have the shapes {shapes}, which do not go together.",
            where=function,
            fix="Give arrays of one shape, or of shapes that can be broadcast.",
        ) from error
    return ns, [array.to(kind) if ns.name == "torch" else array.astype(kind, copy=False) for array in found]


def _numbers(ns: Namespace, function: str, values: Any) -> Array:
    """The values as an array of a type that can be computed with."""
    if ns.name == "numpy":
        try:
            values = np.asarray(values)
        except ValueError as error:  # ragged lists
            raise MatrixError(
                f"This is not an array: {error}.", where=function, fix="Give rows of one length."
            ) from error
    name = str(values.dtype).removeprefix("torch.")
    if name in ("float32", "float64", "complex64", "complex128") and getattr(values.dtype, "isnative", True):
        return values
    kind = getattr(values.dtype, "kind", "")
    if name in ("float16", "bfloat16"):
        wanted = ns.lib.float32
    elif name.startswith(("int", "uint", "bool")):
        wanted = ns.lib.asarray(0.0).dtype if ns.name == "jax" else ns.lib.float64  # JAX may be without float64
    elif kind in "fc" and kind and values.dtype.itemsize <= 8 * (1 + (kind == "c")):
        wanted = values.dtype.newbyteorder("=")  # the other byte order
    else:
        raise MatrixError(f"The elements are of type {name}.", where=function, fix=f"Use one of: {_ACCEPTED}.")
    return values.to(wanted) if ns.name == "torch" else values.astype(wanted)
