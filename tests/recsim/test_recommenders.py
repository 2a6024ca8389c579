"""What every recommender makes of what it knows, against the answer by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nonet.recsim.blocks.bandits import UCB, EpsilonGreedy, Tally
from nonet.recsim.blocks.recommenders import AtRandom, KnowledgeLimited, Popular, top
from nonet.recsim.stories import shop
from nonet.recsim.stories.ecosystem import Matchmaker, Publishing

pytestmark = pytest.mark.slow  # each compiles

KNOWN = Tally(jnp.array([[4.0, 2.0, 0.0], [6.0, 0.0, 2.0]]), jnp.array([[1.0, 2.0, 0.0], [5.0, 0.0, 0.0]]))
LIKED = jnp.array([[0.5, 2.0, 1.0], [3.0, 1.0, 2.0]])
INTEREST, FEATURES = jnp.array([[0.0, 0.0], [3.0, 4.0]]), jnp.array([[0.0, 1.0], [3.0, 0.0], [3.0, 4.0]])
AFFINITY = 2 - np.array([[1, 3, 5], [18**0.5, 4, 0]])
MAKER, STATE = jnp.array([1, 0, 1]), Publishing(jnp.ones(2), jnp.array([9.0, 1.0]), jnp.ones(2, bool))


def test_popular_items_are_those_taken_most_often_where_they_were_shown():
    law = shop.PopularSoFar(1).score(KNOWN, LIKED)
    rate = [(6 + 1) / (10 + 10), (2 + 1) / (2 + 10), (0 + 1) / (2 + 10)]
    assert np.allclose(law.low, [rate, rate]) and shop.PopularSoFar(1).show(law.low).tolist() == [[0], [0]]


def test_epsilon_greedy_moves_an_item_to_the_front_with_probability_epsilon():
    law = shop.Epsilon(1, epsilon=0.25).score(KNOWN, LIKED)
    assert np.allclose(law.mixing_distribution.probs, [0.25, 0.75])
    lucky, plain = (np.asarray(part.loc) for part in law.component_distributions)
    assert np.allclose(plain, [[0.25, 1.0, 0.5], [5 / 6, 0.5, 0.0]]) and np.allclose(lucky, plain + 2)


def test_upper_bounds_are_means_and_what_is_not_known_yet():
    low = np.asarray(shop.UpperBounds(1, width=0.2).score(KNOWN, LIKED).low)
    assert low[0, 0] == pytest.approx(0.25 + np.sqrt(0.2 * np.log(6) / 4))
    assert low[1, 2] == pytest.approx(0.0 + np.sqrt(0.2 * np.log(8) / 2))
    assert low[0, 2] == low[1, 1] == 2.0


def test_sampling_draws_from_the_posterior_of_rates():
    law = shop.Sampling(1).score(KNOWN, LIKED)
    assert np.allclose(law.mean, [[2 / 6, 3 / 4, 1 / 2], [6 / 8, 1 / 2, 1 / 4]])


def test_the_informed_know_affinities_the_limited_with_noise_and_the_varied_spread():
    assert shop.Informed(2).show(shop.Informed(2).score(KNOWN, LIKED)).tolist() == [[1, 2], [0, 2]]
    limited = shop.Informed(2, noise=2.0).score(KNOWN, LIKED)
    assert np.allclose(limited.loc, LIKED) and np.allclose(limited.scale, 2.0)
    alike = jnp.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.9], [0.0, 0.9, 1.0]])
    # of user 0: item 1 first; then 0.4 * 1 - 0.6 * 0.9 < 0.4 * 0.5 - 0.6 * 0
    assert shop.Varied(2, similarity=alike, trade=0.4).show(LIKED)[0].tolist() == [1, 0]


def test_collaborative_scores_see_what_alike_users_took():
    taken = jnp.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [-1.0, 0.0, -1.0], [1.0, 0.0, 1.0]])
    known = Tally(jnp.abs(taken), (taken > 0).astype(float))
    score = shop.Collaborative(1, rank=1).score(known, taken).loc
    # nobody showed item 2 to user 0, or item 1 to user 2
    assert float(score[0, 2]) > 0.4 and float(score[2, 1]) < -0.4


def test_recommenders_of_the_ecosystem():
    arguments = (INTEREST, FEATURES, MAKER, STATE)
    assert np.allclose(KnowledgeLimited(1, noise=3.0).score(*arguments).loc, AFFINITY, atol=1e-5)
    assert np.allclose(Popular(1).score(*arguments).low, [[1, 9, 1], [1, 9, 1]])
    assert AtRandom(1).score(*arguments).batch_shape == (2, 3)
    # 5 clicks on average: documents of provider 0 sink by the cap, those of provider 1 rise by it
    lifted = Matchmaker(1, boost=1.5).score(*arguments)
    assert np.allclose(lifted.low[:, 1], AFFINITY[:, 1] - 1.5, atol=1e-3)
    assert np.allclose(lifted.high[:, [0, 2]], AFFINITY[:, [0, 2]] + 1.5, atol=1e-3)
    assert np.allclose(lifted.low[:, [0, 2]], AFFINITY[:, [0, 2]], atol=1e-5)
    myopic = Matchmaker(1).score(*arguments)
    assert np.allclose(myopic.high, AFFINITY, atol=1e-3)


def test_a_part_of_the_slates_does_not_sort_the_catalogue():
    def shown(scores):
        slate = top(scores, 3)
        return slate.sum(), slate[:2, 0]

    program = jax.jit(shown).lower(jnp.zeros((50, 40))).compile().as_text()
    assert "TopK" in program and " sort(" not in program


def test_bandits_pull_what_their_equations_say():
    arms = Tally(KNOWN.pulls[:1], KNOWN.rewards[:1])
    full = Tally(jnp.array([[4.0, 2.0, 9.0]]), jnp.array([[1.0, 1.0, 4.0]]))
    assert np.allclose(EpsilonGreedy(1, 3, 0.3).pull(full).probs, [[0.1, 0.8, 0.1]])
    bounds = np.array([1 / 4, 1 / 2, 4 / 9]) + np.sqrt(2 * np.log(15) / np.array([4, 2, 9]))
    assert UCB(1, 3).pull(full).tolist() == [bounds.argmax()] == [1]
    assert UCB(1, 3).pull(arms).tolist() == EpsilonGreedy(1, 3, 0.0).pull(arms).probs.argmax(1).tolist() == [2]
