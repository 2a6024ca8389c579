"""Stories from an agent's chair, by themselves, for Gymnasium and for PettingZoo."""

import warnings

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test

from nonet import recsim
from nonet.foundation.errors import UsageError
from nonet.recsim.environment import Environment
from nonet.recsim.gym import RecommenderEnv, VectorRecommenderEnv, interest_environment
from nonet.recsim.language import Variable
from nonet.recsim.multiagent import MarketEnv
from nonet.recsim.stories.radio import world

pytestmark = pytest.mark.slow  # each compiles a story of its own


def _given(songs, key):
    environment = Environment(world, ("song",), lambda now: now["mood"], lambda now: now["song"].mean(), len(songs))

    def step(chair, song):
        moved = environment.step(chair, song)
        return moved.chair, (moved.observation, moved.reward, moved.truncated)

    chair, first = environment.reset(key)
    _, (later, rewards, over) = jax.lax.scan(step, chair, songs)
    return first, later, rewards, over


def test_an_agent_that_plays_the_storys_own_part_meets_the_trajectory_of_the_simulation():
    simulated = recsim.simulate(world, 6)
    key = jax.random.fold_in(recsim.key(0), 0)
    first, later, rewards, over = jax.jit(_given)(simulated["song"], key)
    assert jnp.array_equal(first, simulated["mood"][0])
    assert jnp.array_equal(later[:-1], simulated["mood"][1:])
    assert jnp.allclose(rewards, simulated["song"].mean(1), atol=1e-6)
    assert over.tolist() == [False] * 5 + [True]


def test_step_0_is_finished_by_its_own_behaviour():
    @recsim.story
    def counting():
        act = Variable("act").always(lambda: jnp.zeros(()))
        sum_ = Variable("sum").starts(lambda act: act + 100.0, act)
        sum_.becomes(lambda before, act: before + act, sum_.previous, act)
        return act, sum_

    environment = Environment(counting(), ("act",), lambda now: jnp.zeros(()), lambda now: now["sum"], 3)
    chair, _ = environment.reset(recsim.key(0))
    sums = []
    for act in (1.0, 2.0, 3.0):
        moved = environment.step(chair, jnp.asarray(act))
        chair = moved.chair
        sums.append(float(moved.reward))
    assert sums == [101.0, 103.0, 106.0]


@pytest.mark.parametrize(
    ("actions", "horizon", "message"), [(("tune",), 3, "no variable of the story"), (("song",), 0, "needs a step")]
)
def test_what_cannot_be_an_environment_is_refused(actions, horizon, message):
    with pytest.raises(UsageError, match=message):
        Environment(world, actions, lambda now: now, lambda now: 0.0, horizon)


def test_constants_that_follow_from_an_action_are_refused():
    @recsim.story
    def fixed():
        act = Variable("act").always(lambda: dist.Normal(0.0, 1.0))
        copy = Variable("copy").constant(lambda act: act, act)
        return act, copy

    with pytest.raises(UsageError, match="constant and follows from an action"):
        Environment(fixed(), ("act",), lambda now: 0.0, lambda now: 0.0, 2).reset(recsim.key(0))


@pytest.fixture(scope="module")
def alone():
    return RecommenderEnv(horizon=4)


def test_gymnasiums_checker_passes_without_a_warning(alone):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        check_env(alone, skip_render_check=True)
    assert gymnasium.spec("nonet/InterestEvolution-v0").entry_point == "nonet.recsim.gym:RecommenderEnv"


def test_the_vectorised_environment_plays_the_single_ones_episodes_and_begins_anew():
    many = VectorRecommenderEnv(3, horizon=2)
    many.reset(seed=[5, 6, 7])
    slates = np.array([[0, 1], [2, 3], [4, 5]], np.int32)
    _, rewards, _, truncated, _ = many.step(slates)
    assert not truncated.any()
    environment = interest_environment(2)
    chair, _ = environment.reset(recsim.key(6))
    moved = environment.step(chair, jnp.asarray(slates[1])[None])
    assert rewards[1] == pytest.approx(float(moved.reward[0]), abs=1e-6)
    assert many.step(slates)[3].all()
    seen, rewards, _, truncated, _ = many.step(slates)  # the step behind the end
    assert (seen["document"] == 100).all() and not rewards.any() and not truncated.any()
    with pytest.raises(UsageError, match="no slates"):
        many.step(np.full((3, 2), 100, np.int32))


def test_slates_outside_the_catalogue_and_steps_before_a_reset_are_refused(alone):
    with pytest.raises(UsageError, match="Call reset first"):
        RecommenderEnv(horizon=4).step(np.array([0, 1], np.int32))
    alone.reset(seed=0)
    with pytest.raises(UsageError, match="is no slate"):
        alone.step(np.array([0, 100], np.int32))


def test_pettingzoos_checker_passes_and_creators_earn_the_readers_they_reach():
    market = MarketEnv(horizon=6, creators=2, readers=40, reach=5.0)
    parallel_api_test(market, num_cycles=12)
    seen, _ = market.reset(seed=1)
    # one creator goes to a camp, the other far away from everybody
    here = np.array([1.5, 0.0]) - seen["creator_0"][:2]
    away = np.array([50.0, 50.0]) - seen["creator_1"][:2]
    actions = {
        "creator_0": np.clip(here, -5, 5).astype(np.float32),
        "creator_1": np.clip(away, -5, 5).astype(np.float32),
        "platform": np.zeros(2, np.float32),
    }
    _, rewards, _, _, _ = market.step(actions)
    assert rewards["creator_0"] > 0.3 > 0.05 > rewards["creator_1"]
