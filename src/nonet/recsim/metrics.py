"""How an ecosystem fares: numbers that a story computes in its loop, or a reader from a trajectory."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Num

__all__ = ["counts_of", "diversity", "gini", "regret", "survival", "welfare"]


def counts_of(items: Int[Array, "..."], of: int, weight: Num[Array, "..."] | None = None) -> Float[Array, " of"]:
    """How often each of ``of`` items occurs: exposure when given slates, clicks when given choices.

    Args:
        items: indices.
        of: how many items there are.
        weight: 0 leaves an occurrence out.
    """
    flat = jnp.ones(items.size) if weight is None else jnp.broadcast_to(weight, items.shape).ravel().astype(float)
    return jnp.zeros(of).at[items.ravel()].add(flat)


def gini(amounts: Num[Array, " members"]) -> Float[Array, ""]:
    """Gini coefficient: 0 where all have the same, towards 1 where one has everything (Gini 1912).

    ``sum_i (2 i - n - 1) x_(i) / (n sum x)``; 0 where nobody has anything.
    """
    ordered = jnp.sort(amounts).astype(float)
    size, whole = ordered.shape[0], ordered.sum()
    ranks = 2 * jnp.arange(1, size + 1) - size - 1
    return jnp.where(whole > 0, (ranks * ordered).sum() / (size * jnp.where(whole > 0, whole, 1.0)), 0.0)


def welfare(utilities: Float[Array, " users"]) -> Float[Array, ""]:
    """Mean utility."""
    return utilities.mean()


def survival(alive: Bool[Array, " providers"]) -> Float[Array, ""]:
    """Share of providers that are still there."""
    return alive.mean()


def diversity(features: Float[Array, "users positions topics"]) -> Float[Array, ""]:
    """Mean distance between two items of one slate (intra-list distance; Ziegler et al., WWW 2005).

    NaN for slates of one item.
    """
    size = features.shape[1]
    apart = jnp.linalg.norm(features[:, :, None] - features[:, None, :], axis=-1)
    return apart.sum() / (features.shape[0] * size * (size - 1))


def regret(means: Float[Array, "... arms"], pulled: Int[Array, "..."]) -> Float[Array, "..."]:
    """What the best arm would have given on average above the pulled one."""
    return means.max(-1) - jnp.take_along_axis(means, pulled[..., None], -1)[..., 0]
