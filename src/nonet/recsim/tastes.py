"""Tastes, fitted to logs of things taken: ``P(item | user) = softmax(appeal[item] + <taste[user], trait[item]>)``.

The item is one that the user has not taken yet. Fitted by maximum penalised likelihood, judged by held-out
log-likelihood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float

from nonet.foundation import console
from nonet.foundation.errors import DataError
from nonet.recsim.blocks.recommenders import collaborative_filter
from nonet.recsim.data import Log

__all__ = ["TasteModel", "fit_taste", "popularity", "taste_baseline"]


@dataclass(frozen=True)
class TasteModel:
    """Which item a user takes next.

    Attributes:
        logits: scores of all items for all users.
        taken: what each user had taken, and does not take again.
        parts: ``appeal``, ``taste`` and ``trait`` where the scores are made of them.
    """

    logits: Float[Array, "users items"]
    taken: Bool[np.ndarray, "users items"]
    parts: Mapping[str, Array] = field(default_factory=dict)

    def log_likelihood(self, log: Log) -> float:
        """Mean log-likelihood of the items taken, in nats an event; repeated items are left out."""
        user, item = _pairs(log)
        fresh = ~self.taken[user, item]
        logs = jax.nn.log_softmax(jnp.where(jnp.asarray(self.taken), -jnp.inf, self.logits), axis=1)
        return float(np.asarray(logs)[user[fresh], item[fresh]].mean())


def popularity(log: Log, *, prior: float = 0.5) -> TasteModel:
    """The baseline: items by how often they were taken, plus ``prior``."""
    counts = np.bincount(log.item, minlength=len(log.items)) + prior
    logits = jnp.broadcast_to(jnp.log(counts), (len(log.users), len(log.items)))
    return TasteModel(logits.astype(float), _taken(log))


def taste_baseline(log: Log, validation: Log, *, rank: int = 16) -> TasteModel:
    """Matrix factorisation by alternating least squares, added to log popularity with the weight best in validation."""
    taken = _taken(log)
    score = collaborative_filter(jnp.where(jnp.asarray(taken), 1.0, 0.0) + 1e-6, rank)
    plain = popularity(log)
    models = [TasteModel(plain.logits + weight * score, taken) for weight in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)]
    return max(models, key=lambda model: model.log_likelihood(validation))


def fit_taste(
    log: Log, validation: Log, *, rank: int = 16, ridge: float = 5.0, steps: int = 400, seed: int = 0
) -> TasteModel:
    """Maximum penalised likelihood by Adam, stopped where the validation events are likeliest.

    Args:
        log: users and what they took.
        validation: later events of the same users.
        rank: length of tastes and traits.
        ridge: precision of their normal prior.
        steps: of the optimiser.
        seed: of the start.
    """
    user, item = _pairs(log)
    taken = jnp.asarray(_taken(log))
    later_user, later_item = _pairs(validation)
    fresh = ~np.asarray(taken)[later_user, later_item]
    later_user, later_item = later_user[fresh], later_item[fresh]
    free = _start(log, item, rank, seed)

    def logits(free: dict[str, Array]) -> Array:
        return free["appeal"] + free["taste"] @ free["trait"].T

    events = (jnp.asarray(user), jnp.asarray(item))  # an argument: as constants they would be folded at great length

    def loss(free: dict[str, Array], events: tuple[Array, Array]) -> Array:
        # an event is one choice among all items; the order in which a user took them does not matter here
        logs = jax.nn.log_softmax(logits(free), axis=1)
        penalty = 0.5 * ridge * (jnp.square(free["taste"]).sum() + jnp.square(free["trait"]).sum())
        return (-logs[events].sum() + penalty) / len(item)

    @jax.jit
    def held_out(free: dict[str, Array]) -> Array:
        logs = jax.nn.log_softmax(jnp.where(taken, -jnp.inf, logits(free)), axis=1)
        return logs[later_user, later_item].mean()

    optimiser = optax.adam(0.02)

    @jax.jit
    def portion(free: dict[str, Array], state: Any, events: tuple[Array, Array]) -> tuple[dict[str, Array], Any]:
        def step(carried: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], None]:
            free, state = carried
            updates, state = optimiser.update(jax.grad(loss)(free, events), state)
            return (optax.apply_updates(free, updates), state), None

        return jax.lax.scan(step, (free, state), None, length=10)[0]

    state, best, best_score, waited = optimiser.init(free), free, -np.inf, 0
    for _ in console.track(range(steps // 10), "fitting taste"):
        free, state = portion(free, state, events)
        score = float(held_out(free))
        best, best_score, waited = (free, score, 0) if score > best_score else (best, best_score, waited + 1)
        if waited == 5:
            break
    return TasteModel(logits(best), np.asarray(taken), best)


def _start(log: Log, item: np.ndarray, rank: int, seed: int) -> dict[str, Array]:
    """Popularity, and next to no taste."""
    first, second = jax.random.split(jax.random.key(seed))
    return {
        "appeal": jnp.log(jnp.asarray(np.bincount(item, minlength=len(log.items)) + 0.5)),
        "taste": 0.1 * jax.random.normal(first, (len(log.users), rank)),
        "trait": 0.1 * jax.random.normal(second, (len(log.items), rank)),
    }


def _pairs(log: Log) -> tuple[np.ndarray, np.ndarray]:
    if log.user is None:
        raise DataError("It does not tell users apart.", where=log.source, fix="Give it a column 'user'.")
    return log.user, log.item


def _taken(log: Log) -> np.ndarray:
    user, item = _pairs(log)
    taken = np.zeros((len(log.users), len(log.items)), bool)
    taken[user, item] = True
    return taken
