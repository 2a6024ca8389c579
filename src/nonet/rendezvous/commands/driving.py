"""``nonet rendezvous drive`` and ``replay``: one robot over ROS 2 topics, and what was recorded of it."""

from __future__ import annotations

from pathlib import Path

import tyro

from nonet.foundation import console

__all__ = ["drive", "replay"]


def drive(
    team: tyro.conf.Positional[Path],
    *,
    robot: str = "robot_0",
    mates: str = "robot_1",
    dds: bool = False,
    domain: int = 0,
    map: Path | None = None,
    rate_hz: float = 10.0,
    stale_s: float = 0.5,
    seconds: float | None = None,
    record: Path | None = None,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Drive one robot of a team over ROS 2 topics (DDS), or a simulated one.

    Listens to ROBOT/scan, ROBOT/odom, ROBOT/pose and MATE/pose, and commands ROBOT/cmd_vel.

    Example: nonet rendezvous drive team/ --robot robot_0 --dds

    Args:
        team: a folder made by `nonet rendezvous train`.
        robot: namespace of this robot's topics.
        mates: namespaces of the others, with commas between.
        dds: talk to real topics; without it a simulated world answers.
        domain: of DDS (ROS_DOMAIN_ID).
        map: of the simulated world.
        rate_hz: commands a second.
        stale_s: the robot is stopped if its last scan is older.
        seconds: how long; until Ctrl-C if not given.
        record: folder for a rosbag2 of all that came and went.
        seed: of the agent.
        json: print for other programs.
    """
    from nonet.rendezvous.bridge.driving import drive_robot
    from nonet.rendezvous.compiled import keep_compiled
    from nonet.rendezvous.team import load_team

    keep_compiled()
    report = drive_robot(
        load_team(team), robot=robot, mates=[name for name in mates.split(",") if name], dds=dds, domain=domain,
        map_path=map, rate_hz=rate_hz, stale_s=stale_s, seconds=seconds, record=record, seed=seed,
    )  # fmt: skip
    console.summary(robot, report.facts(), as_json=json)


def replay(
    team: tyro.conf.Positional[Path], bag: tyro.conf.Positional[Path], *, robot: str = "robot_0", json: bool = False
) -> None:
    """Give a recorded rosbag2 to the agent again and compare its commands with the recorded ones.

    Example: nonet rendezvous replay team/ bag/

    Args:
        team: a folder made by `nonet rendezvous train`.
        bag: a folder recorded by `nonet rendezvous drive --record`.
        robot: namespace of the robot.
        json: print for other programs.
    """
    from nonet.rendezvous.bridge.driving import replay_bag
    from nonet.rendezvous.compiled import keep_compiled
    from nonet.rendezvous.team import load_team

    keep_compiled()
    console.summary(str(bag), replay_bag(load_team(team), bag, robot=robot), as_json=json)
