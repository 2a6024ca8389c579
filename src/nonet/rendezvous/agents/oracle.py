"""The planner with the simulator itself as its model: what perfect prediction would buy. A bound, not a competitor."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from nonet.rendezvous import world as worlds
from nonet.rendezvous.agents.base import GoalAgent, Thought
from nonet.rendezvous.belief import Belief, draw, first_belief, widened
from nonet.rendezvous.config import NoiseConfig, PlannerConfig, WorldConfig
from nonet.rendezvous.control.base import Controller
from nonet.rendezvous.imitation import policy_inputs, policy_shares, to_action
from nonet.rendezvous.maps.layout import Map
from nonet.rendezvous.model import Layers
from nonet.rendezvous.observation import Observation
from nonet.rendezvous.planner import SHOWN, Plan, keeps, score, search
from nonet.rendezvous.team import Team

__all__ = ["OracleAgent"]

_STEP_S = 0.25
_FEWER = {"goals": 32, "iterations": 2, "elites": 6}


@partial(jax.jit, static_argnames=("config", "seconds"))
def _plan(
    config: PlannerConfig, world: worlds.World, layers: Layers, pose: Array, last: Belief | None, committed: Array,
    key: Array, seconds: float,
) -> Plan:  # fmt: skip
    """As `planner.plan`, rolled out in the world without noise."""
    each = max(1, round(seconds / world.step_s))

    def drive(goal: Array) -> tuple[Array, Array]:
        def advance(state: worlds.State, _: None) -> tuple[worlds.State, None]:
            senses = worlds.observe(world, state, key)
            given = policy_inputs(senses.scan, state.velocity, goal - state.pose[:, :2], state.pose[:, 2], world.reach)
            return worlds.step(world, state, to_action(policy_shares(layers, given), world.robots), key), None

        def model_step(state: worlds.State, _: None) -> tuple[worlds.State, Array]:
            state, _ = jax.lax.scan(advance, state, None, length=each)
            return state, state.pose

        poses = jax.lax.scan(model_step, worlds.reset(world, pose), None, length=config.horizon)[1]
        return poses, jnp.zeros(config.horizon)

    def roll(goals: Array) -> tuple[Array, Array]:
        poses, near = jax.vmap(drive)(goals)
        return jnp.swapaxes(poses, 0, 1), near.T

    first = first_belief(config, pose[:, :2], world.active)
    start = first if last is None else widened(last, first, config.memory)
    searching, choosing = jax.random.split(key)
    belief, proposals = search(
        config, lambda goals: score(config, roll(goals), world.active, world.reach), start, searching
    )
    fresh = draw(belief, choosing, config.choose)
    pair = jnp.stack([fresh, jnp.where(jnp.isnan(committed[0]), fresh, committed)])
    rolled = roll(pair)
    scores = score(config, rolled, world.active, world.reach)
    row = keeps(config, scores, committed)
    return Plan(belief, pair[row], scores[row], proposals[:SHOWN], rolled[0][:, row, :, :2])


class OracleAgent(GoalAgent):
    """Knows the map and how everybody drives; searches less widely, since its model is a hundred times dearer.

    Args:
        team: whose policy all are known to drive with.
        controller: drives.
        place: the map.
        world: the world.
    """

    def __init__(self, team: Team, controller: Controller, place: Map, world: WorldConfig) -> None:
        self.config = team.planner(**_FEWER, belief="gaussian", replan_s=2.0)
        self.layers, self.seconds = team.policy, team.config.predictor.step_s
        silent = WorldConfig(world.robots, world.robot, world.lidar, NoiseConfig(), _STEP_S)
        self.world = worlds.build(silent, place.scene)
        super().__init__(controller, self.config.replan_s)

    def reset(self, seed: int) -> None:
        """Forgets its belief."""
        super().reset(seed)
        self.seed, self.round = seed, 0
        self.belief: Belief | None = None
        self.committed = np.full(2, np.nan, np.float32)

    def think(self, seen: Observation) -> Thought:
        """One round of planning."""
        key = jax.random.fold_in(jax.random.key(self.seed), self.round)
        pose = jnp.asarray(seen.team)
        found = _plan(
            self.config, self.world, self.layers, pose, self.belief, jnp.asarray(self.committed), key, self.seconds
        )
        self.belief, self.round, self.committed = found.belief, self.round + 1, np.asarray(found.goal)
        return Thought(self.committed, True, np.asarray(found.proposals), np.asarray(found.paths))
