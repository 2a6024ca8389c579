"""Small networks and data that the tests of this wing share."""

import numpy as np
import torch
from torch import Tensor, nn


class Block(nn.Module):
    """A residual block as torchvision writes it: one ReLU called twice, in place, and ``+=``."""

    def __init__(self, channels: int, inplace: bool = True) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=inplace)
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.inplace:
            out += x
        else:
            out = out + x
        return self.relu(out)


def small_net(inplace: bool = True, blocks: int = 2, seed: int = 0, classes: int = 3) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        *(Block(6, inplace) for _ in range(blocks)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, classes),
    )


def pictures(count: int = 64, seed: int = 0, side: int = 8) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def reference_cka(batches: list[tuple[np.ndarray, np.ndarray]], pairs: bool = True) -> float:
    """Minibatch CKA straight from the published formula of HSIC₁, in double precision."""

    def hsic(k: np.ndarray, l: np.ndarray) -> float:  # noqa: E741
        n = len(k)
        k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))  # noqa: E741
        ones = np.ones(n)
        value = np.trace(k @ l) + (ones @ k @ ones) * (ones @ l @ ones) / ((n - 1) * (n - 2))
        value -= 2 / (n - 2) * (ones @ k @ l @ ones)
        return value / (1 if pairs else n * (n - 3))

    sums = np.zeros(3)
    for x, y in batches:
        x, y = (side.astype(np.float64).reshape(len(side), -1) for side in (x, y))
        x, y = x - x.mean(0), y - y.mean(0)
        k, l = x @ x.T, y @ y.T  # noqa: E741
        sums += [hsic(k, l), hsic(k, k), hsic(l, l)]
    return sums[0] / np.sqrt(sums[1] * sums[2])
