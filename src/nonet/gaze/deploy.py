"""The network for other runtimes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from nonet.foundation.errors import MissingError
from nonet.foundation.files import replace_file
from nonet.gaze.model import GazeNet

__all__ = ["export_onnx"]


class _Plain(nn.Module):
    """The network with bytes for inputs, so that a runtime needs no preparation of its own."""

    def __init__(self, net: GazeNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, left: Tensor, right: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
        return tuple(self.net(_prepared(left), _prepared(right), corners))


def _prepared(crops: Tensor) -> Tensor:
    values = crops.to(torch.float32) / 255
    return (values - values.mean(dim=(1, 2, 3), keepdim=True)) * 4


def export_onnx(net: GazeNet, path: Path) -> None:
    """Writes the network as ONNX: uint8 crops and corners in, gaze (cm) and features out, any batch size.

    Raises:
        MissingError: if the library `onnx` is not installed.
    """
    import io

    try:
        import onnx  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingError("The library 'onnx' is not installed.", fix="Run: pip install onnx") from error
    side = net.config.pixels
    example = (torch.zeros(2, 3, side, side, dtype=torch.uint8),) * 2 + (torch.zeros(2, 8),)
    content = io.BytesIO()
    names = ["left", "right", "corners", "gaze_cm", "features"]
    torch.onnx.export(
        _Plain(net).eval(),
        example,
        content,  # pyright: ignore[reportArgumentType]
        dynamo=False,
        input_names=names[:3],
        output_names=names[3:],
        dynamic_axes={name: {0: "batch"} for name in names},
    )
    replace_file(path, content.getvalue())
