import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from nonet.foundation.errors import DataError, UsageError
from nonet.rendezvous.geodesic import geodesic_midpoint, travel_field
from nonet.rendezvous.maps.generators import FAMILIES, generate
from nonet.rendezvous.maps.layout import from_grid, from_shapes, window
from nonet.rendezvous.maps.readers import read_map
from nonet.rendezvous.maps.suites import place_robots, setting, training_map
from nonet.rendezvous.scene import rectangle

RADIUS = 0.2
YAML = (
    "image: lab.png\nresolution: 0.1\norigin: [1.0, 2.0, 0.0]\nnegate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.196\n"
)


@pytest.fixture
def lab(tmp_path):
    """A 4 m by 3 m room with a wall across it at x = 2 that leaves the lowest metre open."""
    shade = np.full((30, 40), 254, np.uint8)
    shade[:20, 20] = 0  # rows of a picture go down: this is the upper part
    Image.fromarray(shade).save(tmp_path / "lab.png")
    (tmp_path / "lab.yaml").write_text(YAML)
    return tmp_path / "lab.yaml"


def test_a_ros_map_stands_upright_and_knows_its_frame(lab):
    place = read_map(lab)
    assert place.ground.at(np.array([[2.05, 2.5]]))[0] < 0 < place.ground.at(np.array([[2.05, 0.5]]))[0]
    assert np.allclose(place.to_file_frame(np.array([[0.5, 0.5]])), [[1.5, 2.5]])


def test_unknown_grey_is_not_free(lab):
    shade = np.full((30, 40), 205, np.uint8)
    shade[:, :10] = 254
    Image.fromarray(shade).save(lab.parent / "lab.png")
    assert read_map(lab).ground.clearance[15, 20] < 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("resolution: 0.1", "resolution: 0"), "makes no map"),
        (("resolution: 0.1", "resolution: wide"), "not a number"),
        (("negate: 0", "negate: 0\ncolour: red"), "Unknown key: colour"),
        (("origin: [1.0, 2.0, 0.0]\n", ""), "Missing key: origin"),
        (("origin: [1.0, 2.0, 0.0]", "origin: 3"), "not \\[x, y, yaw\\]"),
        (("lab.png", "lub.png"), "cannot be read"),
        (("image:", "image: ["), "not YAML"),
    ],
)
def test_broken_ros_maps_are_refused(lab, change, message):
    lab.write_text(YAML.replace(*change))
    with pytest.raises(DataError, match=message):
        read_map(lab)


@pytest.mark.parametrize("kind", ["png", "pgm", "bmp"])
def test_a_plain_picture_is_dark_where_it_is_occupied(tmp_path, kind):
    shade = np.full((20, 30), 255, np.uint8)
    shade[15:, :10] = 40  # the lower left corner
    path = tmp_path / f"yard.{kind}"
    Image.fromarray(shade).save(path)
    ground = read_map(path, resolution=0.2).ground
    assert ground.at(np.array([[1.0, 0.5]]))[0] < 0 < ground.at(np.array([[5.0, 3.0]]))[0]
    usual = read_map(path).ground.at(np.array([[0.25, 0.12], [1.2, 0.7]]))  # 5 cm a cell
    assert usual[0] < 0 < usual[1]
    with pytest.raises(DataError, match="makes no map"):
        read_map(path, resolution=-1.0)


def test_a_moving_ai_map_is_read(tmp_path):
    path = tmp_path / "arena.map"
    path.write_text("type octile\nheight 3\nwidth 4\nmap\n....\n.@T.\n....\n")
    ground = read_map(path).ground
    assert ground.clearance.shape == (3, 4) and (ground.clearance < 0).sum() == 2
    path.write_text("type octile\nheight 9\nwidth 4\nmap\n....\n")
    with pytest.raises(DataError, match="smaller"):
        read_map(path)
    path.write_text("hello\n")
    with pytest.raises(DataError, match="not a MovingAI map"):
        read_map(path)


