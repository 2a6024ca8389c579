"""How steady and how spread: the area that holds a fixation, and the entropy of where people look."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from nonet.eigen import bcea

__all__ = ["contour_area", "gaze_entropy"]


def contour_area(gaze: Float[np.ndarray, "n 2"], share: float = 0.682) -> float:
    """The bivariate contour ellipse area that holds a share of the gaze, in the square of its unit."""
    seen = gaze[np.isfinite(gaze).all(axis=1)]
    return float(bcea(np.cov(seen.T), share=share)) if len(seen) > 2 else float("nan")


def gaze_entropy(density: Float[np.ndarray, "r c"]) -> float:
    """Shannon entropy of a heat map in bits: the lower, the more concentrated."""
    share = density[density > 0] / density.sum()
    return float(-(share * np.log2(share)).sum())
