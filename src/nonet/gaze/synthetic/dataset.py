"""Sets of rendered pictures to learn from and to be judged on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from nonet.foundation import console
from nonet.foundation.engine import Engine, map_shards
from nonet.gaze.config import Synthesis
from nonet.gaze.synthetic.people import People, draw_people
from nonet.gaze.synthetic.render import render
from nonet.gaze.synthetic.scene import CAMERAS, SCREENS, Holding, Poses, draw_poses, draw_targets, set_scene

__all__ = ["Pictures", "draw_pictures", "free_pictures", "learning_people", "sitting"]

_CHUNK = 16  # pictures rendered at once: their tensors stay in the processor's cache
_GROUP = 10  # people rendered as one piece of work
_GROUP_STRIDE = 1_000_003  # between the seeds of two groups
_HERE = Engine(workers=1)


@dataclass(frozen=True)
class Pictures:
    """Pictures and what is true of them, one row each.

    Attributes:
        left: mirrored crops of the left eye.
        right: crops of the right eye.
        corners: places of the four corners, x/W and y/H.
        target_cm: what was looked at, cm relative to the camera.
        person: number of the person.
        distance_cm: from camera to face.
    """

    left: UInt8[Tensor, "n 3 s s"]
    right: UInt8[Tensor, "n 3 s s"]
    corners: Float[Tensor, "n 8"]
    target_cm: Float[Tensor, "n 2"]
    person: Int[Tensor, " n"]
    distance_cm: Float[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.person)

    def rows(self, index: Tensor) -> Pictures:
        """Some of them."""
        return Pictures(**{item.name: getattr(self, item.name)[index] for item in fields(self)})

    @staticmethod
    def joined(parts: list[Pictures]) -> Pictures:
        """Several sets as one."""
        return Pictures(
            **{item.name: torch.cat([getattr(part, item.name) for part in parts]) for item in fields(Pictures)}
        )


def draw_pictures(
    people: People,
    person: Int[Tensor, " n"],
    poses: Poses,
    target_cm: Float[Tensor, "n 2"],
    *,
    device: str,
    pixels: int,
    rng: torch.Generator,
) -> Pictures:
    """Renders pictures.

    Args:
        people: all of them.
        person: who is in each picture.
        poses: the heads.
        target_cm: what they look at.
        device: `phone` or `laptop`: whose camera.
        pixels: side of a crop.
        rng: of landmarks and sensor.
    """
    parts = []
    with torch.inference_mode():
        for index in torch.arange(len(person)).split(_CHUNK):
            seen = people.rows(person[index])
            scene = set_scene(seen, poses.rows(index), target_cm[index], CAMERAS[device])
            parts.append(render(seen, scene, pixels, rng))
    left, right, corners = (torch.cat(column) for column in zip(*parts, strict=True))
    return Pictures(left, right, corners, target_cm, person, poses.place[:, 2].clone())


def free_pictures(
    people: People, frames: int, *, device: str, pixels: int, seed: int, engine: Engine = _HERE
) -> Pictures:
    """Pictures of everybody in many poses, looking all over the screen; the same wherever they are rendered.

    Args:
        people: the participants.
        frames: pictures of each.
        device: `phone`, `laptop`, or `both` in turn.
        pixels: side of a crop.
        seed: decides poses, targets and noise.
        engine: processes to render in, or a cluster.
    """
    groups = torch.arange(len(people)).split(_GROUP)
    draw = partial(_free_group, people=people, frames=frames, device=device, pixels=pixels, seed=seed)
    done = map_shards(draw, list(enumerate(groups)), engine)
    return Pictures.joined(list(console.track(done, "Rendering", total=len(groups))))


def _free_group(
    group: tuple[int, Tensor], *, people: People, frames: int, device: str, pixels: int, seed: int
) -> Pictures:
    """The pictures of some of the people; each group has random numbers of its own."""
    number, index = group
    rng = torch.Generator().manual_seed(seed + _GROUP_STRIDE * number)
    devices = ["phone", "laptop"] if device == "both" else [device]
    person = index.repeat_interleave(frames)
    parts = []
    for turn, name in enumerate(devices):
        rows = person[turn :: len(devices)]
        poses = draw_poses(len(rows), name, "free", rng)
        targets = draw_targets(len(rows), SCREENS[name], rng)
        parts.append(draw_pictures(people, rows, poses, targets, device=name, pixels=pixels, rng=rng))
    return Pictures.joined(parts)


def sitting(
    people: People,
    dots_cm: Float[Tensor, "d 2"],
    frames_per_dot: int,
    *,
    device: str,
    holding: Holding,
    pixels: int,
    seed: int,
    shake_cm: float = 0.05,
) -> Pictures:
    """A calibration of each person: one place, dots one after the other, some frames of each.

    Args:
        people: the participants.
        dots_cm: the dots, for everybody the same, in their order in time.
        frames_per_dot: frames of each dot.
        device: `phone` or `laptop`.
        holding: `stand` or `hand`.
        pixels: side of a crop.
        seed: decides poses and noise.
        shake_cm: how far fixations scatter around the dot.
    """
    rng = torch.Generator().manual_seed(seed)
    each = len(dots_cm) * frames_per_dot
    person = torch.arange(len(people)).repeat_interleave(each)
    poses = draw_poses(len(person), device, holding, rng, sitter=each)
    targets = dots_cm.repeat_interleave(frames_per_dot, 0).repeat(len(people), 1)
    looked_at = targets + shake_cm * torch.randn(targets.shape, generator=rng)
    drawn = draw_pictures(people, person, poses, looked_at, device=device, pixels=pixels, rng=rng)
    return Pictures(drawn.left, drawn.right, drawn.corners, targets, person, drawn.distance_cm)


def learning_people(config: Synthesis) -> tuple[People, People]:
    """Those to learn from, and as many as a tenth of them that are held out."""
    spread = {"kappa_sd": config.kappa_sd, "offset_sd_mm": config.offset_sd_mm}
    held_out = max(10, config.people // 10)
    everybody = draw_people(config.people + held_out, config.seed, **spread)
    index = torch.arange(len(everybody))
    return everybody.rows(index[held_out:]), everybody.rows(index[:held_out])
