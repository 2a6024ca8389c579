"""Judges embeddings: four retrieval tasks and three correlation tasks on the part of the ratings at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nonet.cxc.config import CorrelationRules, Kind, RetrievalRules, RetrievalTask
from nonet.cxc.correlation import CorrelationResult, correlate, model_scores
from nonet.cxc.data import Collection, RatedPairs
from nonet.cxc.embeddings import Embedded, place_rows, unit_rows
from nonet.cxc.positives import Judged, judged_pairs
from nonet.cxc.ranking import Standing, both_standings, standing
from nonet.cxc.ratings import RatingSet, TwiceRated, twice_rated
from nonet.cxc.retrieval import RetrievalResult, retrieval_result
from nonet.foundation.errors import DataError, UsageError

__all__ = ["Coverage", "Evaluation", "Material", "Scored", "TaskRun", "judge", "material", "task_name"]

TASKS: tuple[RetrievalTask, ...] = ("i2t", "t2i", "t2t", "i2i")
_Sides = Mapping[str, Float[np.ndarray, "_ _"]]  # "i" and "t", as far as there are embeddings


@dataclass(frozen=True)
class Material:
    """Embeddings in the order of the collection that they cover.

    Attributes:
        collection: the images and captions at hand.
        images: one vector an image, or None without embeddings of images.
        captions: one vector a caption, or None without embeddings of captions.
        notes: what the reader should know of rows left out or suspicious.
    """

    collection: Collection
    images: Float[np.ndarray, "images dim"] | None
    captions: Float[np.ndarray, "captions text_dim"] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """Which part of the ratings is at hand.

    Attributes:
        images: rated images at hand.
        all_images: images in the ratings.
        captions: rated captions at hand.
        all_captions: captions in the ratings.
        pairs: for each kind, rated pairs at hand and in the ratings.
    """

    images: int
    all_images: int
    captions: int
    all_captions: int
    pairs: tuple[tuple[Kind, int, int], ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return all(here == there for _, here, there in self.pairs)


@dataclass(frozen=True)
class TaskRun:
    """A retrieval task with what its figures came from."""

    result: RetrievalResult
    judged: Judged
    places: Standing


@dataclass(frozen=True)
class Scored:
    """Rated pairs and the model's similarity of each."""

    pairs: RatedPairs
    similarity: Float[np.ndarray, " pairs"]


@dataclass(frozen=True)
class Evaluation:
    """Every figure of one model on one split, and the rules they were made by.

    Attributes:
        split: of the ratings.
        coverage: which part of the ratings was at hand.
        retrieval: the retrieval tasks that could be run.
        correlation: the correlation tasks that could be run.
        scores: what each correlation was made from.
        skipped: why tasks could not be run.
        twice: agreement of pairs that were rated in both orders.
        retrieval_rules: of the retrieval tasks.
        correlation_rules: of the correlation tasks.
        notes: what the reader should know of the embeddings.
    """

    split: str
    coverage: Coverage
    retrieval: tuple[TaskRun, ...]
    correlation: tuple[CorrelationResult, ...]
    scores: tuple[Scored, ...]
    skipped: tuple[str, ...]
    twice: TwiceRated | None
    retrieval_rules: RetrievalRules
    correlation_rules: CorrelationRules
    notes: tuple[str, ...]


