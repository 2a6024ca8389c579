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
from jaxtyping import Array, Float, Int

from nonet.recsim.blocks.affinities import negative_distance
from nonet.recsim.blocks.choice import MultinomialLogit, PlackettLuce, chosen
from nonet.recsim.blocks.corpora import Catalogue
from nonet.recsim.blocks.states import InterestEvolution
from nonet.recsim.language import Population, Variable, story, variables

__all__ = ["MovingUsers", "Nearest", "Seen", "interest_evolution"]


class MovingUsers(eqx.Module):
    """Users whose interest follows what they consume.

    Attributes:
        size: how many users.
        catalogue: the documents.
        evolution: how interests move.
        peak: affinity of a perfect document.
    """

    size: int
    catalogue: Catalogue
    evolution: InterestEvolution = InterestEvolution()
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
        return self.evolution.step(interest, self.catalogue.features[document], self.catalogue.quality[document], took)


class Seen(eqx.Module):
    """What a recommender knows of each user: the last documents and the time spent on them.

    Attributes:
        document: indices; the size of the catalogue stands for none.
        time: time spent.
    """

    document: Int[Array, "*users history"]
    time: Float[Array, "*users history"]

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
    temperature: Float[Array, ""] | float = 0.1

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
