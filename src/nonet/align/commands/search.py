"""``nonet align index``, ``search``, ``accelerate``, ``merge`` and ``remove``: an index and what is found in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from nonet.align.ann_config import AnnConfig

if TYPE_CHECKING:
    from nonet.align.indexing import Outcome
    from nonet.align.search import Answer, Part

__all__ = ["accelerate", "index", "merge", "remove", "search"]

SplitName = Literal["train", "validation", "test"]
Device = Literal["auto", "cpu", "cuda", "mps"]
_ANN = AnnConfig()


def index(
    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")],
    images: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="IMAGES")],
    out: Path,
    split: SplitName | None = None,
    batch_size: int = 32,
    device: Device = "auto",
    cache: Path | None = None,
) -> None:
    """Index pictures for search; run again, it embeds only what is new or changed.

    Example: nonet align index model/ pairs/ --out index/

    An index holds pictures of several sources: indexing another folder adds to it, and indexing the same folder again
    drops what is gone from there.

    Args:
        model: a model folder made by `nonet align train`.
        images: a folder of pictures, a pairs folder, one picture, or a text file with a path a line (and behind a tab
            a caption).
        out: the index folder, new or to be brought up to date.
        split: of a pairs folder, index only this split.
        batch_size: pictures that the model sees at once.
        device: where to compute.
        cache: where the training kept features of frozen encoders; the user's cache by default.
    """
    from nonet.align.features import default_cache, known_pictures
    from nonet.align.indexing import open_or_create, update
    from nonet.align.interchange import open_model
    from nonet.align.listing import list_pictures
    from nonet.foundation import console
    from nonet.foundation.devices import pick
    from nonet.foundation.errors import UsageError

    if batch_size < 1:
        raise UsageError(
            f"{batch_size} pictures cannot be embedded at once.", where="--batch-size", fix="Choose 1 or more."
        )
    listing = list_pictures(images, split)
    embedder = open_model(model).to(pick(device))
    opened = open_or_create(out, embedder, model)
    with console.progress("Indexing", total=len(listing.pictures)) as bar:
        known = known_pictures(embedder, cache or default_cache())
        outcome = update(opened, embedder, listing, batch=batch_size, advance=bar.advance, known=known)
    _show(out, len(opened.snapshot()), outcome)


def search(
    index: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="INDEX")],
    words: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="WORDS")] = "",
    k: Annotated[int, tyro.conf.arg(aliases=["-k"])] = 10,
    image: Path | None = None,
    plus: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = (),
    minus: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = (),
    text_weight: float | None = None,
    where: str | None = None,
    collapse: float | None = None,
    offset: int = 0,
    json: bool = False,
    sheet: Path | None = None,
    model: Path | None = None,
    device: Device = "auto",
) -> None:
    """Search an index by words, by a picture, or by both added and taken away.

    Example: nonet align search index/ --image cat.png --plus "in love" --minus crying

    Args:
        index: an index folder made by `nonet align index`.
        words: what the pictures should show.
        k: how many results to give.
        image: a picture that the results should be like.
        plus: words, or the path of a picture, to add to the query; may be given several times.
        minus: words, or the path of a picture, to take away; may be given several times.
        text_weight: of words where a picture weighs 1; by default 2, which the article found best.
        where: a condition on name, captions, width, height, path and source, as in SQL: width > 800
        collapse: show one of several pictures whose embeddings have at least this cosine, such as 0.97.
        offset: how many of the best results to pass over.
        json: print for other programs.
        sheet: also write the pictures to a file to look at, .html or .png.
        model: where the model is now, if it has moved.
        device: where to compute.
    """
    from nonet.align.contactsheet import check_name, write_sheet
    from nonet.align.filters import Condition
    from nonet.align.search import PictureFile, Query, Searcher, Words
    from nonet.foundation import console
    from nonet.foundation.errors import UsageError

    if sheet is not None:
        check_name(sheet)
    if offset < 0 or not (collapse is None or 0 < collapse <= 1):
        raise UsageError("An offset is at least 0, and a cosine to collapse at lies between 0 and 1.")
    first: list[Part] = [Words(words)] if words.strip() else []
    first += [] if image is None else [PictureFile(image)]
    condition = None if where is None else Condition.parse(where)
    query = Query((*first, *map(_part, plus)), tuple(map(_part, minus)), text_weight, condition, collapse)
    if not query.plus:
        raise UsageError(
            "Nothing is looked for.", fix='Give words or a picture: nonet align search index/ "a cat" --image cat.png'
        )
    answer = Searcher.open(index, model, device).search(query, k, offset)
    _show_answer(answer, json)
    if sheet is not None:
        write_sheet(sheet, answer.results, title=words or "nonet align search")
        console.wrote(sheet)


def accelerate(
    index: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="INDEX")],
    queries: Path | None = None,
    ann: tyro.conf.OmitArgPrefixes[AnnConfig] = _ANN,
    model: Path | None = None,
    device: Device = "auto",
    json: bool = False,
) -> None:
    """Make search in a large index fast: approximate, with a recall that is measured.

    Example: nonet align accelerate index/ --queries queries.txt --recall 0.95

    Small indexes are left as they are: exact search is fast enough below 200,000 pictures. Pictures added later are
    searched exactly until the next call.

    Args:
        index: an index folder made by `nonet align index`.
        queries: a text file with a query in words a line, such as people ask, to choose and measure with; by default
            captions of the index.
        ann: from which size on, with which recall and how.
        model: where the model is now, if it has moved.
        device: where to compute.
        json: print for other programs.
    """
    from nonet.align.acceleration import accelerate as make_fast
    from nonet.align.search import Searcher
    from nonet.foundation import console

    searcher = Searcher.open(index, model, device)
    built = make_fast(searcher, ann, queries)
    if not built and not json:
        console.say(f"No part of the index has {ann.exact_below:,} pictures: search stays exact.")
        return
    rows = [
        (name, facts.rows, facts.coding, facts.cells, kind, facts.probes[kind], facts.recall[kind], queries)
        for name, facts in built
        for kind, queries in facts.queries.items()
    ]
    columns = ["part", "pictures", "coding", "cells", "queries by", "cells looked at", "recall@10", "measured on"]
    console.table(columns, rows, title=f"Approximate search in {index}", as_json=json)


def merge(
    index: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="INDEX")],
    others: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="OTHERS")],
) -> None:
    """Add the pictures of other indexes of the same model to an index.

    Example: nonet align merge index/ holiday-index/ work-index/

    Args:
        index: the index that grows.
        others: indexes whose pictures are added; they stay as they are.
    """
    from nonet.align.index import Index
    from nonet.foundation import console

    opened = Index.open(index)
    facts: dict[str, object] = {}
    for other in others:
        added, known = opened.merge(Index.open(other).snapshot())
        facts[str(other)] = f"{added:,} pictures added, {known:,} known by their path"
    console.summary(f"Merged into {index}", {**facts, "pictures in the index": len(opened.snapshot())})


def remove(
    index: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="INDEX")],
    paths: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PATHS")] = (),
) -> None:
    """Take pictures out of an index; the files stay where they are.

    Example: nonet align remove index/ ~/Pictures/old photo.jpg

    Args:
        index: an index folder.
        paths: pictures, or folders with everything below them.
    """
    from nonet.align.index import Index
    from nonet.foundation import console
    from nonet.foundation.errors import UsageError

    if not paths:
        raise UsageError("No pictures are named.", fix="Name some: nonet align remove index/ photo.jpg")
    opened = Index.open(index)
    wanted = {path.resolve() for path in paths}
    ids = []
    met: set[Path] = set()
    for id, name in opened.snapshot().columns("path"):
        above = wanted.intersection([Path(name), *Path(name).parents])
        if above:
            ids.append(id)
            met |= above
    if unknown := sorted(wanted - met):
        raise UsageError(
            "The index holds no picture from here.", where=unknown[0], fix="Nothing was removed; check the path."
        )
    removed = opened.delete(ids)
    console.summary(f"Removed from {index}", {"pictures removed": removed, "pictures left": len(opened.snapshot())})


def _part(text: str) -> Part:
    """Words, unless they are the path of a file that is there."""
    from nonet.align.search import PictureFile, Words

    try:
        named = Path(text)
        return PictureFile(named) if named.is_file() else Words(text)
    except (OSError, ValueError):  # too long for a path, or with a null character
        return Words(text)


def _show_answer(answer: Answer, json: bool) -> None:
    from nonet.foundation import console

    if json:
        console.print_json(
            [
                {"score": result.score, "id": result.id, "path": result.picture.path, "present": result.present}
                | {"captions": result.picture.captions, "copies": result.copies}
                for result in answer.results
            ]
        )
        return
    rows = [
        (
            f"{result.score:.3f}",
            result.picture.path + ("" if result.present else "  (gone)"),
            "; ".join(result.picture.captions[:2]),
        )
        for result in answer.results
    ]
    console.table(["score", "picture", "caption"], rows)
    if not rows:
        console.note(
            f"There are only {answer.total:,} results." if answer.total else "The index holds no such pictures."
        )


def _show(out: Path, pictures: int, outcome: Outcome) -> None:
    from nonet.foundation import console

    facts: dict[str, object] = {
        "pictures in the index": pictures,
        "embedded now": outcome.embedded,
        "taken from another path": outcome.reused,
        "unchanged": outcome.unchanged,
        "dropped": outcome.dropped,
    }
    for name, reason in outcome.skipped.skipped.items():
        facts[f"skipped: {name}"] = f"{reason.count:,}  (such as {reason.examples[0]})"
    console.summary(f"Index in {out}", facts)
