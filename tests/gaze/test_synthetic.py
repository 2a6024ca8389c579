from dataclasses import replace

import pytest
import torch

from nonet.gaze.synthetic.dataset import Pictures, free_pictures, sitting
from nonet.gaze.synthetic.people import draw_people
from nonet.gaze.synthetic.render import render
from nonet.gaze.synthetic.scene import CAMERAS, Poses, project, set_scene


def plain_people(count):
    """People without what makes them differ, so that only the gaze moves the iris."""
    people = draw_people(count, 0, kappa_sd=0, offset_sd_mm=0)
    first = people.rows(torch.zeros(count, dtype=torch.long))
    return replace(first, glasses=torch.zeros(count), lashes=torch.zeros(count), kappa=torch.zeros(count, 2, 2),
                   iris=torch.full((count, 3), 0.05), skin=torch.full((count, 3), 0.7))  # fmt: skip


def frontal(count, distance=30.0):
    return Poses(
        place=torch.tensor([[0.0, 0.0, distance]]).repeat(count, 1),
        angles=torch.zeros(count, 3),
        light=torch.tensor([[0.0, 0.0, -1.0]]).repeat(count, 1),
        ambient=torch.full((count,), 0.8),
        exposure=torch.ones(count),
        closed=torch.zeros(count),
        pupil=torch.full((count,), 0.2),
    )


def dark_middle(crops):
    """Where the darkest part of a crop is, pixels from its middle."""
    grey = crops.float().mean(1)
    grey[:, :18] = 255  # brows
    weight = (grey < grey.flatten(1).quantile(0.03, dim=1)[:, None, None]).float()
    place = torch.arange(crops.shape[-1]) - crops.shape[-1] / 2 + 0.5
    total = weight.sum((1, 2))
    return (weight.sum(1) * place).sum(1) / total, (weight.sum(2) * place).sum(1) / total


def test_the_iris_follows_the_gaze_in_the_unmirrored_picture():
    targets = torch.tensor([[-6.0, -4.0], [6.0, -4.0], [0.0, 3.0], [0.0, -12.0]])
    people = plain_people(4)
    scene = set_scene(people, frontal(4), targets, CAMERAS["phone"])
    eyes = render(people, scene, 64, torch.Generator().manual_seed(0))
    across, down = dark_middle(eyes.right)
    assert across[0] > across[1] + 3  # looking to the user's left is to the right in the picture
    assert down[3] > down[2] + 1
    mirrored, _ = dark_middle(eyes.left)
    assert mirrored[0] < mirrored[1] - 3


def test_a_point_is_projected_by_the_pinhole():
    camera = CAMERAS["phone"]
    u, v = project(torch.tensor([[3.0, -2.0, 30.0]]), camera)[0]
    assert u == pytest.approx(240 - 52)
    assert v == pytest.approx(320 + 520 * 2 / 30)


def test_corners_are_those_of_the_scene_within_the_landmarks_jitter():
    people = plain_people(32)
    scene = set_scene(people, frontal(32), torch.zeros(32, 2) - 5, CAMERAS["phone"])
    eyes = render(people, scene, 64, torch.Generator().manual_seed(0))
    found = eyes.corners.reshape(32, 4, 2) * torch.tensor([480.0, 640.0])
    truth = torch.stack(
        [scene.corners[:, 0, 0], scene.corners[:, 0, 1], scene.corners[:, 1, 1], scene.corners[:, 1, 0]], 1
    )
    spread = (found - truth).std()
    assert 0.4 < spread < 0.8
    assert (found[:, 0, 0] < found[:, 1, 0]).all()  # the right eye's outer corner is leftmost in the picture


def test_kappa_turns_the_optical_axis_outwards():
    people = plain_people(1)
    turned = replace(people, kappa=torch.tensor([[[5.0, 0.0], [5.0, 0.0]]]))
    target = torch.tensor([[0.0, -5.0]])
    straight, outward = (set_scene(one, frontal(1), target, CAMERAS["phone"]).optical for one in (people, turned))
    yaw = torch.rad2deg(
        torch.atan2(outward[..., 0], -outward[..., 2]) - torch.atan2(straight[..., 0], -straight[..., 2])
    )
    torch.testing.assert_close(yaw[0], torch.tensor([5.0, -5.0]), atol=1e-3, rtol=0)


def test_skin_tones_run_from_light_to_dark():
    people = draw_people(400, 3)
    light = people.skin[people.tone < 1].mean()
    dark = people.skin[people.tone > 4].mean()
    assert light > 2 * dark
    assert 0.2 < people.glasses.mean() < 0.4
    assert people.kappa[:, :, 0].std() == pytest.approx(3.2, rel=0.1)


def test_the_same_seed_draws_the_same_pictures():
    people = draw_people(3, 5)
    first, second = (free_pictures(people, 2, device="both", pixels=64, seed=4) for _ in range(2))
    assert torch.equal(first.left, second.left)
    assert torch.equal(first.target_cm, second.target_cm)
    other = free_pictures(people, 2, device="both", pixels=64, seed=5)
    assert not torch.equal(first.left, other.left)


def test_a_sitting_shows_each_dot_to_each_person_from_one_place():
    dots = torch.tensor([[0.0, -3.0], [2.0, -9.0]])
    seen = sitting(draw_people(2, 1), dots, 3, device="phone", holding="stand", pixels=64, seed=0)
    assert isinstance(seen, Pictures)
    assert seen.target_cm[:3].tolist() == [[0.0, -3.0]] * 3
    assert seen.person.tolist() == [0] * 6 + [1] * 6
    assert seen.distance_cm[:6].std() < 1
