"""Similarity of two sets of features: centred Gram matrices, HSIC and CKA, as pure functions of arrays.

Kornblith et al. 2019 define CKA(K, L) = HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)). Here HSIC is the unbiased HSIC₁ of Song
et al. 2012, computed from U-centred Gram matrices (Székely & Rizzo 2014): with zero diagonals and row means taken out
in the unbiased way, ⟨K, L⟩ = n(n - 3) HSIC₁(K, L). That is algebraically the published formula and loses no digits.
Features are centred before anything is multiplied: HSIC₁ does not change, and rounding no longer grows with the
features' mean.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from nonet.foundation.errors import DataError

__all__ = [
    "LEAST_EXAMPLES",
    "biased_cka",
    "center",
    "feature_space_cka",
    "hsic1",
    "linear_cka",
    "linear_gram",
    "rbf_cka",
    "rbf_gram",
    "u_center",
]

LEAST_EXAMPLES = 4
"""HSIC₁ divides by n(n - 3)."""

Array = np.ndarray
# below this share of the mean's square, what is left after centring is the rounding of the mean
_ROUNDING = 64.0


def center(features: Float[Array, "n p"]) -> Float[Array, "n p"]:
    """The features less their mean, in their own precision; exactly zero where only rounding is left."""
    mean = features.mean(0, dtype=np.float64 if features.dtype == np.float64 else np.float32)
    centred = features - mean
    limit = (_ROUNDING * np.finfo(features.dtype).eps) ** 2 * float(np.square(mean, dtype=np.float64).sum())
    if float(np.square(centred, dtype=np.float64).sum()) <= limit * len(features):
        centred[:] = 0
    return centred


def linear_gram(features: Float[Array, "n p"]) -> Float[Array, "n n"]:
    """XXᵀ of centred features, by a symmetric rank-k update (half the work of a general product)."""
    centred = center(features)
    return centred @ centred.T


def rbf_gram(features: Float[Array, "n p"], bandwidth: float = 1.0) -> Float[Array, "n n"]:
    """exp(-d² / (2 σ²)), with σ² the median squared distance times ``bandwidth`` squared."""
    return gaussian(linear_gram(features), bandwidth)


def gaussian(gram: Float[Array, "n n"], bandwidth: float) -> Float[Array, "n n"]:
    """The RBF kernel of the points whose (centred) inner products are given; see `rbf_gram`.

    Squared distances come from inner products of centred features, whose size is that of the distances.
    """
    norms = np.diag(gram)
    squared = np.maximum(norms[:, None] + norms[None, :] - 2 * gram, 0)
    median = np.median(squared)
    if median == 0:
        return np.ones_like(gram)
    return np.exp(-squared / (2 * bandwidth**2 * median))


def u_center(gram: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The U-centred Gram matrix: zero diagonal, rows and columns that sum to zero.

    Args:
        gram: symmetric, of at least `LEAST_EXAMPLES` examples.
    """
    n = len(gram)
    if n < LEAST_EXAMPLES:
        raise DataError(f"{n} examples are too few: HSIC₁ needs {LEAST_EXAMPLES}.", fix="Use larger batches.")
    centred = np.array(gram)
    np.fill_diagonal(centred, 0)
    means = centred.sum(0, dtype=np.float64) / (n - 2)
    means -= means.sum() / (2 * (n - 1))
    means = means.astype(centred.dtype)
    centred -= means[:, None]
    centred -= means[None, :]
    np.fill_diagonal(centred, 0)
    return centred


def hsic1(left: Float[Array, "n n"], right: Float[Array, "n n"]) -> float:
    """Unbiased HSIC₁ of two Gram matrices (Song et al. 2012, eq. 5). May be negative."""
    n = len(left)
    return float(np.vdot(u_center(left), u_center(right))) / (n * (n - 3))


