"""The article's claims about the ecosystem, made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import plotly.graph_objects as go

from nonet.foundation.report import Claim, Figure, Report, Table
from nonet.recsim.config import DEFAULT_BOOST, RunConfig
from nonet.recsim.evaluate import Comparison, compare
from nonet.recsim.plots import over_time, phase

__all__ = ["SCALES", "StudyConfig", "study"]

_MYOPIC, _AWARE = "myopic", "provider-aware"
_WELFARE, _GINI = "measures.welfare", "measures.gini"


@dataclass(frozen=True)
class StudyConfig:
    """How large the study is."""

    scale: Literal["minutes", "hours", "paper"] = "minutes"
    """Its name on the command line."""
    users: int = 200
    """Users."""
    horizon: int = 300
    """Steps of a run."""
    short: int = 10
    """Steps that count as a short horizon."""
    runs: int = 40
    """Runs of each policy."""
    log: str | None = None
    """A log of things taken, to fit users to; None leaves that claim open."""
    boosts: tuple[float, ...] = (0.0, 0.6, DEFAULT_BOOST, 3.0, 10.0)
    """Strengths of the boost in the sweep."""
    seed: int = 0
    """Same seed, same report."""

    @property
    def command(self) -> str:
        """The command that repeats the study."""
        return f"nonet recsim study --out OUT --scale {self.scale} --seed {self.seed}"


SCALES = {
    "minutes": StudyConfig(log="ml-100k"),
    "hours": StudyConfig("hours", users=1000, log="ml-100k", boosts=(0.0, 0.3, 0.6, 1.2, 2.0, 3.0, 5.0, 10.0)),
    "paper": StudyConfig("paper", users=2000, log="ml-100k"),
}


def study(config: StudyConfig, *, checkpoint: Path | None = None) -> Report:
    """Compares a myopic with a provider-aware recommender, over a long and a short horizon, and sweeps the boost.

    Args:
        config: how large.
        checkpoint: a folder for the runs that are finished; the same call goes on from there.
    """
    base = RunConfig("ecosystem", users=config.users, horizon=config.horizon, runs=config.runs, seed=config.seed)
    pair = compare(base, [_MYOPIC, _AWARE], checkpoint=checkpoint)
    sweep = _by_boost(pair, config.boosts, checkpoint)
    return Report(
        title="RecSim NG: an ecosystem with content providers",
        claims=[*_claims(pair, config), _hidden_tastes(config), _calibrated(config), _faster()],
        tables=[_sweep_table(sweep)],
        figures=[
            over_time(pair, _WELFARE, running_total=True),
            over_time(pair, _GINI),
            phase(sweep, _GINI, _WELFARE),
            _sweep_plot(sweep, config.boosts),
        ],
        facts=asdict(config) | {"command": config.command},
    )


def _by_boost(pair: Comparison, boosts: Sequence[float], checkpoint: Path | None) -> Comparison:
    """The provider-aware recommender at several strengths; without a boost it is the myopic one."""
    found = {0.0: (pair, _MYOPIC), pair.config.boost: (pair, _AWARE)}
    for boost in boosts:
        if boost not in found:
            kept = checkpoint and checkpoint / f"boost-{boost:g}"
            found[boost] = compare(replace(pair.config, boost=boost), [_AWARE], checkpoint=kept), _AWARE
    chosen = {f"boost {boost:g}": found[boost] for boost in boosts}
    return Comparison(
        pair.exhibit,
        pair.config,
        {name: one.stories[policy] for name, (one, policy) in chosen.items()},
        {name: one.trajectories[policy] for name, (one, policy) in chosen.items()},
    )


def _claims(pair: Comparison, config: StudyConfig) -> Sequence[Claim]:
    long, short = (pair.gain(_AWARE, _MYOPIC, until) for until in (None, config.short))
    gap = pair.final(_AWARE, _GINI).high < pair.final(_MYOPIC, _GINI).low
    rise = pair.final(_MYOPIC, _GINI).value
    where = "Mladenov et al. 2021, §5 (no figure is quoted: the text gives none)"
    how = f"{config.runs} runs of {config.users:,} users, in pairs under the same chances; {config.command}"
    return (
        Claim(
            f"Over {config.horizon} steps users fare better under a provider-aware recommender",
            where,
            long,
            long.above(),
            how,
        ),
        Claim(f"Over {config.short} steps they do not", where, short, short.below(), how),
        Claim(
            "A myopic recommender makes rich providers richer: care spreads clicks more evenly",
            where,
            f"Gini of clicks {rise:.3f} under the myopic, {pair.final(_AWARE, 'measures.gini')} under the other",
            gap,
            how,
        ),
    )


def _hidden_tastes(config: StudyConfig) -> Claim:
    """Simulates what users take, and infers their tastes from that alone."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from nonet.recsim.checks import replicate
    from nonet.recsim.infer import posterior, target_of
    from nonet.recsim.random import key
    from nonet.recsim.stories.logged import Takers, taking

    items, dim, users = 30, 2, 10
    trait = 2.0 * jax.random.normal(key(config.seed), (items, dim))
    world = taking(Takers(jnp.zeros(items), trait, jnp.full(users, 60), precision=1.0))
    truth = replicate(world, {}, 1, jax.random.fold_in(key(config.seed), 1))
    found = posterior(
        target_of(world, {"taken": truth["taken"]}, latents=["taste"]),
        seed=config.seed,
        chains=2,
        warmup=200,
        draws=200,
    )
    draws = found.draws["taste"].reshape(-1, users * dim)
    hidden = np.asarray(truth["taste"]).ravel()
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    agreement = float(np.corrcoef(draws.mean(0), hidden)[0, 1])
    covered = int(((low < hidden) & (hidden < high)).sum())
    return Claim(
        "Hidden attributes of users can be inferred from what they do",
        "Mladenov et al. 2021, §3.3 (running a simulation in reverse)",
        f"correlation {agreement:.3f} with the true tastes; {covered} of {hidden.size} within 95 % intervals",
        agreement > 0.9 and covered >= 0.8 * hidden.size,
        f"{users} users who took 60 of {items} items each, NUTS, R-hat {found.worst_rhat:.3f}; {config.command}",
    )


