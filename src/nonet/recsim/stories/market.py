"""Creators who choose what to write about, and a platform that chooses whom to lift: a world of many agents.

Every creator publishes one work a step. Readers like works near their interest and take one of those shown. A creator
is rewarded by readers, the platform by what readers enjoy. As a story the creators stay where they are
(`Steady`) or drift towards where the readers were (`Followers`); as an environment they are learned.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions import constraints

from nonet.recsim import metrics
from nonet.recsim.blocks.affinities import negative_distance
from nonet.recsim.blocks.choice import MultinomialLogit
from nonet.recsim.blocks.recommenders import top
from nonet.recsim.language import Population, Variable, parameter, story, variables

__all__ = ["Followers", "Platform", "Readers", "Steady", "market"]


class Readers(eqx.Module):
    """Readers in a few camps.

    Attributes:
        camps: centres of the camps.
        size: how many readers.
        spread: standard deviation within a camp.
        peak: affinity of a perfect work.
    """

    camps: Float[Array, "camps topics"]
    size: int = 100
    spread: Float[Array, ""] | float = parameter(constraints.positive, default=0.5)
    peak: float = 2.0

    def interest(self) -> dist.Distribution:
        """A camp, and a place in it."""
        around = dist.Normal(self.camps, self.spread).to_event(1)
        return dist.MixtureSameFamily(dist.Categorical(logits=jnp.zeros(len(self.camps))), around).expand((self.size,))

    def affinity(self, interest: Array, works: Array) -> Float[Array, "readers creators"]:
        """``peak - |interest - work|``."""
        return negative_distance(interest, works, self.peak)

    def choose(self, affinity: Array, slate: Array) -> dist.Distribution:
        """Multinomial logit over the slate, or nothing."""
        return MultinomialLogit(0.0)(jnp.take_along_axis(affinity, slate, 1))

    def enjoy(self, affinity: Array, slate: Array, choice: Array) -> Float[Array, " readers"]:
        """Affinity of the work taken; 0 for none."""
        shown = jnp.concatenate([jnp.take_along_axis(affinity, slate, 1), jnp.zeros((self.size, 1))], axis=1)
        return jnp.take_along_axis(shown, choice[:, None], 1)[:, 0]


class Steady(eqx.Module):
    """Creators who never change their topic."""

    size: int

    def move(self, works: Array, read: Array, pull: Array) -> Float[Array, "creators topics"]:
        """No move."""
        return jnp.zeros_like(works)


class Followers(eqx.Module):
    """Creators who move towards the readers whom they had.

    Attributes:
        size: how many.
        step: share of the way.
    """

    size: int
    step: Float[Array, ""] | float = parameter(constraints.unit_interval, default=0.1)

    def move(self, works: Array, read: Array, pull: Array) -> Float[Array, "creators topics"]:
        """Towards the mean of their readers; a creator without readers stays."""
        return jnp.where(read[:, None] > 0, self.step * (pull - works), 0.0)


class Platform(eqx.Module):
    """Shows the works with the highest affinity plus the creator's lift.

    Attributes:
        creators: how many.
        slate_size: works shown.
        care: lift of a creator for each share of readers that it lacks.
    """

    creators: int
    slate_size: int = 2
    care: Float[Array, ""] | float = parameter(default=0.0)

    def lift(self, read: Array) -> Float[Array, " creators"]:
        """More for creators with few readers."""
        share = read / jnp.maximum(read.sum(), 1.0)
        return self.care * (1.0 / self.creators - share)


@story
def market(readers: Readers, creators: Any, platform: Platform, reach: float = 1.0) -> list[Variable]:
    """Creators move, the platform lifts, readers choose.

    A move is cut to the length ``reach`` in every topic.
    """
    crowd, makers = Population("readers", readers.size), Population("creators", creators.size)
    topics = readers.camps.shape[1]
    interest, affinity, slate, choice, utility = variables(
        "interest", "affinity", "slate", "choice", "utility", over=crowd
    )
    place, move, works, lift, audience = variables("place", "move", "works", "lift", "audience", over=makers)
    measures = Variable("measures")

    def met(interest: Array, slate: Array, choice: Array) -> dict[str, Array]:
        taken = jnp.concatenate([slate, jnp.full((readers.size, 1), creators.size, slate.dtype)], axis=1)
        hit = jax.nn.one_hot(jnp.take_along_axis(taken, choice[:, None], 1)[:, 0], creators.size)
        read = hit.sum(0)
        return {"read": read, "pull": hit.T @ interest / jnp.maximum(read, 1.0)[:, None]}

    nobody = {"read": jnp.zeros(creators.size), "pull": jnp.zeros((creators.size, topics))}
    last = Variable("last", makers).starts(lambda: nobody)
    interest.constant(readers.interest)
    place.starts(lambda: dist.Normal(jnp.zeros((creators.size, topics)), 1.0))
    place.becomes(lambda works: works, works.previous)
    last.becomes(lambda audience: audience, audience.previous)
    move.always(lambda place, last: creators.move(place, last["read"], last["pull"]), place, last)
    works.always(lambda place, move: place + jnp.clip(move, -reach, reach), place, move)
    lift.always(lambda last: platform.lift(last["read"]), last)
    affinity.always(readers.affinity, interest, works)
    slate.always(lambda affinity, lift: top(affinity + lift, platform.slate_size), affinity, lift)
    choice.always(readers.choose, affinity, slate)
    utility.always(readers.enjoy, affinity, slate, choice)
    audience.always(met, interest, slate, choice)
    measures.always(
        lambda utility, audience: {"welfare": utility.mean(), "gini": metrics.gini(audience["read"])}, utility, audience
    )
    return [interest, place, last, move, works, lift, affinity, slate, choice, utility, audience, measures]
