"""The base network: two eyes through one tower, four eye corners beside them, gaze in cm relative to the camera.

Valliappan et al. 2020, Methods and Supplementary Figure 1. Each convolution is followed by average pooling; the towers
share their weights, which the mirrored left crop makes possible; the last layer but one has four rectified units, the
features that a participant's own regression is fitted on.
"""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Real
from torch import Tensor, nn

from nonet.foundation import artifact
from nonet.foundation.artifact import Card
from nonet.foundation.errors import DataError
from nonet.gaze.config import NetConfig

__all__ = ["FEATURES", "KIND", "GazeNet", "Seen", "as_input", "load", "save"]

KIND = "gaze-net"
FEATURES = 4  # units of the penultimate layer
_KERNELS = (7, 5, 3)
_CORNERS = 8


class Seen(NamedTuple):
    """What the network says of a batch.

    Attributes:
        gaze_cm: points on the screen, cm relative to the camera, (n, 2).
        features: the penultimate layer, (n, 4), at least 0.
    """

    gaze_cm: Tensor
    features: Tensor


class GazeNet(nn.Module):
    """Gaze from two eye crops and four eye corners.

    Args:
        config: sizes and options.
        centre_cm: what the untrained network answers; the middle of the screens to come saves the first epoch.
    """

    def __init__(self, config: NetConfig, centre_cm: tuple[float, float] = (0.0, -6.0)) -> None:
        super().__init__()
        self.config = config
        self.tower = _tower(config)
        flat = config.channels[-1] * _final_side(config) ** 2
        self.corners = nn.Sequential(*_linear(_CORNERS, 128, 16, 16, leak=config.leak))
        self.head = _head(2 * flat + 16, config)
        self.out = nn.Linear(FEATURES, 2)
        _start(self, centre_cm)

    def forward(
        self,
        left: Float[Tensor, "n 3 s s"],
        right: Float[Tensor, "n 3 s s"],
        corners: Float[Tensor, "n 8"],
    ) -> Seen:
        """The gaze of each row.

        Args:
            left: crops of the left eye, mirrored, in [-1, 1]; see `as_input`.
            right: crops of the right eye.
            corners: x/W and y/H of the corners: right outer, right inner, left inner, left outer, in [0, 1].
        """
        features = self.features(left, right, corners)
        return Seen(self.out(features), features)

    def features(self, left: Tensor, right: Tensor, corners: Tensor) -> Float[Tensor, "n 4"]:
        """The penultimate layer."""
        both = self.tower(torch.cat([left, right]).contiguous(memory_format=torch.channels_last)).flatten(1)
        seen = torch.cat([*both.chunk(2), self.corners(corners)], dim=1)
        return self.head(seen)

    @property
    def parameters_count(self) -> int:
        """How many weights there are."""
        return sum(weights.numel() for weights in self.parameters())


def as_input(crops: Real[Tensor, "n 3 s s"]) -> Float[Tensor, "n 3 s s"]:
    """Pixels as the network takes them: each crop's own brightness removed, its contrast kept.

    Exposure and lamps move the mean of a crop far more than gaze does; dividing by the spread as well would turn the
    noise of dark frames into structure.
    """
    values = crops.float() / 255
    return (values - values.mean(dim=(1, 2, 3), keepdim=True)) * 4


def save(model: GazeNet, folder: Path, *, card: Card | None = None, extra: dict | None = None) -> None:
    """Writes the network as an artifact of kind ``gaze-net``."""
    settings = {"net": model.config, "extra": extra or {}}
    card = card or Card("gaze network", date=date.today())
    artifact.save(folder, kind=KIND, config=settings, tensors=model.state_dict(), card=card)


def load(folder: Path) -> GazeNet:
    """Reads a network that `save` wrote, ready to infer.

    Raises:
        ArtifactError: if the folder is missing, damaged, or holds something else.
    """
    from nonet.foundation.settings import rebuild

    model = artifact.load_module(folder, kind=KIND, build=lambda config: GazeNet(rebuild(NetConfig, config["net"])))
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _tower(config: NetConfig) -> nn.Sequential:
    layers: list[nn.Module] = []
    before = 3
    for channels, kernel, stride in zip(config.channels, _KERNELS, config.strides, strict=True):
        layers.append(nn.Conv2d(before, channels, kernel, stride))
        if config.batch_norm:
            layers.append(nn.BatchNorm2d(channels))
        layers += [_bend(config.leak), nn.AvgPool2d(2)]
        if config.drop_conv:
            layers.append(nn.Dropout(config.drop_conv))
        before = channels
    return nn.Sequential(*layers)


def _head(width: int, config: NetConfig) -> nn.Sequential:
    norm = nn.BatchNorm1d if config.batch_norm else nn.Identity
    return nn.Sequential(
        *(nn.Linear(width, 8), norm(8), _bend(config.leak), nn.Dropout(config.drop_head)),
        *(nn.Linear(8, FEATURES), norm(FEATURES), nn.ReLU()),
    )


def _final_side(config: NetConfig) -> int:
    side = config.pixels
    for kernel, stride in zip(_KERNELS, config.strides, strict=True):
        side = ((side - kernel) // stride + 1) // 2
        if side < 1:
            raise DataError("The crop is too small for these strides.", where="pixels")
    return side


def _linear(*widths: int, leak: float) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), _bend(leak)]
    return layers


def _bend(leak: float) -> nn.Module:
    return nn.LeakyReLU(leak) if leak else nn.ReLU()


def _start(model: GazeNet, centre_cm: tuple[float, float]) -> None:
    """First weights: none of the few rectified units of the head starts dead, and the answer is the centre.

    All units start well above zero, and two of opposite sign carry each coordinate. With weights drawn at random the
    four units may all follow the vertical, which varies most, and the horizontal is then never learnt.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    first, second = (layer for layer in model.head if isinstance(layer, nn.Linear))
    with torch.no_grad():
        first.weight.mul_(0.5)
        first.bias.fill_(1.0)
        nn.init.orthogonal_(second.weight)
        second.bias.copy_(1.5 - second.weight.sum(dim=1))  # units of the first layer are about 1
        model.out.weight.copy_(torch.tensor([[0.5, -0.5, 0.0, 0.0], [0.0, 0.0, 0.5, -0.5]]))
        model.out.bias.copy_(torch.tensor(centre_cm))
