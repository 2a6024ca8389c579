"""The article's claims, made again with a team: every figure is measured in this run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from nonet.foundation.report import Claim, Report, Table
from nonet.rendezvous.config import EvaluationConfig, Mates, PolicyConfig, PredictorConfig, TrainConfig
from nonet.rendezvous.evaluate import Results, evaluate
from nonet.rendezvous.experience import experience_claim, experience_table, gather
from nonet.rendezvous.plots import disagreement_plot, gains_table, success_plot
from nonet.rendezvous.roster import chosen_methods
from nonet.rendezvous.statistics import bootstrap
from nonet.rendezvous.sweeps import data_table, levels_table, mates_table, noise_table, real_table
from nonet.rendezvous.teaching import teach_baseline, teach_team
from nonet.rendezvous.team import Team, load_team

__all__ = ["SCALES", "StudyConfig", "own_team", "study"]

_ABLATIONS = ("no-other-model", "constant-velocity", "straight")
_OPTIONS = ("hpp-mixture", "hpp-particles", "hpp-uncommitted")
_RULES = ("midpoint", "free-midpoint", "geodesic-midpoint", "one-waits", "landmark")
_FEW_RULES = ("midpoint", "geodesic-midpoint", "one-waits")
_KEPT_SHARE = 0.8
_SHORT = TrainConfig(policy=PolicyConfig(maps=48), predictor=PredictorConfig(episodes=400))


@dataclass(frozen=True)
class StudyConfig:
    """How much a study runs.

    Attributes:
        scale: its name on the command line.
        episodes: meetings of each method on the hard unseen maps, and of the planner in other noise.
        fewer: meetings of each method on easier maps, on maps of real places, with other team mates, and of learners
            with less experience.
        drives: that predictors learn from, in the comparison of ways to record them.
        few_drives: numbers of drives of teams with less experience.
        noises: presets and factors of the noise sweep; teams learn in ``lab`` unless told otherwise.
        mates: kinds of team mates.
        seconds: until a meeting has failed.
        seed: of maps, starts and noise.
        workers: processes; 0 takes one a core.
        training: how a team learns that is taught for the study.
        baseline_steps: world steps that its MADDPG learns from.
    """

    scale: str = "minutes"
    episodes: int = 12
    fewer: int = 6
    drives: int = 400
    few_drives: tuple[int, ...] = (25, 200)
    noises: tuple[tuple[str, float], ...] = (("clean", 1.0), ("lab", 3.0), ("rough", 1.0))
    mates: tuple[Mates, ...] = ("slow", "faulty", "still")
    seconds: float = 60.0
    seed: int = 0
    workers: int = 0
    training: TrainConfig = _SHORT
    baseline_steps: int = 200_000


SCALES = {
    "minutes": StudyConfig(),
    "hours": StudyConfig(
        "hours", episodes=400, fewer=200, drives=1600, training=TrainConfig(), baseline_steps=1_000_000
    ),
}
"""How much, by name."""


def own_team(config: StudyConfig, folder: Path) -> Team:
    """The team of a study that was given none: taught in the folder, or what an earlier start left there."""
    team = load_team(folder) if folder.is_dir() else teach_team(replace(config.training, seed=config.seed), folder)
    if team.maddpg is None:
        teach_baseline(folder, config.baseline_steps, config.seed)
        team = load_team(folder)
    return team


def study(
    team: Team,
    config: StudyConfig,
    *,
    command: str = "nonet rendezvous study TEAM --out OUT",
    data: Path | None = None,
    kept: Path | None = None,
) -> Report:
    """Compares the article's planner with ablations and rivals on unseen maps, and under noise of other strength.

    Args:
        team: what the robots learnt; the MADDPG baseline takes part if it is in the team.
        config: how much.
        command: what repeats it.
        data: folder of the real maps; without it they are left out.
        kept: folder for finished methods, so that an interrupted study goes on.
    """
    learnt = ("maddpg",) if team.maddpg is not None else ()
    rivals = (*learnt, "rrt-cem")

    def run(which: EvaluationConfig, methods: tuple[str, ...], of: Team = team) -> Results:
        return evaluate(of, which, chosen_methods(",".join(methods), of), data=data, kept=kept)

    hard = EvaluationConfig(
        "unseen-hard", config.episodes, seconds=config.seconds, seed=config.seed, workers=config.workers
    )
    fewer = replace(hard, episodes=config.fewer)
    results = run(hard, ("hpp", *_ABLATIONS, *_OPTIONS, "oracle", *rivals, *_RULES))
    noisy = [run(replace(hard, noise=noise, noise_factor=factor), ("hpp",)) for noise, factor in config.noises]
    few = ("hpp", *learnt, *_FEW_RULES)
    experience = gather(team, config.few_drives, lambda of, method: run(fewer, (method,), of))
    how = f"{config.episodes} paired meetings on unseen-hard, seed {config.seed}. {command}"
    claims = [
        _beats(results, rivals, "HPP meets more often than learnt and planning baselines on hard maps", how),
        _beats(results, _RULES, "HPP meets more often than rules that are told more on hard maps", how),
        _beats(results, _ABLATIONS, "Predicting the others with learnt models helps", how),
        _aligns(results, how),
        *(_transfers(results, found, how) for found in noisy if found.config.noise == "rough"),
        experience_claim(experience, how.replace(f"{config.episodes} ", f"{config.fewer} ", 1)),
    ]
    tables = [
        Table("Hard unseen maps (maze, trap)", Results.COLUMNS, results.rows(), "95 % intervals."),
        gains_table(results),
        levels_table(run, fewer, few),
        *([] if data is None else [real_table(run, fewer, few)]),
        mates_table(run, fewer, few, config.mates),
        noise_table([results, *noisy]),
        experience_table(experience),
        data_table(team, config.drives),
    ]
    figures = [success_plot(results), disagreement_plot(results)]
    facts = {"scale": config.scale, "seed": config.seed, "episodes": config.episodes, "fewer": config.fewer}
    return Report("Rendezvous: the article's claims", claims, figures, tables, facts=facts)


def _beats(results: Results, others: tuple[str, ...], text: str, how: str) -> Claim:
    gains = {other: results.more_than("hpp", other) for other in others}
    told = "; ".join(f"over {name} {gain}" for name, gain in gains.items())
    found = {gain.above() for gain in gains.values()}
    return Claim(
        text, "abstract: outperforms the baselines in unseen environments of rising complexity",
        f"difference in share of meetings within 1 m: {told}", found == {True} or (False if False in found else None),
        f"{how}. Holds if every 95 % interval is above 0, fails if one is below.",
    )  # fmt: skip


def _aligns(results: Results, how: str) -> Claim:
    gain = results.aligned("hpp")
    return Claim(
        "The robots' goals come together without a word", "blog: beliefs align over time",
        f"goals are nearer to each other at the end of a meeting than at its start by {gain}",
        gain.above(), f"{how}. Holds if the interval is above 0.",
    )  # fmt: skip


def _transfers(results: Results, noisy: Results, how: str) -> Claim:
    before, after = results.met("hpp").astype(float), noisy.met("hpp").astype(float)
    margin = bootstrap(after - _KEPT_SHARE * before)
    return Claim(
        "Models transfer to noise that they never saw, with no further training",
        "abstract: prediction models transfer from simulation to real robots (here only a simulated proxy)",
        f"share of meetings {results.success('hpp')} in {results.config.noise} noise, {noisy.success('hpp')} in"
        f" {noisy.config.noise} noise: {margin} above {_KEPT_SHARE:.0%} of the former",
        margin.above(),
        f"{how}. Holds if the share of the rough meetings is above {_KEPT_SHARE:.0%} of the others', paired.",
    )  # fmt: skip
