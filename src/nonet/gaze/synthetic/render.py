"""Pictures of eyes, a ray for each pixel: eyeball, lids, lashes, brow, skin, glasses, lamp and sensor.

Everything is batched tensor arithmetic over (pictures, 2 eyes, rows, columns). The crop is what the camera's path
cuts: a square around the middle of the two corners, `MARGIN` times as wide as they are apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nonet.gaze.synthetic.people import People
from nonet.gaze.synthetic.scene import Scene

__all__ = ["MARGIN", "Eyes", "eye_pictures", "render"]

MARGIN = 1.8  # side of a crop in distances of the corners
_JITTER = 0.6  # px of a landmark network at the camera's resolution
_CORNEA, _CORNEA_AHEAD = 0.78, 0.53  # radius and place of the cornea, cm
_WAVES = torch.tensor([[3.1, 1.7], [1.3, -4.2], [7.0, 2.2], [-2.4, 8.1], [11.0, -9.0]])


class Eyes(NamedTuple):
    """Rendered pictures.

    Attributes:
        left: mirrored crops of the left eye, (n, 3, s, s).
        right: crops of the right eye.
        corners: the network's eight numbers; see `model.GazeNet.forward`.
    """

    left: UInt8[Tensor, "n 3 s s"]
    right: UInt8[Tensor, "n 3 s s"]
    corners: Float[Tensor, "n 8"]


@dataclass(frozen=True)
class _Pixels:
    """Where each pixel of a crop is: in the picture, and in the frame of the corners."""

    uv: Tensor  # (n, 2, 2, s, s), pixels of the camera
    s: Tensor  # (n, 2, s, s) along the corners: -1 inner, 1 outer
    t: Tensor  # up, in the same unit
    unit: Tensor  # (n, 2, 1, 1) pixels of the crop in one unit


def render(people: People, scene: Scene, pixels: int, rng: torch.Generator) -> Eyes:
    """The pictures that the camera's path would hand to the network.

    Args:
        people: one a picture.
        scene: their geometry.
        pixels: side of a crop.
        rng: of landmark jitter and sensor noise.
    """
    found = scene.corners + _JITTER * torch.randn(scene.corners.shape, generator=rng)
    middle = found.mean(dim=2)
    side = MARGIN * (found[:, :, 0] - found[:, :, 1]).norm(dim=-1)
    step = (torch.arange(pixels) + 0.5) / pixels - 0.5
    grid = torch.stack(torch.meshgrid(step, step, indexing="xy"))  # (2, s, s): u, v
    uv = middle[..., None, None] + side[:, :, None, None, None] * grid
    picture = eye_pictures(people, scene, uv, pixels / side)
    picture = _sensor(picture, scene, side / pixels, rng)
    shape = torch.tensor([scene.camera.width, scene.camera.height])
    order = torch.stack([found[:, 0, 0], found[:, 0, 1], found[:, 1, 1], found[:, 1, 0]], dim=1)
    crops = (picture.clamp(0, 1) * 255).round().to(torch.uint8)
    return Eyes(left=crops[:, 1].flip(-1), right=crops[:, 0], corners=(order / shape).flatten(1))


def eye_pictures(people: People, scene: Scene, uv: Tensor, scale: Tensor) -> Float[Tensor, "n 2 3 r c"]:
    """Colours in [0, 1] before the sensor at any pixels of the camera.

    Args:
        people: one a picture.
        scene: their geometry.
        uv: places in the picture, pixels, (n, 2 eyes, 2, rows, columns).
        scale: drawn pixels per pixel of the camera, (n, 2): how sharp edges may be.
    """
    place = _corner_frame(scene, uv, scale)
    upper, lower = _lids(people, scene, place)
    shut = torch.sigmoid((place.t - upper) * place.unit * 1.5) + torch.sigmoid((lower - place.t) * place.unit * 1.5)
    cover = shut.clamp(max=1)[:, :, None]
    lid_shadow = 1 - 0.45 * _fall((upper - place.t).clamp(min=0) / -0.12)
    ball, shade = _eyeball(people, scene, place)
    ball = ball * (shade * lid_shadow)[:, :, None]
    picture = torch.lerp(ball, _skin(people, scene, place, upper, lower), cover)
    picture = _lashes(people, place, upper, picture)
    return _glasses(people, scene, place, picture) * scene.poses.exposure[:, None, None, None, None]


def _corner_frame(scene: Scene, uv: Tensor, scale: Tensor) -> _Pixels:
    outer, inner = scene.corners[:, :, 0], scene.corners[:, :, 1]
    half, middle = (outer - inner) / 2, (outer + inner) / 2
    length = half.norm(dim=-1)
    ax, ay = ((half / length[..., None])[..., axis, None, None] for axis in (0, 1))
    x, y = (uv[:, :, axis] - middle[..., axis, None, None] for axis in (0, 1))
    unit = length[:, :, None, None]
    # t is upward in the picture, whichever way the corners lie
    return _Pixels(uv, (x * ax + y * ay) / unit, (x * ay - y * ax) * ax.sign() / unit, unit * scale[:, :, None, None])


def _lids(people: People, scene: Scene, place: _Pixels) -> tuple[Tensor, Tensor]:
    """Heights of the upper and the lower lid; they follow the eye's pitch."""
    bulge = (1 - place.s.square()).clamp(min=0)
    open_share = (people.openness * (1 - scene.poses.closed))[:, None]
    pitch = scene.pitch.clamp(-35, 25)
    top = ((0.44 + 0.010 * pitch) * open_share).clamp(min=-0.1)[:, :, None, None]
    bottom = ((0.24 - 0.003 * pitch) * open_share).clamp(min=0.05)[:, :, None, None]
    # the highest point lies towards the nose, the lowest towards the temple
    return top * bulge.sqrt() * (1 - 0.15 * place.s), -bottom * bulge * (1 + 0.2 * place.s) - 0.02


