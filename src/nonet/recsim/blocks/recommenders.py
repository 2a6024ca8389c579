"""Recommenders that score documents for users; `Matchmaker` of the ecosystem story is the provider-aware one."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int

from nonet.foundation.errors import UsageError
from nonet.recsim.blocks.affinities import negative_distance

__all__ = ["AtRandom", "KnowledgeLimited", "Popular", "collaborative_filter", "diversified", "top"]


def top(scores: Float[Array, "users documents"], count: int) -> Int[Array, "users {count}"]:
    """The ``count`` best documents of each user, the best first.

    Raises:
        UsageError: if there are not so many documents.
    """
    if not 1 <= count <= scores.shape[1]:
        raise UsageError(
            f"A slate of {count} cannot be filled from a catalogue of {scores.shape[1]}.",
            where="slate",
            fix="Show at least one document and no more than there are.",
        )
    # who takes a part of the slates must not reach through to the ranking: XLA would then sort the whole catalogue
    return jax.lax.optimization_barrier(jax.lax.top_k(scores, count)[1].astype(jnp.int32))


class AtRandom(eqx.Module):
    """Any documents.

    Attributes:
        slate_size: documents shown.
    """

    slate_size: int = 3

    def score(self, interest: Array, features: Array, maker: Array, state: Any) -> dist.Distribution:
        """Even chances."""
        return dist.Uniform(jnp.zeros((interest.shape[0], features.shape[0])), 1.0)

    def show(self, scores: Array) -> Int[Array, "users slate"]:
        """The documents with the luckiest draws."""
        return top(scores, self.slate_size)


class Popular(eqx.Module):
    """Documents of the providers with most clicks, the same for everybody.

    Attributes:
        slate_size: documents shown.
    """

    slate_size: int = 3

    def score(self, interest: Array, features: Array, maker: Array, state: Any) -> dist.Distribution:
        """Clicks of the document's provider; ties are broken at random, alike for all users."""
        ranked = jnp.broadcast_to(state.clicks[maker], (interest.shape[0], features.shape[0]))
        return dist.Uniform(ranked, ranked + 0.5)

    def show(self, scores: Array) -> Int[Array, "users slate"]:
        """The most popular documents."""
        return top(scores, self.slate_size)


class KnowledgeLimited(eqx.Module):
    """The best documents by affinities that are known up to noise.

    Attributes:
        slate_size: documents shown.
        noise: standard deviation of what is known of an affinity.
        peak: affinity of a perfect document.
    """

    slate_size: int = 3
    noise: Float[Array, ""] | float = 5.0
    peak: float = 2.0

    def score(self, interest: Array, features: Array, maker: Array, state: Any) -> dist.Distribution:
        """Affinity and noise."""
        return dist.Normal(negative_distance(interest, features, self.peak), self.noise)

    def show(self, scores: Array) -> Int[Array, "users slate"]:
        """The documents that seem best."""
        return top(scores, self.slate_size)


def diversified(
    scores: Float[Array, "users documents"],
    similarity: Float[Array, "documents documents"],
    count: int,
    trade: float = 0.5,
) -> Int[Array, "users {count}"]:
    """Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).

    One after another, the document with the largest ``trade * score - (1 - trade) * max similarity to those chosen``.

    Args:
        scores: relevance.
        similarity: of documents to one another.
        count: documents chosen.
        trade: 1 for relevance alone, 0 for variety alone.
    """
    top(scores, count)  # refuses a slate longer than the catalogue
    nearest = jnp.full(scores.shape, -jnp.inf)
    free = jnp.ones(scores.shape, bool)
    slate = []
    for place in range(count):
        penalty = 0.0 if place == 0 else (1 - trade) * nearest
        item = jnp.where(free, trade * scores - penalty, -jnp.inf).argmax(1)
        slate.append(item)
        free = free & (jnp.arange(scores.shape[1]) != item[:, None])
        nearest = jnp.maximum(nearest, similarity[item])
    return jnp.stack(slate, axis=1).astype(jnp.int32)


def collaborative_filter(
    ratings: Float[Array, "users items"], rank: int = 8, ridge: float = 1.0, sweeps: int = 10
) -> Float[Array, "users items"]:
    """Scores by alternating least squares on the observed ratings (Hu, Koren and Volinsky 2008, unweighted).

    Args:
        ratings: 0 where nothing was rated.
        rank: length of the factors.
        ridge: weight of the squared norms.
        sweeps: alternations.
    """
    seen = (ratings != 0).astype(float)

    def solve(other: Float[Array, "items rank"], rows: Array, mask: Array) -> Float[Array, "users rank"]:
        gram = jnp.einsum("ui,ik,il->ukl", mask, other, other) + ridge * jnp.eye(rank)
        return jnp.linalg.solve(gram, (rows @ other)[..., None])[..., 0]

    # the leading singular vectors: a start that needs no randomness
    start = jnp.linalg.svd(ratings, full_matrices=False)[2][:rank].T

    def sweep(items: Array, _: None) -> tuple[Array, None]:
        users = solve(items, ratings, seen)
        return solve(users, ratings.T, seen.T), None

    items, _ = jax.lax.scan(sweep, start, None, length=sweeps)
    return solve(items, ratings, seen) @ items.T
