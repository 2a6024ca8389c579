"""Search: a query of words and pictures, added and taken away, against an index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64

from nonet.align.ann import Kind
from nonet.align.embedder import Embedder, open_for_embedding
from nonet.align.filters import Condition
from nonet.align.index import Hits, Index, Snapshot
from nonet.align.indexing import check_model
from nonet.align.query import compose
from nonet.align.segments import Picture
from nonet.align.zeroshot import class_embeddings, probabilities, read_templates
from nonet.foundation.errors import ArtifactError, DataError

__all__ = ["Answer", "Indexed", "Part", "PictureFile", "Query", "Result", "Searcher", "Words"]

_MOST_LOOKED_AT = 4000  # results among which near-duplicates are looked for
_REMEMBERED = 4096  # embeddings of parts of queries


@dataclass(frozen=True)
class Words:
    """A part of a query in words."""

    text: str


@dataclass(frozen=True)
class PictureFile:
    """A part of a query that is a picture in a file."""

    path: Path


@dataclass(frozen=True)
class Indexed:
    """A part of a query that is a picture of the index, by its id; it is left out of the results."""

    id: int


Part = Words | PictureFile | Indexed


@dataclass(frozen=True)
class Query:
    """What is looked for.

    Attributes:
        plus: parts to add.
        minus: parts to take away.
        text_weight: of each part in words where a picture weighs 1; None for the article's 2.
        where: a condition that the pictures must meet.
        collapse: of results with at least this cosine to a better one, none is shown; None shows all.
    """

    plus: tuple[Part, ...]
    minus: tuple[Part, ...] = ()
    text_weight: float | None = None
    where: Condition | None = None
    collapse: float | None = None

    @property
    def kind(self) -> Kind:
        """What it is made of, for approximate search: words lie apart from pictures."""
        return "text" if any(isinstance(part, Words) for part in (*self.plus, *self.minus)) else "image"


@dataclass(frozen=True)
class Result:
    """A picture that was found.

    Attributes:
        id: in the index.
        score: cosine similarity with the query.
        picture: what the index knows of it.
        present: whether its file is still there.
        copies: near-duplicates of it that were collapsed into it.
    """

    id: int
    score: float
    picture: Picture
    present: bool
    copies: int = 0


@dataclass(frozen=True)
class Answer:
    """What a search found.

    Attributes:
        results: best first.
        total: how many pictures the index holds that meet the condition.
    """

    results: list[Result]
    total: int


class Searcher:
    """An index with its model; safe to use from several threads."""

    def __init__(self, index: Index, embedder: Embedder) -> None:
        """Pairs an index with the model that it was made with.

        Raises:
            ArtifactError: if it was made with another.
        """
        check_model(index, embedder)
        self.index = index
        self._embedder = embedder
        self._computing = Lock()  # a network answers one at a time
        self._words = lru_cache(_REMEMBERED)(self._embed_words)
        self._file = lru_cache(_REMEMBERED)(self._embed_file)
        self._label = lru_cache(_REMEMBERED)(self._embed_label)
        self._templates = read_templates()

    @classmethod
    def open(
        cls, folder: Path, model: Path | None = None, device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    ) -> Searcher:
        """The index in ``folder`` with its model.

        Args:
            folder: of the index.
            model: where the model is; by default where it was when the index was written.
            device: where to compute: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        Raises:
            ArtifactError: if one of them is missing or damaged, or they do not belong together.
        """
        index = Index.open(folder)
        home = model or Path(index.snapshot().manifest.model)
        if not home.is_dir():
            raise ArtifactError(
                "The model of this index is not here.",
                where=home,
                fix="Say where it is with --model, or run `nonet align index` again, which notes the new place.",
            )
        from nonet.align.interchange import open_model
        from nonet.foundation.devices import pick

        return cls(index, open_model(home).to(pick(device)))

    def search(self, query: Query, k: int, offset: int = 0) -> Answer:
        """The pictures nearest to a query.

        Args:
            query: what is looked for.
            k: how many results to give.
            offset: how many of the best to pass over.
        Raises:
            UsageError: if ``k`` is below 1, nothing is looked for, the parts cancel each other, or the condition does
                not hold together.
            DataError: if a picture of the query cannot be opened or is not in the index.
        """
        snapshot = self.index.snapshot()
        vector = self._compose(snapshot, query)
        own = [part.id for part in (*query.plus, *query.minus) if isinstance(part, Indexed)]
        find = partial(snapshot.search, vector[None], exclude=own, kind=query.kind, where=query.where)
        found = _collapsed(snapshot, find, k + offset, query.collapse)[offset:]
        pictures = snapshot.pictures([one.id for one in found])
        results = [
            Result(one.id, one.score, pictures[one.id], Path(pictures[one.id].path).is_file(), one.copies)
            for one in found
        ]
        return Answer(results, len(snapshot) if query.where is None else snapshot.matches(query.where))

    def probabilities(self, part: Indexed | PictureFile, labels: Sequence[str]) -> Float64[np.ndarray, " labels"]:
        """How likely each label is for a picture, if one of them is right; each is the mean of several sentences.

        Raises:
            DataError: if the picture cannot be opened or is not in the index.
        """
        picture = self._embed(self.index.snapshot(), part)
        return probabilities(picture, np.stack([self._label(label) for label in labels]), self._embedder.temperature)

    def embed_texts(self, texts: Sequence[str]) -> Float32[np.ndarray, "texts dim"]:
        """Embeddings of texts by the index's model."""
        with self._computing:
            return self._embedder.embed_texts(texts)

    def _compose(self, snapshot: Snapshot, query: Query) -> Float32[np.ndarray, " dim"]:
        return compose(
            texts=self._stack(snapshot, query.plus, words=True),
            images=self._stack(snapshot, query.plus, words=False),
            minus_texts=self._stack(snapshot, query.minus, words=True),
            minus_images=self._stack(snapshot, query.minus, words=False),
            text_weight=query.text_weight,
        )

    def _stack(self, snapshot: Snapshot, parts: tuple[Part, ...], *, words: bool) -> np.ndarray | None:
        vectors = [self._embed(snapshot, part) for part in parts if isinstance(part, Words) == words]
        return np.stack(vectors) if vectors else None

    def _embed(self, snapshot: Snapshot, part: Part) -> Float32[np.ndarray, " dim"]:
        if isinstance(part, Words):
            return self._words(part.text)
        if isinstance(part, PictureFile):
            changed = part.path.stat().st_mtime_ns if part.path.exists() else 0
            return self._file(part.path, changed)
        vectors = snapshot.vectors([part.id])
        if part.id not in vectors:
            raise DataError(f"Picture {part.id} is not in the index any more.", fix="Take it out of the query.")
        return vectors[part.id]

    def _embed_words(self, text: str) -> Float32[np.ndarray, " dim"]:
        with self._computing:
            return self._embedder.embed_texts([text])[0]

    def _embed_label(self, label: str) -> Float32[np.ndarray, " dim"]:
        with self._computing:
            return class_embeddings(self._embedder, [label], self._templates)[0]

    def _embed_file(self, path: Path, changed: int) -> Float32[np.ndarray, " dim"]:
        picture = open_for_embedding(path).picture
        with self._computing:
            return self._embedder.embed_images([picture])[0]


