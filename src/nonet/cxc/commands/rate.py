"""``nonet cxc select``, ``raters`` and ``ratings``: from your pictures to ratings of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from nonet.cxc.config import SelectConfig

__all__ = ["raters", "ratings", "select"]


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
    console.summary(f"Pairs to rate in {out}", counts)
    found, wanted = sum(pair.gold is None for pair in chosen), config.pairs + config.originals + config.co_captions
    if found < wanted:
        console.note(f"{found:,} pairs of the {wanted:,} wanted: of some kind there are no more to choose.")
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
    json: bool = False,
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
        json: print for other programs.
    """
    import time
    from dataclasses import replace

    from nonet.cxc.page import open_study
    from nonet.foundation import console

    _, store = open_study(pairs)
    settings = store.settings
    changed = replace(
        settings,
        raters_per_pair=settings.raters_per_pair if per_pair is None else per_pair,
        gold_every=settings.gold_every if gold_every is None else gold_every,
        open=settings.open if closed is None else not closed,
    )
    if changed != settings:
        store.change_settings(changed)
    for name in add:
        store.add_rater(name, time.time())
    rows = [(rater.name, count, f"{address}/cxc/rate/{rater.token}") for rater, count in store.raters()]
    made, wanted = store.progress()
    console.table(["rater", "rated", "personal link"], rows, title=f"{made:,} of {wanted:,} ratings made", as_json=json)


def ratings(pairs: Annotated[Path, tyro.conf.Positional], out: Path, split: str = "test", json: bool = False) -> None:
    """Write the ratings made so far in the release's columns, and show how far the raters agree.

    Example: nonet cxc ratings to_rate.parquet --out ratings/

    Args:
        pairs: the file of pairs.
        out: a folder for sts_SPLIT.csv, sis_SPLIT.csv, sits_SPLIT.csv, the raw judgements and ratings.parquet.
        split: the name that the files end with.
        json: print the agreement for other programs.
    """
    from dataclasses import asdict

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
    if json:
        console.print_json(asdict(found))
        return
    rows = [(r.name, r.judged, r.with_others, r.bias, r.gold_error, r.seconds) for r in found.raters]
    columns = ["rater", "rated", "correlation with the others", "bias", "error on control questions", "seconds a pair"]
    console.table(columns, rows, title="Raters")
    facts = {"Krippendorff's alpha": found.alpha, "pairs rated twice or more": found.pairs}
    console.summary("Agreement", facts | {"files": ", ".join(path.name for path in written)})
