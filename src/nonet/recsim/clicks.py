"""Clicks with position bias, fitted to logs: ``P(click) = examined[position] sigmoid(attraction[item])``.

Fitted by maximum penalised likelihood, judged by held-out log-likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from nonet.foundation.errors import DataError
from nonet.recsim.data import Log

__all__ = ["ClickModel", "click_rates", "fit_clicks"]


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


def _bernoulli(probability: np.ndarray, log: Log) -> float:
    clicks, rate = _clicks(log), np.clip(probability, 1e-12, 1 - 1e-12)
    return float((clicks * np.log(rate) + (1 - clicks) * np.log1p(-rate)).mean())
