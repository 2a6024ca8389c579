"""How methods are judged: meetings under common random numbers, on maps that nothing learnt from, with intervals."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from nonet.foundation import console
from nonet.foundation.errors import ArtifactError
from nonet.foundation.files import replace_file
from nonet.foundation.reading import made_sense_of, parse_json
from nonet.foundation.report import Estimate
from nonet.foundation.settings import plain
from nonet.rendezvous.compiled import keep_compiled
from nonet.rendezvous.config import HEADLINE_M, SUCCESS_METRES, EvaluationConfig, WorldConfig, preset
from nonet.rendezvous.episode import Episode, run_episode
from nonet.rendezvous.maps.suites import setting
from nonet.rendezvous.roster import Method, agents_for
from nonet.rendezvous.statistics import bootstrap, paired_difference, wilson
from nonet.rendezvous.team import Team, on_numpy

__all__ = ["Outcome", "Results", "evaluate", "judge_episode", "read_outcomes", "world_of", "write_outcomes"]

_MISCOORDINATED_M = 2.0


@dataclass(frozen=True)
class Outcome:
    """One meeting in numbers.

    Attributes:
        episode: its number in the suite.
        map: name of the map.
        met_s: for each distance, when all were within it; infinity for never.
        path_ratio: least total way over the way driven, in [0, 1]; 0 if they did not meet.
        collisions: contacts begun by all robots.
        disagreement_m: largest distance between goals, once a second, NaN where there were none or after the end.
        miscoordinated: whether they failed although all stood where they wanted to be, or near it, at places apart.
    """

    episode: int
    map: str
    met_s: dict[float, float]
    path_ratio: float
    collisions: int
    disagreement_m: Float[np.ndarray, " seconds"]
    miscoordinated: bool


@dataclass(frozen=True)
class Results:
    """All meetings of all methods.

    Attributes:
        config: what was run.
        outcomes: by method, in the order of the episodes, which are the same for all.
    """

    config: EvaluationConfig
    outcomes: dict[str, list[Outcome]]

    def met(self, method: str, metres: float = HEADLINE_M) -> np.ndarray:
        """Whether each meeting came about."""
        return np.array([np.isfinite(outcome.met_s[metres]) for outcome in self.outcomes[method]])

    def success(self, method: str, metres: float = HEADLINE_M) -> Estimate:
        """Share of meetings that came about, with a 95 % Wilson interval."""
        met = self.met(method, metres)
        return wilson(int(met.sum()), len(met))

    def more_than(self, method: str, other: str) -> Estimate:
        """Difference in success, with a 95 % bootstrap interval over the paired episodes."""
        return paired_difference(self.met(method).astype(float), self.met(other).astype(float))

    def time(self, method: str) -> Estimate:
        """Mean time of the meetings that came about, seconds, with a 95 % bootstrap interval."""
        times = [o.met_s[HEADLINE_M] for o in self.outcomes[method] if np.isfinite(o.met_s[HEADLINE_M])]
        return bootstrap(np.array(times), unit="s")

    def mean(self, method: str, name: str) -> Estimate:
        """Mean of a number of the outcomes over all meetings, with a 95 % bootstrap interval."""
        return bootstrap(np.array([float(getattr(outcome, name)) for outcome in self.outcomes[method]]))

    def disagreement(self, method: str) -> Float[np.ndarray, " seconds"]:
        """Mean distance between goals over time, over the meetings that still go on; NaN where none has goals."""
        table = np.stack([outcome.disagreement_m for outcome in self.outcomes[method]])
        known = np.isfinite(table)
        return np.where(known.any(0), np.where(known, table, 0).sum(0) / np.maximum(known.sum(0), 1), np.nan)

    def aligned(self, method: str) -> Estimate:
        """By how many metres the goals of a meeting are nearer to each other at its end than at its start."""
        gains = []
        for outcome in self.outcomes[method]:
            known = outcome.disagreement_m[np.isfinite(outcome.disagreement_m)]
            if len(known):
                gains.append(float(known[0] - known[-1]))
        return bootstrap(np.array(gains), unit="m")

    def rows(self) -> list[tuple[Any, ...]]:
        """A row for each method: success at each distance, time, path ratio, collisions, miscoordinated."""
        return [
            (
                name,
                *(str(self.success(name, metres)) for metres in SUCCESS_METRES),
                str(self.time(name)) if self.met(name).any() else "–",
                str(self.mean(name, "path_ratio")),
                str(self.mean(name, "collisions")),
                str(self.mean(name, "miscoordinated")),
            )
            for name in self.outcomes
        ]

    COLUMNS = (
        "method",
        *(f"met within {metres:g} m" for metres in SUCCESS_METRES),
        "time, s",
        "path ratio",
        "collisions",
        "miscoordinated",
    )


def judge_episode(episode: Episode, number: int, seconds: float) -> Outcome:
    """One meeting in numbers."""
    met = np.isfinite(episode.met_s[HEADLINE_M])
    every = round(1.0 / episode.step_s)
    apart = np.full(int(np.ceil(seconds)), np.nan)
    seen = episode.disagreement_m[::every][: len(apart)]
    apart[: len(seen)] = seen
    driven = float(episode.travelled_m.sum())
    ratio = min(1.0, episode.shortest_m / max(driven, episode.shortest_m, 1e-6)) if met else 0.0
    final = episode.goals[-1] if len(episode.goals) else np.full((1, 2), np.nan)
    at_goal = (
        np.isfinite(final).all()
        and float(np.linalg.norm(episode.poses[-1][:, :2] - final, axis=1).max()) < _MISCOORDINATED_M / 2
    )
    missed = bool(not met and at_goal and np.nanmax(seen[-1:], initial=0.0) > _MISCOORDINATED_M)
    return Outcome(number, episode.map.name, dict(episode.met_s), ratio, int(episode.collisions.sum()), apart, missed)


def world_of(team: Team, config: EvaluationConfig) -> WorldConfig:
    """The world of an evaluation: the team's robots and sensors, other numbers and noise."""
    noise = preset(config.noise).scaled(config.noise_factor)
    return replace(team.config.world, robots=config.robots, noise=noise)


