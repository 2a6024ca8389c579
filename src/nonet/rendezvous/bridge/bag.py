"""Drives as rosbag2, by `rosbags`: what `ros2 bag play` plays, and what an agent can be given again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nonet.foundation.errors import DataError, MissingError, UsageError
from nonet.foundation.reading import made_sense_of
from nonet.rendezvous.bridge.io import Reading, Scan
from nonet.rendezvous.control.base import Wheels

__all__ = ["Moment", "Recorder", "read_bag", "typestore"]

_SCAN, _ODOM, _POSE, _TWIST = (
    "sensor_msgs/msg/LaserScan",
    "nav_msgs/msg/Odometry",
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/Twist",
)


def typestore() -> Any:
    """ROS 2 Humble's messages.

    Raises:
        MissingError: if rosbags is not installed.
    """
    try:
        from rosbags.typesys import Stores, get_typestore
    except ModuleNotFoundError as error:
        raise MissingError("Bags need rosbags.", fix="Run: pip install 'nonet[rendezvous]'.") from error
    return get_typestore(Stores.ROS2_HUMBLE)


class Recorder:
    """Writes a bag while a robot drives.

    Args:
        folder: of the bag; must not exist.
        robot: namespace of the robot.
        names: of all robots, its own first.
    """

    def __init__(self, folder: Path, robot: str, names: Sequence[str]) -> None:
        store = typestore()
        from rosbags.rosbag2 import Writer
        from rosbags.rosbag2.writer import WriterError

        from nonet.rendezvous.bridge import messages

        self.robot, self._messages = robot, messages
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._writer = Writer(folder, version=8)
        except WriterError as error:
            raise UsageError("There is a bag already.", where=folder, fix="Name another folder.") from error
        self._writer.open()
        topics = {f"/{robot}/scan": _SCAN, f"/{robot}/odom": _ODOM, f"/{robot}/cmd_vel": _TWIST}
        topics |= {f"/{name}/pose": _POSE for name in names}
        self._connections = {
            topic: self._writer.add_connection(topic, kind, typestore=store) for topic, kind in topics.items()
        }

    def write(self, time_s: float, reading: Reading, wheels: Wheels) -> None:
        """Keeps one tick."""
        said = self._messages
        self._put(f"/{self.robot}/scan", time_s, said.to_scan(reading.scan, f"{self.robot}/laser"))
        odometry = said.to_odometry(time_s, self.robot, reading.odometry, reading.velocity)
        self._put(f"/{self.robot}/odom", time_s, odometry)
        for name, seen in reading.poses.items():
            pose = said.PoseStamped(said.Header(said.stamp(time_s), "map"), said.to_pose(seen))
            self._put(f"/{name}/pose", time_s, pose)
        self._put(f"/{self.robot}/cmd_vel", time_s, said.to_twist(wheels))

    def close(self) -> None:
        """Ends the bag."""
        self._writer.close()

    def _put(self, topic: str, time_s: float, message: Any) -> None:
        self._writer.write(self._connections[topic], round(time_s * 1e9), bytes(message.serialize()))


@dataclass(frozen=True)
class Moment:
    """One tick of a recorded drive: when, what came, and what was commanded."""

    time_s: float
    reading: Reading
    wheels: Wheels


def read_bag(folder: Path, robot: str) -> Iterator[Moment]:
    """The ticks of a recorded drive, each ending with a command.

    Args:
        folder: of the bag.
        robot: namespace of the robot.
    Raises:
        DataError: if it is no bag, or the robot is not in it.
    """
    typestore()
    from rosbags.rosbag2 import Reader

    fix = "Name a folder that ROS 2 or nonet recorded."
    with made_sense_of(folder, what="This is not a rosbag2", fix=fix):  # the library reads YAML, SQLite and MCAP
        reader = Reader(folder)
        reader.open()
    try:
        if f"/{robot}/scan" not in {connection.topic for connection in reader.connections}:
            raise DataError(f"There is no scan of {robot} in it.", where=folder, fix="Name the robot with --robot.")
        ticks = _ticks(reader, robot)
        while True:
            with made_sense_of(folder, what="A message in it is damaged"):
                tick = next(ticks, None)
            if tick is None:
                return
            yield tick
    finally:
        reader.close()


def _ticks(reader: Any, robot: str) -> Iterator[Moment]:
    from nonet.rendezvous.bridge import messages as said

    kinds = {"pose": said.PoseStamped, "odom": said.Odometry, "scan": said.LaserScan, "cmd_vel": said.Twist}
    scan: Scan | None = None
    own = (np.zeros(3, np.float32), np.zeros(2, np.float32))
    poses: dict[str, np.ndarray] = {}
    for connection, stamp_ns, raw in reader.messages():
        name, _, what = connection.topic.strip("/").partition("/")
        if what not in kinds or (what != "pose" and name != robot):
            continue
        message = kinds[what].deserialize(bytes(raw))
        if what == "pose":
            poses[name] = said.from_pose(message.pose)
        elif what == "odom":
            own = said.from_odometry(message)
        elif what == "scan":
            scan = said.from_scan(message)
        elif scan is not None:
            yield Moment(stamp_ns * 1e-9, Reading(scan, 0.0, *own, dict(poses)), said.from_twist(message))
