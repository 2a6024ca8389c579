"""The article's claims, each judged from trained networks; a claim that these cannot tell says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nonet.cka.answers import answers
from nonet.cka.blocks import find_blocks
from nonet.cka.comparing import compare
from nonet.cka.config import BlockOptions, ProbeOptions
from nonet.cka.data import Pictures, loader_of
from nonet.cka.differing import differences
from nonet.cka.family import Member
from nonet.cka.probes import probe
from nonet.cka.similarity import Similarity
from nonet.cka.train import load_network, logits
from nonet.cka.units import bypassed, find_units
from nonet.foundation.report import Claim, Estimate

__all__ = ["Looked", "cheap", "differ", "flat", "more", "unique"]

_FIT = 0.1  # accuracies on training pictures further apart than this are not matched
_BLOCK = BlockOptions(threshold=0.9, least=3, permutations=19)  # of the layers behind an addition


@dataclass(frozen=True)
class Looked:
    """What was measured on one network.

    Attributes:
        member: the network.
        map: CKA of its layers.
        share: λ₁ / Σλ of each layer.
        block: the longest run of similar layers as a share of all.
        control: the same of the untrained network.
    """

    member: Member
    map: Similarity
    share: np.ndarray
    block: float
    control: float

    @property
    def component(self) -> float:
        """Mean λ₁ / Σλ over the layers."""
        return float(np.nanmean(self.share))


def _gap(first: Sequence[float], second: Sequence[float], unit: str = "") -> Estimate:
    """The difference of two means with a 95 % interval by Welch."""
    from scipy.stats import ttest_ind

    test = ttest_ind(first, second, equal_var=False)
    interval = test.confidence_interval()  # type: ignore[attr-defined]
    value = float(np.mean(first) - np.mean(second))
    return Estimate(value, float(interval.low), float(interval.high), unit, "95 % by Welch's t over seeds")


def _fit(of: Sequence[Looked]) -> float:
    return float(np.mean([one.member.train_accuracy for one in of]))


def more(looked: Mapping[str, Sequence[Looked]], kind: str, base: str, text: str, article: str, how: str) -> Claim:
    """First components hold more in one kind of network than in another that fits its pictures as well."""
    gap = _gap([one.component for one in looked[kind]], [one.component for one in looked[base]])
    matched = abs(_fit(looked[kind]) - _fit(looked[base])) <= _FIT
    blocks = ", ".join(f"{one.block:.2f} (untrained {one.control:.2f})" for one in looked[kind])
    return Claim(
        text,
        article,
        gap,
        gap.above() if matched else None,
        f"mean share of the first component, {kind} minus {base}; {how}. Longest block as a share of layers: {blocks}."
        f" Train accuracy {_fit(looked[kind]):.2f} against {_fit(looked[base]):.2f}"
        + ("." if matched else ": not matched, so the difference may be of fit alone."),
    )


def flat(of: Sequence[Looked], train: Pictures, test: Pictures, how: str) -> Claim:
    """Linear probes gain less from layer to layer inside a block than elsewhere."""
    inside, outside = [], []
    for one in of:
        rows = [number for number, name in enumerate(one.map.rows) if name.endswith(".add")]
        blocks = find_blocks(one.map.part(rows).values, _BLOCK)
        within = {step for block in blocks for step in range(block.first, block.last)}
        network = load_network(one.member.folder)
        sides = (loader_of(side, 250) for side in (train, test))
        found = probe(network, *sides, layers="*.add", options=ProbeOptions(penalties=(1e-3, 1e-1)))
        gains = np.abs(np.diff([each.accuracy for each in found]))
        if within and len(within) < len(gains):
            inside.append(float(np.mean([gain for step, gain in enumerate(gains) if step in within])))
            outside.append(float(np.mean([gain for step, gain in enumerate(gains) if step not in within])))
    pairs = ", ".join(f"{a:.3f} against {b:.3f}" for a, b in zip(inside, outside, strict=True))
    return Claim(
        "Linear probes are flat inside a block",
        "Section 5, Figure 4",
        f"change of probe accuracy from one addition to the next, inside a block against elsewhere:"
        f" {pairs or 'no block'}",
        all(a < b for a, b in zip(inside, outside, strict=True)) if len(inside) == len(of) else None,
        f"deep networks; a block is three or more layers behind an addition with CKA ≥ {_BLOCK.threshold}; probes are"
        f" fitted on training pictures, measured on {len(test):,} test pictures; holds if so for every seed; {how}",
    )


def unique(of: Sequence[Looked], shown: Pictures, how: str) -> Claim:
    """Across seeds, layers of high component share resemble each other less than the others do."""
    networks = {f"{number}": load_network(one.member.folder) for number, one in enumerate(of)}
    maps = compare(networks, loader_of(shown, 128))
    inside, outside = [], []
    for i, one in enumerate(of):
        high = one.share >= np.nanquantile(one.share, 0.75)
        for j in range(len(of)):
            if i != j:
                same = np.diag(maps[str(i), str(j)].values)
                inside.append(float(np.nanmean(same[high])))
                outside.append(float(np.nanmean(same[~high])))
    value = float(np.mean(inside) - np.mean(outside))
    return Claim(
        "Representations inside the block are unique to a seed",
        "Section 6, Figure 5",
        f"CKA of the same layer in two seeds: {np.mean(inside):.3f} for the quarter of layers with the largest first"
        f" component, {np.mean(outside):.3f} for the others",
        value < 0 and all(a < b for a, b in zip(inside, outside, strict=True)),
        f"deep networks, all pairs of seeds; holds if it is so in every pair; {how}",
    )


def cheap(of: Sequence[Looked], test: Pictures, how: str) -> Claim:
    """Removing a block whose output resembles its input costs less accuracy."""
    from scipy.stats import spearmanr

    part = loader_of(test.take(slice(500)), 250)
    found = []
    for one in of:
        network = load_network(one.member.folder)
        units = find_units(network, next(iter(part)))
        whole = answers(network, part).right.mean()
        drops = []
        for unit in units:
            with bypassed([unit]):
                drops.append(float(whole - answers(network, part).right.mean()))
        found.append(float(spearmanr([unit.similarity for unit in units], drops).statistic))  # type: ignore[attr-defined]
    return Claim(
        "Removing layers where representations hardly change costs little accuracy",
        "Section 5, Figure 4",
        f"rank correlation of CKA between a block's input and output with the accuracy lost without it:"
        f" {', '.join(f'{value:.2f}' for value in found)}",
        None if np.isnan(found).any() else all(value < 0 for value in found),
        f"deep networks, each residual block taken out alone, 500 test pictures; holds if negative for every seed;"
        f" {how}",
    )


def differ(wide: Sequence[Member], deep: Sequence[Member], test: Pictures, how: str) -> Claim:
    """Populations of equal accuracy are right on different examples."""
    labels = torch.from_numpy(test.labels)
    right = [
        np.stack([(logits(load_network(member.folder), test).argmax(1) == labels).numpy() for member in population])
        for population in (wide, deep)
    ]
    found = differences(right[0], right[1], test.labels, permutations=199)
    matched = abs(found.accuracy[0] - found.accuracy[1]) <= 0.02
    return Claim(
        "Wide and deep networks of equal accuracy err on different examples",
        "Section 7, Figure 7",
        f"accuracies {found.accuracy[0]:.3f} and {found.accuracy[1]:.3f}; distance {found.distance:.3f}, between random"
        f" halves {np.mean(found.distance_null):.3f}, p {found.distance_p:.2g};"
        f" {int((found.class_q < 0.05).sum())} classes differ",
        found.distance_p < 0.05 if matched and min(len(wide), len(deep)) >= 4 else None,
        f"permutation of networks, {len(test):,} test pictures; told only at accuracies within 0.02 and from 4 seeds,"
        f" since 3 against 3 have 20 ways to be permuted; {how}",
    )
