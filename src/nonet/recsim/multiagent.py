"""The market of creators as a PettingZoo environment: every creator an agent, and the platform another."""

from __future__ import annotations

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from nonet.foundation.errors import UsageError
from nonet.recsim import random
from nonet.recsim.environment import Chair, Environment
from nonet.recsim.handlers import Slice
from nonet.recsim.stories.market import Platform, Readers, Steady, market

__all__ = ["PLATFORM", "MarketEnv", "market_environment"]

PLATFORM = "platform"
"""The name of the platform among the agents."""


def market_environment(horizon: int, *, creators: int = 4, readers: int = 100, reach: float = 0.2) -> Environment:
    """The market with the creators' moves and the platform's lifts in agents' hands.

    Args:
        horizon: steps of an episode.
        creators: how many.
        readers: how many, in three camps.
        reach: how far a creator may move in a step, in each topic.
    """
    camps = jnp.array([[1.5, 0.0], [-1.0, 1.0], [0.0, -1.5]])
    story = market(Readers(camps, readers), Steady(creators), Platform(creators), reach)
    return Environment(story, ("move", "lift"), _observed, _earned, horizon)


class MarketEnv(ParallelEnv[str, np.ndarray, np.ndarray]):
    """Creators move to where readers are, while a platform lifts some of them.

    A creator sees every creator's place and audience, its own first; it moves by two numbers in [-reach, reach] and is
    rewarded by the share of readers who take its work. The platform sees the same, gives every creator a lift in
    [-2, 2], and is rewarded by the readers' mean utility.

    Args:
        horizon: steps of an episode.
        creators: how many.
        readers: how many.
        reach: how far a creator may move in a step.
        render_mode: None; there is nothing to show.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "nonet_market_v0", "render_modes": []}

    def __init__(
        self,
        horizon: int = 50,
        creators: int = 4,
        readers: int = 100,
        reach: float = 0.2,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode, self.creators = render_mode, creators
        self.possible_agents = [*(f"creator_{number}" for number in range(creators)), PLATFORM]
        self.agents: list[str] = []
        environment = market_environment(horizon, creators=creators, readers=readers, reach=reach)
        self._reset, self._step = eqx.filter_jit(environment.reset), eqx.filter_jit(environment.step)
        self._chair: Chair | None = None
        seen = spaces.Box(-np.inf, np.inf, (creators * 3,), np.float32)
        move = spaces.Box(-reach, reach, (2,), np.float32)
        lift = spaces.Box(-2.0, 2.0, (creators,), np.float32)
        self.observation_spaces = dict.fromkeys(self.possible_agents, seen)
        self.action_spaces = {agent: lift if agent == PLATFORM else move for agent in self.possible_agents}
        self._random = np.random.default_rng()

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """What an agent sees."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """What an agent may do."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """New readers and new places."""
        if seed is not None:
            self._random = np.random.default_rng(seed)
        self.agents = list(self.possible_agents)
        self._chair, seen = self._reset(random.key(int(self._random.integers(2**31))))
        return self._views(np.asarray(seen)), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, np.ndarray]) -> tuple[dict, dict, dict, dict, dict]:
        """All agents act at once."""
        if self._chair is None or not self.agents:
            raise UsageError("The environment has no episode.", where="step", fix="Call reset first.")
        given = {
            "move": jnp.asarray(np.stack([actions[agent] for agent in self.possible_agents[:-1]]), jnp.float32),
            "lift": jnp.asarray(actions[PLATFORM], jnp.float32),
        }
        moved = self._step(self._chair, given)
        self._chair = moved.chair
        earned = [*np.asarray(moved.reward["creators"]), np.asarray(moved.reward[PLATFORM])]
        rewards = {agent: float(reward) for agent, reward in zip(self.agents, earned, strict=True)}
        over = bool(moved.truncated)
        answer = (
            self._views(np.asarray(moved.observation)),
            rewards,
            dict.fromkeys(self.agents, False),
            dict.fromkeys(self.agents, over),
            {agent: {} for agent in self.agents},
        )
        if over:
            self.agents = []
        return answer

    def _views(self, seen: np.ndarray) -> dict[str, np.ndarray]:
        """The same table for everybody, a creator's own row first."""
        views = {
            f"creator_{number}": np.roll(seen, -number, axis=0).ravel().astype(np.float32)
            for number in range(self.creators)
        }
        return views | {PLATFORM: seen.ravel().astype(np.float32)}


def _observed(now: Slice) -> Any:
    read = now["last"]["read"]
    share = read / jnp.maximum(read.sum(), 1.0)
    return jnp.concatenate([now["place"], share[:, None]], axis=1)


def _earned(now: Slice) -> dict[str, Any]:
    read = now["audience"]["read"]
    return {"creators": read / now["utility"].shape[0], PLATFORM: now["utility"].mean()}
