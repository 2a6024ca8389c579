"""Trials as verdicts, tables and plots."""

from __future__ import annotations

from collections.abc import Sequence

from nonet.align.studies.trials import Trial, estimate
from nonet.foundation.report import Figure, Table

__all__ = ["plot", "table"]


_TITLES = {
    "data": "Noisy, ruled and clean data of three sizes",
    "width": "Dimensions of the embedding",
    "temperature": "Temperature",
    "negatives": "Share of the in-batch negatives",
}


def table(name: str, trials: Sequence[Trial]) -> Table:
    """What each setting reached, with the range over its seeds.

    Args:
        name: of the group of settings, which has a title.
        trials: of all settings and seeds.
    """
    order = list(dict.fromkeys(trial.setting for trial in trials))
    rows = [(setting, estimate(trials, setting)) for setting in order]
    return Table(
        _TITLES[name], ["setting", "mean recall, %"], rows, "On the test drawings; lowest and highest seed in brackets."
    )


def plot(name: str, trials: Sequence[Trial]) -> Figure:
    """The same as bars with error bars."""
    import plotly.graph_objects as go

    order = list(dict.fromkeys(trial.setting for trial in trials))
    found = [estimate(trials, setting) for setting in order]
    bars = go.Bar(
        x=order,
        y=[each.value for each in found],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [each.high - each.value for each in found],
            "arrayminus": [each.value - each.low for each in found],
        },
    )
    drawn = go.Figure(bars, layout={"yaxis": {"title": "mean recall, %"}})
    return Figure(
        _TITLES[name], drawn, "Mean recall on the test drawings; the bars' ends are the lowest and highest seed."
    )
