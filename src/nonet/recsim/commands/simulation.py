"""Stories: list them, run them, compare policies, export runs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import tyro

from nonet.foundation import console
from nonet.recsim.config import DEFAULT_BOOST, RunConfig

__all__ = ["compare", "export", "list_stories", "run"]


def list_stories() -> None:
    """The stories that come with nonet, and their policies.

    Example: nonet recsim list
    """
    from nonet.recsim.shelf import SHELF

    console.table(["story", "policies", "what it shows"], [(e.name, ", ".join(e.policies), e.summary) for e in SHELF])


def run(
    story: tyro.conf.Positional[str],
    *,
    out: Path,
    policy: str | None = None,
    users: int = 1000,
    providers: int = 80,
    horizon: int = 100,
    runs: int = 10,
    slate: int = 3,
    boost: float = DEFAULT_BOOST,
    viability: float = 0.0,
    arms: int = 10,
    items: int = 60,
    seed: int = 0,
    devices: int = 1,
    profile: bool = False,
) -> None:
    """Simulate a story and keep the run for `nonet serve --recsim`.

    Example: nonet recsim run ecosystem --users 10000 --policy provider-aware --horizon 300 --runs 20 --out run/

    Args:
        story: which one; `nonet recsim list` shows them.
        out: folder of the run; `.checkpoint` beside it keeps what is finished if it is interrupted.
        policy: the recommender, by name or as a folder made by `nonet recsim train`; the story's first if not given.
        users: how many users (learners of the bandit story).
        providers: content providers of the ecosystem.
        horizon: steps.
        runs: independent runs.
        slate: items in a slate.
        boost: largest lift of a score under the provider-aware policy.
        viability: providers with less satisfaction than this give up; 0 for never.
        arms: arms of the bandit story.
        items: items of the shop story.
        seed: same seed, same results.
        devices: over how many devices users are spread.
        profile: tell what each variable costs, and do not simulate.
    """
    import shutil

    from nonet.recsim import shelf
    from nonet.recsim.evaluate import mean_with_interval
    from nonet.recsim.results import save_run, series_of
    from nonet.recsim.simulation import profile as costs
    from nonet.recsim.simulation import simulate

    config = RunConfig(
        story, policy, users, providers, horizon, runs, slate, boost, viability, arms, items, seed, devices
    )
    exhibit, cast = shelf.cast(config)
    if profile:
        console.table(["variable", "ms a step"], costs(cast).items(), right=["ms a step"])
        return
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    trajectory = simulate(
        cast, horizon, seed=seed, runs=runs, record=exhibit.record, devices=devices, checkpoint=checkpoint
    )
    save_run(out, config, cast, trajectory)
    shutil.rmtree(checkpoint, ignore_errors=True)
    finals = {
        name.removeprefix("measures.") + " at the end": str(mean_with_interval(series_of(trajectory, name)[:, -1]))
        for name in trajectory.values
        if name.startswith("measures.")
    }
    total = mean_with_interval(series_of(trajectory, exhibit.headline).sum(1))
    word = exhibit.headline.removeprefix("measures.")
    console.summary(
        f"{exhibit.name}, {config.policy or exhibit.policies[0]}", {f"{word}, all steps": str(total)} | finals
    )
    console.note(f"Look at it: nonet serve --recsim {out}")


def compare(
    story: tyro.conf.Positional[str],
    *,
    policies: str,
    users: int = 1000,
    providers: int = 80,
    horizon: int = 100,
    runs: int = 40,
    slate: int = 3,
    boost: float = DEFAULT_BOOST,
    viability: float = 0.0,
    arms: int = 10,
    items: int = 60,
    seed: int = 0,
    devices: int = 1,
    out: Path | None = None,
) -> None:
    """Run several policies under the same chances and tell which is better.

    Example: nonet recsim compare ecosystem --policies myopic,provider-aware --runs 40

    Args:
        story: which one.
        policies: names, or folders made by `nonet recsim train`, with commas between; differences are to the first.
        users: how many users.
        providers: content providers of the ecosystem.
        horizon: steps.
        runs: independent runs of each policy.
        slate: items in a slate.
        boost: largest lift of a score under the provider-aware policy.
        viability: providers with less satisfaction than this give up; 0 for never.
        arms: arms of the bandit story.
        items: items of the shop story.
        seed: same seed, same results.
        devices: over how many devices users are spread.
        out: folder for a report with plots.
    """
    from nonet.foundation.report import Report, Table
    from nonet.recsim import evaluate
    from nonet.recsim.plots import over_time, phase

    config = RunConfig(
        story, None, users, providers, horizon, runs, slate, boost, viability, arms, items, seed, devices
    )
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
        tables=[Table(f"{runs} runs of {horizon} steps", columns, rows, "Means with 95 % intervals over runs.")],
        figures=figures,
        facts=asdict(config),
    )
    report.show()
    if out is not None:
        console.note(f"Report: {report.save(out)}")


def export(folder: tyro.conf.Positional[Path], *, out: Path) -> None:
    """Write the tables of a run folder as CSV (they are Parquet files already).

    Example: nonet recsim export run/ --out csv/

    Args:
        folder: made by `nonet recsim run`.
        out: folder for the CSV files.
    """
    from nonet.recsim.results import export_csv

    for path in export_csv(folder, out):
        console.say(str(path))
