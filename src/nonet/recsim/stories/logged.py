"""Users as logs show them: the stories in which hidden attributes of logged users are inferred.

`taking` is for logs of things taken: a taste for each user. `clicking` is for logs of clicks: how far users look down a
slate, and how much they like items. Both are counted logs in one step.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int

from nonet.recsim.language import Population, Variable, story

__all__ = ["Clickers", "Takers", "clicking", "taking"]


class Takers(eqx.Module):
    """Users who take things that suit their taste: ``P(item) = softmax(appeal + <taste, trait>)``.

    Attributes:
        appeal: of items to everybody.
        trait: of items.
        events: how many things each user took.
        precision: of the normal prior of tastes.
    """

    appeal: Float[Array, " items"]
    trait: Float[Array, "items rank"]
    events: Int[Array, " users"]
    precision: float = 5.0

    def taste(self) -> dist.Distribution:
        """The hidden attribute."""
        return dist.Normal(jnp.zeros((self.events.shape[0], self.trait.shape[1])), self.precision**-0.5)

    def take(self, taste: Float[Array, "users rank"]) -> dist.Distribution:
        """How often each user took each item."""
        return dist.Multinomial(self.events, logits=self.appeal + taste @ self.trait.T)


@story
def taking(users: Takers) -> list[Variable]:
    """Tastes, and what was taken."""
    crowd = Population("users", users.events.shape[0])
    taste = Variable("taste", crowd).constant(users.taste)
    taken = Variable("taken", crowd).always(users.take, taste)
    return [taste, taken]


class Clickers(eqx.Module):
    """Users who look down a slate and click what attracts: ``P(click) = examined_position sigmoid(attraction_item)``.

    Attributes:
        shown: how often each item was shown at each position.
        mean: attraction of an average item, a logit.
        precision: of the normal prior of attractions around the mean.
    """

    shown: Int[Array, "positions items"]
    mean: Float[Array, ""]
    precision: float = 3.0

    def look(self) -> dist.Distribution:
        """Logarithm of the examination of the positions behind the first, relative to it."""
        return dist.Normal(jnp.zeros(self.shown.shape[0] - 1), 1.0)

    def attract(self) -> dist.Distribution:
        """Attractions of items."""
        return dist.Normal(jnp.full(self.shown.shape[1], self.mean), self.precision**-0.5)

    def click(self, look: Array, attraction: Array) -> dist.Distribution:
        """Clicks on each item at each position."""
        examined = jnp.concatenate([jnp.ones(1), jnp.exp(look)])
        rate = jnp.clip(examined[:, None] * jax.nn.sigmoid(attraction), 1e-9, 1 - 1e-6)
        return dist.BinomialProbs(rate, self.shown)


@story
def clicking(users: Clickers) -> list[Variable]:
    """How users look, what attracts them, and what they click."""
    look = Variable("look").constant(users.look)
    attraction = Variable("attraction").constant(users.attract)
    clicks = Variable("clicks").always(users.click, look, attraction)
    return [look, attraction, clicks]
