"""A fixed catalogue and the recommenders of the textbooks, each with what it knows: the story to compare them in.

Users have a hidden taste and like items with which it agrees. They take one item of a slate or none. A recommender
remembers for every user and item how often it was shown and taken, and nothing else; `Informed` recommenders know the
affinities besides, wholly or with noise.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int
from numpyro.distributions import constraints

from nonet.recsim import metrics
from nonet.recsim.blocks.affinities import dot
from nonet.recsim.blocks.bandits import Tally, Thompson
from nonet.recsim.blocks.choice import MultinomialLogit
from nonet.recsim.blocks.recommenders import collaborative_filter, diversified, top
from nonet.recsim.language import Population, Variable, parameter, story, variables

__all__ = [
    "Collaborative",
    "Epsilon",
    "Informed",
    "PopularSoFar",
    "Sampling",
    "Shoppers",
    "Uniformly",
    "UpperBounds",
    "Varied",
    "shop",
]

Scores = Float[Array, "users items"]


class Shoppers(eqx.Module):
    """Users with a hidden taste.

    Attributes:
        items: what there is, as vectors.
        size: how many users.
        keenness: factor of the agreement of taste and item.
        reserve: score of taking nothing.
    """

    items: Float[Array, "items dim"]
    size: int
    keenness: Float[Array, ""] | float = parameter(constraints.positive, default=2.0)
    reserve: Float[Array, ""] | float = parameter(default=1.0)

    def taste(self) -> dist.Distribution:
        """Somewhere in the space of items."""
        return dist.Normal(jnp.zeros((self.size, self.items.shape[1])), 1.0)

    def affinity(self, taste: Array) -> Scores:
        """``keenness <taste, item>``."""
        return self.keenness * dot(taste, self.items)

    def choose(self, affinity: Array, slate: Array) -> dist.Distribution:
        """Multinomial logit over the slate, or nothing."""
        return MultinomialLogit(self.reserve)(jnp.take_along_axis(affinity, slate, 1))

    def chance(self, affinity: Array, slate: Array) -> Float[Array, " users"]:
        """Probability that something of a slate is taken."""
        return 1.0 - self.choose(affinity, slate).probs[:, -1]  # type: ignore[attr-defined]


class _Counting(eqx.Module):
    """Recommenders that look at what was taken.

    Attributes:
        slate_size: items shown.
    """

    slate_size: int = 3

    def show(self, score: Scores) -> Int[Array, "users slate"]:
        """The items with the highest scores."""
        return top(score, self.slate_size)


class Uniformly(_Counting):
    """Any items."""

    def score(self, known: Tally, affinity: Scores) -> dist.Distribution:
        """Even chances."""
        return dist.Uniform(jnp.zeros_like(affinity), 1.0)


class PopularSoFar(_Counting):
    """What was taken most often where it was shown, over all users, with one time taken of ten added."""

    def score(self, known: Tally, affinity: Scores) -> dist.Distribution:
        """The rate; ties are broken at random."""
        rate = (known.rewards.sum(0) + 1.0) / (known.pulls.sum(0) + 10.0)
        rate = jnp.broadcast_to(rate, affinity.shape)
        return dist.Uniform(rate, rate + 1e-3)


class Epsilon(_Counting):
    """Each user's best items so far; with probability epsilon an item moves in front of all others.

    Attributes:
        epsilon: share of exploration.
    """

    epsilon: float = 0.05

    def score(self, known: Tally, affinity: Scores) -> dist.Distribution:
        """Epsilon-greedy as random scores: a lucky draw of probability epsilon is above every rate."""
        rate = jnp.where(known.pulls == 0, 0.5, known.means)
        lucky = dist.Normal(rate + 2.0, 1e-3)
        plain = dist.Normal(rate, 1e-3)
        chances = dist.Categorical(jnp.broadcast_to(jnp.array([self.epsilon, 1 - self.epsilon]), (*rate.shape, 2)))
        return dist.MixtureGeneral(chances, [lucky, plain])


class UpperBounds(_Counting):
    """``rate + sqrt(width ln t / shown)`` for every user and item (UCB1; Auer, Cesa-Bianchi and Fischer 2002).

    Attributes:
        width: of the bonus.
    """

    width: float = 0.2

    def score(self, known: Tally, affinity: Scores) -> dist.Distribution:
        """The bound; ties are broken at random."""
        time = jnp.maximum(known.pulls.sum(1, keepdims=True), 1.0)
        bonus = jnp.sqrt(self.width * jnp.log(time) / jnp.maximum(known.pulls, 1.0))
        bound = jnp.where(known.pulls == 0, 2.0, known.means + bonus)
        return dist.Uniform(bound, bound + 1e-3)


class Sampling(_Counting):
    """Items by a draw from the posterior of their rates (Thompson 1933)."""

    def score(self, known: Tally, affinity: Scores) -> dist.Distribution:
        """The posterior under a Beta(1, 1) prior."""
        return Thompson(*known.pulls.shape).imagine(known)


class Collaborative(_Counting):
    """Users like others who took the same: matrix factorisation of the rates, at every step.

    Attributes:
        rank: length of the factors.
        explore: standard deviation of noise on the scores.
    """

    rank: int = 4
    explore: float = 0.1

    def score(self, known: Tally, affinity: Scores) -> dist.Distribution:
        """The completed matrix of what was taken (1) and left (-1)."""
        opinion = jnp.where(known.pulls > 0, 2 * known.means - 1, 0.0)
        return dist.Normal(collaborative_filter(opinion, self.rank, sweeps=3), self.explore)


class Informed(_Counting):
    """Knows the affinities up to noise: 0 for the myopic optimum, more for limited knowledge.

    Attributes:
        noise: standard deviation of what is known of an affinity.
    """

    noise: float = 0.0

    def score(self, known: Tally, affinity: Scores) -> Any:
        """The affinities."""
        return dist.Normal(affinity, self.noise) if self.noise > 0 else affinity


class Varied(Informed):
    """Knows the affinities, and shows items that are unlike each other (maximal marginal relevance).

    Attributes:
        similarity: of items.
        trade: 1 for affinity alone.
    """

    similarity: Float[Array, "items items"] = eqx.field(default_factory=lambda: jnp.eye(1))
    trade: float = 0.7

    def show(self, score: Scores) -> Int[Array, "users slate"]:
        """One item after another."""
        return diversified(score, self.similarity, self.slate_size, self.trade)


@story
def shop(users: Shoppers, recommender: Any) -> list[Variable]:
    """Tastes, slates, choices, and what the recommender knows of them."""
    crowd = Population("users", users.size)
    items = users.items.shape[0]
    taste, affinity, known, score, slate, choice = variables(
        "taste", "affinity", "known", "score", "slate", "choice", over=crowd
    )
    measures = Variable("measures")

    def remember(before: Tally, slate: Array, choice: Array) -> Tally:
        shown = jax.nn.one_hot(slate, items)
        took = jax.nn.one_hot(choice, slate.shape[1])[:, :, None]  # no choice is past the end: all zeros
        return Tally(before.pulls + shown.sum(1), before.rewards + (took * shown).sum(1))

    def measure(affinity: Array, slate: Array, choice: Array) -> dict[str, Array]:
        chance, best = users.chance(affinity, slate), users.chance(affinity, top(affinity, slate.shape[1]))
        exposed = metrics.counts_of(slate, items)
        return {
            "taken": (choice < slate.shape[1]).mean(),
            "regret": (best - chance).mean(),
            "exposure": metrics.gini(exposed),
            "diversity": metrics.diversity(users.items[slate]) if slate.shape[1] > 1 else jnp.zeros(()),
        }

    taste.constant(users.taste)
    affinity.constant(users.affinity, taste)
    known.starts(lambda: Tally.empty(users.size, items))
    known.becomes(remember, known.previous, slate.previous, choice.previous)
    score.always(recommender.score, known, affinity)
    slate.always(recommender.show, score)
    choice.always(users.choose, affinity, slate)
    measures.always(measure, affinity, slate, choice)
    return [taste, affinity, known, score, slate, choice, measures]
