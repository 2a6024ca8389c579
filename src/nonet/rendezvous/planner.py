"""The search for a meeting point: proposals, roll-outs of the whole team towards each, scores, and a new belief.

Every robot does this alone, from its own scan and the observed poses. All robots think that all go to the proposed
goal; that is how their beliefs come together without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from nonet.rendezvous.belief import Belief, draw, first_belief, improved, propose, widened
from nonet.rendezvous.config import PlannerConfig
from nonet.rendezvous.model import Layers
from nonet.rendezvous.predict import roll_out
from nonet.rendezvous.world import turned

__all__ = ["NOWHERE", "Plan", "avoided", "keeps", "plan", "score", "search", "straight"]

Rolled = tuple[Float[Array, "horizon goals robots 3"], Float[Array, "horizon goals"]]
RollOut = Callable[[Float[Array, "goals 2"]], Rolled]
Judge = Callable[[Float[Array, "goals 2"]], Float[Array, " goals"]]

SHOWN = 24
"""Proposals kept for looking at."""

NOWHERE = 1e6
"""Coordinate of a place that is not used."""

_AVOIDED_M = 1.0


class Plan(eqx.Module):
    """What a robot thought.

    Attributes:
        belief: where the team will meet.
        goal: where the robot goes now.
        score: of that goal, metres (the less negative the better).
        proposals: some of the last proposals.
        paths: predicted positions of all if they go to the goal, the robot itself first.
    """

    belief: Belief
    goal: Float[Array, " 2"]
    score: Float[Array, ""]
    proposals: Float[Array, "shown 2"]
    paths: Float[Array, "horizon robots 2"]


def score(
    config: PlannerConfig, rolled: Rolled, active: Bool[Array, " robots"], reach: float
) -> Float[Array, " goals"]:
    """How good each proposal is: the nearer the robots come to each other the better, and not too near to anything.

    Args:
        config: weights.
        rolled: poses (horizon, goals, robots, 3) and the ego's nearest thing as nearness (horizon, goals).
        active: which robots count.
        reach: of the lidar.
    Returns:
        Minus metres.
    """
    poses, nearness = rolled
    points = poses[..., :2]
    gaps = jnp.linalg.norm(points[..., :, None, :] - points[..., None, :, :], axis=-1)
    pairs = jnp.triu(active[:, None] & active, k=1)
    if config.spread == "largest":
        apart = jnp.max(jnp.where(pairs, gaps, 0.0), axis=(-2, -1))
    else:
        apart = jnp.sum(jnp.where(pairs, gaps, 0.0), axis=(-2, -1)) / jnp.maximum(pairs.sum(), 1)
    over_time = config.final_weight * apart[-1] + (1 - config.final_weight) * apart.mean(0)
    closest = reach * (1 - nearness)
    grazed = jnp.maximum(config.clearance_m - closest, 0.0).mean(0)
    return -over_time - config.clearance_weight * grazed


def avoided(config: PlannerConfig, goals: Float[Array, "goals 2"], given_up: Float[Array, "places 2"]) -> Array:
    """What proposals near places that were given up cost, metres: a Gaussian of 1 m around each."""
    apart = jnp.linalg.norm(goals[:, None] - given_up, axis=-1)
    return config.avoidance_m * jnp.exp(-0.5 * (apart / _AVOIDED_M) ** 2).sum(1)


def search(
    config: PlannerConfig, judge: Judge, start: Belief, key: Key[Array, ""]
) -> tuple[Belief, Float[Array, "goals 2"]]:
    """The cross-entropy method over meeting points: the last belief and its proposals.

    Args:
        config: of the search.
        judge: scores of proposals, the higher the better.
        start: belief to start from.
        key: the chances.
    """

    def iterate(belief: Belief, key: Array) -> tuple[Belief, Array]:
        proposing, choosing = jax.random.split(key)
        goals = propose(config, belief, proposing)
        return improved(config, belief, goals, judge(goals), choosing), goals

    belief, goals = jax.lax.scan(iterate, start, jax.random.split(key, config.iterations))
    return belief, goals[-1]


@partial(jax.jit, static_argnames=("config", "reach", "step_s"))
def plan(
    config: PlannerConfig,
    members: tuple[Layers, ...],
    near: Float[Array, " sectors"],
    poses: Float[Array, "robots 3"],
    before: Float[Array, "robots 3"],
    active: Bool[Array, " robots"],
    last: Belief | None,
    committed: Float[Array, " 2"],
    given_up: Float[Array, "places 2"],
    key: Key[Array, ""],
    *,
    reach: float,
    step_s: float,
) -> Plan:
    """One round of planning of one robot.

    Args:
        config: of the search.
        members: predictors, the robot's own first.
        near: its scan (`predict.sectors`).
        poses: of all robots as it observes them, its own first.
        before: the same one model step ago, for the constant-velocity model.
        active: which of them are there.
        last: its belief of the round before; None for a first.
        committed: its goal until now; NaN if it has none.
        given_up: places that it did not get to; `NOWHERE` where there are fewer.
        key: the chances.
        reach: of the lidar.
        step_s: seconds that a model spans.
    """
    roll = _rolls(config, members, near, poses, before, step_s)
    first = first_belief(config, poses[:, :2], active)
    start = first if last is None else widened(last, first, config.memory)
    searching, choosing = jax.random.split(key)
    belief, proposals = search(
        config,
        lambda goals: score(config, roll(goals), active, reach) - avoided(config, goals, given_up),
        start,
        searching,
    )
    fresh = draw(belief, choosing, config.choose)
    pair = jnp.stack([fresh, jnp.where(jnp.isnan(committed[0]), fresh, committed)])
    rolled = roll(pair)
    scores = score(config, rolled, active, reach) - avoided(config, pair, given_up)
    row = keeps(config, scores, committed)
    return Plan(belief, pair[row], scores[row], proposals[:SHOWN], rolled[0][:, row, :, :2])


def keeps(config: PlannerConfig, scores: Float[Array, " 2"], committed: Float[Array, " 2"]) -> Int[Array, ""]:
    """1 if the old goal is kept, 0 if the new one is so much better that it is taken.

    Args:
        config: of the search.
        scores: of the new goal and the old one.
        committed: the old goal; NaN if there is none.
    """
    near = scores[0] < scores[1] + config.commitment_m
    return (~jnp.isnan(committed[0]) & near & (config.commitment_m > 0)).astype(jnp.int32)


def _rolls(
    config: PlannerConfig, members: tuple[Layers, ...], near: Array, poses: Array, before: Array, step_s: float
) -> RollOut:
    """The model that proposals are judged with."""
    if config.model == "learnt":
        return lambda goals: roll_out(members, near, poses, goals, config.horizon)
    if config.model == "straight":
        return lambda goals: straight(poses, goals, config.horizon, step_s)

    steps = jnp.arange(1, config.horizon + 1)[:, None, None]
    change = jnp.zeros_like(poses) if config.model == "others-static" else poses - before
    others = poses[:, :2] + steps * change[:, :2]

    def alone(goals: Array) -> Rolled:
        own, nearness = roll_out(members, near, poses[:1], goals, config.horizon)
        rest = jnp.broadcast_to(others[:, None, 1:], (config.horizon, len(goals), len(poses) - 1, 2))
        rest = jnp.concatenate([rest, jnp.zeros((*rest.shape[:-1], 1))], axis=-1)
        return jnp.concatenate([own, rest], axis=2), nearness

    return alone


def straight(poses: Array, goals: Array, horizon: int, step_s: float, speed: float = 1.0) -> Rolled:
    """Everybody on a straight line at full speed, through whatever is there."""
    offset = goals[:, None] - poses[:, :2]
    distance = jnp.linalg.norm(offset, axis=-1, keepdims=True)
    steps = speed * step_s * jnp.arange(1, horizon + 1)[:, None, None, None]
    points = poses[:, :2] + offset / jnp.maximum(distance, 1e-6) * jnp.minimum(steps, distance)
    heading = jnp.broadcast_to(turned(jnp.arctan2(offset[..., 1], offset[..., 0])), points.shape[:-1])
    return jnp.concatenate([points, heading[..., None]], axis=-1), jnp.zeros((horizon, len(goals)))
