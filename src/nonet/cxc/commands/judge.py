"""``nonet cxc evaluate``, ``merge`` and ``leaderboard``: embeddings against people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nonet.cxc.config import CorrelationRules, RetrievalRules

if TYPE_CHECKING:
    from nonet.cxc.evaluate import Material
    from nonet.cxc.ratings import RatingSet
    from nonet.foundation.report import Report

__all__ = ["evaluate", "leaderboard", "merge"]


def evaluate(
    ratings: Path,
    coco: Path | None = None,
    images: Path | None = None,
    captions: Path | None = None,
    model: str | None = None,
    image_dir: Path | None = None,
    split: str = "test",
    name: str | None = None,
    out: Path | None = None,
    retrieval: RetrievalRules = RetrievalRules(),  # noqa: B008
    correlation: CorrelationRules = CorrelationRules(),  # noqa: B008
    json: bool = False,
) -> None:
    """Judge embeddings, or a model, in four retrieval and three correlation tasks.

    Embeddings come as .npy with rows in the order of the caption file, or as .npz (`embeddings`, `ids`) or .parquet
    (`embedding`, `id`) in any order. What is missing is left out, and said. Every rule of the protocol is an option.

    Example: nonet cxc evaluate --ratings cxc/data --coco dataset_coco.json --images images.npy --captions captions.npy

    Args:
        ratings: the folder of the rating files (sts_test.csv, sis_test.csv, sits_test.csv).
        coco: Karpathy's dataset_coco.json, a COCO caption file, or a captions.tsv; not needed with ids.
        images: embeddings of the images.
        captions: embeddings of the captions.
        model: instead of embeddings: a model folder of ours, or a folder or id of a Hugging Face model.
        image_dir: the folder of the pictures, for --model and for the pictures in the report.
        split: val or test, or the name that your own rating files end with.
        name: the model's name in the tables.
        out: a folder for report.html, report.json and failures.html; none are written without it.
        retrieval: rules of the retrieval tasks.
        correlation: rules of the correlation tasks.
        json: print for other programs.
    """
    from datetime import date

    from nonet.cxc import showing
    from nonet.cxc.evaluate import judge
    from nonet.foundation import console

    rated, given = _given(ratings, coco, images, captions, model, image_dir, split, retrieval)
    with console.progress("Judging", 4 + len(rated.present)) as bar:
        evaluation = judge(given, rated, retrieval, correlation, seed=correlation.seed, done=lambda _: bar.advance())
    title = name or model or "your model"
    shown = showing.report(evaluation, title, command=console.command_line(), made=date.today().isoformat())
    shown.publish(out, console.command_line(), as_json=json)
    if not json:
        _captions(shown)
    if out:
        found = showing.failures(given, evaluation)
        showing.save_failures(out / "failures.html", found, given.collection, image_dir, f"Where {title} fails")
        console.wrote(out / "failures.html")


def leaderboard(json: bool = False) -> None:
    """Show the published results on the test split and where they were printed.

    Example: nonet cxc leaderboard

    Args:
        json: print for other programs.
    """
    from nonet.cxc.leaderboard import published
    from nonet.foundation import console
    from nonet.foundation.report import Report

    report = Report("Published results on the test split", tables=published())
    report.publish(None, console.command_line(), as_json=json)


def merge(ratings: Path, coco: Path, out: Path, split: Literal["val", "test", "both"] = "both") -> None:
    """Join all three kinds of ratings with the captions, as one Parquet table.

    Example: nonet cxc merge --coco dataset_coco.json --ratings cxc/data --out cxc.parquet

    Args:
        ratings: the folder of the rating files.
        coco: Karpathy's dataset_coco.json, a COCO caption file, or a captions.tsv.
        out: the file to write.
        split: which ratings.
    """
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    from nonet.cxc.data import merged_rows, read_collection
    from nonet.cxc.ratings import read_ratings
    from nonet.foundation import console
    from nonet.foundation.files import atomic_write

    parts = []
    for chosen in ("val", "test") if split == "both" else (split,):
        parts.append(arrow.table(merged_rows(read_ratings(ratings, chosen), read_collection(coco, chosen))))
    table = arrow.concat_tables(parts, promote_options="permissive")
    with atomic_write(out) as file:
        parquet.write_table(table, file)
    at_hand = sum(table["at_hand"].to_pylist())
    console.summary(f"Ratings in {out}", {"rated pairs": table.num_rows, "both items in the caption file": at_hand})


def _given(
    ratings: Path,
    coco: Path | None,
    images: Path | None,
    captions: Path | None,
    model: str | None,
    image_dir: Path | None,
    split: str,
    rules: RetrievalRules,
) -> tuple[RatingSet, Material]:
    """The ratings, and what is judged against them: embeddings as given, or made by the model."""
    from nonet.cxc.data import collection_from_ratings, read_collection
    from nonet.cxc.embeddings import read_embeddings
    from nonet.cxc.evaluate import material
    from nonet.cxc.ratings import read_ratings
    from nonet.foundation.errors import UsageError

    if model is None and not (images or captions):
        raise UsageError("There is nothing to judge.", fix="Give --images, --captions or --model.")
    if model is not None and (images or captions):
        raise UsageError("Embeddings and a model cannot be judged together.", fix="Give --model or the files.")
    rated = read_ratings(ratings, split)
    collection = read_collection(coco, split) if coco else collection_from_ratings(rated)
    if model is not None:
        from nonet.cxc.judging import embed_collection

        pictures, words = embed_collection(model, collection.only(rated.images, rated.captions), image_dir)
    else:
        pictures, words = (path and read_embeddings(path) for path in (images, captions))
        if coco is None and any(file and not file.ids for file in (pictures, words)):
            raise UsageError(
                "The rows of a .npy have no ids, and without a caption file their order is unknown.",
                fix="Name the caption file with --coco, or save a .npz with 'embeddings' and 'ids'.",
            )
    return rated, material(rated, collection, pictures, words, rules)


def _captions(shown: Report) -> None:
    from nonet.foundation import console

    for table in shown.tables:
        if table.caption:
            console.note(f"{table.title}: {table.caption}")
