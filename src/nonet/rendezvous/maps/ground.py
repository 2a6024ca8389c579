"""Where robots can stand: how far every cell of the floor is from the nearest obstacle, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from nonet.foundation.errors import DataError

__all__ = ["Ground", "from_occupancy"]


@dataclass(frozen=True)
class Ground:
    """The floor in square cells.

    Attributes:
        clearance: metres from each cell's middle to the nearest obstacle; negative inside one. Rows go up.
        corner: x, y of the middle of cell (0, 0), metres.
        cell: metres a cell.
    """

    clearance: Float[np.ndarray, "rows columns"]
    corner: tuple[float, float]
    cell: float

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top, metres."""
        rows, columns = self.clearance.shape
        x, y, half = *self.corner, self.cell / 2
        return x - half, y - half, x + columns * self.cell - half, y + rows * self.cell - half

    def cells(self, points: Float[np.ndarray, "points 2"]) -> Int[np.ndarray, "points 2"]:
        """Row and column of the cell that each point is in, or the nearest on the edge."""
        place = np.rint((np.asarray(points, float) - self.corner) / self.cell).astype(int)
        most = np.array(self.clearance.shape)[::-1] - 1
        return np.clip(place, 0, most)[:, ::-1]

    def points(self, cells: Int[np.ndarray, "cells 2"]) -> Float[np.ndarray, "cells 2"]:
        """The middles of cells given by row and column."""
        return np.asarray(cells)[:, ::-1] * self.cell + np.asarray(self.corner)

    def at(self, points: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, " points"]:
        """Clearance of the cells that the points are in."""
        return self.clearance[tuple(self.cells(points).T)]

    def free(self, radius_m: float) -> Bool[np.ndarray, "rows columns"]:
        """Cells in whose middle a robot of that radius touches nothing."""
        return self.clearance > radius_m

    def components(self, radius_m: float) -> Int[np.ndarray, "rows columns"]:
        """Numbers of the connected parts of the free cells, largest part 1; 0 where nothing is free."""
        parts, count = ndimage.label(self.free(radius_m))  # type: ignore[misc]
        sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
        rank = np.zeros(count + 1, int)
        rank[1 + np.argsort(-sizes, kind="stable")] = np.arange(1, count + 1)
        return rank[np.asarray(parts, int)]

    def nearest_free(self, point: Float[np.ndarray, " 2"], radius_m: float) -> Float[np.ndarray, " 2"]:
        """The middle of the free cell nearest to a point, in the largest connected part.

        Raises:
            DataError: if no cell is free.
        """
        cells = np.argwhere(self.components(radius_m) == 1)
        self._require(len(cells) > 0, radius_m)
        middles = self.points(cells)
        return middles[np.argmin(((middles - np.asarray(point)) ** 2).sum(1))]

    def sample(
        self, rng: np.random.Generator, count: int, radius_m: float, *, apart_m: float = 0.0
    ) -> Float[np.ndarray, "count 2"]:
        """Places for robots, drawn evenly from the largest connected part of the free cells.

        Args:
            rng: the chances.
            count: how many.
            radius_m: of a robot and what it should have around it.
            apart_m: least distance between two of them.
        Raises:
            DataError: if there is no free space, or not enough for so many so far apart.
        """
        cells = np.argwhere(self.components(radius_m) == 1)
        self._require(len(cells) > 0, radius_m)
        middles = self.points(cells)
        for _ in range(200):
            chosen = middles[rng.integers(0, len(middles), count)]
            gaps = np.linalg.norm(chosen[:, None] - chosen, axis=-1) + np.eye(count) * 1e9
            if gaps.min() >= apart_m:
                return chosen
        raise DataError(
            f"{count} robots do not find places {apart_m:g} m apart on this map.",
            fix="Use a larger map, or fewer robots.",
        )

    def check_starts(self, starts: Float[np.ndarray, "robots 2"], radius_m: float) -> None:
        """Refuses starts from which the robots cannot meet.

        Raises:
            DataError: if one is inside a wall, or two are in parts that nothing connects.
        """
        left, bottom, right, top = self.bounds
        for robot, (x, y) in enumerate(starts):
            if not (left <= x <= right and bottom <= y <= top):
                raise DataError(f"Robot {robot} starts outside the map, at ({x:.2f}, {y:.2f}).", fix="Move it inside.")
        parts = self.components(radius_m)[tuple(self.cells(starts).T)]
        for robot in np.flatnonzero(parts == 0):
            x, y = starts[robot]
            raise DataError(
                f"Robot {robot} starts inside a wall or touches one, at ({x:.2f}, {y:.2f}).",
                fix=f"Place it at least {radius_m:g} m from everything.",
            )
        if len(set(parts)) > 1:
            raise DataError(
                f"Meeting is impossible: the robots start in parts {sorted(set(map(int, parts)))} of the map, and"
                f" nothing wide enough for a robot of {2 * radius_m:g} m connects them.",
                fix="Start them in one part, or open a way.",
            )

    @staticmethod
    def _require(holds: bool, radius_m: float) -> None:
        if not holds:
            raise DataError(
                f"The map has no free space for a robot of radius {radius_m:g} m.",
                fix="Check the resolution, the thresholds and `negate` of the map.",
            )


def from_occupancy(
    occupied: Bool[np.ndarray, "rows columns"], cell: float, left_bottom: tuple[float, float] = (0.0, 0.0)
) -> Ground:
    """The ground of an occupancy grid; whatever lies outside of it is occupied.

    Args:
        occupied: rows go up.
        cell: metres a cell.
        left_bottom: x, y of the grid's lower left corner.
    """
    walled = np.pad(occupied, 1, constant_values=True)
    outside = np.asarray(ndimage.distance_transform_edt(~walled))[1:-1, 1:-1]
    inside = np.asarray(ndimage.distance_transform_edt(walled))[1:-1, 1:-1]
    # the border between two cells lies half a cell from their middles
    clearance = np.where(occupied, 0.5 - inside, outside - 0.5) * cell
    return Ground(clearance.astype(np.float32), (left_bottom[0] + cell / 2, left_bottom[1] + cell / 2), cell)
