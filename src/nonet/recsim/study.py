"""The article's claims about the ecosystem, made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import plotly.graph_objects as go

from nonet.foundation.report import Claim, Estimate, Figure, Report
from nonet.recsim.config import RunConfig
from nonet.recsim.evaluate import Comparison, compare
from nonet.recsim.plots import over_time

__all__ = ["SCALES", "StudyConfig", "study"]

_MYOPIC, _AWARE = "myopic", "provider-aware"


@dataclass(frozen=True)
class StudyConfig:
    """How large the study is."""

    scale: Literal["minutes", "hours", "paper"] = "minutes"
    """Its name on the command line."""
    users: int = 200
    """Users."""
    horizon: int = 300
    """Steps of a run."""
    short: int = 10
    """Steps that count as a short horizon."""
    runs: int = 40
    """Runs of each policy."""
    boosts: tuple[float, ...] = (0.0, 0.6, 1.2, 3.0, 10.0)
    """Strengths of the boost in the sweep."""
    seed: int = 0
    """Same seed, same report."""

    @property
    def command(self) -> str:
        """The command that repeats the study."""
        return f"nonet recsim study --scale {self.scale} --seed {self.seed}"


SCALES = {
    "minutes": StudyConfig(),
    "hours": StudyConfig("hours", users=1000, boosts=(0.0, 0.3, 0.6, 1.2, 2.0, 3.0, 5.0, 10.0)),
    "paper": StudyConfig("paper", users=2000, boosts=(0.0, 0.3, 0.6, 1.2, 2.0, 3.0, 5.0, 10.0)),
}


def study(config: StudyConfig) -> Report:
    """Compares a myopic with a provider-aware recommender, over a long and a short horizon, and sweeps the boost.

    Args:
        config: how large.
    """
    base = RunConfig("ecosystem", users=config.users, horizon=config.horizon, runs=config.runs, seed=config.seed)
    pair = compare(base, [_MYOPIC, _AWARE])
    sweep = {boost: compare(replace(base, boost=boost), [_AWARE]).total(_AWARE) for boost in config.boosts}
    return Report(
        title="RecSim NG: an ecosystem with content providers",
        claims=_claims(pair, config),
        figures=[
            over_time(pair, "measures.welfare", running_total=True),
            over_time(pair, "measures.gini"),
            _sweep_plot(sweep),
        ],
        facts=asdict(config) | {"command": config.command},
    )


def _claims(pair: Comparison, config: StudyConfig) -> Sequence[Claim]:
    long, short = (pair.gain(_AWARE, _MYOPIC, until) for until in (None, config.short))
    gap = pair.final(_AWARE, "measures.gini").high < pair.final(_MYOPIC, "measures.gini").low
    rise = pair.final(_MYOPIC, "measures.gini").value
    where = "Mladenov et al. 2021, §5 (no figure is quoted: the text gives none)"
    how = f"{config.runs} runs of {config.users:,} users, in pairs under the same chances; {config.command}"
    return (
        Claim(
            f"Over {config.horizon} steps users fare better under a provider-aware recommender",
            where,
            long,
            long.low > 0,
            how,
        ),
        Claim(f"Over {config.short} steps they do not", where, short, short.low <= 0, how),
        Claim(
            "A myopic recommender makes rich providers richer: care spreads clicks more evenly",
            where,
            f"Gini of clicks {rise:.3f} under the myopic, {pair.final(_AWARE, 'measures.gini')} under the other",
            gap,
            how,
        ),
    )


def _sweep_plot(sweep: dict[float, Estimate]) -> Figure:
    values = list(sweep.values())
    plot = go.Figure(
        go.Scatter(
            x=list(sweep),
            y=[value.value for value in values],
            mode="lines+markers",
            error_y={
                "array": [value.high - value.value for value in values],
                "arrayminus": [value.value - value.low for value in values],
            },
        )
    )
    plot.update_layout(xaxis_title="boost", yaxis_title="welfare, all steps", height=380)
    return Figure("Welfare by strength of the boost", plot, "Mean welfare over all steps with 95 % intervals.")
