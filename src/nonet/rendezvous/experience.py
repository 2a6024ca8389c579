"""What learners make of little experience: meetings of teams that learnt from fewer world steps, beside MADDPG's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nonet.foundation.report import Claim, Estimate, Table
from nonet.rendezvous.evaluate import Results
from nonet.rendezvous.statistics import paired_difference
from nonet.rendezvous.sweeps import with_drives
from nonet.rendezvous.team import Team

__all__ = ["Experience", "experience_claim", "experience_table", "gather", "world_steps"]

Meet = Callable[[Team, str], Results]


@dataclass(frozen=True)
class Experience:
    """Meetings of a learner that saw so much of the world.

    Attributes:
        method: ``hpp`` or ``maddpg``.
        steps: of the world that it learnt from.
        results: its meetings, the same for all learners.
    """

    method: str
    steps: int
    results: Results


def world_steps(team: Team, drives: int | None = None) -> int:
    """World steps that a team learns from: those of its navigation policy, and of so many drives (its own if None)."""
    policy, predictor = team.config.policy, team.config.predictor
    driving = policy.maps * policy.goals * policy.rounds * policy.steps
    drives = predictor.episodes if drives is None else drives
    return driving + round(drives * predictor.seconds / team.config.world.step_s)


def gather(team: Team, drives: Sequence[int], meet: Meet) -> list[Experience]:
    """Meetings of the planner with predictors of few drives and of all, and of MADDPG through its training.

    Args:
        team: with its MADDPG baseline, if that shall take part.
        drives: numbers of drives to learn predictors from anew; the policy stays.
        meet: runs a method of a team.
    """
    found = [Experience("hpp", world_steps(team, few), meet(with_drives(team, few), "hpp")) for few in drives]
    found.append(Experience("hpp", world_steps(team), meet(team, "hpp")))
    stages = dict(team.maddpg_early)
    if team.maddpg is not None:
        stages[int(team.curves["maddpg steps"][-1])] = team.maddpg
    for steps, actor in stages.items():
        found.append(Experience("maddpg", steps, meet(replace(team, maddpg=actor), "maddpg")))
    return found


def experience_table(found: Sequence[Experience]) -> Table:
    """A row a learner: world steps and share of meetings."""
    rows = [(each.method, f"{each.steps:,}", str(each.results.success(each.method))) for each in found]
    meetings = found[0].results.config.episodes
    return Table("Meetings by experience", ("method", "world steps learnt from", "met within 1 m"), rows,
                 f"The same {meetings} hard meetings; 95 % Wilson intervals. One training each.")  # fmt: skip


def _gain(ours: Experience, theirs: Experience) -> Estimate:
    return paired_difference(
        ours.results.met(ours.method).astype(float), theirs.results.met(theirs.method).astype(float)
    )


def experience_claim(found: Sequence[Experience], how: str) -> Claim:
    """Whether the planner with the least experience meets more often than MADDPG with the most."""
    ours = min((each for each in found if each.method == "hpp"), key=lambda each: each.steps)
    rivals = [each for each in found if each.method == "maddpg"]
    text, source = "Model-based learning needs fewer samples than MADDPG", "v1 abstract: 33 times fewer (dropped in v2)"
    if not rivals:
        return Claim(text, source, f"MADDPG was not taught; the team learnt from {ours.steps:,} world steps", None, how)
    theirs = max(rivals, key=lambda each: each.steps)
    gain, fewer = _gain(ours, theirs), theirs.steps / ours.steps
    holds = gain.above() if fewer > 1 else False
    return Claim(
        text, source,
        f"after {ours.steps:,} world steps, the policy's among them, hpp meets more often than MADDPG after"
        f" {theirs.steps:,} ({fewer:.1f} times as many) by {gain}",
        holds,
        f"{how}. Holds if the interval is above 0. One training each: the interval is of meetings, not of trainings.",
    )  # fmt: skip
