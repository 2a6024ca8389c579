"""Families of networks: every depth, width and seed that is asked for, each in a folder of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nonet.cka.config import NetworkConfig, RecipeConfig
from nonet.cka.data import Pictures
from nonet.cka.train import Run, train_population
from nonet.foundation.errors import UsageError

__all__ = ["Member", "members", "numbers", "train_family"]


@dataclass(frozen=True)
class Member:
    """A trained network of a family.

    Attributes:
        network: what it is.
        seed: its own.
        folder: where it is.
        train_accuracy: on its training pictures, in [0, 1].
        test_accuracy: on the test pictures, in [0, 1].
    """

    network: NetworkConfig
    seed: int
    folder: Path
    train_accuracy: float
    test_accuracy: float


def numbers(text: str, where: str) -> list[int]:
    """Whole numbers written as ``14,38`` or ``3-6``.

    Raises:
        UsageError: if the text is something else.
    """
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not (first.isdigit() and (last.isdigit() or not last)):
            raise UsageError(f"'{text}' is no list of whole numbers.", where=where, fix="Write 14,38 or 0-4.")
        found += range(int(first), int(last or first) + 1)
    return found


def members(networks: Sequence[NetworkConfig], seeds: Sequence[int], recipe: RecipeConfig, out: Path) -> list[Run]:
    """The runs of a family; a subset of the data is told in the folder's name."""
    part = "" if recipe.subset == 1 else f"-{100 * recipe.subset:g}pct"
    return [
        Run(network, recipe, seed, out / f"{network.name}{part}-seed{seed}") for network in networks for seed in seeds
    ]


def train_family(
    runs: Sequence[Run], train: Pictures, test: Pictures, *, workers: int = 0, command: str = ""
) -> list[Member]:
    """Trains what is not trained yet."""
    shape = {"classes": len(train.classes), "channels": train.images.shape[1]}
    fitted = [
        dataclasses.replace(run, network=dataclasses.replace(run.network, **shape), command=command) for run in runs
    ]
    figures = train_population(fitted, train, test, workers)
    return [
        Member(run.network, run.seed, run.folder, found["train accuracy"], found["test accuracy"])
        for run, found in zip(fitted, figures, strict=True)
    ]
