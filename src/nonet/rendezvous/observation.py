"""What one robot is given, and nothing else: the boundary that keeps robots from reaching into each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from nonet.foundation.errors import DataError

__all__ = ["Observation", "from_senses"]


@dataclass(frozen=True)
class Observation:
    """What one robot knows at one moment. Its arrays are copies of its own, and cannot be written to.

    Attributes:
        time_s: since the episode began.
        scan: ranges, metres, from right to left; infinity for no return.
        velocity: own forward speed (m/s) and turning rate (rad/s).
        odometry: own pose by dead reckoning.
        team: observed poses x, y, heading of all robots (from tracking; see the docs), metres and radians.
        present: which robots there are.
        me: the row of this robot in ``team``.
    """

    time_s: float
    scan: Float[np.ndarray, " beams"]
    velocity: Float[np.ndarray, " 2"]
    odometry: Float[np.ndarray, " 3"]
    team: Float[np.ndarray, "robots 3"]
    present: Bool[np.ndarray, " robots"]
    me: int

    def __post_init__(self) -> None:
        if np.isnan(self.scan).any():
            raise DataError(
                f"{int(np.isnan(self.scan).sum())} of {len(self.scan)} ranges of the scan are not numbers.",
                where=f"robot {self.me}",
                fix="Give infinity for beams without return.",
            )
        if not (np.isfinite(self.team[self.present]).all() and np.isfinite(self.velocity).all()):
            raise DataError("Poses or velocities are not finite.", where=f"robot {self.me}", fix="Check the tracking.")

    @property
    def pose(self) -> Float[np.ndarray, " 3"]:
        """Its own pose as tracked."""
        return self.team[self.me]

    def ego_first(self) -> tuple[Float[np.ndarray, "robots 3"], Bool[np.ndarray, " robots"]]:
        """Poses and presence of all, this robot first, the others in their order."""
        order = [self.me, *(row for row in range(len(self.team)) if row != self.me)]
        return self.team[order], self.present[order]


def from_senses(senses: Any, present: np.ndarray, time_s: float) -> list[Observation]:
    """One observation for each robot.

    Args:
        senses: `world.Senses`.
        present: which robots there are.
        time_s: since the episode began.
    """
    scan, velocity, odometry, team = (
        np.asarray(part, np.float32) for part in (senses.scan, senses.velocity, senses.odometry, senses.team)
    )
    return [
        Observation(
            time_s,
            _own(scan[robot]),
            _own(velocity[robot]),
            _own(odometry[robot]),
            _own(team[robot]),
            _own(np.asarray(present)),
            robot,
        )
        for robot in range(len(scan))
    ]


def _own(part: np.ndarray) -> np.ndarray:
    copy = np.array(part)
    copy.flags.writeable = False
    return copy
