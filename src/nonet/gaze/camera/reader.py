"""A camera's frames, one after the other, as what the gaze network takes."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageStat

from nonet.foundation.errors import DataError
from nonet.gaze.camera.advice import ADVICE
from nonet.gaze.camera.networks import Mesh, Networks, Region, face_region, mesh_region

__all__ = ["IRIS_CM", "MAX_FRAME_BYTES", "FaceReader", "Observation", "UnusableFrameError", "decode"]

IRIS_CM = 1.17  # diameter of the human iris, nearly the same in all adults
MAX_FRAME_BYTES = 4 * 2**20
_MAX_SIDE = 4096  # pixels of a frame
_MARGIN = 1.8  # as in the renderer
_CORNERS = (33, 133, 362, 263)  # right outer, right inner, left inner, left outer of the mesh
_LIDS = ((159, 145), (386, 374))  # upper and lower lid of the right, the left eye
_DARK, _FLAT = 28.0, 6.0  # mean brightness and spread of a face, of 255
_TURNED, _NEAREST_EYE = 38.0, 16.0  # degrees of yaw; px between the corners
_SHUT = 0.10  # height of an eye over its width; open ones have 0.2 to 0.4
_TRUSTED = 0.6  # of the mesh network, to follow a face without the detector
_LOOK_AGAIN = 15  # frames after which the detector looks for a second face


class UnusableFrameError(Exception):
    """A frame in which no gaze can be measured; says why, and what the participant can do.

    Args:
        reason: one of the keys of `ADVICE`.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(ADVICE[reason])


@dataclass(frozen=True)
class Observation:
    """What a frame shows.

    Attributes:
        left: mirrored crop of the left eye, (3, s, s).
        right: crop of the right eye.
        corners: places of the four corners, x/W and y/H: right outer, right inner, left inner, left outer.
        corners_px: the same in pixels, (4, 2).
        openness: height of the eyes over their width, mean of both.
        head: pitch, yaw and roll, degrees; positive is up, to the user's right, right ear down.
        iris_px: mean diameter of the irises, or NaN where it was not measured.
        glare: share of the crops that is blown out, as by glasses that mirror a lamp.
    """

    left: UInt8[np.ndarray, "3 s s"]
    right: UInt8[np.ndarray, "3 s s"]
    corners: Float[np.ndarray, " 8"]
    corners_px: Float[np.ndarray, "4 2"]
    openness: float
    head: tuple[float, float, float]
    iris_px: float
    glare: float

    def distance_cm(self, focal_px: float) -> float:
        """From the camera to the eyes, by the size of the iris; NaN where that was not measured."""
        return focal_px * IRIS_CM / self.iris_px


def decode(content: bytes) -> Image.Image:
    """A frame from the bytes of a JPEG, PNG or WebP file.

    Raises:
        DataError: if it is too large, broken, or no picture.
    """
    if len(content) > MAX_FRAME_BYTES:
        raise DataError(f"A frame has {len(content) / 2**20:.0f} MB; {MAX_FRAME_BYTES // 2**20} are allowed.")
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as opened:
            if max(opened.size) > _MAX_SIDE:
                raise DataError(f"A frame has {opened.width} × {opened.height} pixels; {_MAX_SIDE} a side are allowed.")
            return opened.convert("RGB")
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise DataError("A frame is not a whole picture.", fix="Send JPEG frames as the page does.") from error


