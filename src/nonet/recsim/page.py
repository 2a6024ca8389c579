"""The dashboard of a run: welfare and inequality over time, the providers' map, single users; and runs side by side."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from pydantic import BaseModel

from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.page import Mount, render
from nonet.foundation.sketch import area, fitted, line, sketch
from nonet.recsim.evaluate import mean_with_interval
from nonet.recsim.results import Run, load_run, load_runs
from nonet.recsim.shelf import find

__all__ = ["mount"]

_FRAMES = 60
_MEANINGS = {
    "diversity": "mean distance between two items of one slate",
    "exposure": "how unevenly items are shown: 0 where all alike, towards 1 where one takes all",
    "gini": "how unevenly clicks fall on providers: 0 where all alike, towards 1 where one takes all",
    "regret": "what the best choice would have given more",
    "survival": "share of the providers that are still there",
    "welfare": "mean utility of the users",
}


class Series(BaseModel):
    """A measure over time: mean over runs and its 95 % band."""

    name: str
    mean: list[float]
    low: list[float]
    high: list[float]


class Frame(BaseModel):
    """The providers at one step."""

    step: int
    clicks: list[float]
    satisfaction: list[float]
    alive: list[bool]


class Dashboard(BaseModel):
    """All that the page draws, but for single users."""

    title: str
    config: dict[str, Any]
    steps: list[int]
    series: list[Series]
    x: list[float]
    y: list[float]
    frames: list[Frame]
    users: int


class User(BaseModel):
    """One followed user of run 0."""

    x: float
    y: float
    steps: list[int]
    utility: list[float]
    provider: list[int]


class Row(BaseModel):
    """A measure under every run, averaged over steps, and how much more than under the first, run by run."""

    measure: str
    means: list[str]
    more: list[str]


class Comparison(BaseModel):
    """Several runs of one story; ``paired`` tells whether they met the same chances in the same world."""

    story: str
    boards: dict[str, Dashboard]
    paired: bool
    rows: list[Row]


def mount(source: Path | None) -> Mount:
    """The dashboard of a run folder, or the comparison of several.

    Raises:
        UsageError: if no folder is named.
        ArtifactError: if it is neither a run folder nor a folder of them.
    """
    if source is None:
        raise UsageError("The dashboard needs a run.", fix="Name its folder: nonet serve --recsim run/")
    if not (source / "run.json").exists() and source.is_dir():
        return _comparison(load_runs(source))
    run = load_run(source)
    board = _board(run)
    router = APIRouter()

    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        return render(request, "recsim/run.html", board=board, meanings=_meanings(board))

    @router.get("/api/run")
    def dashboard() -> Dashboard:
        """Measures over time and the providers' map."""
        return board

    @router.get("/api/users/{user}", responses={422: {"description": "No such user was followed."}})
    def user(user: Annotated[int, InPath(ge=0, le=2**31)]) -> User:
        """What one user met."""
        return _user(run, user)

    state = f"{board.title}: {run.config.runs} runs of {run.config.horizon} steps"
    drawing = _drawing([board])
    return Mount(router, state, lambda: drawing)


def _drawing(boards: list[Dashboard]) -> Markup:
    """The measure that the story is judged by, over the steps of each run, with its band."""
    name = boards[0].series[0].name
    told = [(board.steps, series) for board in boards for series in board.series if series.name == name]
    place = fitted(
        [p for steps, one in told for ends in (one.low, one.high) for p in zip(steps, ends, strict=True)], equal=False
    )
    shapes = []
    for at, (steps, one) in enumerate(told):
        kind = ("accent", "good", "bad", "faint")[at % 4]
        around = [*zip(steps, one.high, strict=True), *zip(steps[::-1], one.low[::-1], strict=True)]
        shapes += [area(map(place, around), f"{kind} soft"), line(map(place, zip(steps, one.mean, strict=True)), kind)]
    return sketch(f"{name} over time", shapes)


