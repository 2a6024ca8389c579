import numpy as np
import pytest
from scipy.stats import false_discovery_control

from nonet.cka.differing import agreement, benjamini_hochberg, differences, mean_divergence
from nonet.foundation.errors import DataError


def population(shares, networks, seed):
    return np.random.default_rng(seed).random((networks, len(shares))) < shares


def test_equal_accuracy_on_different_examples_is_found():
    labels = np.repeat([0, 1], 150)
    wide = np.where(labels == 0, 0.9, 0.5)
    found = differences(population(wide, 12, 0), population(1.4 - wide, 12, 1), labels, permutations=199)
    assert abs(found.accuracy[0] - found.accuracy[1]) < 0.03
    assert found.distance == pytest.approx(0.4, abs=0.03)
    assert found.distance_p <= 0.01
    assert (found.class_q < 0.01).all()
    assert (np.sign(found.per_class) == [1, -1]).all()
    assert np.abs(found.half_distance).max() < 0.2
    assert np.abs(found.per_example[found.most_different(5)]).min() >= np.sort(np.abs(found.per_example))[-5]


def test_two_halves_of_one_population_do_not_differ():
    labels = np.zeros(300, int)
    shares = np.random.default_rng(2).random(300)
    p_values = [
        differences(population(shares, 6, seed), population(shares, 6, seed + 50), labels, permutations=99).distance_p
        for seed in range(8)
    ]
    assert np.mean(p_values) > 0.2
    found = differences(population(shares, 6, 0), population(shares, 6, 50), labels, permutations=99)
    assert (found.example_q > 0.05).all()
    assert abs(found.distance) < 0.12


def test_benjamini_and_hochberg():
    p = np.array([0.01, 0.2, 0.03, 0.04, np.nan])
    np.testing.assert_allclose(benjamini_hochberg(p)[:4], false_discovery_control(p[:4]))
    assert np.isnan(benjamini_hochberg(p)[4])


def test_agreement_and_divergence():
    assert agreement(np.array([1, 2, 3, 4]), np.array([1, 2, 0, 0])) == 0.5
    p, q = np.array([[0.5, 0.5]]), np.array([[0.9, 0.1]])
    expected = 0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1)
    assert mean_divergence(np.log(p), np.log(q)) == pytest.approx(expected)
    assert mean_divergence(np.log(p), np.log(p)) == 0


def test_single_networks_are_refused():
    with pytest.raises(DataError, match="two networks"):
        differences(np.ones((1, 4), bool), np.ones((3, 4), bool), np.zeros(4, int))
    with pytest.raises(DataError, match="different numbers"):
        differences(np.ones((2, 4), bool), np.ones((3, 5), bool), np.zeros(4, int))
