import pytest

from nonet.foundation.sketch import HEIGHT, WIDTH, fitted, line, sketch


def test_points_come_into_the_drawing_with_y_upwards():
    place = fitted([(0, 0), (2, 1)], margin=10)
    assert place((0, 0)) == pytest.approx((10, HEIGHT - 10))
    assert place((2, 1)) == pytest.approx((WIDTH - 10, 10))


def test_one_scale_for_both_directions_leaves_the_drawing_in_the_middle():
    place = fitted([(0, 0), (1, 1)], margin=5)
    assert place((0.5, 0.5)) == pytest.approx((WIDTH / 2, HEIGHT / 2))
    (left, bottom), (right, top) = place((0, 0)), place((1, 1))
    assert right - left == pytest.approx(bottom - top) == pytest.approx(HEIGHT - 10)


def test_two_scales_fill_the_drawing():
    place = fitted([(0, 0), (1, 100)], equal=False, margin=0)
    assert place((1, 100)) == pytest.approx((WIDTH, 0))


@pytest.mark.parametrize("points", [[(3, 4)], [(3, 4), (3, 5)], [(3, 4), (5, 4)]])
def test_what_has_no_extent_is_in_the_middle(points):
    place = fitted(points)
    xs, ys = zip(*map(place, points), strict=True)
    assert (min(xs) + max(xs)) / 2 == pytest.approx(WIDTH / 2)
    assert (min(ys) + max(ys)) / 2 == pytest.approx(HEIGHT / 2)


def test_numbers_are_short_and_kinds_escaped():
    drawn = sketch("s", [line([(1.2345, 2.0)], '"')])
    assert 'points="1.2,2"' in drawn
    assert 'class="&#34;"' in drawn


def test_what_is_not_a_number_is_left_out():
    nan, inf = float("nan"), float("inf")
    place = fitted([(0, 0), (2, 1), (nan, 5), (1, inf)], margin=10)
    assert place((2, 1)) == pytest.approx((WIDTH - 10, 10))
    assert 'points="0,0 2,1"' in line([(0, 0), (nan, 1), (2, 1)])
    assert fitted([(nan, 0)])((0, 0)) == pytest.approx((WIDTH / 2, HEIGHT / 2))
