"""States of users, beliefs about them, corpora: each against its equation."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

from nonet import recsim
from nonet.foundation.errors import UsageError
from nonet.recsim.blocks import distributions, estimators, states
from nonet.recsim.blocks.corpora import Drifting

pytestmark = pytest.mark.slow  # each compiles


def test_draws_follow_their_law_and_never_what_is_forbidden():
    drawn = distributions.Draws(jnp.array([0.0, -jnp.inf, 1.0, 2.0]), 40_000)
    shares = np.bincount(drawn.sample(recsim.key(0)), minlength=4) / 40_000
    assert np.allclose(shares, np.exp([0, -np.inf, 1, 2]) / np.exp([0, 1, 2]).sum(), atol=0.01) and shares[1] == 0
    assert float(drawn.log_prob(jnp.array([3]))[0]) == pytest.approx(float(jax.nn.log_softmax(drawn.scores)[3]))


def test_the_mixture_of_normals_is_numpyros():
    means, scales = jnp.array([[0.0, 0.0], [3.0, 1.0]]), jnp.array([0.5, 1.5])
    drawn = distributions.NormalMixture(jnp.log(jnp.array([0.3, 0.7])), means, scales, 20_000)
    around = dist.Normal(means, scales[:, None]).to_event(1)
    peer = dist.MixtureSameFamily(dist.Categorical(jnp.array([0.3, 0.7])), around)
    draws = drawn.sample(recsim.key(1))
    assert jnp.allclose(drawn.log_prob(draws[:50]), peer.log_prob(draws[:50]), atol=1e-4)
    other = np.asarray(peer.sample(jax.random.key(0), (20_000,)))
    for axis in range(2):
        assert stats.ks_2samp(np.asarray(draws)[:, axis], other[:, axis]).pvalue > 1e-3


def test_linear_gaussian_states_move_by_their_matrices():
    matrix, control = jnp.array([[0.5, 0.1], [0.0, 0.9]]), jnp.array([[1.0], [2.0]])
    before, met = jnp.array([[2.0, 4.0]]), jnp.array([[3.0]])
    free = states.LinearGaussian(1, matrix, 0.3).step(before)
    held = states.ControlledLinearGaussian(1, matrix, control, 0.3).step(before, met)
    assert np.allclose(free.mean, [[1.4, 3.6]]) and np.allclose(held.mean, [[4.4, 9.6]])
    assert np.allclose(free.variance, 0.09)


def test_a_finite_chain_visits_states_as_its_matrix_says_and_refuses_what_is_none():
    chain = states.FiniteMarkov(30_000, jnp.array([1.0, 0.0]), jnp.array([[0.8, 0.2], [0.5, 0.5]]))
    first = chain.begin().sample(recsim.key(0))
    after = chain.step(first).sample(recsim.key(1))
    assert not first.any() and float(after.mean()) == pytest.approx(0.2, abs=0.01)
    with pytest.raises(UsageError, match="add up to"):
        states.FiniteMarkov(3, jnp.array([0.5, 0.4]), jnp.eye(2))


def test_interests_move_towards_good_documents_only_if_taken_and_stay_bounded():
    evolution = states.InterestEvolution(0.5, bound=1e4)
    here, there = jnp.array([[0.0], [0.0], [0.0]]), jnp.array([[1.0], [1.0], [1.0]])
    moved = evolution.step(here, there, jnp.array([1.0, -1.0, 1.0]), jnp.array([True, True, False]))
    assert np.allclose(moved[:, 0], [0.5, -0.5, 0.0], atol=1e-2)
    far = states.InterestEvolution(1.0, bound=2.0).step(here, 1e6 * there, jnp.ones(3), jnp.ones(3, bool))
    assert np.allclose(far, 4.0)


def test_satisfaction_remembers():
    drawn = states.RememberedSatisfaction(0.8, 0.1).step(jnp.array([5.0]), jnp.array([0.3]))
    assert float(drawn.mean[0]) == pytest.approx(4.3)


def test_a_gaussian_process_predicts_what_its_joint_normal_law_says():
    items = jnp.linspace(0, 3, 7)[:, None]
    process = states.GaussianProcess(items, 2, length=0.8, variance=1.5)
    ratings = jnp.array([[0.5, -1.0], [1.0, 0.2]])
    mean, variance = process.predict(items[:2], ratings, noise=0.3)
    whole = 1.5 * np.exp(-0.5 * (np.asarray(items) - np.asarray(items).T) ** 2 / 0.64)
    gram = whole[:2, :2] + 0.09 * np.eye(2)
    hand = np.asarray(ratings) @ np.linalg.solve(gram, whole[:2])
    assert np.allclose(mean, hand, atol=1e-4)
    assert np.allclose(variance, np.diag(whole - whole[:, :2] @ np.linalg.solve(gram, whole[:2])), atol=1e-4)
    draws = np.asarray(states.GaussianProcess(items, 20_000, 0.8, 1.5).begin().sample(recsim.key(0)))
    assert np.allclose(np.cov(draws.T), whole, atol=0.06)


def test_the_kalman_filter_is_the_regression_on_everything_seen():
    matrix, noise = np.array([[0.9, 0.2], [0.0, 0.7]]), 0.2 * np.eye(2)
    emission, spread = np.array([[1.0, 0.5]]), np.array([[0.4]])
    seen = np.array([0.7, -0.3, 1.1])
    arrays = (jnp.asarray(value, jnp.float32) for value in (matrix, noise, emission, spread, np.eye(2)))
    kalman = estimators.KalmanFilter(*arrays, users=1)
    belief = kalman.begin(jnp.array([[0.7]]))
    for value in seen[1:]:
        belief = kalman.after(belief, jnp.array([[value]]))
    # the joint normal drawn of the last state and all observations, by hand
    powers = [np.linalg.matrix_power(matrix, k) for k in range(3)]
    cov = {}
    for s in range(3):
        own = powers[s] @ powers[s].T + sum(powers[k] @ noise @ powers[k].T for k in range(s))
        for t in range(s, 3):
            cov[s, t] = own @ powers[t - s].T
    gram = np.array([[(emission @ cov[min(s, t), max(s, t)] @ emission.T).item() for t in range(3)] for s in range(3)])
    gram += 0.4 * np.eye(3)
    cross = np.stack([(cov[s, 2].T @ emission.T)[:, 0] for s in range(3)], axis=1)
    assert np.allclose(belief.mean[0], cross @ np.linalg.solve(gram, seen), atol=1e-4)
    assert np.allclose(belief.covariance, cov[2, 2] - cross @ np.linalg.solve(gram, cross.T), atol=1e-4)


def test_the_hidden_markov_filter_is_bayes_rule_over_all_paths():
    import itertools

    chain = states.FiniteMarkov(1, jnp.array([0.6, 0.4]), jnp.array([[0.8, 0.2], [0.3, 0.7]]))
    user = states.HiddenMarkov(chain, jnp.array([-1.0, 2.0]), 0.7)
    seen = [0.3, 1.4, -0.2]
    belief = estimators.HiddenMarkovFilter(user).begin(jnp.array(seen[:1]))
    for value in seen[1:]:
        belief = estimators.HiddenMarkovFilter(user).after(belief, jnp.array([value]))
    mass = np.zeros(2)
    for path in itertools.product(range(2), repeat=3):
        chance = float(chain.initial[path[0]])
        for before, after in itertools.pairwise(path):
            chance *= float(chain.transition[before, after])
        mass[path[-1]] += chance * np.prod(stats.norm(np.asarray(user.levels)[list(path)], 0.7).pdf(seen))
    assert np.allclose(belief[0], mass / mass.sum(), atol=1e-5)


def test_histories_drop_the_oldest_and_recurrent_summaries_depend_on_the_order():
    history = estimators.FiniteHistory(1, 2, 1)
    kept = history.begin()
    for value in (1.0, 2.0, 3.0):
        kept = history.after(kept, jnp.array([[value]]))
    assert kept.ravel().tolist() == [2.0, 3.0]
    unit = estimators.RecurrentEstimator.fresh(jax.random.key(0), 1, 1, 4)
    one, other = jnp.array([[1.0]]), jnp.array([[-1.0]])
    ab = unit.after(unit.after(unit.begin(), one), other)
    ba = unit.after(unit.after(unit.begin(), other), one)
    assert ab.shape == (1, 4) and float(jnp.abs(ab - ba).max()) > 1e-3


def test_documents_drift_home():
    home = jnp.array([[1.0, 1.0]])
    assert np.allclose(Drifting(home, 0.1, 0.5).step(jnp.array([[3.0, 1.0]])).mean, [[2.0, 1.0]])
