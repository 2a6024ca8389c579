import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.cka.kernels import (
    biased_cka,
    feature_space_cka,
    hsic1,
    linear_cka,
    linear_gram,
    rbf_cka,
    rbf_gram,
    u_center,
)
from nonet.foundation.errors import DataError


@pytest.fixture(scope="module")
def published():
    """The features of the article's demonstration."""
    np.random.seed(1337)
    x = np.random.randn(100, 10)
    return x, np.random.randn(100, 10) + x


def test_the_published_values(published):
    assert biased_cka(*published) == pytest.approx(0.55761, abs=1e-5)
    assert rbf_cka(*published, 0.5, unbiased=False) == pytest.approx(0.65483, abs=1e-5)
    assert linear_cka(*published) == pytest.approx(0.51346, abs=1e-5)


def test_both_forms_agree(published):
    k, l = (linear_gram(side) for side in published)  # noqa: E741
    by_grams = hsic1(k, l) / np.sqrt(hsic1(k, k) * hsic1(l, l))
    assert feature_space_cka(*published) == pytest.approx(by_grams, abs=1e-12)
    wide = np.random.default_rng(0).standard_normal((20, 300))
    assert linear_cka(wide, wide**2) == pytest.approx(feature_space_cka(wide, wide**2), abs=1e-12)


def test_u_centred_rows_sum_to_zero():
    centred = u_center(linear_gram(np.random.default_rng(0).standard_normal((12, 40))))
    assert np.abs(centred.sum(0)).max() < 1e-12
    assert (np.diag(centred) == 0).all()


@given(seed=st.integers(0, 10**6), n=st.integers(5, 40), p=st.integers(1, 60), power=st.integers(-200, 200))
@settings(max_examples=40, deadline=None)
def test_scale_shift_and_rotation_change_nothing(seed, n, p, power):
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, p))
    y = np.tanh(x @ random.standard_normal((p, 4))) + 0.5 * random.standard_normal((n, 4))
    rotation, _ = np.linalg.qr(random.standard_normal((p, p)))
    plain = linear_cka(x, y)
    assert linear_cka(x * 10.0**power, y) == pytest.approx(plain, abs=1e-8)
    assert linear_cka(x @ rotation, y) == pytest.approx(plain, abs=1e-8)
    assert linear_cka(x + 300 * random.standard_normal(p), y) == pytest.approx(plain, abs=1e-8)
    assert linear_cka(x, x) == pytest.approx(1, abs=1e-9)


def test_independent_features_are_near_zero_on_both_sides_where_the_biased_form_says_one():
    random = np.random.default_rng(0)
    values = [linear_cka(random.standard_normal((64, 1024)), random.standard_normal((64, 1024))) for _ in range(12)]
    assert abs(np.mean(values)) < 0.03
    assert min(values) < 0  # not clamped
    assert biased_cka(random.standard_normal((64, 1024)), random.standard_normal((64, 1024))) > 0.9


def test_rbf_of_constant_features_and_its_unbiased_form(published):
    assert np.isnan(rbf_cka(np.ones((9, 3)), published[0][:9]))
    assert rbf_cka(*published) == pytest.approx(rbf_cka(published[0] * 1e9, published[1]), abs=1e-9)
    assert (np.diag(rbf_gram(published[0])) == 1).all()


def test_constant_features_have_no_similarity():
    random = np.random.default_rng(0)
    assert np.isnan(linear_cka(np.full((50, 3), 0.1), random.standard_normal((50, 2))))
    assert np.isnan(linear_cka(np.full((8, 30), 0.1), random.standard_normal((8, 20))))


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.zeros((5, 2)), np.zeros((6, 2)), "5 examples cannot be compared with 6"),
        (np.zeros((3, 2)), np.zeros((3, 2)), "too few"),
        (np.full((5, 2), np.nan), np.zeros((5, 2)), "NaN"),
    ],
)
def test_what_cannot_be_compared_is_refused(x, y, said):
    with pytest.raises(DataError, match=said):
        linear_cka(x, y)
