"""The page: a function of two variables typed by the visitor, and the paths of three methods on it."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import torch
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from pydantic import BaseModel, Field
from torch import Tensor

from nonet.foundation.errors import DataError
from nonet.foundation.page import Mount, render
from nonet.foundation.sketch import disc, fitted, line, sketch
from nonet.optim.constraints import stack
from nonet.optim.expression import parse_constraint, parse_formula
from nonet.optim.paths import Path as Walk
from nonet.optim.paths import walks

__all__ = ["mount"]

GRID = 90
WIDEST = 1e6


class Question(BaseModel):
    """What the visitor typed."""

    formula: str = Field("(1-x)**2 + 5*(y-x**2)**2", max_length=500)
    constraints: list[str] = Field(default_factory=list, max_length=5)
    start: tuple[float, float] = (-1.0, 1.0)
    rate: float = Field(0.01, gt=0, le=10)


class PathAnswer(BaseModel):
    """One method's path."""

    method: str
    note: str
    x: list[float]
    y: list[float]
    value: list[float | None]
    violation: list[float]
    evaluations: list[int]


class Answer(BaseModel):
    """What there is to draw."""

    names: tuple[str, str]
    x: list[float]
    y: list[float]
    values: list[list[float | None]]
    excess: list[list[float | None]] | None
    paths: list[PathAnswer]


def mount(source: Path | None) -> Mount:
    """The wing's routes; they need no folder."""
    router = APIRouter()

    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        return render(request, "optim/descent.html", first=Question.model_validate({}))

    @router.post("/walk")
    def walk(question: Question) -> Answer:
        return answer(question)

    @cache
    def drawing() -> Markup:
        return _drawing(answer(Question.model_validate({})))

    return Mount(router, "Type a function of two variables and watch three methods descend it", drawing)


def _drawing(found: Answer) -> Markup:
    """The first question: its curves of equal value, in closed form, and the way of L-BFGS down them."""
    first = found.paths[0]
    way = list(zip(first.x, first.y, strict=True))
    place = fitted([(-1.6, -0.9), (1.6, 1.6)], equal=False, margin=2)
    turns = [2 * math.pi * step / 60 for step in range(61)]
    curves = []
    for level in (0.1, 0.4, 1.0, 2.2, 4.2):  # of (1 - x)² + 5 (y - x²)²
        xs = [1 - math.sqrt(level) * math.cos(turn) for turn in turns]
        ys = [x * x + math.sqrt(level / 5) * math.sin(turn) for x, turn in zip(xs, turns, strict=True)]
        curves.append(line(map(place, zip(xs, ys, strict=True)), "line"))
    marks = [disc(*place(point), 2.4, "accent") for point in way]
    return sketch("A way down to a minimum", [*curves, line(map(place, way), "accent"), *marks])


def answer(question: Question) -> Answer:
    """Walks the function and samples it around the paths.

    Raises:
        DataError: if a formula cannot be read or does not have two variables.
    """
    formula = parse_formula(question.formula)
    makers = [parse_constraint(text) for text in question.constraints if text.strip()]
    found = {*formula.variables, *(name for names, _ in makers for name in names)}
    if len(found) > 2 or not formula.variables:
        raise DataError(
            f"The formula has {len(found)} variables, the plot two.", where=question.formula, fix="Use x and y."
        )
    names = tuple(sorted(found | {n for n in ("x", "y") if len(found) < 2 and n not in found}))[:2]
    if len(found) == 1:
        names = tuple(sorted({next(iter(found)), "y" if "x" in found else "x"}))
    start = torch.tensor(question.start, dtype=torch.float64)
    if not bool(start.isfinite().all()) or float(start.abs().max()) > WIDEST:
        raise DataError("The start is too far away.", where="start", fix=f"Stay within {WIDEST:g}.")
    constraints = [make(names) for _, make in makers]
    fn = formula.of(names)
    paths = walks(fn, start, constraints, question.rate)
    xs, ys = _window(paths)
    grid_y, grid_x = torch.meshgrid(ys, xs, indexing="ij")
    values = fn(torch.stack([grid_x, grid_y])).broadcast_to(grid_x.shape)
    excess = None
    if constraints:
        parts = [stack([c], start) for c in constraints]
        sampled = [torch.as_tensor(c.fn(torch.stack([grid_x, grid_y]))).broadcast_to(grid_x.shape) for c in constraints]
        over = [torch.maximum(v - p.upper, p.lower - v) for v, p in zip(sampled, parts, strict=True)]
        excess = _rows(torch.stack(over).amax(0))
    return Answer(
        names=(names[0], names[1]),
        x=xs.tolist(),
        y=ys.tolist(),
        values=_rows(values),
        excess=excess,
        paths=[_path(path) for path in paths],
    )


def _window(paths: list[Walk]) -> tuple[Tensor, Tensor]:
    """A window around the quasi-Newton and penalty paths; a diverging gradient descent may leave it."""
    points = torch.stack(
        [s.x for p in paths if p.method != "gradient descent" for s in p.steps] or [paths[1].steps[0].x]
    )
    points = points[points.abs().amax(1) <= WIDEST]
    low, high = points.amin(0), points.amax(0)
    reach = float((high - low).max().clamp(min=1.0)) * 0.8
    middle = (low + high) / 2
    return tuple(torch.linspace(float(m) - reach, float(m) + reach, GRID, dtype=torch.float64) for m in middle)  # pyright: ignore[reportReturnType]


def _rows(values: Tensor) -> list[list[float | None]]:
    return [[v if math.isfinite(v) else None for v in row] for row in values.tolist()]


def _path(path: Walk) -> PathAnswer:
    steps = path.steps
    return PathAnswer(
        method=path.method,
        note=path.note,
        x=[float(s.x[0]) for s in steps],
        y=[float(s.x[1]) for s in steps],
        value=[s.value if math.isfinite(s.value) else None for s in steps],
        violation=[s.violation for s in steps],
        evaluations=[s.evaluations for s in steps],
    )