def _comparison(runs: dict[str, Run]) -> Mount:
    """Several runs of one story side by side."""
    boards = {name: _board(run) for name, run in runs.items()}
    paired = len({replace(run.config, policy=None, boost=0.0) for run in runs.values()}) == 1
    page_of = Comparison(
        story=next(iter(runs.values())).config.story,
        boards=boards,
        paired=paired,
        rows=_rows(runs, paired),
    )
    router = APIRouter()

    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        shown = next(iter(page_of.boards.values()))
        return render(request, "recsim/compare.html", comparison=page_of, meanings=_meanings(shown))

    @router.get("/api/runs")
    def comparison() -> Comparison:
        """Measures of every run over time, and the providers' maps."""
        return page_of

    state = f"{page_of.story}: {', '.join(runs)} side by side"
    drawing = _drawing(list(boards.values()))
    return Mount(router, state, lambda: drawing)


def _meanings(board: Dashboard) -> dict[str, str]:
    """What each measure tells, of those that have a name of ours."""
    return {series.name: _MEANINGS[series.name] for series in board.series if series.name in _MEANINGS}


def _rows(runs: dict[str, Run], paired: bool) -> list[Row]:
    """Every measure averaged over the steps of a run, then over runs."""
    tables = [run.series for run in runs.values()]
    rows = []
    for measure in _measures(next(iter(runs.values()))):
        if not all(measure in table.column_names for table in tables):
            continue
        means = [
            table[measure].to_numpy().reshape(run.config.runs, -1).mean(1)
            for table, run in zip(tables, runs.values(), strict=True)
        ]
        more = ["", *(str(mean_with_interval(values - means[0])) if paired else "" for values in means[1:])]
        rows.append(Row(measure=measure, means=[str(mean_with_interval(values)) for values in means], more=more))
    return rows


def _board(run: Run) -> Dashboard:
    steps = np.unique(run.series["step"].to_numpy())
    users = 0 if run.users is None else len(np.unique(run.users["user"].to_numpy()))
    x, y, frames = _frames(run.providers)
    return Dashboard(
        title=f"{run.config.story}, {run.config.policy or 'default policy'}",
        config=asdict(run.config),
        steps=steps.tolist(),
        series=[_series(run.series, name, len(steps)) for name in _measures(run)],
        x=x,
        y=y,
        frames=frames,
        users=users,
    )


def _measures(run: Run) -> list[str]:
    """The recorded measures, the one that the story is judged by first."""
    headline = find(run.config.story).headline.removeprefix("measures.")
    names = set(run.series.column_names) - {"run", "step"}
    return sorted(names, key=lambda name: (name != headline, name))


def _series(table: pa.Table, name: str, steps: int) -> Series:
    values = table[name].to_numpy().reshape(-1, steps)
    mean = values.mean(0)
    half = 1.96 * values.std(0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.zeros(steps)
    return Series(name=name, mean=mean.tolist(), low=(mean - half).tolist(), high=(mean + half).tolist())


def _frames(table: pa.Table | None) -> tuple[list[float], list[float], list[Frame]]:
    if table is None:
        return [], [], []
    size = len(np.unique(table["provider"].to_numpy()))
    columns = {name: table[name].to_numpy(zero_copy_only=False).reshape(-1, size) for name in table.column_names}
    chosen = np.unique(np.linspace(0, len(columns["step"]) - 1, _FRAMES).astype(int))
    frames = [
        Frame(
            step=int(columns["step"][at, 0]),
            clicks=columns["clicks"][at].tolist(),
            satisfaction=columns["satisfaction"][at].tolist(),
            alive=columns["alive"][at].astype(bool).tolist(),
        )
        for at in chosen
    ]
    return columns["x"][0].tolist(), columns["y"][0].tolist(), frames


def _user(run: Run, user: int) -> User:
    table = run.users
    mask = np.zeros(0, bool) if table is None else table["user"].to_numpy() == user
    if table is None or not mask.any():
        raise DataError("This user was not followed.", where=f"user {user}")
    column = {name: table[name].to_numpy()[mask] for name in table.column_names}
    return User(
        x=float(column["x"][0]),
        y=float(column["y"][0]),
        steps=column["step"].tolist(),
        utility=column["utility"].tolist(),
        provider=column["provider"].tolist(),
    )
