"""Making an index fast with queries like those that it will be asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nonet.align.ann import Facts
from nonet.align.ann_config import AnnConfig
from nonet.align.search import Searcher
from nonet.align.snapshot import Snapshot
from nonet.foundation import console
from nonet.foundation.errors import DataError

__all__ = ["accelerate"]

_QUERIES = 400  # of each kind, half to choose with and half to measure with


def accelerate(searcher: Searcher, config: AnnConfig, queries: Path | None = None) -> list[tuple[str, Facts]]:
    """Builds the structures for approximate search of an index.

    Args:
        searcher: the index with its model.
        config: from which size on, and with which recall.
        queries: a text file with a query in words a line; captions of the index by default.
    Returns:
        Each part of the index with a structure, and what was measured of it.
    Raises:
        DataError: if the file of queries cannot be read or holds fewer than two.
    """
    snapshot = searcher.index.snapshot()
    if not any(entry.rows >= config.exact_below or entry.ann for entry in snapshot.manifest.segments):
        if len(snapshot) < config.exact_below:
            return []
        searcher.index.compact()
        snapshot = searcher.index.snapshot()
    rng = np.random.default_rng(config.seed)
    texts = _asked(queries) if queries else _captions(snapshot, rng)
    pictures = _pictures(snapshot, rng)
    asked = {"image": pictures}
    if texts:
        asked["text"] = searcher.embed_texts(texts[:_QUERIES])
    with console.progress("Dividing into cells, coding and measuring"):
        return searcher.index.accelerate(asked, config)


def _asked(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("The queries cannot be read.", where=path, fix="A UTF-8 text file, a query a line.") from error
    asked = [line for line in lines if line]
    if len(asked) < 2:
        raise DataError("There are fewer than two queries.", where=path, fix="Write at least a hundred, one a line.")
    return asked


def _captions(snapshot: Snapshot, rng: np.random.Generator) -> list[str]:
    drawn = rng.integers(0, max(1, snapshot.manifest.next_id), 8 * _QUERIES).tolist()
    captions = [caption for picture in snapshot.pictures(drawn).values() for caption in picture.captions[:1]]
    return list(dict.fromkeys(captions))[:_QUERIES]


def _pictures(snapshot: Snapshot, rng: np.random.Generator) -> np.ndarray:
    """Embeddings of pictures of the index, each moved a little, since a query is seldom one of them."""
    drawn = rng.integers(0, max(1, snapshot.manifest.next_id), 2 * _QUERIES).tolist()
    vectors = np.stack(list(snapshot.vectors(drawn).values())[:_QUERIES])
    moved = vectors + 0.3 * rng.standard_normal(vectors.shape) / np.sqrt(vectors.shape[1])
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
