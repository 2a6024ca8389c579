"""The loop on a robot: read, think, command, at a steady rate; and stop whenever the senses fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from nonet.foundation import console
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.interruption import stop_requested
from nonet.rendezvous.agents.base import Agent
from nonet.rendezvous.agents.hpp import HppAgent
from nonet.rendezvous.bridge.bag import Recorder, read_bag
from nonet.rendezvous.bridge.io import Reading, RobotIO, to_observation
from nonet.rendezvous.config import LidarConfig
from nonet.rendezvous.team import Team

__all__ = ["DriveReport", "drive", "drive_robot", "replay_bag"]

_STOP = np.zeros(2, np.float32)


@dataclass
class DriveReport:
    """What a drive was like.

    Attributes:
        ticks: commands sent by the loop.
        stale: ticks in which the robot was stopped because its scan was too old or had not come.
        refused: ticks in which it was stopped because what came could not be right.
        waiting: ticks in which it stood because a team mate's pose had not come yet.
        think_ms: time from reading to command of every tick that was driven.
        started_s: of the robot's clock.
        ended_s: of the robot's clock.
        last_refusal: why the last one was refused.
    """

    ticks: int = 0
    stale: int = 0
    refused: int = 0
    waiting: int = 0
    think_ms: list[float] = field(default_factory=list)
    started_s: float = 0.0
    ended_s: float = 0.0
    last_refusal: str = ""

    def facts(self) -> dict[str, object]:
        """For people."""
        seconds = max(self.ended_s - self.started_s, 1e-9)
        told: dict[str, object] = {"seconds": seconds, "commands": self.ticks, "rate, Hz": self.ticks / seconds}
        if self.think_ms:
            told["read to command, median ms"] = float(np.median(self.think_ms))
            told["read to command, 99 % ms"] = float(np.quantile(self.think_ms, 0.99))
        told |= {"stopped, old scan": self.stale, "stopped, bad data": self.refused, "waiting for poses": self.waiting}
        return told | ({"last refusal": self.last_refusal} if self.last_refusal else {})


def drive(
    io: RobotIO,
    agent: Agent,
    names: Sequence[str],
    lidar: LidarConfig,
    *,
    rate_hz: float = 10.0,
    stale_s: float = 0.5,
    seconds: float | None = None,
    seed: int = 0,
    recorder: Recorder | None = None,
) -> DriveReport:
    """Drives until the time is over or Ctrl-C; the last command is always to stop.

    The robot stands in every tick in which its last scan is older than ``stale_s``, a range is no number, the scan's
    clock went back, or a team mate was never seen.

    Args:
        io: the robot.
        agent: its mind.
        names: of all robots, its own first.
        lidar: that the team was made for.
        rate_hz: commands a second.
        stale_s: see above.
        seconds: how long; None for until Ctrl-C.
        seed: of the agent.
        recorder: keeps every tick.
    """
    if rate_hz <= 0 or stale_s <= 0:
        raise UsageError("Rate and watchdog are positive.", fix="Give positive numbers.")
    agent.reset(seed)
    report = DriveReport(started_s=io.now())
    stamp = -np.inf
    with stop_requested() as stop:
        try:
            while not stop.is_set() and (seconds is None or io.now() - report.started_s < seconds - 1e-9):
                begun = io.now()
                reading = io.read()
                wheels = _decide(reading, agent, names, lidar, stale_s, stamp, begun - report.started_s, report)
                io.command(wheels)
                report.ticks += 1
                if reading is not None:
                    stamp = max(stamp, reading.scan.stamp_s)
                    if recorder is not None:
                        recorder.write(begun, reading, wheels)
                io.wait_until(begun + 1.0 / rate_hz)
        finally:
            io.command(_STOP)
            report.ended_s = io.now()
    return report


def _decide(
    reading: Reading | None, agent: Agent, names: Sequence[str], lidar: LidarConfig, stale_s: float, stamp: float,
    time_s: float, report: DriveReport,
) -> np.ndarray:  # fmt: skip
    """The command of one tick; standing still where anything is wrong."""
    if reading is None or reading.age_s > stale_s:
        report.stale += 1
        return _STOP
    began = perf_counter()
    try:
        if reading.scan.stamp_s < stamp - 1e-6:
            raise DataError(f"The scan's clock went back by {stamp - reading.scan.stamp_s:.3f} s.")
        seen = to_observation(reading, names, lidar, time_s)
        if seen is None:
            report.waiting += 1
            return _STOP
        wheels, _ = agent.act(seen)
    except DataError as error:
        report.refused += 1
        report.last_refusal = str(error)
        return _STOP
    report.think_ms.append(1000 * (perf_counter() - began))
    return np.asarray(wheels, np.float32)


def agent_of(team: Team) -> HppAgent:
    """The article's agent with a team's networks."""
    world, step = team.config.world, team.config.predictor.step_s
    return HppAgent(team.members, team.controller(), team.planner(), reach_m=world.lidar.reach_m, step_s=step)


def drive_robot(
    team: Team, *, robot: str, mates: Sequence[str], dds: bool, domain: int, map_path: Path | None, rate_hz: float,
    stale_s: float, seconds: float | None, record: Path | None, seed: int,
) -> DriveReport:  # fmt: skip
    """Drives a real or a simulated robot with a team (see `commands.drive`)."""
    names = [robot, *mates]
    if len(set(names)) < max(2, len(names)):
        raise UsageError("One robot has nobody to meet.", where="--mates", fix="Name other robots, each once.")
    agent = agent_of(team)
    _warm_up(agent, team, len(names))
    if dds:
        from nonet.rendezvous.bridge.dds import DdsRobot

        io: RobotIO = DdsRobot(robot, mates, domain)
        console.note(f"Listening for /{robot}/scan in domain {domain}; Ctrl-C stops the robot.")
    else:
        io = _simulated(team, names, map_path, seed)
        seconds = 60.0 if seconds is None else seconds
    recorder = Recorder(record, robot, names) if record is not None else None
    try:
        return drive(
            io, agent, names, team.config.world.lidar, rate_hz=rate_hz, stale_s=stale_s, seconds=seconds, seed=seed,
            recorder=recorder,
        )  # fmt: skip
    finally:
        io.close()
        if recorder is not None:
            recorder.close()


def _warm_up(agent: HppAgent, team: Team, robots: int) -> None:
    """Lets the planner compile both its programs, without a belief and with one, before the robot waits for them."""
    from nonet.rendezvous.observation import Observation

    lidar = team.config.world.lidar
    poses = np.zeros((robots, 3), np.float32)
    poses[:, 0] = np.arange(robots)
    agent.reset(0)
    for time_s in (0.0, agent.replan_s):
        scan = np.full(lidar.beams, np.inf, np.float32)
        agent.act(Observation(time_s, scan, np.zeros(2, np.float32), poses[0], poses, np.ones(robots, bool), 0))


def _simulated(team: Team, names: Sequence[str], map_path: Path | None, seed: int) -> RobotIO:
    from nonet.rendezvous.bridge.simulated import SimulatedRobot
    from nonet.rendezvous.maps.readers import read_map
    from nonet.rendezvous.maps.suites import place_robots, setting

    world = replace(team.config.world, robots=len(names))
    radius = world.robot.radius_m
    if map_path is None:
        place = setting("unseen", seed, robots=len(names), radius_m=radius, seed=seed)
    else:
        place = place_robots(read_map(map_path), len(names), radius, np.random.default_rng(seed))
    return SimulatedRobot(world, place, [agent_of(team) for _ in names[1:]], names, seed)


def replay_bag(team: Team, bag: Path, *, robot: str) -> dict[str, Any]:
    """Gives a recorded drive to the agent again.

    Returns:
        Ticks, and the largest difference between its commands and the recorded ones (0 for the same team and seed).
    Raises:
        DataError: if it is no bag of that robot.
    """
    agent = agent_of(team)
    agent.reset(0)
    worst, ticks, began = 0.0, 0, None
    for moment in read_bag(bag, robot):
        names = [robot, *sorted(name for name in moment.reading.poses if name != robot)]
        began = moment.time_s if began is None else began
        seen = to_observation(moment.reading, names, team.config.world.lidar, moment.time_s - began)
        if seen is None or len(names) < 2:
            continue
        wheels, _ = agent.act(seen)
        worst, ticks = max(worst, float(np.abs(wheels - moment.wheels).max())), ticks + 1
    return {"ticks": ticks, "largest difference of a command": worst}
