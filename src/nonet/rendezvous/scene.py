"""What stands in the world: circles, segments and an occupancy grid, as arrays of fixed shapes.

Boxes and polygons are their outlines. Unused places of the arrays are a circle without radius and a segment without
length, which nothing meets.
"""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nonet.foundation.errors import DataError

__all__ = ["CIRCLES", "SEGMENTS", "Scene", "box", "polygon", "rectangle", "scene"]

CIRCLES, SEGMENTS = 16, 40
"""Room for obstacles in generated maps: one shape for all, so that one compiled world serves them."""

FAR = 1e6


class Scene(eqx.Module):
    """Obstacles.

    Attributes:
        circles: x, y, radius in metres; radius 0 for a place that is not used.
        segments: x, y of both ends in metres; equal ends for a place that is not used.
        distance: metres from a cell's middle to the nearest occupied space, negative inside; one cell if no grid.
        corner: x, y of the middle of cell (0, 0), metres; rows go up, columns go right.
        cell: metres a cell.
    """

    circles: Float[Array, "*worlds circles 3"]
    segments: Float[Array, "*worlds segments 4"]
    distance: Float[Array, "*worlds rows columns"]
    corner: Float[Array, "*worlds 2"]
    cell: Float[Array, "*worlds"]

    @property
    def has_grid(self) -> bool:
        """Whether there is an occupancy grid; decided by the shape, so free of cost where there is none."""
        return self.distance.shape[-1] > 1


def scene(
    circles: Sequence[Sequence[float]] = (),
    segments: Sequence[Sequence[float]] = (),
    *,
    room: tuple[int, int] | None = (CIRCLES, SEGMENTS),
    distance: np.ndarray | None = None,
    corner: tuple[float, float] = (0.0, 0.0),
    cell: float = 1.0,
) -> Scene:
    """Obstacles in arrays of fixed shapes.

    Args:
        circles: x, y, radius each.
        segments: x1, y1, x2, y2 each.
        room: places for circles and segments; None takes as many as there are (at least one).
        distance: distance field of an occupancy grid, (rows, columns), metres.
        corner: middle of its cell (0, 0).
        cell: metres a cell.
    Raises:
        DataError: if there are more obstacles than room.
    """
    places = room or (max(1, len(circles)), max(1, len(segments)))
    for kind, things, most in (("circles", circles, places[0]), ("segments", segments, places[1])):
        if len(things) > most:
            raise DataError(f"There are {len(things)} {kind}, but room for {most}.", fix="Ask for more room.")
    round_ones = np.zeros((places[0], 3), np.float32)
    round_ones[:, :2] = FAR
    round_ones[: len(circles)] = np.reshape(np.asarray(circles, np.float32), (-1, 3))
    straight = np.full((places[1], 4), FAR, np.float32)
    straight[: len(segments)] = np.reshape(np.asarray(segments, np.float32), (-1, 4))
    field = np.full((1, 1), FAR, np.float32) if distance is None else np.asarray(distance, np.float32)
    return Scene(
        jnp.asarray(round_ones), jnp.asarray(straight), jnp.asarray(field),
        jnp.asarray(corner, jnp.float32), jnp.asarray(cell, jnp.float32),
    )  # fmt: skip


def polygon(corners: Sequence[tuple[float, float]]) -> list[tuple[float, float, float, float]]:
    """The outline of a polygon as segments; the last corner joins the first."""
    ends = [*corners[1:], corners[0]]
    return [(*start, *end) for start, end in zip(corners, ends, strict=True)]


def rectangle(left: float, bottom: float, right: float, top: float) -> list[tuple[float, float, float, float]]:
    """The outline of an upright rectangle."""
    return polygon([(left, bottom), (right, bottom), (right, top), (left, top)])


def box(x: float, y: float, width: float, height: float, angle: float = 0.0) -> list[tuple[float, float, float, float]]:
    """The outline of a box around (x, y), turned by ``angle`` radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    halves = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    return polygon(
        [
            (
                float(x + cos * a * width / 2 - sin * b * height / 2),
                float(y + sin * a * width / 2 + cos * b * height / 2),
            )
            for a, b in halves
        ]
    )
