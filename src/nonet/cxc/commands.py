"""``nonet cxc …``: the wing on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from nonet.cxc.config import CorrelationRules, RetrievalRules, SelectConfig, TrainConfig

if TYPE_CHECKING:
    from nonet.cxc.data import Collection
    from nonet.cxc.ratings import RatingSet
    from nonet.foundation.report import Report

__all__ = ["COMMANDS"]


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
        out: a folder for report.html, report.json and failures.html.
        retrieval: rules of the retrieval tasks.
        correlation: rules of the correlation tasks.
        json: print all figures as JSON.
    """
    import sys

    from nonet.cxc import embeddings, showing
    from nonet.cxc.evaluate import judge, material
    from nonet.foundation import console
    from nonet.foundation.errors import UsageError

    if model is None and not (images or captions):
        raise UsageError("There is nothing to judge.", fix="Give --images, --captions or --model.")
    if model is not None and (images or captions):
        raise UsageError("Embeddings and a model cannot be judged together.", fix="Give --model or the files.")
    rated, collection = _open(ratings, coco, split)
    if model is None:
        pictures, words = (path and embeddings.read_embeddings(path) for path in (images, captions))
        if coco is None and any(file and not file.ids for file in (pictures, words)):
            raise UsageError(
                "The rows of a .npy have no ids, and without a caption file their order is unknown.",
                fix="Name the caption file with --coco, or save a .npz with 'embeddings' and 'ids'.",
            )
    else:
        pictures, words = _embed(model, collection, rated, image_dir)
    given = material(rated, collection, pictures, words, retrieval)
    with console.progress("Judging", 4 + len(rated.present)) as bar:
        evaluation = judge(given, rated, retrieval, correlation, seed=correlation.seed, done=lambda _: bar.advance())
    title = name or model or "your model"
    shown = showing.report(evaluation, title, command=" ".join(["nonet", *sys.argv[1:]]), made=_today())
    if json:
        console.print_json(shown.to_dict())
    else:
        shown.show()
        _captions(shown)
    if out:
        page = shown.save(out)
        found = showing.failures(given, evaluation)
        showing.save_failures(out / "failures.html", found, given.collection, image_dir, f"Where {title} fails")
        console.note(f"Report: {page}; failing queries: {out / 'failures.html'}")


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
    console.summary(str(out), {"rated pairs": table.num_rows, "both items in the caption file": at_hand})


def select(
    images: Path,
    captions: tuple[Path, ...],
    out: Path,
    collection: Path | None = None,
    rated: Path | None = None,
    split: str = "test",
    gold: Path | None = None,
    image_dir: Path | None = None,
    config: Annotated[SelectConfig, tyro.conf.arg(name="")] = SelectConfig(),  # noqa: B008
) -> None:
    """Choose pairs worth rating: captions choose image pairs, images choose caption pairs.

    Example: nonet cxc select --images img.npy --captions minilm.npy bow.npy --pairs 2000 --out to_rate.parquet

    Args:
        images: embeddings of the images.
        captions: embeddings of the captions, from one text encoder or more (each chooses its share).
        out: the file to write, for the rating page.
        collection: captions.tsv or a COCO caption file; without it rows are numbered and every image has equally many
            captions.
        rated: a folder of ratings within a modality (`nonet cxc ratings` writes one): chooses caption–image pairs.
        split: the name that those rating files end with.
        gold: a rating file (CSV) whose pairs become control questions with known scores.
        image_dir: the folder of the pictures.
        config: how many pairs, and how biased.
    """
    from nonet.cxc.choosing import choose
    from nonet.cxc.rating.pairs import write_pairs
    from nonet.foundation import console

    chosen = choose(images, captions, collection, image_dir, out, config, rated=rated, split=split, gold=gold)
    write_pairs(out, chosen)
    counts: dict[str, int] = {}
    for pair in chosen:
        kind = "control questions" if pair.gold is not None else f"{pair.kind.upper()} ({pair.method})"
        counts[kind] = counts.get(kind, 0) + 1
    console.summary(str(out), counts)
    if image_dir is None and any(pair.left_image or pair.right_image for pair in chosen):
        console.note(f"Pictures are expected under {out.parent}; --image-dir names another folder.")
    console.note(f"Rate them: nonet serve --cxc {out}")


def raters(
    pairs: Annotated[Path, tyro.conf.Positional],
    add: tuple[str, ...] = (),
    per_pair: int | None = None,
    gold_every: int | None = None,
    closed: bool | None = None,
    address: str = "http://127.0.0.1:8000",
) -> None:
    """Invite raters to a file of pairs, show their links and how far they are, and change how it is rated.

    Example: nonet cxc raters to_rate.parquet --add Ann Ben --closed True

    Args:
        pairs: the file of pairs.
        add: names of new raters.
        per_pair: judgements wanted for each pair (5 if never set).
        gold_every: every n-th pair is a control question (10 if never set).
        closed: whether only invited raters may join.
        address: where the rating page is served.
    """
    import time
    from dataclasses import replace

    from nonet.cxc.page import open_study
    from nonet.foundation import console

    _, store = open_study(pairs)
    settings = store.settings
    changed = replace(
        settings,
        raters_per_pair=per_pair or settings.raters_per_pair,
        gold_every=gold_every or settings.gold_every,
        open=settings.open if closed is None else not closed,
    )
    if changed != settings:
        store.change_settings(changed)
    for name in add:
        store.add_rater(name, time.time())
    rows = [(rater.name, count, f"{address}/cxc/rate/{rater.token}") for rater, count in store.raters()]
    made, wanted = store.progress()
    console.table(
        ["rater", "rated", "personal link"], rows, title=f"{made:,} of {wanted:,} ratings made", right=["rated"]
    )


