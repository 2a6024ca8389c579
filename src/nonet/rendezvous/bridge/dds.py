"""A robot on ROS 2 topics, spoken as DDS by `cyclonedds`: no ROS needs to be installed here.

ROS 2 topic ``/robot_0/scan`` is DDS topic ``rt/robot_0/scan``. The robot must have no other namespace in front.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from nonet.foundation.errors import MissingError
from nonet.rendezvous.bridge.io import Reading, Scan
from nonet.rendezvous.control.base import Wheels

__all__ = ["DdsRobot", "participant"]

_KEEP = 10


def participant(domain: int) -> Any:
    """A participant of a DDS domain.

    Raises:
        MissingError: if cyclonedds is not installed.
    """
    try:
        from cyclonedds.domain import DomainParticipant
    except ModuleNotFoundError as error:
        raise MissingError("Topics need cyclonedds.", fix="Run: pip install 'nonet[rendezvous]'.") from error
    return DomainParticipant(domain)


def sensor_quality() -> Any:
    """Best effort, the newest: what ROS 2 calls the sensor-data profile; it also hears reliable senders."""
    from cyclonedds.qos import Policy, Qos

    return Qos(Policy.Reliability.BestEffort, Policy.Durability.Volatile, Policy.History.KeepLast(_KEEP))


def command_quality() -> Any:
    """Reliable, the newest: what ROS 2 nodes use by default."""
    from cyclonedds.qos import Policy, Qos
    from cyclonedds.util import duration

    return Qos(
        Policy.Reliability.Reliable(duration(milliseconds=100)),
        Policy.Durability.Volatile,
        Policy.History.KeepLast(_KEEP),
    )


class DdsRobot:
    """A robot behind topics.

    Args:
        robot: its namespace.
        mates: namespaces of the others.
        domain: of DDS.
    """

    def __init__(self, robot: str, mates: Sequence[str], domain: int = 0) -> None:
        from cyclonedds.pub import DataWriter, Publisher
        from cyclonedds.sub import DataReader, Subscriber
        from cyclonedds.topic import Topic

        from nonet.rendezvous.bridge import messages

        self.robot, self._messages = robot, messages
        self._node: Any = participant(domain)
        inward, outward = Subscriber(self._node), Publisher(self._node)

        def hear(name: str, kind: Any) -> Any:
            return DataReader(inward, Topic(self._node, f"rt/{name}", kind, qos=sensor_quality()), qos=sensor_quality())

        self._scans = hear(f"{robot}/scan", messages.LaserScan)
        self._odometry = hear(f"{robot}/odom", messages.Odometry)
        self._poses = {name: hear(f"{name}/pose", messages.PoseStamped) for name in (robot, *mates)}
        topic = Topic(self._node, f"rt/{robot}/cmd_vel", messages.Twist, qos=command_quality())
        self._wheels = DataWriter(outward, topic, qos=command_quality())
        self._scan: Scan | None = None
        self._scan_came = -np.inf
        self._own: tuple[np.ndarray, np.ndarray] = (np.zeros(3, np.float32), np.zeros(2, np.float32))
        self._seen: dict[str, np.ndarray] = {}

    def read(self) -> Reading | None:
        """Takes what came since the last call."""
        for message in self._scans.take(N=_KEEP):
            if isinstance(message, self._messages.LaserScan):
                self._scan, self._scan_came = self._messages.from_scan(message), self.now()
        for message in self._odometry.take(N=_KEEP):
            if isinstance(message, self._messages.Odometry):
                self._own = self._messages.from_odometry(message)
        for name, reader in self._poses.items():
            for message in reader.take(N=_KEEP):
                if isinstance(message, self._messages.PoseStamped):
                    self._seen[name] = self._messages.from_pose(message.pose)
        if self._scan is None:
            return None
        return Reading(self._scan, self.now() - self._scan_came, *self._own, dict(self._seen))

    def command(self, wheels: Wheels) -> None:
        """Sends the wheels' command."""
        self._wheels.write(self._messages.to_twist(wheels))

    def now(self) -> float:
        """The machine's steady clock."""
        return time.monotonic()

    def wait_until(self, time_s: float) -> None:
        """Sleeps."""
        time.sleep(max(0.0, time_s - self.now()))

    def close(self) -> None:
        """Leaves the domain."""
        self._node = None
