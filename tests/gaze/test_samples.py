import numpy as np
import pytest

from nonet.foundation.errors import DataError
from nonet.gaze.personal import Fit
from nonet.gaze.samples import Samples, from_rows


def row(t, x=0.0, **more):
    return {"t": t, "base": [x, -5.0], "features": [0, 0, 0, 0], **more}


def test_frames_that_overtook_each_other_are_put_in_order():
    samples = from_rows([row(0, 0), row(66, 2), row(33, 1), row(66, 9), {"t": None}, row(float("nan"))], None, 40)
    assert samples.t_ms.tolist() == [0, 33, 66]
    assert samples.gaze_cm[:, 0].tolist() == [0, 1, 2]


def test_a_clock_that_was_set_back_goes_on():
    samples = from_rows([row(10_000, 0), row(10_033, 1), row(500, 2), row(533, 3)], None, 40)
    assert samples.gaze_cm[:, 0].tolist() == [0, 1, 2, 3]
    assert np.diff(samples.t_ms).tolist() == [33, 1, 33]


def test_unusable_frames_are_gaps_with_a_reason():
    samples = from_rows([row(0), {"t": 33, "reason": "no face"}, row(66, distance=31.0)], None, 40)
    assert samples.valid.tolist() == [True, False, True]
    assert samples.reason == ["", "no face", ""]
    assert samples.distance_cm.tolist() == [40, 40, 31]
    assert samples.lost == pytest.approx(1 / 3)


def test_the_calibration_is_applied():
    fit = Fit("offset", {"offset": np.array([1.0, 2.0])})
    assert from_rows([row(0)], fit, 40).gaze_cm.tolist() == [[1.0, -3.0]]


def test_speed_is_angular():
    t = np.arange(5) * 10.0
    gaze = np.column_stack([np.tan(np.radians(t * 0.1)) * 40, np.zeros(5)])  # 100 degrees a second
    samples = Samples(t, gaze, np.full(5, 40.0), np.full(5, 0.3), [""] * 5)
    np.testing.assert_allclose(samples.speed()[1:-1], 100, rtol=1e-6)


def test_a_session_without_frames_is_refused():
    with pytest.raises(DataError, match="no frames"):
        from_rows([], None, 40)