def evaluate(
    team: Team,
    config: EvaluationConfig,
    methods: Sequence[Method],
    *,
    data: Path | None = None,
    kept: Path | None = None,
) -> Results:
    """Runs every method on every episode; episodes in parallel, each method under the same chances.

    Args:
        team: what the robots learnt.
        config: which episodes.
        methods: ways to meet.
        data: folder of the real maps, for the suite ``real``.
        kept: folder for finished methods, so that an interrupted evaluation goes on.
    """
    import joblib

    ready = on_numpy(team)
    workers = config.workers or len(os.sched_getaffinity(0))
    pieces = np.array_split(np.arange(config.episodes), min(config.episodes, 8 * workers))
    outcomes: dict[str, list[Outcome]] = {}
    # a worker compiles each program once and keeps it, so the same few workers take all the jobs
    run = joblib.Parallel(n_jobs=workers, return_as="generator", backend="loky" if workers > 1 else "sequential")
    with console.progress("Meetings", total=len(methods) * config.episodes) as bar:
        for method in methods:
            bar.describe(method.name)
            page = None if kept is None else kept / f"{method.name}-{_identity(ready, config, method)}.json"
            if page is not None and page.exists():
                outcomes[method.name] = read_outcomes(page)
                bar.advance(config.episodes)
                continue
            found: list[Outcome] = []
            done: Any = run(joblib.delayed(_run)(ready, config, method.name, piece, data) for piece in pieces)
            for piece, some in zip(pieces, done, strict=True):
                found += some
                bar.advance(len(piece))
            outcomes[method.name] = found
            if page is not None:
                write_outcomes(page, found)
    return Results(config, outcomes)


def _identity(team: Team, config: EvaluationConfig, method: Method) -> str:
    """Changes with all that decides an outcome, save the code."""
    parts = [team.policy, *team.members]
    if method.needs_maddpg and team.maddpg is not None:
        parts.append(team.maddpg)
    said = json.dumps([plain(team.config), plain(replace(config, workers=0))], sort_keys=True)
    digest = hashlib.sha256(said.encode())
    for layers in parts:
        for name in sorted(layers):
            digest.update(np.ascontiguousarray(layers[name]).tobytes())
    return digest.hexdigest()[:12]


def write_outcomes(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Writes outcomes as JSON; what is not finite is written as null."""
    told = [
        {
            **vars(outcome),
            "met_s": {str(metres): _finite(when) for metres, when in outcome.met_s.items()},
            "disagreement_m": [_finite(value) for value in outcome.disagreement_m],
        }
        for outcome in outcomes
    ]
    replace_file(path, json.dumps(told) + "\n")


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def read_outcomes(path: Path) -> list[Outcome]:
    """Reads what `write_outcomes` wrote.

    Raises:
        ArtifactError: if it is something else.
    """
    with made_sense_of(path, ArtifactError, what="These are no outcomes", fix="Delete the file, and run again."):
        return [_outcome(told) for told in parse_json(path.read_text(encoding="utf-8"))]


def _outcome(told: dict[str, Any]) -> Outcome:
    met = {float(metres): np.inf if when is None else float(when) for metres, when in told["met_s"].items()}
    apart = np.array([np.nan if value is None else value for value in told["disagreement_m"]], float)
    return Outcome(**{**told, "met_s": met, "disagreement_m": apart})


def _run(team: Team, config: EvaluationConfig, method: str, numbers: np.ndarray, data: Path | None) -> list[Outcome]:
    keep_compiled()
    return [
        judge_episode(meeting(team, config, method, int(number), data=data), int(number), config.seconds)
        for number in numbers
    ]


def meeting(team: Team, config: EvaluationConfig, method: str, number: int, *, data: Path | None = None) -> Episode:
    """One episode of an evaluation.

    Args:
        team: what the robots learnt.
        config: which episodes.
        method: name of the way to meet.
        number: of the episode.
        data: folder of the real maps.
    """
    from nonet.rendezvous.roster import METHODS

    world = world_of(team, config)
    place = setting(
        config.suite, number, robots=config.robots, radius_m=world.robot.radius_m, seed=config.seed, data=data
    )
    agents = agents_for(METHODS[method], team, place.map, world, mates=config.mates)
    about = {"method": method, "suite": config.suite, "episode": number, "seed": config.seed, "noise": config.noise}
    seed = config.seed * 100_003 + number
    return run_episode(world, place, agents, seed=seed, seconds=config.seconds, about=about)
