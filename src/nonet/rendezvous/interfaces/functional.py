"""The task as functions in the manner of JaxMARL: ``reset(key)`` and ``step(key, state, actions)`` on dictionaries.

Rewards are the metres by which the largest distance shrank, and 10 for meeting; all robots get the same.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from nonet.rendezvous import world as worlds
from nonet.rendezvous.config import HEADLINE_M, WorldConfig
from nonet.rendezvous.maps.layout import Map

__all__ = ["MEETING_REWARD", "RendezvousTask"]

MEETING_REWARD = 10.0


class RendezvousTask:
    """Robots on one map shall come within a metre of each other, with nothing in between.

    Args:
        config: the world.
        place: the map.
        starts: from which starts are drawn, (any, robots, 3).
        seconds: until they have failed.
    """

    def __init__(
        self, config: WorldConfig, place: Map, starts: Float[np.ndarray, "any robots 3"], *, seconds: float = 60.0
    ) -> None:
        self.config, self.starts = config, jnp.asarray(starts, jnp.float32)
        self.agents = [f"agent_{robot}" for robot in range(config.robots)]
        self.limit = round(seconds / config.step_s)
        self.scene = place.scene

    @property
    def observation_size(self) -> int:
        """Numbers of one robot's observation: scan, own velocity, poses of all with its own first."""
        return self.config.lidar.beams + 2 + 3 * self.config.robots

    @partial(jax.jit, static_argnums=0)
    def reset(self, key: Key[Array, ""]) -> tuple[dict[str, Array], tuple[worlds.World, worlds.State]]:
        """An episode's first observations and state, which carries the episode's own share of noise."""
        chooses, draws, sees = jax.random.split(key, 3)
        world = worlds.build(self.config, self.scene, draws)
        state = worlds.reset(world, self.starts[jax.random.randint(chooses, (), 0, len(self.starts))])
        return self._observations(world, state, sees), (world, state)

    @partial(jax.jit, static_argnums=0)
    def step(self, key: Key[Array, ""], state: tuple[worlds.World, worlds.State], actions: dict[str, Array]) -> Any:
        """One step.

        Args:
            key: its chances.
            state: from `reset` or `step`.
            actions: by agent: shares in [-1, 1] of the greatest speed and turning rate.
        Returns:
            Observations, state, rewards, whether it is done (by agent and ``__all__``), and information.
        """
        world, before = state
        moves, sees = jax.random.split(key)
        most = jnp.stack([world.robots.speed[:, 1], world.robots.turn], axis=-1)
        wheels = jnp.stack([jnp.clip(actions[name], -1, 1) for name in self.agents]) * most
        after = worlds.step(world, before, wheels, moves)
        met = worlds.meeting_gap(world, after.pose) < HEADLINE_M
        reward = worlds.spread(before.pose) - worlds.spread(after.pose) + MEETING_REWARD * met
        done = met | (after.time >= self.limit)
        info = {"met": met, "collisions": after.collisions.sum()}
        return (
            self._observations(world, after, sees), (world, after), dict.fromkeys(self.agents, reward),
            {**dict.fromkeys(self.agents, done), "__all__": done}, info,
        )  # fmt: skip

    def _observations(self, world: worlds.World, state: worlds.State, key: Array) -> dict[str, Array]:
        senses = worlds.observe(world, state, key)
        seen = {}
        for robot, name in enumerate(self.agents):
            own_first = jnp.concatenate([senses.team[robot, robot:], senses.team[robot, :robot]])
            scan = jnp.minimum(senses.scan[robot], world.reach)
            seen[name] = jnp.concatenate([scan, senses.velocity[robot], own_first.ravel()])
        return seen
