import io

import numpy as np
import pytest
from PIL import Image

import gaze_film
from nonet.foundation.errors import DataError
from nonet.gaze.camera.reader import FaceReader, UnusableFrameError, decode

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def face() -> Image.Image:
    return gaze_film.portrait()


@pytest.fixture
def reader() -> FaceReader:
    return FaceReader(64)


def refused(reader, frame):
    with pytest.raises(UnusableFrameError) as raised:
        reader.read(frame)
    return raised.value.reason


def test_corners_crops_and_distance_of_a_portrait(reader, face):
    seen = reader.read(face)
    # right outer, right inner, left inner, left outer, as seen by eye in the picture
    np.testing.assert_allclose(seen.corners_px, [[196, 266], [247, 273], [310, 276], [362, 274]], atol=1.5)
    np.testing.assert_allclose(seen.corners.reshape(4, 2) * [640, 480], seen.corners_px)
    assert seen.left.shape == seen.right.shape == (3, 64, 64)
    assert 0.2 < seen.openness < 0.4
    assert seen.iris_px == pytest.approx(20, abs=2)
    assert seen.distance_cm(520) == pytest.approx(520 * 1.17 / seen.iris_px)


def test_mirroring_the_picture_exchanges_the_eyes_and_turns_the_head(reader, face):
    seen = reader.read(face)
    other = FaceReader(64).read(face.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    np.testing.assert_allclose(other.corners_px[::-1, 0], 640 - seen.corners_px[:, 0], atol=5)
    # the mirrored left eye of one is the right eye of the other
    assert np.corrcoef(seen.left.ravel(), other.right.ravel())[0, 1] > 0.9
    assert other.head[2] == pytest.approx(-seen.head[2], abs=2)


def test_a_face_is_followed_when_it_moves(reader, face):
    reader.read(face)
    first = reader.read(face)  # by now it follows the mesh and not the detector
    elsewhere = face.transform(face.size, Image.Transform.AFFINE, (1, 0, -12, 0, 1, 5))
    reader.read(elsewhere)  # the first frame is cut where the face was before
    moved = reader.read(elsewhere)
    np.testing.assert_allclose(moved.corners_px - first.corners_px, np.tile([12, -5], (4, 1)), atol=1.5)


def test_a_bigger_face_is_nearer(face):
    near = FaceReader(64).read(face).distance_cm(520)
    far = Image.new("RGB", face.size, "grey")
    far.paste(face.resize((480, 360)), (80, 60))
    assert FaceReader(64).read(far).distance_cm(520) / near == pytest.approx(4 / 3, rel=0.1)


def test_frames_without_a_usable_face_say_why(reader, face):
    noise = np.random.default_rng(0).integers(60, 200, (480, 640, 3), dtype=np.uint8)
    assert refused(reader, Image.fromarray(noise)) == "no face"
    assert refused(FaceReader(64), face.point(lambda value: value * 0.03)) == "too dark"
    assert refused(FaceReader(64), Image.new("RGB", (640, 480))) == "too dark"
    two = Image.new("RGB", (1280, 480))
    two.paste(face, (0, 0))
    two.paste(face, (640, 0))
    assert refused(FaceReader(64), two) == "two faces"
    small = Image.new("RGB", (640, 480), "grey")
    small.paste(face.resize((200, 150)), (220, 165))
    assert refused(FaceReader(64), small) == "too far"
    edge = Image.new("RGB", face.size, "grey")
    edge.paste(face, (-215, 0))
    assert refused(FaceReader(64), edge) == "at the edge"


def test_a_face_seen_from_the_side_is_turned_away(reader, face, monkeypatch):
    import nonet.gaze.camera.reader as room

    monkeypatch.setattr(room, "_head", lambda mesh: (0.0, 50.0, 0.0))
    assert refused(reader, face) == "turned away"


def test_shut_eyes_are_seen_by_their_lids(reader, face, monkeypatch):
    import nonet.gaze.camera.reader as room

    monkeypatch.setattr(room, "_openness", lambda mesh, corners: 0.05)
    assert refused(reader, face) == "eyes shut"


def test_lamps_mirrored_by_glasses_are_reported(reader, face):
    assert reader.read(face).glare == 0
    glare = face.copy()
    glare.paste((255, 255, 255), (210, 262, 232, 276))
    assert FaceReader(64).read(glare).glare == pytest.approx(0.0137, abs=0.002)


def content(size, form="JPEG"):
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("bytes_", "said"),
    [
        (b"no picture", "not a whole picture"),
        (content((64, 48))[:300], "not a whole picture"),
        (content((5000, 40), "PNG"), "pixels"),
        (b"\xff\xd8" + bytes(50 * 2**20), "50 MB"),
        (content((8, 8), "GIF"), "not a whole picture"),
    ],
)
def test_what_is_no_frame_is_refused(bytes_, said):
    with pytest.raises(DataError, match=said):
        decode(bytes_)