def material(
    ratings: RatingSet,
    collection: Collection,
    images: Embedded | None,
    captions: Embedded | None,
    rules: RetrievalRules,
) -> Material:
    """Puts embeddings into the order of the collection and cuts both to what is there.

    Raises:
        UsageError: if there are no embeddings.
        DataError: if the embeddings do not fit the collection.
    """
    if images is None and captions is None:
        raise UsageError("There are no embeddings.", fix="Give --images, --captions or --model.")
    rated = collection.only(ratings.images, ratings.captions) if rules.gallery == "rated" else collection
    if not rated.images:
        raise DataError(
            f"None of its {len(collection.images):,} images is in the ratings of the split '{ratings.split}'.",
            where="--coco",
            fix="Take the caption file of the same images, or another --split.",
        )
    placed_images = images and place_rows(images, rated.images, collection.images, "--images")
    placed_captions = captions and place_rows(captions, rated.captions, collection.captions, "--captions")
    part = rated.only(
        placed_images.ids if placed_images else rated.images,
        placed_captions.ids if placed_captions else rated.captions,
    )
    rows = {name: row for row, name in enumerate(placed_captions.ids)} if placed_captions else {}
    made = Material(
        collection=part,
        images=placed_images.rows if placed_images else None,
        captions=placed_captions.rows[[rows[name] for name in part.captions]] if placed_captions else None,
    )
    ignored = [
        f"{placed.ignored:,} rows of {name} belong to items that the ratings do not know and were left out."
        for name, placed in (("--images", placed_images), ("--captions", placed_captions))
        if placed and placed.ignored
    ]
    return Material(part, made.images, made.captions, (*ignored, *_suspicions(made)))


def _suspicions(made: Material) -> list[str]:
    """Rows in a wrong order give figures like chance, which looks like a bad model; so it is said."""
    images, captions, collection = made.images, made.captions, made.collection
    if images is None or captions is None or images.shape[1] != captions.shape[1] or len(images) < 2:
        return []
    margin = order_margin(images, captions, collection.image_of)
    if margin > 4 or len(captions) < 50:
        return []
    return ["Captions are no more similar to their own image than to another: are the rows in the order of the file?"]


def order_margin(
    images: Float[np.ndarray, "images dim"],
    captions: Float[np.ndarray, "captions dim"],
    image_of: Int[np.ndarray, " captions"],
) -> float:
    """How much more similar a caption is to its own image than to the image before it, in standard errors."""
    own = np.einsum("ij,ij->i", captions, images[image_of])
    other = np.einsum("ij,ij->i", captions, images[image_of - 1])
    margin = own - other
    spread = margin.std()
    return float(margin.mean() / spread * np.sqrt(len(margin))) if spread > 0 else 0.0


def judge(
    given: Material,
    ratings: RatingSet,
    retrieval: RetrievalRules | None = None,
    correlation: CorrelationRules | None = None,
    *,
    seed: int = 0,
    done: Callable[[str], object] = lambda task: None,
) -> Evaluation:
    """Runs every task that the material allows.

    Args:
        given: embeddings and their collection.
        ratings: of one split.
        retrieval: rules of the retrieval tasks.
        correlation: rules of the correlation tasks.
        seed: of the intervals' resampling.
        done: called with a task's name when it is done.
    """
    retrieval, correlation = retrieval or RetrievalRules(), correlation or CorrelationRules()
    rated: dict[Kind, RatedPairs] = {part.kind: RatedPairs.at_hand(part, given.collection) for part in ratings.present}
    sides = _sides(given, retrieval.similarity)
    runs, not_searched = _retrieved(given.collection, rated, sides, retrieval, seed, done)
    sides = sides if correlation.similarity == retrieval.similarity else _sides(given, correlation.similarity)
    correlations, scores, not_correlated = _correlated(given.collection, rated, sides, correlation, done)
    return Evaluation(
        split=ratings.split,
        coverage=_coverage(given.collection, ratings, rated),
        retrieval=tuple(runs),
        correlation=tuple(correlations),
        scores=tuple(scores),
        skipped=(*not_searched, *not_correlated),
        twice=twice_rated(ratings.sis, retrieval.sis_at_least) if ratings.sis else None,
        retrieval_rules=retrieval,
        correlation_rules=correlation,
        notes=given.notes,
    )


