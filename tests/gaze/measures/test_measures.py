import numpy as np
import pytest

from nonet.foundation.errors import DataError
from nonet.gaze.geometry import PHONE
from nonet.gaze.measures.dispersion import contour_area, gaze_entropy
from nonet.gaze.measures.heatmaps import heatmap, object_correlation, pixel_correlation, split_half
from nonet.gaze.measures.latency import saccade_latency
from nonet.gaze.measures.pursuit import lag_ms, pursuit
from nonet.gaze.measures.reading import difficulty_correlation, line_reading, share_on
from nonet.gaze.measures.search import search_slope, search_trial
from nonet.gaze.measures.statistics import paired, repeated_measures
from nonet.gaze.observers import Camera, Observer, follow, jump, scan, see
from nonet.gaze.samples import Samples

MIDDLE = np.array([0.0, -6.0])


def samples_of(t, gaze, distance=40.0):
    return Samples(t, gaze, np.full(len(t), distance), np.full(len(t), np.nan), [""] * len(t))


@pytest.mark.slow
def test_latency_is_recovered_within_10_ms():
    rng, bias = np.random.default_rng(0), []
    for _ in range(60):
        angle = rng.uniform(0, 2 * np.pi)
        target = MIDDLE + 3 * np.array([np.cos(angle), np.sin(angle)])
        t, place, truth = jump(Observer(), MIDDLE, target, 800, 1800, rng)
        found = saccade_latency(*see(t, place, Camera(), rng), 800.0, MIDDLE, target)
        if found.valid:
            bias.append(found.ms - truth)
    assert len(bias) > 55
    assert abs(np.mean(bias)) < 10
    assert np.std(bias) < 20  # a frame lasts 33 ms


@pytest.mark.parametrize(
    ("onset", "reason"), [(40.0, "anticipated"), (650.0, "late"), (np.inf, "no saccade to the target")]
)
def test_trials_that_are_no_reaction_do_not_count(onset, reason):
    t = np.arange(0, 1700, 33.3)
    gaze = np.where((t > 800 + onset)[:, None], [3.0, -6.0], MIDDLE) + np.random.default_rng(0).normal(0, 0.1, (52, 2))
    found = saccade_latency(t, gaze, 800.0, MIDDLE, np.array([3.0, -6.0]))
    assert not found.valid
    assert found.reason == reason


@pytest.mark.slow
@pytest.mark.parametrize("lag", [60.0, 150.0, 230.0])
def test_pursuit_lag_is_recovered_within_10_ms(lag):
    rng, found = np.random.default_rng(1), []
    t = np.arange(0, 15_000, 5.0)
    target = MIDDLE + 3 * np.column_stack([np.cos(t / 800), np.sin(t / 800)])
    for _ in range(4):
        seen_at, gaze = see(t, follow(Observer(lag_ms=lag), t, target, rng), Camera(), rng)
        there = np.column_stack([np.interp(seen_at, t, column) for column in target.T])
        found.append(pursuit(seen_at, gaze, there))
    assert abs(np.mean([one.lag_ms for one in found]) - lag) < 10
    assert np.mean([one.gain for one in found]) == pytest.approx(0.95, abs=0.04)


def test_a_late_but_exact_follower_has_the_error_that_geometry_says():
    t = np.arange(0, 8000, 10.0)
    target = 3 * np.column_stack([np.cos(t / 1000), np.sin(t / 1000)])
    late = 3 * np.column_stack([np.cos((t - 100) / 1000), np.sin((t - 100) / 1000)])
    found = pursuit(t, late, target)
    assert found.error_cm == pytest.approx(2 * 3 * np.sin(0.05), rel=1e-3)  # the chord of 0.1 radian
    assert found.tangential_cm > 8 * found.radial_cm
    assert found.lag_ms == pytest.approx(100, abs=1)
    assert lag_ms(t, target, target) == pytest.approx(0, abs=1)
    assert pursuit(t, np.full_like(late, np.nan), target) is None


