"""``nonet align zero-shot``, ``knn``, ``probe`` and ``finetune``: pictures told into classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from nonet.align.config import FineTuning

if TYPE_CHECKING:
    from nonet.align.zeroshot import Accuracy

__all__ = ["finetune", "knn", "probe", "zero_shot"]

Device = Literal["auto", "cpu", "cuda", "mps"]
_TUNING = FineTuning()
Model = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]


def zero_shot(
    model: Model,
    sets: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SETS")],
    names: Path | None = None,
    templates: Path | None = None,
    most: int = 0,
    device: Device = "auto",
    json: bool = False,
) -> None:
    """Classify pictures by the names of their classes alone.

    Example: nonet align zero-shot model/ imagenet/val imagenet-r/ imagenet-a/ --names names.txt

    Args:
        model: a folder made by `nonet align train`, an AlignModel or a CLIPModel.
        sets: folders with a folder for each class; several for robustness sets.
        names: what the classes are called: lines of folder, tab and name, or JSON; by default the folders' names.
        templates: sentences with {} for the name, a line each, whose embeddings are averaged; our own by default.
        most: of each class take so many pictures at most; 0 for all.
        device: where to compute.
        json: print for other programs.
    """
    from nonet.align.interchange import open_model
    from nonet.align.labelled import class_folders, class_names
    from nonet.align.zeroshot import accuracy, class_embeddings, read_templates
    from nonet.foundation.devices import pick

    opened = open_model(model).to(pick(device))
    bank = read_templates(templates)
    rows = {}
    for folder in sets:
        data = class_folders(folder, most)
        classes = class_embeddings(opened, class_names(data.classes, names), bank)
        rows[str(folder)] = accuracy(opened.embed_images(data.images) @ classes.T, data.labels)
    _show(rows, f"Zero-shot classification, {len(bank)} templates (per cent)", json)


def knn(
    model: Model,
    train: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TRAIN")],
    test: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TEST")],
    k: Annotated[int, tyro.conf.arg(aliases=["-k"])] = 10,
    most: int = 0,
    device: Device = "auto",
    json: bool = False,
) -> None:
    """Classify pictures by the nearest labelled ones.

    Example: nonet align knn model/ imagenet/train imagenet/val

    Args:
        model: a folder made by `nonet align train`, an AlignModel or a CLIPModel.
        train: labelled pictures to search among, a folder for each class.
        test: pictures to classify, with the same folders.
        k: how many neighbours vote; R@K is reported for 1, 5 and 10 whatever it is.
        most: of each class take so many pictures at most; 0 for all.
        device: where to compute.
        json: print for other programs.
    """
    from nonet.align.interchange import open_model
    from nonet.align.labelled import class_folders
    from nonet.align.neighbours import label_recall, nearest_labels, vote
    from nonet.foundation import console
    from nonet.foundation.devices import pick
    from nonet.foundation.errors import UsageError

    if k < 1:
        raise UsageError(f"{k} neighbours say nothing.", where="-k", fix="Choose 1 or more.")
    opened = open_model(model).to(pick(device))
    known = class_folders(train, most)
    asked = class_folders(test, most).relabelled(known.classes)
    found = nearest_labels(
        opened.embed_images(known.images), known.labels, opened.embed_images(asked.images), max(k, 10)
    )
    figures: dict[str, float] = {f"R@{cutoff}": label_recall(found, asked.labels, cutoff) for cutoff in (1, 5, 10)}
    figures[f"vote of {k}"] = float((vote(found[:, :k]) == asked.labels).mean())
    if json:
        console.print_json({"pictures": len(asked), "known": len(known), **figures})
    else:
        facts = {"pictures": len(asked), "among": len(known)}
        console.summary("Nearest neighbours (per cent)", facts | {n: f"{100 * v:.1f}" for n, v in figures.items()})


def probe(
    model: Model,
    train: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TRAIN")],
    test: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TEST")],
    by: Literal["both", "sgd", "lbfgs"] = "both",
    most: int = 0,
    cache: Path | None = None,
    device: Device = "auto",
    json: bool = False,
) -> None:
    """Fit a linear classifier on the frozen features of the image encoder.

    Example: nonet align probe model/ cifar10/train cifar10/test

    Args:
        model: a folder made by `nonet align train`, an AlignModel or a CLIPModel.
        train: labelled pictures to fit to, a folder for each class.
        test: labelled pictures to measure on, with the same folders.
        by: the paper's schedule of SGD, or L-BFGS with a regularisation chosen on a part of TRAIN, or both.
        most: of each class take so many pictures at most; 0 for all.
        cache: where features are kept; the user's cache by default.
        device: where to compute.
        json: print for other programs.
    """
    from nonet.align.classes import picture_views
    from nonet.align.features import default_cache
    from nonet.align.interchange import open_model
    from nonet.align.labelled import class_folders
    from nonet.align.probe import SgdSchedule, fit_lbfgs, fit_sgd
    from nonet.align.zeroshot import accuracy
    from nonet.foundation.devices import pick

    encoder = open_model(model).to(pick(device)).image_encoder
    learnt = class_folders(train, most)
    asked = class_folders(test, most).relabelled(learnt.classes)
    kept = cache or default_cache()
    views = picture_views(encoder, learnt.images, kept, mirrored=by != "lbfgs")
    features = picture_views(encoder, asked.images, kept, mirrored=False)[0]
    rows = {}
    if by != "lbfgs":
        fitted = fit_sgd(views, learnt.labels, len(learnt.classes), SgdSchedule())
        rows["SGD, the paper's schedule"] = accuracy(fitted.scores(features), asked.labels)
    if by != "sgd":
        fitted = fit_lbfgs(views[0], learnt.labels, len(learnt.classes))
        rows[f"L-BFGS, regularisation {fitted.strength:g}"] = accuracy(fitted.scores(features), asked.labels)
    _show(rows, f"Linear probe on {len(learnt):,} pictures (per cent)", json)


def finetune(
    model: Model,
    train: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TRAIN")],
    out: Path,
    test: Path | None = None,
    most: int = 0,
    tuning: tyro.conf.OmitArgPrefixes[FineTuning] = _TUNING,
    json: bool = False,
) -> None:
    """Fine-tune the image encoder to classes, batch normalisation frozen.

    Example: nonet align finetune model/ flowers/train --test flowers/test --out flower-model/ --steps 2000

    Args:
        model: a folder made by `nonet align train`, an AlignModel or a CLIPModel.
        train: labelled pictures to learn from, a folder for each class.
        out: the folder of the classifier to write; the same command goes on with a run that was interrupted.
        test: labelled pictures to measure on, with the same folders.
        most: of each class take so many pictures at most; 0 for all.
        tuning: how it learns.
        json: print for other programs.
    """
    import shutil
    from datetime import date

    from nonet.align.finetune import fine_tune
    from nonet.align.interchange import open_model
    from nonet.align.labelled import class_folders
    from nonet.align.zeroshot import accuracy
    from nonet.foundation import console
    from nonet.foundation.artifact import Card

    data = class_folders(train, most)
    asked = None if test is None else class_folders(test, most).relabelled(data.classes)
    classifier = fine_tune(open_model(model).image_encoder, data, tuning, out / "training")
    rows = {} if asked is None else {str(test): accuracy(classifier.scores(asked.images), asked.labels)}
    card = Card(
        title=f"Classifier of {len(data.classes)} classes",
        description=f"The image tower of {model}, fine-tuned with frozen batch normalisation (Jia et al. 2021, §5.3).",
        data=f"{len(data):,} pictures of {train}.",
        figures={f"top-1 on {name}, %": f"{100 * row.top_1:.1f}" for name, row in rows.items()},
        command=console.command_line(),
        date=date.today(),
    )
    classifier.save(out, card)
    shutil.rmtree(out / "training", ignore_errors=True)
    if rows:
        _show(rows, "Fine-tuned classification (per cent)", json)
    console.wrote(out)


def _show(rows: dict[str, Accuracy], title: str, json: bool) -> None:
    from nonet.foundation import artifact, console

    if json:
        console.print_json({name: artifact.plain(row) for name, row in rows.items()})
        return
    cells = [
        (
            name,
            row.pictures,
            row.classes,
            *(f"{100 * v:.1f}" for v in (row.top_1, row.top_5, row.mean_per_class, 1 / row.classes)),
        )
        for name, row in rows.items()
    ]
    columns = ["", "pictures", "classes", "top-1", "top-5", "mean per class", "chance"]
    console.table(columns, cells, title=title)
