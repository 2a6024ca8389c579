"""How much a user's point likes an item's: every function takes users and items and returns a matrix.

Distances are added up coordinate by coordinate: XLA turns that into one loop over the matrix, where a norm over a last
axis of two or three costs twenty times as much on a processor.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["cosine", "distance", "dot", "inverse_distance", "negative_distance", "single_peaked"]

Points = Float[Array, "users topics"]
Items = Float[Array, "items topics"]
Affinity = Float[Array, "users items"]


def distance(users: Points, items: Items) -> Affinity:
    """Euclidean distance."""
    squares = (jnp.square(users[:, None, topic] - items[None, :, topic]) for topic in range(users.shape[1]))
    total = next(squares)
    for square in squares:
        total = total + square
    # the derivative of a root at 0 is infinite; a distance of 0 has derivative 0 here
    return jnp.where(total > 0, jnp.sqrt(jnp.where(total > 0, total, 1.0)), 0.0)


def negative_distance(users: Points, items: Items, peak: float = 0.0) -> Affinity:
    """``peak - |user - item|``."""
    return peak - distance(users, items)


def inverse_distance(users: Points, items: Items) -> Affinity:
    """``1 / |user - item|``."""
    return 1.0 / distance(users, items)


def dot(users: Points, items: Items) -> Affinity:
    """``<user, item>``."""
    return users @ items.T


def cosine(users: Points, items: Items) -> Affinity:
    """``<user, item> / (|user| |item|)``; 0 where one of them is the origin."""
    lengths = jnp.linalg.norm(users, axis=1)[:, None] * jnp.linalg.norm(items, axis=1)[None, :]
    return jnp.where(lengths > 0, dot(users, items) / jnp.where(lengths > 0, lengths, 1.0), 0.0)


def single_peaked(users: Points, items: Items, peaks: Points) -> Affinity:
    """``sum_t peak_t - |user_t item_t - peak_t|``: utility falls off on both sides of a user's peak in each topic."""
    total = jnp.zeros((users.shape[0], items.shape[0]))
    for topic in range(users.shape[1]):
        peak = peaks[:, None, topic]
        total = total + peak - jnp.abs(users[:, None, topic] * items[None, :, topic] - peak)
    return total
