"""Which policy is better: runs under common random numbers, paired differences, intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nonet.foundation.errors import UsageError
from nonet.foundation.report import Estimate
from nonet.recsim import shelf
from nonet.recsim.config import RunConfig
from nonet.recsim.language import Story
from nonet.recsim.results import series_of
from nonet.recsim.runtime import Trajectory
from nonet.recsim.simulation import simulate

__all__ = ["Comparison", "compare", "mean_with_interval", "simulate_as"]


@dataclass(frozen=True)
class Comparison:
    """Several policies in the same world.

    Attributes:
        exhibit: the story.
        config: what was simulated; its policy is not used.
        stories: by policy, as they were cast.
        trajectories: by policy, of ``config.runs`` runs.
    """

    exhibit: shelf.Exhibit
    config: RunConfig
    stories: Mapping[str, Story]
    trajectories: Mapping[str, Trajectory]

    def totals(self, policy: str, until: int | None = None) -> np.ndarray:
        """The headline summed over the steps before ``until``, of each run."""
        return series_of(self.trajectories[policy], self.exhibit.headline)[:, :until].sum(1)

    def total(self, policy: str, until: int | None = None) -> Estimate:
        """Its mean over runs."""
        return mean_with_interval(self.totals(policy, until))

    def gain(self, policy: str, over: str, until: int | None = None) -> Estimate:
        """Mean difference of the totals of two policies, run by run under the same chances."""
        return mean_with_interval(self.totals(policy, until) - self.totals(over, until))

    def final(self, policy: str, measure: str) -> Estimate:
        """A measure at the last step."""
        return mean_with_interval(series_of(self.trajectories[policy], measure)[:, -1])


def compare(config: RunConfig, policies: Sequence[str], *, checkpoint: Path | None = None) -> Comparison:
    """Runs several policies from the same seeds.

    Args:
        config: what to simulate.
        policies: at least one.
        checkpoint: a folder for what is finished of each policy; the same call goes on from there.
    Raises:
        UsageError: if a policy is not one of the story's, or none is named.
    """
    if not policies:
        raise UsageError("No policy was named.", where="--policies")
    # names are checked before any runs
    chosen = {policy: shelf.cast(replace(config, policy=policy)) for policy in policies}
    trajectories = {
        policy: simulate_as(
            config, exhibit, story, checkpoint=checkpoint and checkpoint / Path(policy).name, label=policy
        )
        for policy, (exhibit, story) in chosen.items()
    }
    stories = {policy: story for policy, (_, story) in chosen.items()}
    return Comparison(chosen[policies[0]][0], config, stories, trajectories)


def simulate_as(
    config: RunConfig, exhibit: shelf.Exhibit, story: Story, *, checkpoint: Path | None = None, label: str | None = None
) -> Trajectory:
    """Simulates a story of the shelf as long and as often as its configuration says.

    Args:
        config: what was asked for.
        exhibit: what is recorded.
        story: as cast.
        checkpoint: as of `simulation.simulate`.
        label: as of `simulation.simulate`.
    """
    return simulate(
        story,
        config.horizon,
        seed=config.seed,
        runs=config.runs,
        record=exhibit.record,
        devices=config.devices,
        checkpoint=checkpoint,
        label=label,
    )


def mean_with_interval(values: np.ndarray, level: float = 0.95) -> Estimate:
    """The mean with Student's interval; without one where there is a single value.

    Args:
        values: independent values.
        level: coverage of the interval.
    """
    from scipy.stats import t

    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    if values.size < 2:
        return Estimate(mean)
    half = float(t.ppf(0.5 + level / 2, values.size - 1) * values.std(ddof=1) / math.sqrt(values.size))
    return Estimate(mean, mean - half, mean + half, basis=f"{level:.0%} over {values.size} runs")
