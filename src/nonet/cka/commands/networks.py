"""``nonet cka family``, ``study`` and ``errors``: train the article's networks, judge its claims, compare errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from nonet.cka.config import RecipeConfig

if TYPE_CHECKING:
    from nonet.cka.data import Pictures
    from nonet.cka.differing import Differences

__all__ = ["errors", "family", "study"]

_RECIPE = RecipeConfig()


def family(
    *,
    out: Path,
    data: str = "mnist",
    depths: str = "14",
    widths: str = "1",
    seeds: str = "3",
    plain: bool = False,
    side: int | None = None,
    limit: int = 0,
    recipe: tyro.conf.OmitArgPrefixes[RecipeConfig] = _RECIPE,
    workers: int = 0,
    json: bool = False,
) -> None:
    """Train networks of the article: every depth, width and seed.

    The same command goes on where an interrupted one stopped, and trains nothing twice.

    Example: nonet cka family --depths 14,38 --widths 1,4 --seeds 3 --data cifar10/ --out runs/

    Args:
        out: the folder to put one folder for each network in.
        data: pictures: a folder of class folders, an archive of one, the unpacked binary CIFAR release, an .npz, or
            mnist for the packaged digits.
        depths: 6n + 2 each, such as 14,38.
        widths: factors on the number of filters, such as 1,4.
        seeds: how many, or which: 3 means 0, 1, 2; 5-9 or 0,4 name them.
        plain: leave the skip connections out.
        side: average the pictures to squares of that many pixels.
        limit: at most so many training pictures; 0 for all.
        recipe: how they learn.
        workers: processes; 0 for one per core.
        json: print for other programs.
    """
    from nonet.cka.config import NetworkConfig
    from nonet.cka.data import read
    from nonet.cka.family import members, numbers, train_family
    from nonet.foundation import console
    from nonet.foundation.errors import UsageError

    chosen = range(int(seeds)) if seeds.isdigit() else numbers(seeds, "--seeds")
    if not chosen:
        raise UsageError("No network of no seed can be trained.", where="--seeds", fix="Ask for 1 or more.")
    networks = [
        NetworkConfig(depth, width, residual=not plain)
        for depth in numbers(depths, "--depths")
        for width in numbers(widths, "--widths")
    ]
    train, test = read(data, "train", side=side, limit=limit), read(data, "test", side=side)
    runs = members(networks, list(chosen), recipe, out)
    console.note(f"{len(runs)} networks on {len(train):,} pictures of {train.images.shape[-1]} pixels.")
    trained = train_family(runs, train, test, workers=workers, command=console.command_line())
    console.table(
        ["network", "seed", "train accuracy", "test accuracy", "folder"],
        [(m.network.name, m.seed, m.train_accuracy, m.test_accuracy, m.folder) for m in trained],
        as_json=json,
    )


def study(
    *,
    out: Path,
    scale: Literal["minutes", "hours"] = "minutes",
    seed: int = 0,
    data: Path | None = None,
    pictures: str | None = None,
    seeds: int = 3,
    workers: int = 0,
    json: bool = False,
) -> None:
    """Re-make the article's claims on small networks, with controls, and write report.html and report.json.

    Networks that a former run has trained are taken as they are.

    Example: nonet cka study --pictures cifar10/ --out study/

    Args:
        out: the folder of the report and of the networks.
        scale: minutes trains on 1,000 pictures of 12 pixels, hours on 5,000 of 16.
        seed: the first of the seeds.
        data: a folder of real data sets, with CIFAR-10 in it: cifar-10-batches-bin, cifar10 or cifar10-jpg.tar.xz.
        pictures: others to learn from, as of `nonet cka family --data`; the packaged digits by default.
        seeds: of each kind of network, at least 2.
        workers: processes; 0 for one per core.
        json: print for other programs.
    """
    from nonet.cka.study import SCALES, pictures_in, study
    from nonet.foundation import console

    source = pictures or ("mnist" if data is None else str(pictures_in(data)))
    report = study(SCALES[scale], source, out, first=seed, seeds=seeds, workers=workers)
    report.publish(out, console.command_line(), as_json=json)


def errors(
    *,
    first: tuple[Path, ...],
    second: tuple[Path, ...],
    data: str = "mnist",
    side: int | None = None,
    limit: int = 0,
    count: int = 10,
    permutations: int = 999,
    seed: int = 0,
    out: Path | None = None,
    json: bool = False,
) -> None:
    """Tell on which examples and classes two populations of networks differ, beside the null of chance.

    Example: nonet cka errors --first runs/resnet14-4x-seed* --second runs/resnet38-1x-seed* --data cifar10/

    Args:
        first: folders of networks made by `nonet cka family`, two or more.
        second: folders of the other population.
        data: labelled pictures; their test split is asked.
        side: average the pictures to squares of that many pixels.
        limit: at most so many pictures; 0 for all.
        count: how many of the most different examples to show.
        permutations: of networks, for the tests of the whole.
        seed: of the permutations.
        out: a folder for the pictures of those examples, named by rank and class; none are written without it.
        json: print for other programs.
    """
    import numpy as np

    from nonet.cka.data import read
    from nonet.cka.differing import closeness, differences
    from nonet.cka.showing import write_pictures
    from nonet.cka.train import load_network, logits
    from nonet.foundation import console
    from nonet.foundation.report import Report, Table

    test = read(data, "test", side=side, limit=limit)
    answers = [
        np.stack([logits(load_network(folder), test).log_softmax(1).numpy() for folder in population])
        for population in (first, second)
    ]
    right = [population.argmax(2) == test.labels for population in answers]
    found = differences(right[0], right[1], test.labels, permutations=permutations, seed=seed)
    most = found.most_different(count)
    examples = [(int(e), test.classes[test.labels[e]], found.per_example[e], found.example_q[e]) for e in most]
    pairs = [(name, f"{same:.3f}", f"{divergence:.3f}") for name, same, divergence in closeness(*answers)]
    title = f"{len(first)} networks against {len(second)}, {len(test):,} examples"
    tables = [
        Table(title, ["measure", "value", "p"], _whole(found)),
        Table("Accuracy by class", ["class", "first minus second", "q"], _by_class(found, test)),
        Table("Agreement, means over pairs", ["pairs of networks", "same answer", "KL divergence (nats)"], pairs),
        Table("Examples that differ most", ["example", "class", "first minus second", "q"], examples),
    ]
    Report(title, tables=tables).publish(None, console.command_line(), as_json=json)
    if out is not None:
        write_pictures(test, most, out)
        console.wrote(f"{len(most)} pictures in {out}")


def _whole(found: Differences) -> list[tuple[str, float | str, float | str]]:
    halves = found.half_distance
    return [
        ("accuracy of the first", found.accuracy[0], ""),
        ("accuracy of the second", found.accuracy[1], found.accuracy_p),
        ("distance of the shares right", found.distance, found.distance_p),
        ("between random halves of all", float(found.distance_null.mean()), ""),
        ("between halves of one population", float(halves.mean()) if len(halves) else "", ""),
        ("examples that differ (q < 0.05)", int((found.example_q < 0.05).sum()), ""),
    ]


def _by_class(found: Differences, test: Pictures) -> list[tuple[str, float, float]]:
    return list(zip(test.classes, found.per_class.tolist(), found.class_q.tolist(), strict=False))
