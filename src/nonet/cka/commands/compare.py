"""``nonet cka compare`` and ``blocks``: where two networks, or one, compute the same thing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from nonet.cka.commands.shown import Shown
from nonet.cka.config import BlockOptions, CompareOptions

if TYPE_CHECKING:
    from nonet.cka.findings import Findings

__all__ = ["blocks", "compare"]

_OPTIONS, _BLOCKS, _SHOWN = CompareOptions(), BlockOptions(), Shown()


def compare(
    models: Annotated[tuple[str, ...], tyro.conf.Positional],
    *,
    data: str,
    other_data: str | None = None,
    out: Path,
    weights: tuple[Path, ...] = (),
    shown: tyro.conf.OmitArgPrefixes[Shown] = _SHOWN,
    options: tyro.conf.OmitArgPrefixes[CompareOptions] = _OPTIONS,
    block: BlockOptions = _BLOCKS,
    no_control: bool = False,
    no_spectrum: bool = False,
    json: bool = False,
) -> None:
    """Compare the layers of a network with each other, or with those of a second network.

    Writes a folder with a page to look at, maps as .npz, and report.json.

    Example: nonet cka compare resnet.py:make_a --weights a.safetensors --data images/ --out report/

    Args:
        models: one or two: FILE.py:FUNCTION or MODULE:FUNCTION that makes a model, or a folder made by
            `nonet cka family` or save_pretrained.
        data: pictures (a folder of class folders, an archive of one, the unpacked binary CIFAR release, an .npz,
            mnist), or FILE.py:FUNCTION that makes a loader.
        other_data: the same examples in the form that the second model takes, as FILE.py:FUNCTION of a loader.
        out: the folder of the report.
        weights: a safetensors file for each model; two with one model compare it before and after.
        shown: the layers and pictures that are looked at.
        options: how similarity is measured.
        block: what counts as a block.
        no_control: leave out the comparison with the untrained network.
        no_spectrum: leave out first principal components.
        json: print the blocks for other programs.
    """
    from nonet.cka.loading import open_models
    from nonet.cka.survey import Survey, survey
    from nonet.foundation import console
    from nonet.foundation.errors import UsageError

    if not 1 <= len(models) <= 2:
        raise UsageError(f"{len(models)} models.", where="models", fix="Name one or two.")
    opened = open_models(models, weights)
    source = shown.source(data)
    loaders = {}
    if other_data is not None:
        if len(opened) < 2:
            raise UsageError("There is no second model for it.", where="--other-data", fix="Name two models.")
        loaders = {list(opened)[1]: shown.source(other_data).loader}
    state = out.parent / f".{out.name}.progress"
    plan = Survey(options, block, list(shown.layers) or None, not no_control, not no_spectrum, state, loaders)
    found = survey(opened, source, plan, _facts(data) | _accuracies(opened, source))
    page = found.save(out)
    show_blocks(found, as_json=json)
    for note in found.notes:
        console.note(note)
    console.wrote(page)


def _facts(data: str) -> dict[str, object]:
    """What a report tells of the command that made it."""
    from datetime import date

    from nonet.foundation import console

    return {"command": console.command_line(), "data": data, "made": date.today().isoformat()}


def blocks(report: Annotated[Path, tyro.conf.Positional], json: bool = False) -> None:
    """Tell where the blocks of a report are, how sure that is, and which examples dominate them.

    Example: nonet cka blocks report/

    Args:
        report: a folder made by `nonet cka compare`.
        json: print for other programs.
    """
    from nonet.cka.findings import Findings
    from nonet.foundation import console

    found = Findings.load(report)
    show_blocks(found, as_json=json)
    if json:
        return
    for name, spectrum in found.spectra.items():
        console.table(
            ["example", "class", "share of PC1"],
            [(one.example, one.label, f"{100 * one.share:.1f} %") for one in spectrum.dominant],
            title=f"Examples that dominate the first component of {name}",
        )


def show_blocks(found: Findings, *, as_json: bool = False) -> None:
    """A table of the blocks in a report's maps, or for other programs the blocks of each map."""
    from nonet.foundation import console

    if as_json:
        console.print_json({panel["title"]: panel["blocks"] for panel in found.to_dict()["panels"]})
        return
    rows, names = [], []
    for panel in found.panels:
        spectrum = found.spectra.get(panel.map.row_model)
        for block in panel.blocks or ():
            shares = [] if spectrum is None else spectrum.share[block.first : block.last + 1]
            known = [share for share in shares if share is not None and share == share]
            rows.append(
                (
                    panel.title,
                    f"{block.first}–{block.last} of {len(panel.map.rows)}",
                    *(_number(value) for value in (block.least, block.mean, block.control, block.outside)),
                    f"{block.p_value:.2g}",
                    _number(sum(known) / len(known)) if known else "",
                )
            )
            span = f"{block.first}–{block.last}: {panel.map.rows[block.first]} … {panel.map.rows[block.last]}"
            names.append(f"{panel.title} {span}")
    columns = ["map", "layers", "least", "mean", "untrained", "outside", "p", "PC1 share"]
    if rows:
        console.table(columns, rows, title="Blocks of similar layers")
        for line in names:
            console.say(line)
    else:
        console.say("No block of similar layers.")


def _number(value: float) -> str:
    return "" if value != value else f"{value:.2f}"


def _accuracies(models, source) -> dict[str, float]:
    """Test accuracy of the models, where the pictures have labels for their answers."""
    import torch

    from nonet.cka.train import accuracy

    if source.pictures is None:
        return {}
    found = {}
    for name, model in models.items():
        with torch.no_grad():
            answer = model(source.pictures.take(slice(2)).tensors()[0])
        if isinstance(answer, torch.Tensor) and answer.shape == (2, len(source.pictures.classes)):
            found[f"accuracy of {name}"] = accuracy(model, source.pictures)
    return found
