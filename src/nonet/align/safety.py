"""Scores of a classifier for the pictures of candidate pairs, such as a safety filter drops by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from nonet.align.finetune import Classifier
from nonet.align.pictures import Limits, inspect_picture
from nonet.align.sources.candidates import PicturesOfCandidates, candidate_rows
from nonet.align.writing import Tally
from nonet.foundation import console
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.files import atomic_write

__all__ = ["SCORES", "score_candidates"]

SCORES = pa.schema([("image", pa.string()), ("score", pa.float32())])
_AT_ONCE = 256  # pictures between two lines of the table


def score_candidates(classifier: Classifier, candidates: Path, unsafe: Sequence[str], out: Path) -> Tally:
    """Writes the probability that each picture is of an unsafe class: Parquet with ``image`` and ``score``.

    Args:
        classifier: of any classes.
        candidates: a folder that `make_candidates` wrote.
        unsafe: the classes whose probabilities are added.
        out: the file to write; the rule ``safety_scores`` reads it.
    Returns:
        How many pictures got a score, and why others did not.
    Raises:
        UsageError: if the classifier has no such class.
        DataError: if there are no candidates.
    """
    unknown = sorted(set(unsafe) - set(classifier.classes))
    if unknown or not unsafe:
        what = f"The classifier has no class '{unknown[0]}'." if unknown else "No class is named as unsafe."
        raise UsageError(what, where="--unsafe", fix=f"Its classes are {', '.join(classifier.classes)}.")
    columns = [classifier.classes.index(name) for name in sorted(set(unsafe))]
    tally = Tally()
    with atomic_write(out) as file, pq.ParquetWriter(file, SCORES, compression="zstd") as table:
        for digests, paths in _blocks(candidates, tally):
            chances = torch.from_numpy(classifier.scores(paths)).softmax(1).numpy()[:, columns].sum(1)
            table.write_table(pa.table({"image": digests, "score": chances.astype(np.float32)}, schema=SCORES))
            tally.kept += len(paths)
    return tally


def _blocks(candidates: Path, tally: Tally) -> Iterator[tuple[list[str], list[Path]]]:
    """Hashes and files of the pictures, each once, some at a time; those that cannot be judged go to the tally."""
    home, seen = PicturesOfCandidates(candidates.resolve()), set()
    digests, paths = [], []
    for row in console.track(candidate_rows(candidates), "Scoring pictures"):
        digest = row["image"]
        if digest in seen:
            continue
        seen.add(digest)
        path = home.find(digest, row["url"])
        try:
            fault = "a picture that is not there" if path is None else None
            if path is not None and inspect_picture(path, Limits()).sha256 != digest:
                fault = "a picture that has changed since"
        except DataError as error:
            fault = error.what
        if path is None or fault:
            tally.skip(str(fault), f"{row['page']}: {row['alt']}")
            continue
        digests.append(digest)
        paths.append(path)
        if len(paths) == _AT_ONCE:
            yield digests, paths
            digests, paths = [], []
    if paths:
        yield digests, paths
