"""Fitting to logs, inference, training, and the article's claims."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Literal

import tyro

from nonet.foundation import console

__all__ = ["fit", "infer", "study", "train", "value"]


def fit(
    model: tyro.conf.Positional[Literal["choice-model"]],
    *,
    log: str,
    out: Path,
    rank: int = 16,
    seed: int = 0,
    json: bool = False,
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
        json: print for other programs.
    """
    from nonet.foundation.errors import UsageError
    from nonet.foundation.report import Report, Table
    from nonet.recsim.activity import habits
    from nonet.recsim.fitted import fitted_to, save_fitted

    if rank < 1:
        raise UsageError(f"Tastes of {rank} numbers tell nothing.", where="--rank", fix="Choose 1 or more.")
    fitted = fitted_to(log, rank=rank, seed=seed)
    save_fitted(out, fitted, made=date.today())
    laws = [
        (
            h.quantity,
            f"{h.median:,.4g}",
            h.law,
            ", ".join(f"{name} {value:.3g}" for name, value in h.parameters.items()),
        )
        for h in habits(fitted.log)
    ]
    report = Report(
        title=f"Users fitted to {log}",
        tables=[
            Table(
                f"{fitted.kind} on the last tenth of every user's events",
                ["model", "held-out log-likelihood, nats an event"],
                list(fitted.scores.items()),
            ),
            Table("Habits", ["quantity", "median", "law that fits held-out values better", "parameters"], laws),
        ],
        facts={"log": log, "rank": rank, "seed": seed},
    )
    report.publish(out, console.command_line(), as_json=json)
    console.note(f"Infer what is hidden: nonet recsim infer {out} --log {log} --out posterior/")


def infer(
    fitted: tyro.conf.Positional[Path],
    *,
    log: str,
    out: Path,
    users: int = 10,
    chains: int = 4,
    warmup: int = 300,
    draws: int = 500,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Infer what a log does not show: users' tastes, or how far users look down a slate.

    Samples the posterior by NUTS and tells whether to believe it: R-hat, effective sample size, divergences, and
    posterior predictive checks.

    Example: nonet recsim infer fitted/ --log ml-100k --out posterior/

    Args:
        fitted: made by `nonet recsim fit`.
        log: as of `nonet recsim fit`; items that the model does not know are left out.
        out: folder for the draws (Parquet) and a report with trace plots.
        users: how many users; those with the most events.
        chains: independent chains.
        warmup: steps of adaptation of each chain.
        draws: kept steps of each chain.
        seed: same seed, same draws.
        json: print for other programs.
    """
    from nonet.recsim.hidden_users import InferConfig, infer_hidden, save_inferred
    from nonet.recsim.plots import traces

    config = InferConfig(users, chains, warmup, draws, seed)
    found = infer_hidden(fitted, log, config)
    console.wrote(save_inferred(out, found))
    report = found.report(asdict(config) | {"log": log}, traces(found.posterior, found.labels))
    report.publish(out, console.command_line(), as_json=json, tables=2)
    if not found.posterior.converged:
        console.note("The chains do not agree yet: ask for more --warmup and --draws before you use a mean.")


def train(
    story: tyro.conf.Positional[Literal["interest-evolution"]],
    *,
    out: Path,
    agent: Literal["reinforce", "dqn", "bandit"] = "reinforce",
    users: int = 256,
    horizon: int = 60,
    updates: int = 60,
    documents: int = 100,
    slate: int = 2,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Train a recommender in a simulated world, and judge it against a myopic one.

    Example: nonet recsim train interest-evolution --agent reinforce --out agent/

    Args:
        story: the world.
        out: folder for the recommender and a report.
        agent: how it learns: along the gradient of its return, by the values of documents, or as a bandit.
        users: users of the world, each an episode of its own at every update.
        horizon: steps of an episode.
        updates: episodes.
        documents: size of the catalogue.
        slate: documents shown.
        seed: of the catalogue, the start and the chances.
        json: print for other programs.
    """
    from nonet.foundation.report import Report, Table
    from nonet.recsim.agents.training import TrainConfig, save_agent, train_agent
    from nonet.recsim.plots import learning_curve

    config = TrainConfig(agent, users, horizon, updates, documents, slate, seed=seed)
    trained = train_agent(config)
    save_agent(out, trained, made=date.today())
    rows = [(name, str(total)) for name, total in trained.totals.items()]
    report = Report(
        title=f"A recommender for {story}, trained by {agent}",
        tables=[
            Table(f"Time a user spends in {horizon} steps, under new chances", ["recommender", "time"], rows),
            Table("In pairs under the same chances", ["", "time"], [(f"{agent} over myopic", str(trained.gain))]),
        ],
        figures=[learning_curve(trained.rewards, agent)],
        facts=asdict(config),
    )
    report.publish(out / "report", console.command_line(), as_json=json)
    console.note(f"Use it: nonet recsim compare {story} --policies myopic,{out}")


def value(*, log: str, target: str, seed: int = 0, json: bool = False) -> None:
    """Estimate the click rate of another policy from this policy's log.

    Example: nonet recsim value --log open-bandit/random --target open-bandit/bts

    Args:
        log: clicks with propensities of the policy that ran.
        target: log of the policy to judge; only what it shows is used, and its clicks for comparison.
        seed: of the bootstrap.
        json: print for other programs.
    """
    from nonet.recsim import offpolicy
    from nonet.recsim.clicks import fit_clicks
    from nonet.recsim.data import read_log

    ran, other = read_log(log), read_log(target)
    found = offpolicy.estimate(ran, offpolicy.policy_of(other, ran.items), fit_clicks(ran), seed=seed)
    names = ("importance", "normalised", "direct", "doubly_robust")
    rows = [(name.replace("_", " "), str(getattr(found, name))) for name in names]
    if other.click is not None:
        rows.append(("measured in its own log", f"{other.click.mean():.4g}"))
    columns = ["estimate", "click rate with 95 % interval"]
    console.table(columns, rows, title=f"{target} from {log}", as_json=json)
    console.note(f"The log is worth {found.effective:,.0f} events of that policy.")


def study(
    *,
    out: Path,
    scale: Literal["minutes", "hours", "paper"] = "minutes",
    seed: int = 0,
    data: Path | None = None,
    json: bool = False,
) -> None:
    """Make the article's claims about the ecosystem again.

    Example: nonet recsim study --scale minutes --out report/

    Args:
        out: folder for the report; `.checkpoint` beside it keeps what is finished if it is interrupted.
        scale: how large; "paper" has the 2,000 users and 300 steps of the library's demonstration.
        seed: same seed, same report.
        data: a folder of real data sets, with recsim/ml-100k in it; the packaged one is taken without it.
        json: print for other programs.
    """
    import shutil
    from dataclasses import replace

    from nonet.recsim.study import SCALES
    from nonet.recsim.study import study as made

    checkpoint = out.with_name(f"{out.name}.checkpoint")
    config = replace(SCALES[scale], seed=seed)
    if data is not None:
        config = replace(config, log=str(data / "recsim" / "ml-100k"))
    made(config, checkpoint=checkpoint).publish(out, console.command_line(), as_json=json)
    shutil.rmtree(checkpoint, ignore_errors=True)
