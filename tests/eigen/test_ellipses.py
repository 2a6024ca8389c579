import math

import numpy as np
import pytest

from nonet import eigen
from nonet.eigen.reference import exact
from nonet.foundation.errors import UsageError


def _covariance(major, minor, angle):
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c * c * major + s * s * minor, c * s * (major - minor)], [0, s * s * major + c * c * minor]]).T


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.5, -1.2, math.pi / 2])
def test_an_ellipse_that_is_known(angle):
    matrix = _covariance(9.0, 4.0, angle)
    matrix[0, 1] = matrix[1, 0]
    found = eigen.ellipse(matrix, level=1 - math.exp(-0.5))  # the ellipse of one standard deviation
    assert found.major == pytest.approx(3)
    assert found.minor == pytest.approx(2)
    assert found.angle == pytest.approx(angle)
    assert eigen.anisotropy(matrix) == pytest.approx(5 / 13)
    assert eigen.condition(matrix) == pytest.approx(9 / 4)


def test_the_share_of_normal_points_inside_is_the_level():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((40000, 2)) @ np.array([[2, 0], [1.5, 0.2]]).T
    major, minor, angle = eigen.ellipse(np.cov(points[:20000].T), level=0.9)
    x, y = points[20000:].T
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    assert ((along / major) ** 2 + (across / minor) ** 2 < 1).mean() == pytest.approx(0.9, abs=0.01)


def test_bcea_is_the_textbook_formula():
    sx, sy, rho, k = 0.4, 0.7, -0.3, 1.146
    area = 2 * k * math.pi * sx * sy * math.sqrt(1 - rho**2)
    found = eigen.bcea(sx**2, rho * sx * sy, sy**2, share=1 - math.exp(-k))
    assert found == pytest.approx(area)
    x = eigen.ellipse(sx**2, rho * sx * sy, sy**2, level=1 - math.exp(-k))
    assert found == pytest.approx(math.pi * x.major * x.minor)


def test_bcea_of_a_thin_fixation_keeps_its_digits():
    a, b, d = 0.7500000000000002, 0.43301270189221935, 0.25000000000000006
    truth = exact(a, b, b, d)
    right = 2 * math.pi * -math.log1p(-0.682) * math.sqrt(float(truth.low)) * math.sqrt(float(truth.high))
    assert eigen.bcea(a, b, d) == pytest.approx(right, rel=1e-14)


def test_what_is_no_covariance_has_no_ellipse_but_rounding_is_forgiven():
    assert np.isnan(eigen.ellipse([[1.0, 2], [2, 1]]).minor)
    assert np.isnan(eigen.bcea([[1.0, 2], [2, 1]]))
    assert np.isnan(eigen.bcea([[-1.0, 0], [0, -1]]))
    nearly = eigen.ellipse([[1.0, 1], [1, 1 - 2.3e-16]])
    assert nearly.minor == 0
    assert nearly.major == pytest.approx(math.sqrt(2 * -2 * math.log(0.05)))


@pytest.mark.parametrize("share", [0, 1, -0.5, 2, math.nan])
def test_a_level_is_a_probability(share):
    with pytest.raises(UsageError, match="between 0 and 1"):
        eigen.ellipse(np.eye(2), level=share)
    with pytest.raises(UsageError, match="between 0 and 1"):
        eigen.bcea(np.eye(2), share=share)


def test_orientation_covers_the_half_circle():
    assert eigen.orientation(1, 0, 1) == 0
    assert eigen.orientation(1, -0.0, 2) == math.pi / 2
    assert eigen.orientation(1, 1, 1) == math.pi / 4
    assert eigen.orientation(1, -1, 1) == -math.pi / 4
    with pytest.raises(eigen.MatrixError, match="complex"):
        eigen.orientation(np.eye(2) * 1j)


def test_condition_of_general_matrices():
    matrices = np.random.default_rng(1).standard_normal((300, 2, 2))
    np.testing.assert_allclose(eigen.condition(matrices), np.linalg.cond(matrices), rtol=1e-10)
    complex_ones = matrices + 1j * matrices[::-1]
    np.testing.assert_allclose(eigen.condition(complex_ones), np.linalg.cond(complex_ones), rtol=1e-10)
    assert eigen.condition([[1, 2], [2, 4]]) == np.inf
    assert eigen.condition(np.eye(2)) == 1
    assert eigen.condition([[1e150, 0], [0, 1e-150]]) == pytest.approx(1e300)
    assert eigen.condition([[1e-200, 1e-200], [1e-200, -1e-200]]) == pytest.approx(1)
    # 1 + 2⁻⁵² beside 1: det = 2⁻⁵² exactly
    assert eigen.condition([[1, 1], [1, 1 + 2.0**-52]]) == pytest.approx(4 * 2.0**52)
    assert np.isnan(eigen.condition([[np.nan, 1], [1, 1]]))
    assert eigen.anisotropy(0, 0, 0) == 0
