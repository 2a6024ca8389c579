import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nonet.foundation.errors import DataError
from nonet.gaze.data import read_capture, read_devices

FACE, LEFT, RIGHT = (100, 150, 293, 293), (170, 90, 88, 88), (40, 92, 88, 88)


def write_session(folder, number, *, dataset="train", device="iPhone 6s", frames=8, upright=True, y=-5.0):
    """A session of exactly the official layout: eye boxes are relative to the face's."""
    session = folder / f"{number:05}"
    (session / "frames").mkdir(parents=True)
    names = [f"{i:05}.jpg" for i in range(frames)]
    rng = np.random.default_rng(number)
    for name in names:
        picture = np.full((640, 480, 3), 90, np.uint8)
        x, top = FACE[0] + LEFT[0], FACE[1] + LEFT[1]
        picture[top : top + 88, x : x + 44] = (250, 0, 0)  # the inner half of the left eye's box
        picture[top : top + 88, x + 44 : x + 88] = (0, 0, 250)
        Image.fromarray(picture).save(session / "frames" / name, quality=95)

    def table(box, valid):
        columns = dict(zip("XYWH", box, strict=True))
        return {**{key: [value] * frames for key, value in columns.items()}, "IsValid": valid}

    ones = [1] * frames
    dots = [i // 2 for i in range(frames)]
    files = {
        "frames": names,
        "info": {"TotalFrames": frames, "Dataset": dataset, "DeviceName": device},
        "screen": {"H": [568] * frames, "W": [320] * frames, "Orientation": [1 if upright else 3] * frames},
        "appleFace": table(FACE, ones),
        "appleLeftEye": table(LEFT, [*ones[:-1], 0]),
        "appleRightEye": table(RIGHT, ones),
        "faceGrid": table((6, 6, 12, 12), ones),
        "motion": [],
        "dotInfo": {
            "DotNum": dots,
            "XPts": [0.0] * frames,
            "YPts": [0.0] * frames,
            "XCam": [round(float(v), 3) for v in rng.uniform(-2, 2, frames // 2)[dots]],
            "YCam": [y - 0.5 * dot for dot in dots],
            "Time": [float(i) for i in range(frames)],
        },
    }
    for name, value in files.items():
        (session / f"{name}.json").write_text(json.dumps(value))
    return session


@pytest.fixture
def capture_folder(tmp_path):
    for number, dataset in enumerate(["train", "train", "val", "test"], 2):
        write_session(tmp_path, number, dataset=dataset)
    write_session(tmp_path, 90, device="iPad Air")
    write_session(tmp_path, 91, upright=False)
    return tmp_path


def test_frames_are_filtered_and_boxes_are_moved_by_the_face(capture_folder):
    capture = read_capture(capture_folder)
    assert len(capture.paths) == 4 * 7  # the last frame of each lacks an eye
    assert capture.left_out == 4 + 16
    np.testing.assert_array_equal(capture.boxes[0, 0], [270, 240, 88, 88])
    assert capture.target_cm[:2, 1].tolist() == [-5.0, -5.0]


def test_crops_are_cut_at_the_eye_and_the_left_is_mirrored(capture_folder):
    frame = read_capture(capture_folder).pictures("train", 64)[0]
    red, blue = (frame["left"][channel].float() for channel in (0, 2))
    assert blue[:, :24].mean() > 150 > 60 > blue[:, 40:].mean()  # what was right is left
    assert red[:, 40:].mean() > 150
    corners = frame["corners"].reshape(4, 2)
    assert corners[:, 0].tolist() == sorted(corners[:, 0].tolist())
    assert corners[3, 0] * 480 == pytest.approx(270 + 44 + 0.55 * 44)


def test_the_split_by_person_shares_nobody_and_that_by_dot_shares_no_dot(capture_folder):
    people = read_capture(capture_folder)
    assert not set(people.person[people.split == 0]) & set(people.person[people.split == 2])
    for number in range(10, 20):
        write_session(capture_folder, number, frames=40)
    dots = read_capture(capture_folder, split="dot")
    assert set(dots.person[dots.split == 0]) & set(dots.person[dots.split == 2])
    seen = [
        {(p, tuple(t)) for p, t in zip(dots.person[m], dots.target_cm[m], strict=True)}
        for m in (dots.split == 0, dots.split == 2)
    ]
    assert not seen[0] & seen[1]
    assert (dots.split == 0).mean() == pytest.approx(0.73, abs=0.1)


@pytest.mark.parametrize("broken", ["dotInfo", "appleFace", "info"])
def test_a_truncated_session_is_left_out_and_said(capture_folder, broken, capsys):
    path = capture_folder / "00002" / f"{broken}.json"
    path.write_text(path.read_text()[:20])
    assert len(read_capture(capture_folder).paths) == 3 * 7
    assert f"00002: {broken}.json is cut off" in capsys.readouterr().err


def test_lists_of_different_lengths_and_missing_frames(capture_folder, capsys):
    path = capture_folder / "00003" / "screen.json"
    path.write_text(json.dumps({"Orientation": [1]}))
    (capture_folder / "00002" / "frames" / "00000.jpg").unlink()
    assert len(read_capture(capture_folder).paths) == 3 * 7 - 1
    assert "disagree" in capsys.readouterr().err


def test_wrong_geometry_is_refused(tmp_path):
    write_session(tmp_path, 2, y=4.0)
    with pytest.raises(DataError, match="not on an upright screen"):
        read_capture(tmp_path)


def test_the_table_of_devices_refuses_dots_off_the_screen(capture_folder):
    table = capture_folder / "apple_device_data.csv"
    table.write_text(
        "DeviceName,DeviceCameraToScreenXMm,DeviceCameraToScreenYMm,DeviceScreenWidthMm,DeviceScreenHeightMm\n"
        "iPhone 6s,18.61,8.04,58.49,104.05\n"
    )
    device = read_devices(table)["iPhone 6s"]
    assert device.shows(0, -5)
    assert not device.shows(6, -5)
    assert len(read_capture(capture_folder).paths) == 28
    write_session(capture_folder, 50, y=-14.0)
    with pytest.raises(DataError, match="not on an upright screen"):
        read_capture(capture_folder)


def test_a_folder_without_sessions_says_what_is_expected(tmp_path):
    with pytest.raises(DataError, match="00002"):
        read_capture(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("split", ["person", "dot"])
def test_the_command_trains_on_the_folder_and_warns_of_identity(capture_folder, split, tmp_path, capsys):
    from nonet import cli
    from nonet.gaze.model import load

    out = tmp_path / "model"
    options = [
        "--recipe.preset",
        "64-half",
        "--recipe.epochs",
        "1",
        "--recipe.batch-size",
        "4",
        "--recipe.device",
        "cpu",
    ]
    if split == "dot":
        for number in range(10, 16):
            write_session(capture_folder, number, frames=20)
    command = ["gaze", "train", str(capture_folder), "--out", str(out), *options, "--recipe.split", split]
    assert cli.run(command) == 0
    assert isinstance(load(out), torch.nn.Module)
    assert "commercial" in Path(out / "README.md").read_text()
    assert ("same people" in capsys.readouterr().err) == (split == "dot")
