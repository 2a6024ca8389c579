"""Calibration on logs whose uncertainty is known."""

import numpy as np
import pytest

from nonet.rendezvous import forecast
from nonet.rendezvous.learning import Log


@pytest.fixture
def rolled(monkeypatch):
    """Truths that lie three times as far from the middle as the models say."""

    def told(log, members, horizon, most, seed):
        rng = np.random.default_rng(seed)
        shape = (most, horizon, 2, 2)
        now, goals = np.zeros((most, 2, 3)), np.ones((most, 2))
        nothing = np.zeros(shape)
        return forecast._Rolled(now, now, goals, 3.0 * rng.normal(size=shape), nothing, nothing, np.ones(shape))

    monkeypatch.setattr(forecast, "_roll_log", told)
    return Log(np.zeros((1, 2, 4)), np.zeros((1, 2, 2, 3)), np.zeros((1, 2)), np.ones(1, bool))


@pytest.mark.slow
def test_regions_hold_nine_tenths_once_they_are_calibrated(rolled):
    spread = forecast.calibrated(rolled, (), horizon=3, most=4000)
    assert spread.shape == (2, 3) and np.allclose(spread, 3.0, atol=0.15)
    before, after = (
        forecast.judge(rolled, (), step_s=1.0, horizon=3, most=4000, seed=1, spread=factors)[0].coverage
        for factors in (None, spread)
    )
    # a Gaussian's 90 % region, drawn a third as wide, holds 1 - 0.1 ** (1 / 9)
    assert np.allclose(before, 1 - 0.1 ** (1 / 9), atol=0.03) and np.allclose(after, 0.9, atol=0.02)
