"""Cascading bandits: rankings for users who read from the top and stop at the first item that attracts them.

Kveton, Szepesvári, Wen and Ashkan, "Cascading Bandits: Learning to Rank in the Cascade Model", ICML 2015. What is above
a click was seen and did not attract; what is below it was not seen and teaches nothing.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int

from nonet.recsim.blocks.bandits import Tally, Thompson
from nonet.recsim.blocks.recommenders import top

__all__ = ["CascadeKLUCB", "CascadeThompson", "CascadeUCB", "RandomRanking"]

_HALVINGS = 20


class _Ranker(eqx.Module):
    """What all rankers share: they remember how often each item was seen, and how often it then attracted.

    Attributes:
        learners: how many independent learners.
        items: how many items there are.
        slate_size: items in a ranking.
    """

    learners: int
    items: int
    slate_size: int

    def begin(self) -> Tally:
        """Nothing seen."""
        return Tally.empty(self.learners, self.items)

    def learn(self, known: Tally, slate: Int[Array, "learners positions"], click: Int[Array, " learners"]) -> Tally:
        """One reading more.

        Args:
            known: what was known.
            slate: the ranking.
            click: position of the item that attracted; the number of positions for none.
        """
        seen = jnp.arange(slate.shape[1]) <= click[:, None]
        attracted = jnp.arange(slate.shape[1]) == click[:, None]
        row = jnp.arange(slate.shape[0])[:, None]
        return Tally(known.pulls.at[row, slate].add(seen), known.rewards.at[row, slate].add(attracted))

    def show(self, score: Float[Array, "learners items"]) -> Int[Array, "learners positions"]:
        """The items with the highest scores, the highest on top."""
        return top(score, self.slate_size)


class RandomRanking(_Ranker):
    """Any items in any order."""

    def score(self, known: Tally, step: Int[Array, ""]) -> dist.Distribution:
        """Even chances."""
        return dist.Uniform(jnp.zeros(known.pulls.shape), 1.0)


class CascadeUCB(_Ranker):
    """By ``mean + sqrt(1.5 ln t / seen)`` (CascadeUCB1; Kveton et al. 2015, §3.1)."""

    def score(self, known: Tally, step: Int[Array, ""]) -> Float[Array, "learners items"]:
        """The bounds; what was never seen comes first."""
        bonus = jnp.sqrt(1.5 * jnp.log(jnp.maximum(step, 1)) / jnp.maximum(known.pulls, 1.0))
        return jnp.where(known.pulls == 0, jnp.inf, known.means + bonus)


class CascadeKLUCB(_Ranker):
    """By the largest q with ``seen * kl(mean, q) <= ln t + 3 ln ln t`` (CascadeKL-UCB; Kveton et al. 2015, §3.1)."""

    def score(self, known: Tally, step: Int[Array, ""]) -> Float[Array, "learners items"]:
        """The bounds, by bisection; what was never seen comes first."""
        time = jnp.log(jnp.maximum(step, 2))
        budget = (time + 3 * jnp.log(jnp.maximum(time, 1.0))) / jnp.maximum(known.pulls, 1.0)
        mean = known.means
        low, high = mean, jnp.ones_like(mean)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            inside = _divergence(mean, middle) <= budget
            low, high = jnp.where(inside, middle, low), jnp.where(inside, high, middle)
        return jnp.where(known.pulls == 0, jnp.inf, low)


class CascadeThompson(_Ranker):
    """By a draw from the posterior of each item's attraction (Beta(1, 1) prior; Thompson 1933)."""

    def score(self, known: Tally, step: Int[Array, ""]) -> dist.Distribution:
        """The posterior."""
        return Thompson(self.learners, self.items).imagine(known)


def _divergence(p: Array, q: Array) -> Array:
    """Kullback-Leibler divergence of two Bernoulli distributions."""
    least = 1e-7
    p, q = jnp.clip(p, least, 1 - least), jnp.clip(q, least, 1 - least)
    return p * jnp.log(p / q) + (1 - p) * jnp.log((1 - p) / (1 - q))
