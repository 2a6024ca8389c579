"""How a team learns: first to drive, then to predict how itself and others drive."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nonet.foundation.arrays import read_arrays
from nonet.foundation.errors import ArtifactError
from nonet.foundation.files import atomic_write
from nonet.foundation.reading import parse_json
from nonet.foundation.settings import plain
from nonet.rendezvous.config import TrainConfig
from nonet.rendezvous.forecast import calibrated, judge
from nonet.rendezvous.imitation import learn_policy, success_rates
from nonet.rendezvous.learning import Log, learn_predictors, record
from nonet.rendezvous.maps.generators import FAMILIES, generate
from nonet.rendezvous.model import Layers, plain_layers
from nonet.rendezvous.team import Team

__all__ = ["forecast_figures", "judged", "same_goal_drives", "train"]

_HELD_OUT, _VALIDATION = 77, 78
Told = Callable[[str, int, float], None]


def train(config: TrainConfig, *, kept: Path | None = None, told: Told = lambda stage, step, value: None) -> Team:
    """Teaches a team.

    Args:
        config: of everything.
        kept: folder for finished stages, so that an interrupted training goes on; removed at the end.
        told: called with the stage, its step and its value.
    """
    curves: dict[str, list[float]] = {}
    policy, more = _stage(kept, "policy", (config.world, config.policy, config.seed), lambda: _policy(config, told))
    curves |= more
    layers = policy[0]
    log = record(config.world, layers, config.predictor, config.seed)
    members, losses = learn_predictors(log, config.predictor, config.seed, told)
    found = tuple(plain_layers(each) for each in members)
    team = judged(Team(config, layers, found, curves=curves | {"predictors": losses}), told)
    if kept is not None:
        shutil.rmtree(kept, ignore_errors=True)
    return team


def _policy(config: TrainConfig, told: Told) -> tuple[list[Layers], dict[str, list[float]]]:
    layers, curves = learn_policy(config.world, config.policy, config.seed, told)
    return [plain_layers(layers)], {f"policy {name}": values for name, values in curves.items()}


def judged(team: Team, told: Told = lambda stage, step, value: None) -> Team:
    """The team with its uncertainty calibrated on drives of a validation split, and figures of held-out ones."""
    told("calibration", 1, 0.0)
    spread = calibrated(same_goal_drives(team, _VALIDATION), team.members, horizon=_horizon(team.config))
    calm = replace(team, spread=spread.astype(np.float32))
    return replace(calm, figures=measure(calm, told))


def measure(team: Team, told: Told = lambda stage, step, value: None, *, maps: int = 8) -> dict[str, Any]:
    """Figures on maps and drives that nothing learnt from: arrivals of the policy by family, errors of predictions."""
    config = team.config
    families = {name: [generate(name, (_HELD_OUT, config.seed, number)) for number in range(maps)] for name in FAMILIES}
    figures: dict[str, Any] = {}
    for name, share in success_rates(team.policy, config.world, families, config.seed).items():
        figures[f"policy arrives, {name}"] = share
        told(f"policy on {name}", 1, share)
    return figures | forecast_figures(team, same_goal_drives(team, _HELD_OUT))


def same_goal_drives(team: Team, split: int = _HELD_OUT, drives: int = 400) -> Log:
    """Drives of a split, all robots to one goal, which is where the ego robot knows what goal to assume."""
    config = team.config
    wanted = replace(config.predictor, episodes=drives, goals="same")
    return record(config.world, team.policy, wanted, config.seed + split)


def forecast_figures(team: Team, log: Log) -> dict[str, list[float]]:
    """Errors of predicted positions by horizon, and what the 90 % regions hold as predicted and as calibrated."""
    figures: dict[str, list[float]] = {}
    step_s, horizon = team.config.predictor.step_s, _horizon(team.config)
    for kind, spread in (("holds", team.spread), ("held before calibration", None)):
        for found in judge(log, team.members, step_s=step_s, horizon=horizon, most=400, spread=spread):
            name = "self" if found.member == 0 else f"mate {found.member}"
            for method, errors in found.error_m.items():
                figures[f"forecast of {name}, {method}, m"] = [float(value) for value in errors]
            figures[f"forecast of {name}, 90 % region {kind}"] = [float(value) for value in found.coverage]
    return figures


def _horizon(config: TrainConfig) -> int:
    return min(config.planner.horizon, int(config.predictor.seconds / config.predictor.step_s) - 2)


def _kept_stage(path: Path) -> tuple[list[Layers], dict[str, list[float]]]:
    try:
        stored = read_arrays(path)
        curves = parse_json(str(stored["curves"]))
        networks: list[Layers] = [{} for _ in range(min(int(stored["count"]), len(stored)))]
        for key, leaf in stored.items():
            place, inner, name = key.partition("/")
            if inner:
                networks[int(place)][name] = leaf
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ArtifactError("This stage of a training is damaged.", where=path, fix="Delete the file.") from error
    return networks, curves


def _stage(
    kept: Path | None,
    name: str,
    identity: tuple[Any, ...],
    make: Callable[[], tuple[list[Layers], dict[str, list[float]]]],
) -> tuple[list[Layers], dict[str, list[float]]]:
    """A stage's networks and curves: read if they are kept from an interrupted run with the same options, else made."""
    if kept is None:
        return make()
    said = json.dumps([plain(part) if not isinstance(part, int) else part for part in identity], sort_keys=True)
    path = kept / f"{name}-{hashlib.sha256(said.encode()).hexdigest()[:12]}.npz"
    if path.exists():
        return _kept_stage(path)
    networks, curves = make()
    arrays: dict[str, Any] = {
        f"{place}/{key}": leaf for place, tree in enumerate(networks) for key, leaf in tree.items()
    }
    with atomic_write(path) as file:
        np.savez(file, curves=json.dumps(curves), count=len(networks), **arrays)
    return networks, curves
