import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nonet import recsim
from nonet.recsim.random import of_site, threefry

pytestmark = pytest.mark.slow  # each compiles a story of its own


def test_the_generator_is_threefry_by_its_published_vectors():
    # known answers of the Random123 distribution (kat_vectors) for threefry2x32, 20 rounds
    ones = 0xFFFFFFFF
    for key, counter, expected in [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((ones, ones), (ones, ones), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ]:
        key, high, low = (jnp.array(words, jnp.uint32) for words in (key, counter[:1], counter[1:]))
        assert tuple(int(word[0]) for word in threefry(key, high, low)) == expected


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1), st.sampled_from([(1, 4), (30, 3)]))  # every shape is compiled
def test_a_row_meets_the_same_chances_in_a_larger_population(seed, shape):
    rows, columns = shape
    small = jax.random.normal(recsim.key(seed), shape)
    large = jax.random.normal(recsim.key(seed), (rows + 7, columns))
    assert (large[:rows] == small).all()


def test_uniforms_are_uniform_and_rows_and_columns_are_unrelated():
    draw = np.asarray(jax.random.uniform(recsim.key(5), (2000, 51)))
    assert stats.kstest(draw.ravel(), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(draw[:, 0], draw[:, 26])[0, 1]) < 0.08  # two words of one counter
    assert abs(np.corrcoef(draw[:-1].ravel(), draw[1:].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize(
    ("draw", "law"),
    [
        (lambda key: jax.random.normal(key, (20000,)), stats.norm()),
        (lambda key: jax.random.gamma(key, 2.5, (20000,)), stats.gamma(2.5)),
        (lambda key: jax.random.beta(key, 2.0, 3.0, (4000,)), stats.beta(2, 3)),
    ],
)
def test_derived_laws_are_right(draw, law):
    assert stats.kstest(np.asarray(draw(recsim.key(9))), law.cdf).pvalue > 1e-3


def test_steps_and_sites_have_keys_of_their_own():
    key = recsim.key(0)
    keys = [of_site(key, step, site) for step in (0, 1) for site in ("a", "b")]
    assert len({tuple(np.asarray(jax.random.key_data(k))) for k in keys}) == 4
