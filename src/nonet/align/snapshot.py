"""A snapshot of an index: one state, for reading, that stays whole whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int64

from nonet.align import exact
from nonet.align.ann import Kind
from nonet.align.filters import Condition
from nonet.align.manifest import Manifest
from nonet.align.segments import Picture, Segment
from nonet.foundation.errors import ArtifactError, UsageError

__all__ = ["Hits", "Snapshot"]

_CONDITIONS = 64  # of which it is remembered which pictures meet them


@dataclass(frozen=True)
class Hits:
    """What a search found, best first.

    Attributes:
        ids: of the pictures, one row a query.
        scores: inner products with the query, in the same places.
    """

    ids: Int64[np.ndarray, "queries found"]
    scores: Float32[np.ndarray, "queries found"]


class Snapshot:
    """One state of an index, for reading; safe to use from several threads."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Opens every segment that ``manifest`` names in ``folder``."""
        self.manifest = manifest
        self._segments = tuple(Segment(folder, entry, manifest.dim) for entry in manifest.segments)
        self._kept_matches = lru_cache(_CONDITIONS)(lambda where, number: where.rows(self._segments[number]))

    def __len__(self) -> int:
        """The number of pictures."""
        return self.manifest.pictures

    def search(
        self,
        queries: Float[np.ndarray, "queries dim"],
        k: int,
        exclude: Iterable[int] = (),
        *,
        kind: Kind | None = None,
        where: Condition | None = None,
    ) -> Hits:
        """The ``k`` pictures of largest inner product with each query, over all pictures.

        Args:
            queries: one a row; for cosine similarity, of length 1 like the stored vectors.
            k: how many to find; fewer are found where there are fewer.
            exclude: ids that are not to be found.
            kind: what the queries are made of; where the index has been made fast, search is then approximate, with
                the recall that was measured for this kind. None for exact search.
            where: a condition that the pictures must meet.
        Raises:
            UsageError: if ``k`` is below 1, or the condition does not hold together.
            ArtifactError: if the queries are of another dimension.
        """
        if k < 1:
            raise UsageError(f"{k} results cannot be shown.", where="-k", fix="Ask for at least 1.")
        if queries.shape[1] != self.manifest.dim:
            raise ArtifactError(
                f"The query has {queries.shape[1]} numbers and the pictures of this index have {self.manifest.dim}.",
                fix="Search with the model that the index was made with.",
            )
        hidden = np.fromiter(exclude, np.int64)
        scores = np.empty((len(queries), 0), np.float32)
        ids = np.empty((len(queries), 0), np.int64)
        for segment in self._segments:
            allowed = None if where is None else self._matching(where, segment)
            more_scores, more_ids = segment.search(queries, k, hidden, kind, allowed)
            scores = np.concatenate([scores, more_scores], axis=1)
            ids = np.concatenate([ids, more_ids], axis=1)
            scores, ids = exact.best(scores, ids, k)
        missing = (ids < 0).any(0)  # approximate search may find fewer
        return Hits(ids[:, ~missing], scores[:, ~missing])

    def matches(self, where: Condition) -> int:
        """How many pictures meet a condition."""
        count = 0
        for segment in self._segments:
            allowed = self._matching(where, segment)
            count += int((allowed if segment.alive is None else allowed & segment.alive).sum())
        return count

    def _matching(self, where: Condition, segment: Segment) -> np.ndarray:
        return self._kept_matches(where, self._segments.index(segment))

    def pictures(self, ids: Iterable[int]) -> dict[int, Picture]:
        """What is known of those of the pictures ``ids`` that are in the index."""
        wanted = np.unique(np.fromiter(ids, np.int64))
        found: dict[int, Picture] = {}
        for segment in self._segments:
            rows = segment.find(wanted)
            found.update(zip(segment.ids[rows].tolist(), segment.pictures(rows), strict=True))
        return found

    def vectors(self, ids: Iterable[int]) -> dict[int, Float32[np.ndarray, " dim"]]:
        """The embeddings of those of the pictures ``ids`` that are in the index."""
        wanted = np.unique(np.fromiter(ids, np.int64))
        found: dict[int, np.ndarray] = {}
        for segment in self._segments:
            rows = segment.find(wanted)
            found.update(zip(segment.ids[rows].tolist(), segment.vectors[rows].astype(np.float32), strict=True))
        return found

    def columns(self, *names: str) -> Iterator[tuple]:
        """The id and the named fields of `Picture`, for every picture."""
        for segment in self._segments:
            yield from segment.columns(*names)

    def live_segments(self) -> tuple[Segment, ...]:
        """The opened segments, in the order of the manifest."""
        return self._segments
