"""A study's tables beside the main comparison: other noise, team mates and maps, and other drives to learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

from nonet.foundation.report import Table
from nonet.rendezvous.config import EvaluationConfig, Goals, Mates
from nonet.rendezvous.evaluate import Results
from nonet.rendezvous.learning import Log, learn_predictors, record
from nonet.rendezvous.model import plain_layers
from nonet.rendezvous.team import Team
from nonet.rendezvous.train import forecast_figures, same_goal_drives

__all__ = ["Run", "data_table", "levels_table", "mates_table", "noise_table", "real_table", "with_drives"]

Run = Callable[[EvaluationConfig, tuple[str, ...]], Results]

_MOST_EPOCHS = 400


def levels_table(run: Run, config: EvaluationConfig, methods: tuple[str, ...]) -> Table:
    """Success on easy and on medium maps."""
    easy, medium = (run(replace(config, suite=suite), methods) for suite in ("unseen-easy", "unseen-medium"))
    rows = [(name, str(easy.success(name)), str(medium.success(name))) for name in methods]
    return Table("Easier unseen maps", ("method", "easy (open, clutter)", "medium (rooms, corridors)"), rows,
                 f"Share of {config.episodes} meetings each within 1 m, 95 % Wilson intervals.")  # fmt: skip


def noise_table(sweep: Sequence[Results]) -> Table:
    """The planner's meetings by noise, each row with the noise's name in place of the method's."""
    rows = [(_noise(found.config), *found.rows()[0][1:]) for found in sweep]
    return Table("HPP by noise", ("noise", *Results.COLUMNS[1:]), rows,
                 "The same hard maps and starts; nothing was trained for it.")  # fmt: skip


def _noise(config: EvaluationConfig) -> str:
    return config.noise if config.noise_factor == 1 else f"{config.noise}, {config.noise_factor:g} times"


def mates_table(run: Run, config: EvaluationConfig, methods: tuple[str, ...], kinds: Sequence[Mates]) -> Table:
    """Success with team mates that drive otherwise than the models were taught."""
    found = [run(replace(config, mates=kind), methods) for kind in kinds]
    rows = [(name, *(str(results.success(name)) for results in found)) for name in methods]
    return Table("Hard maps, team mates of other kinds", ("method", *kinds), rows,
                 f"Share of {config.episodes} meetings each within 1 m, 95 % Wilson intervals.")  # fmt: skip


def real_table(run: Run, config: EvaluationConfig, methods: tuple[str, ...]) -> Table:
    """Meetings on parts of the maps of real places."""
    found = run(replace(config, suite="real"), methods)
    places = len({outcome.map for outcome in found.outcomes[methods[0]]})
    note = f"{config.episodes} meetings on parts of {places} maps; 95 % intervals."
    return Table("Maps of real places", Results.COLUMNS, found.rows(), note)


def with_drives(team: Team, drives: int, goals: Goals | None = None) -> Team:
    """The team with predictors that learnt from so many drives, in as many steps of the optimiser as far as it goes."""
    usual = team.config.predictor
    option = replace(usual, episodes=drives, epochs=min(_MOST_EPOCHS, usual.epochs * max(1, usual.episodes // drives)))
    option = option if goals is None else replace(option, goals=goals)
    log = record(team.config.world, team.policy, option, team.config.seed)
    members = tuple(plain_layers(each) for each in learn_predictors(log, option, team.config.seed)[0])
    return replace(team, members=members, spread=None)


def data_table(team: Team, drives: int) -> Table:
    """Predictors from a few drives with goals alike, independent and mixed, judged on the same held-out drives."""
    log: Log = same_goal_drives(team)
    rows = []
    for goals in get_args(Goals):
        told = forecast_figures(with_drives(team, drives, goals), log)
        errors = (told[f"forecast of {name}, learnt, m"] for name in ("self", "mate 1"))
        rows.append((goals, *(f"{value[step]:.2f}" for value in errors for step in (4, -1))))
    columns = ("goals in the log", "self, 5 steps", "self, all steps", "team mate, 5 steps", "team mate, all steps")
    return Table("Mean error of predicted positions, m", columns, rows,
                 f"Predictors from {drives} drives each, one training; 400 held-out moments.")  # fmt: skip
