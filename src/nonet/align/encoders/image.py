"""Image towers: EfficientNets of ours, and any image network of the Hugging Face library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from nonet.align.encoders.base import ImageEncoder
from nonet.align.encoders.efficientnet import EfficientNet, EfficientNetConfig
from nonet.align.encoders.folding import folded

__all__ = ["EfficientNetEncoder", "HuggingFaceImageEncoder", "Preparation"]


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes the input of an EfficientNet.

    Attributes:
        resize: side in pixels of the square that the whole picture is squeezed into, whatever its shape (ALIGN, §5).
        crop: side of the central square taken from it.
        mean: of each channel, on a scale of 0 to 1; taken off.
        std: of each channel; divided by.
        filter: how pixels are resampled.
        two_steps: resize the whole picture and then cut, as published preprocessors do, instead of resampling only the
            part that is kept; the two differ by rounding.
    """

    resize: int = 346
    crop: int = 289
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    filter: Literal["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"] = "bicubic"
    two_steps: bool = False

    def __call__(self, pictures: Sequence[Image.Image]) -> Float[Tensor, "n 3 height width"]:
        """Normalised pixels in channels-last memory."""
        return self.at(pictures, [(0.5, 0.5)] * len(pictures))

    def at(
        self, pictures: Sequence[Image.Image], places: Sequence[tuple[float, float]]
    ) -> Float[Tensor, "n 3 height width"]:
        """Normalised pixels of a square taken at a place of each picture.

        Args:
            pictures: RGB.
            places: from the left edge (0) to the right (1) and from the top (0) to the bottom (1).
        """
        pixels = np.empty((len(pictures), self.crop, self.crop, 3), np.uint8)
        for row, (picture, place) in enumerate(zip(pictures, places, strict=True)):
            pixels[row] = np.asarray(self._square(picture, *place))
        mean, std = torch.tensor(self.mean) * 255, torch.tensor(self.std) * 255
        return torch.from_numpy(pixels).float().sub_(mean).div_(std).permute(0, 3, 1, 2)

    def _square(self, picture: Image.Image, x: float, y: float) -> Image.Image:
        room, filter = self.resize - self.crop, Image.Resampling[self.filter.upper()]
        if self.two_steps:
            left, top = int(x * room), int(y * room)
            whole = picture.resize((self.resize, self.resize), filter)
            return whole.crop((left, top, left + self.crop, top + self.crop))
        width, height = picture.width / self.resize, picture.height / self.resize
        left, top = x * room * width, y * room * height
        box = (left, top, left + self.crop * width, top + self.crop * height)
        return picture.resize((self.crop, self.crop), filter, box=box)


class EfficientNetEncoder(ImageEncoder):
    """An EfficientNet with its preparation of pictures."""

    def __init__(self, network: EfficientNetConfig, preparation: Preparation) -> None:
        super().__init__()
        self.network = EfficientNet(network)
        self.preparation = preparation
        self.width = self.network.width
        self._folded: list[EfficientNet] = []  # in a list, so that it is no part of the state

    @classmethod
    def rebuild(cls, description: Mapping[str, Any]) -> EfficientNetEncoder:
        """The encoder that `describe` described, without its weights."""
        network = dict(description["network"])
        network["pool_stages"] = tuple(network["pool_stages"])
        preparation: dict[str, Any] = dict(description["preparation"])
        preparation |= {key: tuple(value) for key, value in preparation.items() if isinstance(value, list)}
        return cls(EfficientNetConfig(**network), Preparation(**preparation))

    def describe(self) -> dict[str, Any]:
        return {"kind": "efficientnet", "network": asdict(self.network.config), "preparation": asdict(self.preparation)}

    def preprocess(self, pictures: Sequence[Image.Image]) -> Float[Tensor, "n 3 height width"]:
        return self.preparation(pictures)

    def forward(self, pixels: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n features"]:
        if self.training or torch.is_grad_enabled():
            return self.network(pixels)
        if not self._folded:
            self._folded.append(folded(self.network))
        return self._folded[0](pixels)

    def _forget(self) -> None:
        self._folded.clear()
        super()._forget()


class HuggingFaceImageEncoder(ImageEncoder):
    """An image network of `transformers` with the image processor that was saved beside it.

    Features are the network's own pooled output, or the mean over its positions where it has none.
    """

    def __init__(self, network: Any, processor: Any) -> None:
        """Wraps a network.

        Args:
            network: a `transformers` model that takes `pixel_values`.
            processor: its image processor, of the kind that needs no torchvision.
        """
        super().__init__()
        self.network = network
        self.processor = processor
        self._description: dict[str, Any] | None = None
        config = network.config
        sizes = getattr(config, "hidden_sizes", None)
        self.width = sizes[-1] if sizes else getattr(config, "hidden_dim", None) or config.hidden_size

    @classmethod
    def rebuild(cls, description: Mapping[str, Any]) -> HuggingFaceImageEncoder:
        """The encoder that `describe` described, without its weights."""
        from nonet.align.encoders import huggingface

        encoder = cls(
            huggingface.network(description["network"]),
            huggingface.image_processor(description["processor"]),
        )
        # kept word for word: a later version of the library may write more fields, and the fingerprint would change
        encoder._description = dict(description)
        return encoder

    def describe(self) -> dict[str, Any]:
        from nonet.align.encoders import huggingface

        if self._description is not None:
            return self._description
        return {
            "kind": "huggingface",
            "network": huggingface.plain(self.network.config),
            "processor": huggingface.plain(self.processor),
        }

    def preprocess(self, pictures: Sequence[Image.Image]) -> Float[Tensor, "n 3 height width"]:
        return self.processor(list(pictures), return_tensors="pt")["pixel_values"].float()

    def forward(self, pixels: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n features"]:
        output = self.network(pixel_values=pixels)
        pooled = getattr(output, "pooler_output", None)
        if pooled is not None:
            return pooled.flatten(1)
        last = output.last_hidden_state
        return last.mean((2, 3)) if last.ndim == 4 else last.mean(1)
