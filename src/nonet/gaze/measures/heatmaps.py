"""Heat maps of gaze and how alike two of them are, with the baselines that make the likeness mean something."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter

from nonet.foundation.errors import DataError
from nonet.gaze.geometry import Screen

__all__ = ["heatmap", "object_correlation", "pixel_correlation", "split_half"]

CELLS_PER_CM = 8  # of a map; finer than any blur in use


def heatmap(
    gaze_cm: Float[np.ndarray, "n 2"],
    screen: Screen,
    *,
    sigma_cm: float = 1.0,
    weights: Float[np.ndarray, " n"] | None = None,
) -> Float[np.ndarray, "r c"]:
    """Where people looked, blurred; it sums to 1, or is 0 everywhere without gaze on the screen.

    Args:
        gaze_cm: samples or fixations in camera coordinates.
        screen: what the map covers.
        sigma_cm: of the Gaussian.
        weights: of the samples, such as durations.
    """
    shape = tuple(max(1, round(side * CELLS_PER_CM)) for side in (screen.height_cm, screen.width_cm))
    seen = np.isfinite(gaze_cm).all(axis=1)
    x = gaze_cm[seen, 0] - screen.camera_x_cm
    y = screen.camera_y_cm - gaze_cm[seen, 1]
    held = None if weights is None else weights[seen]
    counts, _, _ = np.histogram2d(y, x, bins=shape, range=((0, screen.height_cm), (0, screen.width_cm)), weights=held)
    if counts.sum() == 0:
        return counts
    density = gaussian_filter(counts, sigma_cm * CELLS_PER_CM, mode="constant")
    return density / density.sum()


def pixel_correlation(first: Float[np.ndarray, "r c"], second: Float[np.ndarray, "r c"]) -> float:
    """Pearson's r of two maps over all cells; NaN where one is constant."""
    a, b = first.ravel() - first.mean(), second.ravel() - second.mean()
    power = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / power) if power > 0 else float("nan")


def object_correlation(
    first: Float[np.ndarray, "r c"], second: Float[np.ndarray, "r c"], objects: Sequence[Bool[np.ndarray, "r c"]]
) -> float:
    """Pearson's r of the shares of gaze that fall on each object.

    Args:
        first: a map.
        second: another.
        objects: a mask each, of the maps' shape.
    Raises:
        DataError: if there are fewer than three objects.
    """
    if len(objects) < 3:
        raise DataError("A correlation over objects needs three of them at least.", where="objects")
    sums = [np.array([float(density[mask].sum()) for mask in objects]) for density in (first, second)]
    return pixel_correlation(*(values[:, None] for values in sums))


def split_half(
    viewers: Sequence[Float[np.ndarray, "_ 2"]], screen: Screen, rng: np.random.Generator, *, sigma_cm: float = 1.0
) -> float:
    """The ceiling: Pearson's r between the maps of two random halves of the viewers, mean over ten splits.

    Raises:
        DataError: if there are fewer than two viewers.
    """
    if len(viewers) < 2:
        raise DataError("A split of the viewers needs two of them at least.", where="viewers")
    found = []
    for _ in range(10):
        order = rng.permutation(len(viewers))
        halves = (order[: len(order) // 2], order[len(order) // 2 :])
        maps = [heatmap(np.concatenate([viewers[i] for i in half]), screen, sigma_cm=sigma_cm) for half in halves]
        found.append(pixel_correlation(*maps))
    return float(np.nanmean(found))