def ratings(pairs: Annotated[Path, tyro.conf.Positional], out: Path, split: str = "test") -> None:
    """Write the ratings made so far in the release's columns, and show how far the raters agree.

    Example: nonet cxc ratings to_rate.parquet --out ratings/

    Args:
        pairs: the file of pairs.
        out: a folder for sts_SPLIT.csv, sis_SPLIT.csv, sits_SPLIT.csv, the raw judgements and ratings.parquet.
        split: the name that the files end with.
    """
    from nonet.cxc.page import open_study
    from nonet.cxc.rating.agreement import agreement
    from nonet.cxc.rating.export import export
    from nonet.foundation import console
    from nonet.foundation.errors import DataError

    asked, store = open_study(pairs)
    judgements = store.judgements()
    if not judgements:
        raise DataError("Nothing is rated yet.", where=pairs, fix=f"Rate with: nonet serve --cxc {pairs}")
    written = export(out, split, asked, judgements)
    found = agreement(judgements, len(asked))
    rows = [(r.name, r.judged, r.with_others, r.bias, r.gold_error, r.seconds) for r in found.raters]
    columns = ["rater", "rated", "correlation with the others", "bias", "error on control questions", "seconds a pair"]
    console.table(columns, rows, title="Raters", right=columns[1:])
    facts = {"Krippendorff's alpha": found.alpha, "pairs rated twice or more": found.pairs}
    console.summary("Agreement", facts | {"files": ", ".join(path.name for path in written)})


def train(
    pairs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    out: Path,
    image_encoder: str = "efficientnet-lite0",
    text_encoder: str = "minilm",
    exclude: Path | None = None,
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = TrainConfig(),  # noqa: B008
) -> None:
    """Train a dual encoder on images and captions, on frozen features: DE_I2T, DE_T2T or DE_I2T+T2T.

    Example: nonet cxc train flickr8k/ coco/ --objective i2t+t2t --out model/

    Args:
        pairs: folders or .tar files with pictures and a captions.tsv (columns image, caption), or pairs folders of
            `nonet align pairs`.
        out: the model folder to write.
        image_encoder: the frozen image tower: efficientnet-lite0, or a folder or id of a Hugging Face model.
        text_encoder: the frozen text tower: minilm, or a folder or id.
        exclude: a folder of ratings; images that occur in them are not trained on.
        config: the objective and how it is trained.
    """
    from nonet.cxc.train import train_folder

    train_folder(pairs, out, config, image_encoder=image_encoder, text_encoder=text_encoder, exclude=exclude)


def leaderboard() -> None:
    """Show the published results on the test split and where they were printed.

    Example: nonet cxc leaderboard
    """
    from nonet.cxc.leaderboard import published
    from nonet.foundation import console

    for table in published():
        console.table(table.columns, table.rows, title=table.title)


def study(
    data: Path,
    out: Path,
    scale: Literal["minutes", "hours"] = "minutes",
    seed: int = 0,
) -> None:
    """Re-make the article's claims, and measure which choice of the protocol moves which figure.

    Example: nonet cxc study --data data/ --out report/

    Args:
        data: a folder with cxc/ (the rating files and captions_val2017.json), coco-363.tar and flickr8k-800.tar.
        out: a folder for the report.
        scale: minutes trains three small models on frozen features; hours trains longer.
        seed: the first of three seeds.
    """
    from nonet.cxc.study import StudyConfig
    from nonet.cxc.study import study as run
    from nonet.foundation import console

    made = run(StudyConfig(data=data, work=out, scale=scale, seed=seed), made=_today())
    made.show()
    console.note(f"Report: {made.save(out)}")


def _open(folder: Path, coco: Path | None, split: str) -> tuple[RatingSet, Collection]:
    from nonet.cxc.data import collection_from_ratings, read_collection
    from nonet.cxc.ratings import read_ratings

    rated = read_ratings(folder, split)
    return rated, read_collection(coco, split) if coco else collection_from_ratings(rated)


def _embed(model: str, collection: Collection, rated: RatingSet, image_dir: Path | None):
    from nonet.cxc.judging import embed_collection

    return embed_collection(model, collection.only(rated.images, rated.captions), image_dir)


def _captions(shown: Report) -> None:
    from nonet.foundation import console

    for table in shown.tables:
        if table.caption:
            console.note(f"{table.title}: {table.caption}")


def _today() -> str:
    from datetime import date

    return date.today().isoformat()


COMMANDS = {
    "evaluate": evaluate,
    "leaderboard": leaderboard,
    "merge": merge,
    "select": select,
    "raters": raters,
    "ratings": ratings,
    "train": train,
    "study": study,
}
