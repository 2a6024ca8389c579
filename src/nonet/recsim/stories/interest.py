"""Interests that move with what is consumed: a partially observed world to train recommenders in.

Documents are either sweet (clicked, bad in the long run) or good. Consuming one moves the user's interest by its
quality. A myopic recommender serves what is liked now; a far-sighted one moves users to topics of quality. After the
partially observable application of the article's library (Mladenov et al. 2021, §4).
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int, Key
from numpyro.distributions import constraints

from nonet.recsim.blocks.affinities import negative_distance
from nonet.recsim.blocks.choice import MultinomialLogit, PlackettLuce, chosen
from nonet.recsim.language import Population, Variable, parameter, story, variables

__all__ = ["Catalogue", "MovingUsers", "Nearest", "Seen", "catalogue", "interest_evolution"]

_BOUND = 10.0


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


class MovingUsers(eqx.Module):
    """Users whose interest follows what they consume.

    Attributes:
        size: how many users.
        catalogue: the documents.
        step: how far one document moves an interest.
        peak: affinity of a perfect document.
    """

    size: int
    catalogue: Catalogue
    step: Float[Array, ""] | float = parameter(constraints.positive, default=0.1)
    peak: float = 2.0

    def begin(self) -> dist.Distribution:
        """Interests around the origin."""
        return dist.Normal(jnp.zeros((self.size, self.catalogue.features.shape[1])), 1.0)

    def choose(self, interest: Array, slate: Array) -> dist.Distribution:
        """Multinomial logit over the slate, or nothing."""
        shown = self.catalogue.features[slate]
        away = jnp.sqrt(sum(jnp.square(interest[:, None, t] - shown[:, :, t]) for t in range(interest.shape[1])))
        return MultinomialLogit(0.0)(self.peak - away)

    def consume(self, slate: Array, choice: Array) -> Float[Array, " users"]:
        """Time spent: a document of low quality is consumed longer."""
        document, took = chosen(slate, choice)
        return took * jax.nn.sigmoid(-self.catalogue.quality[document]) * self.catalogue.length

    def move(self, interest: Array, slate: Array, choice: Array) -> Float[Array, "users topics"]:
        """Towards good documents, away from bad ones, and never far from the origin."""
        document, took = chosen(slate, choice)
        pull = self.catalogue.features[document] - interest
        moved = interest + (took * self.step * self.catalogue.quality[document])[:, None] * pull
        return 4 * _BOUND * (jax.nn.sigmoid(moved / _BOUND) - 0.5)


class Seen(eqx.Module):
    """What a recommender knows of each user: the last documents and the time spent on them.

    Attributes:
        document: indices; the size of the catalogue stands for none.
        time: time spent.
    """

    document: Int[Array, "users history"]
    time: Float[Array, "users history"]

    @classmethod
    def nothing(cls, users: int, history: int, documents: int) -> Seen:
        """No history."""
        return cls(jnp.full((users, history), documents, jnp.int32), jnp.zeros((users, history)))

    def after(self, document: Array, time: Array) -> Seen:
        """With one more entry, the oldest dropped."""
        return Seen(
            jnp.concatenate([self.document[:, 1:], document[:, None].astype(jnp.int32)], axis=1),
            jnp.concatenate([self.time[:, 1:], time[:, None]], axis=1),
        )


class Nearest(eqx.Module):
    """Myopic: shows documents near those that held the user longest.

    Attributes:
        catalogue: the documents.
        slate_size: documents shown.
        temperature: of the Plackett-Luce slate; small is greedy.
    """

    catalogue: Catalogue
    slate_size: int = 2
    temperature: float = 0.1

    def show(self, seen: Seen) -> dist.Distribution:
        """A slate by estimated affinity; with no history the centre of the space is the estimate."""
        padded = jnp.concatenate([self.catalogue.features, jnp.zeros((1, self.catalogue.features.shape[1]))])
        weight = seen.time[:, :, None]
        liked = (padded[seen.document] * weight).sum(1) / jnp.maximum(weight.sum(1), 1.0)
        return PlackettLuce(negative_distance(liked, self.catalogue.features) / self.temperature, self.slate_size)


@story
def interest_evolution(users: MovingUsers, recommender: Any, history: int = 15) -> list[Variable]:
    """A recommender that sees only what was consumed, and users whose interests move."""
    crowd = Population("users", users.size)
    interest, seen, slate, choice, time = variables("interest", "seen", "slate", "choice", "time", over=crowd)

    def remember(before: Seen, slate: Array, choice: Array, time: Array) -> Seen:
        document, took = chosen(slate, choice)
        return before.after(jnp.where(took, document, users.catalogue.size), time)

    interest.starts(users.begin)
    interest.becomes(users.move, interest.previous, slate.previous, choice.previous)
    seen.starts(lambda: Seen.nothing(users.size, history, users.catalogue.size))
    seen.becomes(remember, seen.previous, slate.previous, choice.previous, time.previous)
    slate.always(recommender.show, seen)
    choice.always(users.choose, interest, slate)
    time.always(users.consume, slate, choice)
    return [interest, seen, slate, choice, time]
