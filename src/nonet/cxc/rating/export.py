"""Writes what was rated: the release's columns, every single judgement, and the raters' agreement."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from nonet.cxc.rating.agreement import mean_scores
from nonet.cxc.rating.pairs import PairToRate
from nonet.cxc.rating.records import Judgement
from nonet.cxc.ratings import COLUMNS, KINDS
from nonet.foundation.files import atomic_write, replace_file

__all__ = ["export"]


def export(folder: Path, split: str, pairs: Sequence[PairToRate], judgements: Sequence[Judgement]) -> list[Path]:
    """Writes ``KIND_SPLIT.csv`` for each kind rated, ``KIND_SPLIT_raw.csv`` and ``ratings.parquet``.

    `nonet cxc evaluate --ratings FOLDER --split SPLIT` reads them. Control questions are in the raw files alone.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    means = mean_scores(judgements, pairs)
    written = []
    for kind in KINDS:
        left, right, score, method = COLUMNS[kind]
        rows = [
            (pairs[n].left, pairs[n].right, f"{mean:g}", pairs[n].method)
            for n, mean in means.items()
            if pairs[n].kind == kind
        ]
        raw = [
            (pairs[j.pair].left, pairs[j.pair].right, j.rater, f"{j.score:g}", f"{j.seconds:.1f}", pairs[j.pair].method)
            for j in judgements
            if pairs[j.pair].kind == kind
        ]
        if rows:
            written.append(_csv(folder / f"{kind}_{split}.csv", (left, right, score, method), rows))
        if raw:
            names = (left, right, "rater", "score", "seconds", method)
            written.append(_csv(folder / f"{kind}_{split}_raw.csv", names, raw))
    written.append(_parquet(folder / "ratings.parquet", pairs, judgements))
    return written


def _csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    replace_file(path, text.getvalue())
    return path


def _parquet(path: Path, pairs: Sequence[PairToRate], judgements: Sequence[Judgement]) -> Path:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    columns = {
        "kind": [pairs[j.pair].kind for j in judgements],
        "left": [pairs[j.pair].left for j in judgements],
        "right": [pairs[j.pair].right for j in judgements],
        "method": [pairs[j.pair].method for j in judgements],
        "rater": [j.rater for j in judgements],
        "score": [j.score for j in judgements],
        "seconds": [j.seconds for j in judgements],
        "made": [j.made for j in judgements],
        "gold": [j.gold for j in judgements],
    }
    types = {"score": arrow.float64(), "seconds": arrow.float64(), "made": arrow.float64(), "gold": arrow.float64()}
    schema = arrow.schema([(name, types.get(name, arrow.string())) for name in columns])
    with atomic_write(path) as file:
        parquet.write_table(arrow.table(columns, schema=schema), file)
    return path
