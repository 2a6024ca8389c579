import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from nonet.foundation.errors import DataError
from nonet.gaze.config import Personal
from nonet.gaze.personal import Calibration, choose, dot_error, fit_rung, left_out


def calibration(base_of, dots=16, frames=10, noise=0.2, seed=0):
    rng = np.random.default_rng(seed)
    places = rng.uniform([-3, -13], [3, -1], (dots, 2))
    dot = np.arange(dots).repeat(frames)
    target = places[dot]
    base = base_of(target) + rng.normal(0, noise, target.shape)
    features = np.maximum(0, base @ np.array([[1, -1, 0.5, 0], [0.3, 1, -1, 1]]) + 10)
    return Calibration(base, features, target, dot)


def test_a_constant_error_is_removed_by_the_offset():
    data = calibration(lambda target: target + np.array([1.5, -2.0]))
    fit = choose(data)
    assert fit.rung == "offset"
    np.testing.assert_allclose(fit.arrays["offset"], [-1.5, 2.0], atol=0.15)
    assert fit.errors_cm["offset"] < 0.35 < 2 < fit.errors_cm["base"]


def test_a_wrong_scale_is_removed_by_the_affine_map():
    data = calibration(lambda target: target * [0.5, 0.6] + [1.0, -3.0], noise=0.05)
    fit = choose(data)
    assert fit.rung in {"affine", "svr"}
    assert fit.errors_cm["affine"] < 0.4 * fit.errors_cm["offset"]
    new = np.array([[0.5, -6.0]])
    affine = fit_rung("affine", data, Personal())
    np.testing.assert_allclose(affine.predict(new * [0.5, 0.6] + [1, -3], np.zeros((1, 4))), new, atol=0.15)


def test_nothing_is_changed_where_nothing_is_gained():
    assert choose(calibration(lambda target: target, noise=0.6)).rung == "base"


@pytest.mark.parametrize("seed", range(5))
def test_the_choice_is_never_worse_than_the_base_model_on_dots_left_out(seed):
    data = calibration(lambda target: target + np.sin(target), dots=5, seed=seed)
    fit = choose(data)
    assert fit.errors_cm[fit.rung] <= fit.errors_cm["base"]


def test_the_regression_is_scikit_learns_on_standardised_features():
    data, config = calibration(lambda target: 0.7 * target), Personal()
    fit = fit_rung("svr", data, config)
    scaler = StandardScaler().fit(data.features)
    machine = SVR(C=20, gamma=0.06, epsilon=0.1).fit(scaler.transform(data.features), data.target_cm[:, 0])
    wanted = machine.predict(scaler.transform(data.features))
    np.testing.assert_allclose(fit.predict(data.base_cm, data.features)[:, 0], wanted, atol=1e-9)


def test_frames_of_the_dot_itself_are_never_learnt_from():
    """Features that name the dot: known frames are fitted exactly, a dot left out cannot be."""
    rng = np.random.default_rng(0)
    dot = np.arange(8).repeat(10)
    places = rng.uniform([-3, -13], [3, -1], (8, 2))
    named = 5 * np.eye(8)[dot]
    data = Calibration(np.zeros((80, 2)), named, places[dot], dot)
    config = Personal(gamma=0.5)
    known = fit_rung("svr", data, config).predict(data.base_cm, data.features)
    assert dot_error(known, data) < 0.3
    assert dot_error(left_out("svr", data, config), data) > 2.0


def test_three_dots_are_too_few():
    with pytest.raises(DataError, match="3 dots"):
        choose(calibration(lambda target: target, dots=3))
