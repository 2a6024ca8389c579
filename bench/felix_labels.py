"""What the labels of FELIX can express on real pairs, and what the choice of alignment is worth.

Every pair is labelled under both alignments and realised again: `realise(label(x, y)) == y` is asserted, not assumed.
The first table has the columns of a measurement made independently of this code; beside each figure stands the
difference from it. That one is rounded, most of it to whole points: a figure that is more than half a point away from
whatever rounds to it is told, and the bench ends with an error. Then the choice of alignment: insertions, backward
jumps and pairs with any.

    python bench/felix_labels.py [--data FOLDER] [--sets NAME…]     the official downloads, in folders as the docs name
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from nonet.felix.config import AlignmentRule, LabelConfig
from nonet.felix.data import Pair
from nonet.felix.labels import Labels, label, order_of, realise
from nonet.felix.sources.official import Official, read_official
from nonet.felix.tokens import Pieces, Vocabulary
from nonet.foundation.hub import minilm_folder

COLUMNS = [
    "same",
    "no insert",
    "backward",
    "≤1",
    "≤2",
    "≤4",
    "≤8",
    "≤10",
    "≤20 masks",
    "K",
    "D",
    "I",
    "p50",
    "p90",
    "p99",
]
SETS: dict[str, tuple[Official, str, str]] = {  # name: the official set, its folder, the kind of pairs
    "WikiSplit fuse": ("wikisplit-fuse", "wikisplit", ""),
    "WikiSplit split": ("wikisplit-split", "wikisplit", ""),
    "Disfl-QA": ("disfl-qa", "disfl-qa", ""),
    "TurkCorpus tune": ("turkcorpus", "turkcorpus", ""),
    "MLQE-PE ro": ("mlqe-pe", "mlqe-pe", "ro"),
    "MLQE-PE et": ("mlqe-pe", "mlqe-pe", "et"),
}
TOLERANCE = 0.5  # points (tokens for lengths)
# an independent measurement on the same sets (for WikiSplit on half as many pairs more)
KNOWN = {
    "WikiSplit fuse": (0.3, 14.0, 41.5, 62, 83, 95, 99.3, 99.8, 99.9, 81, 15, 4, 43, 60, 77),
    "WikiSplit split": (0.3, 0.6, 98.2, 37, 54, 76, 95, 97.5, 97.2, 85, 6, 9, 39, 54, 64),
    "Disfl-QA": (0, 87.9, 11.7, 95, 97, 99, 99.7, 99.8, 100, 71, 29, 1, 19, 27, 36),
    "TurkCorpus tune": (16.5, 27.5, 30.4, 59, 78, 94, 99, 99.5, 99.4, 78, 15, 7, 25, 41, 55),
    "MLQE-PE ro": (14.6, 16.0, 36.6, 40, 64, 89, 97, 98, 98.6, 65, 23, 12, 21, 30, 40),
    "MLQE-PE et": (13.0, 14.9, 39.8, 37, 59, 87, 99, 99.8, 99.5, 71, 18, 10, 23, 33, 41),
}


def read(data: Path, name: str) -> list[Pair]:
    official, folder, kind = SETS[name]
    parts = read_official(official, data / folder).pairs
    chosen = ("train", "validation") if official == "turkcorpus" else parts  # the others whole
    return [pair for part in chosen for pair in parts[part] if not kind or pair.kind == kind]


def labelled(cut: Sequence[tuple[Pieces, Pieces]], rule: AlignmentRule) -> list[Labels]:
    made = []
    for source, target in cut:
        labels = label(source.keys, target.keys, LabelConfig(alignment=rule))
        assert tuple(realise(source.keys, labels)) == target.keys
        made.append(labels)
    return made


def figures(cut: Sequence[tuple[Pieces, Pieces]], labels: Sequence[Labels]) -> list[float]:
    spans = np.array([max(map(len, one.inserted)) for one in labels])
    masks = np.array([sum(map(len, one.inserted)) for one in labels])
    kept = sum(len(one.kept) for one in labels)
    tagged = sum(1 for one in labels for new in one.inserted if new)
    tokens = sum(len(one.points) for one in labels)
    shares = [
        np.mean([source.keys == target.keys for source, target in cut]),
        np.mean(spans == 0),
        np.mean([jumps(one) > 0 for one in labels]),
        *(np.mean(spans <= most) for most in (1, 2, 4, 8, 10)),
        np.mean(masks <= 20),
        (kept - tagged) / tokens,
        (tokens - kept) / tokens,
        tagged / tokens,
    ]
    lengths = [len(source) for source, _ in cut]
    return [*(100 * float(share) for share in shares), *(float(x) for x in np.percentile(lengths, [50, 90, 99]))]


def deviations(found: Sequence[float], known: Sequence[float]) -> list[str]:
    """The columns that are further from what is known than is tolerated."""
    rows = zip(COLUMNS, found, known, strict=True)
    return [
        f"{name} {value:.2f} for {wanted}"
        for name, value, wanted in rows
        if abs(value - wanted) > TOLERANCE + (0.05 if isinstance(wanted, float) else 0.5)  # what rounding hides
    ]


def jumps(labels: Labels) -> int:
    order = order_of(labels.points)
    return sum(after < before for before, after in pairwise(order))


def main() -> None:
    parser = argparse.ArgumentParser()
    default = Path(os.environ["NONET_DATA"]) / "felix" if "NONET_DATA" in os.environ else None
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    options = parser.parse_args()
    if options.data is None:
        print("No pairs: name the folder of the downloads with --data, or set NONET_DATA. Skipped.")
        return
    from tokenizers import Tokenizer

    vocabulary = Vocabulary(Tokenizer.from_file(str(minilm_folder() / "tokenizer.json")))
    print(f"{'':16}{'pairs':>7} " + " ".join(f"{name:>13}" for name in COLUMNS))
    chosen, total, seconds, away = [], 0, 0.0, []
    for name in options.sets:
        flat = [(pair.source, target) for pair in read(options.data, name) for target in pair.targets]
        sources = vocabulary.encode([source for source, _ in flat])
        targets = vocabulary.encode([target for _, target in flat])
        cut = list(zip(sources, targets, strict=True))
        start = time.process_time()
        both = {rule: labelled(cut, rule) for rule in ("greedy", "lcs")}
        seconds += time.process_time() - start
        total += len(cut)
        found = figures(cut, both["greedy"])
        cells = [f"{value:.1f} ({value - known:+.1f})" for value, known in zip(found, KNOWN[name], strict=True)]
        print(f"{name:16}{len(cut):7,} " + " ".join(f"{cell:>13}" for cell in cells))
        away += [f"{name}: {column}" for column in deviations(found, KNOWN[name])]
        for rule, labels in both.items():
            tokens = sum(len(target.keys) for _, target in cut)
            new = 100 * sum(len(ids) for one in labels for ids in one.inserted) / tokens
            backward = np.array([jumps(one) for one in labels])
            chosen.append((name, rule, new, backward.mean(), 100 * np.mean(backward > 0)))
    print(f"\n{'':16}{'alignment':>10} {'inserted %':>11} {'jumps a pair':>13} {'pairs with any %':>17}")
    for name, rule, new, backward, some in chosen:
        print(f"{name:16}{rule:>10} {new:11.1f} {backward:13.2f} {some:17.1f}")
    each = 1e6 * seconds / total / 2
    print(f"\n{total:,} pairs labelled and realised exactly under both alignments, {each:.0f} µs each")
    every = len(options.sets) * len(COLUMNS)
    print(f"{every - len(away)} of {every} figures are within {TOLERANCE} of the known ones")
    if away:
        sys.exit("further away: " + "; ".join(away))


if __name__ == "__main__":
    main()
