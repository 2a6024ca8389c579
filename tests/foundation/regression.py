"""A small network that learns in a moment, and what the tests of training compare."""

import json
import random
from pathlib import Path

import numpy as np
import torch
from torch import nn

from nonet.foundation.training import Rows, TrainingConfig, fit


class Regression(nn.Module):
    """A small network that draws from every random generator, and does ``at_call`` when it is called that often."""

    def __init__(self, at_call: int | None = None, action=None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.2), nn.BatchNorm1d(16), nn.Linear(16, 1))
        self.calls, self.at_call, self.action = 0, at_call, action

    def forward(self, batch):
        if self.training:
            self.calls += 1
            if self.calls == self.at_call:
                self.action()
        noise = random.random() + np.random.rand()
        error = self.layers(batch["x"]) - batch["y"] + 0.01 * noise
        return error.square().mean(), {"absolute": error.abs().mean(), "noise": noise}


class Augmented(torch.utils.data.Dataset):
    """Examples that come out a little different each time."""

    def __init__(self) -> None:
        self.rows = rows()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int):
        return {name: value + 0.01 * torch.randn(()) * np.random.rand() for name, value in self.rows[index].items()}


def rows(count: int = 100) -> Rows:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 8, generator=generator)
    return Rows(x=x, y=x.sum(1, keepdim=True))


CONFIG = TrainingConfig(
    steps=40, batch_size=16, learning_rate=0.01, warmup_steps=5, weight_decay=0.1, device="cpu",
    checkpoint_every=7, evaluate_every=10, log_every=4, seed=3,
)  # fmt: skip


def evaluate(module: nn.Module, step: int) -> dict[str, float]:
    assert not module.training
    assert not torch.is_grad_enabled()
    random.seed(0)  # an evaluation may do with the generators what it likes
    torch.manual_seed(0)
    batch = rows(20).__getitems__(range(20))
    return {"error": float((module.layers(batch["x"]) - batch["y"]).square().mean()), "steps": step}


def same(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def told(folder: Path) -> list[dict]:
    """The log without the clock's part."""
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [{name: value for name, value in line.items() if name != "examples_per_second"} for line in lines]


def rmsprop(groups):
    return torch.optim.RMSprop(groups, lr=0.01, momentum=0.9)


def train(folder: Path, config: TrainingConfig, module: Regression, *, data=rows, **options):
    return fit(module, data(), config, folder=folder, evaluate=evaluate, **options)
