"""A map: obstacles for the simulator, ground for planners, and what to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from nonet.foundation.errors import DataError
from nonet.rendezvous.maps.ground import Ground, from_occupancy
from nonet.rendezvous.scene import Scene, scene

__all__ = ["CELL", "WINDOW", "Map", "from_grid", "from_shapes"]

_FINEST, _COARSEST = 1e-4, 1e3  # metres that a cell of a file may have
CELL = 0.1
"""Metres a cell of the ground of maps made of shapes."""

WINDOW = 256
"""Cells a side of the part of a grid that is simulated: one shape for all, so one compiled world serves them."""


@dataclass(frozen=True)
class Map:
    """A place.

    Attributes:
        name: of the map.
        scene: obstacles as arrays.
        ground: clearance of every cell.
        circles: what to draw: x, y, radius.
        segments: what to draw: both ends.
        origin: x, y, yaw of the lower left corner in the frame of the map's own file (ROS ``origin``).
        starts: places that the map suggests, such as both sides of a wall; empty if any place will do.
    """

    name: str
    scene: Scene
    ground: Ground
    circles: tuple[tuple[float, ...], ...] = ()
    segments: tuple[tuple[float, ...], ...] = ()
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    starts: tuple[tuple[float, float], ...] = ()

    def to_file_frame(self, points: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
        """Points of the simulation (metres from the lower left corner) in the frame of the map's own file."""
        x, y, yaw = self.origin
        turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        return np.asarray(points) @ turn.T + (x, y)


def from_shapes(
    name: str,
    circles: Sequence[Sequence[float]],
    segments: Sequence[Sequence[float]],
    extent: tuple[float, float, float, float],
    *,
    starts: Sequence[tuple[float, float]] = (),
    room: tuple[int, int] | None = None,
) -> Map:
    """A map of circles and segments.

    Args:
        name: of the map.
        circles: x, y, radius each.
        segments: both ends each; they should close the map in.
        extent: left, bottom, right, top, metres.
        starts: places that the map suggests.
        room: see `scene.scene`; the room of generated maps if not given.
    """
    left, bottom, right, top = extent
    x = np.arange(left + CELL / 2, right, CELL)
    y = np.arange(bottom + CELL / 2, top, CELL)
    points = np.stack(np.meshgrid(x, y), axis=-1)
    nearest = np.full(points.shape[:2], np.inf)
    for cx, cy, radius in circles:
        nearest = np.minimum(nearest, np.hypot(points[..., 0] - cx, points[..., 1] - cy) - radius)
    for segment in segments:
        nearest = np.minimum(nearest, _to_segment(points, np.asarray(segment, float)))
    arrays = scene(circles, segments) if room is None else scene(circles, segments, room=room)
    ground = Ground(nearest.astype(np.float32), (float(x[0]), float(y[0])), CELL)
    return Map(name, arrays, ground, _plain(circles), _plain(segments), starts=tuple(starts))


def _plain(rows: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in rows)


def _to_segment(points: np.ndarray, segment: np.ndarray) -> np.ndarray:
    start, along = segment[:2], segment[2:] - segment[:2]
    place = np.clip((points - start) @ along / max(along @ along, 1e-12), 0, 1)
    return np.linalg.norm(points - start - place[..., None] * along, axis=-1)


def from_grid(
    name: str,
    occupied: Bool[np.ndarray, "rows columns"],
    cell: float,
    *,
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Map:
    """A map of an occupancy grid, in metres from its lower left corner.

    Grids finer than `CELL` are brought to it: a coarse cell is occupied where one of its fine ones is.

    Args:
        name: of the map.
        occupied: rows go up.
        cell: metres a cell.
        origin: of the file's own frame.
    Raises:
        DataError: if nothing is free, or the cells have no size.
    """
    if not _FINEST <= cell <= _COARSEST:
        raise DataError(f"A resolution of {cell} m a cell makes no map.", where=name, fix="Give a positive number.")
    if occupied.all():
        raise DataError("The map has no free space at all.", where=name, fix="Check `negate` and the thresholds.")
    coarse = int(max(1, np.floor(CELL / cell + 1e-6)))
    if coarse > 1:
        rows, columns = (-(-side // coarse) * coarse for side in occupied.shape)
        padded = np.pad(
            occupied, ((0, rows - occupied.shape[0]), (0, columns - occupied.shape[1])), constant_values=True
        )
        occupied = np.asarray(padded.reshape(rows // coarse, coarse, columns // coarse, coarse).any((1, 3)))
    ground = from_occupancy(occupied, cell * coarse)
    arrays = scene(room=(1, 1), distance=ground.clearance, corner=ground.corner, cell=ground.cell)
    return Map(name, arrays, ground, segments=_plain(_borders(occupied, ground)), origin=origin)


def _borders(occupied: np.ndarray, ground: Ground) -> list[tuple[float, float, float, float]]:
    """Segments between free and occupied cells, joined along rows and columns, for drawing."""
    found = []
    x0, y0, cell = ground.bounds[0], ground.bounds[1], ground.cell
    for across in (False, True):
        grid = occupied.T if across else occupied
        edges = grid[1:] != grid[:-1]
        for number, row in enumerate(edges, start=1):
            runs, count = ndimage.label(row)  # type: ignore[misc]
            for (run,) in ndimage.find_objects(runs)[:count]:
                ends = (run.start * cell, number * cell, run.stop * cell, number * cell)
                a, b, c, d = (ends[1], ends[0], ends[3], ends[2]) if across else ends
                found.append((x0 + a, y0 + b, x0 + c, y0 + d))
    return found


def window(place: Map, middle: Float[np.ndarray, " 2"]) -> Map:
    """The part of a grid map around a point, `WINDOW` cells a side; what is beyond is occupied."""
    rows, columns = place.ground.clearance.shape
    row, column = place.ground.cells(np.asarray(middle)[None])[0]
    low = int(np.clip(row - WINDOW // 2, 0, max(0, rows - WINDOW)))
    left = int(np.clip(column - WINDOW // 2, 0, max(0, columns - WINDOW)))
    occupied = np.ones((WINDOW, WINDOW), bool)
    part = place.ground.clearance[low : low + WINDOW, left : left + WINDOW] <= 0
    occupied[: part.shape[0], : part.shape[1]] = part
    cell = place.ground.cell
    yaw = place.origin[2]
    corner = place.to_file_frame(np.array([[left * cell, low * cell]]))[0]
    return from_grid(place.name, occupied, cell, origin=(float(corner[0]), float(corner[1]), yaw))
