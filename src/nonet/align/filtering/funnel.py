"""Applies the rules to candidate pairs and tells what each of them dropped."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOperatorIssue=false, reportReturnType=false, reportIndexIssue=false, reportCallIssue=false
# (an ibis column knows its type only when it runs)
from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis
from ibis import _
from ibis.backends import BaseBackend

from nonet.align.filtering.config import Rules, TableConfig
from nonet.align.filtering.rules import label, rule_names
from nonet.align.filtering.tables import connect, read_candidates, settle
from nonet.foundation.report import Figure, Report, Table

__all__ = ["Dropped", "Funnel", "filter_pairs"]


@dataclass(frozen=True)
class Dropped:
    """What one rule dropped.

    Attributes:
        rule: its name.
        pairs: how many pairs it was the first to drop.
        examples: a few of them, as (alt, url, width, height).
    """

    rule: str
    pairs: int
    examples: tuple[tuple[str | None, str | None, int | None, int | None], ...]


@dataclass(frozen=True)
class Funnel:
    """Rows in, dropped by each rule, kept.

    Attributes:
        pairs_in: candidate pairs read.
        dropped: one entry a rule, in the order of counting.
        pairs_out: pairs kept.
        images_out: distinct images among them.
        texts_out: distinct alt-texts among them.
    """

    pairs_in: int
    dropped: tuple[Dropped, ...]
    pairs_out: int
    images_out: int
    texts_out: int

    def report(self, command: str) -> Report:
        """The funnel as a page, a JSON file and a terminal table.

        Args:
            command: what repeats it.
        """
        left, rows = self.pairs_in, []
        for drop in self.dropped:
            left -= drop.pairs
            share = drop.pairs / self.pairs_in if self.pairs_in else 0.0
            rows.append((drop.rule, drop.pairs, round(100 * share, 2), left))
        examples = [
            (drop.rule, alt, f"{width}×{height}", url)
            for drop in self.dropped
            for alt, url, width, height in drop.examples
        ]
        return Report(
            title="Funnel of the data rules",
            summary=f"{self.pairs_in:,} pairs in, {self.pairs_out:,} kept: {self.images_out:,} images, "
            f"{self.texts_out:,} texts.",
            figures=[Figure("Pairs left after each rule", _plot(self), "Each bar is what is left after the rule.")],
            tables=[
                Table("Dropped by each rule", ["rule", "dropped", "% of all", "left"], rows),
                Table("Examples of what was dropped", ["rule", "alt", "size", "url"], examples),
            ],
            facts={"command": command},
        )


def filter_pairs(
    sources: Sequence[Path], out: Path, rules: Rules, tables: TableConfig, *, examples: int = 5, command: str = ""
) -> Funnel:
    """Writes the pairs that every rule keeps, and the funnel.

    Args:
        sources: Parquet files of candidate pairs, or folders of them.
        out: folder for ``kept/*.parquet``, ``funnel.html`` and ``funnel.json``; what an earlier run left is replaced.
        rules: which rules, with which thresholds.
        tables: where the tables are computed.
        examples: how many dropped pairs to show for each rule.
        command: what repeats it, for the report.

    Raises:
        DataError: if the candidates cannot be read.
    """
    scratch = out / ".scratch"
    out.mkdir(parents=True, exist_ok=True)
    try:
        with connect(tables, scratch) as connection:
            labelled = settle(label(read_candidates(connection, sources), rules))
            kept = labelled.filter(_.dropped_by.isnull()).drop("dropped_by")
            _write(connection, kept, out / "kept")
            funnel = _count(labelled, kept, rule_names(rules), examples)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    funnel.report(command).save(out, "funnel")
    return funnel


def _count(labelled: ibis.Table, kept: ibis.Table, names: list[str], examples: int) -> Funnel:
    rows = labelled.group_by("dropped_by").agg(pairs=_.count()).to_pyarrow().to_pylist()
    counts = {row["dropped_by"]: row["pairs"] for row in rows}
    shown = ["alt", "url", "width", "height"]
    dropped = []
    for name in names:
        some = labelled.filter(_.dropped_by == name).order_by("image", "alt", "url").select(shown).limit(examples)
        samples = some.to_pyarrow().to_pylist() if counts.get(name) else []
        dropped.append(Dropped(name, counts.get(name, 0), tuple(tuple(row[key] for key in shown) for row in samples)))
    return Funnel(
        pairs_in=sum(counts.values()),
        dropped=tuple(dropped),
        pairs_out=counts.get(None, 0),
        images_out=kept.select("image").distinct().count().execute(),
        texts_out=kept.select("alt").distinct().count().execute(),
    )


def _write(connection: BaseBackend, kept: ibis.Table, folder: Path) -> None:
    """Writes beside and renames, as Spark's own writer does inside the folder."""
    beside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    if connection.name == "duckdb":
        beside.mkdir()
        kept.to_parquet(beside / "part-0.parquet")
    else:
        kept.to_parquet(beside)
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)


def _plot(funnel: Funnel):
    import plotly.graph_objects as go

    left, names, values = funnel.pairs_in, ["candidates"], [funnel.pairs_in]
    for drop in funnel.dropped:
        left -= drop.pairs
        names.append(drop.rule)
        values.append(left)
    return go.Figure(go.Funnel(y=names, x=values, textinfo="value+percent initial"))
