"""What can be chosen: frozen dataclasses, importable without heavy libraries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nonet.foundation.errors import UsageError

__all__ = ["PRESETS", "CaptureRecipe", "Learning", "NetConfig", "Personal", "Synthesis"]


@dataclass(frozen=True)
class NetConfig:
    """The shape of the base network."""

    pixels: Literal[64, 128] = 128
    """Side of an eye crop."""
    channels: tuple[int, int, int] = (32, 64, 128)
    """Channels of the three convolutions."""
    strides: tuple[int, int, int] = (2, 2, 1)
    """Their strides; the kernels are 7, 5 and 3 wide, without padding."""
    batch_norm: bool = False
    """Batch normalisation behind each convolution and in the head, as replications have it."""
    leak: float = 0.0
    """Slope of the nonlinearity below zero; 0 is a plain ReLU, the article's. The penultimate layer has none ever."""
    drop_conv: float = 0.0
    """Dropout behind each pooling."""
    drop_head: float = 0.0
    """Dropout behind the first layer of the head."""

    def __post_init__(self) -> None:
        if min(self.channels) < 1 or min(self.strides) < 1:
            raise UsageError("Channels and strides must be at least 1.", where="channels")


PRESETS = {
    "128": NetConfig(),
    "64": NetConfig(pixels=64, strides=(2, 1, 1)),
    "64-half": NetConfig(pixels=64, channels=(16, 32, 64), strides=(2, 1, 1)),
}
"""Networks by name: the article's, the same for small crops, and one of half the width that trains in minutes."""


@dataclass(frozen=True)
class Synthesis:
    """The rendered participants to learn from."""

    people: int = 400
    """How many to learn from; a tenth as many more are held out."""
    frames: int = 60
    """Pictures of each."""
    device: Literal["phone", "laptop", "both"] = "phone"
    """The screen that they look at."""
    kappa_sd: float = 3.2
    """Spread over people of the angle between visual and optical axis, degrees."""
    offset_sd_mm: float = 0.9
    """Spread over people of the eyeball's place behind the corners, millimetres. This and the angle are what a base
    model cannot know and a calibration finds."""
    seed: int = 0
    """Decides the people and their poses."""

    def __post_init__(self) -> None:
        if self.people < 10 or self.frames < 1:
            raise UsageError("At least 10 people and 1 frame are needed.", where="people")
        if self.kappa_sd < 0 or self.offset_sd_mm < 0:
            raise UsageError("Spreads cannot be negative.", where="kappa_sd")


@dataclass(frozen=True)
class Learning:
    """How the base network learns."""

    preset: Literal["128", "64", "64-half"] = "64-half"
    """The network: `128` is the article's."""
    epochs: int = 8
    """Times that every picture is shown. More make it know the people by heart."""
    batch_size: int = 128
    """Pictures a step."""
    learning_rate: float = 3e-3
    """The highest rate."""
    weight_decay: float = 1e-4
    """Decoupled decay of the weights."""
    seed: int = 0
    """Decides the first weights and the order of the data."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""


@dataclass(frozen=True)
class CaptureRecipe:
    """How the network learns from GazeCapture; the defaults are those of the public replications."""

    preset: Literal["128", "64", "64-half"] = "128"
    """The network."""
    split: Literal["person", "dot"] = "person"
    """`person`: as the data set says, nobody is in two splits. `dot`: by dot within each person, as some published
    figures do; the same people are then in training and test, which flatters the result."""
    epochs: int = 50
    """Times that every picture is shown."""
    batch_size: int = 256
    """Pictures a step."""
    learning_rate: float = 0.016
    """Adam's rate at the start."""
    decay: float = 0.64
    """Factor on the rate every `decay_steps` steps."""
    decay_steps: int = 8000
    """Steps between two decays."""
    seed: int = 0
    """Decides the first weights, crops and order."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""


@dataclass(frozen=True)
class Personal:
    """How a calibration is fitted."""

    C: float = 20.0
    """Penalty of the support vector regression."""
    gamma: float = 0.06
    """Width of its kernel, on standardised features."""
    epsilon: float = 0.1
    """Errors below it, in cm, cost nothing."""
    ridge: float = 1.0
    """Pull of the affine map towards the identity, in frames of calibration."""
    frames_per_dot: int = 4
    """Frames of a dot that the cross-validation looks at; the final fit takes all."""
    finetune_steps: int = 240
    """Steps of fine-tuning, of 32 pictures each, where it is asked for."""
    finetune_epochs: int = 16
    """Times that a picture is shown at most: a short calibration takes fewer steps."""
    finetune_rate: float = 4e-3
    """Its highest rate."""
    finetune_folds: int = 3
    """Groups of dots that fine-tuning is cross-validated with; training once a dot would take minutes."""
    seed: int = 0
    """Decides the order of the frames in fine-tuning."""
