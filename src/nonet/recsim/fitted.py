"""The user side of a simulator: fitted to a log, judged on its last events, and kept as an artifact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from nonet.foundation import artifact
from nonet.recsim.clicks import click_rates, fit_clicks
from nonet.recsim.data import Log, read_log
from nonet.recsim.tastes import fit_taste, popularity, taste_baseline

__all__ = ["KIND", "Fitted", "UsersConfig", "fitted_to", "load_fitted", "save_fitted"]

KIND = "recsim-users"


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


@dataclass(frozen=True)
class UsersConfig:
    """What is kept of a fit beside its arrays."""

    kind: str
    """"clicks" or "taste"."""
    log: str
    """What it was fitted to."""
    items: tuple[str, ...]
    """Names of the items, in the order of the arrays."""
    held_out: dict[str, float]
    """Held-out log-likelihood of the model and of its baselines."""


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
    parts = models["taste model"].parts
    return Fitted("taste", {name: np.asarray(value) for name, value in parts.items()}, scores, log)


def save_fitted(folder: Path, fitted: Fitted, *, made: date | None = None) -> None:
    """Writes an artifact of the kind ``recsim-users``."""
    log = fitted.log
    card = artifact.Card(
        title=f"Users of {log.source or 'a log'} ({fitted.kind})",
        description="The user side of a simulator, for `nonet recsim infer`.",
        data=f"{len(log):,} events with {len(log.items):,} items; the last tenth of each user's was held out.",
        figures={f"held-out log-likelihood, {name}": value for name, value in fitted.scores.items()},
        command=f"nonet recsim fit choice-model --log {log.source} --out {folder.name}",
        date=made,
    )
    config = UsersConfig(fitted.kind, log.source, log.items, fitted.scores)
    tensors = {name: np.ascontiguousarray(value) for name, value in fitted.arrays.items()}
    artifact.save(folder, kind=KIND, config=config, tensors=tensors, card=card)


def load_fitted(folder: Path) -> tuple[UsersConfig, dict[str, np.ndarray]]:
    """Reads what `save_fitted` wrote.

    Raises:
        ArtifactError: if it is something else, or damaged.
    """
    found = artifact.load(folder, kind=KIND, library="numpy")
    return found.configured(UsersConfig), found.tensors
