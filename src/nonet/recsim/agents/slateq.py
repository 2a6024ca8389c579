"""DQN for slates: the value of a slate is that of what the user takes from it (SlateQ; Ie et al., IJCAI 2019).

Two things are learnt from a history. ``Q(history, document)`` is the value of the user's taking a document, by the
temporal difference to what was taken next (the SARSA form), with replay and a slow target network. ``v(history,
document)`` is the pull of a document against taking nothing, by a logit over the slates shown. A slate is the documents
that are worth most when shown alone, ``(Q_0 + v Q) / (1 + v)``; exploration draws it by Plackett-Luce from these worths
(Boltzmann), ever less evenly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from nonet.recsim import random
from nonet.recsim.agents.episodes import episode
from nonet.recsim.blocks.choice import PlackettLuce, chosen
from nonet.recsim.blocks.recommenders import top
from nonet.recsim.language import Story
from nonet.recsim.runtime import Record
from nonet.recsim.stories.interest import Seen

__all__ = ["Experience", "SlateQ", "learn_by_dqn"]

_RECORD = Record(("seen", "slate", "choice", "time"))


class SlateQ(eqx.Module):
    """A recommender that shows the documents worth most.

    Attributes:
        embedding: of documents taken; the last row stands for none.
        layers: from the history to a value and the logarithm of a pull for each document, and for taking nothing.
        slate_size: documents shown.
        temperature: evenness of exploration, in units of value; None for none.
    """

    embedding: Float[Array, "ids dim"]
    layers: eqx.nn.MLP
    slate_size: int = eqx.field(static=True)
    temperature: Float[Array, ""] | float | None = None

    @classmethod
    def fresh(cls, key: Key[Array, ""], documents: int, *, slate_size: int, dim: int = 32) -> SlateQ:
        """Values near zero, pulls near 1.

        Args:
            key: of the start.
            documents: size of the catalogue.
            slate_size: documents shown.
            dim: length of vectors and half the width of layers.
        """
        first, second = jax.random.split(key)
        embedding = jax.random.normal(first, (documents + 1, dim)) / dim**0.5
        return cls(embedding, eqx.nn.MLP(2 * dim, 2 * (documents + 1), 2 * dim, 2, key=second), slate_size)

    def judge(self, seen: Seen) -> tuple[Float[Array, "users outcomes"], Float[Array, "users outcomes"]]:
        """Value, and log-pull, of each document and (last) of taking nothing, whose pull is 1."""
        vectors = self.embedding[seen.document]
        context = jnp.concatenate([(vectors * seen.time[:, :, None]).mean(1), vectors[:, -1]], axis=1)
        values, pulls = jnp.split(jax.vmap(self.layers)(context), 2, axis=1)
        return values, pulls - pulls[:, -1:]

    def worth(self, seen: Seen) -> Float[Array, "users documents"]:
        """Expected value of showing each document alone."""
        values, pulls = self.judge(seen)
        taken = jax.nn.sigmoid(pulls[:, :-1])
        return taken * values[:, :-1] + (1 - taken) * values[:, -1:]

    def show(self, seen: Seen) -> Any:
        """The documents worth most, or the distribution of an exploring slate."""
        worth = self.worth(seen)
        if self.temperature is None:
            return top(worth, self.slate_size)
        return PlackettLuce(worth / self.temperature, self.slate_size)


class Experience(eqx.Module):
    """Transitions.

    Attributes:
        seen: what was seen before.
        slate: what was shown.
        choice: the position taken; the length of the slate stands for none.
        taken: the document taken; the size of the catalogue stands for none.
        reward: time spent.
        next_seen: what was seen a step later.
        next_taken: what was taken there.
    """

    seen: Seen
    slate: Int[Array, "transitions slate"]
    choice: Int[Array, " transitions"]
    taken: Int[Array, " transitions"]
    reward: Float[Array, " transitions"]
    next_seen: Seen
    next_taken: Int[Array, " transitions"]


def learn_by_dqn(
    world: Story,
    agent: SlateQ,
    *,
    steps: int,
    updates: int,
    learning_rate: float = 1e-3,
    discount: float = 0.95,
    batch: int = 512,
    batches: int = 60,
    kept: int = 8,
    seed: int = 0,
) -> Iterator[tuple[SlateQ, float]]:
    """Learns values in a world.

    Args:
        world: the story; its ``recommender`` is replaced by the agent.
        agent: where to start.
        steps: of an episode.
        updates: episodes, each of all users of the world.
        learning_rate: of Adam.
        discount: of later rewards.
        batch: transitions in a minibatch.
        batches: minibatches between two episodes; the target network is the network at their start.
        kept: episodes in the replay buffer.
        seed: of the chances.
    Yields:
        After each update the greedy agent, and what a user was rewarded on average in the episode before it, in which
        the agent explored.
    """
    optimiser = optax.chain(optax.clip_by_global_norm(10.0), optax.adam(learning_rate))
    state = optimiser.init(_learnable(agent))
    play, learn = eqx.filter_jit(_play), eqx.filter_jit(_learn)
    replay: list[Experience] = []
    for number in range(updates):
        key = jax.random.fold_in(random.key(seed), number)
        # from nearly even slates to nearly greedy ones over the first two thirds
        warmth = jnp.asarray(0.02 + max(0.0, 1 - 1.5 * number / updates))
        fresh, reward = play(world.replace(recommender=_exploring(agent, warmth)), steps, key)
        replay = [*replay, fresh][-kept:]
        # the buffer keeps its size, so that one compiled function serves all updates
        filled = [replay[place % len(replay)] for place in range(kept)]
        buffer = jax.tree.map(lambda *parts: jnp.concatenate(parts), *filled)
        agent, state = learn(agent, state, buffer, key, optimiser, discount, batch, batches)
        yield agent, float(reward)


def _learnable(agent: SlateQ) -> Any:
    return eqx.filter(agent, eqx.is_inexact_array)


def _exploring(agent: SlateQ, warmth: Array) -> SlateQ:
    return SlateQ(agent.embedding, agent.layers, agent.slate_size, warmth)


def _play(story: Story, steps: int, key: Key[Array, ""]) -> tuple[Experience, Array]:
    """One episode as transitions, and a user's mean reward in it."""
    kept = episode(story, steps, key, _RECORD)
    document, took = jax.vmap(chosen)(kept["slate"], kept["choice"])
    nothing = story.actors["users"].catalogue.size
    taken = jnp.where(took, document, nothing)
    seen = Seen(kept["seen.document"], kept["seen.time"])

    def flat(tree: Any, begin: int, end: int | None) -> Any:
        return jax.tree.map(lambda leaf: leaf[begin:end].reshape(-1, *leaf.shape[2:]), tree)

    experience = Experience(
        seen=flat(seen, 0, -1),
        slate=flat(kept["slate"], 0, -1),
        choice=flat(kept["choice"], 0, -1),
        taken=flat(taken, 0, -1),
        reward=flat(kept["time"], 0, -1),
        next_seen=flat(seen, 1, None),
        next_taken=flat(taken, 1, None),
    )
    return experience, kept["time"].sum(0).mean()


