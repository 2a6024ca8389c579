import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nonet.foundation.errors import UsageError
from nonet.rendezvous import world as worlds
from nonet.rendezvous.config import LAB, LidarConfig, NoiseConfig, RobotConfig, WorldConfig, preset
from nonet.rendezvous.scene import rectangle, scene

ROOM = scene([], rectangle(0, 0, 6, 6), room=(1, 8))


QUIET = NoiseConfig()


def rolled(noise=QUIET, starts=((1, 3, 0), (5, 3, np.pi)), action=(1.0, 0.0), steps=60, active=None):
    world = worlds.build(WorldConfig(robots=len(starts), noise=noise), ROOM, active=active)

    def one(state, key):
        state = worlds.step(world, state, jnp.tile(jnp.array(action), (len(starts), 1)), key)
        return state, state

    keys = jax.random.split(jax.random.key(0), steps)
    return world, jax.jit(lambda s: jax.lax.scan(one, s, keys)[1])(worlds.reset(world, np.array(starts)))


@pytest.mark.slow
def test_robots_that_drive_at_each_other_stop_and_count_one_contact():
    _, states = rolled()
    gap = np.asarray(states.pose[:, 1, 0] - states.pose[:, 0, 0])
    assert gap.min() >= 0.4 - 1e-5 and gap[-1] < 0.61
    assert np.asarray(states.collisions[-1]).tolist() == [1, 1]


@pytest.mark.slow
def test_walls_stop_and_speed_obeys_the_acceleration():
    _, states = rolled(starts=((1, 1, 0), (5, 5, np.pi / 2)), steps=80)
    pose = np.asarray(states.pose)
    assert pose[-1, 0, 0] == pytest.approx(5.8, abs=0.11) and pose[..., :2].max() <= 5.8 + 1e-5
    speed = np.asarray(states.velocity[:, 0, 0])
    assert np.allclose(speed[:5], [0.2, 0.4, 0.6, 0.8, 1.0], atol=1e-6)


@pytest.mark.slow
def test_robots_on_both_sides_of_a_wall_have_not_met():
    split = scene([], [*rectangle(0, 0, 6, 6), (3, 0, 3, 4)], room=(1, 8))
    world = worlds.build(WorldConfig(robots=3), split, active=2)
    absent = [9.0, 9.0, 0.0]
    gap = jax.jit(worlds.meeting_gap)
    across = jnp.array([[2.7, 2, 0], [3.3, 2, 0], absent])
    beside = jnp.array([[2.7, 5, 0], [3.3, 5, 0], absent])
    assert np.isinf(gap(world, across)) and float(gap(world, beside)) == pytest.approx(0.6, abs=1e-5)
    three = worlds.build(WorldConfig(robots=3), split)
    apart = jnp.array([[1.0, 1, 0], [1.0, 2, 0], [2.0, 1, 0]])
    assert float(gap(three, apart)) == pytest.approx(2**0.5, abs=1e-5)


@pytest.mark.slow
def test_a_robot_that_is_not_there_moves_not_and_is_not_seen():
    world, states = rolled(active=1, steps=20)
    assert np.array_equal(states.pose[-1, 1], states.pose[0, 1])
    last = jax.tree.map(lambda leaf: leaf[-1], states)
    scan = np.asarray(worlds.observe(world, last, jax.random.key(1)).scan[0])
    assert scan[31:33].min() == pytest.approx(6.0 - float(last.pose[0, 0]), abs=0.01)


@pytest.mark.slow
def test_noise_is_what_it_says():
    noise = NoiseConfig(range_sigma_m=0.1, dropout=0.2, pose_sigma_m=0.3, pose_delay_steps=2)
    world, states = rolled(noise, steps=10)
    clean, _ = rolled(steps=10)
    last = jax.tree.map(lambda leaf: leaf[-1], states)
    many = jax.jit(jax.vmap(lambda key: worlds.observe(world, last, key)))(jax.random.split(jax.random.key(2), 600))
    truth = np.asarray(worlds.observe(clean, last, jax.random.key(0)).scan)
    scans = np.asarray(many.scan)
    seen = np.isfinite(truth) & (truth < 4.5)
    lost = np.isinf(scans[:, seen]).mean()
    errors = (scans - truth)[:, seen]
    assert lost == pytest.approx(0.2, abs=0.01)
    assert errors[np.isfinite(errors)].std() == pytest.approx(0.1, abs=0.005)
    assert np.isinf(scans[:, np.isinf(truth)]).all()  # no return stays no return
    team = np.asarray(many.team)
    assert team[:, 0, 1, 0].mean() == pytest.approx(float(states.pose[-3, 1, 0]), abs=0.05)  # two steps ago
    assert team[:, 0, 0, 0].mean() == pytest.approx(float(states.pose[-1, 0, 0]), abs=0.05)
    assert team[:, 0, 0, 0].std() == pytest.approx(0.3, abs=0.04)


@pytest.mark.slow
def test_commands_come_late_and_odometry_drifts():
    _, late = rolled(NoiseConfig(action_delay_steps=3), starts=((1, 1, 0), (1, 5, 0)), steps=6)
    assert (np.asarray(late.velocity[:3, 0, 0]) == 0).all() and float(late.velocity[3, 0, 0]) > 0
    _, drifting = rolled(NoiseConfig(odometry_drift=0.2), starts=((1, 1, 0), (1, 5, 0)), steps=30)
    error = np.abs(np.asarray(drifting.odometry - drifting.pose))[:, 0, 0]
    assert 0 < error[-1] < 1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LidarConfig(beams=0), "sees nothing"),
        (lambda: LidarConfig(field_of_view_deg=400), "field of view"),
        (lambda: RobotConfig(radius_m=0), "positive"),
        (lambda: NoiseConfig(dropout=1.0), "drop out"),
        (lambda: NoiseConfig(range_sigma_m=-1), "never negative"),
        (lambda: WorldConfig(robots=0), "at least one robot"),
        (lambda: preset("foggy"), "no noise 'foggy'"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(UsageError, match=message):
        make()


def test_noise_is_scaled_within_bounds():
    assert LAB.scaled(2).range_sigma_m == pytest.approx(2 * LAB.range_sigma_m)
    assert LAB.scaled(100).dropout == 0.9 and LAB.scaled(100).pose_delay_steps == 5


def test_beams_span_the_field_of_view():
    angles = np.degrees(LidarConfig(beams=5, field_of_view_deg=180).angles)
    assert np.allclose(angles, [-90, -45, 0, 45, 90])
    assert np.allclose(np.degrees(LidarConfig(beams=4, field_of_view_deg=360).angles), [-180, -90, 0, 90])
