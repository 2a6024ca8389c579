"""The task as a PettingZoo `ParallelEnv`, and as a Gymnasium environment of one robot among given minds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import jax
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from nonet.rendezvous.config import WorldConfig
from nonet.rendezvous.interfaces.functional import RendezvousTask
from nonet.rendezvous.maps.suites import setting

__all__ = ["EgoEnv", "RendezvousEnv"]

_STARTS = 16


class RendezvousEnv(ParallelEnv):
    """Robots on a map of a suite.

    Args:
        config: the world.
        suite: of maps.
        episode: which map of the suite.
        seconds: until they have failed.
    """

    metadata = {"name": "nonet_rendezvous_v0", "render_modes": []}  # noqa: RUF012 - PettingZoo's own way
    render_mode = None

    def __init__(self, config: WorldConfig, *, suite: str = "train", episode: int = 0, seconds: float = 60.0) -> None:
        radius = config.robot.radius_m
        first = setting(suite, episode, robots=config.robots, radius_m=radius)
        rng = np.random.default_rng([9, episode])
        points = [first.map.ground.sample(rng, config.robots, radius + 0.15, apart_m=2.0) for _ in range(_STARTS - 1)]
        turned = [np.concatenate([p, rng.uniform(-np.pi, np.pi, (len(p), 1))], axis=1) for p in points]
        self.task = RendezvousTask(config, first.map, np.stack([first.starts, *turned]), seconds=seconds)
        self.possible_agents = list(self.task.agents)
        self.agents: list[str] = []
        self._seen = spaces.Box(-np.inf, np.inf, (self.task.observation_size,), np.float32)
        self._acts = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._key: Any = jax.random.key(0)

    def observation_space(self, agent: str) -> spaces.Space:
        """Scan (no return is the reach), own velocity, poses of all with its own first."""
        return self._seen

    def action_space(self, agent: str) -> spaces.Space:
        """Shares of the greatest speed and turning rate."""
        return self._acts

    def reset(self, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        """Begins an episode."""
        if seed is not None:
            self._key = jax.random.key(seed)
        self._key, key = jax.random.split(self._key)
        seen, self._state = self.task.reset(key)
        self.agents = list(self.possible_agents)
        return self._arrays(seen), {name: {} for name in self.agents}

    def step(self, actions: dict[str, np.ndarray]) -> tuple[dict, dict, dict, dict, dict]:
        """One step of all."""
        self._key, key = jax.random.split(self._key)
        given = {name: np.asarray(actions[name], np.float32) for name in self.possible_agents}
        seen, self._state, rewards, done, info = self.task.step(key, self._state, given)
        met, over = bool(info["met"]), bool(done["__all__"])
        names = self.agents
        if over:
            self.agents = []
        return (
            self._arrays(seen),
            {name: float(rewards[name]) for name in names},
            dict.fromkeys(names, met),
            dict.fromkeys(names, over and not met),
            {name: {"collisions": int(info["collisions"])} for name in names},
        )

    def _arrays(self, seen: dict[str, Any]) -> dict[str, np.ndarray]:
        return {name: np.asarray(value, np.float32) for name, value in seen.items()}


class EgoEnv(gymnasium.Env):
    """The first robot of a `RendezvousEnv`; the others follow given policies.

    Args:
        env: the world of all.
        others: from an observation to an action in [-1, 1], for each of the others.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own way

    def __init__(self, env: RendezvousEnv, others: Callable[[np.ndarray], np.ndarray]) -> None:
        self.env, self.others = env, others
        self.observation_space = env.observation_space("agent_0")
        self.action_space = env.action_space("agent_0")

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """Begins an episode."""
        super().reset(seed=seed)
        self._seen, told = self.env.reset(seed=seed)
        return self._seen["agent_0"], told["agent_0"]

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        """One step of all; the others act on what they saw last."""
        actions = {name: action if name == "agent_0" else self.others(seen) for name, seen in self._seen.items()}
        self._seen, rewards, ended, cut, told = self.env.step(actions)
        return self._seen["agent_0"], rewards["agent_0"], ended["agent_0"], cut["agent_0"], told["agent_0"]
