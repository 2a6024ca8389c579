"""Reports: claims, figures and tables, shown as one HTML page, one JSON file and one terminal table.

All three come from the same object, so they cannot disagree.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nonet import __version__
from nonet.foundation import console

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Claim", "Estimate", "Figure", "Link", "Report", "Table", "cell", "machine"]


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

    def above(self, bound: float = 0.0) -> bool | None:
        """Whether the number is above a bound; None where its interval reaches to both sides."""
        return True if self.low > bound else False if self.high <= bound else None

    def below(self, bound: float = 0.0) -> bool | None:
        """Whether the number is below a bound; None where its interval reaches to both sides."""
        return True if self.high < bound else False if self.low >= bound else None

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
class Link:
    """A cell or a fact that leads to another page.

    Attributes:
        text: what is shown.
        address: relative to the report's page.
    """

    text: str
    address: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Table:
    """Rows of results.

    Attributes:
        title: a line above the table.
        columns: one heading a column.
        rows: cells: text, numbers, estimates, links or booleans.
        caption: what to see in it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers: they and their headings stand to the right."""
        return console.numeric_columns(len(self.columns), [[cell(value) for value in row] for row in self.rows])


def _processor() -> str:
    """Its name, where the system tells it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def machine() -> dict[str, str]:
    """The versions and the processor that a run was made with."""
    facts = {
        "nonet": __version__,
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "processor": f"{_processor()}, {os.cpu_count()} cores",
    }
    for library in ("torch", "jax", "numpy", "transformers"):
        if library in sys.modules:
            try:
                facts[library] = version(library)
            except PackageNotFoundError:
                continue
    return facts


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
        machine: what it was made with; `machine` of this process where it is not given.
        sections: other reports, shown below this one on the same page.
    """

    title: str
    claims: Sequence[Claim] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    summary: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    made: str = ""
    machine: Mapping[str, str] = field(default_factory=machine)
    sections: Sequence[Report] = ()

    @property
    def drawn(self) -> list[Figure]:
        """All figures, those of the sections too, in the order of the page."""
        return [*self.figures, *(figure for section in self.sections for figure in section.drawn)]

    def to_dict(self, *, plots: bool = False) -> dict[str, Any]:
        """Everything as JSON values; NaN becomes None, and an infinity the text of its sign.

        Args:
            plots: with the drawing of the plots, as plotly's JSON.
        """
        from nonet.foundation.report_json import written

        return written(self, plots=plots)

    @classmethod
    def load(cls, folder: Path, name: str = "report") -> Report:
        """Reads what `save` wrote into a folder.

        Raises:
            ArtifactError: if there is no report, or it is damaged.
        """
        from nonet.foundation.report_json import load

        return load(folder / f"{name}.json")

    def to_html(self) -> str:
        """One self-contained page: it asks nothing of any other host."""
        from jinja2 import Environment, FileSystemLoader, select_autoescape

        folder = Path(__file__).parent
        environment = Environment(
            loader=FileSystemLoader(folder / "templates"), autoescape=select_autoescape(), trim_blocks=True
        )
        environment.filters["cell"] = cell
        drawn = self.drawn
        return environment.get_template("report.html").render(
            report=self,
            styles=[(folder / "static" / name).read_text(encoding="utf-8") for name in ("frame.css", "report.css")],
            scripts=[_plotly_source(), (folder / "static" / "report.js").read_text(encoding="utf-8")] if drawn else [],
            plots=self.plots_json(),
        )

    def plots_json(self) -> str:
        """All plots as a JSON list that may stand inside a script element, or nothing where there are none."""
        drawn = self.drawn
        return _script_safe(f"[{','.join(str(figure.plot.to_json()) for figure in drawn)}]") if drawn else ""

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
        replace_file(folder / f"{name}.json", json.dumps(self.to_dict(plots=True), ensure_ascii=False, indent=1) + "\n")
        page = folder / f"{name}.html"
        replace_file(page, self.to_html())
        return page

    def publish(self, folder: Path | None, command: str, *, as_json: bool = False, tables: int | None = None) -> None:
        """Prints the report as made by a command, today unless it says when, and writes it.

        Args:
            folder: where to, made if it is not there; None writes nothing.
            command: what to type to make the report again.
            as_json: print for other programs instead of for people.
            tables: how many of them to print; all by default. The page has them all.
        """
        facts = {"command": command, **{name: fact for name, fact in self.facts.items() if name != "command"}}
        dated = replace(self, made=self.made or datetime.date.today().isoformat(), facts=facts)
        page = None if folder is None else dated.save(folder)
        if as_json:
            console.print_json(dated.to_dict())
        else:
            replace(dated, tables=self.tables[:tables]).show()
        if page is not None:
            console.wrote(page)

    def show(self) -> None:
        """Prints the claims, the tables and the summary on the terminal, those of its sections after them."""
        if self.claims:
            console.table(
                ["claim", "article", "measured", "verdict"],
                [(claim.text, claim.article, str(claim.measured), claim.verdict) for claim in self.claims],
                title=self.title,
            )
        for rows in self.tables:
            console.table(rows.columns, [[cell(value) for value in row] for row in rows.rows], title=rows.title)
        if self.summary:
            console.say(self.summary)
        for section in self.sections:
            section.show()


def cell(value: object) -> str:
    """What a cell of a table shows."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}".replace("inf", "∞")
    return "" if value is None else str(value)


def _plotly_source() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


def _script_safe(text: str) -> str:
    """JSON that may stand inside a script element."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