def test_an_mrpt_grid_is_read(tmp_path):
    odds = np.full((3, 5), 100, np.int8)
    odds[1, 2], odds[0, 0] = -100, 0
    name = b"COccupancyGridMap2D"
    raw = bytes([0x80 | len(name)]) + name + bytes([6, 8]) + struct.pack("<IIfffff", 5, 3, -1, 4, -2, 1, 1.0)
    path = tmp_path / "hall.gridmap.gz"
    path.write_bytes(gzip.compress(raw + odds.tobytes()))
    place = read_map(path)
    assert (place.ground.clearance <= 0).sum() == 2 and place.origin[:2] == (-1.0, -2.0)
    path.write_bytes(gzip.compress(raw + odds.tobytes()[:4]))
    with pytest.raises(DataError, match="cut or of another version"):
        read_map(path)


@pytest.mark.data
@pytest.mark.slow
def test_every_real_map_has_room(real_data):
    for episode in range(8):
        place = setting("real", episode, robots=2, radius_m=RADIUS, data=real_data)
        place.map.ground.check_starts(place.starts[:, :2], RADIUS)
        assert 0 < place.shortest_m < 100


@pytest.mark.parametrize("family", FAMILIES)
def test_generated_maps_are_the_same_again_and_let_robots_meet(family):
    for number in range(2):
        first, again = generate(family, (1, number)), generate(family, (1, number))
        assert np.array_equal(first.ground.clearance, again.ground.clearance)
        place = place_robots(first, 2, RADIUS, np.random.default_rng(number))
        assert np.isfinite(place.shortest_m)


@pytest.mark.slow
def test_training_maps_are_none_of_the_unseen():
    trained = {training_map(n, 0).ground.clearance.tobytes() for n in range(24)}
    unseen = {setting("unseen", n, robots=2, radius_m=RADIUS).map.ground.clearance.tobytes() for n in range(12)}
    assert not trained & unseen


def test_traps_are_their_own_mirror_image():
    for number in range(5):
        field = generate("trap", (number,)).ground.clearance
        assert np.allclose(field, field[:, ::-1], atol=1e-5) and np.allclose(field, field[::-1], atol=1e-5)


def test_distances_go_around():
    wall = [(2.0, 0.0, 2.0, 3.0)]
    place = from_shapes("wall", (), [*rectangle(0, 0, 4, 4), *wall], (0, 0, 4, 4))
    start, goal = np.array([1.0, 1.0]), np.array([3.0, 1.0])
    field = travel_field(place.ground, goal, RADIUS, comfort_m=0.0)
    length = field[tuple(place.ground.cells(start[None])[0])]
    # past the end of the wall at a robot's radius: two straight lines and an arc about its end
    assert 2 * np.hypot(1.0, 2.0) < length < 5.4
    middle = geodesic_midpoint(place.ground, np.stack([start, goal]), RADIUS)
    assert abs(middle[0] - 2.0) < 0.2 and middle[1] > 3.1


def test_impossible_starts_are_told():
    ground = from_shapes("two", (), [*rectangle(0, 0, 4, 4), (2, 0, 2, 4)], (0, 0, 4, 4)).ground
    cases = {
        ((1, 1), (3, 1)): "Meeting is impossible",
        ((2, 1), (3, 1)): "inside a wall",
        ((9, 1), (3, 1)): "outside the map",
    }
    for starts, message in cases.items():
        with pytest.raises(DataError, match=message):
            ground.check_starts(np.array(starts, float), RADIUS)
    ground.check_starts(np.array([[1.0, 1.0], [1.0, 3.0]]), RADIUS)


def test_maps_without_room_are_refused():
    with pytest.raises(DataError, match="no free space at all"):
        from_grid("full", np.ones((5, 5), bool), 0.1)
    thin = np.ones((9, 40), bool)
    thin[4] = False
    with pytest.raises(DataError, match="no free space for a robot"):
        from_grid("crack", thin, 0.1).ground.sample(np.random.default_rng(0), 1, RADIUS)
    with pytest.raises(UsageError, match="no suite"):
        setting("nowhere", 0, robots=2, radius_m=RADIUS)


def test_a_window_keeps_places_and_frame():
    occupied = np.zeros((300, 400), bool)
    occupied[150, 300] = True
    whole = from_grid("large", occupied, 0.1, origin=(5.0, 0.0, 0.0))
    part = window(whole, np.array([30.05, 15.05]))
    assert part.ground.clearance.shape == (256, 256)
    row, column = np.argwhere(part.ground.clearance < 0)[0]
    found = part.to_file_frame(part.ground.points(np.array([[row, column]])))[0]
    assert np.allclose(found, [35.05, 15.05], atol=0.01)
