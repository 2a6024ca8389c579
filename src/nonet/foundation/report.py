"""Reports: claims, figures and tables, shown as one HTML page, one JSON file and one terminal table.

All three come from the same object, so they cannot disagree.
"""

from __future__ import annotations

import datetime
import json
import math
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nonet import __version__
from nonet.foundation import console

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Claim", "Estimate", "Figure", "Report", "Table", "machine"]


@dataclass(frozen=True)
class Estimate:
    """A measured number with its interval.

    Attributes:
        value: the point estimate.
        low: lower end of the interval; equal to ``value`` where no interval was measured.
        high: upper end of the interval.
        unit: the unit, or an empty string for a pure number.
        basis: what the interval is, such as "95 % bootstrap over 3 seeds".
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    unit: str = ""
    basis: str = ""

    def __post_init__(self) -> None:
        for end in ("low", "high"):
            if math.isnan(getattr(self, end)):
                object.__setattr__(self, end, self.value)

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.low == self.high:
            return f"{self.value:.4g}{unit}"
        return f"{self.value:.4g}{unit} [{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True)
class Claim:
    """A statement of an article, re-made.

    Attributes:
        text: the claim, a sentence.
        article: what the article states or shows, with its place (table, figure, section).
        measured: what this run measured; a sentence or an estimate.
        holds: whether it held here; None where this scale cannot tell, which ``how`` then explains.
        how: how it was measured, and the command that repeats it.
    """

    text: str
    article: str
    measured: Estimate | str
    holds: bool | None
    how: str

    @property
    def verdict(self) -> str:
        """The outcome in words."""
        return {True: "holds", False: "does not hold", None: "cannot tell at this scale"}[self.holds]


@dataclass(frozen=True)
class Figure:
    """A plot.

    Attributes:
        title: a line above the plot.
        plot: a plotly figure.
        caption: what to see in it; also its text for people who do not see the plot.
    """

    title: str
    plot: go.Figure
    caption: str


@dataclass(frozen=True)
class Table:
    """Rows of results.

    Attributes:
        title: a line above the table.
        columns: one heading a column.
        rows: cells: text, numbers, estimates or booleans.
        caption: what to see in it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""


@dataclass(frozen=True)
class Report:
    """What a study or an evaluation found.

    Attributes:
        title: what it is about.
        claims: the article's claims, re-made.
        figures: plots.
        tables: rows of results.
        summary: a paragraph above everything.
        facts: what is needed to repeat it: the command, configuration, seeds.
        made: date of the run (ISO), given by the caller.
    """

    title: str
    claims: Sequence[Claim] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    summary: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    made: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Everything but the plots' drawing, as JSON values; NaN and infinities become None."""
        return _plain(
            {
                "title": self.title,
                "summary": self.summary,
                "made": self.made,
                "facts": dict(self.facts),
                "machine": machine(),
                "claims": [{**asdict(claim), "verdict": claim.verdict} for claim in self.claims],
                "tables": [asdict(table) for table in self.tables],
                "figures": [{"title": figure.title, "caption": figure.caption} for figure in self.figures],
            }
        )

    def to_html(self) -> str:
        """One self-contained page: it asks nothing of any other host."""
        from jinja2 import Environment, FileSystemLoader, select_autoescape

        folder = Path(__file__).parent
        environment = Environment(
            loader=FileSystemLoader(folder / "templates"), autoescape=select_autoescape(), trim_blocks=True
        )
        environment.filters["cell"] = _text
        return environment.get_template("report.html").render(
            report=self,
            machine=machine(),
            style=(folder / "static" / "frame.css").read_text(encoding="utf-8"),
            script=self._plotly_source,
            plots=[_script_safe(str(figure.plot.to_json())) for figure in self.figures],
        )

    def save(self, folder: Path, name: str = "report") -> Path:
        """Writes ``NAME.html`` and ``NAME.json``.

        Args:
            folder: made if it is not there.
            name: the files' name without the ending.

        Returns:
            The path of the HTML page.
        """
        from nonet.foundation.files import replace_file

        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / f"{name}.json", json.dumps(self.to_dict(), ensure_ascii=False, indent=2) + "\n")
        page = folder / f"{name}.html"
        replace_file(page, self.to_html())
        return page

    def publish(self, folder: Path, command: str, *, as_json: bool = False) -> None:
        """Writes the report as made today by a command, and prints it.

        Args:
            folder: where to, made if it is not there.
            command: what to type to make the report again.
            as_json: print for other programs instead of for people.
        """
        dated = replace(self, made=datetime.date.today().isoformat(), facts={"command": command, **self.facts})
        page = dated.save(folder)
        if as_json:
            console.print_json(dated.to_dict())
            return
        dated.show()
        console.say(f"Wrote {page}")

    def show(self) -> None:
        """Prints the claims, the tables and the summary on the terminal."""
        if self.claims:
            console.table(
                ["claim", "article", "measured", "verdict"],
                [(claim.text, claim.article, str(claim.measured), claim.verdict) for claim in self.claims],
                title=self.title,
            )
        for rows in self.tables:
            console.table(rows.columns, [[_text(cell) for cell in row] for row in rows.rows], title=rows.title)
        if self.summary:
            console.say(self.summary)

    @cached_property
    def _plotly_source(self) -> str:
        if not self.figures:
            return ""
        from plotly.offline import get_plotlyjs

        return get_plotlyjs()


def machine() -> dict[str, str]:
    """The versions and the processor that a run was made with."""
    facts = {
        "nonet": __version__,
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
    }
    for library in ("torch", "jax", "numpy", "transformers"):
        if library in sys.modules:
            try:
                facts[library] = version(library)
            except PackageNotFoundError:
                continue
    return facts


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity, and other programs refuse them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | bool) or value is None:
        return value
    return _plain(value.item()) if hasattr(value, "item") else str(value)


def _script_safe(text: str) -> str:
    """JSON that may stand inside a script element."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
