"""Approximate search within a segment: cells of like vectors, of which a query looks at a few.

Vectors are coded in one byte a number (SQ8) or one bit a number (RaBitQ, for very many), the codes lie on disk and are
memory-mapped, and the best by code are ranked again by the stored half-precision vectors. How many cells a query looks
at is chosen for each kind of query when the structure is built: words lie apart from pictures in the common space, and
a number that suits queries by picture loses results for queries by words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from nonet.align import exact
from nonet.align.ann_config import AnnConfig, Coding
from nonet.foundation.errors import ArtifactError
from nonet.foundation.reading import parse_json
from nonet.foundation.settings import rebuild

__all__ = ["Ann", "Kind", "build"]

Kind = Literal["text", "image"]

_FACTS = "ann.json"
_BLOCK = 4096  # rows coded at a time
_CUTOFF = 10  # recall is that of the ten best
_RERANKED = {"sq8": 4, "rabitq": 30}  # candidates ranked again for each result asked for
_AT_LEAST = 64
_PER_CELL = 40  # rows that a cell's centre is learnt from
_ITERATIONS = 10


@dataclass(frozen=True)
class Facts:
    """What is known of a built structure.

    Attributes:
        coding: of the vectors.
        rows: how many there are.
        cells: how many cells they lie in.
        asked: the recall that was asked for.
        probes: for each kind of query, how many cells it looks at.
        recall: for each kind, the share of the ten best that queries of that kind found, measured on queries other
            than those that chose the number of cells.
        queries: for each kind, how many it was measured on.
    """

    coding: Coding
    rows: int
    cells: int
    asked: float
    probes: dict[str, int]
    recall: dict[str, float]
    queries: dict[str, int]


class Ann:
    """A built structure, opened for search; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Opens what `build` wrote.

        Raises:
            FileNotFoundError: if it is gone.
            ArtifactError: if it is damaged.
        """
        try:
            self.facts = rebuild(Facts, parse_json((folder / _FACTS).read_text(encoding="utf-8")))
            # the codes stay on disk and are mapped; only the cells' centres are read
            self._parts = [faiss.read_index(str(path), faiss.IO_FLAG_MMAP) for path in sorted(folder.glob("*.faiss"))]
            if sum(part.ntotal for part in self._parts) != self.facts.rows:
                raise ValueError("a part is missing")
        except FileNotFoundError:
            raise
        except (ValueError, TypeError, RuntimeError, OSError, ArtifactError) as error:
            raise ArtifactError(
                "The cells of this index are damaged.", where=folder, fix="Build them again: nonet align accelerate"
            ) from error

    def search(
        self,
        vectors: Float[np.ndarray, "rows dim"],
        queries: Float[np.ndarray, "queries dim"],
        k: int,
        kind: Kind,
        allowed: Bool[np.ndarray, " rows"] | None = None,
    ) -> tuple[Float32[np.ndarray, "queries found"], Int64[np.ndarray, "queries found"]]:
        """The rows of about the largest inner product with each query.

        Args:
            vectors: the stored rows, to rank candidates by.
            queries: one a row.
            k: how many to find.
            kind: what the queries are made of.
            allowed: the rows that may be found; all where None.
        Returns:
            Exact scores, falling, and row numbers; minus infinity and -1 where fewer were found.
        """
        return self._search(vectors, queries, k, self.facts.probes.get(kind, self.facts.cells), allowed)

    def _search(
        self,
        vectors: np.ndarray,
        queries: np.ndarray,
        k: int,
        probes: int,
        allowed: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        queries = np.ascontiguousarray(queries, np.float32)
        options: dict[str, Any] = {"nprobe": probes}
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            options["sel"] = faiss.IDSelectorBitmap(bits)  # pyright: ignore[reportCallIssue]
        rabitq = self.facts.coding == "rabitq"
        params = (faiss.IVFRaBitQSearchParameters if rabitq else faiss.SearchParametersIVF)(**options)
        candidates = max(_AT_LEAST, k * _RERANKED[self.facts.coding])
        rows = [part.search(queries, candidates, params=params)[1] for part in self._parts]
        return _ranked(vectors, queries, np.concatenate(rows, axis=1), k)


def build(
    vectors: Float[np.ndarray, "rows dim"],
    queries: Mapping[str, Float[np.ndarray, "queries dim"]],
    config: AnnConfig,
    folder: Path,
) -> Facts:
    """Builds the structure for some vectors, in bounded memory.

    Args:
        vectors: the rows; may be memory-mapped.
        queries: by kind, such as people ask or as like them as there are; at least two of a kind.
        config: coding, cells, recall asked for, memory.
        folder: where it goes; there already, and empty.
    """
    rows, dim = vectors.shape
    coding = config.coding_for(rows)
    cells = min(config.cells_for(rows), max(1, rows // 2))
    index = _empty(dim, cells, coding)
    rng = np.random.default_rng(config.seed)
    learnt_from = np.sort(rng.choice(rows, min(rows, _PER_CELL * cells), replace=False))
    index.train(np.ascontiguousarray(vectors[learnt_from], np.float32))
    _fill(index, vectors, config.memory_mb * 2**20, folder)
    facts = Facts(coding, rows, cells, config.recall, {}, {}, {})
    _write_facts(folder, facts)
    opened = Ann(folder)
    for kind, asked in queries.items():
        if len(asked) >= 2:
            probes, recall = _tuned(opened, vectors, asked, config.recall)
            facts.probes[kind], facts.recall[kind], facts.queries[kind] = probes, recall, len(asked) - len(asked) // 2
    if facts.probes:  # a kind without queries looks as far as the other
        for kind in ("text", "image"):
            facts.probes.setdefault(kind, max(facts.probes.values()))
    _write_facts(folder, facts)
    return facts


def _write_facts(folder: Path, facts: Facts) -> None:
    (folder / _FACTS).write_text(json.dumps(asdict(facts), indent=1), encoding="utf-8")


def _empty(dim: int, cells: int, coding: Coding) -> Any:
    centres = faiss.IndexFlatIP(dim)
    if coding == "sq8":
        index = faiss.IndexIVFScalarQuantizer(
            centres, dim, cells, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        )
    else:
        index = faiss.IndexIVFRaBitQ(centres, dim, cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.spherical = _ITERATIONS, True
    index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, _PER_CELL
    return index


def _fill(index: Any, vectors: np.ndarray, memory: int, folder: Path) -> None:
    """Codes all rows; as often as they fill the memory they are put down as a part, and the parts share their cells."""
    parts = 0
    for start in range(0, len(vectors), _BLOCK):
        block = np.ascontiguousarray(vectors[start : start + _BLOCK], np.float32)
        index.add_with_ids(block, np.arange(start, start + len(block)))
        end = start + len(block) == len(vectors)
        if end or index.ntotal * (index.code_size + 8) > memory:
            faiss.write_index(index, str(folder / f"cells-{parts:04d}.faiss"))
            index.reset()
            parts += 1


def _tuned(ann: Ann, vectors: np.ndarray, queries: np.ndarray, asked: float) -> tuple[int, float]:
    """The fewest cells at which one half of the queries reaches the recall, and what the other half then reaches."""
    _, best = exact.scan(vectors, queries, _CUTOFF)
    half = len(queries) // 2
    probes = 1
    while probes < ann.facts.cells:
        _, found = ann._search(vectors, queries[:half], _CUTOFF, probes)
        if recall(found, best[:half]) >= asked:
            break
        probes = min(ann.facts.cells, max(probes + 1, int(probes * 1.5)))
    _, found = ann._search(vectors, queries[half:], _CUTOFF, probes)
    return probes, recall(found, best[half:])


def recall(found: Int64[np.ndarray, "queries k"], best: Int64[np.ndarray, "queries k"]) -> float:
    """The share of the best rows that were found."""
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, best, strict=True)]))


def _ranked(
    vectors: np.ndarray, queries: np.ndarray, rows: Int64[np.ndarray, "queries candidates"], k: int
) -> tuple[np.ndarray, np.ndarray]:
    scores = np.full(rows.shape, -np.inf, np.float32)
    for query, (own, numbers) in enumerate(zip(queries, rows, strict=True)):
        known = numbers >= 0
        order = np.sort(numbers[known])  # the disk reads forward
        by_row = dict(zip(order.tolist(), (vectors[order].astype(np.float32) @ own).tolist(), strict=True))
        scores[query, known] = [by_row[number] for number in numbers[known].tolist()]
    return exact.best(scores, rows.astype(np.int64), k)
