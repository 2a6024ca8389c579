"""Plots and tables: results of an evaluation, and how goals come together."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import plotly.graph_objects as go

from nonet.foundation.report import Figure, Report, Table
from nonet.rendezvous.config import SUCCESS_METRES
from nonet.rendezvous.evaluate import Results

__all__ = ["disagreement_plot", "gains_table", "results_report", "success_plot"]


def results_report(results: Results) -> Report:
    """A report of an evaluation: a table, success with intervals, goal disagreement over time."""
    config = results.config
    title = f"Rendezvous: {config.suite}, {config.robots} robots, {config.noise} noise"
    table = Table(
        title,
        Results.COLUMNS,
        results.rows(),
        f"{config.episodes} meetings a method under the same chances. Shares with 95 % Wilson intervals, means with"
        " 95 % bootstrap intervals. A meeting goes on for at most five seconds after robots came within a metre, so the"
        " share within 0.5 m is of those that came so near in that time.",
    )
    figures = [success_plot(results), disagreement_plot(results)]
    tables = [table, gains_table(results)] if len(results.outcomes) > 1 else [table]
    return Report(title, tables=tables, figures=figures, facts=asdict(config))


def gains_table(results: Results) -> Table:
    """By how much the first method meets more often than each other one."""
    first, *others = results.outcomes
    rows = [(name, str(results.more_than(first, name))) for name in others]
    return Table(
        f"{first} more often than", ("method", "difference in share of meetings within 1 m"), rows,
        "Paired episodes, 95 % bootstrap intervals.",
    )  # fmt: skip


def success_plot(results: Results) -> Figure:
    """Shares of meetings by method and distance."""
    plot = go.Figure()
    for metres in SUCCESS_METRES:
        shares = [results.success(name, metres) for name in results.outcomes]
        error = {
            "type": "data",
            "symmetric": False,
            "array": [s.high - s.value for s in shares], "arrayminus": [s.value - s.low for s in shares],
        }  # fmt: skip
        plot.add_bar(x=list(results.outcomes), y=[s.value for s in shares], error_y=error, name=f"within {metres:g} m")
    plot.update_layout(barmode="group", yaxis={"title": "share of meetings", "range": [0, 1]})
    return Figure("Meetings that came about", plot, "Higher is better; bars show 95 % intervals.")


def disagreement_plot(results: Results) -> Figure:
    """Distance between the robots' goals over time."""
    plot = go.Figure()
    for name in results.outcomes:
        curve = results.disagreement(name)
        if np.isfinite(curve).any():
            plot.add_scatter(x=list(range(len(curve))), y=curve.tolist(), name=name, mode="lines")
    plot.update_layout(
        xaxis={"title": "seconds"}, yaxis={"title": "largest distance between goals, m", "rangemode": "tozero"}
    )
    return Figure(
        "Goal disagreement", plot,
        "Mean over the meetings that still go on, so the right end is of the hardest ones. Methods without goals are"
        " left out.",
    )  # fmt: skip
