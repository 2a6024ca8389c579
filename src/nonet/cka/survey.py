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

_DOMINANT = 10


@dataclass(frozen=True)
class Survey:
    """What to look at.

    Attributes:
        options: how similarity is measured.
        blocks: what counts as a block.
        layers: which modules.
        control: whether to set the untrained networks beside.
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
    """Compares a model with itself, or two with each other, and sets the same of the untrained networks beside.

    Args:
        models: one or two, by name.
        source: the data.
        plan: what to look at.
        facts: what the report should tell beside (command, date under ``made``).
    """
    notes: list[str] = []
    fresh = _untrained(models, notes) if plan.control else {}
    loaders = {**plan.loaders, **{_control(name): loader for name, loader in plan.loaders.items() if fresh}}
    maps = compare(
        {**models, **fresh}, source.loader, layers=plan.layers, loaders=loaders, options=plan.options, state=plan.state
    )
    components: dict[str, Principal] = {}
    if plan.spectrum:
        for name, model in models.items():
            components[name] = principal(
                model, plan.loaders.get(name, source.loader), layers=plan.layers, options=plan.options
            )
    panels = _main_panels(maps, list(models), plan)
    if fresh:
        panels.append(_control_panel(maps, list(models)))
        notes += _against_control(panels[0].map, panels[-1].map)
    if components:
        panels += _component_panels(models, source, plan, components, maps)
    main = panels[0].map
    notes += _remarks(main)
    spectra = {name: _spectrum(found, source, panels[0].blocks) for name, found in components.items()}
    told = {**{key: value for key, value in facts.items() if key != "made"}, **main.facts}
    return Findings(" and ".join(models), panels, spectra, {}, told, notes, str(facts.get("made", "")))


def _control(name: str) -> str:
    return f"untrained {name}"


def _untrained(models: Mapping[str, nn.Module], notes: list[str]) -> dict[str, nn.Module]:
    """Each model with new random weights, of other seeds; notes tell where weights could not be renewed."""
    found = {}
    for seed, (name, model) in enumerate(models.items()):
        found[_control(name)], kept = untrained(model, seed)
        if kept:
            notes.append(f"The untrained {name} keeps trained weights of {len(kept)} modules, such as {kept[0]}.")
    return found


def _main_panels(maps: Mapping[tuple[str, str], Similarity], names: list[str], plan: Survey) -> list[Panel]:
    def alone(name: str, title: str) -> Panel:
        control = maps.get((_control(name), _control(name)))
        beside = None if control is None else control.values
        return Panel(title, maps[name, name], find_blocks(maps[name, name].values, plan.blocks, beside))

    if len(names) == 1:
        return [alone(names[0], "CKA")]
    across = maps[names[0], names[1]]
    first = Panel(f"{names[0]} and {names[1]}", across, note="Rows are layers of the first model.")
    return [first, *(alone(name, name) for name in names)]


def _control_panel(maps: Mapping[tuple[str, str], Similarity], names: list[str]) -> Panel:
    found = maps[_control(names[0]), _control(names[-1])]
    note = "The same network with new random weights." if len(names) == 1 else "Both networks with new random weights."
    return Panel("untrained", found, note=note)


def _against_control(found: Similarity, control: Similarity) -> list[str]:
    """How much of two networks' similarity two untrained ones have already."""
    if found.with_itself:
        return []
    trained, fresh = (float(np.nanmean(one.at_proportional_depth())) for one in (found, control))
    return [f"Layers at the same share of the depth have a mean CKA of {trained:.3f}; untrained, of {fresh:.3f}."]


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
        if model in (main.row_model, main.column_model):
            name, reason = next(iter(skipped.items()))
            notes.append(f"{model}: {len(skipped)} outputs are not shown, such as {name}, which {reason}.")
    return notes
