"""The article's claims re-made on small networks, several seeds each, every one beside its control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nonet.cka import claims
from nonet.cka.blocks import largest_share, untrained
from nonet.cka.claims import Looked
from nonet.cka.comparing import compare
from nonet.cka.config import NetworkConfig, RecipeConfig
from nonet.cka.data import Pictures, loader_of, read
from nonet.cka.family import Member, members, train_family
from nonet.cka.spectrum import principal
from nonet.cka.train import load_network
from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.report import Figure, Report, Table

__all__ = ["SCALES", "Kind", "Scale", "kinds", "pictures_in", "study"]

_CIFAR = ("cifar-10-batches-bin", "cifar10", "cifar10-jpg.tar.xz")
_EASY = "mnist"  # digits are learnt in fewer steps than photographs


@dataclass(frozen=True)
class Kind:
    """A kind of network that a study trains several seeds of.

    Attributes:
        network: its depth and width.
        epochs: over its pictures. A claim that compares two kinds is told only where both end with about the same
            accuracy on their training pictures.
        subset: share of the training pictures, the first ones.
    """

    network: NetworkConfig
    epochs: int
    subset: float = 1.0


@dataclass(frozen=True)
class Scale:
    """How much a study trains and looks at.

    Attributes:
        name: as on the command line.
        side: of the pictures, in pixels.
        pictures: of the training set.
        looked_at: test pictures that layers are compared on.
        asked: test pictures that answers are counted on.
        kinds: of networks, by the names that reports give them: ``shallow``, ``deep``, ``wide`` and ``deep, little
            data``.
        recipe: how all of them learn: the same rate and size of batches.
        easy_epochs: of the kinds, in their order, where the pictures are digits.
        easy_batch: size of batches there.
    """

    name: str
    side: int
    pictures: int
    looked_at: int
    asked: int
    kinds: Mapping[str, Kind]
    recipe: RecipeConfig
    easy_epochs: tuple[int, ...]
    easy_batch: int

    def for_pictures(self, data: str) -> Scale:
        """The same with as many steps as these pictures need."""
        if data != _EASY:
            return self
        of_kind = zip(self.kinds.items(), self.easy_epochs, strict=True)
        kinds = {name: replace(kind, epochs=epochs) for (name, kind), epochs in of_kind}
        return replace(self, kinds=kinds, recipe=replace(self.recipe, batch_size=self.easy_batch))


def kinds(shallow: int, deep: int, width: int, epochs: tuple[int, int, int, int], subset: float) -> dict[str, Kind]:
    """A shallow network, a deep and a wide one, and the deep one on part of the pictures; epochs in this order."""
    return {
        "shallow": Kind(NetworkConfig(shallow), epochs[0]),
        "deep": Kind(NetworkConfig(deep), epochs[1]),
        "wide": Kind(NetworkConfig(shallow, width), epochs[2]),
        "deep, little data": Kind(NetworkConfig(deep), epochs[3], subset),
    }


SCALES = {
    "minutes": Scale(
        "minutes",
        side=12,
        pictures=1000,
        looked_at=256,
        asked=2000,
        kinds=kinds(14, 38, 3, (40, 60, 24, 80), 0.25),
        recipe=RecipeConfig(batch_size=64, learning_rate=0.03),
        easy_epochs=(10, 15, 6, 60),
        easy_batch=32,
    ),
    "hours": Scale(
        "hours",
        side=16,
        pictures=5000,
        looked_at=2048,
        asked=10_000,
        kinds=kinds(14, 56, 4, (200, 200, 100, 400), 0.25),
        recipe=RecipeConfig(batch_size=128, learning_rate=0.02),
        easy_epochs=(50, 50, 25, 200),
        easy_batch=128,
    ),
}


def pictures_in(data: Path) -> Path:
    """CIFAR-10 in a folder of real data sets.

    Raises:
        DataError: if it is not there.
    """
    for name in _CIFAR:
        if (data / name).exists():
            return data / name
    raise DataError("CIFAR-10 is not there.", where=data, fix=f"Put it there as one of: {', '.join(_CIFAR)}.")


def study(scale: Scale, data: str, out: Path, *, first: int = 0, seeds: int = 3, workers: int = 0) -> Report:
    """Trains what is missing, measures, and judges each claim by all seeds.

    Args:
        scale: how much.
        data: pictures, as of `nonet.cka.data.read`.
        out: folder of the networks, which are taken as they are where they are there.
        first: the first seed.
        seeds: how many.
        workers: processes; 0 for one per core.
    """
    scale = scale.for_pictures(data)
    if seeds < 2:
        raise UsageError("One seed tells nothing about the next.", where="--seeds", fix="Take 3.")
    train = read(data, "train", side=scale.side, limit=scale.pictures)
    test = read(data, "test", side=scale.side, limit=scale.asked)
    populations = _trained(scale, train, test, out / "networks", range(first, first + seeds), workers)
    shown = test.take(slice(scale.looked_at))
    looked = {kind: [_look(member, shown) for member in population] for kind, population in populations.items()}
    how = f"{seeds} seeds each, {len(train):,} pictures of {scale.side} pixels; {len(shown)} test pictures"
    deep = looked["deep"]
    judged = [
        claims.more(looked, "deep", "shallow", "Deeper networks have a block structure", "Figure 1, depth", how),
        claims.more(looked, "wide", "shallow", "Wider networks have a block structure", "Figure 1, width", how),
        claims.more(
            looked,
            "deep, little data",
            "deep",
            "Less data makes block structure appear in smaller networks",
            "Figure 2",
            how,
        ),
        claims.flat(deep, train, test.take(slice(1000)), how),
        claims.unique(deep, shown, how),
        claims.cheap(deep, test, how),
        claims.differ(populations["wide"], populations["deep"], test, how),
    ]
    return Report(
        "Do wide and deep networks learn the same things?",
        judged,
        [_figure(kind, of[0]) for kind, of in looked.items()],
        [_table(looked)],
        "After Nguyen, Raghu and Kornblith (ICLR 2021). Block structure is told by the mean share of variance of the"
        " first principal component and by the longest run of layers with CKA above 0.9, beside the untrained network.",
        {"scale": scale.name, "seeds": ", ".join(map(str, range(first, first + seeds))), "pictures": data}
        | {f"epochs, {name}": kind.epochs for name, kind in scale.kinds.items()},
    )


def _trained(
    scale: Scale, train: Pictures, test: Pictures, out: Path, seeds: range, workers: int
) -> dict[str, list[Member]]:
    runs = []
    for kind in scale.kinds.values():
        recipe = replace(scale.recipe, epochs=kind.epochs, subset=kind.subset)
        runs += members([kind.network], seeds, recipe, out)
    found = train_family(runs, train, test, workers=workers)
    count = len(seeds)
    return {name: found[count * number : count * (number + 1)] for number, name in enumerate(scale.kinds)}


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