@dataclass(frozen=True)
class _Found:
    id: int
    score: float
    copies: int = 0


def _collapsed(snapshot: Snapshot, find: Callable[[int], Hits], wanted: int, threshold: float | None) -> list[_Found]:
    """The best results, without those that are near-duplicates of a better one."""
    if threshold is None:
        hits = find(wanted)
        return [_Found(id, score) for id, score in zip(hits.ids[0].tolist(), hits.scores[0].tolist(), strict=True)]
    looked_at = 2 * wanted + 20
    while True:
        hits = find(looked_at)
        ids = hits.ids[0].tolist()
        vectors = snapshot.vectors(ids)
        kept = _distinct(np.stack([vectors[id] for id in ids]) if ids else np.empty((0, 1)), threshold)
        if len(kept) >= wanted or len(ids) < looked_at or looked_at >= _MOST_LOOKED_AT:
            scores = hits.scores[0].tolist()
            return [_Found(ids[row], scores[row], copies) for row, copies in list(kept.items())[:wanted]]
        looked_at = min(_MOST_LOOKED_AT, 2 * looked_at)


def _distinct(vectors: np.ndarray, threshold: float) -> dict[int, int]:
    """Rows that are like no row before them, and how many rows behind are like each."""
    alike = vectors @ vectors.T >= threshold
    kept: dict[int, int] = {}
    for row in range(len(vectors)):
        better = next((one for one in kept if alike[row, one]), None)
        if better is None:
            kept[row] = 0
        else:
            kept[better] += 1
    return kept
