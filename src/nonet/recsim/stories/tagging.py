"""Synthetic users who rate items and tag their soft attributes, each in their own sense of the words.

The generator with which concept activation vectors are tested (Göpfert et al. 2022, arXiv 2202.02830): items and users
come from one Gaussian mixture of topics, utility is single-peaked in every attribute, few users rate much and fewer
tag. Some tags are ambiguous: a group of attributes goes by one word, and each user means one of them.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import zeta
from jaxtyping import Array, Float, Int

from nonet.foundation.errors import UsageError
from nonet.recsim.blocks.affinities import single_peaked
from nonet.recsim.blocks.choice import PlackettLuce
from nonet.recsim.blocks.distributions import NormalMixture
from nonet.recsim.language import Population, Variable, story, variables

__all__ = ["SoftCatalogue", "Taggers", "tagging"]


class SoftCatalogue(eqx.Module):
    """Items with attributes between 0 and 1, the taggable ones first.

    Attributes:
        topics: centres of the items' kinds, all as likely.
        size: how many items.
        spread: standard deviation around a centre.
    """

    topics: Float[Array, "kinds attributes"]
    size: int
    spread: float = 0.5

    def draw(self) -> dist.Distribution:
        """Attributes before they are cut to [0, 1]."""
        kinds = self.topics.shape[0]
        return NormalMixture(jnp.zeros(kinds), self.topics, jnp.full(kinds, self.spread), self.size)

    def cut(self, drawn: Array) -> Float[Array, "items attributes"]:
        """Attributes."""
        return jnp.clip(drawn, 0.0, 1.0)

    def popularity(self) -> dist.Distribution:
        """What an item has on top of its affinity when users choose what to rate."""
        return dist.Uniform(jnp.zeros(self.size), 1.0)


class Taggers(eqx.Module):
    """Users with a utility for each attribute and a sense of each ambiguous tag.

    Attributes:
        topics: centres of what users want.
        size: how many users.
        tags: how many attributes, the first ones, can be tagged.
        groups: how many groups of attributes go by one word each, from the first attribute on.
        senses: attributes in a group; a user knows one of them, the same place in every group.
        spread: standard deviation around a centre.
        most: most ratings of a user.
        activity: exponent of Zipf's law of the number of ratings.
        keenness: factor of the affinity when users choose what to rate.
        noise: standard deviation of a score.
        silent: share of users who never tag.
        zeal: least and largest probability that another user tags an item that he rates.
        threshold: an attribute above it is tagged.
        doubt: standard deviation of a user's own thresholds.
        peak: least value of a user's ideal degree of an attribute.
    """

    topics: Float[Array, "kinds attributes"]
    size: int
    tags: int
    groups: int = 1
    senses: int = 2
    spread: float = 0.5
    most: int = 20
    activity: float = 1.35
    keenness: float = 1.0
    noise: float = 0.02
    silent: float = 0.8
    zeal: tuple[float, float] = (0.1, 0.5)
    threshold: float = 0.5
    doubt: float = 0.01
    peak: float = 0.0

    def __check_init__(self) -> None:
        if not self.groups * self.senses <= self.tags <= self.topics.shape[1]:
            raise UsageError(
                f"{self.groups} groups of {self.senses} senses do not fit into {self.tags} tags, or these not into "
                f"{self.topics.shape[1]} attributes.",
                where="Taggers",
                fix="Ask for fewer groups, or more tags.",
            )

    def want(self) -> dist.Distribution:
        """Weights of the attributes before they are cut to what the user knows."""
        kinds = self.topics.shape[0]
        return NormalMixture(jnp.zeros(kinds), self.topics, jnp.full(kinds, self.spread), self.size)

    def sense(self) -> dist.Distribution:
        """Which attribute of every group a user means."""
        return dist.CategoricalLogits(jnp.zeros((self.size, self.senses)))

    def knows(self, sense: Int[Array, " users"]) -> Float[Array, "users attributes"]:
        """1 for attributes that exist for a user, 0 for the other senses of an ambiguous tag."""
        meant = jnp.tile(jax.nn.one_hot(sense, self.senses), (1, self.groups))
        return jnp.pad(meant, ((0, 0), (0, self.topics.shape[1] - meant.shape[1])), constant_values=1.0)

    def ideal(self) -> dist.Distribution:
        """The degree of each attribute that a user likes best."""
        return dist.Uniform(jnp.full((self.size, self.topics.shape[1]), self.peak), 1.0)

    def rates(self) -> dist.Distribution:
        """How many items a user rates, less one: Zipf's law, with what is beyond the most at the most."""
        counts = jnp.arange(1, self.most)
        mass = counts**-self.activity / zeta(self.activity, 1.0)
        chances = jnp.append(mass, 1 - mass.sum())
        return dist.CategoricalProbs(jnp.broadcast_to(chances, (self.size, self.most)))

    def speaks(self) -> dist.Distribution:
        """Whether a user tags at all."""
        return dist.Bernoulli(probs=jnp.full(self.size, 1 - self.silent))

    def eager(self) -> dist.Distribution:
        """How often he then does."""
        return dist.Uniform(jnp.full(self.size, self.zeal[0]), self.zeal[1])

    def limits(self) -> dist.Distribution:
        """From which degree on a user calls an attribute by its name."""
        return dist.Normal(jnp.full((self.size, self.tags), self.threshold), self.doubt)

    def affinity(self, want: Array, knows: Array, ideal: Array, items: Array) -> Float[Array, "users items"]:
        """Single-peaked utility of every item."""
        return single_peaked(jnp.clip(want * knows, 0.0, 1.0), items, ideal)

    def choose(self, affinity: Array, popularity: Array) -> dist.Distribution:
        """The items that a user could rate, the first ones first."""
        return PlackettLuce(self.keenness * affinity + popularity, self.most)

    def feel(self, affinity: Array, rated: Array) -> dist.Distribution:
        """Scores of these items."""
        return dist.Normal(jnp.take_along_axis(affinity, rated, 1), self.noise)

    def rate(self, score: Array, rates: Array) -> Int[Array, "users ratings"]:
        """1 to 5 stars over the range of the user's own scores; 0 for what he does not come to rate."""
        given = jnp.arange(self.most) <= rates[:, None]
        low = jnp.where(given, score, jnp.inf).min(1, keepdims=True)
        range_ = jnp.where(given, score, -jnp.inf).max(1, keepdims=True) - low
        stars = 1 + jnp.floor(5 * (score - low) / jnp.maximum(range_, 1e-6)).astype(jnp.int32)
        return jnp.where(given, jnp.minimum(stars, 5), 0)

    def tag(self, rating: Array, speaks: Array, eager: Array) -> dist.Distribution:
        """Whether a rated item gets tags."""
        return dist.Bernoulli(probs=(rating > 0) * (speaks * eager)[:, None])

    def words(
        self, tagged: Array, rated: Array, items: Array, knows: Array, limits: Array
    ) -> Int[Array, "users ratings tags"]:
        """The tags: attributes that the user knows and that are above his threshold."""
        degree = (items[rated] * knows[:, None])[..., : self.tags]
        return tagged[..., None] * (degree > limits[:, None])


