"""A team on disk: the navigation policy, the predictors, and how they were made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from nonet.foundation import artifact
from nonet.foundation.card import Card
from nonet.foundation.errors import ArtifactError
from nonet.foundation.reading import made_sense_of, parse_json
from nonet.rendezvous.config import PlannerConfig, TrainConfig
from nonet.rendezvous.control.drivers import Policy
from nonet.rendezvous.imitation import policy_size
from nonet.rendezvous.model import Layers, plain_layers
from nonet.rendezvous.predict import input_size

__all__ = ["KIND", "Team", "load_team", "save_team"]

KIND = "rendezvous-team"
_CURVES = "curves.json"


@dataclass(frozen=True)
class Team:
    """What a robot needs to meet others.

    Attributes:
        config: how it was made; its world is the one that it was made for.
        policy: weights of the navigation policy.
        members: weights of the predictors, the robot's own first.
        maddpg: weights of the learnt baseline's actor, if there is one.
        maddpg_early: the same earlier in its training, by world steps.
        spread: factors of the predictors' deviations by member and horizon (`forecast.calibrated`), if they were found.
        curves: what was measured while learning: name and values.
        figures: what was measured afterwards, on maps that nothing learnt from.
    """

    config: TrainConfig
    policy: Layers
    members: tuple[Layers, ...]
    maddpg: Layers | None = None
    maddpg_early: Mapping[int, Layers] = field(default_factory=dict)
    spread: Float[np.ndarray, "members horizon"] | None = None
    curves: Mapping[str, list[float]] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)

    def controller(self) -> Policy:
        """A controller that drives with the policy."""
        world = self.config.world
        return Policy(self.policy, world.robot, world.lidar.reach_m)

    def planner(self, **changes: Any) -> PlannerConfig:
        """The configured search, with changes."""
        from dataclasses import replace

        return replace(self.config.planner, **changes)


def save_team(folder: Path, team: Team, *, command: str = "", made: date | None = None) -> None:
    """Writes a team; a former one is replaced in one step.

    Args:
        folder: where to.
        team: what.
        command: that makes it again.
        made: the day.
    """
    parts = {"policy": team.policy, **{f"member{place}": layers for place, layers in enumerate(team.members)}}
    if team.maddpg is not None:
        parts["maddpg"] = team.maddpg
    parts |= {f"maddpg@{steps}": layers for steps, layers in team.maddpg_early.items()}
    if team.spread is not None:
        parts["spread"] = {"factors": team.spread}
    tensors = {
        f"{part}/{name}": np.asarray(leaf, np.float32) for part, tree in parts.items() for name, leaf in tree.items()
    }
    card = Card(
        title="A team of robots that meet without talking",
        description=(
            "A navigation policy from lidar, and motion predictors that a robot plans meeting points with."
            " An implementation of the published idea of hierarchical predictive planning; no robot was driven with it."
        ),
        data="Drives on generated maps; the suites of unseen maps are apart from them.",
        figures={name: value for name, value in team.figures.items() if not isinstance(value, list | dict)},
        command=command,
        date=made,
    )
    curves = json.dumps({"curves": dict(team.curves), "figures": dict(team.figures)}, indent=1)
    artifact.save(folder, kind=KIND, config=team.config, tensors=tensors, card=card, files={_CURVES: curves.encode()})


def load_team(folder: Path) -> Team:
    """Reads a team.

    Raises:
        ArtifactError: if it is none, is damaged, or was made for another world than it says.
    """
    stored = artifact.load(folder, kind=KIND, library="numpy")
    config = stored.configured(TrainConfig)
    fix = "Train the team again."
    with made_sense_of(folder, ArtifactError, what="A part of the team is missing or of another kind", fix=fix):
        return _team_of(stored, config, folder)


def _team_of(stored: artifact.Artifact, config: TrainConfig, folder: Path) -> Team:
    parts: dict[str, Layers] = {}
    for name, tensor in stored.tensors.items():
        part, _, leaf = name.partition("/")
        parts.setdefault(part, {})[leaf] = tensor
    members = tuple(parts[name] for name in sorted(part for part in parts if part.startswith("member")))
    beams = config.world.lidar.beams
    wanted = [policy_size(beams), *[input_size(min(config.predictor.sectors, beams)) for _ in members]]
    found = [layers["w0"].shape[0] for layers in (parts.get("policy"), *members) if layers]
    if not members or found != wanted:
        raise ArtifactError(
            f"The networks are not of a team with a lidar of {beams} beams in {min(config.predictor.sectors, beams)}"
            " sectors.",
            where=folder,
            fix="Train the team again.",
        )
    told = parse_json(stored.files[_CURVES].read_text(encoding="utf-8"))
    if not all(isinstance(told[name], dict) for name in ("curves", "figures")):
        raise TypeError("the curves are no object")
    spread = parts.get("spread", {}).get("factors")
    early = {int(name.partition("@")[2]): layers for name, layers in parts.items() if name.startswith("maddpg@")}
    return Team(
        config, parts["policy"], members, parts.get("maddpg"), dict(sorted(early.items())), spread, told["curves"],
        told["figures"],
    )  # fmt: skip


def on_numpy(team: Team) -> Team:
    """The same team with weights as NumPy arrays, for robots and worker processes."""
    from dataclasses import replace

    return replace(
        team,
        policy=plain_layers(team.policy),
        members=tuple(plain_layers(layers) for layers in team.members),
        maddpg=None if team.maddpg is None else plain_layers(team.maddpg),
    )
