"""``nonet cka prune`` and ``probe``: what a network could do without, and where its labels can be read off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from nonet.cka.config import ProbeOptions, PruneOptions

if TYPE_CHECKING:
    from nonet.cka.prune import Pruned, Tune

__all__ = ["probe", "prune"]

_PRUNE, _PROBE = PruneOptions(), ProbeOptions()


def prune(
    model: Annotated[str, tyro.conf.Positional],
    *,
    evaluation: Annotated[str, tyro.conf.arg(name="eval")],
    budget: str = "1%",
    data: str | None = None,
    out: Path,
    weights: Path | None = None,
    batch_size: int = 256,
    side: int | None = None,
    limit: int = 0,
    most: int = 0,
    shortlist: int = 0,
    finetune: int = 0,
    keep: tuple[str, ...] = (),
    json: bool = False,
) -> None:
    """Remove blocks that a network can do without, verified at each step.

    Half of the evaluation examples choose, the other half measures. Writes a smaller model that loads without nonet.

    Example: nonet cka prune resnet.py:make_a --weights a.safetensors --eval test/ --budget 1% --out pruned/

    Args:
        model: as in `nonet cka compare`.
        evaluation: pictures with classes, or FILE.py:FUNCTION of a loader with labels; not the training data.
        budget: accuracy that may be lost in all, such as 1% or 0.01.
        data: training pictures or loader, for --finetune.
        out: the folder of the smaller model.
        weights: a safetensors file.
        batch_size: examples in a batch of pictures.
        side: average the pictures to squares of that many pixels.
        limit: at most so many evaluation pictures; 0 for all.
        most: the largest number of blocks to remove; 0 for no limit.
        shortlist: try only so many candidates a step, those that change their input least by CKA; 0 tries all.
        finetune: optimiser steps after each removal, on --data.
        keep: names or globs of blocks that must stay.
        json: print the steps for other programs.
    """
    from dataclasses import asdict, replace

    from nonet.cka.loading import open_data, open_model
    from nonet.cka.prune import prune as run
    from nonet.cka.prune import save_model
    from nonet.foundation import console

    options = replace(_PRUNE, budget=_share(budget), most=most, shortlist=shortlist, finetune=finetune, keep=keep)
    opened = open_model(model, weights)
    source = open_data(evaluation, split="test", batch_size=batch_size, side=side, limit=limit)
    found = run(opened, source.loader, options, tune=_tuner(data, side, options))
    about = {"command": console.command_line(), "model": model, "evaluation": evaluation}
    files = save_model(found, out, next(iter(source.loader)), about)
    if json:
        console.print_json([asdict(step) for step in found.steps])
    else:
        _show(found)
    console.wrote(*(out / file for file in files))


def _tuner(data: str | None, side: int | None, options: PruneOptions) -> Tune | None:
    """What trains the network on after each removal, where that is wanted."""
    from nonet.cka.loading import open_data
    from nonet.cka.tuning import tuner
    from nonet.foundation.errors import UsageError

    if not options.finetune:
        return None
    if data is None:
        raise UsageError("Fine-tuning needs training data.", where="--finetune", fix="Name it with --data.")
    return tuner(open_data(data, split="train", batch_size=64, side=side).loader, options)


def _show(found: Pruned) -> None:
    """A table of the steps, and what the budget refused."""
    from nonet.foundation import console

    console.table(
        ["removed", "CKA in/out", "accuracy", "parameters", "ms a batch"],
        [
            (
                step.removed or "(nothing)",
                "" if step.similarity != step.similarity else f"{step.similarity:.3f}",
                f"{100 * step.accuracy:.2f} %",
                step.parameters,
                "" if step.seconds != step.seconds else f"{1000 * step.seconds:.1f}",
            )
            for step in found.steps
        ],
        title=f"Accuracy on {found.examples:,} examples that chose nothing",
    )
    if found.refused is not None:
        console.note(
            f"The next block, {found.refused.removed}, would leave {100 * found.refused.chosen_on:.2f} % on the half"
            f" that chooses, below the budget."
        )


def _share(text: str) -> float:
    from nonet.foundation.errors import UsageError

    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise UsageError(f"'{text}' is no share.", where="--budget", fix="Write 1% or 0.01.") from error


def probe(
    model: Annotated[str, tyro.conf.Positional],
    *,
    data: str,
    evaluation: Annotated[str | None, tyro.conf.arg(name="eval")] = None,
    weights: Path | None = None,
    layers: tuple[str, ...] = (),
    side: int | None = None,
    limit: int = 2000,
    report: Path | None = None,
    options: tyro.conf.OmitArgPrefixes[ProbeOptions] = _PROBE,
    json: bool = False,
) -> None:
    """Tell how well a linear classifier reads the labels off each layer.

    Example: nonet cka probe runs/resnet38-1x-seed0 --data cifar10/ --layers "*.bn2" "*.add"

    Args:
        model: as in `nonet cka compare`.
        data: labelled pictures or FILE.py:FUNCTION of a loader, to fit on.
        evaluation: others, to measure on; by default the test split of the same pictures.
        weights: a safetensors file.
        layers: names or globs; by default every leaf.
        side: average the pictures to squares of that many pixels.
        limit: at most so many pictures of each; 0 for all.
        report: a folder of `nonet cka compare` to show the curve in.
        options: how probes are fitted.
        json: print for other programs.
    """
    from dataclasses import replace

    from nonet.cka.findings import Findings
    from nonet.cka.loading import open_data, open_model
    from nonet.cka.probes import probe as run
    from nonet.foundation import console

    opened = open_model(model, weights)
    train = open_data(data, split="train", side=side, limit=limit)
    test = open_data(evaluation or data, split="test", side=side, limit=limit)
    found = run(opened, train.loader, test.loader, layers=list(layers) or None, options=options)
    console.table(
        ["layer", "accuracy", "on the training examples"],
        [(one.layer, one.accuracy, one.train_accuracy) for one in found],
        title="Linear probes, test examples",
        as_json=json,
    )
    if report is not None:
        stored = Findings.load(report)
        rows = [(one.layer, one.accuracy, one.train_accuracy) for one in found]
        replace(stored, probes={**stored.probes, stored.panels[0].map.column_model: rows}).save(report)
        console.note(f"Added the curve to {report}")
