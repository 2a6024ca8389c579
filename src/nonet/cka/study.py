"""The article's claims re-made on small networks, several seeds each, every one beside its control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nonet.cka.answers import answers
from nonet.cka.blocks import largest_share, untrained
from nonet.cka.comparing import compare
from nonet.cka.config import CompareOptions, NetworkConfig, RecipeConfig
from nonet.cka.data import Pictures, loader_of, read
from nonet.cka.differing import differences
from nonet.cka.family import Member, members, train_family
from nonet.cka.similarity import Similarity
from nonet.cka.spectrum import principal
from nonet.cka.train import load_network, logits
from nonet.cka.units import bypassed, find_units
from nonet.foundation.errors import UsageError
from nonet.foundation.report import Claim, Estimate, Figure, Report, Table

__all__ = ["SCALES", "Scale", "study"]


@dataclass(frozen=True)
class Scale:
    """How much a study trains and looks at.

    Attributes:
        side: of the pictures, in pixels.
        pictures: of the training set.
        looked_at: test pictures that layers are compared on.
        asked: test pictures that answers are counted on.
        shallow, deep: depths at width 1.
        wide: width of the wide network of the shallow depth.
        few: share of the training set for the claim on little data, at as many steps.
        recipe: how the networks learn.
    """

    side: int
    pictures: int
    looked_at: int
    asked: int
    shallow: int
    deep: int
    wide: int
    few: float
    recipe: RecipeConfig


SCALES = {
    "minutes": Scale(12, 1000, 256, 2000, 14, 38, 3, 0.25, RecipeConfig(epochs=24, batch_size=64, learning_rate=0.03)),
    "hours": Scale(
        32, 5000, 2048, 10_000, 14, 56, 8, 0.25, RecipeConfig(epochs=100, batch_size=128, learning_rate=0.02)
    ),
}
_FIT = 0.1  # accuracies on training pictures further apart than this are not matched


@dataclass(frozen=True)
class Looked:
    """What was measured on one network."""

    member: Member
    map: Similarity
    share: np.ndarray
    block: float
    control: float

    @property
    def component(self) -> float:
        """Mean λ₁ / Σλ over the layers."""
        return float(np.nanmean(self.share))


def study(scale: Scale, data: str, out: Path, *, seeds: int = 3, workers: int = 0) -> Report:
    """Trains what is missing, measures, and judges each claim by all seeds."""
    if seeds < 2:
        raise UsageError("One seed tells nothing about the next.", where="--seeds", fix="Take 3.")
    train = read(data, "train", side=scale.side, limit=scale.pictures)
    test = read(data, "test", side=scale.side, limit=scale.asked)
    kinds = _trained(scale, train, test, out / "networks", seeds, workers)
    shown = test.take(slice(scale.looked_at))
    looked = {kind: [_look(member, shown) for member in population] for kind, population in kinds.items()}
    how = (
        f"{seeds} seeds each, {len(train):,} pictures of {scale.side} pixels, {scale.recipe.epochs} epochs;"
        f" {len(shown)} test pictures"
    )
    claims = [
        _more(looked, "deep", "shallow", "Deeper networks have a block structure", "Figure 1, depth", how),
        _more(looked, "wide", "shallow", "Wider networks have a block structure", "Figure 1, width", how),
        _fewer(looked, how),
        _unique(looked["deep"], shown, how),
        _cheap(looked["deep"], test, how),
        _differ(kinds, test, how),
    ]
    return Report(
        "Do wide and deep networks learn the same things?",
        claims,
        [_figure(kind, of[0]) for kind, of in looked.items()],
        [_table(looked)],
        "After Nguyen, Raghu and Kornblith (ICLR 2021). Block structure is told by the mean share of variance of the"
        " first principal component and by the longest run of layers with CKA above 0.9, beside the untrained network.",
        {"data": data, "seeds": seeds, "scale": str(scale)},
    )


def _trained(
    scale: Scale, train: Pictures, test: Pictures, out: Path, seeds: int, workers: int
) -> dict[str, list[Member]]:
    from dataclasses import replace

    recipe = scale.recipe
    few = replace(recipe, subset=scale.few, epochs=round(recipe.epochs / scale.few))
    plans = {
        "shallow": (NetworkConfig(scale.shallow), recipe),
        "deep": (NetworkConfig(scale.deep), recipe),
        "wide": (NetworkConfig(scale.shallow, scale.wide), recipe),
        "deep, little data": (NetworkConfig(scale.deep), few),
    }
    runs = [run for network, how in plans.values() for run in members([network], range(seeds), how, out)]
    found = train_family(runs, train, test, workers=workers)
    return {kind: found[seeds * number : seeds * (number + 1)] for number, kind in enumerate(plans)}


def _look(member: Member, shown: Pictures) -> Looked:
    network = load_network(member.folder)
    loader = loader_of(shown, 128)
    maps = compare({"trained": network, "untrained": untrained(network, member.seed)[0]}, loader)
    return Looked(
        member,
        maps["trained", "trained"],
        principal(network, loader, passes=2).share,
        largest_share(maps["trained", "trained"].values),
        largest_share(maps["untrained", "untrained"].values),
    )


def _gap(first: Sequence[float], second: Sequence[float], unit: str = "") -> Estimate:
    """The difference of two means with a 95 % interval by Welch."""
    from scipy.stats import ttest_ind

    test = ttest_ind(first, second, equal_var=False)
    interval = test.confidence_interval()  # type: ignore[attr-defined]
    value = float(np.mean(first) - np.mean(second))
    return Estimate(value, float(interval.low), float(interval.high), unit, "95 % by Welch's t over seeds")


def _fit(of: Sequence[Looked]) -> float:
    return float(np.mean([one.member.train_accuracy for one in of]))


def _more(looked: dict[str, list[Looked]], kind: str, base: str, text: str, article: str, how: str) -> Claim:
    gap = _gap([one.component for one in looked[kind]], [one.component for one in looked[base]])
    matched = abs(_fit(looked[kind]) - _fit(looked[base])) <= _FIT
    blocks = ", ".join(f"{one.block:.2f} (untrained {one.control:.2f})" for one in looked[kind])
    return Claim(
        text,
        article,
        gap,
        gap.low > 0 if matched else None,
        f"mean share of the first component, {kind} minus {base}; {how}. Longest block as a share of layers: {blocks}."
        f" Train accuracy {_fit(looked[kind]):.2f} against {_fit(looked[base]):.2f}"
        + ("." if matched else ": not matched, so the difference may be of fit alone."),
    )


def _fewer(looked: dict[str, list[Looked]], how: str) -> Claim:
    few, many = looked["deep, little data"], looked["deep"]
    gap = _gap([one.component for one in few], [one.component for one in many])
    matched = abs(_fit(few) - _fit(many)) <= _FIT
    return Claim(
        "Less data makes block structure appear in smaller networks",
        "Figure 2",
        gap,
        gap.low > 0 if matched else None,
        f"mean share of the first component, little data minus all, as many steps at the same rate; {how}."
        f" Train accuracy {_fit(few):.2f} against {_fit(many):.2f}"
        + ("." if matched else ": not matched, so the difference may be of fit alone."),
    )


def _unique(of: Sequence[Looked], shown: Pictures, how: str) -> Claim:
    """Across seeds, layers of high component share resemble each other less than the others do."""
    networks = {f"{number}": load_network(one.member.folder) for number, one in enumerate(of)}
    maps = compare(networks, loader_of(shown, 128), options=CompareOptions())
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


def _cheap(of: Sequence[Looked], test: Pictures, how: str) -> Claim:
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
        all(value < 0 for value in found),
        f"deep networks, each residual block taken out alone, 500 test pictures; holds if negative for every seed;"
        f" {how}",
    )


def _differ(kinds: dict[str, list[Member]], test: Pictures, how: str) -> Claim:
    labels = torch.from_numpy(test.labels)
    right = {
        kind: np.stack(
            [(logits(load_network(member.folder), test).argmax(1) == labels).numpy() for member in kinds[kind]]
        )
        for kind in ("wide", "deep")
    }
    found = differences(right["wide"], right["deep"], test.labels, permutations=199)
    matched = abs(found.accuracy[0] - found.accuracy[1]) <= 0.02
    seeds = len(kinds["wide"])
    return Claim(
        "Wide and deep networks of equal accuracy err on different examples",
        "Section 7, Figure 7",
        f"accuracies {found.accuracy[0]:.3f} and {found.accuracy[1]:.3f}; distance {found.distance:.3f}, between random"
        f" halves {np.mean(found.distance_null):.3f}, p {found.distance_p:.2g};"
        f" {int((found.class_q < 0.05).sum())} classes differ",
        found.distance_p < 0.05 if matched and seeds >= 4 else None,
        f"permutation of networks, {len(test):,} test pictures; told only at accuracies within 0.02 and from 4 seeds,"
        f" since 3 against 3 have 20 ways to be permuted; {how}",
    )


def _figure(kind: str, looked: Looked) -> Figure:
    member = looked.member
    return Figure(
        f"{kind}: {member.network.name}, seed {member.seed}",
        looked.map.heatmap(),
        f"CKA of all layers. Train accuracy {member.train_accuracy:.2f}, test {member.test_accuracy:.2f}.",
    )


def _table(looked: dict[str, list[Looked]]) -> Table:
    return Table(
        "Every network",
        ["kind", "network", "seed", "train acc.", "test acc.", "PC1 share", "longest block", "untrained"],
        [
            (
                kind,
                one.member.network.name,
                one.member.seed,
                one.member.train_accuracy,
                one.member.test_accuracy,
                one.component,
                one.block,
                one.control,
            )
            for kind, of in looked.items()
            for one in of
        ],
        "PC1 share: mean over layers of λ₁ / Σλ. Blocks: longest run with CKA ≥ 0.9 as a share of layers.",
    )
