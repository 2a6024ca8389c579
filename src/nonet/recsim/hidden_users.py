"""Hidden attributes of logged users, inferred with a fitted model: posterior, diagnostics, checks, and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Array

from nonet.foundation.errors import DataError
from nonet.foundation.files import atomic_write
from nonet.foundation.report import Figure, Report, Table
from nonet.recsim.checks import Check, predictive_check
from nonet.recsim.data import Log, read_log
from nonet.recsim.fitted import UsersConfig, load_fitted
from nonet.recsim.infer import Posterior, posterior, target_of
from nonet.recsim.language import Story
from nonet.recsim.stories.logged import Clickers, Takers, clicking, taking

__all__ = ["InferConfig", "Inferred", "infer_hidden", "save_inferred"]

Statistic = Callable[[Mapping[str, Array]], Array]


@dataclass(frozen=True)
class InferConfig:
    """How a posterior is sampled."""

    users: int = 10
    """Users whose tastes are inferred: those with the most events."""
    chains: int = 4
    """Independent chains, at least 2."""
    warmup: int = 300
    """Steps of adaptation of each chain."""
    draws: int = 500
    """Kept steps of each chain."""
    seed: int = 0
    """Same seed, same draws."""


@dataclass(frozen=True)
class Inferred:
    """What a log tells of what it does not show.

    Attributes:
        kind: "taste" or "clicks".
        posterior: of the hidden attributes.
        labels: what the elements of each attribute are called.
        checks: numbers of the log against replicates.
    """

    kind: str
    posterior: Posterior
    labels: dict[str, np.ndarray]
    checks: list[Check]

    def table(self) -> Table:
        """The attributes, one a row."""
        rows = []
        for name, draws in self.posterior.draws.items():
            flat = draws.reshape(-1, *draws.shape[2:])
            low, mean, high = np.quantile(flat, 0.025, 0), flat.mean(0), np.quantile(flat, 0.975, 0)
            labels = self.labels[name]
            for place in np.ndindex(labels.shape):
                rhat, ess = self.posterior.rhat[name][place], self.posterior.ess[name][place]
                interval = f"{mean[place]:.3f} [{low[place]:.3f}, {high[place]:.3f}]"
                rows.append((labels[place], interval, f"{rhat:.3f}", f"{ess:.0f}"))
        return Table("Hidden attributes", ["attribute", "mean with 95 % interval", "R-hat", "ESS"], rows)

    def report(self, facts: Mapping[str, object], figures: list[Figure]) -> Report:
        """Diagnostics, checks, attributes and plots."""
        found = self.posterior
        diagnosis = [
            ("largest R-hat", f"{found.worst_rhat:.3f}", "below 1.05"),
            ("smallest effective sample size", f"{found.least_ess:.0f}", "above 100"),
            ("divergences", str(found.divergences), "0"),
            ("mean acceptance", f"{found.acceptance:.2f}", "near 0.8"),
        ]
        checks = [
            (c.name, f"{c.observed:.4g}", f"{c.replicated.mean():.4g}", f"{c.pvalue:.3f}", c.fits) for c in self.checks
        ]
        columns = ["number", "in the log", "replicates, mean", "p", "fits"]
        return Report(
            title=f"Hidden attributes of users ({self.kind})",
            tables=[
                Table("Diagnostics", ["what", "found", "wanted"], diagnosis),
                Table("Posterior predictive checks", columns, checks, "p near 0 or 1: the model does not do that."),
                self.table(),
            ],
            figures=figures,
            facts=dict(facts),
        )


def infer_hidden(folder: Path, source: str, config: InferConfig) -> Inferred:
    """Infers hidden attributes by NUTS.

    Args:
        folder: made by `nonet recsim fit`.
        source: a log with the items that the model knows.
        config: how to sample.
    Raises:
        DataError: if the log has none of the model's items, or lacks a column.
    """
    users, arrays = load_fitted(folder)
    log = _known_items(read_log(source), users)
    make = _taking if users.kind == "taste" else _clicking
    story, observed, latents, labels, statistics = make(log, arrays, config)
    target = target_of(story, observed, latents=latents)
    found = posterior(target, seed=config.seed, chains=config.chains, warmup=config.warmup, draws=config.draws)
    checks = predictive_check(story, found, observed, statistics, seed=config.seed)
    return Inferred(users.kind, found, labels, checks)


def save_inferred(folder: Path, inferred: Inferred) -> Path:
    """Writes the draws as ``draws.parquet``: a row for each chain and draw, a column for each attribute."""
    columns: dict[str, Any] = {}
    for name, draws in inferred.posterior.draws.items():
        chains, count = draws.shape[:2]
        columns.setdefault("chain", np.repeat(np.arange(chains), count))
        columns.setdefault("draw", np.tile(np.arange(count), chains))
        labels = inferred.labels[name]
        for place in np.ndindex(labels.shape):
            columns[str(labels[place])] = draws[(slice(None), slice(None), *place)].ravel()
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / "draws.parquet") as file:
        pq.write_table(pa.table(columns), file)
    return folder / "draws.parquet"


def _known_items(log: Log, users: UsersConfig) -> Log:
    """The events with items that the model knows, numbered as the model numbers them."""
    place = {name: number for number, name in enumerate(users.items)}
    number = np.array([place.get(name, -1) for name in log.items])[log.item]
    if not (number >= 0).any():
        raise DataError(
            "None of its items is one that the model was fitted to.",
            where=log.source,
            fix=f"The model knows {len(users.items):,} items of {users.log}; give a log of the same shop.",
        )
    kept = log.rows(np.flatnonzero(number >= 0))
    return Log(
        number[number >= 0],
        users.items,
        kept.user,
        kept.users,
        position=kept.position,
        click=kept.click,
        source=log.source,
    )


def _taking(
    log: Log, arrays: dict[str, np.ndarray], config: InferConfig
) -> tuple[Story, dict[str, Array], list[str], dict[str, np.ndarray], dict[str, Statistic]]:
    if log.user is None:
        raise DataError("It does not tell users apart.", where=log.source, fix="Give it a column 'user'.")
    events = np.bincount(log.user, minlength=len(log.users))
    chosen = np.argsort(-events, kind="stable")[: config.users]
    taken = np.zeros((len(chosen), len(log.items)), np.int32)
    for row, user in enumerate(chosen):
        np.add.at(taken[row], log.item[log.user == user], 1)
    appeal, trait = jnp.asarray(arrays["appeal"]), jnp.asarray(arrays["trait"])
    story = taking(Takers(appeal, trait, jnp.asarray(taken.sum(1))))
    rank = arrays["trait"].shape[1]
    labels = np.array([[f"user {log.users[user]}, taste {k}" for k in range(rank)] for user in chosen])
    popular = jnp.argsort(-appeal)[: max(1, len(log.items) // 10)]
    statistics: dict[str, Statistic] = {
        "share of the most popular tenth of items": lambda f: f["taken"][..., popular].sum() / f["taken"].sum(),
        "different items taken": lambda f: (f["taken"].sum(-2) > 0).sum(),
        "times that one user took one item, most": lambda f: f["taken"].max(),
    }
    return story, {"taken": jnp.asarray(taken)[None]}, ["taste"], {"taste": labels}, statistics


def _clicking(
    log: Log, arrays: dict[str, np.ndarray], config: InferConfig
) -> tuple[Story, dict[str, Array], list[str], dict[str, np.ndarray], dict[str, Statistic]]:
    if log.click is None:
        raise DataError("It has no column 'click'.", where=log.source, fix="Give a log that tells what was clicked.")
    position = np.zeros(len(log), int) if log.position is None else log.position
    shape = (max(int(position.max()) + 1, len(arrays["examined"])), len(log.items))
    shown, clicks = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    np.add.at(shown, (position, log.item), 1)
    np.add.at(clicks, (position, log.item), log.click)
    story = clicking(Clickers(jnp.asarray(shown), jnp.asarray(arrays["attraction"]).mean()))
    labels = {
        "look": np.array([f"log examination of position {place}" for place in range(1, shape[0])]),
        "attraction": np.array([f"attraction of item {name}" for name in log.items]),
    }
    statistics: dict[str, Statistic] = {
        "clicks": lambda f: f["clicks"].sum(),
        "clicks at the first position": lambda f: f["clicks"][..., 0, :].sum(),
        "most clicks on one item": lambda f: f["clicks"].sum((-3, -2)).max(),
    }
    return story, {"clicks": jnp.asarray(clicks)[None]}, ["look", "attraction"], labels, statistics
