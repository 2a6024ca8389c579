"""The controllers: the learnt policy, pure pursuit, ORCA, slow and faulty ones, one that stands, and a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from nonet.foundation.errors import MissingError, UsageError
from nonet.rendezvous.config import LidarConfig, RobotConfig
from nonet.rendezvous.control.base import Controller, Goal, Wheels
from nonet.rendezvous.control.steering import steer
from nonet.rendezvous.imitation import policy_inputs, policy_shares
from nonet.rendezvous.model import Layers
from nonet.rendezvous.observation import Observation

__all__ = ["Faulty", "Keyboard", "Orca", "Policy", "Pursuit", "Slow", "Still"]


class Policy:
    """The learnt policy, in NumPy.

    Args:
        layers: its weights.
        robot: limits.
        reach_m: of the lidar.
    """

    def __init__(self, layers: Layers, robot: RobotConfig, reach_m: float) -> None:
        self.layers, self.reach_m = layers, reach_m
        self.most = np.array([robot.speed[1], robot.turn], np.float32)

    def reset(self, seed: int) -> None:
        """Has no memory."""

    def drive(self, seen: Observation, goal: Goal) -> Wheels:
        """What the network says."""
        pose = seen.pose
        given = policy_inputs(seen.scan, seen.velocity, goal - pose[:2], pose[2], self.reach_m, np)
        return policy_shares(self.layers, given.astype(np.float32), np) * self.most


class Pursuit:
    """Turns to the goal and drives, and waits in front of what is in the way.

    Args:
        robot: limits.
        lidar: where its beams point.
    """

    def __init__(self, robot: RobotConfig, lidar: LidarConfig) -> None:
        self.robot = robot
        self.ahead = np.abs(np.array(lidar.angles)) < 0.5

    def reset(self, seed: int) -> None:
        """Has no memory."""

    def drive(self, seen: Observation, goal: Goal) -> Wheels:
        """Straight on, or not at all."""
        offset = goal - seen.pose[:2]
        speed, turn = steer(np.arctan2(offset[1], offset[0]), seen.pose[2], np.hypot(*offset), np)
        room = np.min(seen.scan[self.ahead], initial=np.inf) - self.robot.radius_m
        braked = speed * np.clip((room - 0.1) / 0.4, 0.0, 1.0)
        return np.array([braked * self.robot.speed[1], turn * self.robot.turn], np.float32)


class Orca:
    """Optimal reciprocal collision avoidance (van den Berg et al. 2011), by `pyrvo`, among robots and scanned points.

    Args:
        robot: limits.
        lidar: where its beams point.
        step_s: seconds a step.
    """

    def __init__(self, robot: RobotConfig, lidar: LidarConfig, step_s: float) -> None:
        try:
            import pyrvo
        except ModuleNotFoundError as error:
            raise MissingError("ORCA needs pyrvo.", fix="Run: pip install 'nonet[rendezvous]'.") from error
        self.library, self.robot, self.step_s = pyrvo, robot, step_s
        self.angles = np.array(lidar.angles)

    def reset(self, seed: int) -> None:
        """Has no memory."""

    def drive(self, seen: Observation, goal: Goal) -> Wheels:
        """Turns the holonomic velocity that ORCA finds into wheels."""
        x, y, heading = (float(value) for value in seen.pose)
        radius, fast = self.robot.radius_m, self.robot.speed[1]
        crowd = self.library.RVOSimulator(self.step_s, 3.0, 12, 2.0, 1.0, radius + 0.05, fast)
        me = crowd.add_agent((x, y))
        offset = goal - seen.pose[:2]
        distance = float(np.hypot(*offset))
        wanted = offset / max(distance, 1e-6) * min(fast, distance)
        crowd.set_agent_pref_velocity(me, (float(wanted[0]), float(wanted[1])))
        ahead = float(seen.velocity[0])
        crowd.set_agent_velocity(me, (float(ahead * np.cos(heading)), float(ahead * np.sin(heading))))
        others = [row for row in np.flatnonzero(seen.present) if row != seen.me]
        for row in others:
            crowd.add_agent((float(seen.team[row, 0]), float(seen.team[row, 1])))
        near = np.flatnonzero(seen.scan < 2.0)[::2]
        for angle, distance_m in zip(self.angles[near] + heading, seen.scan[near], strict=True):
            # a scanned point is an agent that stands, half its body behind the surface
            point = (x + (distance_m + radius) * np.cos(angle), y + (distance_m + radius) * np.sin(angle))
            crowd.add_agent((float(point[0]), float(point[1])))
        crowd.do_step()
        found = crowd.get_agent_velocity(me)
        speed = float(np.hypot(found.x, found.y))
        share, turn = steer(np.arctan2(found.y, found.x), heading, max(speed, 0.11 if distance > 0.1 else 0.0), np)
        return np.array([min(speed, share * fast), turn * self.robot.turn], np.float32)


class Slow:
    """Another controller at a share of its speed."""

    def __init__(self, inner: Controller, share: float = 0.4) -> None:
        self.inner, self.share = inner, share

    def reset(self, seed: int) -> None:
        """Passes on."""
        self.inner.reset(seed)

    def drive(self, seen: Observation, goal: Goal) -> Wheels:
        """The same, slower."""
        return self.inner.drive(seen, goal) * np.float32(self.share)


class Faulty:
    """Another controller that now and then stops answering, or swerves.

    Args:
        inner: the controller.
        chance: of a fault beginning in a step.
        steps: how long a fault lasts.
    """

    def __init__(self, inner: Controller, chance: float = 0.03, steps: int = 15) -> None:
        self.inner, self.chance, self.steps = inner, chance, steps
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Draws new faults."""
        self.inner.reset(seed)
        self.random, self.left = np.random.default_rng([11, seed]), 0
        self.fault = np.zeros(2, np.float32)

    def drive(self, seen: Observation, goal: Goal) -> Wheels:
        """The same while there is no fault."""
        wheels = self.inner.drive(seen, goal)
        if self.left == 0 and self.random.random() < self.chance:
            self.left = self.steps
            self.fault = np.array([0.0, self.random.choice([0.0, -1.0, 1.0])], np.float32)
        if self.left:
            self.left -= 1
            return self.fault
        return wheels


