"""What a robot is to an agent, whatever carries it: readings come, wheels go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from nonet.rendezvous.config import LidarConfig
from nonet.rendezvous.control.base import Wheels
from nonet.rendezvous.observation import Observation

__all__ = ["Reading", "RobotIO", "Scan", "resampled", "to_observation"]


@dataclass(frozen=True)
class Scan:
    """A laser scan as robots send it (`sensor_msgs/LaserScan`).

    Attributes:
        stamp_s: when it was taken, by the robot's clock.
        ranges: metres; infinity for no return.
        first: direction of the first beam, radians.
        step: angle between beams, radians.
        least_m: nearer ranges mean nothing.
        reach_m: farther ranges mean nothing.
    """

    stamp_s: float
    ranges: Float[np.ndarray, " beams"]
    first: float
    step: float
    least_m: float = 0.0
    reach_m: float = np.inf


@dataclass(frozen=True)
class Reading:
    """The latest of everything.

    Attributes:
        scan: the latest scan.
        age_s: how long ago it came, by this machine's clock.
        odometry: own pose by the wheels.
        velocity: own forward speed and turning rate.
        poses: tracked poses by the robots' names, in one frame; its own among them.
    """

    scan: Scan
    age_s: float
    odometry: Float[np.ndarray, " 3"]
    velocity: Float[np.ndarray, " 2"]
    poses: Mapping[str, Float[np.ndarray, " 3"]]


@runtime_checkable
class RobotIO(Protocol):
    """A robot, simulated or real."""

    def read(self) -> Reading | None:
        """The latest of everything, or None before anything came."""
        ...

    def command(self, wheels: Wheels) -> None:
        """Sends forward speed (m/s) and turning rate (rad/s)."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def wait_until(self, time_s: float) -> None:
        """Waits for a moment of that clock."""

    def close(self) -> None:
        """Lets go of the robot."""


def resampled(scan: Scan, lidar: LidarConfig) -> Float[np.ndarray, " beams"]:
    """A scan of any laser as one of the team's: for each beam the nearest ray, no return where the laser has none.

    Args:
        scan: from the robot.
        lidar: that the team was made for.
    """
    if len(scan.ranges) == 0:
        return np.full(lidar.beams, np.inf, np.float32)
    ranges = np.where(
        (scan.ranges < scan.least_m) | (scan.ranges > min(scan.reach_m, lidar.reach_m)), np.inf, scan.ranges
    )
    angles = np.array(lidar.angles)
    ray = np.rint((angles - scan.first) / scan.step) if scan.step else np.zeros(lidar.beams)
    inside = (ray >= 0) & (ray < len(ranges))
    return np.where(inside, ranges[np.clip(ray, 0, len(ranges) - 1).astype(int)], np.inf).astype(np.float32)


def to_observation(reading: Reading, names: Sequence[str], lidar: LidarConfig, time_s: float) -> Observation | None:
    """What an agent is given, or None while somebody's pose has never come.

    Args:
        reading: of the robot.
        names: of all robots, its own first.
        lidar: that the team was made for.
        time_s: since the drive began.
    Raises:
        DataError: if the scan has values that are no numbers.
    """
    if any(name not in reading.poses for name in names):
        return None
    team = np.stack([reading.poses[name] for name in names]).astype(np.float32)
    return Observation(
        time_s,
        resampled(reading.scan, lidar),
        np.asarray(reading.velocity, np.float32),
        np.asarray(reading.odometry, np.float32),
        team,
        np.ones(len(names), bool),
        0,
    )