def _calibrated(config: StudyConfig) -> Claim:
    """Fits users to a log, and judges them on its last events."""
    text = "A simulator fitted to logs is nearer to held-out behaviour than one that is not"
    where = "Mladenov et al. 2021, §1 (the sim-to-real gap; no figure is quoted)"
    if config.log is None:
        return Claim(text, where, "not measured", None, "needs a log of things taken, to fit tastes to")
    from nonet.recsim.fitted import fitted_to

    scores = fitted_to(config.log, seed=config.seed).scores
    best = max(score for name, score in scores.items() if name != "taste model")
    shown = ", ".join(f"{name} {score:.3f}" for name, score in scores.items())
    how = f"nats an event on the last tenth of every user's events of {config.log}; {config.command}"
    return Claim(text, where, shown, scores["taste model"] > best, how)


def _faster() -> Claim:
    return Claim(
        "It runs faster than the official library",
        "Mladenov et al. 2021, §6 (no time is quoted)",
        "not measured here",
        None,
        "needs the official library in an environment of its own: python bench/recsim.py",
    )


def _sweep_table(sweep: Comparison) -> Table:
    rows = [(name, sweep.total(name), sweep.final(name, _GINI)) for name in sweep.trajectories]
    return Table(
        "By strength of the boost",
        ["recommender", "welfare, all steps", "Gini of clicks at the end"],
        rows,
        f"Means with 95 % intervals over {sweep.config.runs} runs.",
    )


def _sweep_plot(sweep: Comparison, boosts: Sequence[float]) -> Figure:
    totals = [sweep.total(name) for name in sweep.trajectories]
    plot = go.Figure(
        go.Scatter(
            x=list(boosts),
            y=[total.value for total in totals],
            mode="lines+markers",
            error_y={
                "array": [total.high - total.value for total in totals],
                "arrayminus": [total.value - total.low for total in totals],
            },
        )
    )
    plot.update_layout(xaxis_title="boost", yaxis_title="welfare, all steps", height=380)
    return Figure("Welfare by strength of the boost", plot, "Mean welfare over all steps with 95 % intervals.")