def _retrieved(
    collection: Collection,
    rated: Mapping[Kind, RatedPairs],
    sides: _Sides,
    rules: RetrievalRules,
    seed: int,
    done: Callable[[str], object],
) -> tuple[list[TaskRun], list[str]]:
    """The retrieval tasks that can be run, and why the others cannot."""
    skipped: list[str] = []
    runs: list[TaskRun] = []
    for tasks in (TASKS[:2], TASKS[2:3], TASKS[3:]):  # the first two share their products
        judgements: dict[RetrievalTask, Judged] = {}
        for task in tasks:
            reason = _cannot(task[0], task[2], sides)
            judged = None if reason else judged_pairs(task, rated, collection, rules)
            if judged is not None and judged.positive.any():
                judgements[task] = judged
            else:
                skipped.append(f"{task_name(task)}: {reason or 'no positive pair is at hand under these rules.'}")
        places = _places(judgements, sides, rules)
        for task, judged in judgements.items():
            cluster = np.arange(len(collection.images)) if task[0] == "i" else collection.image_of
            result = retrieval_result(task, judged, places[task], rules, cluster, seed)
            runs.append(TaskRun(result, judged, places[task]))
        for task in tasks:
            done(task_name(task))
    return runs, skipped


def _correlated(
    collection: Collection,
    rated: Mapping[Kind, RatedPairs],
    sides: _Sides,
    rules: CorrelationRules,
    done: Callable[[str], object],
) -> tuple[list[CorrelationResult], list[Scored], list[str]]:
    """The correlation tasks that can be run, what they were made from, and why the others cannot."""
    correlations, scores, skipped = [], [], []
    for kind, pairs in rated.items():
        left, right = _SIDES[kind]
        reason = _cannot(left, right, sides)
        try:
            if not reason:
                similarity = model_scores(pairs, sides[left], sides[right])
                correlations.append(correlate(pairs, similarity, rules, collection.image_of))
                scores.append(Scored(pairs, similarity))
        except DataError as error:
            reason = str(error)
        if reason:
            skipped.append(f"{kind.upper()}: {reason}")
        done(kind.upper())
    return correlations, scores, skipped


_SIDES: dict[Kind, tuple[str, str]] = {"sts": ("t", "t"), "sis": ("i", "i"), "sits": ("t", "i")}


def task_name(task: RetrievalTask) -> str:
    """The name in tables, such as I→T."""
    return f"{task[0].upper()}→{task[2].upper()}"


def _sides(given: Material, similarity: str) -> _Sides:
    """The embeddings by modality, scaled to length 1 for cosines."""
    sides = {side: rows for side, rows in (("i", given.images), ("t", given.captions)) if rows is not None}
    if similarity == "dot":
        return sides
    return {side: unit_rows(rows, "--images" if side == "i" else "--captions") for side, rows in sides.items()}


def _cannot(query: str, item: str, sides: _Sides) -> str | None:
    names = {"i": "images", "t": "captions"}
    missing = [names[side] for side in dict.fromkeys((query, item)) if side not in sides]
    if missing:
        return f"no embeddings of {' and '.join(missing)}."
    if sides[query].shape[1] != sides[item].shape[1]:
        return f"images have {sides['i'].shape[1]} dimensions and captions {sides['t'].shape[1]}."
    return None


def _places(
    judgements: dict[RetrievalTask, Judged], sides: _Sides, rules: RetrievalRules
) -> dict[RetrievalTask, Standing]:
    if {"i2t", "t2i"} <= judgements.keys():
        both = both_standings(sides["i"], sides["t"], judgements["i2t"], judgements["t2i"])
        return dict(zip(("i2t", "t2i"), both, strict=True))
    return {
        task: standing(sides[task[0]], sides[task[2]], judged, self_match=rules.self_match)
        for task, judged in judgements.items()
    }


def _coverage(collection: Collection, ratings: RatingSet, rated: dict[Kind, RatedPairs]) -> Coverage:
    return Coverage(
        images=_known(collection.images, ratings.images),
        all_images=len(ratings.images),
        captions=_known(collection.captions, ratings.captions),
        all_captions=len(ratings.captions),
        pairs=tuple((kind, len(pairs.score), pairs.total) for kind, pairs in rated.items()),
    )


def _known(ids: Sequence[str], rated: frozenset[str]) -> int:
    return sum(name in rated for name in ids)
