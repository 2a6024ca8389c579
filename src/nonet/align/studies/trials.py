"""Trainings on kept features, several seeds of each, and what they reach on held-out pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from nonet.align.config import HeadConfig, LearningConfig
from nonet.align.data import Pairs
from nonet.align.evaluate import Retrieval
from nonet.align.model import DualEncoder
from nonet.align.train import build, evaluate_on, train
from nonet.foundation.report import Estimate

__all__ = ["Setting", "Trial", "estimate", "gap", "run"]

HEADS = HeadConfig(image_projection="mlp", text_projection="mlp")


@dataclass(frozen=True)
class Setting:
    """One way of training.

    Attributes:
        name: for tables.
        heads: what lies between towers and embeddings.
        learning: how it learns; its number of epochs is that of the whole set, and smaller sets are shown more often.
        pairs: to learn from, and held-out ones, by seed.
    """

    name: str
    heads: HeadConfig
    learning: LearningConfig
    pairs: Callable[[int], Pairs]


@dataclass(frozen=True, eq=False)
class Trial:
    """One training.

    Attributes:
        setting: how.
        seed: of weights, order and sampling.
        retrieval: on the test split.
        model: as trained.
    """

    setting: str
    seed: int
    retrieval: Retrieval
    model: DualEncoder


def run(
    settings: Sequence[Setting], seeds: Sequence[int], cache: Path, towers: tuple[str, str], folder: Path
) -> list[Trial]:
    """Every setting with every seed; all trials share the frozen towers, and their features are computed once.

    The number of steps is the same for all sizes of the training set: equal compute. Checkpoints stay in the folder,
    so that an interrupted study goes on with the training that was interrupted.
    """
    frozen = build(*towers, HEADS, texts=[], seed=0, image_size=128)
    trials = []
    for place, setting in enumerate(settings):
        for seed in seeds:
            pairs = setting.pairs(seed)
            count = len(pairs.split("train").images)
            batch = min(setting.learning.batch_size, count)
            steps = setting.learning.epochs * (_whole(pairs) // setting.learning.batch_size)
            learning = replace(setting.learning, seed=seed, epochs=max(1, round(steps / (count // batch))))
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                model = DualEncoder(frozen.image_encoder, frozen.text_encoder, setting.heads)
            train(model, pairs, learning, folder=folder / f"{place}-{seed}", cache=cache)
            trials.append(Trial(setting.name, seed, evaluate_on(model, pairs.split("test"), cache), model))
    return trials


def _whole(pairs: Pairs) -> int:
    """Training pictures of the whole set that these pairs were cut from; its name says so."""
    return int(pairs.name.rpartition("/")[2]) if "/" in pairs.name else len(pairs.split("train").images)


def estimate(trials: Sequence[Trial], setting: str) -> Estimate:
    """Mean recall of a setting on the test split in per cent, and the range over its seeds."""
    return _over([100 * trial.retrieval.mean_recall for trial in trials if trial.setting == setting])


def gap(trials: Sequence[Trial], better: str, worse: str) -> Estimate:
    """By how many points one setting is better than another, each seed with its like."""
    values = {(trial.setting, trial.seed): 100 * trial.retrieval.mean_recall for trial in trials}
    seeds = sorted({trial.seed for trial in trials})
    return _over([values[better, seed] - values[worse, seed] for seed in seeds])


def _over(values: Sequence[float]) -> Estimate:
    return Estimate(float(np.mean(values)), min(values), max(values), "", f"lowest and highest of {len(values)} seeds")
