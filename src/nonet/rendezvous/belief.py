"""What a robot believes of where the team will meet: a Gaussian, a mixture of them, or particles.

All three are weights, means and deviations of components; particles are as many components as there are proposals, with
one common deviation. The cross-entropy method turns scores of proposals into the next belief.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from nonet.rendezvous.config import PlannerConfig

__all__ = ["Belief", "draw", "first_belief", "improved", "propose", "widened"]

_TEMPERATURE_M = 0.25
"""Difference in score that makes one component e times as likely as another, metres."""


class Belief(eqx.Module):
    """A distribution over meeting points.

    Attributes:
        weight: of each component; they add up to one.
        mean: x, y, metres.
        std: deviations along x and y, metres.
    """

    weight: Float[Array, " components"]
    mean: Float[Array, "components 2"]
    std: Float[Array, "components 2"]


def _components(config: PlannerConfig) -> int:
    return {"gaussian": 1, "mixture": config.components, "particles": config.goals}[config.belief]


def first_belief(config: PlannerConfig, points: Float[Array, "robots 2"], active: Array) -> Belief:
    """Before anything was thought: around the middle of the team, as wide as the team.

    Components of a mixture stand around the middle, so that they can find different ways.
    """
    count = _components(config)
    weight = active[:, None] / active.sum()
    middle = (points * weight).sum(0)
    spread = jnp.sqrt((((points - middle) ** 2) * weight).sum()) / jnp.sqrt(2.0) + 1.0
    angles = 2 * jnp.pi * jnp.arange(count) / count + 0.5
    ring = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)
    away = 0.0 if count == 1 else spread
    return Belief(jnp.ones(count) / count, middle + away * ring, jnp.full((count, 2), spread))


def widened(belief: Belief, first: Belief, memory: float) -> Belief:
    """Where the next search starts: the last belief, wider by what is not remembered of it."""
    return Belief(belief.weight, belief.mean, belief.std + (1 - memory) * first.std)


def propose(config: PlannerConfig, belief: Belief, key: Key[Array, ""]) -> Float[Array, "goals 2"]:
    """Proposals, the same number from each component."""
    each = -(-config.goals // len(belief.weight))
    noise = jax.random.normal(key, (len(belief.weight), each, 2))
    return (belief.mean[:, None] + belief.std[:, None] * noise).reshape(-1, 2)[: config.goals]


def improved(
    config: PlannerConfig,
    belief: Belief,
    goals: Float[Array, "goals 2"],
    scores: Float[Array, " goals"],
    key: Key[Array, ""],
) -> Belief:
    """The belief after one iteration of the cross-entropy method.

    Args:
        config: of the search.
        belief: that the proposals were drawn from.
        goals: proposals.
        scores: the higher the better, metres.
        key: for particles, which are drawn anew.
    """
    if config.belief == "particles":
        chances = jax.nn.softmax(scores / _TEMPERATURE_M)
        chosen = jax.random.choice(key, goals, (len(goals),), p=chances)
        std = jnp.maximum(0.5 * belief.std, config.least_std_m)
        return Belief(belief.weight, chosen, std)
    count = len(belief.weight)
    each = config.goals // count
    goals = goals[: each * count].reshape(count, each, 2)
    scores = scores[: each * count].reshape(count, each)
    best, rows = jax.lax.top_k(scores, max(1, config.elites // count))
    elites = jnp.take_along_axis(goals, rows[..., None], axis=1)
    std = jnp.maximum(elites.std(1), config.least_std_m)
    return Belief(jax.nn.softmax(best.mean(1) / _TEMPERATURE_M), elites.mean(1), std)


def draw(belief: Belief, key: Key[Array, ""], choose: str) -> Float[Array, " 2"]:
    """The goal that a robot takes from its belief: drawn from it, or the mean of its heaviest component."""
    if choose == "mean":
        return belief.mean[jnp.argmax(belief.weight)]
    which, where = jax.random.split(key)
    component = jax.random.choice(which, len(belief.weight), p=belief.weight)
    return belief.mean[component] + belief.std[component] * jax.random.normal(where, (2,))
