"""Alt texts as the raw web has them: some say nothing of their picture, and the data rules drop a part of those."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nonet.align.data import Pairs
from nonet.align.filtering.config import Rules, TableConfig
from nonet.align.filtering.funnel import filter_pairs
from nonet.align.filtering.schema import CANDIDATES

__all__ = ["NOISE", "noisy", "ruled", "share_of"]

NOISE = 0.4
"""Share of the training pairs whose text says nothing of the picture."""
_BOILERPLATE = ("image", "photo 1920x1080", "click here to enlarge", "alt_img", "thumbnail", "untitled", "logo")


def noisy(pairs: Pairs, seed: int, share: float = NOISE) -> Pairs:
    """Pairs of whose training texts a share is exchanged: half of it for boilerplate, half for another picture's text.

    Held-out texts stay as they are.
    """
    rng = np.random.default_rng([seed, 1])
    texts = list(pairs.texts)
    train = [row for row, image in enumerate(pairs.image_of.tolist()) if pairs.splits[image] == "train"]
    for row in train:
        if rng.random() < share:
            other = pairs.texts[train[rng.integers(len(train))]]
            texts[row] = str(rng.choice(_BOILERPLATE)) if rng.random() < 0.5 else other
    return replace(pairs, texts=texts)


def ruled(pairs: Pairs, seed: int) -> Pairs:
    """The pairs whose training texts the data rules keep, with thresholds for a small set.

    Drawings have short names, so one word is enough; a text of more than ten pictures is dropped as in the article.
    """
    rules = Rules(shorter_side_above=None, words_at_least=1, vocabulary=20_000)
    rows = [
        {"image": pairs.digests[image], "url": str(row), "alt": text, "width": 300, "height": 300}
        for row, (text, image) in enumerate(zip(pairs.texts, pairs.image_of.tolist(), strict=True))
        if pairs.splits[image] == "train"
    ]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "candidates.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=CANDIDATES), source)
        filter_pairs([source], Path(folder) / "out", rules, TableConfig(memory="1GB", threads=1))
        kept = pq.read_table(Path(folder) / "out" / "kept", columns=["url"])["url"].to_pylist()
    return _with_rows(pairs, {int(row) for row in kept})


def share_of(pairs: Pairs, share: float, seed: int) -> Pairs:
    """A share of the training pictures, drawn at random, and all held-out ones.

    The name of the result says how many there were, so that all sizes are trained with equal compute.
    """
    rng = np.random.default_rng([seed, 2])
    train = [row for row, split in enumerate(pairs.splits) if split == "train"]
    drawn = set(rng.permutation(train)[: max(2, round(share * len(train)))].tolist())
    kept = [row for row, split in enumerate(pairs.splits) if split != "train" or row in drawn]
    return replace(pairs.take(kept), name=f"{pairs.name}/{len(train)}")


def _with_rows(pairs: Pairs, kept: set[int]) -> Pairs:
    """Only some of the training texts, and the pictures that still have one."""
    training = np.array([split == "train" for split in pairs.splits])
    rows = [row for row, image in enumerate(pairs.image_of.tolist()) if not training[image] or row in kept]
    images = sorted({int(pairs.image_of[row]) for row in rows})
    place = {image: number for number, image in enumerate(images)}
    return replace(
        pairs,
        images=[pairs.images[image] for image in images],
        digests=[pairs.digests[image] for image in images],
        concepts=[pairs.concepts[image] for image in images],
        splits=[pairs.splits[image] for image in images],
        texts=[pairs.texts[row] for row in rows],
        image_of=np.array([place[int(pairs.image_of[row])] for row in rows], np.int64),
    )
