"""How the article's networks learn, and how populations of them are trained side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from nonet.cka.config import NetworkConfig, RecipeConfig
from nonet.cka.data import Pictures
from nonet.cka.model import ResNet, residual_blocks
from nonet.cka.regularizer import PrincipalPenalty
from nonet.foundation import artifact, checkpoint
from nonet.foundation.devices import threads
from nonet.foundation.engine import Engine, map_shards
from nonet.foundation.errors import ArtifactError, DataError
from nonet.foundation.reading import made_sense_of
from nonet.foundation.settings import rebuild
from nonet.foundation.training import Rows, TrainingConfig, fit

__all__ = [
    "KIND",
    "SNAPSHOTS",
    "MomentumSGD",
    "Run",
    "accuracy",
    "checkpoints",
    "load_network",
    "logits",
    "train_one",
    "train_population",
]

KIND = "cka-network"
SNAPSHOTS = "snapshots"
_PAD = 8  # the border of a crop is this part of the side: 4 pixels of 32


class MomentumSGD(Optimizer):
    """SGD whose velocity holds the learning rate: v ← μ v - η g, w ← w + v, as Keras has it.

    torch's own multiplies the velocity by the rate of the moment, so that a falling rate shrinks past gradients too.
    """

    def __init__(self, groups: list[dict], lr: float, momentum: float = 0.9) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step with the gradients that are there."""
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            if not weights:
                continue
            gradients = [cast(Tensor, p.grad) for p in weights]
            if group["weight_decay"]:
                gradients = torch._foreach_add(gradients, weights, alpha=group["weight_decay"])
            for p in weights:
                if p not in self.state:
                    self.state[p]["velocity"] = torch.zeros_like(p)
            speeds = [self.state[p]["velocity"] for p in weights]
            torch._foreach_mul_(speeds, group["momentum"])
            torch._foreach_add_(speeds, gradients, alpha=-group["lr"])
            torch._foreach_add_(weights, speeds)


class Trainee(nn.Module):
    """A network with its loss: takes a batch of bytes and labels, returns the loss and the share of right answers."""

    def __init__(self, network: nn.Module, recipe: RecipeConfig) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe
        blocks = residual_blocks(network).values() if recipe.pc_strength else ()
        self.penalty = PrincipalPenalty(blocks, recipe.pc_strength, recipe.pc_threshold)

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        images = batch["images"].float().div_(255)
        if self.training and self.recipe.augment:
            images = augmented(images)
        answers = self.network(images.contiguous(memory_format=torch.channels_last)).float()
        loss = F.cross_entropy(answers, batch["labels"])
        right = (answers.argmax(1) == batch["labels"]).float().mean()
        return loss + self.penalty.take(), {"accuracy": right}


