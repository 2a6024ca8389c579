"""Documents: where they come from and how they change.

Static ones are a `Catalogue`; creator-driven ones are made anew each step by the `Providers` of the ecosystem story or
the creators of the market story.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Key
from numpyro.distributions import constraints

from nonet.recsim.language import parameter

__all__ = ["Catalogue", "Drifting", "catalogue"]


class Catalogue(eqx.Module):
    """Documents that stay.

    Attributes:
        features: where each is in the space of interests.
        quality: what it does to its consumers.
        length: how long it takes.
    """

    features: Float[Array, "documents topics"]
    quality: Float[Array, " documents"]
    length: float = 2.0

    @property
    def size(self) -> int:
        """How many documents."""
        return self.features.shape[0]


def catalogue(key: Key[Array, ""], documents: int = 100, topics: int = 2, sweet: float = 0.7) -> Catalogue:
    """A catalogue in which the share ``sweet`` of topics has negative quality.

    Topic qualities are linspace(-1, 0) and linspace(0, 1); qualities N(topic quality, 0.1), features
    N(unit vector of the topic, 0.7).
    """
    bad = min(topics - 1, max(1, int(topics * sweet)))
    means = jnp.concatenate([jnp.linspace(-1.0, 0.0, bad), jnp.linspace(0.0, 1.0, topics - bad)])
    means = means.at[-1].set(1.0)  # linspace of one point is its beginning
    share = jnp.concatenate([jnp.full(bad, sweet / bad), jnp.full(topics - bad, (1 - sweet) / (topics - bad))])
    draw, spread, place = jax.random.split(key, 3)
    topic = jax.random.categorical(draw, jnp.log(share), shape=(documents,))
    quality = means[topic] + 0.1 * jax.random.normal(spread, (documents,))
    features = jnp.eye(topics)[topic] + 0.7 * jax.random.normal(place, (documents, topics))
    return Catalogue(features, quality)


class Drifting(eqx.Module):
    """Documents whose features walk: ``d_0`` given, ``d_t ~ N(d_0 + keep (d_{t-1} - d_0), speed^2 I)``.

    Attributes:
        home: features at the start.
        speed: standard deviation of a step.
        keep: 1 for a free walk; less draws documents back to where they began.
    """

    home: Float[Array, "documents topics"]
    speed: Float[Array, ""] | float = parameter(constraints.positive, default=0.1)
    keep: Float[Array, ""] | float = parameter(constraints.unit_interval, default=1.0)

    def begin(self) -> Float[Array, "documents topics"]:
        """Where they begin."""
        return self.home

    def step(self, before: Float[Array, "documents topics"]) -> dist.Distribution:
        """Where they go."""
        return dist.Normal(self.home + self.keep * (before - self.home), self.speed)