@story
def tagging(users: Taggers, catalogue: SoftCatalogue) -> list[Variable]:
    """Users and items that stay, and at every step ratings and tags."""
    if users.most > catalogue.size:
        raise UsageError(
            f"Nobody can rate {users.most} of {catalogue.size} items.", where="tagging", fix="Lower `most`."
        )
    crowd, shelf = Population("users", users.size), Population("items", catalogue.size)
    drawn, items, popularity = variables("drawn", "items", "popularity", over=shelf)
    want, sense, knows, ideal = variables("want", "sense", "knows", "ideal", over=crowd)
    rates, speaks, eager, limits, affinity = variables("rates", "speaks", "eager", "limits", "affinity", over=crowd)
    rated, score, rating, tagged, words = variables("rated", "score", "rating", "tagged", "words", over=crowd)
    drawn.constant(catalogue.draw)
    items.constant(catalogue.cut, drawn)
    popularity.constant(catalogue.popularity)
    want.constant(users.want)
    sense.constant(users.sense)
    knows.constant(users.knows, sense)
    ideal.constant(users.ideal)
    rates.constant(users.rates)
    speaks.constant(users.speaks)
    eager.constant(users.eager)
    limits.constant(users.limits)
    affinity.constant(users.affinity, want, knows, ideal, items)
    rated.always(users.choose, affinity, popularity)
    score.always(users.feel, affinity, rated)
    rating.always(users.rate, score, rates)
    tagged.always(users.tag, rating, speaks, eager)
    words.always(users.words, tagged, rated, items, knows, limits)
    return [
        *(drawn, items, popularity, want, sense, knows, ideal, rates, speaks, eager, limits, affinity),
        *(rated, score, rating, tagged, words),
    ]
