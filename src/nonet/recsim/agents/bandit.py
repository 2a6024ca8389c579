"""A bandit in a world it does not understand: documents are arms, time spent is the reward, users are all alike.

UCB1 (Auer, Cesa-Bianchi and Fischer 2002) over the catalogue: what a recommender can do that neither looks at the
history nor ahead.
"""

from __future__ import annotations

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from nonet.recsim import random
from nonet.recsim.agents.episodes import episode
from nonet.recsim.blocks.recommenders import top
from nonet.recsim.language import Story
from nonet.recsim.runtime import Record
from nonet.recsim.stories.interest import Seen

__all__ = ["ArmsOnly", "learn_by_bandit"]

_RECORD = Record(("slate", "choice", "time"))


class ArmsOnly(eqx.Module):
    """A recommender that shows the documents of highest bound.

    Attributes:
        shown: how often each document was shown.
        time: time spent on it in all.
        slate_size: documents shown.
        width: of the bonus for documents that were shown little; 0 shows the best so far.
    """

    shown: Float[Array, " documents"]
    time: Float[Array, " documents"]
    slate_size: int = eqx.field(static=True)
    width: Float[Array, ""] | float = 0.0

    @classmethod
    def fresh(cls, documents: int, *, slate_size: int) -> ArmsOnly:
        """Nothing known."""
        return cls(jnp.zeros(documents), jnp.zeros(documents), slate_size)

    def show(self, seen: Seen) -> Int[Array, "users slate"]:
        """The same documents for everybody."""
        mean = self.time / jnp.maximum(self.shown, 1.0)
        bonus = jnp.sqrt(self.width * jnp.log(jnp.maximum(self.shown.sum(), 1.0)) / jnp.maximum(self.shown, 1.0))
        bound = jnp.where((self.shown == 0) & (self.width > 0), jnp.inf, mean + bonus)
        return jnp.broadcast_to(top(bound[None], self.slate_size), (seen.time.shape[0], self.slate_size))


def learn_by_bandit(
    world: Story, agent: ArmsOnly, *, steps: int, updates: int, width: float = 2.0, seed: int = 0
) -> Iterator[tuple[ArmsOnly, float]]:
    """Plays and counts.

    Args:
        world: the story; its ``recommender`` is replaced by the agent.
        agent: where to start.
        steps: of an episode, all with the same slate.
        updates: episodes.
        width: of the bonus while it learns.
        seed: of the chances.
    Yields:
        After each episode the agent, and what a user was rewarded on average in it.
    """

    @eqx.filter_jit
    def update(world: Story, agent: ArmsOnly, key: Key[Array, ""]) -> tuple[ArmsOnly, Array]:
        exploring = ArmsOnly(agent.shown, agent.time, agent.slate_size, jnp.asarray(width))
        story = world.replace(recommender=exploring)
        kept = episode(story, steps, key, _RECORD)
        taken = jax.nn.one_hot(kept["choice"], agent.slate_size) * kept["time"][..., None]
        slate = kept["slate"].ravel()
        # an episode counts as one showing: its steps are not independent
        weight = 1.0 / (kept["time"].size)
        learned = ArmsOnly(
            agent.shown.at[slate].add(weight), agent.time.at[slate].add(weight * taken.ravel()), agent.slate_size
        )
        return learned, kept["time"].sum(0).mean()

    for number in range(updates):
        agent, reward = update(world, agent, jax.random.fold_in(random.key(seed), number))
        yield agent, float(reward)
