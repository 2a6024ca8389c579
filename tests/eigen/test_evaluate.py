import mpmath
import numpy as np
import pytest

from nonet.eigen.evaluate import METHODS, accuracy, matrix_classes, plain
from nonet.eigen.reference import exact, units_off

OURS = {name: METHODS[name] for name in ("nonet eigvals", "nonet eigvalsh")}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_no_class_loses_more_than_four_units_of_the_last_place(seed):
    for row in accuracy(250, seed, OURS):
        for method, units in row.units.items():
            assert units <= 4, (row.name, method)
        assert row.misjudged == dict.fromkeys(row.units, 0), row.name


def test_the_classes_are_as_hard_as_they_say():
    rows = {
        row.name: row for row in accuracy(60, 3, {"numpy eigvals": METHODS["numpy eigvals"], "plain formula": plain})
    }
    assert rows["covariance, condition 1e4 to 1e12"].units["numpy eigvals"] > 1e6
    assert rows["rank one + 1e-10"].units["numpy eigvals"] > 1e6
    assert rows["× 1e200"].units["plain formula"] == np.inf
    assert sum(row.misjudged["plain formula"] for row in rows.values()) > 0


def test_the_reference_agrees_with_mpmath():
    for matrices in matrix_classes(5, 4).values():
        for matrix in matrices:
            with mpmath.workprec(5000):
                a, b, c, d = (mpmath.mpf(float(x)) for x in matrix.ravel())
                root = mpmath.sqrt((a - d) ** 2 + 4 * b * c)
                low, high = ((a + d) - root) / 2, ((a + d) + root) / 2
                truth = exact(*map(float, matrix.ravel()))
                if mpmath.im(root) != 0:
                    assert not truth.real
                    low, high = mpmath.re(high), abs(mpmath.im(high))
                for ours, theirs in ((truth.low, low), (truth.high, high)):
                    assert abs(mpmath.mpf(str(ours)) - theirs) <= abs(theirs) * mpmath.mpf(10) ** -55


def test_units_are_those_of_the_last_place():
    truth = exact(1.0, 0.0, 0.0, 2.0)
    assert units_off(np.nextafter(2.0, 3.0), truth.high) == 1
    assert units_off(np.nextafter(1.0, 0.0), truth.low) == 0.5
    assert units_off(float("nan"), truth.high) == np.inf
