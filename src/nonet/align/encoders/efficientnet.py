"""EfficientNet and EfficientNet-Lite (Tan and Le, 2019), as image towers.

Kept plain and fast: memory format channels-last, squeeze-and-excite as two matrix products, no copy but the one-sided
padding of strided convolutions. That padding is the published networks' own ("same" at even sizes): one cell more on
the right and below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["VARIANTS", "EfficientNet", "EfficientNetConfig"]

BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Stage:
    """A row of the table that defines the family (Tan and Le 2019, Table 1): blocks of one shape.

    Attributes:
        repeats: how many blocks, before the depth is scaled.
        kernel: side of the depthwise convolution.
        stride: of the first block; the others have 1.
        expansion: channels within a block, as a multiple of those that come in.
        channels: that come out, before the width is scaled.
    """

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32


@dataclass(frozen=True)
class EfficientNetConfig:
    """The shape of one network of the family.

    Attributes:
        width: factor on every channel count.
        depth: factor on the number of blocks of a stage.
        squeeze: squeeze-and-excite width as a share of the block's input; 0 leaves it out (Lite).
        activation: `silu`, or `relu6` for Lite.
        head: channels of a last 1×1 convolution before pooling; 0 leaves it out, as ALIGN does (§4.1).
        pool_stages: which stages (0 to 6) are averaged over space and set side by side to the last features.
        drop_path: chance of leaving out the last residual branch in training; earlier ones in proportion.
    """

    width: float = 1.0
    depth: float = 1.0
    squeeze: float = 0.25
    activation: Literal["silu", "relu6"] = "silu"
    head: int = 0
    pool_stages: tuple[int, ...] = ()
    drop_path: float = 0.0

    def channels(self, base: int) -> int:
        """`base` channels times the width, rounded to a multiple of 8 that loses no more than a tenth."""
        scaled = base * self.width
        rounded = max(8, int(scaled + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * scaled else rounded

    def repeats(self, stage: Stage) -> int:
        """Blocks of a stage after scaling the depth."""
        return math.ceil(stage.repeats * self.depth)


VARIANTS = {
    "small": EfficientNetConfig(width=0.5, depth=0.5),
    "efficientnet-lite0": EfficientNetConfig(squeeze=0.0, activation="relu6"),
    "efficientnet-b0": EfficientNetConfig(1.0, 1.0),
    "efficientnet-b1": EfficientNetConfig(1.0, 1.1),
    "efficientnet-b2": EfficientNetConfig(1.1, 1.2),
    "efficientnet-b3": EfficientNetConfig(1.2, 1.4),
    "efficientnet-b4": EfficientNetConfig(1.4, 1.8),
    "efficientnet-b5": EfficientNetConfig(1.6, 2.2),
    "efficientnet-b6": EfficientNetConfig(1.8, 2.6),
    "efficientnet-b7": EfficientNetConfig(2.0, 3.1),
    "efficientnet-l2": EfficientNetConfig(4.3, 5.3),
}


class Convolution(nn.Conv2d):
    """A convolution without bias, padded so that stride 1 keeps the size and stride 2 halves it."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        side, stride = self.kernel_size[0], self.stride[0]
        if stride == 1 and side <= input.shape[-1]:
            return super().forward(input)
        # a map smaller than the kernel is padded here as well: oneDNN's gradient is three times as fast without padding
        before, after = (side // 2 - 1 if stride > 1 else side // 2), side // 2
        padded = F.pad(input, (before, after, before, after))
        return F.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)


class SqueezeExcite(nn.Module):
    """Channels reweighted by what the whole picture holds (Hu et al., 2018)."""

    def __init__(self, channels: int, squeezed: int, activation: nn.Module) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, squeezed)
        self.activation = activation
        self.expand = nn.Linear(squeezed, channels)

    def forward(self, maps: Tensor) -> Tensor:
        gate = self.expand(self.activation(self.reduce(maps.mean((2, 3))))).sigmoid()
        return maps * gate[:, :, None, None]


