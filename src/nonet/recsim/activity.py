"""When and how much: popularity of items, activity of users and times between events, fitted to a log.

Popularity and activity get a power law and a log-normal law, times between events of one user an exponential and a
log-normal law; each pair is compared by held-out log-likelihood on every fifth value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from nonet.recsim.data import Log

__all__ = ["Habit", "habits"]


@dataclass(frozen=True)
class Habit:
    """A law of one quantity.

    Attributes:
        quantity: what it is.
        values: how many values there are.
        median: of them.
        law: name of the better law.
        parameters: of it.
        scores: held-out log-likelihood of the laws, in nats a value.
    """

    quantity: str
    values: int
    median: float
    law: str
    parameters: dict[str, float]
    scores: dict[str, float]


def habits(log: Log) -> list[Habit]:
    """What the log tells of popularity, activity and times between events.

    Args:
        log: users and times may be absent; then their quantities are.
    """
    found = [_counts("events of an item", np.bincount(log.item))]
    if log.user is not None:
        found.append(_counts("events of a user", np.bincount(log.user)))
    if log.user is not None and log.time is not None:
        order = np.lexsort((log.time, log.user))
        same = np.diff(log.user[order]) == 0
        gaps = np.diff(log.time[order])[same]
        if (gaps > 0).sum() >= 10:
            found.append(_gaps(gaps[gaps > 0]))
    return found


def _counts(quantity: str, counts: np.ndarray) -> Habit:
    counts = counts[counts > 0].astype(float)
    train, test = _cut(counts)
    # a power law above 1/2, in its continuous approximation (Clauset, Shalizi and Newman 2009, eq. 3.7)
    exponent = 1.0 + len(train) / np.log(train / 0.5).sum()
    power = np.log((exponent - 1) / 0.5) - exponent * np.log(test / 0.5)
    normal, score = _lognormal(train, test)
    return _better(
        quantity, counts, {"power law": ({"exponent": exponent}, power.mean()), "log-normal": (normal, score)}
    )


def _gaps(gaps: np.ndarray) -> Habit:
    train, test = _cut(gaps)
    mean = train.mean()
    exponential = ({"mean_seconds": mean}, (-np.log(mean) - test / mean).mean())
    return _better("seconds between events", gaps, {"exponential": exponential, "log-normal": _lognormal(train, test)})


def _lognormal(train: np.ndarray, test: np.ndarray) -> tuple[dict[str, float], float]:
    mean, spread = np.log(train).mean(), max(np.log(train).std(), 1e-6)
    logs = np.log(test)
    score = (stats.norm.logpdf(logs, mean, spread) - logs).mean()
    return {"log_mean": mean, "log_sd": spread}, score


def _better(quantity: str, values: np.ndarray, laws: dict[str, tuple[dict[str, float], float]]) -> Habit:
    name = max(laws, key=lambda law: laws[law][1])
    parameters = {key: float(value) for key, value in laws[name][0].items()}
    scores = {law: float(score) for law, (_, score) in laws.items()}
    return Habit(quantity, len(values), float(np.median(values)), name, parameters, scores)


def _cut(values: Float[np.ndarray, " values"]) -> tuple[np.ndarray, np.ndarray]:
    """Four fifths and every fifth value; all of both where there are few."""
    held = np.arange(len(values)) % 5 == 4
    return (values[~held], values[held]) if held.any() else (values, values)
