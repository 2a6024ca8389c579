"""The parts of a training step that are the same everywhere: parameter groups, the learning rate, averaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from nonet.foundation.errors import UsageError
from nonet.foundation.training_config import TrainingConfig

__all__ = ["Average", "adamw", "parameter_groups", "rate_factor", "restore"]


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict]:
    """Trainable parameters in two groups: matrices, which decay, and norms, biases and scalars, which do not."""
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not trainable:
        raise UsageError("The module has no parameter to train.", fix="Leave some part of it unfrozen.")
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def adamw(groups: list[dict], config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW in its fused form, one kernel for all parameters."""
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True)


def restore(optimizer: torch.optim.Optimizer, state: dict) -> None:
    """Takes up a stored state, each average laid out in memory like its parameter.

    Stored tensors are contiguous. The fused kernels walk parameter and averages in memory order, so beside a
    channels-last parameter a contiguous average would be read in the wrong places.
    """
    optimizer.load_state_dict(state)
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                values[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def rate_factor(step: int, config: TrainingConfig) -> float:
    """The share of the highest learning rate that step ``step`` (from 0) is made with, in [0, 1]."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    if config.schedule == "linear":
        return 1 - done
    if config.schedule == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    return 1.0


class Average:
    """An exponential moving average of a module's parameters.

    Args:
        module: whose parameters.
        decay: the share that stays at each step, in [0, 1).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self._live: list[Tensor] = [p for p in module.parameters() if p.requires_grad]
        self._mean = [p.detach().clone() for p in self._live]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves the average towards the parameters as they are after ``step`` steps.

        Early on the average is shorter, so that it soon forgets the untrained weights.
        """
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._mean, self._live, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Lets the average and the parameters change places."""
        for mean, live in zip(self._mean, self._live, strict=True):
            held = live.clone()
            live.copy_(mean)
            mean.copy_(held)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The module has the averaged parameters inside the block."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def state(self) -> list[Tensor]:
        """The averaged parameters."""
        return self._mean

    @torch.no_grad()
    def load(self, state: list[Tensor]) -> None:
        """Takes up averaged parameters from a checkpoint."""
        for mean, stored in zip(self._mean, state, strict=True):
            mean.copy_(stored)
