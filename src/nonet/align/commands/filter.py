"""``nonet align filter``: the paper's data rules on tables of candidate pairs."""

from __future__ import annotations

from pathlib import Path

import tyro

from nonet.align.filtering.config import Rules, TableConfig

__all__ = ["filter_candidates"]

_RULES, _TABLES = Rules(), TableConfig()


def filter_candidates(
    candidates: tyro.conf.Positional[tuple[Path, ...]],
    out: Path,
    rules: tyro.conf.OmitArgPrefixes[Rules] = _RULES,
    tables: tyro.conf.OmitArgPrefixes[TableConfig] = _TABLES,
    examples: int = 5,
) -> None:
    """Apply the paper's data rules to candidate pairs, and tell what each rule dropped.

    Example: nonet align filter candidates/ --out filtered/ --vocabulary 1000000

    Args:
        candidates: Parquet files, or folders of them, with the columns image, url, alt, width, height, page, language.
        out: the folder to write: kept/*.parquet, funnel.html and funnel.json.
        rules: which pairs are dropped; None switches a rule off.
        tables: where the tables are computed.
        examples: how many dropped pairs to show for each rule.
    """
    import shlex
    import sys

    from nonet.align.filtering.funnel import filter_pairs
    from nonet.foundation import console
    from nonet.foundation.errors import UsageError

    if not candidates:
        raise UsageError(
            "No candidate pairs were named.", fix="Example: nonet align filter candidates/ --out filtered/"
        )
    command = shlex.join(["nonet", *sys.argv[1:]])
    with console.progress("Applying the rules") as bar:
        bar.describe("counting and joining")
        funnel = filter_pairs(candidates, out, rules, tables, examples=examples, command=command)
    report = funnel.report(command)
    dropped = report.tables[0]
    console.table(dropped.columns, dropped.rows, title=report.summary, right=dropped.columns[1:])
    console.say(f"The kept pairs are in {out / 'kept'}, the report in {out / 'funnel.html'}")