class Still:
    """Stands for ever."""

    def reset(self, seed: int) -> None:
        """Nothing to begin."""

    def drive(self, seen: Observation, goal: Goal) -> Wheels:
        """Nothing."""
        return np.zeros(2, np.float32)


class Keyboard:
    """A person: w and s drive, a and d turn, any other key stops.

    Args:
        robot: limits.
        pressed: returns the key that is down now, or an empty text.
    """

    KEYS: Mapping[str, tuple[float, float]] = {"w": (1.0, 0.0), "s": (-1.0, 0.0), "a": (0.0, 1.0), "d": (0.0, -1.0)}

    def __init__(self, robot: RobotConfig, pressed: Callable[[], str]) -> None:
        self.robot, self.pressed = robot, pressed
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Stands."""
        self.wheels = np.zeros(2, np.float32)

    def drive(self, seen: Observation, goal: Goal) -> Wheels:
        """What the last key said; the goal is the person's own affair."""
        key = self.pressed()
        if key:
            ahead, turn = self.KEYS.get(key, (0.0, 0.0))
            fastest = self.robot.speed[1] if ahead > 0 else -self.robot.speed[0]
            self.wheels = np.array([ahead * fastest, turn * self.robot.turn], np.float32)
        return self.wheels


def disturbed(kind: str, inner: Controller, robot: RobotConfig, lidar: LidarConfig, step_s: float) -> Controller:
    """The controller of a team mate of that kind (see `config.EvaluationConfig.mates`)."""
    made: dict[str, Callable[[], Controller]] = {
        "same": lambda: inner,
        "slow": lambda: Slow(inner),
        "faulty": lambda: Faulty(inner),
        "still": Still,
        "orca": lambda: Orca(robot, lidar, step_s),
        "pursuit": lambda: Pursuit(robot, lidar),
    }
    if kind not in made:
        raise UsageError(f"There is no team mate '{kind}'.", fix=f"Choose one of: {', '.join(made)}.")
    return made[kind]()
