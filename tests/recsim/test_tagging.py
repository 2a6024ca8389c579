"""Cascading bandits against their equations, and users who rate and tag against the rules by which they do."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from nonet import recsim
from nonet.foundation.errors import UsageError
from nonet.recsim.blocks import cascades
from nonet.recsim.blocks.bandits import Tally
from nonet.recsim.stories.cascade import Readers, cascade, few_good
from nonet.recsim.stories.tagging import SoftCatalogue, Taggers, tagging

pytestmark = pytest.mark.slow  # each compiles a story of its own


def test_what_is_below_a_click_teaches_nothing():
    ranker = cascades.CascadeUCB(2, 4, 3)
    known = ranker.learn(ranker.begin(), jnp.array([[3, 1, 0], [2, 0, 1]]), jnp.array([1, 3]))
    assert known.pulls.tolist() == [[0, 1, 0, 1], [1, 1, 1, 0]]
    assert known.rewards.tolist() == [[0, 1, 0, 0], [0, 0, 0, 0]]


def test_bounds_are_those_of_the_article():
    known = Tally(jnp.array([[4.0, 10.0, 0.0]]), jnp.array([[1.0, 7.0, 0.0]]))
    step = jnp.int32(50)
    plain = cascades.CascadeUCB(1, 3, 2).score(known, step)[0]
    assert plain[:2].tolist() == pytest.approx([0.25 + np.sqrt(1.5 * np.log(50) / 4), 0.7 + np.sqrt(0.15 * np.log(50))])
    tight = np.asarray(cascades.CascadeKLUCB(1, 3, 2).score(known, step)[0], float)
    budget = np.log(50) + 3 * np.log(np.log(50))
    for seen, mean, bound in ((4, 0.25, tight[0]), (10, 0.7, tight[1])):
        spent = seen * stats.entropy([mean, 1 - mean], [bound, 1 - bound])
        assert spent == pytest.approx(budget, rel=1e-3) and bound > mean
    assert plain[2] == tight[2] == np.inf


def test_regret_of_a_slate_is_the_chance_of_a_click_that_it_loses():
    readers = Readers(jnp.array([[0.5, 0.2, 0.1]]))
    assert float(readers.regret(jnp.array([[1, 2]]))[0]) == pytest.approx((1 - 0.5 * 0.8) - (1 - 0.8 * 0.9))
    assert float(readers.regret(jnp.array([[1, 0]]))[0]) == 0.0


def test_rankers_learn_and_the_tighter_bound_learns_sooner():
    @eqx.filter_jit
    def lost(world):
        key, record = recsim.key(0), recsim.Record((), reduce={"regret": lambda now: now["regret"].mean()})
        return recsim.advance(world, key, recsim.start(world, key, record)[0], 900, record)[1]["regret"]

    readers = Readers(few_good(40, 8, 2))
    plain, tight = (lost(cascade(readers, kind(40, 8, 2))) for kind in (cascades.CascadeUCB, cascades.CascadeKLUCB))
    even = 900 * ((1 - 0.0875) ** 2 - 0.8**2)  # about what slates at random lose
    assert float(tight.sum()) < float(plain.sum()) < even
    assert float(tight[-200:].mean()) < 0.5 * float(tight[:200].mean())


def test_thompson_ranks_by_its_posterior():
    known = Tally(jnp.full((4000, 2), 8.0), jnp.broadcast_to(jnp.array([6.0, 2.0]), (4000, 2)))
    draws = cascades.CascadeThompson(4000, 2, 1).score(known, jnp.int32(9)).sample(recsim.key(0))
    assert np.allclose(draws.mean(0), [0.7, 0.3], atol=0.02)


@pytest.fixture(scope="module")
def rated():
    topics = jnp.linspace(0, 1, 24).reshape(4, 6)
    users = Taggers(topics, 400, tags=4, groups=1, senses=2, most=8, silent=0.5)
    world = tagging(users, SoftCatalogue(topics, 60))
    return jax.jit(lambda: recsim.start(world, recsim.key(0))[1])()


def test_users_rate_as_often_as_zipf_says_and_by_the_range_of_their_scores(rated):
    rating, score = np.asarray(rated["rating"]), np.asarray(rated["score"])
    counts = (rating > 0).sum(1)
    assert counts.min() == 1 and counts.max() == 8
    # 1 / zeta(1.35), within three standard errors of 400 users
    assert (counts == 1).mean() == pytest.approx(0.2891, abs=0.068)
    many = counts == 8
    assert (rating[many].max(1) == 5).all() and (rating[many].min(1) == 1).all()
    order = np.argsort(score[many], axis=1)
    assert (np.diff(np.take_along_axis(rating[many], order, 1), axis=1) >= 0).all()
    slates = np.asarray(rated["rated"])
    assert all(len(set(slate)) == 8 for slate in slates)


def test_users_tag_what_they_know_above_their_thresholds(rated):
    words, sense = np.asarray(rated["words"]), np.asarray(rated["sense"])
    items, chosen = np.asarray(rated["items"]), np.asarray(rated["rated"])
    limits, tagged = np.asarray(rated["limits"]), np.asarray(rated["tagged"])
    assert words.any() and not words[np.asarray(rated["rating"]) == 0].any()
    for user in np.flatnonzero(words.any((1, 2))):
        meant = np.array([sense[user] == 0, sense[user] == 1, True, True])
        hand = (items[chosen[user], :4] > limits[user]) & meant & (tagged[user][:, None] == 1)
        assert np.array_equal(words[user], hand)
    silent = np.asarray(rated["speaks"]) == 0
    assert not words[silent].any() and 0.4 < silent.mean() < 0.6


def test_tags_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="do not fit"):
        Taggers(jnp.zeros((2, 4)), 5, tags=3, groups=2, senses=2)
    with pytest.raises(UsageError, match="Nobody can rate 20 of 6"):
        recsim.simulate(tagging(Taggers(jnp.zeros((2, 4)), 5, tags=2), SoftCatalogue(jnp.zeros((2, 4)), 6)), 1)