class FaceReader:
    """Reads frames of one camera in their order; it follows the face from frame to frame.

    Args:
        pixels: side of the crops.
        networks: shared by readers of one thread; loaded if None.
        iris_every: frames between two measurements of the iris; 0 for none.
    """

    def __init__(self, pixels: int, networks: Networks | None = None, *, iris_every: int = 5) -> None:
        self.pixels, self.iris_every = pixels, iris_every
        self.networks = networks or Networks()
        self._region: Region | None = None
        self._count = 0
        self._iris = float("nan")

    def read(self, frame: Image.Image) -> Observation:
        """What one frame shows.

        Raises:
            UnusableFrameError: if no gaze can be measured in it.
        """
        mesh = self._mesh(frame)
        corners = mesh.points[list(_CORNERS), :2]
        self._require(frame, mesh, corners)
        if self.iris_every and ((self._count - 1) % self.iris_every == 0 or np.isnan(self._iris)):
            self._iris = self._measure_iris(frame, corners)
        right, left = (_crop(frame, corners[pair], self.pixels) for pair in ([0, 1], [2, 3]))
        crops = np.stack([left[:, :, ::-1], right])
        return Observation(
            left=crops[0],
            right=crops[1],
            corners=(corners / frame.size).ravel(),
            corners_px=corners,
            openness=_openness(mesh, corners),
            head=_head(mesh),
            iris_px=self._iris,
            glare=float((crops.min(axis=1) > 250).mean()),
        )

    def _mesh(self, frame: Image.Image) -> Mesh:
        look = self._region is None or self._count % _LOOK_AGAIN == 0
        self._count += 1
        if look:
            faces = self.networks.faces(frame)
            if not faces:
                self._region = None
                raise UnusableFrameError("too dark" if _dark(frame) else "no face")
            if len(faces) > 1 and faces[1].box[2] > 0.5 * faces[0].box[2]:
                self._region = None
                raise UnusableFrameError("two faces")
            if self._region is None:
                self._region = face_region(faces[0])
        assert self._region is not None
        mesh = self.networks.mesh(frame, self._region)
        if mesh.score < _TRUSTED:
            self._region = None
            raise UnusableFrameError("no face")
        self._region = mesh_region(mesh)
        return mesh

    def _require(self, frame: Image.Image, mesh: Mesh, corners: np.ndarray) -> None:
        half = _MARGIN / 2 * _widths(corners).mean()
        middles = corners.reshape(2, 2, 2).mean(1)
        if (middles < half / 2).any() or (middles > np.array(frame.size) - half / 2).any():
            raise UnusableFrameError("at the edge")
        (left, top), (right, bottom) = (middles.min(0) - 2 * half).astype(int), (middles.max(0) + 2 * half).astype(int)
        if _dark(frame.crop((left, top, right, bottom))):
            raise UnusableFrameError("too dark")
        if abs(_head(mesh)[1]) > _TURNED:
            raise UnusableFrameError("turned away")
        if _widths(corners).min() < _NEAREST_EYE:
            raise UnusableFrameError("too far")
        if _openness(mesh, corners) < _SHUT:
            raise UnusableFrameError("eyes shut")

    def _measure_iris(self, frame: Image.Image, corners: np.ndarray) -> float:
        right = self.networks.iris_diameter(frame, corners[0], corners[1], right=True)
        left = self.networks.iris_diameter(frame, corners[3], corners[2], right=False)
        return (right + left) / 2


def _crop(frame: Image.Image, corners: np.ndarray, pixels: int) -> UInt8[np.ndarray, "3 s s"]:
    half = _MARGIN / 2 * float(np.hypot(*(corners[0] - corners[1])))
    x, y = corners.mean(0)
    size = (pixels, pixels)
    data = (x - half, y - half, x + half, y + half)
    inside = data[0] >= 0 and data[1] >= 0 and data[2] <= frame.width and data[3] <= frame.height
    if inside:
        cut = frame.resize(size, Image.Resampling.BILINEAR, box=data)
    else:
        cut = frame.transform(size, Image.Transform.EXTENT, data, Image.Resampling.BILINEAR)
    return np.asarray(cut).transpose(2, 0, 1)


def _dark(picture: Image.Image) -> bool:
    statistics = ImageStat.Stat(picture.convert("L"))
    return statistics.mean[0] < _DARK or statistics.stddev[0] < _FLAT


def _widths(corners: np.ndarray) -> np.ndarray:
    return np.hypot(*(corners[[0, 2]] - corners[[1, 3]]).T)


def _openness(mesh: Mesh, corners: np.ndarray) -> float:
    heights = [np.hypot(*(mesh.points[up, :2] - mesh.points[down, :2])) for up, down in _LIDS]
    return float((np.array(heights) / _widths(corners)).mean())


def _head(mesh: Mesh) -> tuple[float, float, float]:
    """Pitch, yaw and roll from the face's own axes: along the outer corners, and from chin to forehead."""
    x = mesh.points[263] - mesh.points[33]
    y = mesh.points[10] - mesh.points[152]
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    ahead = np.cross(x, y)
    ahead /= np.linalg.norm(ahead)
    return (
        float(np.degrees(np.arcsin(np.clip(-ahead[1], -1, 1)))),
        float(np.degrees(np.arctan2(-ahead[0], abs(ahead[2])))),
        float(np.degrees(np.arctan2(x[1], x[0]))),
    )
