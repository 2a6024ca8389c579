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

from nonet.foundation.files import atomic_write
from nonet.foundation.settings import plain
from nonet.rendezvous.config import TrainConfig
from nonet.rendezvous.forecast import judge
from nonet.rendezvous.imitation import learn_policy, success_rates
from nonet.rendezvous.learning import learn_predictors, record
from nonet.rendezvous.maps.generators import FAMILIES, generate
from nonet.rendezvous.model import Layers, plain_layers
from nonet.rendezvous.team import Team

__all__ = ["train"]

_HELD_OUT = 77
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
    team = Team(config, layers, tuple(plain_layers(each) for each in members), None, curves | {"predictors": losses})
    team = replace(team, figures=measure(team, told))
    if kept is not None:
        shutil.rmtree(kept, ignore_errors=True)
    return team


def _policy(config: TrainConfig, told: Told) -> tuple[list[Layers], dict[str, list[float]]]:
    layers, curves = learn_policy(config.world, config.policy, config.seed, told)
    return [plain_layers(layers)], {f"policy {name}": values for name, values in curves.items()}


def measure(
    team: Team, told: Told = lambda stage, step, value: None, *, maps: int = 8, drives: int = 400
) -> dict[str, Any]:
    """Figures on maps and drives that nothing learnt from: arrivals of the policy by family, errors of predictions."""
    config = team.config
    families = {name: [generate(name, (_HELD_OUT, config.seed, number)) for number in range(maps)] for name in FAMILIES}
    figures: dict[str, Any] = {}
    for name, share in success_rates(team.policy, config.world, families, config.seed).items():
        figures[f"policy arrives, {name}"] = share
        told(f"policy on {name}", 1, share)
    held_out = replace(config.predictor, episodes=drives, goals="same")
    log = record(config.world, team.policy, held_out, config.seed + _HELD_OUT)
    horizon = min(config.planner.horizon, log.poses.shape[1] - 2)
    for found in judge(log, team.members, step_s=config.predictor.step_s, horizon=horizon, most=400):
        name = "self" if found.member == 0 else f"mate {found.member}"
        for method, errors in found.error_m.items():
            figures[f"forecast of {name}, {method}, m"] = [float(value) for value in errors]
        figures[f"forecast of {name}, 90 % region holds"] = [float(value) for value in found.coverage]
    return figures


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
        with np.load(path) as stored:
            curves = json.loads(str(stored["curves"]))
            count = int(stored["count"])
            return [
                {key.partition("/")[2]: stored[key] for key in stored.files if key.startswith(f"{place}/")}
                for place in range(count)
            ], curves
    networks, curves = make()
    arrays: dict[str, Any] = {
        f"{place}/{key}": leaf for place, tree in enumerate(networks) for key, leaf in tree.items()
    }
    with atomic_write(path) as file:
        np.savez(file, curves=json.dumps(curves), count=len(networks), **arrays)
    return networks, curves
