"""Plots of runs and comparisons."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from nonet.foundation.report import Figure
from nonet.recsim.evaluate import Comparison
from nonet.recsim.infer import Posterior
from nonet.recsim.results import series_of

__all__ = ["learning_curve", "over_time", "phase", "traces"]

_COLOURS = ("#3451b2", "#c2410c", "#1a7f4b", "#7e22ce", "#0e7490", "#a16207", "#be185d", "#475569", "#4d7c0f")


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


def phase(comparison: Comparison, across: str, up: str) -> Figure:
    """The way of each policy through two measures, averaged over runs; a dot where it ends.

    Args:
        comparison: the runs.
        across: the measure on the horizontal axis.
        up: the measure on the vertical axis.
    """
    plot = go.Figure()
    for (policy, trajectory), colour in zip(comparison.trajectories.items(), _COLOURS, strict=False):
        x, y = series_of(trajectory, across).mean(0), series_of(trajectory, up).mean(0)
        # single steps are noisy: the mean of the ten around each is drawn
        x, y = _smoothed(x), _smoothed(y)
        plot.add_scatter(x=x, y=y, name=policy, mode="lines", line={"color": colour})
        plot.add_scatter(x=x[-1:], y=y[-1:], mode="markers", marker={"color": colour, "size": 9}, showlegend=False)
    words = [name.removeprefix("measures.") for name in (across, up)]
    plot.update_layout(xaxis_title=words[0], yaxis_title=words[1], height=380)
    return Figure(f"{words[1].capitalize()} against {words[0]}", plot, "Means over runs; the dot is the last step.")


def traces(posterior: Posterior, labels: dict[str, np.ndarray], *, most: int = 6) -> list[Figure]:
    """Every chain's way, and the density of its draws, for a few attributes: those on which chains agree least.

    Args:
        posterior: the draws.
        labels: what the elements of each attribute are called.
        most: attributes shown.
    """
    places = [(name, place) for name, names in labels.items() for place in np.ndindex(names.shape)]
    places.sort(key=lambda item: -float(posterior.rhat[item[0]][item[1]]))
    figures = []
    for name, place in places[:most]:
        chains = posterior.draws[name][(slice(None), slice(None), *place)]
        plot = make_subplots(1, 2, column_widths=[0.65, 0.35], horizontal_spacing=0.08)
        for number, draws in enumerate(chains):
            line = {"color": _COLOURS[number % len(_COLOURS)], "width": 1}
            plot.add_scatter(y=draws, mode="lines", name=f"chain {number}", line=line, opacity=0.7, row=1, col=1)
            height, edge = np.histogram(draws, 40, density=True)
            plot.add_scatter(
                x=(edge[1:] + edge[:-1]) / 2, y=height, line=line, line_shape="hvh", showlegend=False, row=1, col=2
            )
        plot.update_layout(height=260, xaxis_title="draw", xaxis2_title="value", yaxis_title="value")
        rhat = posterior.rhat[name][place]
        figures.append(
            Figure(str(labels[name][place]), plot, f"Chains and densities of their draws; R-hat {rhat:.3f}.")
        )
    return figures


def learning_curve(rewards: np.ndarray, name: str) -> Figure:
    """Reward by training episode.

    Args:
        rewards: of a user, on average, in each.
        name: of the agent.
    """
    plot = go.Figure(go.Scatter(y=rewards, mode="lines", line={"color": _COLOURS[0]}))
    plot.update_layout(xaxis_title="episode", yaxis_title="time spent by a user", height=320)
    return Figure(f"How {name} learned", plot, "While it learned the agent explored.")


def _smoothed(values: np.ndarray, width: int = 10) -> np.ndarray:
    width = min(width, len(values))
    return np.convolve(values, np.full(width, 1.0 / width), mode="valid")
