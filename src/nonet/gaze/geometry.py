"""Where things are: the screen before a camera, and the way between pixels, centimetres and degrees.

One frame for everything, as in GazeCapture: the camera is the origin, x points to the user's right, y up, z to the
user, in centimetres. So a point below the camera of a phone held upright has a negative y.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nonet.foundation.errors import DataError

__all__ = ["LAPTOP", "PHONE", "Screen", "degrees", "degrees_between"]

_SMALLEST, _LARGEST = 2.0, 200.0  # cm, sides of a screen that somebody may use


@dataclass(frozen=True)
class Screen:
    """A screen and its camera.

    Attributes:
        width_cm: width of the area that is drawn on.
        height_cm: its height.
        width_px: the same in CSS pixels.
        height_px: the same in CSS pixels.
        camera_x_cm: the area's left edge in camera coordinates (negative: left of the camera).
        camera_y_cm: its upper edge in camera coordinates (negative: below the camera).
    """

    width_cm: float
    height_cm: float
    width_px: int
    height_px: int
    camera_x_cm: float
    camera_y_cm: float

    def __post_init__(self) -> None:
        numbers = (self.width_cm, self.height_cm, self.camera_x_cm, self.camera_y_cm)
        if not all(math.isfinite(number) for number in numbers):
            raise DataError("The screen's sizes must be numbers.", where="screen")
        if not all(_SMALLEST <= side <= _LARGEST for side in (self.width_cm, self.height_cm)):
            raise DataError(
                f"A screen of {self.width_cm:.3g} × {self.height_cm:.3g} cm is not plausible.",
                where="screen",
                fix="Measure it again with a bank card (8.56 cm wide).",
            )
        if self.width_px < 1 or self.height_px < 1:
            raise DataError("A screen has at least one pixel.", where="screen")
        ratio = (self.width_cm / self.width_px) / (self.height_cm / self.height_px)
        if not 0.9 < ratio < 1.1:
            raise DataError(
                f"The pixels would be {ratio:.2f} times as wide as high.",
                where="screen",
                fix="Give width and height of the same area, in cm and in pixels.",
            )
        if abs(self.camera_x_cm) > _LARGEST or abs(self.camera_y_cm) > _LARGEST:
            raise DataError("The camera is more than two metres from the screen.", where="screen")

    @property
    def px_per_cm(self) -> float:
        """Pixels in a centimetre."""
        return self.width_px / self.width_cm

    @property
    def centre_cm(self) -> tuple[float, float]:
        """The middle of the screen in camera coordinates."""
        return self.camera_x_cm + self.width_cm / 2, self.camera_y_cm - self.height_cm / 2

    def to_cm(self, px: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Pixels from the upper left corner as cm in camera coordinates."""
        x = self.camera_x_cm + px[..., 0] * self.width_cm / self.width_px
        y = self.camera_y_cm - px[..., 1] * self.height_cm / self.height_px
        return np.stack([x, y], axis=-1)

    def to_px(self, cm: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Camera coordinates in cm as pixels from the upper left corner."""
        x = (cm[..., 0] - self.camera_x_cm) * self.width_px / self.width_cm
        y = (self.camera_y_cm - cm[..., 1]) * self.height_px / self.height_cm
        return np.stack([x, y], axis=-1)


PHONE = Screen(6.4, 12.8, 411, 822, -3.2, -0.8)
"""A phone held upright, its camera centred above the screen."""
LAPTOP = Screen(31.0, 17.4, 1366, 767, -15.5, -0.9)
"""A laptop of 14 inches."""


def degrees(size_cm: Float[np.ndarray, "*n"] | float, distance_cm: Float[np.ndarray, "*n"] | float) -> np.ndarray:
    """The visual angle of a length seen from the front: 2·atan(size / 2·distance).

    Args:
        size_cm: lengths or errors on the screen.
        distance_cm: from eye to screen.
    Returns:
        Degrees.
    """
    return np.asarray(np.degrees(2 * np.arctan(np.asarray(size_cm) / (2 * np.asarray(distance_cm)))))


def degrees_between(
    first_cm: Float[np.ndarray, "*n 2"], second_cm: Float[np.ndarray, "*n 2"], eye_cm: Float[np.ndarray, "*m 3"]
) -> Float[np.ndarray, "*n"]:
    """The exact angle at the eye between two points of the screen.

    Args:
        first_cm: points on the screen, camera coordinates.
        second_cm: other points.
        eye_cm: the eye's place, camera coordinates.
    Returns:
        Degrees.
    """
    flat = np.zeros((*np.broadcast_shapes(first_cm.shape, second_cm.shape)[:-1], 1))
    rays = [
        np.concatenate([np.broadcast_to(p, (*flat.shape[:-1], 2)), flat], -1) - eye_cm for p in (first_cm, second_cm)
    ]
    across = np.linalg.norm(np.cross(rays[0], rays[1]), axis=-1)
    return np.degrees(np.arctan2(across, (rays[0] * rays[1]).sum(-1)))
