"""Pairs from the official files of known sets, as their authors publish them."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from nonet.felix.data import Collected, Pair, Split, divide
from nonet.felix.sources.tables import checked, read_lines
from nonet.foundation.errors import DataError

__all__ = ["Official", "read_official"]

Official = Literal["wikisplit-fuse", "wikisplit-split", "disfl-qa", "mlqe-pe", "turkcorpus"]
_SPLIT_MARK = "<::::>"
_BRACKETS = {"-lrb-": "(", "-rrb-": ")", "-lsb-": "[", "-rsb-": "]", "-lcb-": "{", "-rcb-": "}"}
_OFFICIAL_SPLITS: tuple[tuple[str, Split], ...] = (("train", "train"), ("dev", "validation"), ("test", "test"))


def read_official(name: Official, folder: Path, *, seed: int = 0) -> Collected:
    """Reads a set from its folder.

    Args:
        name: ``wikisplit-fuse`` (two sentences to one) and ``wikisplit-split`` read ``*.tsv`` of WikiSplit, rows of
            ``tune`` and ``validation`` shuffled and divided anew; ``disfl-qa`` reads ``{train,dev,test}.json``;
            ``mlqe-pe`` every ``*-{train,dev,test}.tar.gz``, machine translation to post-edit; ``turkcorpus``
            ``{tune,test}.8turkers.tok.*``, whose brackets are spelt out (``-lrb-``) and become brackets again.
        folder: where the files are.
        seed: of the splits of WikiSplit.
    Raises:
        DataError: if the files are not there or not in their official form.
    """
    if not folder.is_dir():
        raise DataError("There is no such folder.", where=folder, fix="Name the folder of the official download.")
    readers: dict[Official, Callable[[Path], Collected]] = {
        "wikisplit-fuse": lambda where: _wikisplit(where, seed, fuse=True),
        "wikisplit-split": lambda where: _wikisplit(where, seed, fuse=False),
        "disfl-qa": _disfl_qa,
        "mlqe-pe": _mlqe_pe,
        "turkcorpus": _turkcorpus,
    }
    found = readers[name](folder)
    if not any(found.pairs.values()):
        raise DataError(f"No file of {name} is here.", where=folder, fix="See the docs for the files that are read.")
    return found


def _wikisplit(folder: Path, seed: int, *, fuse: bool) -> Collected:
    left_out, pairs = Counter[str](), []
    for path in sorted(folder.glob("*.tsv")):
        for line in read_lines(path, left_out):
            cells = line.split("\t")
            if len(cells) != 2:
                left_out["not two columns"] += bool(line)
                continue
            long, short = cells[0].strip(), " ".join(cells[1].replace(_SPLIT_MARK, " ").split())
            pair = checked(short, (long,), left_out) if fuse else checked(long, (short,), left_out, group=short[:40])
            if pair is not None:
                pairs.append(Pair(pair.source, pair.targets, "fuse" if fuse else "split", short[:40]))
    return Collected("WikiSplit", divide(pairs, seed), dict(left_out), divided=True)


def _disfl_qa(folder: Path) -> Collected:
    left_out = Counter[str]()
    parts: dict[Split, list[Pair]] = {}
    for name, split in _OFFICIAL_SPLITS:
        path = folder / f"{name}.json"
        if not path.is_file():
            continue
        rows = _json(path)
        try:
            made = [checked(row["disfluent"], (row["original"],), left_out) for row in rows.values()]
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"This is not a file of Disfl-QA ({error}).", where=path) from error
        parts[split] = [pair for pair in made if pair]
    return Collected("Disfl-QA", parts, dict(left_out), divided=True)


def _mlqe_pe(folder: Path) -> Collected:
    left_out = Counter[str]()
    parts: dict[Split, list[Pair]] = {}
    for name, split in _OFFICIAL_SPLITS:
        for path in sorted(folder.glob(f"*-{name}.tar.gz")):
            before, after = (_members(path, suffix) for suffix in (".mt", ".pe"))
            if len(before) != len(after):
                raise DataError("Translations and post-edits differ in number.", where=path)
            kind = path.name.partition("-")[0]
            made = (checked(a, (b,), left_out, kind=kind) for a, b in zip(before, after, strict=True))
            parts.setdefault(split, []).extend(pair for pair in made if pair)
    return Collected("MLQE-PE", parts, dict(left_out), divided=True)


def _turkcorpus(folder: Path) -> Collected:
    left_out = Counter[str]()
    parts: dict[Split, list[Pair]] = {}
    splits: tuple[tuple[str, Split], ...] = (("tune", "train"), ("test", "test"))
    for name, split in splits:
        before = folder / f"{name}.8turkers.tok.norm"
        if not before.is_file():
            continue
        columns = [_with_brackets(path) for path in sorted(folder.glob(f"{name}.8turkers.tok.turk.?"))]
        sources = _with_brackets(before)
        if not columns or any(len(column) != len(sources) for column in columns):
            raise DataError("The references are not as many as the sources.", where=before)
        references = zip(*columns, strict=True)
        made = [checked(source, targets, left_out) for source, targets in zip(sources, references, strict=True)]
        parts[split] = [pair for pair in made if pair]
    if parts.get("train"):  # the set has no part for training: a tenth of the tuning set is held out
        cut = divide(parts["train"], 0, validation=0.1, test=0.0)
        parts["train"], parts["validation"] = cut["train"], cut["validation"]
    return Collected("TurkCorpus", parts, dict(left_out), divided=True)


def _with_brackets(path: Path) -> list[str]:
    """Lines in which words that stand for brackets, as in treebanks, are brackets."""
    return [" ".join(_BRACKETS.get(word, word) for word in line.split(" ")) for line in read_lines(path)]


def _members(path: Path, suffix: str) -> list[str]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(suffix):
                    file = archive.extractfile(member)
                    return file.read().decode("utf-8").splitlines() if file else []
    except (tarfile.TarError, OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"The archive is damaged ({error}).", where=path) from error
    raise DataError(f"The archive has no file that ends with {suffix}.", where=path)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"The file is not whole JSON ({error}).", where=path) from error
