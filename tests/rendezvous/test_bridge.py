"""The bridge without a robot: bytes as ROS 2's, two processes over loopback, watchdog, bags."""

import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from nonet.foundation.errors import DataError, UsageError
from nonet.rendezvous.agents.base import Thought
from nonet.rendezvous.bridge import messages
from nonet.rendezvous.bridge.bag import Recorder, read_bag, typestore
from nonet.rendezvous.bridge.driving import _warm_up, agent_of, drive, replay_bag
from nonet.rendezvous.bridge.io import Reading, Scan, resampled
from nonet.rendezvous.config import LidarConfig
from nonet.rendezvous.planner import plan

LIDAR = LidarConfig(beams=5, field_of_view_deg=180)
NAMES = ["robot_0", "robot_1"]


def a_scan(stamp=1.5, ranges=(1.0, 2.0, np.inf, 4.0, 5.0)):
    return Scan(stamp, np.array(ranges, np.float32), -np.pi / 2, np.pi / 4, 0.1, 10.0)


def a_reading(**changes):
    poses = {"robot_0": np.array([0.0, 0.0, 0.5], np.float32), "robot_1": np.array([3.0, 1.0, -1.0], np.float32)}
    whole = Reading(a_scan(), 0.0, np.array([0.1, 0.2, 0.5], np.float32), np.array([0.3, 0.1], np.float32), poses)
    return replace(whole, **changes)


class Scripted:
    """A robot whose readings are written down, on a clock of its own."""

    def __init__(self, readings):
        self.readings, self.sent, self.time = readings, [], 0.0

    def read(self):
        return self.readings[min(len(self.sent), len(self.readings) - 1)]

    def command(self, wheels):
        self.sent.append(tuple(float(value) for value in wheels))

    def now(self):
        return self.time

    def wait_until(self, time_s):
        self.time = max(self.time, time_s)

    def close(self):
        pass


class Forward:
    """An agent that always drives."""

    def reset(self, seed):
        pass

    def act(self, seen):
        return np.array([0.5, 0.25], np.float32), Thought()


def driven(readings, **options):
    io = Scripted(readings)
    return io, drive(io, Forward(), NAMES, LIDAR, seconds=len(readings) / 10, **options)


def test_the_bytes_of_a_scan_are_those_of_rosbags():
    store = typestore()
    make = store.types
    scan = messages.to_scan(a_scan(), "laser")
    header = make["std_msgs/msg/Header"](stamp=make["builtin_interfaces/msg/Time"](1, 500_000_000), frame_id="laser")
    last = -np.pi / 2 + np.pi
    theirs = make["sensor_msgs/msg/LaserScan"](
        header, -np.pi / 2, last, np.pi / 4, 0.0, 0.0, 0.1, 10.0, a_scan().ranges, np.empty(0, np.float32)
    )
    assert bytes(scan.serialize()) == bytes(store.serialize_cdr(theirs, "sensor_msgs/msg/LaserScan"))


@pytest.mark.parametrize(
    ("ours", "kind"),
    [
        (messages.to_twist(np.array([0.5, -0.25])), "geometry_msgs/msg/Twist"),
        (messages.PoseStamped(messages.Header(), messages.to_pose([1.0, 2.0, 0.7])), "geometry_msgs/msg/PoseStamped"),
        (messages.Odometry(child_frame_id="base"), "nav_msgs/msg/Odometry"),
    ],
)
def test_the_bytes_of_other_messages_survive_rosbags(ours, kind):
    store = typestore()
    raw = bytes(ours.serialize())
    assert bytes(store.serialize_cdr(store.deserialize_cdr(raw, kind), kind)) == raw
    assert ours.__idl__.idl_transformed_typename.replace("::dds_::", "/").replace("::", "/").rstrip("_") == kind


def test_poses_and_scans_come_back():
    assert np.allclose(messages.from_pose(messages.to_pose(np.array([1.0, -2.0, 3.0]))), [1.0, -2.0, 3.0])
    back = messages.from_scan(messages.to_scan(a_scan(), "laser"))
    assert np.array_equal(back.ranges, a_scan().ranges) and back.stamp_s == pytest.approx(1.5)


def test_any_laser_becomes_the_teams():
    fine = Scan(0.0, np.linspace(1, 3, 361).astype(np.float32), -np.pi, np.pi / 180, 0.0, 30.0)
    assert np.allclose(resampled(fine, LIDAR), [1.5, 1.75, 2.0, 2.25, 2.5], atol=0.02)
    narrow = Scan(0.0, np.ones(3, np.float32), -0.1, 0.1, 0.0, 30.0)
    assert np.array_equal(np.isfinite(resampled(narrow, LIDAR)), [False, False, True, False, False])


def test_a_fresh_scan_drives_and_the_last_command_stops():
    io, report = driven([a_reading()] * 4)
    assert io.sent[:4] == [(0.5, 0.25)] * 4 and io.sent[-1] == (0.0, 0.0)
    assert report.ticks == 4 and report.facts()["rate, Hz"] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("bad", "counted"),
    [
        (None, "stale"),
        (a_reading(age_s=0.6), "stale"),
        (a_reading(scan=a_scan(ranges=[np.nan, 1, 1, 1, 1])), "refused"),
        (a_reading(scan=a_scan(stamp=0.5)), "refused"),
        (a_reading(poses={"robot_0": np.zeros(3, np.float32)}), "waiting"),
    ],
)
def test_the_robot_stands_while_something_is_wrong(bad, counted):
    io, report = driven([a_reading(), bad, a_reading()])
    assert io.sent == [(0.5, 0.25), (0.0, 0.0), (0.5, 0.25), (0.0, 0.0)]
    assert getattr(report, counted) == 1


