"""``nonet cka populations`` and ``evolve``: many networks at once: other seeds, other architectures, other times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from nonet.cka.commands.shown import Shown
from nonet.cka.config import CompareOptions

if TYPE_CHECKING:
    from torch import nn

    from nonet.cka.populations import Pairs

__all__ = ["evolve", "populations"]


_OPTIONS, _SHOWN = CompareOptions(), Shown()


def populations(
    *,
    first: tuple[str, ...],
    data: str,
    second: tuple[str, ...] = (),
    names: tuple[str, str] = ("first", "second"),
    out: Path,
    shown: tyro.conf.OmitArgPrefixes[Shown] = _SHOWN,
    options: tyro.conf.OmitArgPrefixes[CompareOptions] = _OPTIONS,
    json: bool = False,
) -> None:
    """Average similarity over pairs of networks that differ in the seed, and its deviation; of two populations, too.

    Writes a report like that of `compare`, to be looked at with `nonet serve --cka`.

    Example: nonet cka populations --first runs/a-seed* --second runs/b-seed* --data cifar10/ --out report/

    Args:
        first: networks of one architecture, as in `nonet cka compare`.
        data: pictures, or FILE.py:FUNCTION of a loader.
        second: networks of another one.
        names: what to call the two.
        out: the folder of the report.
        shown: the layers and pictures that are looked at.
        options: how similarity is measured.
        json: print for other programs.
    """
    from datetime import date

    from nonet.cka.findings import Findings
    from nonet.cka.loading import open_model
    from nonet.cka.populations import over_pairs
    from nonet.foundation import console

    sides = dict(zip(names, (first, second) if second else (first,), strict=False))
    opened = {name: [open_model(spec) for spec in specs] for name, specs in sides.items()}
    loader = shown.source(data).loader
    found = over_pairs(opened, loader, layers=list(shown.layers) or None, options=options)
    facts = {"command": console.command_line(), "data": data, **sides, **next(iter(found.values())).mean.facts}
    page = Findings(" and ".join(sides), _panels(found), facts=facts, made=date.today().isoformat()).save(out)
    console.table(
        ["networks", "pairs", "CKA at the same depth", "deviation"],
        [(name, one.count, one.matched, one.spread) for name, one in found.items()],
        title="Similarity over pairs of networks",
        as_json=json,
    )
    console.wrote(page)


def _panels(found: dict[str, Pairs]) -> list:
    import math

    import numpy as np

    from nonet.cka.findings import Panel

    panels = []
    for name, one in found.items():
        panels.append(Panel(name, one.mean, note=f"Mean CKA over {one.count} ordered pairs of networks."))
        if one.count > 1:
            note = f"Standard deviation over {one.count} ordered pairs; its square is the variance."
            top = math.ceil(10 * float(np.nanmax(one.deviation.values, initial=0.1))) / 10
            panels.append(Panel(f"deviation: {name}", one.deviation, note=note, top=top))
    return panels


def evolve(
    model: Annotated[str, tyro.conf.Positional],
    *,
    data: str,
    weights: tuple[Path, ...] = (),
    out: Path,
    shown: tyro.conf.OmitArgPrefixes[Shown] = _SHOWN,
    options: tyro.conf.OmitArgPrefixes[CompareOptions] = _OPTIONS,
    json: bool = False,
) -> None:
    """Show how layers became what they are: every checkpoint beside the last one, layer by layer.

    Writes plots of similarity to the end, first components, blocks and dominant examples over the training.

    Example: nonet cka evolve runs/resnet14-1x-seed0 --data mnist --side 14 --out evolution/

    Args:
        model: a folder that `nonet cka family --snapshots 10` wrote, or FILE.py:FUNCTION with --weights.
        data: pictures, or FILE.py:FUNCTION of a loader.
        weights: safetensors files of the checkpoints, in the order of training.
        out: the folder of report.html and report.json.
        shown: the layers and pictures that are looked at.
        options: how similarity is measured.
        json: print for other programs.
    """
    from nonet.cka.evolution import evolution
    from nonet.cka.loading import open_model
    from nonet.cka.train import checkpoints
    from nonet.foundation import console

    states: dict[str, nn.Module] = {}
    if weights:
        states |= {f"{number}: {file.stem}": open_model(model, file) for number, file in enumerate(weights)}
    else:
        states |= checkpoints(Path(model))
    loader = shown.source(data).loader
    found = evolution(states, loader, layers=list(shown.layers) or None, options=options)
    found.report({"data": data}).publish(out, console.command_line(), as_json=json)
