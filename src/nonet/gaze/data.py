"""GazeCapture in its official layout (Krafka et al. 2016): read, filtered, split, cut into eye crops.

A folder a session: ``frames/00000.jpg``, ``frames.json``, ``info.json``, ``screen.json``, ``dotInfo.json`` and the
detections ``appleFace.json``, ``appleLeftEye.json``, ``appleRightEye.json``, whose eye boxes are relative to the face's
box. The left eye is the subject's, on the right of the picture. Kept are, as published replications do, phones held
upright, with a face and both eyes detected.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from nonet.foundation import console
from nonet.foundation.errors import DataError
from nonet.foundation.reading import parse_json
from nonet.gaze.synthetic.dataset import Pictures

__all__ = ["Capture", "CaptureFrames", "Device", "read_capture", "read_devices"]

Split = Literal["person", "dot"]
SPLITS = ("train", "validation", "test")
_UPRIGHT = 1
_CORNER_SHARE = 0.55  # distance of an eye's corners in widths of its box, as measured on frames
_DOT_SHARES = (0.73, 0.10)  # of the dots of each person: training, validation; the rest is for testing
_COLUMNS = ("X", "Y", "W", "H", "IsValid")


@dataclass(frozen=True)
class Device:
    """A row of ``apple_device_data.csv``, centimetres.

    Attributes:
        camera_x: from the camera to the screen's left edge.
        camera_y: from the camera down to the screen's upper edge.
        width: of the screen.
        height: of the screen.
    """

    camera_x: float
    camera_y: float
    width: float
    height: float

    def shows(self, x_cm: float, y_cm: float, slack: float = 0.5) -> bool:
        """Whether a dot at a place relative to the camera is on the screen of the upright device."""
        x, y = x_cm + self.camera_x, -y_cm - self.camera_y
        return -slack <= x <= self.width + slack and -slack <= y <= self.height + slack


@dataclass(frozen=True)
class Capture:
    """The frames that are used.

    Attributes:
        paths: of the frames.
        boxes: of the left and the right eye in each, x, y, width, height in pixels of the frame, (n, 2, 4).
        target_cm: the dots relative to the camera, (n, 2).
        person: number of the session, (n,).
        split: 0 training, 1 validation, 2 test, (n,).
        left_out: frames that the filter or a broken folder took away.
    """

    paths: list[Path]
    boxes: Float[np.ndarray, "n 2 4"]
    target_cm: Float[np.ndarray, "n 2"]
    person: Int[np.ndarray, " n"]
    split: Int[np.ndarray, " n"]
    left_out: int

    def pictures(self, split: str, pixels: int) -> CaptureFrames:
        """The frames of a split, read when they are needed.

        Raises:
            DataError: if there are none.
        """
        rows = np.flatnonzero(self.split == SPLITS.index(split))
        if not len(rows):
            raise DataError(f"No frame of GazeCapture is in the {split} split.", fix="Bring more sessions.")
        return CaptureFrames(self, rows, pixels)


class CaptureFrames(Dataset):
    """Frames as the network takes them, cut out of their files on the fly.

    Args:
        capture: all frames.
        index: which.
        pixels: side of a crop.
    """

    def __init__(self, capture: Capture, index: np.ndarray, pixels: int) -> None:
        self.capture, self.index, self.pixels = capture, index, pixels
        self.target_cm: Tensor = torch.from_numpy(capture.target_cm[index]).float()
        self.person: Tensor = torch.from_numpy(capture.person[index])
        self.distance_cm: Tensor = torch.full((len(index),), torch.nan)  # the data set does not know it

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, row: int) -> dict[str, Tensor]:
        path, boxes = self.capture.paths[self.index[row]], self.capture.boxes[self.index[row]]
        try:
            with Image.open(path) as file:
                frame = file.convert("RGB")
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DataError("This frame cannot be read.", where=path, fix="Unpack the session again.") from error
        left, right = (_cut(frame, box, self.pixels) for box in boxes)
        return {
            "left": torch.from_numpy(left[:, :, ::-1].copy()),
            "right": torch.from_numpy(right),
            "corners": torch.from_numpy(_corners(boxes, frame.size)),
            "target_cm": self.target_cm[row],
        }

    def rows(self, index: Tensor) -> Pictures:
        """Some of the frames in memory."""
        read = [self[int(row)] for row in index]
        columns = {name: torch.stack([one[name] for one in read]) for name in read[0]}
        return Pictures(**columns, person=self.person[index], distance_cm=self.distance_cm[index])


def read_capture(folder: Path, *, split: Split = "person", seed: int = 0) -> Capture:
    """The usable frames of all sessions in a folder.

    Args:
        folder: holds ``00002/`` and so on; ``apple_device_data.csv`` may lie beside them, and then dots outside of
            the device's screen are refused.
        split: by person, as the data set says; or by dot within each person.
        seed: decides the split by dot.
    Raises:
        DataError: if there is no usable session, or the geometry is wrong.
    """
    sessions = sorted(path.parent for path in folder.glob("*/info.json"))
    devices = read_devices(folder / "apple_device_data.csv") if (folder / "apple_device_data.csv").exists() else {}
    parts, broken, left_out = [], [], 0
    for number, session in enumerate(console.track(sessions, "Reading GazeCapture")):
        try:
            frames, dropped = _read_session(session, devices)
        except _BrokenSessionError as error:
            broken.append(str(error))
            continue
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            broken.append(f"{session.name}: a file has another content than its name says ({error})")
            continue
        left_out += dropped
        parts += [(number, frame) for frame in frames]
    for reason in broken[:5]:
        console.note(f"Left out: {reason}")
    if not parts:
        raise DataError(
            f"No usable frame was found in {len(sessions)} sessions.",
            where=folder,
            fix="Name the folder that holds the unpacked sessions (00002/, 00003/ …)."
            + (f" The first problem: {broken[0]}" if broken else ""),
        )
    person = np.array([number for number, _ in parts])
    named = np.array([SPLITS.index(frame.split) for _, frame in parts])
    dots = np.array([frame.dot for _, frame in parts])
    return Capture(
        [frame.path for _, frame in parts],
        np.array([frame.boxes for _, frame in parts]),
        np.array([frame.target for _, frame in parts]),
        person,
        named if split == "person" else _by_dot(person, dots, seed),
        left_out,
    )


def read_devices(path: Path) -> dict[str, Device]:
    """The data set's table of devices: camera to screen, and screen, in millimetres there.

    Raises:
        DataError: if columns are missing.
    """
    columns = ("DeviceCameraToScreenXMm", "DeviceCameraToScreenYMm", "DeviceScreenWidthMm", "DeviceScreenHeightMm")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {
                row["DeviceName"]: Device(*(float(row[name]) / 10 for name in columns)) for row in csv.DictReader(file)
            }
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise DataError(
            f"The table of devices lacks {error}.", where=path, fix="Use the data set's own file."
        ) from error


@dataclass(frozen=True)
class _Frame:
    path: Path
    boxes: np.ndarray
    target: tuple[float, float]
    dot: int
    split: str


class _BrokenSessionError(Exception):
    """A folder that lacks files or whose files do not fit each other."""


def _read_session(session: Path, devices: dict[str, Device]) -> tuple[list[_Frame], int]:
    info, screen, dots = (_json(session / f"{name}.json") for name in ("info", "screen", "dotInfo"))
    names = _json(session / "frames.json")
    face, left, right = (_columns(session, name) for name in ("appleFace", "appleLeftEye", "appleRightEye"))
    lists = [names, screen.get("Orientation"), dots.get("XCam"), dots.get("YCam"), dots.get("DotNum")]
    lengths = {len(face), len(left), len(right), *(len(each or ()) for each in lists)}
    if len(lengths) != 1:
        raise _BrokenSessionError(f"{session.name}: its files disagree on the number of frames: {sorted(lengths)}")
    kind = {"val": "validation"}.get(info.get("Dataset"), info.get("Dataset"))
    if kind not in SPLITS:
        raise _BrokenSessionError(f"{session.name}: info.json names no split")
    if "iPhone" not in str(info.get("DeviceName")):
        return [], len(names)
    device = devices.get(str(info["DeviceName"]))
    valid = (face[:, 4] > 0) & (left[:, 4] > 0) & (right[:, 4] > 0)
    valid &= np.array(screen["Orientation"]) == _UPRIGHT
    frames = []
    for row in np.flatnonzero(valid):
        target = (float(dots["XCam"][row]), float(dots["YCam"][row]))
        if not np.isfinite(target).all() or target[1] > 0 or (device and not device.shows(*target)):
            raise DataError(
                f"The dot of frame {names[row]} is at {target[0]:.1f}, {target[1]:.1f} cm, not on an upright screen.",
                where=session,
                fix="Use the data set's own dotInfo.json: cm from the camera, y negative below it.",
            )
        path = session / "frames" / Path(names[row]).name
        if not path.exists():
            continue
        boxes = np.stack([left[row, :4], right[row, :4]])
        boxes[:, :2] += face[row, :2]  # they are relative to the face
        frames.append(_Frame(path, boxes, target, int(dots["DotNum"][row]), str(kind)))
    return frames, len(names) - len(frames)


def _columns(session: Path, name: str) -> Float[np.ndarray, "n 5"]:
    table = _json(session / f"{name}.json")
    try:
        return np.column_stack([np.asarray(table[column], float) for column in _COLUMNS])
    except (KeyError, ValueError, TypeError) as error:
        raise _BrokenSessionError(f"{session.name}: {name}.json lacks whole columns X, Y, W, H, IsValid") from error


def _json(path: Path) -> Any:
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _BrokenSessionError(f"{path.parent.name}: {path.name} is missing") from error
    except ValueError as error:
        raise _BrokenSessionError(f"{path.parent.name}: {path.name} is cut off or no JSON") from error


def _by_dot(person: np.ndarray, dot: np.ndarray, seed: int) -> Int[np.ndarray, " n"]:
    """Each person's dots shared out between the splits; frames of a dot stay together."""
    split = np.empty(len(person), np.int64)
    for one in np.unique(person):
        mine = np.flatnonzero(person == one)
        known = np.unique(dot[mine])
        order = np.random.default_rng([seed, int(one)]).permutation(len(known))
        share = (np.argsort(order) + 0.5) / len(known)
        kind = np.digitize(share, np.cumsum(_DOT_SHARES))
        split[mine] = kind[np.searchsorted(known, dot[mine])]
    return split


def _cut(frame: Image.Image, box: np.ndarray, pixels: int) -> np.ndarray:
    x, y, width, height = box
    side = max(width, height)
    left, top = x + (width - side) / 2, y + (height - side) / 2
    data = (left, top, left + side, top + side)
    cut = frame.transform((pixels, pixels), Image.Transform.EXTENT, data, Image.Resampling.BILINEAR)
    return np.asarray(cut).transpose(2, 0, 1).copy()


def _corners(boxes: np.ndarray, size: tuple[int, int]) -> Float[np.ndarray, " 8"]:
    """Eye corners estimated from the boxes, which is all that the data set has."""
    (left, right) = boxes
    points = []
    for box, order in ((right, (-1, 1)), (left, (-1, 1))):
        middle = box[:2] + box[2:] / 2
        points += [middle + np.array([sign * _CORNER_SHARE / 2 * box[2], 0]) for sign in order]
    return (np.array(points) / size).ravel().astype(np.float32)
