"""REINFORCE: a policy that proposes slates, improved along the score-function gradient of its return.

Williams, Machine Learning 8 (1992). The return of a slate is what follows it, less the mean over users at the same
step, in units of its standard deviation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
import optax
from jaxtyping import Array, Float, Key

from nonet.recsim import random
from nonet.recsim.agents.episodes import episode
from nonet.recsim.blocks.choice import PlackettLuce
from nonet.recsim.language import Story
from nonet.recsim.runtime import Record
from nonet.recsim.stories.interest import Seen

__all__ = ["Proposer", "discounted", "learn_by_reinforce"]

_EXPERIENCE = Record(("seen", "slate", "time"))


class Proposer(eqx.Module):
    """A recommender that scores documents by a network on what a user took, and draws a slate by Plackett-Luce.

    Attributes:
        embedding: of documents taken; the last row stands for none.
        hidden: from the history to a layer.
        proposal: from the layer to a vector that is compared with documents.
        documents: a vector for each document.
        slate_size: documents shown.
        sharpness: factor of the scores; large is greedy.
    """

    embedding: Float[Array, "ids dim"]
    hidden: eqx.nn.Linear
    proposal: eqx.nn.Linear
    documents: Float[Array, "documents dim"]
    slate_size: int = eqx.field(static=True)
    sharpness: float = eqx.field(static=True)

    @classmethod
    def fresh(
        cls, key: Key[Array, ""], documents: int, *, slate_size: int, dim: int = 32, sharpness: float = 1.0
    ) -> Proposer:
        """A policy that has learnt nothing: nearly even chances.

        Args:
            key: of the start.
            documents: size of the catalogue.
            slate_size: documents shown.
            dim: length of vectors.
            sharpness: factor of the scores.
        """
        keys = jax.random.split(key, 4)
        return cls(
            jax.random.normal(keys[0], (documents + 1, dim)) / dim**0.5,
            eqx.nn.Linear(2 * dim, dim, key=keys[1]),
            eqx.nn.Linear(dim, dim, key=keys[2]),
            jax.random.normal(keys[3], (documents, dim)) / dim**0.5,
            slate_size,
            sharpness,
        )

    def scores(self, seen: Seen) -> Float[Array, "users documents"]:
        """What the network makes of the last document and of all of them weighted by the time spent."""
        vectors = self.embedding[seen.document]
        weight = seen.time[:, :, None]
        context = jnp.concatenate([(vectors * weight).mean(1), vectors[:, -1]], axis=1)
        layer = jax.nn.leaky_relu(jax.vmap(self.hidden)(context))
        return self.sharpness * jax.vmap(self.proposal)(layer) @ self.documents.T

    def show(self, seen: Seen) -> dist.Distribution:
        """The distribution of the slate."""
        return PlackettLuce(self.scores(seen), self.slate_size)


def discounted(rewards: Float[Array, "steps users"], factor: float) -> Float[Array, "steps users"]:
    """``G_t = r_t + factor G_{t+1}``."""

    def back(later: Array, reward: Array) -> tuple[Array, Array]:
        now = reward + factor * later
        return now, now

    return jax.lax.scan(back, jnp.zeros_like(rewards[0]), rewards, reverse=True)[1]


def learn_by_reinforce(
    world: Story,
    agent: Proposer,
    *,
    steps: int,
    updates: int,
    learning_rate: float = 0.01,
    discount: float = 0.99,
    entropy: float = 0.0,
    seed: int = 0,
) -> Iterator[tuple[Proposer, float]]:
    """Improves a policy in a world.

    Args:
        world: the story; its ``recommender`` is replaced by the agent.
        agent: where to start.
        steps: of an episode.
        updates: episodes, each of all users of the world.
        learning_rate: of Adam.
        discount: of later rewards.
        entropy: weight of the entropy of the first pick, against a policy that settles too early.
        seed: of the chances.
    Yields:
        After each update the agent, and what a user was rewarded on average in the episode before it.
    """
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(learning_rate))
    state = optimiser.init(eqx.filter(agent, eqx.is_inexact_array))

    @eqx.filter_jit
    def update(world: Story, agent: Proposer, state: Any, key: Key[Array, ""]) -> tuple[Proposer, Any, Array]:
        kept = episode(world.replace(recommender=agent), steps, key, _EXPERIENCE)
        seen, slate, rewards = Seen(kept["seen.document"], kept["seen.time"]), kept["slate"], kept["time"]
        gain = discounted(rewards, discount)
        gain = gain - gain.mean(1, keepdims=True)
        gain = jax.lax.stop_gradient(gain / (gain.std() + 1e-6))

        def loss(agent: Proposer) -> Array:
            slates = jax.vmap(agent.show)(seen)
            first = jax.nn.log_softmax(slates.scores)  # type: ignore[attr-defined]
            spread = -(jnp.exp(first) * first).sum(-1).mean()
            return -(gain * slates.log_prob(slate)).mean() - entropy * spread

        slope = eqx.filter_grad(loss)(agent)
        changes, state = optimiser.update(slope, state, eqx.filter(agent, eqx.is_inexact_array))
        return eqx.apply_updates(agent, changes), state, rewards.sum(0).mean()

    for number in range(updates):
        agent, state, reward = update(world, agent, state, jax.random.fold_in(random.key(seed), number))
        yield agent, float(reward)
