"""The article's networks: residual networks of any depth and width, and their plain twins.

Ported so that a network here is the network there (Nguyen et al. 2021, §3, whose program is in Keras): convolutions
have biases, kernels start from a truncated He normal, batch norm has ε = 1e-3 and a memory of 0.99, a convolution of
stride 2 pads below and to the right only, and the projection of a stage has no norm. Every operation is a module of
its own, the addition too, so that all layers the article analyses can be looked at.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from nonet.cka.config import NetworkConfig

__all__ = ["Add", "BasicBlock", "Bottleneck", "ResNet", "SameConv2d", "residual_blocks"]

# the standard deviation of a normal that is cut at two standard deviations
_TRUNCATED = 0.87962566103423978


class SameConv2d(nn.Conv2d):
    """A convolution padded so that a picture of side s comes out with side ⌈s / stride⌉, the odd pixel at the end."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__(channels_in, channels_out, kernel, stride, padding=kernel // 2 if stride == 1 else 0)

    def forward(self, input: Tensor) -> Tensor:
        if self.stride[0] > 1:
            down, across = (self._missing(side, place) for place, side in enumerate(input.shape[2:]))
            input = F.pad(input, (across // 2, across - across // 2, down // 2, down - down // 2))
        return super().forward(input)

    def _missing(self, side: int, place: int) -> int:
        stride, kernel = self.stride[place], self.kernel_size[place]
        return max(0, (math.ceil(side / stride) - 1) * stride + kernel - side)

    def reset_parameters(self) -> None:
        _he_normal(self.weight)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]


class Add(nn.Module):
    """The sum of the two ways through a block."""

    def forward(self, branch: Tensor, skip: Tensor) -> Tensor:
        return branch + skip


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _he_normal(kernel: Tensor) -> None:
    fan_in = kernel[0].numel()
    deviation = math.sqrt(2 / fan_in) / _TRUNCATED
    nn.init.trunc_normal_(kernel, std=deviation, a=-2 * deviation, b=2 * deviation)


class BasicBlock(nn.Module):
    """conv, norm, ReLU, conv, norm, + input, ReLU."""

    def __init__(self, channels_in: int, channels: int, stride: int, residual: bool = True) -> None:
        super().__init__()
        self.conv1 = SameConv2d(channels_in, channels, 3, stride)
        self.bn1, self.relu1 = _norm(channels), nn.ReLU()
        self.conv2 = SameConv2d(channels, channels, 3)
        self.bn2 = _norm(channels)
        changes = residual and (stride > 1 or channels_in != channels)
        self.projection = SameConv2d(channels_in, channels, 1, stride) if changes else None
        self.add = Add() if residual else None
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        branch = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        if self.add is not None:
            branch = self.add(branch, x if self.projection is None else self.projection(x))
        return self.relu2(branch)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, each with its norm; the projection has one, too (He et al. 2016)."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int, residual: bool = True) -> None:
        super().__init__()
        out = channels * self.expansion
        self.conv1, self.bn1, self.relu1 = SameConv2d(channels_in, channels, 1, stride), _norm(channels), nn.ReLU()
        self.conv2, self.bn2, self.relu2 = SameConv2d(channels, channels, 3), _norm(channels), nn.ReLU()
        self.conv3, self.bn3 = SameConv2d(channels, out, 1), _norm(out)
        changes = residual and (stride > 1 or channels_in != out)
        self.projection = nn.Sequential(SameConv2d(channels_in, out, 1, stride), _norm(out)) if changes else None
        self.add = Add() if residual else None
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        branch = self.relu2(self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x))))))
        branch = self.bn3(self.conv3(branch))
        if self.add is not None:
            branch = self.add(branch, x if self.projection is None else self.projection(x))
        return self.relu3(branch)


class ResNet(nn.Module):
    """A residual network for small pictures (three stages) or large ones (four).

    Args:
        config: depth, width, classes, layout.
        seed: of the weights.
    """

    def __init__(self, config: NetworkConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._build_stem()
            self._build_stages()

    def _build_stem(self) -> None:
        config = self.config
        self.stem_channels = 16 * config.width
        if config.layout == "imagenet":
            self.stem_channels = 64 * (config.width if config.scale_all else 1)
            self.conv = SameConv2d(config.channels, self.stem_channels, 7, 2)
            self.pool_in: nn.Module | None = nn.MaxPool2d(3, 2, padding=1)
        else:
            self.conv = SameConv2d(config.channels, self.stem_channels, 3)
            self.pool_in = None
        self.bn, self.relu = _norm(self.stem_channels), nn.ReLU()

    def _build_stages(self) -> None:
        config, channels = self.config, self.stem_channels
        self.stages = nn.ModuleList()
        for number, (filters, blocks) in enumerate(_plan(config)):
            kind = Bottleneck if config.layout == "imagenet" else BasicBlock
            stage = nn.Sequential()
            for block in range(blocks):
                stage.append(kind(channels, filters, 2 if number and not block else 1, config.residual))
                channels = filters * (4 if kind is Bottleneck else 1)
            self.stages.append(stage)
        self.pool, self.flatten = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        self.head = nn.Linear(channels, config.classes)
        _he_normal(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n classes"]:
        """Logits of pictures with values in [0, 1]."""
        x = self.relu(self.bn(self.conv(x)))
        if self.pool_in is not None:
            x = self.pool_in(x)
        for stage in self.stages:
            x = stage(x)
        return self.head(self.flatten(self.pool(x)))


def _plan(config: NetworkConfig) -> list[tuple[int, int]]:
    """Filters and number of blocks of each stage."""
    if config.layout == "cifar":
        each = (config.depth - 2) // 6
        return [(16 * config.width * 2**stage, each) for stage in range(3)]
    third = 6 + (config.depth - 50) // 3
    widths = [config.width if config.scale_all or stage == 2 else 1 for stage in range(4)]
    return [(64 * 2**stage * widths[stage], blocks) for stage, blocks in enumerate((3, 4, third, 3))]


def residual_blocks(model: nn.Module) -> dict[str, nn.Module]:
    """The blocks of a network of this wing, by name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, (BasicBlock, Bottleneck))}