@pytest.mark.slow
def test_search_slopes_are_recovered_within_10_percent():
    rng, sizes, truth, found = np.random.default_rng(3), [], [], []
    for size in (5, 10, 15):
        for _ in range(20):
            items: list[np.ndarray] = []
            while len(items) < size:
                place = np.array([rng.uniform(-14, 14), rng.uniform(-16, -2)])
                if all(np.hypot(*(place - other)) > 2.4 for other in items):
                    items.append(place)
            t, place, true = scan(Observer(distance_cm=50), np.array(items), 0, np.array([0, -9.0]), 0.0, rng)
            trial = search_trial(samples_of(*see(t, place, Camera(), rng), 50.0), 0.0, items[0], 3000.0)
            sizes.append(size)
            truth.append(true)
            found.append(trial.fixations)
            assert trial.answer_ms == 3000
    assert search_slope(sizes, found) == pytest.approx(search_slope(sizes, truth), rel=0.1)
    assert search_slope(sizes, truth) > 0.3
    with pytest.raises(DataError, match="different numbers"):
        search_slope([5, 5], [1, 2])


def test_a_heat_map_has_its_peak_and_spread_where_the_gaze_is():
    gaze = np.tile([[1.0, -5.0]], (100, 1))
    density = heatmap(gaze, PHONE, sigma_cm=1.0)
    assert density.sum() == pytest.approx(1)
    row, column = np.unravel_index(density.argmax(), density.shape)
    assert column / 8 + PHONE.camera_x_cm == pytest.approx(1.0, abs=0.15)
    assert PHONE.camera_y_cm - row / 8 == pytest.approx(-5.0, abs=0.15)
    spread = np.sqrt((density.sum(axis=0) * (np.arange(density.shape[1]) - column) ** 2).sum()) / 8
    assert spread == pytest.approx(1.0, rel=0.1)
    assert heatmap(gaze + 100, PHONE).sum() == 0


def test_likeness_of_maps_and_its_ceiling():
    rng = np.random.default_rng(0)
    viewers = [rng.normal([0, -5], 1, (80, 2)) for _ in range(6)]
    same = heatmap(np.concatenate(viewers), PHONE)
    assert pixel_correlation(same, same) == pytest.approx(1)
    assert split_half(viewers, PHONE, rng) > 0.9
    other = heatmap(rng.normal([0, -12], 1, (80, 2)), PHONE)
    assert pixel_correlation(same, other) < 0.1
    rows = np.indices(same.shape)[0]
    thirds = [rows < 34, (rows >= 34) & (rows < 68), rows >= 68]
    assert object_correlation(same, same, thirds) == pytest.approx(1)
    assert object_correlation(same, other, thirds) < 0
    with pytest.raises(DataError, match="three"):
        object_correlation(same, other, thirds[:2])


def test_entropy_counts_bits():
    assert gaze_entropy(np.full((4, 4), 1 / 16)) == pytest.approx(4)
    assert gaze_entropy(np.eye(1)) == 0


def test_steadiness_is_that_of_the_normal_distribution():
    gaze = np.random.default_rng(0).normal(0, 1, (20_000, 2)) * [2.0, 0.5]
    assert contour_area(gaze) == pytest.approx(2 * -np.log(1 - 0.682) * np.pi * 2.0 * 0.5, rel=0.03)


def test_share_of_time_and_lines_of_text():
    boxes = [(-3.0, -2.0, 3.0, -1.0), (-3.0, -3.0, 3.0, -2.0), (-3.0, -4.0, 3.0, -3.0)]
    gaze = np.array([[0, -1.5]] * 3 + [[0, -2.5]] * 1 + [[0, -9.0]] * 5, float)
    assert share_on(samples_of(np.arange(9) * 33.0, gaze), boxes[:1], boxes) == pytest.approx(0.75)
    fixations = [(0, 200, np.array([x, -1.5])) for x in (-2.0, 0.0, -1.0, 2.0)]
    found = line_reading(fixations, boxes, [(-0.5, -2, 0.5, -1)])
    assert found.regressions == pytest.approx(1 / 3)
    assert found.skips == pytest.approx(2 / 3)
    assert found.on_errors == pytest.approx(0.25)
    assert found.fixation_ms == 200
    r, p = difficulty_correlation(np.arange(8.0), -(np.arange(8.0) ** 3))
    assert r == -1
    assert p < 1e-6


@pytest.mark.slow
def test_repeated_measures_agree_with_the_paired_test_for_two_conditions():
    table = np.random.default_rng(0).normal([1.0, 1.6], 0.5, (12, 2))
    anova, test = repeated_measures(table), paired(table[:, 0], table[:, 1])
    assert anova.f == pytest.approx(test.t**2)
    assert anova.df == (1, 11)
    assert anova.p == pytest.approx(test.p)
    with pytest.raises(DataError):
        repeated_measures(table[:1])
