"""``nonet felix pairs`` and ``inspect``: where pairs come from, and what can be learnt from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from nonet.felix.config import LabelConfig
from nonet.felix.rules.config import RuleConfig

if TYPE_CHECKING:
    from nonet.felix.data import Collected
    from nonet.felix.inspection import Inspection

__all__ = ["inspect", "pairs_official", "pairs_text", "pairs_tsv", "pairs_wikipedia"]

_LABELS, _RULES = LabelConfig(), RuleConfig()


def pairs_wikipedia(out: Path, rules: tyro.conf.OmitArgPrefixes[RuleConfig] = _RULES) -> None:
    """Make pairs by rules from the Wikipedia articles of an installed package.

    Example: nonet felix pairs wikipedia --out pairs/

    Args:
        out: the folder to write.
        rules: which edits to make, and how many.
    """
    from nonet.felix.rules.pairs import rule_pairs
    from nonet.felix.sources.prose import wikipedia

    _write(rule_pairs("Wikipedia, by rules", list(wikipedia()), rules), out, rules.seed)


def pairs_text(
    folder: Annotated[Path, tyro.conf.Positional],
    out: Path,
    rules: tyro.conf.OmitArgPrefixes[RuleConfig] = _RULES,
) -> None:
    """Make pairs by rules from a folder of English text files.

    Example: nonet felix pairs text articles/ --out pairs/

    Args:
        folder: with .txt or .md files; paragraphs are set apart by empty lines.
        out: the folder to write.
        rules: which edits to make, and how many.
    """
    from nonet.felix.rules.pairs import rule_pairs
    from nonet.felix.sources.prose import folder_documents

    _write(rule_pairs(f"{folder.name}, by rules", list(folder_documents(folder)), rules), out, rules.seed)


def pairs_tsv(
    table: Annotated[Path, tyro.conf.Positional],
    out: Path,
    reverse: bool = False,
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
) -> None:
    """Read pairs from a table: the text before, a tab, the text after (or a .csv file).

    Example: nonet felix pairs tsv before_after.tsv --out pairs/

    Args:
        table: one pair a line; further columns are further accepted texts.
        out: the folder to write.
        reverse: the second column is the text before.
        validation: share held out to watch the training.
        test: share held out to judge the editor.
        seed: another one gives other splits.
    """
    from nonet.felix.sources.tables import read_table

    _write(read_table(table, reverse=reverse), out, seed, validation=validation, test=test)


def pairs_official(
    name: Annotated[
        Literal["wikisplit-fuse", "wikisplit-split", "disfl-qa", "mlqe-pe", "turkcorpus"], tyro.conf.Positional
    ],
    folder: Annotated[Path, tyro.conf.Positional],
    out: Path,
    seed: int = 0,
) -> None:
    """Read pairs from the official download of a known set.

    Example: nonet felix pairs official disfl-qa disfl-qa/ --out pairs/

    Args:
        name: WikiSplit in either direction, Disfl-QA, MLQE-PE or TurkCorpus.
        folder: where its files are.
        out: the folder to write.
        seed: of the splits of WikiSplit; the others have their own.
    """
    from nonet.felix.sources.official import read_official

    _write(read_official(name, folder, seed=seed), out, seed)


def inspect(
    pairs: Annotated[Path, tyro.conf.Positional],
    split: Literal["train", "validation", "test"] = "train",
    encoder: str = "minilm",
    labels: tyro.conf.OmitArgPrefixes[LabelConfig] = _LABELS,
    json: bool = False,
) -> None:
    """Show what can be learnt from pairs: realisable share, spans, moves, lengths, suspicious rows.

    Example: nonet felix inspect pairs/

    Args:
        pairs: a folder made by `nonet felix pairs`.
        split: which part.
        encoder: whose pieces are counted.
        labels: the variant and its limits.
        json: print for other programs.
    """
    from dataclasses import asdict

    from nonet.felix.data import describe, read_pairs
    from nonet.felix.encoders import open_encoder
    from nonet.felix.inspection import inspect_pairs
    from nonet.foundation import console

    found = inspect_pairs(read_pairs(pairs, split), open_encoder(encoder).vocabulary, labels)
    if json:
        console.print_json(asdict(found))
    else:
        _show_inspection(found, f"{describe(pairs)['name']}, {split}")


def _show_inspection(found: Inspection, title: str) -> None:
    from nonet.foundation import console

    shares = {
        "can be learnt": found.realisable,
        "source and target are equal": found.identical,
        "nothing comes in": found.nothing_new,
        "something moves": found.moved,
    }
    facts = {"pairs": found.pairs} | {name: f"{100 * share:.1f} %" for name, share in shares.items()}
    percentiles = {"longest insertion": found.spans, "source in tokens": found.lengths}
    facts |= {
        f"{name}, 50/90/99/100 %": " / ".join(f"{value:.0f}" for value in values)
        for name, values in percentiles.items()
    }
    console.summary(title, facts)
    total = max(1, sum(found.tags.values()))
    console.table(["tag", "tokens", "%"], [(name, n, 100 * n / total) for name, n in found.tags.items()])
    for name, counts in (("kinds", found.kinds), ("left out", found.left_out)):
        if counts:
            console.table([name, "pairs"], counts.items())
    for reason, (count, shown) in found.suspicious.items():
        console.say(f"Suspicious: {reason} ({count:,})")
        for text in shown:
            console.say(f"  {text[:160]}")


def _write(collected: Collected, out: Path, seed: int, *, validation: float = 0.1, test: float = 0.1) -> None:
    from nonet.felix.data import write_pairs
    from nonet.foundation import console

    counts = write_pairs(out, collected, seed, validation=validation, test=test)
    left = {f"left out: {reason}": count for reason, count in collected.left_out.items()}
    console.summary(f"Pairs in {out}", dict(counts) | left)