def _learn(
    agent: SlateQ,
    state: Any,
    buffer: Experience,
    key: Key[Array, ""],
    optimiser: Any,
    discount: float,
    batch: int,
    batches: int,
) -> tuple[SlateQ, Any]:
    """Some minibatches against one target network."""
    target, arrays = agent, eqx.partition(agent, eqx.is_array)

    def loss(agent: SlateQ, part: Experience) -> Array:
        rows = jnp.arange(batch)
        after = target.judge(part.next_seen)[0][rows, part.next_taken]
        values, pulls = agent.judge(part.seen)
        difference = optax.huber_loss(values[rows, part.taken], part.reward + discount * after)
        offered = jnp.concatenate([jnp.take_along_axis(pulls, part.slate, 1), pulls[:, -1:]], axis=1)
        choice = optax.softmax_cross_entropy_with_integer_labels(offered, part.choice)
        return (difference + choice).mean()

    def one(carried: tuple[Any, Any], key: Key[Array, ""]) -> tuple[tuple[Any, Any], None]:
        values, state = carried
        agent = eqx.combine(values, arrays[1])
        pick = jax.random.randint(key, (batch,), 0, buffer.taken.shape[0])
        slope = eqx.filter_grad(loss)(agent, jax.tree.map(lambda leaf: leaf[pick], buffer))
        changes, state = optimiser.update(slope, state, _learnable(agent))
        agent = eqx.apply_updates(agent, changes)
        return (eqx.filter(agent, eqx.is_array), state), None

    (values, state), _ = jax.lax.scan(one, (arrays[0], state), jax.random.split(key, batches))
    return eqx.combine(values, arrays[1]), state
