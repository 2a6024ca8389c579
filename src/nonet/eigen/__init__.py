"""Eigenvalues of 2×2 matrices from mean and product, for millions of matrices at once.

After 3Blue1Brown, "A quick trick for computing eigenvalues" (lesson text by Kurt Bruns, 2021): the eigenvalues of a
2×2 matrix are m ± √(m² - p), with m the mean of the diagonal and p the determinant. Here the trick is made safe: no
digits are lost to cancellation, overflow or underflow, whichever matrices come.

Every function takes NumPy, torch or JAX arrays, of shape (..., 2, 2) or entry by entry, and returns the same kind.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nonet.eigen.ellipses import Ellipse, anisotropy, bcea, condition, ellipse, orientation
    from nonet.eigen.matrices import MatrixError
    from nonet.eigen.model import Eig, Eigh, Schur, eig, eigh, eigvals, eigvalsh, schur

__all__ = [
    "Eig",
    "Eigh",
    "Ellipse",
    "MatrixError",
    "Schur",
    "anisotropy",
    "bcea",
    "condition",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "ellipse",
    "orientation",
    "schur",
]

_ROOMS = {"MatrixError": "matrices"} | dict.fromkeys(
    ("Ellipse", "anisotropy", "bcea", "condition", "ellipse", "orientation"), "ellipses"
)


def __getattr__(name: str) -> Any:
    """Brings a public name in when it is first used: numba takes a while to import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_ROOMS.get(name, 'model')}"), name)
