"""Shortest paths around obstacles: travel-time fields by fast marching, and where robots can meet by them."""

from __future__ import annotations

import numpy as np
import skfmm
from jaxtyping import Float

from nonet.foundation.errors import DataError
from nonet.rendezvous.maps.ground import Ground

__all__ = [
    "geodesic_midpoint",
    "travel_field",
]

UNREACHABLE = 1e4
"""Stands for infinity in fields that are interpolated, metres."""


def travel_field(
    ground: Ground, goal: Float[np.ndarray, " 2"], radius_m: float, *, comfort_m: float = 0.35
) -> Float[np.ndarray, "rows columns"]:
    """How far each cell is from the goal for a robot, around obstacles.

    Args:
        ground: the floor.
        goal: x, y.
        radius_m: of the robot; cells where it would touch something are unreachable.
        comfort_m: nearer than this to contact the way counts up to four times, so that descending the field keeps
            clear of walls; 0 gives true metres.
    Returns:
        Metres (of comfort); infinity where there is no way.
    Raises:
        DataError: if the goal is not free.
    """
    room = ground.clearance - radius_m
    row, column = ground.cells(np.asarray(goal)[None])[0]
    if room[row, column] <= 0:
        raise DataError(f"The goal ({goal[0]:.2f}, {goal[1]:.2f}) touches an obstacle.", fix="Move it to free space.")
    speed = np.ones_like(room) if not comfort_m else np.clip(room / comfort_m, 0.25, 1.0)
    front = np.ones(room.shape)
    front[row, column] = -1.0
    blocked = room <= 0
    times = skfmm.travel_time(np.ma.MaskedArray(front, blocked), speed.astype(float), dx=ground.cell)
    return np.where(np.ma.getmaskarray(times), np.inf, np.ma.getdata(times)).astype(np.float32)


def geodesic_midpoint(
    ground: Ground, starts: Float[np.ndarray, "robots 2"], radius_m: float
) -> Float[np.ndarray, " 2"]:
    """The point that the last robot reaches soonest, around obstacles.

    Raises:
        DataError: if the robots cannot meet.
    """
    fields = np.stack([travel_field(ground, start, radius_m) for start in starts])
    worst, total = fields.max(0), fields.sum(0)
    if not np.isfinite(worst).any():
        raise DataError("Meeting is impossible: no point can be reached by all.", fix="Start in one connected part.")
    best = np.argmin(np.where(np.isfinite(worst), worst + 1e-3 * total, np.inf))
    return ground.points(np.array([np.unravel_index(best, worst.shape)]))[0]
