"""A little more training after a block was taken out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice, repeat
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from nonet.cka import batches
from nonet.cka.answers import labels_of, logits_of
from nonet.cka.capture import device_of
from nonet.cka.config import PruneOptions
from nonet.cka.prune import Tune

__all__ = ["tuner"]


def tuner(loader: Iterable[Any], options: PruneOptions) -> Tune:
    """Fine-tunes by AdamW for ``options.finetune`` steps with a falling rate.

    Args:
        loader: training batches with labels.
        options: steps, learning rate and seed.
    """

    def tune(model: nn.Module, number: int) -> None:
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed + number)
            endless = chain.from_iterable(repeat(loader))
            for step, batch in enumerate(islice(endless, options.finetune)):
                for group in optimizer.param_groups:
                    group["lr"] = options.learning_rate * (1 - step / options.finetune)
                there = batches.moved(batch, device_of(model) or torch.device("cpu"))
                loss = F.cross_entropy(logits_of(batches.call(model, there)), labels_of(there))
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
        model.eval()

    return tune
