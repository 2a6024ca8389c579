"""``nonet cka family``: train the article's networks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import tyro

from nonet.cka.config import RecipeConfig

__all__ = ["family", "study"]

_RECIPE = RecipeConfig()


def family(
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
    """
    import shlex
    import sys

    from nonet.cka.config import NetworkConfig
    from nonet.cka.data import read
    from nonet.cka.family import members, numbers, train_family
    from nonet.foundation import console

    chosen = range(int(seeds)) if seeds.isdigit() else numbers(seeds, "--seeds")
    networks = [
        NetworkConfig(depth, width, residual=not plain)
        for depth in numbers(depths, "--depths")
        for width in numbers(widths, "--widths")
    ]
    train, test = read(data, "train", side=side, limit=limit), read(data, "test", side=side)
    runs = members(networks, list(chosen), recipe, out)
    console.note(f"{len(runs)} networks on {len(train):,} pictures of {train.images.shape[-1]} pixels.")
    trained = train_family(runs, train, test, workers=workers, command=shlex.join(["nonet", *sys.argv[1:]]))
    console.table(
        ["network", "seed", "train accuracy", "test accuracy", "folder"],
        [(m.network.name, m.seed, m.train_accuracy, m.test_accuracy, m.folder) for m in trained],
        right=["seed", "train accuracy", "test accuracy"],
    )



def study(
    out: Path,
    data: str = "mnist",
    scale: Literal["minutes", "hours"] = "minutes",
    seeds: int = 3,
    workers: int = 0,
    json: bool = False,
) -> None:
    """Re-make the article's claims on small networks, with controls, and write report.html and report.json.

    Networks that a former run has trained are taken as they are.

    Example: nonet cka study --data cifar10/ --out study/

    Args:
        out: the folder of the report and of the networks.
        data: pictures, as in `nonet cka family`.
        scale: minutes trains on 1,000 pictures of 12 pixels, hours on 5,000 of 32.
        seeds: of each kind of network, at least 2.
        workers: processes; 0 for one per core.
        json: print for other programs.
    """
    import datetime
    import shlex
    import sys
    from dataclasses import replace

    from nonet.cka.study import SCALES, study
    from nonet.foundation import console

    report = study(SCALES[scale], data, out, seeds=seeds, workers=workers)
    facts = {"command": shlex.join(["nonet", *sys.argv[1:]]), **report.facts}
    report = replace(report, made=datetime.date.today().isoformat(), facts=facts)
    page = report.save(out)
    if json:
        console.print_json(report.to_dict())
        return
    report.show()
    console.say(f"Wrote {page}")
