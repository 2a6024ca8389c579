"""``nonet recsim``: run and compare stories, fit models of users to logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import tyro

from nonet.foundation import console
from nonet.recsim.config import DEFAULT_BOOST, RunConfig

__all__ = ["COMMANDS"]


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
    seed: int = 0,
    devices: int = 1,
    profile: bool = False,
) -> None:
    """Simulate a story and keep the run for `nonet serve --recsim`.

    Example: nonet recsim run ecosystem --users 10000 --policy provider-aware --horizon 300 --runs 20 --out run/

    Args:
        story: which one; `nonet recsim list` shows them.
        out: folder of the run; `.checkpoint` beside it keeps what is finished if it is interrupted.
        policy: the recommender; the story's first if not given.
        users: how many users (learners of the bandit story).
        providers: content providers of the ecosystem.
        horizon: steps.
        runs: independent runs.
        slate: items in a slate.
        boost: largest lift of a score under the provider-aware policy.
        viability: providers with less satisfaction than this give up; 0 for never.
        arms: arms of the bandit story.
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

    config = RunConfig(story, policy, users, providers, horizon, runs, slate, boost, viability, arms, seed, devices)
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
    seed: int = 0,
    devices: int = 1,
    out: Path | None = None,
) -> None:
    """Run several policies under the same chances and tell which is better.

    Example: nonet recsim compare ecosystem --policies myopic,provider-aware --runs 40

    Args:
        story: which one.
        policies: names with commas between; differences are to the first.
        users: how many users.
        providers: content providers of the ecosystem.
        horizon: steps.
        runs: independent runs of each policy.
        slate: items in a slate.
        boost: largest lift of a score under the provider-aware policy.
        viability: providers with less satisfaction than this give up; 0 for never.
        arms: arms of the bandit story.
        seed: same seed, same results.
        devices: over how many devices users are spread.
        out: folder for a report with plots.
    """
    from nonet.foundation.report import Report, Table
    from nonet.recsim import evaluate
    from nonet.recsim.plots import over_time

    config = RunConfig(story, None, users, providers, horizon, runs, slate, boost, viability, arms, seed, devices)
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
    report = Report(
        title=f"{exhibit.name}: {', '.join(names)}",
        tables=[Table(f"{runs} runs of {horizon} steps", columns, rows, "Means with 95 % intervals over runs.")],
        figures=[over_time(found, exhibit.headline, running_total=True), *(over_time(found, m) for m in measures)],
        facts=asdict(config),
    )
    report.show()
    if out is not None:
        console.note(f"Report: {report.save(out)}")


def fit(
    model: tyro.conf.Positional[Literal["choice-model"]],
    *,
    log: str,
    out: Path,
    rank: int = 16,
    seed: int = 0,
) -> None:
    """Fit the user side of a simulator to a log, and judge it on later events.

    A log with clicks gets a click model with position bias, a log of things taken a model of tastes.

    Example: nonet recsim fit choice-model --log ml-100k --out fitted/

    Args:
        model: what to fit.
        log: a Parquet or CSV file, a folder of MovieLens or of the Open Bandit Dataset, or a name: ml-100k,
            open-bandit/random, open-bandit/bts.
        out: folder for the fitted model.
        rank: length of tastes.
        seed: of the start.
    """
    from nonet.recsim.clicks import fitted_to, save_fitted

    fitted = fitted_to(log, rank=rank, seed=seed)
    save_fitted(out, fitted)
    console.table(
        ["model", "held-out log-likelihood, nats an event"],
        fitted.scores.items(),
        title=f"{fitted.kind} on the last tenth of every user's events",
        right=["held-out log-likelihood, nats an event"],
    )


def value(*, log: str, target: str, seed: int = 0) -> None:
    """Estimate the click rate of another policy from this policy's log.

    Example: nonet recsim value --log open-bandit/random --target open-bandit/bts

    Args:
        log: clicks with propensities of the policy that ran.
        target: log of the policy to judge; only what it shows is used, and its clicks for comparison.
        seed: of the bootstrap.
    """
    from nonet.recsim import offpolicy
    from nonet.recsim.clicks import fit_clicks
    from nonet.recsim.data import read_log

    ran, other = read_log(log), read_log(target)
    found = offpolicy.estimate(ran, offpolicy.policy_of(other), fit_clicks(ran), seed=seed)
    names = ("importance", "normalised", "direct", "doubly_robust")
    rows = [(name.replace("_", " "), str(getattr(found, name))) for name in names]
    if other.click is not None:
        rows.append(("measured in its own log", f"{other.click.mean():.4g}"))
    console.table(["estimate", "click rate with 95 % interval"], rows, title=f"{target} from {log}")
    console.note(f"The log is worth {found.effective:,.0f} events of that policy.")


def study(*, out: Path, scale: Literal["minutes", "hours", "paper"] = "minutes", seed: int = 0) -> None:
    """Make the article's claims about the ecosystem again.

    Example: nonet recsim study --scale minutes --out report/

    Args:
        out: folder for the report.
        scale: how large; "paper" has the 2,000 users and 300 steps of the library's demonstration.
        seed: same seed, same report.
    """
    from dataclasses import replace

    from nonet.recsim.study import SCALES
    from nonet.recsim.study import study as made

    report = made(replace(SCALES[scale], seed=seed))
    report.show()
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


COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_stories,
    "run": run,
    "compare": compare,
    "fit": fit,
    "value": value,
    "study": study,
    "export": export,
}
