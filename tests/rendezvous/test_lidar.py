import jax
import jax.numpy as jnp
import numpy as np
import pytest
import shapely

from nonet.rendezvous.lidar import circle_ranges, clearance, ranges, segment_ranges
from nonet.rendezvous.scene import box, rectangle, scene

pytestmark = pytest.mark.slow  # compiles

REACH = 20.0


def rays_at(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def shapely_ranges(origin, angles, circles, segments):
    """The same by shapely: exact discs (64 arcs a quarter are not), so circles are met by algebra in double."""
    found = []
    lines = shapely.MultiLineString([((a, b), (c, d)) for a, b, c, d in segments])
    start = shapely.Point(origin)
    for angle in angles:
        far = (origin[0] + REACH * np.cos(angle), origin[1] + REACH * np.sin(angle))
        ray = shapely.LineString([origin, far])
        nearest = ray.intersection(lines).distance(start) if ray.intersects(lines) else np.inf
        for x, y, radius in circles:
            disc = shapely.Point(x, y).buffer(radius, quad_segs=4096)
            if ray.intersects(disc):
                nearest = min(nearest, ray.intersection(disc).distance(start))
        found.append(nearest)
    return np.array(found)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ranges_are_those_of_shapely(seed):
    rng = np.random.default_rng(seed)
    circles = np.c_[rng.uniform(-6, 6, (5, 2)), rng.uniform(0.2, 0.8, 5)]
    segments = [*rectangle(-8, -8, 8, 8), *box(3, 3, 1.5, 0.7, 0.4), *map(tuple, rng.uniform(-6, 6, (4, 4)))]
    circles = circles[np.hypot(circles[:, 0], circles[:, 1]) > circles[:, 2] + 0.1]
    angles = rng.uniform(-np.pi, np.pi, 50)
    ours = ranges(
        jnp.zeros(2), jnp.asarray(rays_at(angles)), scene(circles.tolist(), segments), jnp.zeros((1, 3)), REACH
    )
    theirs = shapely_ranges((0.0, 0.0), angles, circles, segments)
    assert np.isfinite(theirs).all()
    assert np.abs(np.asarray(ours) - theirs).max() < 1e-4


def test_what_is_not_there_is_not_met():
    rays = jnp.asarray(rays_at(np.linspace(-3, 3, 9)))
    assert np.isinf(ranges(jnp.zeros(2), rays, scene(), jnp.zeros((2, 3)), 5.0)).all()


def test_known_answers():
    ahead = jnp.array([[1.0, 0.0], [0.0, 1.0]])
    circle = circle_ranges(jnp.zeros(2), ahead, jnp.array([[3.0, 0.0, 0.5]]))
    assert circle[0] == pytest.approx(2.5) and np.isinf(circle[1])
    wall = segment_ranges(jnp.zeros(2), ahead, jnp.array([[-1.0, 2.0, 1.0, 2.0]]))
    assert np.isinf(wall[0]) and wall[1] == pytest.approx(2.0)


def test_a_ray_along_a_wall_or_behind_the_robot_meets_nothing():
    ahead = jnp.array([[1.0, 0.0]])
    assert np.isinf(segment_ranges(jnp.zeros(2), ahead, jnp.array([[1.0, 0.0, 2.0, 0.0]])))[0]
    assert np.isinf(circle_ranges(jnp.zeros(2), ahead, jnp.array([[-3.0, 0.0, 0.5]])))[0]


def test_beyond_the_reach_is_no_return():
    place = scene([(3.0, 0.0, 0.5)])
    ahead = jnp.array([[1.0, 0.0]])
    assert np.isinf(ranges(jnp.zeros(2), ahead, place, jnp.zeros((1, 3)), 2.4))[0]
    assert np.isfinite(ranges(jnp.zeros(2), ahead, place, jnp.zeros((1, 3)), 2.6))[0]


def test_a_grid_answers_to_within_half_a_cell():
    occupied = np.zeros((60, 60), bool)
    occupied[:, 40:] = True
    from nonet.rendezvous.maps.layout import from_grid

    place = from_grid("half", occupied, 0.1)
    angles = np.linspace(-0.6, 0.6, 15)
    answer = jax.jit(ranges, static_argnums=4)
    got = answer(jnp.array([1.0, 3.0]), jnp.asarray(rays_at(angles)), place.scene, jnp.zeros((1, 3)), 9.0)
    assert np.abs(np.asarray(got) - 3.0 / np.cos(angles)).max() < 0.05


def test_clearance_is_the_distance_to_shapely_geometry():
    rng = np.random.default_rng(3)
    segments = [*rectangle(-5, -5, 5, 5), *box(1, 1, 2, 1, 0.3)]
    points = rng.uniform(-4.5, 4.5, (30, 2))
    world = shapely.union_all([shapely.LineString([(a, b), (c, d)]) for a, b, c, d in segments])
    truth = [min(world.distance(shapely.Point(p)), np.hypot(*(p - (-2, -2))) - 0.5) for p in points]
    ours = clearance(jnp.asarray(points, jnp.float32), scene([(-2, -2, 0.5)], segments))
    assert np.abs(np.asarray(ours) - truth).max() < 1e-4
