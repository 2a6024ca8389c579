"""Fine-tuning an image tower to classes (§5.3): first the head, then all, with batch normalisation as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer
from torch.utils.data import Dataset

from nonet.align.batches import as_it_is, prepared
from nonet.align.config import FineTuning, LearningConfig
from nonet.align.encoders import ImageEncoder, rebuild_image_encoder
from nonet.align.labelled import Labelled
from nonet.align.model import image_batches
from nonet.align.pictures import open_picture
from nonet.foundation import artifact
from nonet.foundation.artifact import Card
from nonet.foundation.training import TrainingConfig, fit

__all__ = ["KIND", "Classifier", "fine_tune"]

KIND = "align-classifier"


class Classifier(nn.Module):
    """An image tower with a linear layer to classes; its batch normalisation stays as it was."""

    def __init__(self, encoder: ImageEncoder, classes: list[str]) -> None:
        super().__init__()
        self.encoder, self.classes = encoder, classes
        self.head = nn.Linear(encoder.width, len(classes))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def train(self, mode: bool = True) -> Classifier:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
        return self

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return F.cross_entropy(self.head(self.encoder(batch["pixels"])), batch["label"])

    @torch.inference_mode()
    def scores(self, images: list[Path], batch_size: int = 32) -> Float[np.ndarray, "images classes"]:
        """The logits of picture files."""
        self.eval()
        batches = image_batches(self.encoder, images, batch_size)
        return np.concatenate([self.head(self.encoder(pixels)).float().numpy() for pixels in batches])

    def save(self, folder: Path, card: Card) -> None:
        """Writes the classifier as an artifact."""
        config = {"image_encoder": self.encoder.describe(), "classes": self.classes}
        artifact.save(folder, kind=KIND, config=config, tensors=self.state_dict(), card=card)

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: if the folder holds no classifier.
        """

        def build(config: dict[str, Any]) -> Classifier:
            return cls(rebuild_image_encoder(config["image_encoder"]), list(config["classes"]))

        return artifact.load_module(folder, kind=KIND, build=build)


class _Pictures(Dataset):
    def __init__(self, data: Labelled, encoder: ImageEncoder) -> None:
        self.data, self.encoder = data, encoder
        self.augmentation = LearningConfig(paper_crop=True)

    def __len__(self) -> int:
        return len(self.data)

    def __getitems__(self, rows: list[int]) -> dict[str, Tensor]:
        opened = [open_picture(self.data.images[row]) for row in rows]
        pixels = prepared(opened, self.encoder, self.augmentation)
        return {"pixels": pixels, "label": torch.from_numpy(self.data.labels[rows])}


def fine_tune(encoder: ImageEncoder, data: Labelled, config: FineTuning, folder: Path) -> Classifier:
    """Learns classes from labelled pictures.

    Args:
        encoder: an image tower; it changes.
        data: pictures and their classes.
        config: the article's by default.
        folder: of the run: log and checkpoints. The same call goes on where an interrupted one was stopped.
    Raises:
        DataError: if there are fewer pictures than a batch takes.
    """
    model = Classifier(encoder, data.classes)
    batch = min(config.batch_size, len(data))
    pictures = _Pictures(data, encoder)
    for name, steps, rate in (("head", config.head_steps, config.head_rate), ("all", config.steps, config.rate)):
        encoder.requires_grad_(name == "all")
        if steps:
            options = TrainingConfig(
                steps=steps, batch_size=batch, learning_rate=rate, weight_decay=config.weight_decay, seed=config.seed
            )
            fit(model, pictures, options, folder=folder / name, collate=as_it_is, optimizer=_sgd(rate, config.momentum))
    encoder.requires_grad_(True)
    return model.eval()


def _sgd(rate: float, momentum: float) -> Callable[[list[dict[str, Any]]], Optimizer]:
    return lambda groups: torch.optim.SGD(groups, lr=rate, momentum=momentum)
