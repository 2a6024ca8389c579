"""The article's figures, made again: Rosenbrock, the flower function, and the penalty method in two precisions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import plotly.graph_objects as go
import torch
from torch import Tensor

from nonet.foundation.report import Claim, Figure, Report, Table
from nonet.optim.constraints import at_least
from nonet.optim.optimizer import LBFGS
from nonet.optim.penalty import PenaltyPath, penalty_method
from nonet.optim.solve import minimize

__all__ = ["StudyConfig", "flower", "rosenbrock", "study"]

HOW = "nonet optim study --out OUT; float32, the post's precision, unless said otherwise"
NEAR = 0.02  # a figure of two digits is met within two per cent


@dataclass(frozen=True)
class StudyConfig:
    """What the study may spend.

    Attributes:
        max_rounds: outer rounds of the penalty method before it is given up.
        descent_steps: steps of plain gradient descent on Rosenbrock.
        adam_steps: steps of Adam there.
    """

    max_rounds: int = 30
    descent_steps: int = 1000
    adam_steps: int = 100


@dataclass(frozen=True)
class _Run:
    """An optimizer on a function: values at every evaluation, the last value, and the largest coordinate there."""

    seen: list[float]
    end: float
    reach: float


def rosenbrock(x: Tensor) -> Tensor:
    """The post's Rosenbrock function: a = 1, b = 5."""
    return (1 - x[0]) ** 2 + 5 * (x[1] - x[0] ** 2) ** 2


def flower(x: Tensor) -> Tensor:
    """The post's flower function: a = b = 1, c = 4; its infimum -1 lies at 0, where it is not defined."""
    return x.norm() + torch.sin(4 * torch.atan2(x[1], x[0]))


def study(config: StudyConfig | None = None) -> Report:
    """Re-makes the post's claims; seconds on one core."""
    config = config or StudyConfig()
    rosenbrock_claims, race = _rosenbrock(config)
    constrained_claims, table, rounds = _constrained(config)
    return Report(
        "optim: L-BFGS with and without constraints",
        [*rosenbrock_claims, *_flower(), *constrained_claims],
        figures=[race, rounds],
        tables=[table],
        summary="After Sigrid Keydana, “torch for optimization”, RStudio AI Blog, April 2021: every figure of the "
        "post, and why one of them depends on the precision of the numbers.",
    )


def _rosenbrock(config: StudyConfig) -> tuple[list[Claim], Figure]:
    start = (-1.0, 1.0)
    plain = _run(rosenbrock, start, partial(torch.optim.SGD, lr=0.01), config.descent_steps)
    adam = _run(rosenbrock, start, partial(torch.optim.Adam, lr=1.0), config.adam_steps)
    theirs = _run(rosenbrock, start, torch.optim.LBFGS, 2)
    ours = _run(rosenbrock, start, LBFGS, 2)
    claims = [
        _same_figure(f"{config.descent_steps} steps of gradient descent, rate 0.01", 6.96e-5, plain.seen[-1]),
        _same_figure(f"{config.adam_steps} steps of Adam, rate 1", 6.9e-5, adam.seen[-1]),
        _same_figure("two steps of torch's L-BFGS", 4.5e-12, theirs.end),
        Claim(
            "two steps of our L-BFGS are as good as two of torch's on Rosenbrock from (-1, 1)",
            "4.5e-12 after two steps of the optimizer",
            f"{ours.end:.2g} after {len(ours.seen)} evaluations, torch's {theirs.end:.2g} after {len(theirs.seen)}",
            ours.end <= 4.5e-12,
            HOW,
        ),
    ]
    runs = {"gradient descent": plain, "Adam": adam, "torch L-BFGS": theirs, "nonet L-BFGS": ours}
    plot = go.Figure()
    for name, run in runs.items():
        plot.add_scatter(x=list(range(1, len(run.seen) + 1)), y=[max(v, 1e-16) for v in run.seen], name=name)
    plot.update_xaxes(type="log", title="evaluations")
    plot.update_yaxes(type="log", title="value", exponentformat="power")
    return claims, Figure("Rosenbrock from (-1, 1)", plot, "First-order methods crawl along the valley.")


