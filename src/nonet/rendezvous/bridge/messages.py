"""The ROS 2 messages that the bridge speaks, as DDS types: same names, same fields, same bytes as ROS's own."""

from dataclasses import dataclass, field
from typing import no_type_check

import numpy as np
from cyclonedds.idl import IdlStruct
from cyclonedds.idl.types import array, float32, float64, int32, sequence, uint32

from nonet.rendezvous.bridge.io import Scan

__all__ = [
    "Header",
    "LaserScan",
    "Odometry",
    "PoseStamped",
    "Twist",
    "from_odometry",
    "from_pose",
    "from_scan",
    "from_twist",
    "stamp",
    "to_odometry",
    "to_pose",
    "to_scan",
    "to_twist",
    "yaw_of",
]


@no_type_check  # run-time checkers stumble over the names of DDS types
@dataclass
class Time(IdlStruct, typename="builtin_interfaces::msg::dds_::Time_"):
    """Seconds and nanoseconds."""

    sec: int32 = 0
    nanosec: uint32 = 0


@no_type_check
@dataclass
class Header(IdlStruct, typename="std_msgs::msg::dds_::Header_"):
    """When and in which frame."""

    stamp: Time = field(default_factory=Time)
    frame_id: str = ""


@no_type_check
@dataclass
class LaserScan(IdlStruct, typename="sensor_msgs::msg::dds_::LaserScan_"):
    """sensor_msgs/LaserScan."""

    header: Header = field(default_factory=Header)
    angle_min: float32 = 0.0
    angle_max: float32 = 0.0
    angle_increment: float32 = 0.0
    time_increment: float32 = 0.0
    scan_time: float32 = 0.0
    range_min: float32 = 0.0
    range_max: float32 = 0.0
    ranges: sequence[float32] = field(default_factory=list)  # pyright: ignore[reportAssignmentType]
    intensities: sequence[float32] = field(default_factory=list)  # pyright: ignore[reportAssignmentType]


@no_type_check
@dataclass
class Vector3(IdlStruct, typename="geometry_msgs::msg::dds_::Vector3_"):
    """geometry_msgs/Vector3."""

    x: float64 = 0.0
    y: float64 = 0.0
    z: float64 = 0.0


@no_type_check
@dataclass
class Point(IdlStruct, typename="geometry_msgs::msg::dds_::Point_"):
    """geometry_msgs/Point."""

    x: float64 = 0.0
    y: float64 = 0.0
    z: float64 = 0.0


@no_type_check
@dataclass
class Quaternion(IdlStruct, typename="geometry_msgs::msg::dds_::Quaternion_"):
    """geometry_msgs/Quaternion."""

    x: float64 = 0.0
    y: float64 = 0.0
    z: float64 = 0.0
    w: float64 = 1.0


@no_type_check
@dataclass
class Pose(IdlStruct, typename="geometry_msgs::msg::dds_::Pose_"):
    """geometry_msgs/Pose."""

    position: Point = field(default_factory=Point)
    orientation: Quaternion = field(default_factory=Quaternion)


@no_type_check
@dataclass
class PoseStamped(IdlStruct, typename="geometry_msgs::msg::dds_::PoseStamped_"):
    """geometry_msgs/PoseStamped."""

    header: Header = field(default_factory=Header)
    pose: Pose = field(default_factory=Pose)


@no_type_check
@dataclass
class Twist(IdlStruct, typename="geometry_msgs::msg::dds_::Twist_"):
    """geometry_msgs/Twist."""

    linear: Vector3 = field(default_factory=Vector3)
    angular: Vector3 = field(default_factory=Vector3)


@no_type_check
@dataclass
class PoseWithCovariance(IdlStruct, typename="geometry_msgs::msg::dds_::PoseWithCovariance_"):
    """geometry_msgs/PoseWithCovariance."""

    pose: Pose = field(default_factory=Pose)
    covariance: array[float64, 36] = field(default_factory=lambda: [0.0] * 36)  # pyright: ignore[reportAssignmentType]


@no_type_check
@dataclass
class TwistWithCovariance(IdlStruct, typename="geometry_msgs::msg::dds_::TwistWithCovariance_"):
    """geometry_msgs/TwistWithCovariance."""

    twist: Twist = field(default_factory=Twist)
    covariance: array[float64, 36] = field(default_factory=lambda: [0.0] * 36)  # pyright: ignore[reportAssignmentType]


@no_type_check
@dataclass
class Odometry(IdlStruct, typename="nav_msgs::msg::dds_::Odometry_"):
    """nav_msgs/Odometry."""

    header: Header = field(default_factory=Header)
    child_frame_id: str = ""
    pose: PoseWithCovariance = field(default_factory=PoseWithCovariance)
    twist: TwistWithCovariance = field(default_factory=TwistWithCovariance)


@no_type_check
def stamp(time_s: float) -> Time:
    """Seconds as ROS's time."""
    return Time(*divmod(round(time_s * 1e9), 1_000_000_000))


@no_type_check
def from_scan(message: LaserScan) -> Scan:
    """A scan from its message."""
    when = message.header.stamp
    return Scan(
        when.sec + when.nanosec * 1e-9,
        np.asarray(message.ranges, np.float32),
        message.angle_min,
        message.angle_increment,
        message.range_min,
        message.range_max,
    )


@no_type_check
def to_scan(scan: Scan, frame: str) -> LaserScan:
    """A scan as its message."""
    last = scan.first + scan.step * max(0, len(scan.ranges) - 1)
    return LaserScan(
        Header(stamp(scan.stamp_s), frame), scan.first, last, scan.step, 0.0, 0.0, scan.least_m, scan.reach_m,
        [float(value) for value in scan.ranges], [],
    )  # fmt: skip


@no_type_check
def yaw_of(orientation: Quaternion) -> float:
    """Heading of an orientation, radians."""
    q = orientation
    return float(np.arctan2(2 * (q.w * q.z + q.x * q.y), 1 - 2 * (q.y**2 + q.z**2)))


@no_type_check
def from_pose(pose: Pose) -> np.ndarray:
    """x, y, heading of a pose."""
    return np.array([pose.position.x, pose.position.y, yaw_of(pose.orientation)], np.float32)


@no_type_check
def to_pose(pose: np.ndarray) -> Pose:
    """x, y, heading as a pose."""
    x, y, heading = (float(value) for value in pose)
    return Pose(Point(x, y, 0.0), Quaternion(0.0, 0.0, float(np.sin(heading / 2)), float(np.cos(heading / 2))))


@no_type_check
def to_twist(wheels: np.ndarray) -> Twist:
    """Forward speed and turning rate as a twist."""
    return Twist(Vector3(float(wheels[0]), 0.0, 0.0), Vector3(0.0, 0.0, float(wheels[1])))


@no_type_check
def from_twist(message: Twist) -> np.ndarray:
    """Forward speed and turning rate of a twist."""
    return np.array([message.linear.x, message.angular.z], np.float32)


@no_type_check
def from_odometry(message: Odometry) -> tuple[np.ndarray, np.ndarray]:
    """Pose by the wheels, and forward speed and turning rate."""
    return from_pose(message.pose.pose), from_twist(message.twist.twist)


@no_type_check
def to_odometry(time_s: float, robot: str, pose: np.ndarray, velocity: np.ndarray) -> Odometry:
    """Odometry as its message."""
    return Odometry(
        Header(stamp(time_s), "odom"), robot, PoseWithCovariance(to_pose(pose)), TwistWithCovariance(to_twist(velocity))
    )
