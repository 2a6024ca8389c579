"""The whole look at one or two models: maps, controls, components, blocks, dominant examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from nonet.cka.blocks import find_blocks, untrained
from nonet.cka.comparing import accumulate, compare
from nonet.cka.config import BlockOptions, CompareOptions
from nonet.cka.findings import Dominant, Findings, Panel, Spectrum
from nonet.cka.loading import Source
from nonet.cka.selecting import Layers
from nonet.cka.showing import picture
from nonet.cka.similarity import Similarity, from_sums
from nonet.cka.spectrum import Principal, principal

__all__ = ["Survey", "survey"]

CONTROL = "untrained"
_DOMINANT = 10


@dataclass(frozen=True)
class Survey:
    """What to look at.

    Attributes:
        options: how similarity is measured.
        blocks: what counts as a block.
        layers: which modules.
        control: whether to compare with the untrained network, when it is one model.
        spectrum: whether to find first principal components.
        state: a file to keep progress in.
        loaders: of models, by name, that take the same examples in another form.
    """

    options: CompareOptions = field(default_factory=CompareOptions)
    blocks: BlockOptions = field(default_factory=BlockOptions)
    layers: Layers = None
    control: bool = True
    spectrum: bool = True
    state: Path | None = None
    loaders: Mapping[str, Iterable[Any]] = field(default_factory=dict)


def survey(models: Mapping[str, nn.Module], source: Source, plan: Survey, facts: Mapping[str, Any]) -> Findings:
    """Compares a model with itself and with its untrained self, or two models with each other.

    Args:
        models: one or two, by name.
        source: the data.
        plan: what to look at.
        facts: what the report should tell beside (command, date under ``made``).
    """
    notes: list[str] = []
    alone = len(models) == 1
    shown = dict(models)
    if alone and plan.control:
        fresh, kept = untrained(next(iter(models.values())))
        shown[CONTROL] = fresh
        if kept:
            notes.append(f"The untrained control keeps trained weights of {len(kept)} modules, such as {kept[0]}.")
    maps = compare(
        shown, source.loader, layers=plan.layers, loaders=plan.loaders, options=plan.options, state=plan.state
    )
    components: dict[str, Principal] = {}
    if plan.spectrum:
        for name, model in models.items():
            components[name] = principal(
                model, plan.loaders.get(name, source.loader), layers=plan.layers, options=plan.options
            )
    names = list(models)
    control = maps[CONTROL, CONTROL].values if CONTROL in shown else None
    panels = _main_panels(maps, names, plan, control)
    if CONTROL in shown:
        panels.append(Panel("untrained", maps[CONTROL, CONTROL], note="The same network with new random weights."))
    if components:
        panels += _component_panels(models, source, plan, components, maps)
    main = panels[0].map
    notes += _remarks(main)
    spectra = {name: _spectrum(found, source, panels[0].blocks) for name, found in components.items()}
    told = {**{key: value for key, value in facts.items() if key != "made"}, **main.facts}
    return Findings(" and ".join(names), panels, spectra, {}, told, notes, str(facts.get("made", "")))


def _main_panels(
    maps: Mapping[tuple[str, str], Similarity], names: list[str], plan: Survey, control: np.ndarray | None
) -> list[Panel]:
    if len(names) == 1:
        own = maps[names[0], names[0]]
        return [Panel("CKA", own, find_blocks(own.values, plan.blocks, control))]
    across = maps[names[0], names[1]]
    panels = [Panel(f"{names[0]} and {names[1]}", across, note="Rows are layers of the first model.")]
    for name in names:
        own = maps[name, name]
        panels.append(Panel(name, own, find_blocks(own.values, plan.blocks)))
    return panels


def _component_panels(
    models: Mapping[str, nn.Module],
    source: Source,
    plan: Survey,
    components: Mapping[str, Principal],
    maps: Mapping[tuple[str, str], Similarity],
) -> list[Panel]:
    """The squared cosines of first components, and similarity without them."""
    sums = accumulate(
        models,
        source.loader,
        layers=plan.layers,
        loaders=plan.loaders,
        options=replace(plan.options, tolerance=None),
        directions={name: found.directions for name, found in components.items()},
    )
    first, last = next(iter(models)), list(models)[-1]
    without = from_sums(sums)[first, last]
    cosines = _cosines(components[first], components[last])
    base = maps[first, last]
    empty = np.full_like(cosines, np.nan)
    shown = replace(
        base, rows=components[first].layers, columns=components[last].layers, values=cosines, error=empty, reasons={}
    )
    return [
        Panel("cosines of PC1", shown, note="Squared cosines between first principal components over the data."),
        Panel("without PC1", without, note="CKA after the data set's first principal component is taken out."),
    ]


def _cosines(left: Principal, right: Principal) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        units = [found.scores / np.linalg.norm(found.scores, axis=1, keepdims=True) for found in (left, right)]
    return np.square(units[0] @ units[1].T).astype(np.float64)


def _spectrum(found: Principal, source: Source, blocks: Any) -> Spectrum:
    """The components, with the examples that dominate the longest block (all layers where there is none)."""
    rows = range(blocks[0].first, blocks[0].last + 1) if blocks else None
    examples, shares = found.dominant(rows, _DOMINANT)
    pictures = source.pictures
    dominant = [
        Dominant(
            int(example),
            float(share),
            picture(pictures.images[example]) if pictures is not None else "",
            pictures.classes[pictures.labels[example]] if pictures is not None else "",
        )
        for example, share in zip(examples, shares, strict=True)
    ]
    return Spectrum(found.layers, found.share.tolist(), found.second.tolist(), dominant)


def _remarks(main: Similarity) -> list[str]:
    notes = [f"{name}: {reason}." for name, reason in main.reasons.items()]
    if left := main.facts.get("left_out_examples"):
        notes.append(f"{left} examples of a last batch too small for HSIC₁ were left out.")
    reach = main.half_width()
    if np.isfinite(reach):
        notes.append(f"95 % intervals reach at most {reach:.3f} to either side.")
    else:
        notes.append("One batch gives no interval; use smaller batches or more data.")
    for model, skipped in main.facts.get("skipped", {}).items():
        name, reason = next(iter(skipped.items()))
        notes.append(f"{model}: {len(skipped)} outputs are not shown, such as {name}, which {reason}.")
    return notes
