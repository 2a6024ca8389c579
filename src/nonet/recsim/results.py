"""Run folders: what a simulation leaves for people and other programs.

A folder holds ``run.json`` (the configuration), ``series.parquet`` (one row for each run and step), and for the
ecosystem ``providers.parquet`` and ``users.parquet`` (run 0, one row for each step and provider or followed user).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from nonet.foundation.errors import ArtifactError, DataError
from nonet.foundation.files import atomic_folder, atomic_write
from nonet.foundation.reading import made_sense_of, parse_json
from nonet.foundation.settings import rebuild
from nonet.recsim.config import RunConfig
from nonet.recsim.language import Story
from nonet.recsim.runtime import Trajectory

__all__ = ["Run", "export_csv", "load_run", "load_runs", "save_run", "series_of"]


@dataclass(frozen=True)
class Run:
    """A run folder, read.

    Attributes:
        config: what was asked for.
        series: columns ``run``, ``step`` and the measures.
        providers: columns ``step, provider, x, y, satisfaction, clicks, alive``; None where the story has none.
        users: columns ``step, user, x, y, utility, provider``; None where the story follows none.
    """

    config: RunConfig
    series: pa.Table
    providers: pa.Table | None
    users: pa.Table | None


def series_of(trajectory: Trajectory, name: str) -> np.ndarray:
    """A measure as an array of shape (runs, steps)."""
    return np.asarray(trajectory[name])


def save_run(folder: Path, config: RunConfig, story: Story, trajectory: Trajectory) -> None:
    """Writes a run folder, whole or not at all.

    Args:
        folder: made, or replaced if it holds a run.
        config: what was asked for.
        story: the story that ran.
        trajectory: of several runs, kept as the story's exhibit says.
    Raises:
        DataError: if the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "run.json").exists():
        raise DataError("The folder holds something else than a run.", where=folder, fix="Choose another folder.")
    with atomic_folder(folder) as fresh:
        (fresh / "run.json").write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")
        pq.write_table(_series(trajectory), fresh / "series.parquet")
        if "publishing.clicks" in trajectory.values:
            topics = np.asarray(story.actors["providers"].topics)
            pq.write_table(_providers(trajectory, topics), fresh / "providers.parquet")
            pq.write_table(_users(trajectory), fresh / "users.parquet")


_COLUMNS = {
    "series": ("run", "step"),
    "providers": ("step", "provider", "x", "y", "satisfaction", "clicks", "alive"),
    "users": ("user", "x", "y", "step", "utility", "provider"),
}


def load_run(folder: Path) -> Run:
    """Reads a run folder.

    Raises:
        ArtifactError: if it is not one.
    """
    fix = "Make one with `nonet recsim run --out FOLDER`."
    with made_sense_of(folder, ArtifactError, what="This is not a run folder", fix=fix):
        config = rebuild(RunConfig, parse_json((folder / "run.json").read_text(encoding="utf-8")))
        tables = {name: _table(folder / f"{name}.parquet", columns) for name, columns in _COLUMNS.items()}
        series, providers, users = tables.values()
        if series is None:
            raise FileNotFoundError("series.parquet is missing")
        if len(series) != config.runs * config.horizon:
            raise ValueError(f"series.parquet has {len(series)} rows for {config.runs} runs of {config.horizon} steps")
        if providers is not None and len(providers) % max(1, len(set(providers["provider"].to_pylist()))):
            raise ValueError("providers.parquet has not as many rows for each provider")
        return Run(config, series, providers, users)


def _table(path: Path, numbers: Sequence[str]) -> pa.Table | None:
    """A table of numbers without gaps, or None where there is none."""
    if not path.exists():
        return None
    table = pq.read_table(path)
    missing = set(numbers) - set(table.column_names)
    if missing:
        raise ValueError(f"{path.name} lacks {', '.join(sorted(missing))}")
    for name in table.column_names:
        kind = table[name].type
        if table[name].null_count or not (
            pa.types.is_integer(kind) or pa.types.is_floating(kind) or kind == pa.bool_()
        ):
            raise ValueError(f"the column {name} of {path.name} does not hold numbers")
    return table


def load_runs(folder: Path) -> dict[str, Run]:
    """Reads a folder of run folders, or what `nonet recsim compare --out` leaves.

    Returns:
        The runs by the names of their folders.
    Raises:
        ArtifactError: if there are no two runs, or they are not of one story and as long.
    """
    inside = folder / "runs" if (folder / "runs").is_dir() else folder
    runs = {path.parent.name: load_run(path.parent) for path in sorted(inside.glob("*/run.json"))}
    if len(runs) < 2:
        raise ArtifactError(
            f"It is no run folder, and has {len(runs)} of them inside.",
            where=folder,
            fix="Name one made by `nonet recsim run` or `nonet recsim compare --out`, or a folder with several runs.",
        )
    kinds = {(run.config.story, run.config.horizon) for run in runs.values()}
    if len(kinds) > 1:
        raise ArtifactError(
            f"Its runs are not of one story and length: {sorted(kinds)}.",
            where=folder,
            fix="Compare runs of one story with the same horizon.",
        )
    return runs


def export_csv(folder: Path, out: Path) -> list[Path]:
    """Writes the tables of a run folder as CSV.

    Returns:
        The files written.
    """
    run = load_run(folder)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name in _COLUMNS:
        table: pa.Table | None = getattr(run, name)
        if table is None:
            continue
        target = out / f"{name}.csv"
        with atomic_write(target) as file:
            pyarrow.csv.write_csv(table, file)
        written.append(target)
    return written


def _series(trajectory: Trajectory) -> pa.Table:
    measures = {name: series_of(trajectory, name) for name in trajectory.values if name.startswith("measures.")}
    runs, steps = next(iter(measures.values())).shape
    columns = {"run": np.repeat(np.arange(runs), steps), "step": np.tile(np.asarray(trajectory.steps), runs)}
    return pa.table(columns | {name.removeprefix("measures."): values.ravel() for name, values in measures.items()})


def _providers(trajectory: Trajectory, topics: np.ndarray) -> pa.Table:
    fields = {name: np.asarray(trajectory[f"publishing.{name}"])[0] for name in ("satisfaction", "clicks", "alive")}
    steps, size = fields["clicks"].shape
    place = {axis: np.tile(topics[:, column], steps) for column, axis in enumerate("xy")}
    columns = {"step": np.repeat(np.asarray(trajectory.steps), size), "provider": np.tile(np.arange(size), steps)}
    return pa.table(columns | place | {name: values.ravel() for name, values in fields.items()})


def _users(trajectory: Trajectory) -> pa.Table:
    utility, provider, interest = (
        np.asarray(trajectory[f"followed.{name}"])[0] for name in ("utility", "provider", "interest")
    )
    steps, size = utility.shape
    columns = {"step": np.repeat(np.asarray(trajectory.steps), size), "user": np.tile(np.arange(size), steps)}
    place = {axis: interest[:, :, column].ravel() for column, axis in enumerate("xy")}
    return pa.table(columns | place | {"utility": utility.ravel(), "provider": provider.ravel()})
