"""The wing's page: browses reports, one or the difference of two."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from nonet.cka.findings import Findings
from nonet.cka.showing import SCRIPTS
from nonet.cka.showing import picture as png
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.page import Mount, render
from nonet.foundation.sketch import HEIGHT, WIDTH, picture, sketch

__all__ = ["mount"]

_CELLS = 64  # of the drawing, each way
# a few places of matplotlib's magma, as on the page
_MAGMA = np.array([[0, 0, 4], [59, 15, 112], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]])


def mount(source: Path | None) -> Mount:
    """The page for a report, or for a folder of reports.

    Raises:
        DataError: if there is none.
    """
    if source is None:
        raise UsageError("There is no report.", fix="Name its folder: nonet serve --cka report/")
    reports = _reports(source)
    router = APIRouter()

    def opened(name: str) -> Findings:
        if name not in reports:
            raise HTTPException(404, "There is no such report.")
        return Findings.load(reports[name])

    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request, report: str = "", against: str = "") -> HTMLResponse:
        chosen = report or next(iter(reports))
        if chosen not in reports or (against and against not in reports):
            raise HTTPException(404, "There is no such report.")
        address = str(request.url_for("cka_data").include_query_params(report=chosen, against=against))
        return render(
            request,
            "cka/report.html",
            title=chosen,
            reports=list(reports),
            chosen=chosen,
            against=against,
            address=address.removeprefix(str(request.base_url).rstrip("/")),
            scripts=SCRIPTS,
        )

    @router.get("/data", name="cka_data")
    def data(report: str, against: str = "") -> dict[str, Any]:
        """A report, its maps in base64; and another one to compare it with."""
        other = opened(against).for_page() if against else None
        return {"report": opened(report).for_page(), "against": other}

    @cache
    def drawing() -> Markup:
        return _drawing(opened(next(iter(reports))))

    return Mount(router, f"{len(reports)} report{'s' * (len(reports) != 1)} of layer similarity", drawing)


def _drawing(found: Findings) -> Markup:
    """The first map of a report, thinned out, its first layer at the bottom left."""
    panel = found.panels[0]
    values = np.asarray(panel.map.values, float)
    rows, columns = (np.unique(np.linspace(0, size - 1, _CELLS).astype(int)) for size in values.shape)
    thin = values[np.ix_(rows, columns)][::-1]
    share = np.clip(np.nan_to_num(thin, nan=0.0) / (panel.top or 1.0), 0, 1) * (len(_MAGMA) - 1)
    pixels = np.stack([np.interp(share, range(len(_MAGMA)), band) for band in _MAGMA.T]).astype(np.uint8)
    return sketch(
        f"Similarity of the layers of {found.title}", [picture(png(pixels), 0, 4, WIDTH, HEIGHT - 8, crisp=True)]
    )


def _reports(source: Path) -> dict[str, Path]:
    """The reports in a folder, by name: itself, or the folders in it."""
    if (source / "report.json").is_file():
        return {source.resolve().name: source}
    found = {path.parent.name: path.parent for path in sorted(source.glob("*/report.json"))}
    if not found:
        raise DataError("There is no report in this folder.", where=source, fix="Make one: nonet cka compare --out …")
    return found
