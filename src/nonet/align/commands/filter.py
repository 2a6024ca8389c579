"""``nonet align filter`` and ``score``: the paper's data rules on tables of candidate pairs."""

from __future__ import annotations

from pathlib import Path

import tyro

from nonet.align.filtering.config import Rules, TableConfig

__all__ = ["filter_candidates", "score"]

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
    from nonet.align.filtering.funnel import filter_pairs
    from nonet.foundation import console
    from nonet.foundation.errors import UsageError

    if not candidates:
        raise UsageError(
            "No candidate pairs were named.", fix="Example: nonet align filter candidates/ --out filtered/"
        )
    command = console.command_line()
    with console.progress("Applying the rules") as bar:
        bar.describe("counting and joining")
        funnel = filter_pairs(candidates, out, rules, tables, examples=examples, command=command)
    report = funnel.report(command)
    dropped = report.tables[0]
    console.table(dropped.columns, dropped.rows, title=report.summary)
    console.wrote(out / "kept", out / "funnel.html")


def score(
    classifier: tyro.conf.Positional[Path],
    candidates: tyro.conf.Positional[Path],
    unsafe: tuple[str, ...],
    out: Path,
) -> None:
    """Score the pictures of candidate pairs by a classifier of yours, for the filter's rule on safety.

    Example: nonet align score safety-model/ candidates/ --unsafe nudity gore --out scores.parquet

    Then: nonet align filter candidates/ --out filtered/ --safety-scores scores.parquet

    Args:
        classifier: a folder made by `nonet align finetune`.
        candidates: a folder made by `nonet align candidates`.
        unsafe: classes of the classifier; a picture's score is the sum of their probabilities.
        out: the Parquet file to write, with the columns image and score.
    """
    from nonet.align.finetune import Classifier
    from nonet.align.safety import score_candidates
    from nonet.foundation import console

    tally = score_candidates(Classifier.load(classifier), candidates, unsafe, out)
    facts: dict[str, object] = {"pictures": tally.rows, "scored": tally.kept}
    facts |= tally.reasons()
    console.summary(f"Scores in {out}", facts)
