import numpy as np
import pytest

from nonet.foundation.errors import UsageError
from nonet.gaze.events import Event, detect, idt, intervals, ivt, noise_adaptive
from nonet.gaze.events.agreement import cohen_kappa, kappas
from nonet.gaze.events.changepoints import change_points
from nonet.gaze.events.labels import drop_short, runs
from nonet.gaze.events.velocity import robust_sd, velocity
from nonet.gaze.observers import Camera, Observer, jump, see


def fixations_and_saccades(rate, noise, seed=0, jumps=12):
    """Known fixations of 400 ms with steps of 5 degrees that take 32 ms."""
    rng = np.random.default_rng(seed)
    t = np.arange(0, jumps * 400, 1000 / rate)
    number, since = (t // 400).astype(int), t % 400
    places = np.cumsum(rng.choice([-5.0, 5.0], (jumps + 1, 2)), axis=0)
    share = np.clip((since - 368) / 32, 0, 1)[:, None]
    clean = places[number] * (1 - share) + places[number + 1] * share
    truth = np.where(since >= 368, int(Event.SACCADE), int(Event.FIXATION))
    return clean + rng.normal(0, noise, clean.shape), truth


def test_ivt_and_idt_find_what_was_made():
    position, truth = fixations_and_saccades(250, 0.0)
    assert cohen_kappa(truth == Event.FIXATION, ivt(position, 250) == Event.FIXATION) > 0.9
    assert cohen_kappa(truth == Event.FIXATION, idt(position, 250) == Event.FIXATION) > 0.8


@pytest.mark.slow
def test_fixations_of_i_dt_are_those_of_pymovements():
    detection = pytest.importorskip("pymovements.events.detection")
    position, _ = fixations_and_saccades(100, 0.15, seed=3)
    theirs = detection.idt(positions=position, timesteps=np.arange(len(position)), minimum_duration=10)
    labels = np.zeros(len(position), bool)
    for start, stop in zip(theirs.frame["onset"], theirs.frame["offset"], strict=True):
        labels[start : stop + 1] = True
    ours = idt(position, 100, least_ms=100) == Event.FIXATION
    # the windows differ where a saccade's first sample still fits into the dispersion
    assert (labels == ours).mean() > 0.85


def test_camera_noise_defeats_the_fixed_threshold_but_not_the_adaptive_one():
    rng = np.random.default_rng(0)
    still = rng.normal(0, 0.5, (600, 2))  # one long fixation
    steps = np.linalg.norm(np.diff(still, axis=0), axis=1)
    assert np.median(steps) * 30 > 20  # the noise alone moves faster than the threshold
    assert (ivt(still, 30) == Event.SACCADE).mean() > 0.5
    assert (noise_adaptive(still, 30) == Event.SACCADE).mean() < 0.02
    stepped = still + np.repeat(np.arange(20) % 2 * 8.0, 30)[:, None]
    steps = np.arange(30, 600, 30)
    found = noise_adaptive(stepped, 30) == Event.SACCADE
    assert np.mean([found[i - 1 : i + 1].any() for i in steps]) == 1
    assert found.sum() < 3 * len(steps)


def test_change_points_part_fixations_whose_saccades_drown_in_noise():
    rng = np.random.default_rng(1)
    position = np.repeat(rng.permutation(10)[:, None] * [1.2, -0.7], 9, axis=0) + rng.normal(0, 0.3, (90, 2))
    found = [i for i in intervals(change_points(position, 30)) if i.event is Event.FIXATION]
    assert 9 <= len(found) <= 10
    assert all(min(abs(i.start - 9 * k) for k in range(10)) <= 1 for i in found)


def test_all_events_of_a_made_recording_are_found():
    rate, rng = 500, np.random.default_rng(0)
    pieces, truth, here = [], [], np.zeros(2)
    for number in range(8):
        pieces.append(np.repeat(here[None], 200, axis=0))
        truth += [Event.FIXATION] * 200
        step = np.array([6.0, -3.0]) * (-1) ** number
        share = np.linspace(0, 1, 20)[:, None]
        pieces.append(here + step * share**3 * (10 - 15 * share + 6 * share**2))
        truth += [Event.SACCADE] * 20
        here = here + step
        pieces.append(here + np.linspace(0, 1, 300)[:, None] * [0, 9.0])  # 15 degrees a second
        truth += [Event.PURSUIT] * 300
        here = here + np.array([0, 9.0])
        pieces.append(np.full((60, 2), np.nan))
        truth += [Event.BLINK] * 60
    position, truth = np.concatenate(pieces), np.array(truth)
    position += rng.normal(0, 0.01, position.shape)
    found = kappas(truth, detect(position, rate), [Event.FIXATION, Event.SACCADE, Event.PURSUIT, Event.BLINK])
    assert found[Event.SACCADE] > 0.75
    assert found[Event.PURSUIT] > 0.75
    assert found[Event.FIXATION] > 0.7
    assert found[Event.BLINK] > 0.6  # its edges are widened, where lids cover the pupil


def test_a_camera_is_told_to_use_the_other_detector():
    with pytest.raises(UsageError, match="noise_adaptive"):
        detect(np.zeros((10, 2)), 30)


@pytest.mark.parametrize("algorithm", [idt, ivt, noise_adaptive, change_points])
def test_recordings_without_gaze_have_no_events(algorithm):
    assert not algorithm(np.full((30, 2), np.nan), 30.0).any()
    assert len(algorithm(np.zeros((0, 2)), 30.0)) == 0


def test_kappa_is_that_of_the_textbook():
    first = np.array([True] * 45 + [False] * 55)  # 25 yes-yes, 20 yes-no, 15 no-yes, 40 no-no
    second = np.array([True] * 25 + [False] * 20 + [True] * 15 + [False] * 40)
    assert cohen_kappa(first, second) == pytest.approx((0.65 - 0.51) / (1 - 0.51))


def test_velocity_of_a_ramp_is_its_slope_and_gaps_stay_gaps():
    position = np.column_stack([np.arange(50) * 0.1, np.zeros(50)])
    position[20:23] = np.nan
    speed = velocity(position, 100, 50)
    assert np.isnan(speed[20:23]).all()
    np.testing.assert_allclose(speed[:20], np.tile([10.0, 0.0], (20, 1)), atol=1e-9)


def test_the_robust_spread_ignores_saccades():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 2, (1000, 2))
    values[::20] = 300
    np.testing.assert_allclose(robust_sd(values), 2, rtol=0.15)


def test_runs_and_intervals():
    mask = np.array([0, 1, 1, 0, 1], bool)
    assert runs(mask) == [(1, 3), (4, 5)]
    assert drop_short(mask, 2).tolist() == [False, True, True, False, False]
    assert [tuple(i) for i in intervals(np.array([1, 1, 0, 2]))] == [(Event.FIXATION, 0, 2), (Event.SACCADE, 3, 4)]


def test_a_simulated_saccade_follows_the_main_sequence():
    rng = np.random.default_rng(0)
    t, place, latency = jump(Observer(drift_cm=0), np.zeros(2), np.array([6.0, 0.0]), 500, 1200, rng)
    start = np.flatnonzero(np.abs(place[:, 0]) > 0.01)[0]
    assert start == pytest.approx(500 + latency, abs=6)
    seen_at, seen = see(t, place, Camera(lost=0.1), rng)
    assert 30 < len(seen_at) < 40
    assert np.isnan(seen).any()
