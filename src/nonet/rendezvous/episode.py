"""One meeting, from start to end: the world moves, every agent sees its own share of it, and all is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Bool, Float

from nonet.foundation.errors import UsageError
from nonet.rendezvous import world as worlds
from nonet.rendezvous.agents.base import Agent, Thought
from nonet.rendezvous.config import SUCCESS_METRES, RobotConfig, WorldConfig
from nonet.rendezvous.maps.layout import Map
from nonet.rendezvous.maps.suites import Setting
from nonet.rendezvous.observation import Observation, from_senses

__all__ = ["Episode", "Moment", "largest_gap", "run_episode"]

_GRACE_S = 5.0
"""Time after the robots are within a metre that they have to come nearer still, seconds."""


@dataclass(frozen=True)
class Moment:
    """What one robot thought when it planned."""

    time_s: float
    robot: int
    thought: Thought


@dataclass(frozen=True)
class Episode:
    """What happened.

    Attributes:
        map: where.
        step_s: seconds a step.
        poses: of all robots, (steps + 1, robots, 3).
        goals: of all robots, NaN where one has none, (steps, robots, 2).
        scans: of all robots, (steps, robots, beams).
        contacts: whether a robot was stopped by something, (steps, robots).
        travelled_m: by each robot.
        collisions: contacts begun, by each robot.
        met_s: for each distance of `config.SUCCESS_METRES`, when all were within it with nothing in between; infinity
            for never.
        shortest_m: least total way to one point.
        moments: plans made.
        about: method, suite, number and seed, for the reader.
    """

    map: Map
    step_s: float
    poses: Float[np.ndarray, "times robots 3"]
    goals: Float[np.ndarray, "steps robots 2"]
    scans: Float[np.ndarray, "steps robots beams"]
    contacts: Bool[np.ndarray, "steps robots"]
    travelled_m: Float[np.ndarray, " robots"]
    collisions: np.ndarray
    met_s: Mapping[float, float]
    shortest_m: float
    moments: tuple[Moment, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (len(self.poses) - 1) * self.step_s

    def facts(self) -> dict[str, object]:
        """What came of it, for people."""
        met = {f"within {metres:g} m after, s": when for metres, when in self.met_s.items()}
        return {**met, "driven, m": float(self.travelled_m.sum()), "collisions": int(self.collisions.sum())}

    @property
    def disagreement_m(self) -> Float[np.ndarray, " steps"]:
        """Largest distance between two robots' goals at each step; NaN where one has none."""
        return np.array([largest_gap(goals) if np.isfinite(goals).all() else np.nan for goals in self.goals])


def _decided(agents: Sequence[Agent], seen: Sequence[Observation]) -> tuple[np.ndarray, np.ndarray, list[Moment]]:
    """What every robot does and wants, and what those thought that planned now."""
    action = np.zeros((len(agents), 2), np.float32)
    goal = np.full((len(agents), 2), np.nan)
    moments = []
    for robot, (agent, own) in enumerate(zip(agents, seen, strict=True)):
        action[robot], thought = agent.act(own)
        if thought.goal is not None:
            goal[robot] = thought.goal
        if thought.fresh:
            moments.append(Moment(own.time_s, robot, thought))
    return action, goal, moments


def largest_gap(points: Float[np.ndarray, "robots 2"]) -> float:
    """The largest distance between two of the points, metres."""
    return float(np.linalg.norm(points[:, None] - points, axis=-1).max())


@jax.jit
def advance(
    world: worlds.World, state: worlds.State, action: Any, key: Any
) -> tuple[worlds.State, worlds.Senses, Float[Array, ""]]:
    """One step of the world, what is sensed after it, and `world.meeting_gap`; the chances belong to key and step."""
    moves, sees = jax.random.split(jax.random.fold_in(key, state.time))
    state = worlds.step(world, state, action, moves)
    return state, worlds.observe(world, state, sees), worlds.meeting_gap(world, state.pose)


@jax.jit
def begin(world: worlds.World, pose: Any, key: Any) -> tuple[worlds.State, worlds.Senses]:
    """The start of an episode, and what is sensed there."""
    state = worlds.reset(world, pose)
    return state, worlds.observe(world, state, jax.random.fold_in(key, 1_000_000))


@partial(jax.jit, static_argnums=(0, 3))
def build_world(
    config: WorldConfig, scene: Any, key: Any, robots: tuple[RobotConfig, ...] | None = None
) -> worlds.World:
    """The world of an episode, with its own share of noise."""
    return worlds.build(config, scene, key, robots=robots)


def run_episode(
    config: WorldConfig,
    setting: Setting,
    agents: Sequence[Agent],
    *,
    seed: int,
    seconds: float,
    robots: tuple[RobotConfig, ...] | None = None,
    about: Mapping[str, Any] | None = None,
) -> Episode:
    """Lets agents meet.

    Robots are within a distance only where nothing stands between any two of them. The episode ends when all are
    within half a metre, five seconds after they were first within one metre, or when the time is over.

    Args:
        config: the world.
        setting: map and starts.
        agents: one for each robot; each is given its own robot's observations only.
        seed: of the noise and of the agents; the same for every method that is to be compared.
        seconds: until they have failed.
        robots: what each robot is, where they differ.
        about: kept with the episode.
    Raises:
        UsageError: if robots and agents differ in number.
        DataError: if they cannot meet from there.
    """
    if not len(agents) == len(setting.starts) == config.robots:
        raise UsageError(
            f"{len(agents)} agents cannot drive {len(setting.starts)} robots in a world of {config.robots}.",
            fix="Give one agent and one start a robot.",
        )
    setting.map.ground.check_starts(setting.starts[:, :2], config.robot.radius_m)
    key = jax.random.key(seed)
    world = build_world(config, setting.map.scene, jax.random.fold_in(key, 1_000_001), robots)
    present = np.ones(config.robots, bool)
    for robot, agent in enumerate(agents):
        agent.reset(seed * 1009 + robot)
    state, senses = begin(world, np.asarray(setting.starts, np.float32), key)
    poses, goals, scans, contacts = [np.array(state.pose)], [], [], []
    moments: list[Moment] = []
    met = dict.fromkeys(SUCCESS_METRES, np.inf)
    for number in range(round(seconds / config.step_s)):
        seen = from_senses(senses, present, number * config.step_s)
        action, goal, fresh = _decided(agents, seen)
        moments += fresh
        scans.append(np.array(senses.scan))
        goals.append(goal)
        state, senses, apart = advance(world, state, action, key)
        poses.append(np.array(state.pose))
        contacts.append(np.array(state.contact))
        now = (number + 1) * config.step_s
        gap = float(apart)
        met = {metres: min(when, now if gap < metres else np.inf) for metres, when in met.items()}
        if np.isfinite(met[min(SUCCESS_METRES)]) or now >= met[1.0] + _GRACE_S:
            break
    return Episode(
        setting.map, config.step_s, np.stack(poses), np.stack(goals), np.stack(scans), np.stack(contacts),
        np.array(state.travelled), np.array(state.collisions), met, setting.shortest_m, tuple(moments), about or {},
    )  # fmt: skip
