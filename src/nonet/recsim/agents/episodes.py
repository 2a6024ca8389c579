"""What an agent learns from: an episode of all users of a world."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Key

from nonet.recsim.language import Story
from nonet.recsim.runtime import Record, advance, start

__all__ = ["episode"]


def episode(story: Story, steps: int, key: Key[Array, ""], record: Record) -> dict[str, Array]:
    """An episode as a pure function: the recorded fields by name, of shape (steps, …).

    Args:
        story: the world, with the agent in its role.
        steps: at least 2.
        key: of the chances.
        record: what is kept.
    """
    state, first = start(story, key, record)
    _, later = advance(story, key, state, steps - 1, record)
    return {name: jnp.concatenate([value[None], later[name]]) for name, value in first.items()}