@pytest.mark.slow
def test_a_bag_gives_back_what_was_recorded(tmp_path):
    recorder = Recorder(tmp_path / "bag", "robot_0", NAMES)
    io = Scripted([a_reading()])
    drive(io, Forward(), NAMES, LIDAR, seconds=0.3, recorder=recorder)
    recorder.close()
    moments = list(read_bag(tmp_path / "bag", "robot_0"))
    assert len(moments) == 3
    first = moments[0]
    assert np.allclose(first.wheels, [0.5, 0.25]) and np.array_equal(first.reading.scan.ranges, a_scan().ranges)
    assert np.allclose(first.reading.poses["robot_1"], [3.0, 1.0, -1.0]) and np.allclose(
        first.reading.velocity, [0.3, 0.1]
    )
    with pytest.raises(DataError, match="no scan of robot_7"):
        list(read_bag(tmp_path / "bag", "robot_7"))
    with pytest.raises(DataError, match="not a rosbag2"):
        list(read_bag(tmp_path / "nowhere", "robot_0"))
    with pytest.raises(UsageError, match="a bag already"):
        Recorder(tmp_path / "bag", "robot_0", NAMES)


@pytest.mark.slow
def test_nothing_is_compiled_while_a_robot_waits_and_its_bag_replays(untaught, tmp_path):
    agent = agent_of(untaught)
    _warm_up(agent, untaught, 2)
    ready = plan._cache_size()
    lidar = untaught.config.world.lidar
    recorder = Recorder(tmp_path / "bag", "robot_0", NAMES)
    own = a_reading().poses["robot_0"]
    mates = [np.array([3.0 - 0.05 * tick, 1.0, -1.0], np.float32) for tick in range(40)]
    poses = [{"robot_0": own + np.float32(0.02 * tick), "robot_1": mate} for tick, mate in enumerate(mates)]
    io = Scripted([a_reading(poses=each) for each in poses])
    drive(io, agent, NAMES, lidar, seconds=4.0, recorder=recorder)
    recorder.close()
    assert agent.round == 4 and plan._cache_size() == ready
    assert len(set(io.sent[:-1])) > 1
    again = replay_bag(untaught, tmp_path / "bag", robot="robot_0")
    assert again == {"ticks": 40, "largest difference of a command": pytest.approx(0.0, abs=1e-6)}


PEER = """
import sys, time
import numpy as np
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from nonet.rendezvous.bridge import messages
from nonet.rendezvous.bridge.dds import command_quality, participant, sensor_quality
from nonet.rendezvous.bridge.io import Scan
node = participant(int(sys.argv[1]))
def topic(name, kind, quality): return Topic(node, name, kind, qos=quality)
scans = DataWriter(node, topic("rt/robot_0/scan", messages.LaserScan, command_quality()), qos=command_quality())
def sender(name, kind): return DataWriter(node, topic(name, kind, command_quality()), qos=command_quality())
poses = [sender(f"rt/robot_{k}/pose", messages.PoseStamped) for k in (0, 1)]
wheels = DataReader(node, topic("rt/robot_0/cmd_vel", messages.Twist, command_quality()), qos=command_quality())
end, heard = time.monotonic() + float(sys.argv[2]), []
while time.monotonic() < end:
    scan = Scan(time.time(), np.array([1, 2, 3, 4, 5], np.float32), -1.57, 0.785, 0.0, 10.0)
    scans.write(messages.to_scan(scan, "laser"))
    for k, writer in enumerate(poses):
        writer.write(messages.PoseStamped(messages.Header(), messages.to_pose([3.0 * k, 0.0, 0.0])))
    heard += [message.linear.x for message in wheels.take(N=50) if isinstance(message, messages.Twist)]
    if sum(speed == 0.5 for speed in heard) >= 5: break
    time.sleep(0.05)
print(sum(speed == 0.5 for speed in heard))
"""


@pytest.mark.slow
def test_two_processes_over_loopback():
    """A robot in another process sends scans and poses and hears the commands; silence then stops it."""
    from nonet.rendezvous.bridge.dds import DdsRobot

    domain = 97
    peer = subprocess.Popen([sys.executable, "-c", PEER, str(domain), "60"], stdout=subprocess.PIPE, text=True)
    io = DdsRobot("robot_0", ["robot_1"], domain)
    try:
        began, report = time.monotonic(), None
        while peer.poll() is None and time.monotonic() - began < 90:
            report = drive(io, Forward(), NAMES, LIDAR, seconds=0.5)
        told = peer.communicate(timeout=10)[0]
        assert report is not None and int(told) >= 5
        time.sleep(0.6)
        silent = drive(io, Forward(), NAMES, LIDAR, seconds=0.3)
        assert silent.stale == silent.ticks > 0
    finally:
        peer.kill()
        io.close()
