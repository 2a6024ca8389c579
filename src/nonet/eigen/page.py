"""The wing's page: a lesson in which the four numbers move, and the digits that each way of computing gets right."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from nonet.eigen.lesson import explain, spin
from nonet.foundation.page import Mount, render
from nonet.foundation.sketch import area, fitted, line, sketch

__all__ = ["mount"]

_LARGEST = 1e150  # so that no product on the page overflows
Entry = Annotated[float, Query(ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)]
Degrees = Annotated[float, Query(ge=-360, le=360, allow_inf_nan=False)]


def mount(source: Path | None) -> Mount:
    """The lesson, which needs no folder.

    Args:
        source: nothing is read from it.
    """
    router = APIRouter()

    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def lesson(request: Request) -> HTMLResponse:
        return render(request, "eigen/lesson.html")

    @router.get("/explain")
    def explained(a: Entry, b: Entry, c: Entry, d: Entry) -> dict[str, Any]:
        """Mean, product, eigenvalues, eigenvectors and steps for [[a, b], [c, d]], and right digits by method."""
        return asdict(explain(a, b, c, d))

    @router.get("/spin")
    def spun(polar: Degrees, azimuth: Degrees) -> dict[str, Any]:
        """Matrix, mean, product, eigenvalues and eigenvectors of the Pauli combination along a direction."""
        return asdict(spin(math.radians(polar), math.radians(azimuth)))

    return Mount(router, "The trick with mean and product, as a lesson", _drawing)


def _drawing() -> Markup:
    """What a matrix does to the unit circle, and the lines on which it only stretches."""
    found = explain(3, 1, 1, 2)
    a, b, c, d = found.matrix
    turns = [2 * math.pi * step / 72 for step in range(73)]
    circle = [(math.cos(turn), math.sin(turn)) for turn in turns]
    image = [(a * x + b * y, c * x + d * y) for x, y in circle]
    place = fitted([(-4.2, -2.6), (4.2, 2.6)], margin=4)
    shapes = [line(map(place, circle), "faint"), area(map(place, image)), line(map(place, image), "accent")]
    kinds = ("good", "bad")
    for (value, _), ((x, _), (y, _)), kind in zip(found.eigenvalues, found.eigenvectors, kinds, strict=True):
        shapes.append(line(map(place, [(-value * x, -value * y), (value * x, value * y)]), kind))
    return sketch("The unit circle, its image under a matrix, and the eigen-lines", shapes)