def _eyeball(people: People, scene: Scene, place: _Pixels) -> tuple[Tensor, Tensor]:
    """Colour of the ball where each ray meets it, and its shading."""
    ray = _rays(scene, place)
    centre = scene.centre[..., None, None]
    radius, iris_radius = (size[:, None, None, None] for size in (people.radius, people.iris_radius))
    normal = _meet(ray, centre, radius)
    axis = scene.optical[..., None, None]
    # distance from the optical axis on the ball, cm
    from_axis = radius * torch.arccos(_dot(normal, axis).clamp(-0.9999, 0.9999))
    edge = place.unit / (people.width / 2)[:, None, None, None] * 1.5  # edges as sharp as a pixel of the crop
    inside = torch.sigmoid((iris_radius - from_axis) * edge)
    pupil = torch.sigmoid((scene.poses.pupil[:, None, None, None] - from_axis) * edge)
    rim = _fall(-((from_axis - iris_radius) / 0.06).square())
    iris = people.iris[:, None, :, None, None] * (1.25 - 0.5 * from_axis / iris_radius)[:, :, None]
    veins = torch.tensor([0.0, 0.06, 0.06])[:, None, None] * (place.s.abs() ** 3)[:, :, None]
    white = torch.tensor([0.90, 0.87, 0.85])[:, None, None] - veins
    colour = torch.lerp(white, iris, inside[:, :, None])
    colour = colour * ((1 - 0.5 * rim) * (1 - pupil))[:, :, None]
    colour += (0.02 * pupil + inside * _glint(scene, ray, centre, axis))[:, :, None]
    return colour, _lambert(scene, normal)


def _rays(scene: Scene, place: _Pixels) -> Tensor:
    """Directions from the camera through the pixels, (n, 2, 3, r, c)."""
    camera = scene.camera
    x = (camera.width / 2 - place.uv[:, :, 0]) / camera.focal
    y = (camera.height / 2 - place.uv[:, :, 1]) / camera.focal
    length = (1 + x.square() + y.square()).rsqrt()
    return torch.stack([x * length, y * length, length], dim=2)


def _meet(ray: Tensor, centre: Tensor, radius: Tensor | float) -> Tensor:
    """The outward normal where rays meet spheres; where they miss, of the nearest point."""
    nearest = _dot(ray, centre)
    depth = (radius**2 - centre.square().sum(2) + nearest.square()).clamp(min=1e-6).sqrt()
    along = (nearest - depth)[:, :, None]
    return (ray * along - centre) / (radius[:, :, None] if isinstance(radius, Tensor) else radius)


def _fall(exponent: Tensor) -> Tensor:
    """The exponential of what is 0 or less; where no pixel shows it any more, numbers stay large enough to be fast."""
    return torch.exp(exponent.clamp(min=-30))


def _dot(first: Tensor, second: Tensor) -> Tensor:
    return (first * second).sum(2)


def _glint(scene: Scene, ray: Tensor, centre: Tensor, axis: Tensor) -> Tensor:
    """The screen's reflection on the cornea: where its normal halves the way between camera and screen."""
    cornea = centre + _CORNEA_AHEAD * axis
    screen = torch.tensor([0.0, -5.0, 0.0])[:, None, None]
    to_screen = torch.nn.functional.normalize(screen - cornea, dim=2)
    halfway = torch.nn.functional.normalize(to_screen - torch.nn.functional.normalize(cornea, dim=2), dim=2)
    return 0.7 * _fall((_dot(_meet(ray, cornea, _CORNEA), halfway) - 1) / 0.004)


