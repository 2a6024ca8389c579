"""What a model answers and whether it is right: labels and logits of batches of any shape."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nonet.cka import batches
from nonet.cka.capture import device_of
from nonet.foundation.errors import DataError

__all__ = ["Answers", "answers", "forward_seconds", "labels_of", "logits_of"]


class Answers(NamedTuple):
    """A model's answers to examples in order.

    Attributes:
        logits: (n, classes).
        labels: (n,).
    """

    logits: Tensor
    labels: Tensor

    @property
    def right(self) -> np.ndarray:
        """Whether each answer is right."""
        return (self.logits.argmax(1) == self.labels).numpy()

    @property
    def losses(self) -> np.ndarray:
        """Cross-entropy of each example, in nats."""
        return nn.functional.cross_entropy(self.logits, self.labels, reduction="none").numpy()


def labels_of(batch: Any) -> Tensor:
    """The labels in a batch: the second item of a tuple, or ``labels`` of a dictionary.

    Raises:
        DataError: if there are none.
    """
    found = None
    if isinstance(batch, Mapping):
        found = next((batch[name] for name in ("labels", "label", "target", "y") if name in batch), None)
    elif isinstance(batch, (tuple, list)) and len(batch) > 1:
        found = batch[1]
    if not isinstance(found, Tensor) or found.ndim != 1:
        raise DataError(
            "The batches have no labels.", fix="Let the loader return (inputs, labels), or a dictionary with 'labels'."
        )
    return found.long()


def logits_of(output: Any) -> Tensor:
    """The logits in a model's output: itself, ``.logits``, or the first tensor of a tuple.

    Raises:
        DataError: if it holds none of the shape (examples, classes).
    """
    found = output["logits"] if isinstance(output, Mapping) and "logits" in output else output
    found = getattr(found, "logits", found)
    found = found[0] if isinstance(found, (tuple, list)) else found
    if not isinstance(found, Tensor) or found.ndim != 2:
        raise DataError("The model puts out no logits of classes.", fix="Give a model that classifies.")
    return found.float()


@torch.no_grad()
def answers(model: nn.Module, loader: Iterable[Any]) -> Answers:
    """Runs a model in evaluation mode; its mode is as before afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    logits, labels = [], []
    try:
        for batch in loader:
            there = batches.moved(batch, device_of(model) or torch.device("cpu"))
            logits.append(logits_of(batches.call(model, there)).cpu())
            labels.append(labels_of(batch).cpu())
    finally:
        for module, training in modes.items():
            module.training = training
    return Answers(torch.cat(logits), torch.cat(labels))


@torch.no_grad()
def forward_seconds(models: Iterable[nn.Module], batch: Any, rounds: int = 5) -> list[float]:
    """Processor seconds of a forward pass of each model, the fastest of interleaved rounds."""
    every = [model.eval() for model in models]
    best = [float("inf")] * len(every)
    for _ in range(rounds + 1):  # the first one warms up
        for number, model in enumerate(every):
            began = time.process_time()
            batches.call(model, batches.moved(batch, device_of(model) or torch.device("cpu")))
            best[number] = min(best[number], time.process_time() - began)
    return best
