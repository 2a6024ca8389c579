"""Plots of runs and comparisons."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from nonet.foundation.report import Figure
from nonet.recsim.evaluate import Comparison
from nonet.recsim.results import series_of

__all__ = ["over_time"]

_COLOURS = ("#3451b2", "#c2410c", "#1a7f4b", "#7e22ce")


def over_time(comparison: Comparison, measure: str, *, running_total: bool = False) -> Figure:
    """A measure over the steps, a line a policy with the 95 % band of its mean.

    Args:
        comparison: the runs.
        measure: name of the recorded series.
        running_total: whether to add the steps up.
    """
    plot = go.Figure()
    for (policy, trajectory), colour in zip(comparison.trajectories.items(), _COLOURS, strict=False):
        values = series_of(trajectory, measure)
        values = values.cumsum(1) if running_total else values
        mean = values.mean(0)
        half = 1.96 * values.std(0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.zeros_like(mean)
        steps = np.asarray(trajectory.steps)
        plot.add_scatter(x=steps, y=mean, name=policy, mode="lines", line={"color": colour})
        plot.add_scatter(
            x=np.concatenate([steps, steps[::-1]]),
            y=np.concatenate([mean + half, (mean - half)[::-1]]),
            fill="toself",
            fillcolor=colour,
            opacity=0.15,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
    word = measure.removeprefix("measures.")
    title = f"{word.capitalize()}, added up" if running_total else word.capitalize()
    plot.update_layout(xaxis_title="step", yaxis_title=word, height=380)
    return Figure(title, plot, f"{title} over time, with the 95 % band over {comparison.config.runs} runs.")
