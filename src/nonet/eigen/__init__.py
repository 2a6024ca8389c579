"""Eigenvalues of 2×2 matrices from mean and product, for millions of matrices at once.

After 3Blue1Brown, "A quick trick for computing eigenvalues" (lesson text by Kurt Bruns, 2021): the eigenvalues of a
2×2 matrix are m ± √(m² - p), with m the mean of the diagonal and p the determinant. Here the trick is made safe: no
digits are lost to cancellation, overflow or underflow, whichever matrices come.

Every function takes NumPy, torch or JAX arrays, of shape (..., 2, 2) or entry by entry, and returns the same kind.
"""

import lazy_loader

# what `__init__.pyi` names is loaded at first use: numba is heavy
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