def linear_cka(x: Float[Array, "n p"], y: Float[Array, "m q"]) -> float:
    """Unbiased linear CKA of all examples at once.

    The form with n × n Gram matrices or the one with p × q products is taken, whichever costs less; they agree.

    Args:
        x: features of n examples, one row each.
        y: other features of the same examples (m = n).
    Returns:
        A number near or below 1; may be slightly negative. NaN if either has constant features.
    Raises:
        DataError: if the numbers of examples differ or there are fewer than four.
    """
    x, y = _checked(x, y)
    n, p, q = len(x), x.shape[1], y.shape[1]
    if p * q + p * p + q * q < n * (p + q):
        return feature_space_cka(x, y)
    return _normalised(linear_gram(x), linear_gram(y))


def rbf_cka(x: Float[Array, "n p"], y: Float[Array, "m q"], bandwidth: float = 1.0, *, unbiased: bool = True) -> float:
    """CKA with Gaussian kernels whose widths are ``bandwidth`` times the median distance."""
    x, y = _checked(x, y)
    grams = rbf_gram(x, bandwidth), rbf_gram(y, bandwidth)
    return _normalised(*grams) if unbiased else _biased(*grams)


def biased_cka(x: Float[Array, "n p"], y: Float[Array, "m q"]) -> float:
    """CKA as first published, with the biased HSIC: near 1 for *independent* features when n < p. For comparison."""
    x, y = _checked(x, y)
    return _biased(linear_gram(x), linear_gram(y))


def feature_space_cka(x: Float[Array, "n p"], y: Float[Array, "m q"]) -> float:
    """Unbiased linear CKA from p × q products: the cheap form where there are more examples than features."""
    x, y = _checked(x, y)
    x, y = center(x), center(y)
    norms = [np.einsum("np,np->n", side, side) for side in (x, y)]
    both = _corrected(x.T @ y, norms[0], norms[1])
    scale = _corrected(x.T @ x, norms[0], norms[0]) * _corrected(y.T @ y, norms[1], norms[1])
    return both / scale**0.5 if scale > 0 else float("nan")


def _corrected(product: Array, left: Array, right: Array) -> float:
    """n(n - 3) HSIC₁ from XᵀY of centred features and the squared norms of the examples."""
    n = len(left)
    squared = float(np.vdot(product, product))
    return squared - n / (n - 2) * float(left @ right) + float(left.sum() * right.sum()) / ((n - 1) * (n - 2))


def _normalised(left: Array, right: Array) -> float:
    k, l = u_center(left), u_center(right)  # noqa: E741
    scale = float(np.vdot(k, k)) * float(np.vdot(l, l))
    return float(np.vdot(k, l)) / scale**0.5 if scale > 0 else float("nan")


def _biased(left: Array, right: Array) -> float:
    grams = [gram - gram.mean(0) - gram.mean(1)[:, None] + gram.mean() for gram in (left, right)]
    return float(np.vdot(*grams) / (np.linalg.norm(grams[0]) * np.linalg.norm(grams[1])))


def _checked(x: Array, y: Array) -> tuple[Array, Array]:
    if len(x) != len(y):
        raise DataError(
            f"{len(x)} examples cannot be compared with {len(y)}: row i of both must be the same example.",
            fix="Compute both from the same data in the same order.",
        )
    if len(x) < LEAST_EXAMPLES:
        raise DataError(f"{len(x)} examples are too few: HSIC₁ needs {LEAST_EXAMPLES}.", fix="Bring more examples.")
    sides = []
    for features in (x, y):
        wide = np.asarray(features, np.float64).reshape(len(features), -1)
        scale = float(np.abs(wide).max(initial=0.0))
        if not np.isfinite(scale):
            raise DataError("The features hold NaN or infinity.", fix="Look for broken values where they come from.")
        sides.append(wide / 2.0 ** np.frexp(scale)[1] if scale else wide)  # so that no square under- or overflows
    return sides[0], sides[1]