def _same_figure(what: str, article: float, measured: float) -> Claim:
    return Claim(
        f"{what} take Rosenbrock from (-1, 1) to {article:g}",
        f"{article:g}",
        f"{measured:.4g}",
        abs(measured - article) <= NEAR * article,
        HOW,
    )


def _flower() -> list[Claim]:
    start = (20.0, 20.0)
    lost = _run(flower, start, torch.optim.LBFGS, 3)
    theirs = _run(flower, start, partial(torch.optim.LBFGS, line_search_fn="strong_wolfe"), 5)
    ours = _run(flower, start, LBFGS, 5)
    return [
        Claim(
            "without a line search L-BFGS leaves the flower function from (20, 20)",
            "1e19 and infinity within three steps",
            f"value {lost.end:g} after three steps, {lost.reach:.1e} away from 0",
            not math.isfinite(lost.end),
            HOW + "; torch.optim.LBFGS",
        ),
        Claim(
            "with a strong Wolfe line search it descends to nearly -1, near 0 where the function has no derivative",
            "-0.9999999 after five steps",
            f"{ours.end:.7f} ours, {theirs.end:.7f} torch's",
            ours.end < -0.999 and theirs.end < -0.999,
            HOW,
        ),
    ]


def _constrained(config: StudyConfig) -> tuple[list[Claim], Table, Figure]:
    outside = at_least(lambda x: x.square().sum(), 2.0)
    start = torch.tensor([0.5, 0.5])
    theirs = penalty_method(flower, start, outside, optimizer=torch.optim.LBFGS, max_rounds=config.max_rounds)
    double = penalty_method(flower, start.double(), outside, max_rounds=config.max_rounds)
    lagrangian = minimize(flower, start.double(), constraints=outside)
    exact = math.sqrt(2) - 1
    rows = [
        ("penalty method, float32, torch's optimizer", *_row(theirs, exact)),
        ("penalty method, float64, our optimizer", *_row(double, exact)),
        ("augmented Lagrangian, float64", lagrangian.evaluations, lagrangian.value - exact, lagrangian.violation),
    ]
    claims = [
        Claim(
            "doubling the penalty's weight, the constraint is met exactly",
            "22 rounds, weight 2,097,152, at (0.5411962, 1.306563) with value 0.4142135",
            f"{len(theirs.rounds) - 1} rounds, weight {theirs.weight:,.0f}, "
            f"at ({float(theirs.x[0]):.7f}, {float(theirs.x[1]):.6f}) with value {theirs.rounds[-1].value:.7f}",
            theirs.ended and len(theirs.rounds) - 1 == 22 and theirs.weight == 2_097_152,
            HOW + "; torch.optim.LBFGS as in the post",
        ),
        Claim(
            "that the penalty becomes zero is rounding: in float64 the same loop does not end by its test",
            "not in the article",
            f"violation {double.rounds[-1].violation:.1e} after {len(double.rounds) - 1} rounds",
            not double.ended,
            "nonet optim study --out OUT; float64",
        ),
    ]
    plot = go.Figure()
    for name, path in (("float32", theirs), ("float64", double)):
        broken = [step.violation for step in path.rounds]
        plot.add_scatter(x=list(range(len(broken))), y=[v or None for v in broken], name=name, mode="lines+markers")
    plot.update_xaxes(title="round")
    plot.update_yaxes(type="log", title="violation", exponentformat="power")
    figure = Figure(
        "The penalty method's violation",
        plot,
        "It halves with every doubling of the weight. In float32 it falls below the spacing of the numbers near 2 and "
        "rounds to zero, which ends the line and the loop; in float64 it goes on halving.",
    )
    table = Table("flower function outside a circle", ["method", "evaluations", "f - f*", "violation"], rows)
    return claims, table, figure


def _row(path: PenaltyPath, exact: float) -> tuple[int, float, float]:
    last = path.rounds[-1]
    return last.evaluations, last.value - exact, last.violation


def _run(fn: Callable[[Tensor], Tensor], start: tuple[float, float], make: Callable[..., Any], steps: int) -> _Run:
    """Steps of an optimizer in float32."""
    x = torch.tensor(start, requires_grad=True)
    optimizer, seen = make([x]), []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = fn(x)
        loss.backward()
        seen.append(float(loss.detach()))
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return _Run(seen, float(fn(x).detach()), float(x.detach().abs().max()))
