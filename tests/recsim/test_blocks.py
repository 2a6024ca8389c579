import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet import recsim
from nonet.foundation.errors import UsageError
from nonet.recsim import metrics
from nonet.recsim.blocks import affinities, bandits, choice
from nonet.recsim.blocks.recommenders import collaborative_filter, diversified, top
from nonet.recsim.stories.bandit import Arms, bandit

pytestmark = pytest.mark.slow  # each compiles a story of its own


def test_affinities_are_their_equations():
    users, items = jnp.array([[1.0, 2.0], [0.0, 0.0]]), jnp.array([[4.0, 6.0], [1.0, 2.0]])
    assert affinities.distance(users, items)[0].tolist() == [5.0, 0.0]
    assert affinities.negative_distance(users, items, 7.0)[0].tolist() == [2.0, 7.0]
    assert float(affinities.inverse_distance(users, items)[0, 0]) == pytest.approx(0.2)
    assert affinities.dot(users, items)[0].tolist() == [16.0, 5.0]
    assert float(affinities.cosine(users, items)[0, 1]) == pytest.approx(1.0)
    assert affinities.cosine(users, items)[1].tolist() == [0.0, 0.0]
    peaked = affinities.single_peaked(users, items, jnp.ones((2, 2)))
    assert float(peaked[0, 0]) == (1 - abs(4 - 1)) + (1 - abs(12 - 1))


def test_the_derivative_of_a_distance_at_zero_is_not_nan():
    slope = jax.grad(lambda x: affinities.distance(x, jnp.zeros((1, 2))).sum())(jnp.zeros((1, 2)))
    assert slope.tolist() == [[0.0, 0.0]]


def test_multinomial_logit_with_and_without_no_choice():
    scores = jnp.log(jnp.array([[1.0, 3.0]]))
    assert np.allclose(choice.MultinomialLogit()(scores).probs, [[0.25, 0.75]])
    assert np.allclose(choice.MultinomialLogit(0.0)(scores).probs, [[0.2, 0.6, 0.2]])


def test_a_cascade_stops_at_the_first_click():
    law = choice.Cascade()(jnp.zeros((1, 3)))
    assert np.allclose(law.probs, [[1 / 2, 1 / 4, 1 / 8, 1 / 8]])


def test_position_bias_multiplies_attraction():
    model = choice.PositionBiased(jnp.array([1.0, 0.5]))
    assert np.allclose(model(jnp.zeros((1, 2))).probs, [[0.5, 0.25]])
    with pytest.raises(UsageError, match="3 positions"):
        model(jnp.zeros((1, 3)))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=4))
def test_plackett_luce_probabilities_of_all_slates_add_up_to_one(scores):
    import itertools

    law = choice.PlackettLuce(jnp.array(scores), 2)
    slates = jnp.array(list(itertools.permutations(range(len(scores)), 2)))
    assert float(jnp.exp(law.log_prob(slates)).sum()) == pytest.approx(1.0, abs=1e-5)


def test_plackett_luce_draws_follow_its_probabilities():
    law = choice.PlackettLuce(jnp.array([1.0, 0.0, -1.0]), 2)
    draws = np.asarray(law.sample(recsim.key(0), (20_000,)))
    share = (draws == [0, 1]).all(1).mean()
    assert share == pytest.approx(float(jnp.exp(law.log_prob(jnp.array([0, 1])))), abs=0.015)
    assert (draws[:, 0] != draws[:, 1]).all()
    assert float(law.log_prob(jnp.array([1, 1]))) == -np.inf


def test_slates_longer_than_the_catalogue_and_empty_ones_are_refused():
    for refused in (
        lambda: choice.PlackettLuce(jnp.zeros(2), 3),
        lambda: top(jnp.zeros((1, 2)), 3),
        lambda: top(jnp.zeros((1, 2)), 0),
        lambda: choice.MultinomialLogit()(jnp.zeros((1, 0))),
    ):
        with pytest.raises(UsageError):
            refused()


def test_chosen_tells_no_choice():
    item, took = choice.chosen(jnp.array([[7, 8], [5, 6]]), jnp.array([1, 2]))
    assert int(item[0]) == 8 and took.tolist() == [True, False]


def test_variety_prefers_the_unlike_of_two_good_documents():
    scores = jnp.array([[1.0, 0.95, 0.5]])
    similarity = jnp.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert diversified(scores, similarity, 2, trade=0.5).tolist() == [[0, 2]]
    assert diversified(scores, similarity, 2, trade=1.0).tolist() == [[0, 1]]


