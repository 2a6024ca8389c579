"""Pairs of texts on disk: the folder that every other room of the wing reads.

A pairs folder holds ``train.jsonl``, ``validation.jsonl`` and ``test.jsonl`` (one pair a line: source, targets, kind)
and ``pairs.json`` (where the pairs came from and what was left out, with the reasons).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nonet.foundation.description import DESCRIPTION, read_description
from nonet.foundation.errors import ArtifactError, DataError, UsageError
from nonet.foundation.files import atomic_folder
from nonet.foundation.reading import parse_json, text_of

__all__ = ["SPLITS", "Collected", "Pair", "Split", "describe", "divide", "read_pairs", "write_pairs"]

FORMAT = 1
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_REMAKE = "Make the pairs again with `nonet felix pairs`."


@dataclass(frozen=True)
class Pair:
    """A text before and after editing.

    Attributes:
        source: before.
        targets: after: one accepted text or more.
        kind: what kind of edit it is, where that is known.
        group: what no two splits share, such as the document; empty takes the source itself.
    """

    source: str
    targets: tuple[str, ...]
    kind: str = ""
    group: str = ""


@dataclass(frozen=True)
class Collected:
    """Pairs as a source gave them.

    Attributes:
        name: what they are called, for cards and reports.
        pairs: by split; those of a source without splits of its own are all in ``train``.
        left_out: reasons for which rows were left out, and how many.
        divided: whether the source has its own splits.
    """

    name: str
    pairs: Mapping[Split, Sequence[Pair]]
    left_out: Mapping[str, int] = field(default_factory=dict)
    divided: bool = False


def divide(pairs: Iterable[Pair], seed: int, *, validation: float = 0.1, test: float = 0.1) -> dict[Split, list[Pair]]:
    """Cuts pairs into splits; pairs of one group, and equal sources, are in one split.

    Args:
        pairs: in any order.
        seed: another one gives other splits.
        validation: share of the groups.
        test: share of the groups.
    """
    if validation < 0 or test < 0 or validation + test >= 1:
        raise UsageError("The shares of validation and test must leave something to learn from.")
    parts: dict[Split, list[Pair]] = {split: [] for split in SPLITS}
    drawn = []
    for pair in pairs:
        group = (pair.group or pair.source).lower()
        parts[_drawn_split(f"{seed} {group}", validation, test)].append(pair)
        drawn.append(pair)
    for split, part in parts.items():  # sources are often sorted
        part.sort(key=lambda pair: _digest(f"{seed} {split} {pair.source}\t{pair.targets[0]}"))
    return parts


def _drawn_split(key: str, validation: float, test: float) -> Split:
    place = int(_digest(key)[:12], 16) / 16**12
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def write_pairs(
    folder: Path, collected: Collected, seed: int, *, validation: float = 0.1, test: float = 0.1
) -> dict[str, int]:
    """Writes a pairs folder, whole or not at all.

    Args:
        folder: to make or replace.
        collected: the pairs.
        seed: of the splits, where the source has none of its own.
        validation: share for it.
        test: share for it.
    Returns:
        The number of pairs in each split.
    Raises:
        DataError: if there is nothing to learn from.
    """
    parts = collected.pairs
    if not collected.divided:
        parts = divide(parts.get("train", ()), seed, validation=validation, test=test)
    if not parts.get("train"):
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in collected.left_out.items())
        raise DataError(
            "There are no pairs to learn from.",
            where=collected.name,
            fix=f"Left out were: {reasons}." if reasons else "Bring rows with a text before and a text after.",
        )
    counts = {split: len(parts.get(split, ())) for split in SPLITS}
    described = {
        "format": FORMAT,
        "name": collected.name,
        "pairs": counts,
        "left_out": dict(collected.left_out),
        "seed": None if collected.divided else seed,
    }
    with atomic_folder(folder, DESCRIPTION) as partial:
        for split in SPLITS:
            lines = [json.dumps(_plain(pair), ensure_ascii=False) + "\n" for pair in parts.get(split, ())]
            (partial / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8", errors="surrogatepass")
        (partial / DESCRIPTION).write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return counts


def read_pairs(folder: Path, split: Split) -> list[Pair]:
    """Reads a split of a pairs folder.

    Raises:
        DataError: if there is no such folder or it holds no pairs.
        ArtifactError: if a line is damaged.
    """
    describe(folder)
    path = folder / f"{split}.jsonl"
    if not path.is_file():
        raise ArtifactError("The file of pairs is missing.", where=path, fix=_REMAKE)
    pairs = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = parse_json(line.decode("utf-8", "surrogatepass"))
                pairs.append(
                    Pair(text_of(row["source"]), tuple(map(text_of, row["targets"])), row["kind"], row["group"])
                )
            except (ValueError, KeyError, TypeError) as error:
                where = f"{path}, line {number}"
                raise ArtifactError(f"The line is damaged ({error}).", where=where, fix=_REMAKE) from error
    return pairs


def describe(folder: Path) -> dict[str, Any]:
    """What ``pairs.json`` says.

    Raises:
        DataError: if there is no such folder or it holds no pairs.
        ArtifactError: if the file is damaged or of another version.
    """
    return read_description(folder, FORMAT, "nonet felix pairs")


def _plain(pair: Pair) -> dict[str, Any]:
    return {"source": pair.source, "targets": list(pair.targets), "kind": pair.kind, "group": pair.group}
