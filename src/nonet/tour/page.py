"""The tour in the web application: its state, its report, and each wing's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from nonet.foundation.errors import DataError
from nonet.foundation.page import render
from nonet.foundation.report import Report
from nonet.tour.state import read_state
from nonet.wings import WINGS

__all__ = ["routes"]


def routes(folder: Path) -> APIRouter:
    """The routes below ``/tour``.

    Args:
        folder: what ``nonet tour --out`` writes to; the tour may be still to come.
    Raises:
        DataError: if there is no such folder.
    """
    if not folder.is_dir():
        raise DataError("There is no such folder.", where=folder, fix="Make a tour: nonet tour --out tour/")
    router = APIRouter()

    @router.get("/state")
    def state() -> dict[str, Any]:
        """How far the tour is."""
        return read_state(folder).to_dict()

    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def whole(request: Request) -> HTMLResponse:
        return _shown(request, folder)

    @router.get("/{wing}/", response_class=HTMLResponse, include_in_schema=False)
    @router.get("/{wing}/report.html", response_class=HTMLResponse, include_in_schema=False)
    def one(request: Request, wing: str) -> HTMLResponse:
        if wing not in {known.name for known in WINGS}:
            raise HTTPException(404, "There is no such wing.")
        return _shown(request, folder / wing)

    return router


def _shown(request: Request, folder: Path) -> HTMLResponse:
    if not (folder / "report.json").is_file():
        raise HTTPException(404, "There is no report yet.")
    report = Report.load(folder)
    return render(request, "served_report.html", report=report, plots=report.plots_json())
