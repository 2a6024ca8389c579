from dataclasses import replace

import numpy as np
import pytest

from nonet.foundation.errors import DataError
from nonet.gaze.geometry import LAPTOP, PHONE, degrees, degrees_between


def test_a_centimetre_at_57_3_cm_is_one_degree():
    assert degrees(1.0, 57.29) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("screen", [PHONE, LAPTOP])
def test_pixels_and_centimetres_are_inverse(screen):
    px = np.array([[0.0, 0.0], [100.5, 20.25], [screen.width_px, screen.height_px]])
    np.testing.assert_allclose(screen.to_px(screen.to_cm(px)), px, atol=1e-9)
    corner = screen.to_cm(px)[2]
    assert corner[0] == pytest.approx(screen.camera_x_cm + screen.width_cm)
    assert corner[1] == pytest.approx(screen.camera_y_cm - screen.height_cm)


def test_the_angle_between_two_points_is_exact_off_axis():
    eye = np.array([[0.0, 0.0, 10.0]])
    # 45 degrees to the side, and straight ahead
    assert degrees_between(np.array([[10.0, 0.0]]), np.array([[0.0, 0.0]]), eye)[0] == pytest.approx(45)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"width_cm": 0.5}, "plausible"),
        ({"width_cm": float("nan")}, "numbers"),
        ({"height_px": 0}, "pixel"),
        ({"width_px": 800}, "times as wide"),
        ({"camera_y_cm": 500.0}, "two metres"),
    ],
)
def test_an_impossible_screen_is_refused(change, said):
    with pytest.raises(DataError, match=said):
        replace(PHONE, **change)
