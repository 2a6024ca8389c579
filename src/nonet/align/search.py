"""Search: a query of words and pictures, added and taken away, against an index."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
from jaxtyping import Float32

from nonet.align.embedder import Embedder, open_for_embedding
from nonet.align.index import Index, Snapshot
from nonet.align.indexing import check_model
from nonet.align.query import compose
from nonet.align.segments import Picture
from nonet.foundation.errors import ArtifactError, DataError

__all__ = ["Answer", "Indexed", "Part", "PictureFile", "Query", "Result", "Searcher", "Words"]

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
    """

    plus: tuple[Part, ...]
    minus: tuple[Part, ...] = ()
    text_weight: float | None = None


@dataclass(frozen=True)
class Result:
    """A picture that was found.

    Attributes:
        id: in the index.
        score: cosine similarity with the query.
        picture: what the index knows of it.
        present: whether its file is still there.
    """

    id: int
    score: float
    picture: Picture
    present: bool


@dataclass(frozen=True)
class Answer:
    """What a search found.

    Attributes:
        results: best first.
        total: how many pictures were compared.
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

    @classmethod
    def open(cls, folder: Path, model: Path | None = None, device: str = "auto") -> Searcher:
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
        from nonet.align.model import DualEncoder
        from nonet.align.train import pick_device

        return cls(index, DualEncoder.load(home).to(pick_device(device)))

    def search(self, query: Query, k: int, offset: int = 0) -> Answer:
        """The pictures nearest to a query.

        Args:
            query: what is looked for.
            k: how many results to give.
            offset: how many of the best to pass over.
        Raises:
            UsageError: if ``k`` is below 1, or nothing is looked for, or the parts cancel each other.
            DataError: if a picture of the query cannot be opened or is not in the index.
        """
        snapshot = self.index.snapshot()
        vector = self._compose(snapshot, query)
        own = [part.id for part in (*query.plus, *query.minus) if isinstance(part, Indexed)]
        hits = snapshot.search(vector[None], k + offset, exclude=own)
        ids, scores = hits.ids[0, offset:].tolist(), hits.scores[0, offset:].tolist()
        pictures = snapshot.pictures(ids)
        results = [
            Result(id, score, pictures[id], Path(pictures[id].path).is_file())
            for id, score in zip(ids, scores, strict=True)
        ]
        return Answer(results, len(snapshot))

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

    def _embed_file(self, path: Path, changed: int) -> Float32[np.ndarray, " dim"]:
        picture = open_for_embedding(path).picture
        with self._computing:
            return self._embedder.embed_images([picture])[0]
