"""The article's claims, made again with a team: every figure is measured in this run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from nonet.foundation.report import Claim, Estimate, Report, Table
from nonet.rendezvous.config import EvaluationConfig
from nonet.rendezvous.evaluate import Results, evaluate
from nonet.rendezvous.plots import disagreement_plot, success_plot
from nonet.rendezvous.roster import chosen_methods
from nonet.rendezvous.team import Team

__all__ = ["SCALES", "StudyConfig", "study"]

_ABLATIONS = ("no-other-model", "constant-velocity", "straight")
_RIVALS = ("rrt-cem", "midpoint", "geodesic-midpoint", "one-waits")


@dataclass(frozen=True)
class StudyConfig:
    """How much a study runs.

    Attributes:
        episodes: meetings of each method on the hard unseen maps.
        noise_factor: of the transfer to noise that nothing learnt from.
        seed: of maps, starts and noise.
        workers: processes; 0 takes one a core.
    """

    episodes: int = 40
    noise_factor: float = 2.0
    seed: int = 0
    workers: int = 0


SCALES = {"minutes": StudyConfig(), "hours": StudyConfig(episodes=400)}
"""How much, by name."""


def study(team: Team, config: StudyConfig, *, data: Path | None = None) -> Report:
    """Compares the article's planner with its ablations and rivals on the hard unseen maps, and under stronger noise.

    Args:
        team: what the robots learnt; the MADDPG baseline takes part if it is in the team.
        config: how much.
        data: folder of the real maps.
    """
    rivals = (*_RIVALS, *(("maddpg",) if team.maddpg is not None else ()))
    hard = EvaluationConfig("unseen-hard", config.episodes, seed=config.seed, workers=config.workers)
    results = evaluate(team, hard, chosen_methods(",".join(("hpp", *_ABLATIONS, *rivals)), team), data=data)
    rough = replace(hard, noise_factor=config.noise_factor)
    noisy = evaluate(team, rough, chosen_methods("hpp,midpoint", team), data=data)
    how = f"{config.episodes} paired meetings on unseen-hard, seed {config.seed}: nonet rendezvous study TEAM --out DIR"
    claims = [
        _beats(results, rivals, "HPP meets more often than planning, heuristic and learnt baselines on hard maps", how),
        _beats(results, _ABLATIONS, "Predicting the others with learnt models helps", how),
        _aligns(results, how),
        _transfers(results, noisy, config.noise_factor, how),
        _sample_efficiency(team, how),
    ]
    table = Table("Hard unseen maps", Results.COLUMNS, results.rows(), "95 % intervals.")
    return Report(
        "Rendezvous: the article's claims",
        claims,
        [success_plot(results), disagreement_plot(results)],
        [table, Table(f"The same, noise {config.noise_factor:g} times", Results.COLUMNS, noisy.rows())],
        facts={"episodes": config.episodes, "seed": config.seed},
    )


def _beats(results: Results, others: tuple[str, ...], text: str, how: str) -> Claim:
    gains = {other: results.more_than("hpp", other) for other in others}
    told = "; ".join(f"over {name} {gain}" for name, gain in gains.items())
    holds = all(gain.low > 0 for gain in gains.values())
    fails = any(gain.high < 0 for gain in gains.values())
    return Claim(
        text, "abstract: outperforms the baselines in unseen environments of rising complexity",
        f"difference in share of meetings within 1 m: {told}", True if holds else False if fails else None,
        f"{how}. Holds if every 95 % interval is above 0, fails if one is below.",
    )  # fmt: skip


def _aligns(results: Results, how: str) -> Claim:
    curve = results.disagreement("hpp")
    first, later = float(curve[0]), float(curve[min(10, len(curve) - 1)])
    return Claim(
        "The robots' goals come together without a word", "blog: beliefs align over time",
        f"mean distance between goals {first:.2f} m at the start, {later:.2f} m after 10 s (of meetings that go on)",
        later < first, how,
    )  # fmt: skip


def _transfers(results: Results, noisy: Results, factor: float, how: str) -> Claim:
    before, after = results.success("hpp"), noisy.success("hpp")
    held: Estimate = noisy.more_than("hpp", "midpoint")
    return Claim(
        "Models transfer to noise that they never saw, with no further training",
        "abstract: prediction models transfer from simulation to real robots (here only a simulated proxy)",
        f"share of meetings {before} in training noise, {after} in {factor:g} times that; {held} over the midpoint",
        None if after.low <= before.low * 0.8 <= after.high else after.value > 0.8 * before.value,
        f"{how}. Holds if four fifths of the meetings are kept.",
    )  # fmt: skip


def _sample_efficiency(team: Team, how: str) -> Claim:
    policy, predictor = team.config.policy, team.config.predictor
    ours = policy.maps * policy.goals * policy.rounds * policy.steps
    ours += round(predictor.episodes * predictor.seconds / team.config.world.step_s)
    theirs = team.curves.get("maddpg steps")
    said = f"the team learnt from {ours:,} world steps"
    if theirs:
        said += f"; MADDPG after {theirs[-1]:,.0f} met in {team.curves['maddpg meets'][-1]:.0%} of training episodes"
    return Claim(
        "Model-based learning needs fewer samples than MADDPG", "v1 abstract: 33 times fewer (dropped in v2)",
        said, None,
        f"{how}. One training each gives no interval: a figure to look at, not a verdict.",
    )  # fmt: skip
