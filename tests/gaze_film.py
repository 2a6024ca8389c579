"""A rendered participant before a camera: eyes that look where told, in a portrait in the public domain (NASA)."""

import math

import numpy as np
import torch
from PIL import Image

from nonet.gaze.camera.reader import FaceReader
from nonet.gaze.config import PRESETS
from nonet.gaze.geometry import Screen
from nonet.gaze.model import GazeNet, as_input
from nonet.gaze.synthetic.people import draw_people
from nonet.gaze.synthetic.render import eye_pictures
from nonet.gaze.synthetic.scene import Camera, Poses, set_scene

SCREEN = Screen(22.5, 16.25, 900, 650, -11.25, -0.9)
"""What the participant looks at: a window of 900 × 650 pixels, 40 to a centimetre."""
DISTANCE_CM = 36.0
_CAMERA = Camera(640, 480, 620.0)
_EYES = np.array([[221.5, 269.5], [336.0, 275.0]])  # middles of the portrait's right and left eye, pixels
_RIDGE = 0.01
_REACH = (36, 26)  # pixels around them that are drawn anew


def portrait() -> Image.Image:
    """A face in the public domain (NASA), as large as a camera sees somebody at a desk."""
    from skimage.data import astronaut

    return Image.fromarray(astronaut()).crop((120, 0, 360, 180)).resize((640, 480))


def film(gaze_cm: np.ndarray, seed: int = 0) -> list[Image.Image]:
    """A frame for each place on the screen, cm (n, 2), that the participant looks at."""
    rng = np.random.default_rng(seed)
    face = np.asarray(portrait(), np.float32) / 255
    noise = rng.normal(0, 0.008, (4, *face.shape)).astype(np.float32)
    frames = []
    for places in np.array_split(gaze_cm, math.ceil(len(gaze_cm) / 16)):
        eyes, cover, corner = _eyes(places, face)
        for drawn, share in zip(eyes, cover, strict=True):
            frame = face.copy()
            for (x, y), eye, alpha in zip(corner, drawn, share, strict=True):
                window = (slice(y, y + eye.shape[0]), slice(x, x + eye.shape[1]))
                frame[window] += alpha * (eye - frame[window])
            frame += noise[rng.integers(4)]
            frames.append(Image.fromarray((frame.clip(0, 1) * 255).astype(np.uint8)))
    return frames


def y4m_header(rate: int) -> bytes:
    """The beginning of a film that chromium takes for a camera, of so many frames a second."""
    return f"YUV4MPEG2 W{_CAMERA.width} H{_CAMERA.height} F{rate}:1 Ip A1:1 C420jpeg\n".encode()


def y4m_frame(frame: Image.Image) -> bytes:
    """One frame of it."""
    light, blue, red = frame.convert("YCbCr").split()
    half = [plane.resize((_CAMERA.width // 2, _CAMERA.height // 2)) for plane in (blue, red)]
    return b"FRAME\n" + b"".join(plane.tobytes() for plane in (light, *half))


def _eyes(places: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows around the eyes, what is drawn in them, and their upper left corners."""
    count = len(places)
    person = draw_people(1, 3).rows(torch.zeros(count, dtype=torch.long))
    apart = float(np.hypot(*(_EYES[1] - _EYES[0])) / _CAMERA.focal * DISTANCE_CM)
    skin = torch.tensor(np.square(face[235:245, 215:345].mean(axis=(0, 1))))
    person.ipd.fill_(apart)
    person.slant.zero_()
    person.glasses.zero_()
    person.skin.copy_(skin.expand(count, 3))
    middle = (np.array([_CAMERA.width, _CAMERA.height]) / 2 - _EYES.mean(axis=0)) / _CAMERA.focal * DISTANCE_CM
    roll = math.degrees(math.atan2(*(_EYES[1] - _EYES[0])[::-1]))
    full = torch.full((count,), 1.0)
    poses = Poses(
        place=torch.tensor([[*middle, DISTANCE_CM]], dtype=torch.float32).expand(count, 3),
        angles=torch.tensor([[0.0, 0.0, roll]]).expand(count, 3),
        light=torch.tensor([[0.0, 0.5, -0.87]]).expand(count, 3),
        ambient=0.7 * full,
        exposure=full,
        closed=0 * full,
        pupil=0.18 * full,
    )
    scene = set_scene(person, poses, torch.tensor(places, dtype=torch.float32), _CAMERA)
    corner = (_EYES - _REACH).astype(int)
    across, down = np.meshgrid(np.arange(2 * _REACH[0]), np.arange(2 * _REACH[1]))
    uv = np.stack([across, down])[None] + corner[:, :, None, None]
    grid = torch.tensor(uv, dtype=torch.float32).expand(count, 2, 2, *across.shape)
    with torch.inference_mode():
        drawn = eye_pictures(person, scene, grid, torch.ones(count, 2)).clamp(0, 1).sqrt()
    away = np.hypot((across - _REACH[0]) / (0.82 * _REACH[0]), (down - _REACH[1]) / (0.8 * _REACH[1]))
    cover = np.broadcast_to((1 / (1 + np.exp(14 * (away - 1))))[..., None], (count, 2, *across.shape, 1))
    return drawn.permute(0, 1, 3, 4, 2).numpy(), cover, corner


def acquainted(frames: list[Image.Image], gaze_cm: np.ndarray) -> GazeNet:
    """A network that knows this participant's eyes: a random tower, and the least-squares map from what it sees.

    The rectified units behind it are raised above zero, so that they hand the map on.
    """
    reader = FaceReader(64, iris_every=0)
    seen = [reader.read(frame) for frame in frames]
    left, right, corners = (
        torch.tensor(np.stack([getattr(one, name) for one in seen])) for name in ("left", "right", "corners")
    )
    torch.manual_seed(0)
    net = GazeNet(PRESETS["64-half"]).eval()
    shift = torch.tensor([20.0, 30.0])
    with torch.no_grad():
        towers = net.tower(torch.cat([as_input(left), as_input(right)])).flatten(1)
        rows = torch.cat([*towers.chunk(2), net.corners(corners.float())], dim=1)
        away = rows - rows.mean(dim=0)
        wanted = torch.tensor(gaze_cm, dtype=torch.float32)
        inner = away @ away.T
        inner.diagonal().mul_(1 + _RIDGE)
        weights = away.T @ torch.linalg.solve(inner, wanted - wanted.mean(dim=0))
        first, second = (net.head[layer] for layer in (0, 4))
        for layer in (first, second, net.out):
            layer.weight.zero_()
            layer.bias.zero_()
        first.weight[:2] = weights.T / 10
        first.bias[:2] = (wanted.mean(dim=0) - rows.mean(dim=0) @ weights + shift) / 10
        second.weight[:, :2] = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
        second.bias[:] = torch.tensor([0.0, 0.0, 0.0, 3.0])
        net.out.weight[:, :2] = 10 * torch.eye(2)
        net.out.bias[:] = -shift
    return net
