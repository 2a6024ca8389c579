"""What every tower is: preprocessing that belongs to it, and features of a known width."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from PIL import Image
from torch import Tensor, nn

__all__ = ["ImageEncoder", "TextEncoder", "Tokens", "fingerprint"]


class Tokens(NamedTuple):
    """Texts as a text encoder reads them.

    Attributes:
        ids: numbers of tokens, padded on the right to the longest text.
        mask: true where there is a token, false on the padding.
    """

    ids: Int[Tensor, "texts tokens"]
    mask: Bool[Tensor, "texts tokens"]

    def to(self, device: Any) -> Tokens:
        """The same tokens on another device."""
        return Tokens(self.ids.to(device), self.mask.to(device))


class Encoder(nn.Module, ABC):
    """A tower: a network whose whole description fits in JSON and whose weights are its state.

    Attributes:
        width: length of a feature vector.
    """

    width: int
    _known: str | None = None  # the fingerprint, while the weights stay as they are

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """All that is needed, beside the weights, to build this encoder again; plain JSON."""

    def fingerprint(self) -> str:
        """A hash of the description and every weight: equal for encoders with equal features.

        It is remembered in evaluation mode, until weights are loaded or moved or the mode is set again.
        """
        if self.training or self._known is None:
            self._known = fingerprint(self.describe(), self.state_dict())
        return self._known

    def _forget(self) -> None:
        """Drops what was derived from the weights, which may change from here on."""
        self._known = None

    def train(self, mode: bool = True) -> Encoder:
        self._forget()
        return super().train(mode)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._forget()
        super()._load_from_state_dict(*args, **kwargs)

    def _apply(self, *args: Any, **kwargs: Any) -> Encoder:
        self._forget()  # another device or type
        return super()._apply(*args, **kwargs)


class ImageEncoder(Encoder):
    """A tower for pictures."""

    @abstractmethod
    def preprocess(self, pictures: Sequence[Image.Image]) -> Float[Tensor, "n 3 height width"]:
        """RGB pictures of any size as the network's input, on the CPU."""

    @abstractmethod
    def forward(self, pixels: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n features"]:
        """Features of preprocessed pictures, not normalised."""


class TextEncoder(Encoder):
    """A tower for texts."""

    @abstractmethod
    def preprocess(self, texts: Sequence[str]) -> Tokens:
        """Texts as tokens, cut at the encoder's limit, on the CPU."""

    @abstractmethod
    def forward(self, ids: Int[Tensor, "n tokens"], mask: Bool[Tensor, "n tokens"]) -> Float[Tensor, "n features"]:
        """Features of tokenised texts, not normalised."""


def fingerprint(description: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over a description and named tensors, in hexadecimal.

    Args:
        description: plain JSON values.
        weights: tensors by name; the order does not matter, every bit does.
    """
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
