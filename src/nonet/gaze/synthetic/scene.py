"""Where people sit and look: head, eyes, corners and target before a pinhole camera, in cm (see `gaze.geometry`)."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from nonet.gaze.geometry import LAPTOP, PHONE, Screen
from nonet.gaze.synthetic.people import People

__all__ = ["CAMERAS", "Camera", "Poses", "Scene", "draw_poses", "draw_targets", "set_scene"]

Holding = Literal["free", "stand", "hand"]
_BEHIND = 0.75  # cm from the plane of the corners back to the eyeball's centre


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        width: of its frames, pixels.
        height: of its frames, pixels.
        focal: focal length, pixels.
    """

    width: int
    height: int
    focal: float


CAMERAS = {"phone": Camera(480, 640, 520.0), "laptop": Camera(640, 480, 620.0)}
SCREENS = {"phone": PHONE, "laptop": LAPTOP}
# distance from and to, then spread of the head's place (x, y) and its mean height over the camera, cm
_PLACES = {"phone": (25.0, 40.0, 1.2, 1.2, 1.0), "laptop": (45.0, 65.0, 3.0, 2.0, -2.0)}


@dataclass(frozen=True)
class Poses:
    """Heads, one a picture.

    Attributes:
        place: the point between the eyes, cm, (n, 3).
        angles: pitch, yaw and roll, degrees, (n, 3).
        light: direction to the lamp, unit length, (n, 3).
        ambient: share of light from everywhere, (n,).
        exposure: brightness of the picture around 1, (n,).
        closed: 0 for open eyes to 1 for shut ones, (n,).
        pupil: radius, cm, (n,).
    """

    place: Float[Tensor, "n 3"]
    angles: Float[Tensor, "n 3"]
    light: Float[Tensor, "n 3"]
    ambient: Float[Tensor, " n"]
    exposure: Float[Tensor, " n"]
    closed: Float[Tensor, " n"]
    pupil: Float[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.place)

    def rows(self, index: Tensor) -> Poses:
        """Some of them."""
        return Poses(**{item.name: getattr(self, item.name)[index] for item in fields(self)})


@dataclass(frozen=True)
class Scene:
    """All that the renderer draws; eyes are right, left, and corners outer, inner.

    Attributes:
        centre: of the eyeballs, cm, (n, 2, 3).
        optical: axes of the eyes, unit length, (n, 2, 3).
        corners: in the picture, pixels, (n, 2 eyes, 2 corners, 2).
        pitch: of the visual axes against the head, degrees, (n, 2).
        poses: the heads.
        camera: the camera.
    """

    centre: Float[Tensor, "n 2 3"]
    optical: Float[Tensor, "n 2 3"]
    corners: Float[Tensor, "n 2 2 2"]
    pitch: Float[Tensor, "n 2"]
    poses: Poses
    camera: Camera


def draw_targets(count: int, screen: Screen, rng: torch.Generator) -> Float[Tensor, "n 2"]:
    """Points all over a screen, cm in camera coordinates."""
    u = torch.rand(count, 2, generator=rng)
    x = screen.camera_x_cm + u[:, 0] * screen.width_cm
    return torch.stack([x, screen.camera_y_cm - u[:, 1] * screen.height_cm], dim=1)


