"""Models of what users do, fitted to logs: the user side of a simulator.

Two kinds. `fit_clicks` is for logs with clicks and positions:
``P(click) = examined[position] sigmoid(attraction[item])``. `fit_taste` is for logs of things taken:
``P(item | user) = softmax(appeal[item] + <taste[user], trait[item]>)`` over what the user has
not taken yet. Both maximise a penalised likelihood and are judged by held-out log-likelihood.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float

from nonet.foundation import console
from nonet.foundation.errors import DataError
from nonet.foundation.files import atomic_folder
from nonet.recsim.blocks.recommenders import collaborative_filter
from nonet.recsim.data import Log, read_log

__all__ = [
    "ClickModel",
    "Fitted",
    "TasteModel",
    "click_rates",
    "fit_clicks",
    "fit_taste",
    "fitted_to",
    "popularity",
    "save_fitted",
    "taste_baseline",
]


@dataclass(frozen=True)
class ClickModel:
    """Position-biased clicks.

    Attributes:
        examined: probability that a position is looked at, relative to the first.
        attraction: logit of a click on an item that is looked at.
    """

    examined: Float[Array, " positions"]
    attraction: Float[Array, " items"]

    def probability(self, log: Log) -> Float[np.ndarray, " events"]:
        """The probability of a click on each event of a log."""
        position = log.position if log.position is not None else np.zeros(len(log), int)
        return np.asarray(self.examined[position] * jax.nn.sigmoid(self.attraction[log.item]))

    def log_likelihood(self, log: Log) -> float:
        """Mean log-likelihood of the clicks, in nats an event."""
        return _bernoulli(self.probability(log), log)


def fit_clicks(log: Log, *, ridge: float = 3.0, steps: int = 300) -> ClickModel:
    """Maximum penalised likelihood by L-BFGS.

    Args:
        log: with clicks.
        ridge: precision of the normal prior of attractions around their mean; few clicks need it.
        steps: iterations.
    Raises:
        DataError: if the log has no clicks.
    """
    clicks = _clicks(log)
    positions = 1 if log.position is None else int(log.position.max()) + 1
    place = np.zeros(len(log), int) if log.position is None else log.position
    # events are counted by position and item: the likelihood needs no more
    shape = (positions, len(log.items))
    shown, hit = np.zeros(shape), np.zeros(shape)
    np.add.at(shown, (place, log.item), 1)
    np.add.at(hit, (place, log.item), clicks)

    def unpack(free: dict[str, Array]) -> tuple[Array, Array]:
        # the first position is the unit: only the product with the attraction can be seen
        examined = jnp.concatenate([jnp.ones(1), jnp.exp(free["examined"])])
        return examined, free["mean"] + free["apart"]

    def loss(free: dict[str, Array]) -> Array:
        examined, attraction = unpack(free)
        rate = jnp.clip(examined[:, None] * jax.nn.sigmoid(attraction), 1e-9, 1 - 1e-9)
        fit = (hit * jnp.log(rate) + (shown - hit) * jnp.log1p(-rate)).sum()
        # a weak prior keeps a position without clicks from vanishing
        return -fit + 0.5 * ridge * jnp.square(free["apart"]).sum() + 0.5 * jnp.square(free["examined"]).sum()

    rate = max(clicks.mean(), 1e-6)
    start = {
        "examined": jnp.zeros(positions - 1),
        "mean": jnp.log(rate / (1 - rate)),
        "apart": jnp.zeros(len(log.items)),
    }
    examined, attraction = unpack(_minimise(loss, start, steps))
    return ClickModel(examined, attraction)


def click_rates(log: Log, *, prior: float = 100.0) -> ClickModel:
    """The baseline: smoothed click rate of each item, positions alike.

    Args:
        log: with clicks.
        prior: events at the mean rate added to each item.
    """
    clicks = _clicks(log)
    mean = max(clicks.mean(), 1e-6)
    shown = np.bincount(log.item, minlength=len(log.items))
    rate = (np.bincount(log.item, clicks, len(log.items)) + prior * mean) / (shown + prior)
    positions = 1 if log.position is None else int(log.position.max()) + 1
    return ClickModel(jnp.ones(positions), jnp.log(rate / (1 - rate)))


@dataclass(frozen=True)
class TasteModel:
    """Which item a user takes next.

    Attributes:
        logits: scores of all items for all users.
        taken: what each user had taken, and does not take again.
    """

    logits: Float[Array, "users items"]
    taken: Bool[np.ndarray, "users items"]

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
    users, items = len(log.users), len(log.items)
    taken = jnp.asarray(_taken(log))
    later_user, later_item = _pairs(validation)
    fresh = ~np.asarray(taken)[later_user, later_item]
    later_user, later_item = later_user[fresh], later_item[fresh]
    first, second = jax.random.split(jax.random.key(seed))
    free = {
        "appeal": jnp.log(jnp.asarray(np.bincount(item, minlength=items) + 0.5)),
        "taste": 0.1 * jax.random.normal(first, (users, rank)),
        "trait": 0.1 * jax.random.normal(second, (items, rank)),
    }

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
    return TasteModel(logits(best), np.asarray(taken))


@dataclass(frozen=True)
class Fitted:
    """A model of users, fitted and judged.

    Attributes:
        kind: "clicks" or "taste".
        arrays: its parameters.
        scores: held-out log-likelihood of the model and of its baselines.
        log: what it was fitted to.
    """

    kind: str
    arrays: dict[str, np.ndarray]
    scores: dict[str, float]
    log: Log


def fitted_to(source: str, *, rank: int = 16, seed: int = 0) -> Fitted:
    """Fits the model that a log allows, on its first events, and judges it on the last.

    Args:
        source: as of `data.read_log`.
        rank: length of tastes.
        seed: of the start.
    """
    log = read_log(source)
    train, validation, test = log.split()
    if log.click is not None:
        model = fit_clicks(train)
        scores = {"click model": model.log_likelihood(test), "click rates": click_rates(train).log_likelihood(test)}
        arrays = {"examined": np.asarray(model.examined), "attraction": np.asarray(model.attraction)}
        return Fitted("clicks", arrays, scores, log)
    models = {
        "taste model": fit_taste(train, validation, rank=rank, seed=seed),
        "matrix factorisation": taste_baseline(train, validation, rank=rank),
        "popularity": popularity(train),
    }
    scores = {name: model.log_likelihood(test) for name, model in models.items()}
    return Fitted("taste", {"logits": np.asarray(models["taste model"].logits)}, scores, log)


def save_fitted(folder: Path, fitted: Fitted) -> None:
    """Writes ``config.json`` and ``model.safetensors``, whole or not at all."""
    from safetensors.numpy import save_file

    config = {"kind": fitted.kind, "log": fitted.log.source, "held_out": fitted.scores, "items": fitted.log.items}
    with atomic_folder(folder) as fresh:
        (fresh / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        save_file(
            {name: np.ascontiguousarray(value) for name, value in fitted.arrays.items()}, fresh / "model.safetensors"
        )


def _minimise(loss: Any, start: Any, steps: int) -> Any:
    """L-BFGS, all steps in one compiled loop."""
    solver = optax.lbfgs()
    value_and_grad = optax.value_and_grad_from_state(loss)

    @jax.jit
    def run(start: Any) -> Any:
        def step(carried: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], None]:
            free, state = carried
            value, grad = value_and_grad(free, state=state)
            updates, state = solver.update(grad, state, free, value=value, grad=grad, value_fn=loss)
            return (optax.apply_updates(free, updates), state), None

        return jax.lax.scan(step, (start, solver.init(start)), None, length=steps)[0][0]

    return run(start)


def _clicks(log: Log) -> np.ndarray:
    if log.click is None:
        raise DataError("It has no column 'click'.", where=log.source, fix="Give a log that tells what was clicked.")
    return log.click


def _pairs(log: Log) -> tuple[np.ndarray, np.ndarray]:
    if log.user is None:
        raise DataError("It does not tell users apart.", where=log.source, fix="Give it a column 'user'.")
    return log.user, log.item


def _taken(log: Log) -> np.ndarray:
    user, item = _pairs(log)
    taken = np.zeros((len(log.users), len(log.items)), bool)
    taken[user, item] = True
    return taken


def _bernoulli(probability: np.ndarray, log: Log) -> float:
    clicks, rate = _clicks(log), np.clip(probability, 1e-12, 1 - 1e-12)
    return float((clicks * np.log(rate) + (1 - clicks) * np.log1p(-rate)).mean())