def test_matrix_factorisation_fills_in_a_low_rank_matrix():
    rng = np.random.default_rng(0)
    whole = rng.normal(size=(40, 2)) @ rng.normal(size=(2, 30))
    seen = rng.random(whole.shape) < 0.6
    found = collaborative_filter(jnp.asarray(np.where(seen, whole, 0.0)), rank=2, ridge=0.05, sweeps=40)
    error = np.asarray(found)[~seen] - whole[~seen]
    assert np.sqrt((error**2).mean()) < 0.35 * whole.std()


@pytest.mark.parametrize(
    ("amounts", "expected"), [([1, 1, 1, 1], 0.0), ([0, 0, 0, 8], 0.75), ([0, 0], 0.0), ([1, 3], 0.25)]
)
def test_gini(amounts, expected):
    assert float(metrics.gini(jnp.array(amounts))) == pytest.approx(expected)


def test_counts_diversity_and_regret():
    assert metrics.counts_of(jnp.array([[0, 2], [2, 2]]), 4).tolist() == [1, 0, 3, 0]
    assert float(metrics.diversity(jnp.array([[[0.0, 0.0], [3.0, 4.0]]]))) == 5.0
    assert metrics.regret(jnp.array([[0.2, 0.7]]), jnp.array([0])).tolist() == pytest.approx([0.5])


@pytest.mark.parametrize(
    "algorithm", [bandits.UCB(40, 4, width=0.5), bandits.LinUCB(jnp.eye(4), 40)], ids=["ucb", "linucb"]
)
def test_bandits_find_the_best_arm(algorithm):
    arms = Arms(jnp.broadcast_to(jnp.array([0.1, 0.2, 0.3, 0.8]), (40, 4)))
    found = recsim.simulate(bandit(arms, algorithm), 150, record=recsim.Record(("regret",)))["regret"]
    assert float(found[-50:].mean()) < 0.12 < float(found[:8].mean())


@pytest.mark.parametrize(
    "algorithm", [bandits.EpsilonGreedy(40, 4), bandits.Thompson(40, 4)], ids=["epsilon-greedy", "thompson"]
)
def test_bandits_that_draw_find_the_best_arm(algorithm):
    rates, rng = np.array([0.1, 0.2, 0.3, 0.8]), np.random.default_rng(0)

    @jax.jit  # without a story around it, which would take longest
    def pull(known, key):
        if isinstance(algorithm, bandits.Thompson):
            return algorithm.pull(algorithm.imagine(known).sample(key))
        return algorithm.pull(known).sample(key)

    known, learn, regret = algorithm.begin(), jax.jit(algorithm.learn), []
    for key in jax.random.split(recsim.key(0), 150):
        arm = np.asarray(pull(known, key))
        known = learn(known, arm, (rng.random(40) < rates[arm]).astype(float))
        regret.append((0.8 - rates[arm]).mean())
    assert np.mean(regret[-50:]) < 0.12 < np.mean(regret[:8])


def test_linucb_keeps_the_inverse_of_its_gram_matrix():
    learner = bandits.LinUCB(jax.random.normal(recsim.key(0), (5, 3)), 1)
    known, gram = learner.begin(), np.eye(3)
    for arm in (0, 3, 3, 1):
        known = learner.learn(known, jnp.array([arm]), jnp.array([1.0]))
        gram += np.outer(learner.features[arm], learner.features[arm])
    assert np.allclose(known["inverse"][0], np.linalg.inv(gram), atol=1e-4)


def test_groups_meet_their_own_parameters():
    import equinox as eqx
    import numpyro.distributions as dist

    class Walker(eqx.Module):
        drift: jax.Array

        def begin(self, place):
            return dist.Normal(place + self.drift, 1e-4)

    mixed = recsim.group(Walker, {"slow": (3, {"drift": 1.0}), "fast": (2, {"drift": 5.0})})

    @recsim.story
    def walk(walkers):
        people = recsim.Population("walkers", 5)
        place = recsim.variables("place", over=people)[0]
        place.starts(lambda: jnp.zeros(5))
        place.becomes(recsim.each(walkers.begin), place.previous)
        return place

    found = recsim.simulate(walk(mixed), 2)["place"][1]
    assert np.allclose(found, [1, 1, 1, 5, 5], atol=1e-2)
    assert np.isfinite(float(recsim.log_prob(walk(mixed), recsim.simulate(walk(mixed), 2))))


def test_the_total_does_not_depend_on_its_own_order():
    values = jax.random.normal(recsim.key(0), (6400, 2))
    assert np.allclose(recsim.total(values), np.asarray(values, float).sum(0), atol=1e-3)