def draw_poses(count: int, device: str, holding: Holding, rng: torch.Generator, *, sitter: int = 1) -> Poses:
    """Heads at random.

    Args:
        count: how many pictures.
        device: `phone` or `laptop`: how far away the head is.
        holding: `free` draws each picture's head anew; `stand` lets a head drift by some millimetres and a degree
            around one place; `hand` lets it wander more, as a held phone does.
        rng: source of randomness.
        sitter: pictures a sitting for `stand` and `hand`: so many in a row share place and lamp.
    """
    near, far, spread_x, spread_y, height = _PLACES[device]

    def normal(rows: int, columns: int) -> Tensor:
        return torch.randn(rows, columns, generator=rng)

    def uniform(rows: int, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(rows, generator=rng)

    sittings = count if holding == "free" else math.ceil(count / sitter)
    place = torch.stack(
        [
            spread_x * normal(sittings, 1)[:, 0],
            height + spread_y * normal(sittings, 1)[:, 0],
            uniform(sittings, near, far),
        ],
        dim=1,
    )
    angles = torch.tensor([4.0, 5.0, 2.5]) * normal(sittings, 3)
    light = torch.nn.functional.normalize(torch.tensor([0.0, 0.6, -0.8]) + 0.6 * normal(sittings, 3), dim=1)
    ambient, exposure = uniform(sittings, 0.35, 0.75), uniform(sittings, 0.7, 1.3)
    pupil = uniform(sittings, 0.13, 0.28)
    if holding != "free":
        rows = torch.arange(count) // sitter
        share = 1.0 if holding == "stand" else 3.0
        place = place[rows] + share * (0.15 * _wander(count, sitter, 3, rng) + 0.03 * normal(count, 3))
        angles = angles[rows] + share * (0.8 * _wander(count, sitter, 3, rng) + 0.15 * normal(count, 3))
        light, ambient, exposure, pupil = light[rows], ambient[rows], exposure[rows], pupil[rows]
    shut = (torch.rand(count, generator=rng) < 0.02).float() * uniform(count, 0.2, 0.6)
    return Poses(place, angles, light, ambient, exposure, shut, pupil * (1 + 0.03 * normal(count, 1)[:, 0]))


def set_scene(people: People, poses: Poses, target_cm: Float[Tensor, "n 2"], camera: Camera) -> Scene:
    """Geometry of each picture.

    Args:
        people: one a picture.
        poses: their heads.
        target_cm: what they look at, on the screen's plane.
        camera: that looks at them.
    """
    turn = _rotation(poses.angles)
    side = torch.tensor([1.0, -1.0])  # right eye, left eye
    inner = side * (people.ipd - people.width)[:, None] / 2
    outer = side * (people.ipd + people.width)[:, None] / 2
    level, slant = torch.zeros_like(inner), people.slant[:, None].expand(-1, 2)
    in_head = torch.stack([torch.stack([outer, slant, level], -1), torch.stack([inner, level, level], -1)], dim=2)
    behind = torch.stack([side * people.ipd[:, None] / 2, slant / 2, level + _BEHIND], dim=-1) + people.offset
    corners = torch.einsum("nij,nekj->neki", turn, in_head) + poses.place[:, None, None]
    centre = torch.einsum("nij,nej->nei", turn, behind) + poses.place[:, None]

    target = torch.cat([target_cm, torch.zeros(len(target_cm), 1)], dim=1)
    visual = torch.nn.functional.normalize(target[:, None] - centre, dim=-1)
    yaw, pitch = torch.atan2(visual[..., 0], -visual[..., 2]), torch.asin(visual[..., 1])
    kappa = torch.deg2rad(people.kappa)
    optical = _direction(yaw + side * kappa[..., 0], pitch - kappa[..., 1])
    seen_from_head = torch.einsum("nji,nej->nei", turn, visual)
    return Scene(
        centre=centre,
        optical=optical,
        corners=project(corners, camera),
        pitch=torch.rad2deg(torch.asin(seen_from_head[..., 1].clamp(-1, 1))),
        poses=poses,
        camera=camera,
    )


def project(points: Float[Tensor, "*n 3"], camera: Camera) -> Float[Tensor, "*n 2"]:
    """Where points appear in the picture, pixels; the user's right is on the left of an unmirrored picture."""
    u = camera.width / 2 - camera.focal * points[..., 0] / points[..., 2]
    v = camera.height / 2 - camera.focal * points[..., 1] / points[..., 2]
    return torch.stack([u, v], dim=-1)


def _wander(count: int, sitter: int, columns: int, rng: torch.Generator) -> Tensor:
    """Slow drift with a standard deviation of about 1, started anew with each sitting."""
    steps = torch.randn(math.ceil(count / sitter), sitter, columns, generator=rng)
    walk = torch.cumsum(steps, dim=1) / math.sqrt(sitter)
    return (walk - walk.mean(1, keepdim=True)).reshape(-1, columns)[:count] * 2


def _direction(yaw: Tensor, pitch: Tensor) -> Tensor:
    return torch.stack([yaw.sin() * pitch.cos(), pitch.sin(), -yaw.cos() * pitch.cos()], dim=-1)


def _rotation(degrees: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
    """Pitch about x, then yaw about y, then roll about z."""
    (cx, cy, cz), (sx, sy, sz) = torch.deg2rad(degrees).cos().T, torch.deg2rad(degrees).sin().T
    one, nil = torch.ones_like(cx), torch.zeros_like(cx)

    def matrix(*entries: Tensor) -> Tensor:
        return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))

    x = matrix(one, nil, nil, nil, cx, -sx, nil, sx, cx)
    y = matrix(cy, nil, sy, nil, one, nil, -sy, nil, cy)
    z = matrix(cz, -sz, nil, sz, cz, nil, nil, nil, one)
    return z @ y @ x
