import pytest
import torch
from torch import nn

from nonet.foundation.training import Rows, TrainingConfig, fit


class Regression(nn.Module):
    """A small network with dropout: its training uses the random generators."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.1), nn.LayerNorm(16), nn.Linear(16, 1))

    def forward(self, batch):
        error = self.layers(batch["x"]) - batch["y"]
        return error.square().mean(), {"absolute": error.abs().mean()}


def rows(count: int = 320) -> Rows:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 8, generator=generator)
    return Rows(x=x, y=x.sum(1, keepdim=True))


def regression() -> Regression:
    torch.manual_seed(0)
    return Regression()


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_the_loss_falls(tmp_path, precision):
    config = TrainingConfig(steps=200, batch_size=32, learning_rate=0.01, precision=precision, device="cpu")
    history = fit(regression(), rows(), config, folder=tmp_path)
    curve = history.curve("loss")
    assert curve[0][1] > 3
    assert curve[-1][1] < 1
