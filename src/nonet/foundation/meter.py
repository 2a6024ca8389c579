"""What a training measures at each step, fetched from the device seldom so that the device need not wait."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor

from nonet.foundation.errors import DataError

__all__ = ["Meter", "Window"]


@dataclass
class Window:
    """Sums of what was measured since the last line of the log."""

    steps: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, values: Mapping[str, float]) -> None:
        """Takes in the values of one step."""
        self.steps += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def take(self) -> dict[str, float]:
        """The means; the window is empty afterwards."""
        means = {name: total / self.steps for name, total in self.sums.items()}
        self.steps, self.sums = 0, {}
        return means


class Meter:
    """Collects the values of each step, over all processes, and guards that they are finite.

    Args:
        accelerator: of the training.
        folder: of the run, for errors.
    """

    def __init__(self, accelerator: Accelerator, folder: Path) -> None:
        self.window = Window()
        self._accelerator, self._folder = accelerator, folder
        self._pending: list[dict[str, Tensor]] = []

    def add(self, values: dict[str, Tensor]) -> None:
        """Takes in the scalars of one step, wherever they are."""
        self._pending.append(values)

    def collect(self, step: int, stop: bool) -> bool:
        """Moves what was measured up to the end of step ``step`` into the window.

        Args:
            step: steps done.
            stop: whether this process was asked to stop.
        Returns:
            Whether any process was.
        Raises:
            DataError: if a loss or a gradient was not finite.
        """
        device = self._accelerator.device
        names = list(self._pending[0]) if self._pending else []
        rows = [torch.stack([values[name].to(device) for name in names]) for values in self._pending]
        self._pending = []
        table = torch.stack(rows) if rows else torch.zeros(0, 0)
        if self._accelerator.num_processes > 1:
            table = cast(Tensor, self._accelerator.reduce(table, "mean"))
            asked = torch.tensor(float(stop), device=device)
            stop = cast(Tensor, self._accelerator.reduce(asked, "sum")).item() > 0
        for done, row in enumerate(table.tolist(), start=step - len(rows) + 1):
            values = dict(zip(names, row, strict=True))
            self.require_finite("loss", values["loss"], done)
            if self._accelerator.scaler is None:  # which makes infinite gradients, and skips them
                self.require_finite("gradient", values["gradient_norm"], done)
            self.window.add(values)
        return stop

    def require_finite(self, what: str, value: float, step: int) -> None:
        """Raises a `DataError` that names the step unless ``value`` is finite."""
        if not math.isfinite(value):
            raise DataError(
                f"The {what} became {value} at step {step:,}. The last good checkpoint is kept.",
                where=self._folder,
                fix="Look for broken values in the data; or try a lower learning rate, a longer warm-up or a smaller"
                " clip norm, in another folder.",
            )