def augmented(images: Tensor) -> Tensor:
    """Random crops of pictures with reflected borders, half of them mirrored; drawn from the global generator."""
    n, _, height, width = images.shape
    border = max(1, height // _PAD)
    padded = F.pad(images, (border,) * 4, mode="reflect")
    tops, lefts = torch.randint(0, 2 * border + 1, (2, n), device=images.device)
    rows = tops[:, None] + torch.arange(height, device=images.device)
    columns = lefts[:, None] + torch.arange(width, device=images.device)
    mirrored = torch.rand(n, device=images.device) < 0.5
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    picked = torch.arange(n, device=images.device)[:, None, None], rows[:, :, None], columns[:, None, :]
    return padded.permute(0, 2, 3, 1)[picked].permute(0, 3, 1, 2)  # channels-last: advanced indices come first


@dataclass(frozen=True)
class Run:
    """One network to train.

    Attributes:
        network: what it is.
        recipe: how it learns.
        seed: of weights, order and augmentation.
        folder: of its artifact, log and checkpoints.
        command: what is said in its card.
    """

    network: NetworkConfig
    recipe: RecipeConfig
    seed: int
    folder: Path
    command: str = ""


def train_one(run: Run, train: Pictures, test: Pictures) -> dict[str, float]:
    """Trains a network, or takes the one that a former call has finished.

    The test split is looked at once, at the end: no checkpoint is chosen by it (the article's program does choose so).

    Returns:
        Accuracy on the training pictures without augmentation, and on the test pictures.
    """
    if (run.folder / "config.json").exists():
        return artifact.load(run.folder, kind=KIND).config["figures"]
    recipe, network = run.recipe, ResNet(run.network, run.seed)
    network = cast(ResNet, network.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    part = train.first(recipe.subset)
    options = _options(recipe, len(part), run.seed)
    rows = Rows(images=torch.from_numpy(part.images), labels=torch.from_numpy(part.labels))
    fit(
        Trainee(network, recipe),
        rows,
        options,
        folder=run.folder,
        optimizer=lambda groups: MomentumSGD(groups, options.learning_rate),
        evaluate=_snapshots(run, network) if recipe.snapshots else None,
        fingerprint=_fingerprint(part),
    )
    figures = {"train accuracy": accuracy(network, part), "test accuracy": accuracy(network, test)}
    _save(run, network, part, figures)
    checkpoint.remove_all(run.folder)
    return figures


def train_population(runs: Sequence[Run], train: Pictures, test: Pictures, workers: int = 0) -> list[dict[str, float]]:
    """Trains several networks in parallel processes; those that are finished are not trained again.

    Args:
        runs: what to train.
        train: the pictures to learn from.
        test: the pictures that are asked once, at the end.
        workers: processes; 0 for one per core.
    """
    shards = [(run, train, test) for run in runs]
    return list(map_shards(_train_shard, shards, Engine(workers=workers)))


def _train_shard(shard: tuple[Run, Pictures, Pictures]) -> dict[str, float]:
    with threads(1):
        return train_one(*shard)


def load_network(folder: Path) -> ResNet:
    """A network that `train_one` saved."""
    return artifact.load_module(
        folder, kind=KIND, build=lambda config: ResNet(rebuild(NetworkConfig, config["network"]))
    )


def checkpoints(folder: Path) -> dict[str, ResNet]:
    """A network before its training, at each snapshot, and at the end, by the number of steps.

    The last snapshot is the end where training stopped at it; otherwise the end is told as such.

    Raises:
        DataError: if the training kept no snapshots.
    """
    kept = sorted((folder / SNAPSHOTS).glob("step-*"))
    if not kept:
        raise DataError("The training kept no states on the way.", where=folder, fix="Train with --snapshots 10.")
    end = load_network(folder)  # first: it tells whether the configuration is one
    config = artifact.load(folder, kind=KIND).config
    with made_sense_of(folder, ArtifactError, what="The states on the way are damaged", fix="Train again."):
        found = {"0": ResNet(rebuild(NetworkConfig, config["network"]), config["seed"]).eval()}
        found |= {str(int(place.name.removeprefix("step-"))): load_network(place) for place in kept}
    last = list(found.values())[-1]
    if not torch.equal(end.head.weight, last.head.weight):
        found["end"] = end
    return found


@torch.no_grad()
def logits(network: nn.Module, pictures: Pictures, batch_size: int = 256) -> Tensor:
    """The answers of a network in evaluation mode, (n, classes)."""
    network.eval()
    images, _ = pictures.tensors()
    return torch.cat([network(part) for part in images.split(batch_size)])


def accuracy(network: nn.Module, pictures: Pictures) -> float:
    """The share of right answers, in [0, 1]."""
    return float((logits(network, pictures).argmax(1) == torch.from_numpy(pictures.labels)).float().mean())


def _options(recipe: RecipeConfig, examples: int, seed: int) -> TrainingConfig:
    batch = min(recipe.batch_size, examples)
    steps = recipe.epochs * (examples // batch)
    return TrainingConfig(
        steps=steps,
        batch_size=batch,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        clip_norm=None,
        precision=_precision(recipe.precision),
        evaluate_every=max(1, steps // recipe.snapshots) if recipe.snapshots else 0,
        seed=seed,
        device=recipe.device,
    )


def _precision(wanted: Literal["auto", "no", "bf16"]) -> Literal["no", "bf16"]:
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "no"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() else "no"


def _snapshots(run: Run, network: ResNet) -> Callable[[nn.Module, int], dict[str, float]]:
    """Keeps the network as it is after so many steps, as an artifact of its own."""

    def keep(_: nn.Module, step: int) -> dict[str, float]:
        config = {"network": run.network, "recipe": run.recipe, "seed": run.seed, "figures": {"steps": step}}
        card = artifact.Card(f"{run.network.name}, seed {run.seed}, after {step:,} steps")
        folder = run.folder / SNAPSHOTS / f"step-{step:07d}"
        artifact.save(folder, kind=KIND, config=config, tensors=network.state_dict(), card=card)
        return {}

    return keep


def _fingerprint(pictures: Pictures) -> str:
    digest = hashlib.sha256(pictures.images.tobytes())
    digest.update(pictures.labels.tobytes())
    return digest.hexdigest()


def _save(run: Run, network: ResNet, part: Pictures, figures: dict[str, float]) -> None:
    config = {"network": run.network, "recipe": run.recipe, "seed": run.seed, "figures": figures}
    card = artifact.Card(
        f"{run.network.name}, seed {run.seed}",
        "A residual network for comparing representations (Nguyen, Raghu and Kornblith 2021).",
        f"{len(part):,} pictures of {part.source}, {part.images.shape[-1]} pixels wide, {len(part.classes)} classes.",
        figures,
        run.command,
        date.today(),
    )
    artifact.save(run.folder, kind=KIND, config=config, tensors=network.state_dict(), card=card)
