"""A report as JSON, and back: what other programs read, and what a page shows that others have written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from nonet.foundation.errors import ArtifactError
from nonet.foundation.reading import parse_json, text_of
from nonet.foundation.report import Claim, Estimate, Figure, Link, Report, Table

__all__ = ["load", "read", "written"]

_ESTIMATE, _LINK = ({one.name for one in fields(kind)} for kind in (Estimate, Link))
_INFINITE = {math.inf: "∞", -math.inf: "-∞"}
_NUMBERS = {None: math.nan, **{text: number for number, text in _INFINITE.items()}}


def written(report: Report, *, plots: bool = False) -> dict[str, Any]:
    """A report as JSON values, which know no NaN and no infinity; see `Report.to_dict`."""
    return _plain(
        {
            "title": report.title,
            "summary": report.summary,
            "made": report.made,
            "facts": {
                name: asdict(value) if isinstance(value, Link) else value for name, value in report.facts.items()
            },
            "machine": dict(report.machine),
            "claims": [{**asdict(claim), "verdict": claim.verdict} for claim in report.claims],
            "tables": [asdict(table) for table in report.tables],
            "figures": [
                {"title": one.title, "caption": one.caption} | ({"plot": _drawing(one)} if plots else {})
                for one in report.figures
            ],
            "sections": [written(section, plots=plots) for section in report.sections],
        }
    )


def load(path: Path) -> Report:
    """Reads a file that `Report.save` wrote.

    Raises:
        ArtifactError: if there is none, or it is damaged.
    """
    try:
        return read(parse_json(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError("This is no report.", where=path, fix="Run the command again that makes it.") from error


def read(values: Mapping[str, Any]) -> Report:
    """The report that `written` wrote with its plots; a figure without its plot is left out."""
    return Report(
        title=text_of(values["title"]),
        claims=[_claim(one) for one in values["claims"]],
        figures=[
            Figure(text_of(one["title"]), _plot(one["plot"]), text_of(one["caption"]))
            for one in values["figures"]
            if "plot" in one
        ],
        tables=[_table(one) for one in values["tables"]],
        summary=text_of(values["summary"]),
        facts={name: _value(value) for name, value in values["facts"].items()},
        made=text_of(values["made"]),
        machine={name: text_of(value) for name, value in values["machine"].items()},
        sections=[read(section) for section in values.get("sections", ())],
    )


def _claim(values: Mapping[str, Any]) -> Claim:
    if values["holds"] not in (True, False, None):
        raise ValueError(f"a claim holds, or not, or cannot be told: {values['holds']!r}")
    measured = _value(values["measured"])
    shown = measured if isinstance(measured, Estimate) else text_of(measured)
    return Claim(text_of(values["text"]), text_of(values["article"]), shown, values["holds"], text_of(values["how"]))


def _table(values: Mapping[str, Any]) -> Table:
    columns = [text_of(name) for name in values["columns"]]
    rows = [[_value(cell) for cell in row] for row in values["rows"]]
    if any(len(row) > len(columns) for row in rows):
        raise ValueError("a row has more cells than there are columns")
    return Table(text_of(values["title"]), columns, rows, text_of(values["caption"]))


def _drawing(figure: Figure) -> dict[str, Any]:
    return json.loads(str(figure.plot.to_json()))


def _plot(values: Mapping[str, Any]) -> Any:
    import plotly.graph_objects as go

    return go.Figure(values)


def _value(value: Any) -> Any:
    """A cell as it was: an estimate or a link where one was written."""
    if isinstance(value, Mapping) and set(value) == _ESTIMATE:
        parts: dict[str, Any] = {name: _NUMBERS.get(part, part) for name, part in value.items()}
        return Estimate(**parts)
    if isinstance(value, Mapping) and set(value) == _LINK:
        return Link(**value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else _INFINITE.get(value)
    if isinstance(value, str | int | bool) or value is None:
        return value
    return _plain(value.item()) if hasattr(value, "item") else str(value)
