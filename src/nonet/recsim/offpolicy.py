"""What another policy would have earned, from the log of this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nonet.foundation.errors import DataError
from nonet.foundation.report import Estimate
from nonet.recsim.clicks import ClickModel
from nonet.recsim.data import Log

__all__ = ["Values", "estimate", "policy_of"]


@dataclass(frozen=True)
class Values:
    """Estimates of a policy's click rate.

    Attributes:
        importance: inverse propensity weighting (Horvitz and Thompson 1952).
        normalised: the same with the weights divided by their mean.
        direct: the fitted click model alone.
        doubly_robust: the model, corrected by the weighted residuals (Dudík, Langford and Li 2011).
        effective: how many events of the new policy the weighted log is worth, ``(sum w)^2 / sum w^2``.
    """

    importance: Estimate
    normalised: Estimate
    direct: Estimate
    doubly_robust: Estimate
    effective: float


def policy_of(
    log: Log, items: Sequence[str] | None = None, *, prior: float = 1.0
) -> Float[np.ndarray, "positions items"]:
    """The distribution of the shown item at each position under a policy that ignores the context, from its log.

    Args:
        log: of that policy.
        items: names of the items that the distribution is of, in their order; None for those of the log.
        prior: events added to each item, spread evenly.
    Raises:
        DataError: if the log shows an item that is not among them.
    """
    items = log.items if items is None else items
    place = {name: number for number, name in enumerate(items)}
    strange = [log.items[number] for number in np.unique(log.item) if log.items[number] not in place]
    if strange:
        raise DataError(
            f"It shows {len(strange)} items that the other log never shows, such as '{strange[0]}'.",
            where=log.source,
            fix="What was never shown has no value in a log: leave those events out, or log more.",
        )
    number = np.array([place.get(name, -1) for name in log.items])[log.item]
    position = np.zeros(len(log), int) if log.position is None else log.position
    counts = np.full((int(position.max()) + 1, len(items)), prior)
    np.add.at(counts, (position, number), 1)
    return counts / counts.sum(1, keepdims=True)


def estimate(
    log: Log, target: Float[np.ndarray, "positions items"], model: ClickModel, *, resamples: int = 2000, seed: int = 0
) -> Values:
    """Estimates the click rate of another policy.

    Args:
        log: with clicks and propensities.
        target: probability of each item at each position under the other policy.
        model: a click model that was not fitted to events of the other policy.
        resamples: bootstrap samples for the intervals.
        seed: of the bootstrap.
    Raises:
        DataError: if the log lacks clicks or propensities, or the target does not add up to 1 or is of other items or
            positions.
    """
    if log.click is None or log.propensity is None:
        raise DataError("It needs the columns 'click' and 'propensity'.", where=log.source)
    if not np.allclose(target.sum(1), 1.0, atol=1e-6):
        raise DataError(f"Its probabilities add up to {target.sum(1)}, not to 1.", where="the target policy")
    position = np.zeros(len(log), int) if log.position is None else log.position
    shape = (int(position.max()) + 1, len(log.items))
    if target.shape != shape:
        raise DataError(f"It is of (positions, items) {target.shape}, the log of {shape}.", where="the target policy")
    weight = target[position, log.item] / log.propensity
    predicted = model.probability(log)
    rates = np.asarray(model.examined)[:, None] / (1 + np.exp(-np.asarray(model.attraction)))
    direct = (target * rates[: len(target)]).sum(1)[position]
    terms = {
        "importance": weight * log.click,
        "direct": direct,
        "doubly_robust": direct + weight * (log.click - predicted),
    }
    draws = np.random.default_rng(seed).integers(0, len(log), (resamples, len(log)))

    def interval(values: np.ndarray, over: np.ndarray | None = None) -> Estimate:
        means = np.array([values[d].mean() / (1.0 if over is None else over[d].mean()) for d in draws])
        low, high = np.quantile(means, [0.025, 0.975])
        value = values.mean() / (1.0 if over is None else over.mean())
        return Estimate(float(value), float(low), float(high), basis=f"95 % of {resamples} bootstrap samples")

    return Values(
        importance=interval(terms["importance"]),
        normalised=interval(terms["importance"], weight),
        direct=interval(terms["direct"]),
        doubly_robust=interval(terms["doubly_robust"]),
        effective=float(weight.sum() ** 2 / np.square(weight).sum()),
    )
