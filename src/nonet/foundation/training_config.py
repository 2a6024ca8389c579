"""How a training runs: a configuration that imports nothing heavy, so that ``--help`` stays quick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nonet.foundation.settings import require

__all__ = ["TrainingConfig"]


@dataclass(frozen=True)
class TrainingConfig:
    """The options of `nonet.foundation.training.fit`."""

    steps: int = 1000
    """Optimiser steps in all."""
    batch_size: int = 64
    """Examples per step, over all processes and accumulated parts."""
    learning_rate: float = 1e-3
    """The highest rate, reached after the warm-up."""
    warmup_steps: int = 0
    """Steps over which the rate rises from zero."""
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    """How the rate falls to zero after the warm-up."""
    weight_decay: float = 0.0
    """Decoupled weight decay; norms and biases are left out."""
    betas: tuple[float, float] = (0.9, 0.999)
    """The decay rates of AdamW's two averages."""
    clip_norm: float | None = 1.0
    """The longest gradient, over all parameters; None for no limit."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Mixed precision of the forward pass; fp16 needs an accelerator."""
    accumulate: int = 1
    """Parts that a batch is computed in, one after the other, to save memory."""
    ema_decay: float | None = None
    """Decay of a moving average of the weights (less in the first steps), which evaluation and the result then use;
    None for none."""
    checkpoint_every: int = 500
    """Steps between checkpoints; 0 for one at the end only."""
    keep_checkpoints: int = 2
    """How many of the newest checkpoints stay on disk."""
    evaluate_every: int = 0
    """Steps between evaluations; 0 for one at the end only."""
    log_every: int = 20
    """Steps between lines of the log."""
    workers: int = 0
    """Processes that read data beside each training process."""
    seed: int = 0
    """Decides the order of the data, dropout and augmentation."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulate", "keep_checkpoints", "log_every"):
            require(getattr(self, name) >= 1, name, "at least 1")
        for name in ("warmup_steps", "checkpoint_every", "evaluate_every", "workers", "weight_decay", "seed"):
            require(getattr(self, name) >= 0, name, "at least 0")
        require(self.learning_rate > 0, "learning_rate", "above 0")
        require(self.clip_norm is None or self.clip_norm > 0, "clip_norm", "above 0, or None")
        require(self.ema_decay is None or 0 <= self.ema_decay < 1, "ema_decay", "at least 0 and below 1, or None")
        require(self.batch_size % self.accumulate == 0, "batch_size", f"a multiple of accumulate ({self.accumulate})")
