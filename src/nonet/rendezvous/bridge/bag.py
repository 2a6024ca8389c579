"""Drives as rosbag2, by `rosbags`: what `ros2 bag play` plays, and what an agent can be given again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nonet.foundation.errors import DataError, MissingError, UsageError
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
        self.store = typestore()
        from rosbags.rosbag2 import Writer
        from rosbags.rosbag2.writer import WriterError

        self.robot, self._types = robot, self.store.types
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._writer = Writer(folder, version=8)
        except WriterError as error:
            raise UsageError("There is a bag already.", where=folder, fix="Name another folder.") from error
        self._writer.open()
        topics = {f"/{robot}/scan": _SCAN, f"/{robot}/odom": _ODOM, f"/{robot}/cmd_vel": _TWIST}
        topics |= {f"/{name}/pose": _POSE for name in names}
        self._connections = {
            topic: self._writer.add_connection(topic, kind, typestore=self.store) for topic, kind in topics.items()
        }

    def write(self, time_s: float, reading: Reading, wheels: Wheels) -> None:
        """Keeps one tick."""
        make = self._make
        header = self._header(reading.scan.stamp_s, f"{self.robot}/laser")
        scan, count = reading.scan, len(reading.scan.ranges)
        self._put(f"/{self.robot}/scan", time_s, make(
            _SCAN, header=header, angle_min=scan.first, angle_max=scan.first + scan.step * max(0, count - 1),
            angle_increment=scan.step, time_increment=0.0, scan_time=0.0, range_min=scan.least_m,
            range_max=scan.reach_m, ranges=np.asarray(scan.ranges, np.float32), intensities=np.empty(0, np.float32),
        ))  # fmt: skip
        nothing = np.zeros(36)
        pose = make("geometry_msgs/msg/PoseWithCovariance", pose=self._pose(reading.odometry), covariance=nothing)
        twist = make("geometry_msgs/msg/TwistWithCovariance", twist=self._twist(reading.velocity), covariance=nothing)
        odometry = make(_ODOM, header=self._header(time_s, "odom"), child_frame_id=self.robot, pose=pose, twist=twist)
        self._put(f"/{self.robot}/odom", time_s, odometry)
        for name, seen in reading.poses.items():
            header = self._header(time_s, "map")
            self._put(f"/{name}/pose", time_s, make(_POSE, header=header, pose=self._pose(seen)))
        self._put(f"/{self.robot}/cmd_vel", time_s, self._twist(wheels))

    def close(self) -> None:
        """Ends the bag."""
        self._writer.close()

    def _make(self, kind: str, **fields: Any) -> Any:
        return self._types[kind](**fields)

    def _put(self, topic: str, time_s: float, message: Any) -> None:
        connection = self._connections[topic]
        self._writer.write(connection, round(time_s * 1e9), self.store.serialize_cdr(message, connection.msgtype))

    def _header(self, time_s: float, frame: str) -> Any:
        whole = int(np.floor(time_s))
        when = self._make("builtin_interfaces/msg/Time", sec=whole, nanosec=int((time_s - whole) * 1e9))
        return self._make("std_msgs/msg/Header", stamp=when, frame_id=frame)

    def _pose(self, pose: np.ndarray) -> Any:
        x, y, heading = (float(value) for value in pose)
        turn = self._make(
            "geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=float(np.sin(heading / 2)), w=float(np.cos(heading / 2))
        )
        return self._make(
            "geometry_msgs/msg/Pose", position=self._make("geometry_msgs/msg/Point", x=x, y=y, z=0.0), orientation=turn
        )

    def _twist(self, wheels: np.ndarray) -> Any:
        straight = self._make("geometry_msgs/msg/Vector3", x=float(wheels[0]), y=0.0, z=0.0)
        turning = self._make("geometry_msgs/msg/Vector3", x=0.0, y=0.0, z=float(wheels[1]))
        return self._make(_TWIST, linear=straight, angular=turning)


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
    store = typestore()
    from rosbags.rosbag2 import Reader
    from rosbags.rosbag2.errors import ReaderError

    try:
        reader = Reader(folder)
        reader.open()
    except (ReaderError, OSError) as error:
        raise DataError(
            "This is not a rosbag2.", where=folder, fix="Name a folder that ROS 2 or nonet recorded."
        ) from error
    try:
        if f"/{robot}/scan" not in {connection.topic for connection in reader.connections}:
            raise DataError(f"There is no scan of {robot} in it.", where=folder, fix="Name the robot with --robot.")
        yield from _ticks(reader, store, robot)
    finally:
        reader.close()


def _ticks(reader: Any, store: Any, robot: str) -> Iterator[Moment]:
    scan: Scan | None = None
    own = (np.zeros(3, np.float32), np.zeros(2, np.float32))
    poses: dict[str, np.ndarray] = {}
    for connection, stamp_ns, raw in reader.messages():
        message = store.deserialize_cdr(raw, connection.msgtype)
        name, _, what = connection.topic.strip("/").partition("/")
        if what == "pose":
            poses[name] = _read_pose(message.pose)
        elif name == robot and what == "odom":
            twist = message.twist.twist
            own = (_read_pose(message.pose.pose), np.array([twist.linear.x, twist.angular.z], np.float32))
        elif name == robot and what == "scan":
            when = message.header.stamp
            scan = Scan(
                when.sec + when.nanosec * 1e-9, np.asarray(message.ranges, np.float32), message.angle_min,
                message.angle_increment, message.range_min, message.range_max,
            )  # fmt: skip
        elif name == robot and what == "cmd_vel" and scan is not None:
            wheels = np.array([message.linear.x, message.angular.z], np.float32)
            yield Moment(stamp_ns * 1e-9, Reading(scan, 0.0, *own, dict(poses)), wheels)


def _read_pose(pose: Any) -> np.ndarray:
    q = pose.orientation
    heading = np.arctan2(2 * (q.w * q.z + q.x * q.y), 1 - 2 * (q.y**2 + q.z**2))
    return np.array([pose.position.x, pose.position.y, heading], np.float32)