class Block(nn.Module):
    """Inverted residual: expand, convolve each channel, squeeze-and-excite, project."""

    def __init__(self, inputs: int, outputs: int, stage: Stage, config: EfficientNetConfig, *, first: bool) -> None:
        super().__init__()
        inner = inputs * stage.expansion
        stride = stage.stride if first else 1
        self.activation = _activation(config)
        self.expand = Convolution(inputs, inner, 1) if stage.expansion > 1 else None
        self.expand_norm = _norm(inner) if stage.expansion > 1 else None
        self.depthwise = Convolution(inner, inner, stage.kernel, stride, groups=inner)
        self.depthwise_norm = _norm(inner)
        squeezed = max(1, int(inputs * config.squeeze))
        self.squeeze = SqueezeExcite(inner, squeezed, _activation(config)) if config.squeeze else None
        self.project = Convolution(inner, outputs, 1)
        self.project_norm = _norm(outputs)
        self.residual = not first
        self.drop_path = 0.0

    def forward(self, maps: Tensor) -> Tensor:
        inner = maps
        if self.expand is not None and self.expand_norm is not None:
            inner = self.activation(self.expand_norm(self.expand(inner)))
        inner = self.activation(self.depthwise_norm(self.depthwise(inner)))
        if self.squeeze is not None:
            inner = self.squeeze(inner)
        inner = self.project_norm(self.project(inner))
        if not self.residual:
            return inner
        if self.training and self.drop_path:
            keep = 1 - self.drop_path
            inner = inner * inner.new_empty(len(inner), 1, 1, 1).bernoulli_(keep).div_(keep)
        return maps + inner


class EfficientNet(nn.Module):
    """The network without a classifier: pictures in, one feature vector each out.

    Attributes:
        width: length of the feature vector; 320 times the width factor where there is no head (B7: 640, L2: 1376),
            plus the channels of `pool_stages`.
    """

    def __init__(self, config: EfficientNetConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels(STEM_CHANNELS)
        self.stem = Convolution(3, channels, 3, stride=2)
        self.stem_norm = _norm(channels)
        self.activation = _activation(config)
        self.stages = nn.ModuleList()
        pooled = 0
        for number, stage in enumerate(STAGES):
            blocks, outputs = [], config.channels(stage.channels)
            for repeat in range(config.repeats(stage)):
                blocks.append(Block(channels, outputs, stage, config, first=repeat == 0))
                channels = outputs
            self.stages.append(nn.Sequential(*blocks))
            pooled += outputs if number in config.pool_stages else 0
        self.head = Convolution(channels, config.head, 1) if config.head else None
        self.head_norm = _norm(config.head) if config.head else None
        self.width = (config.head or channels) + pooled
        self._initialise()
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, pixels: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n features"]:
        """Features of normalised pictures, averaged over space."""
        maps = pixels.contiguous(memory_format=torch.channels_last)
        maps = self.activation(self.stem_norm(self.stem(maps)))
        pooled = []
        for number, stage in enumerate(self.stages):
            maps = stage(maps)
            if number in self.config.pool_stages:
                pooled.append(maps.mean((2, 3)))
        if self.head is not None and self.head_norm is not None:
            maps = self.activation(self.head_norm(self.head(maps)))
        return torch.cat([*pooled, maps.mean((2, 3))], dim=1)

    def _initialise(self) -> None:
        blocks = [module for module in self.modules() if isinstance(module, Block)]
        for number, block in enumerate(blocks):
            block.drop_path = self.config.drop_path * number / len(blocks)
        for module in self.modules():
            if isinstance(module, Convolution):
                fan_out = module.out_channels * module.kernel_size[0] ** 2 // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, momentum=0.01)


def _activation(config: EfficientNetConfig) -> nn.Module:
    return nn.SiLU() if config.activation == "silu" else nn.ReLU6()
