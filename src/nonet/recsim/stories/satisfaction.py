"""Users with a hidden intent and a satisfaction that remembers: the story for learning latent-variable models.

Mladenov et al. 2021, §4: fit the memory of satisfaction when the intent is never seen.
"""

from __future__ import annotations

from functools import reduce

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions import constraints

from nonet.recsim.blocks.choice import MultinomialLogit
from nonet.recsim.blocks.distributions import NormalMixture
from nonet.recsim.blocks.states import RememberedSatisfaction
from nonet.recsim.language import Population, Variable, parameter, story, variables

__all__ = ["IntentUsers", "RandomSlates", "satisfaction"]


class IntentUsers(eqx.Module):
    """Users who want something near one of the topics.

    Attributes:
        size: how many users.
        topics: how many topics; intents lie around the unit vectors.
        memory: factor of the satisfaction of the step before.
        intent_variance: variance of an intent around its unit vector.
        noise: standard deviation of satisfaction.
        initial: satisfaction at the start.
    """

    size: int
    topics: int
    memory: Float[Array, ""] | float = parameter(constraints.unit_interval, default=0.8)
    intent_variance: float = 0.1
    noise: float = 0.01
    initial: float = 5.0

    def intent(self) -> dist.Distribution:
        """An even mixture of normals around the unit vectors."""
        scales = jnp.full(self.topics, jnp.sqrt(self.intent_variance))
        return NormalMixture(jnp.zeros(self.topics), jnp.eye(self.topics), scales, self.size)

    def affinity(self, intent: Array, slate: Array) -> Float[Array, "users positions"]:
        """``-|intent - item|``."""
        return -jnp.sqrt(sum(jnp.square(intent[:, None, t] - slate[:, :, t]) for t in range(self.topics)))

    def nothing_yet(self) -> Float[Array, " users"]:
        """No slate has been seen."""
        return jnp.zeros(self.size)

    def best(self, intent: Array, slate: Array) -> Float[Array, " users"]:
        """Utility of the best item of a slate."""
        # item by item: the derivative of a maximum over an axis looks for ties, in twice the time
        return reduce(jnp.maximum, jnp.moveaxis(self.affinity(intent, slate), -1, 0)) + 2.0

    def content(self) -> Float[Array, " users"]:
        """Satisfaction at the start."""
        return jnp.full(self.size, self.initial)

    def feel(self, before: Array, best: Array, best_before: Array) -> dist.Distribution:
        """Satisfaction fades and rises with the improvement of the slates."""
        return RememberedSatisfaction(self.memory, self.noise).step(before, best - best_before)

    def choose(self, intent: Array, slate: Array, satisfaction: Array) -> dist.Distribution:
        """Multinomial logit; a satisfied user takes something."""
        return MultinomialLogit(0.0)(self.affinity(intent, slate) + 2.0 + satisfaction[:, None])


class RandomSlates(eqx.Module):
    """A recommender that shows items drawn from a normal distribution.

    Attributes:
        size: how many users.
        slate_size: items in a slate.
        topics: how many topics.
        scale: standard deviation of each coordinate.
    """

    size: int
    slate_size: int
    topics: int
    scale: float = 0.5

    def show(self) -> dist.Distribution:
        """Items of every user's slate."""
        return dist.Normal(jnp.zeros((self.size, self.slate_size, self.topics)), self.scale)


@story
def satisfaction(users: IntentUsers, recommender: RandomSlates) -> list[Variable]:
    """A hidden intent, slates, choices, and a satisfaction that depends on how slates improve."""
    crowd = Population("users", users.size)
    intent, slate, best, content, choice = variables("intent", "slate", "best", "satisfaction", "choice", over=crowd)
    intent.constant(users.intent)
    slate.always(recommender.show)
    best.starts(users.nothing_yet)
    best.becomes(users.best, intent, slate.previous)
    content.starts(users.content)
    content.becomes(users.feel, content.previous, best, best.previous)
    choice.always(users.choose, intent, slate, content)
    return [intent, slate, best, content, choice]
