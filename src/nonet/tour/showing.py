"""The one report of a tour: an overview, and for each article its claims and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nonet.foundation.errors import NonetError
from nonet.foundation.report import Link, Report, Table, machine
from nonet.tour.state import TourState, WingState

__all__ = ["tour_report"]

_COLUMNS = ("article", "state", "holds", "does not", "cannot tell", "minutes", "CPU s", "peak MiB", "remark")


def tour_report(folder: Path, state: TourState, facts: Mapping[str, object]) -> Report:
    """What is known by now.

    Args:
        folder: of the tour.
        state: of its wings.
        facts: what is needed to repeat it.
    """
    found = {wing.name: report for wing in state.of("done") if (report := _read(folder, wing)) is not None}
    claims = [claim for report in found.values() for claim in report.claims]
    counts = {verdict: sum(claim.holds is verdict for claim in claims) for verdict in (True, False, None)}
    made_with: dict[str, str] = machine()
    for report in found.values():
        made_with |= report.machine
    return Report(
        title="Nine articles, re-made",
        summary=_summary(state, len(found), counts),
        tables=[_overview(state)],
        facts={**facts, "scale": state.scale},
        made=state.made.partition("T")[0],
        machine=made_with,
        sections=[_section(state.wing(name), report, made_with) for name, report in found.items()],
    )


def _summary(state: TourState, articles: int, counts: Mapping[bool | None, int]) -> str:
    if not articles:
        return "No study has ended yet: what it found will stand here."

    def told(count: int, one: str, many: str) -> str:
        return f"{count} {one if count == 1 else many}"

    return (
        f"{told(sum(counts.values()), 'claim', 'claims')} of {told(articles, 'article', 'articles')} at the scale of"
        f" {state.scale}: {told(counts[True], 'holds', 'hold')} here, {told(counts[False], 'does not', 'do not')}, and"
        f" {counts[None]} cannot be told at this scale. Every figure was measured in these runs; what an article states"
        " stands beside it."
    )


def _read(folder: Path, wing: WingState) -> Report | None:
    try:
        return Report.load(folder / wing.name)
    except NonetError:  # it was taken away meanwhile
        return None


def _section(wing: WingState, report: Report, told: Mapping[str, str]) -> Report:
    """A wing's report as a part of the tour's: its tables stay on its own page, the machine is told once."""
    whole = {"whole report": Link(f"{wing.name}/report.html", f"{wing.name}/report.html")}
    own = {name: value for name, value in report.machine.items() if told.get(name) != value}
    title = f"{wing.name}: {report.title.removeprefix(f'{wing.name}: ')}"
    return replace(report, title=title, tables=(), facts={**report.facts, **whole}, machine=own)


def _overview(state: TourState) -> Table:
    rows = []
    for wing in state.wings:
        name = wing.name if wing.report is None else Link(wing.name, wing.report)
        counts = (wing.claims.holds, wing.claims.fails, wing.claims.untold) if wing.state == "done" else ("", "", "")
        minutes = None if wing.seconds is None else round(wing.seconds / 60, 1)
        used = [None if figure is None else round(figure) for figure in (wing.cpu_seconds, wing.peak_mb)]
        rows.append((name, wing.state, *counts, minutes, *used, wing.note))
    return Table(
        "The tour",
        _COLUMNS,
        rows,
        "Minutes from start to end beside other studies; CPU seconds of all processes of a study; memory of its largest"
        " process.",
    )
