"""Stories: list them, run them, compare policies, export runs."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import tyro

from nonet.foundation import console
from nonet.recsim.config import RunConfig, WorldConfig

__all__ = ["compare", "export", "list_stories", "run"]

_WORLD, _COMPARED = WorldConfig(), WorldConfig(runs=40)


def list_stories(*, json: bool = False) -> None:
    """The stories that come with nonet, and their policies.

    Example: nonet recsim list

    Args:
        json: print for other programs.
    """
    from nonet.recsim.shelf import SHELF

    rows = [(e.name, ", ".join(e.policies), e.summary) for e in SHELF]
    console.table(["story", "policies", "what it shows"], rows, as_json=json)


def run(
    story: tyro.conf.Positional[str],
    *,
    out: Path,
    policy: str | None = None,
    world: tyro.conf.OmitArgPrefixes[WorldConfig] = _WORLD,
    profile: bool = False,
    json: bool = False,
) -> None:
    """Simulate a story and keep the run for `nonet serve --recsim`.

    Example: nonet recsim run ecosystem --users 10000 --policy provider-aware --horizon 300 --runs 20 --out run/

    Args:
        story: which one; `nonet recsim list` shows them.
        out: folder of the run; `.checkpoint` beside it keeps what is finished if it is interrupted.
        policy: the recommender, by name or as a folder made by `nonet recsim train`; the story's first if not given.
        world: its world.
        profile: tell what each variable costs, and do not simulate.
        json: print for other programs.
    """
    import shutil

    from nonet.recsim import shelf
    from nonet.recsim.evaluate import mean_with_interval, simulate_as
    from nonet.recsim.results import save_run, series_of
    from nonet.recsim.simulation import profile as costs

    config = RunConfig(story=story, policy=policy, **asdict(world))
    exhibit, cast = shelf.cast(config)
    if profile:
        console.table(["variable", "ms a step"], costs(cast).items(), as_json=json)
        return
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    trajectory = simulate_as(config, exhibit, cast, checkpoint=checkpoint)
    save_run(out, config, cast, trajectory)
    shutil.rmtree(checkpoint, ignore_errors=True)
    finals = {
        name.removeprefix("measures.") + " at the end": str(mean_with_interval(series_of(trajectory, name)[:, -1]))
        for name in trajectory.values
        if name.startswith("measures.")
    }
    total = mean_with_interval(series_of(trajectory, exhibit.headline).sum(1))
    word = exhibit.headline.removeprefix("measures.")
    title = f"{exhibit.name}, {config.policy or exhibit.policies[0]}"
    console.summary(title, {f"{word}, all steps": str(total)} | finals, as_json=json)
    console.note(f"Look at it: nonet serve --recsim {out}")


def compare(
    story: tyro.conf.Positional[str],
    *,
    policies: str,
    world: tyro.conf.OmitArgPrefixes[WorldConfig] = _COMPARED,
    out: Path | None = None,
    json: bool = False,
) -> None:
    """Run several policies under the same chances and tell which is better.

    Example: nonet recsim compare ecosystem --policies myopic,provider-aware --runs 40

    Args:
        story: which one.
        policies: names, or folders made by `nonet recsim train`, with commas between; differences are to the first.
        world: its world.
        out: folder for a report with plots and for the runs, which `nonet serve --recsim` shows side by side;
            nothing is kept without it.
        json: print for other programs.
    """
    from nonet.foundation.report import Report, Table
    from nonet.recsim import evaluate
    from nonet.recsim.plots import over_time, phase
    from nonet.recsim.results import save_run

    config = RunConfig(story=story, **asdict(world))
    names = [name.strip() for name in policies.split(",") if name.strip()]
    found = evaluate.compare(config, names)
    exhibit, first = found.exhibit, names[0]
    word = exhibit.headline.removeprefix("measures.")
    measures = [name for name in found.trajectories[first].values if name.startswith("measures.")]
    rows = [
        (
            name,
            str(found.total(name)),
            "" if name == first else str(found.gain(name, first)),
            *(str(found.final(name, measure)) for measure in measures if measure != exhibit.headline),
        )
        for name in names
    ]
    endings = [f"{m.removeprefix('measures.')} at the end" for m in measures if m != exhibit.headline]
    columns = ["policy", f"{word}, all steps", f"more than {first}", *endings]
    figures = [over_time(found, exhibit.headline, running_total=True), *(over_time(found, m) for m in measures)]
    figures += [phase(found, measure, exhibit.headline) for measure in measures if measure == "measures.gini"]
    report = Report(
        title=f"{exhibit.name}: {', '.join(names)}",
        tables=[
            Table(f"{config.runs} runs of {config.horizon} steps", columns, rows, "With 95 % intervals over runs.")
        ],
        figures=figures,
        facts=asdict(config),
    )
    report.publish(out, console.command_line(), as_json=json)
    if out is not None:
        for name, trajectory in found.trajectories.items():
            policy = replace(config, policy=name)
            save_run(out / "runs" / Path(name).name, policy, found.stories[name], trajectory)
        console.note(f"Side by side: nonet serve --recsim {out}")


def export(folder: tyro.conf.Positional[Path], *, out: Path) -> None:
    """Write the tables of a run folder as CSV (they are Parquet files already).

    Example: nonet recsim export run/ --out csv/

    Args:
        folder: made by `nonet recsim run`.
        out: folder for the CSV files.
    """
    from nonet.recsim.results import export_csv

    console.wrote(*export_csv(folder, out))
