"""``nonet optim FORMULA``, which needs no verb, and ``nonet optim study``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from nonet.optim.result import Result

__all__ = ["COMMANDS"]


def optim(
    formula: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FORMULA")] = "",
    *,
    subject_to: tuple[str, ...] = (),
    start: tuple[float, ...] = (),
    lower: float | None = None,
    upper: float | None = None,
    max_evaluations: int = 1000,
    trace: bool = False,
    json: bool = False,
) -> None:
    """Minimise a formula of any number of variables, under constraints if wanted.

    The figures of the article are made again by `nonet optim study --out study/`.

    Example: nonet optim "(1-x)**2 + 5*(y-x**2)**2" --subject-to "x**2+y**2<=1"

    Args:
        formula: numbers, variables, + - * / ** and functions such as sin, exp, log, sqrt, atan2.
        subject_to: constraints with <=, >= or ==; several may follow.
        start: one number a variable, in alphabetical order of their names; ones by default.
        lower: least value of every variable.
        upper: greatest value of every variable.
        max_evaluations: evaluations of the formula with its gradient.
        trace: show every accepted step.
        json: print for other programs.

    Raises:
        UsageError: if there is nothing to minimise.
    """
    from nonet.foundation.errors import UsageError

    if not formula:
        raise UsageError("There is no formula.", fix='Write one, such as: nonet optim "(x-1)**2 + y**4"')
    _minimise(formula, subject_to, start, lower, upper, max_evaluations, trace, json)


def _minimise(
    formula: str,
    subject_to: tuple[str, ...],
    start: tuple[float, ...],
    lower: float | None,
    upper: float | None,
    max_evaluations: int,
    trace: bool,
    json: bool,
) -> None:
    import torch

    from nonet.foundation.errors import DataError, NonetError
    from nonet.optim import Options, minimize
    from nonet.optim.expression import parse_constraint, parse_formula

    target = parse_formula(formula)
    makers = [parse_constraint(text) for text in subject_to]
    names = tuple(sorted({*target.variables, *(name for found, _ in makers for name in found)}))
    if not names:
        raise DataError("There is no variable in it.", where=formula, fix="Use a name such as x.")
    if start and len(start) != len(names):
        raise DataError(
            f"The start has {len(start)} of {len(names)} numbers.", where="--start", fix=f"Give {', '.join(names)}."
        )
    result = minimize(
        target.of(names),
        torch.tensor(start or (1.0,) * len(names), dtype=torch.float64),
        bounds=(lower, upper),
        constraints=[make(names) for _, make in makers],
        options=Options(max_evaluations=max_evaluations, trace=trace),
    )
    _show(result, names, subject_to, json=json)
    if not result.success:
        raise NonetError(result.message, where="optim", fix="The point above is the best found; try another --start.")


def _show(result: Result, names: tuple[str, ...], subject_to: tuple[str, ...], *, json: bool) -> None:
    from nonet.foundation import console

    point = dict(zip(names, result.x.tolist(), strict=True))
    multipliers = dict(zip(subject_to, (float(m) for m in result.multipliers), strict=True))
    if json:
        console.print_json(
            {
                "status": result.status.name, "message": result.message, "value": result.value, "x": point,
                "violation": result.violation, "kkt_residual": result.kkt_residual, "multipliers": multipliers,
                "evaluations": result.evaluations, "iterations": result.iterations,
            }
        )  # fmt: skip
    else:
        if result.trace:
            rows = [
                (i, step.evaluations, f"{step.value:.8g}", *(f"{v:.6g}" for v in step.x.tolist()))
                for i, step in enumerate(result.trace)
            ]
            console.table(["step", "evaluations", "value", *names], rows)
        facts: dict[str, object] = {"value": f"{result.value:.10g}"}
        facts |= {name: f"{value:.10g}" for name, value in point.items()}
        facts["evaluations"] = result.evaluations
        facts["projected gradient"] = f"{result.gradient_norm:.1e}"
        if subject_to:
            facts |= {"violation": f"{result.violation:.1e}", "KKT residual": f"{result.kkt_residual:.1e}"}
            facts |= {f"multiplier of {text}": f"{value:.6g}" for text, value in multipliers.items()}
        console.summary(result.message, facts)


def study(
    *,
    out: Path,
    scale: Literal["minutes", "hours"] = "minutes",
    seed: int = 0,
    data: Path | None = None,
    json: bool = False,
) -> None:
    """Make every figure of the article again: Rosenbrock, the flower function, the penalty method.

    Example: nonet optim study --out study/

    Args:
        out: a folder for the report.
        scale: the article's figures take seconds; both are the same.
        seed: nothing of this study is random.
        data: a folder of real data sets; this study needs none.
        json: print for other programs.
    """
    from nonet.foundation import console
    from nonet.optim.study import study as made

    with console.progress("making the figures again"):
        report = made()
    report = replace(report, facts={**report.facts, "scale": scale, "seed": seed})
    report.publish(out, console.command_line(), as_json=json)


COMMANDS = {"": optim, "study": study}