def _lambert(scene: Scene, normal: Tensor) -> Tensor:
    light = scene.poses.light[:, None, :, None, None]
    ambient = scene.poses.ambient[:, None, None, None]
    return ambient + (1 - ambient) * _dot(normal, light).clamp(min=0)


def _skin(people: People, scene: Scene, place: _Pixels, upper: Tensor, lower: Tensor) -> Tensor:
    """Skin around the eye: its own bulge under the lamp, texture, crease and brow."""
    s, t = place.s, place.t
    length = (1 + (0.25 * s).square() + (0.35 * t).square()).rsqrt()
    shade = _lambert(scene, torch.stack([0.25 * s * length, 0.35 * t * length, -length], dim=2))
    texture = torch.zeros_like(s)
    for wave, (a, b) in enumerate(_WAVES):
        phase, size = (people.texture[:, :, wave, part, None, None] for part in (0, 1))
        texture += size * torch.sin(a * s + b * t + phase)
    crease = _fall(-((t - upper - 0.16) / 0.05).square()) * (s.abs() < 1.1)
    bag = _fall(-((t - lower + 0.18) / 0.08).square()) * (s.abs() < 1.0)
    tone = shade * (1 + 0.03 * texture) * (1 - 0.3 * crease) * (1 - 0.1 * bag)
    height = people.brow[:, None, None, None] + 0.1 * (1 - s.square())
    hair = _fall(-((t - height) / 0.16).square()) * torch.sigmoid((1.25 - s.abs()) * 8)
    hair = hair * (0.85 + 0.15 * torch.sin(23 * s + 9 * t)) * (0.4 + 0.5 * people.lashes[:, None, None, None])
    return people.skin[:, None, :, None, None] * (tone * (1 - hair))[:, :, None] + 0.06 * hair[:, :, None]


def _lashes(people: People, place: _Pixels, upper: Tensor, picture: Tensor) -> Tensor:
    strokes = 0.7 + 0.3 * torch.sin(31 * place.s)
    line = _fall(-((place.t - upper - 0.03) / 0.05).square()) * (place.s.abs() < 1) * strokes
    return picture * (1 - line * people.lashes[:, None, None, None])[:, :, None]


def _glasses(people: People, scene: Scene, place: _Pixels, picture: Tensor) -> Tensor:
    """A dark frame around the lens and a pale reflection in it."""
    worn = people.glasses[:, None, None, None]
    shape = ((place.s + 0.05) / 1.45).pow(4) + ((place.t + 0.15) / 1.1).pow(4)
    frame = _fall(-((shape - 1) / 0.22).square()) * worn
    spot = (place.s - 2 * scene.poses.light[:, None, None, None, 0]).square() + (place.t - 0.5).square()
    glare = 0.25 * _fall(spot / -0.3) * (shape < 1) * worn
    return torch.addcmul(glare[:, :, None], picture, (1 - 0.85 * frame)[:, :, None])


def _sensor(picture: Tensor, scene: Scene, native: Tensor, rng: torch.Generator) -> Tensor:
    """Blur to what the camera resolves, shot noise and gamma.

    Args:
        picture: linear light, (n, 2, 3, s, s).
        scene: for the exposure: a dark picture is noisier.
        native: pixels of the camera in one of the crop, (n, 2).
        rng: of the noise.
    """
    size = picture.shape[-1]
    sigma = (0.6 / native).clamp(0.35, 2.0)
    reach = torch.arange(-3, 4)
    kernel = torch.exp(-0.5 * (reach / sigma[..., None]).square())
    kernel = (kernel / kernel.sum(-1, keepdim=True)).flatten(0, 1).repeat_interleave(3, 0)
    planes = picture.reshape(1, -1, size, size)
    groups = planes.shape[1]
    padded = torch.nn.functional.pad(planes, (3, 3, 3, 3), mode="replicate")
    blurred = torch.nn.functional.conv2d(padded, kernel[:, None, :, None], groups=groups)
    blurred = torch.nn.functional.conv2d(blurred, kernel[:, None, None, :], groups=groups)
    lit = blurred.reshape(picture.shape).clamp(0, 1).sqrt()  # a gamma of 2
    noise = torch.randn(picture.shape, generator=rng)
    return lit + 0.015 / scene.poses.exposure[:, None, None, None, None].sqrt() * noise
