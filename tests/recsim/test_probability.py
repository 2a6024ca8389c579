import os
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.util import log_density
from scipy import stats

from nonet import recsim
from nonet.foundation.errors import DataError, UsageError
from nonet.recsim.language import Variable
from nonet.recsim.stories.ecosystem import Consumers, Matchmaker, Providers, ecosystem
from nonet.recsim.stories.radio import world
from nonet.recsim.stories.satisfaction import IntentUsers, RandomSlates, satisfaction

pytestmark = pytest.mark.slow  # each compiles a story of its own

FEW = 6


def test_the_log_probability_of_a_trajectory_is_the_one_by_hand():
    found = recsim.simulate(world, FEW, seed=2)
    mood, song = np.asarray(found["mood"], float), np.asarray(found["song"], float)
    hand = stats.norm(0, 1).logpdf(mood[0]).sum() + stats.norm(mood, 0.5).logpdf(song).sum()
    hand += stats.norm(0.9 * mood[:-1] + 0.1 * song[:-1], 0.1).logpdf(mood[1:]).sum()
    assert float(recsim.log_prob(world, found)) == pytest.approx(hand, rel=1e-5)


def test_it_is_numpyros_on_the_same_model():
    found = recsim.simulate(world, FEW, seed=2)

    def model():
        mood = numpyro.sample("mood0", dist.Normal(jnp.zeros(1000), 1.0).to_event(1))
        for step in range(FEW):
            song = numpyro.sample(f"song{step}", dist.Normal(mood, 0.5).to_event(1))
            if step < FEW - 1:
                law = dist.Normal(0.9 * mood + 0.1 * song, 0.1).to_event(1)
                mood = numpyro.sample(f"mood{step + 1}", law)

    values = {f"{name}{step}": found[name][step] for name in ("mood", "song") for step in range(FEW)}
    assert float(log_density(model, (), {}, values)[0]) == pytest.approx(float(recsim.log_prob(world, found)), rel=1e-5)


def test_its_derivative_is_the_finite_difference():
    found = recsim.simulate(world, FEW, seed=2)

    def score(memory):
        return recsim.log_prob(world.with_parameters({"listeners.memory": memory}), found)

    step = 2e-3
    numeric = (float(score(0.88 + step)) - float(score(0.88 - step))) / (2 * step)
    assert float(jax.grad(score)(0.88)) == pytest.approx(numeric, rel=2e-2)


def test_derived_values_are_computed_again_not_believed():
    @recsim.story
    def tiny():
        a = Variable("a").always(lambda: dist.Normal(0.0, 1.0))
        b = Variable("b").always(lambda a: 2 * a, a)
        c = Variable("c").always(lambda b: dist.Normal(b, 1.0), b)
        return a, b, c

    values = {"a": jnp.ones(1), "c": jnp.ones(1), "b": jnp.full(1, 99.0)}
    assert float(recsim.log_prob(tiny(), values)) == pytest.approx(2 * stats.norm.logpdf(1), rel=1e-6)


def test_steps_side_by_side_have_the_terms_of_steps_in_turn():
    story = satisfaction(IntentUsers(5, 3), RandomSlates(5, 4, 3))
    found = {name: value for name, value in recsim.simulate(story, FEW).fields.items() if name != "best"}
    aside = recsim.site_log_probs(story, found)
    # what could be drawn is drawn in turn; here nothing is missing
    in_turn = recsim.site_log_probs(story, found, missing="simulate", key=recsim.key(0))
    assert {name: float(term) for name, term in aside.items()} == pytest.approx(
        {name: float(term) for name, term in in_turn.items()}, rel=1e-5
    )


def test_weights_leave_elements_out_and_missing_values_are_refused_or_drawn():
    found = recsim.simulate(world, FEW, seed=2)
    half = jnp.arange(1000) < 500
    parts = recsim.site_log_probs(world, found, weights={"song": jnp.broadcast_to(half, (FEW, 1000))})
    hand = stats.norm(np.asarray(found["mood"]), 0.5).logpdf(np.asarray(found["song"]))[:, :500].sum()
    assert float(parts["song"]) == pytest.approx(hand, rel=1e-4)
    with pytest.raises(UsageError, match="no value for this random site"):
        recsim.log_prob(world, {"mood": found["mood"]})
    drawn = recsim.site_log_probs(world, {"mood": found["mood"]}, missing="simulate", key=recsim.key(1))
    assert set(drawn) == {"mood"} and np.isfinite(float(drawn["mood"]))


def test_fields_that_were_set_from_outside_are_not_scored():
    found = recsim.simulate(world, FEW, seed=2)
    parts = recsim.site_log_probs(world, found)
    free = {"song": jnp.zeros((FEW, 1000))}
    assert float(recsim.log_prob(world, found, weights=free)) == pytest.approx(float(parts["mood"]), rel=1e-6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nothing": jnp.zeros((3, 1000))}, "no variable 'nothing'"),
        ({"mood": jnp.zeros((3, 1000)), "song": jnp.zeros((4, 1000))}, "differ in their number of steps"),
        ({"mood": jnp.zeros((3, 10)), "song": jnp.zeros((3, 1000))}, "has shape"),
        ({"mood": jnp.zeros((0, 1000)), "song": jnp.zeros((0, 1000))}, "no steps"),
    ],
)
def test_trajectories_that_do_not_fit_are_refused(values, message):
    with pytest.raises(DataError, match=message):
        recsim.log_prob(world, values)


def test_the_sites_are_known_with_shape_and_support():
    found = recsim.sites(satisfaction(IntentUsers(5, 3), RandomSlates(5, 4, 3)))
    assert {name: (site.shape, site.constant) for name, site in found.items()} == {
        "intent": ((5, 3), True),
        "slate": ((5, 4, 3), False),
        "choice": ((5,), False),
        "satisfaction": ((5,), False),
    }


@pytest.mark.parametrize("method", ["pathwise", "score-function"])
def test_both_estimators_find_the_derivative_of_the_expected_return(method):
    # y ~ N(m x, 1), x ~ N(1, 1), reward y^2: E = 2 m^2 + 1, derivative 4 m
    class Actor(eqx.Module):
        slope: float = recsim.parameter()

    @recsim.story
    def line(actor):
        x = Variable("x").always(lambda: dist.Normal(1.0, 1.0))
        y = Variable("y").always(lambda x: dist.Normal(actor.slope * x, 1.0), x)
        return x, y

    runs = 40_000
    mean, slope = recsim.expected_return_gradient(
        line(Actor(0.5)), lambda now: jnp.square(now["y"]), 1, recsim.key(0), runs=runs, method=method
    )
    assert float(mean) == pytest.approx(1.5, abs=0.06)
    assert float(slope["actor.slope"]) == pytest.approx(2.0, abs=0.2)


def _golden(name):
    folder = os.environ.get("NONET_DATA")
    if folder is None:
        pytest.skip("NONET_DATA is not set")
    return np.load(Path(folder) / "recsim" / "golden" / name)


@pytest.mark.data
def test_the_official_log_probability_of_the_latent_variable_trajectory():
    official = _golden("latent_variable.npz")
    values = {
        "intent": official["user_state/intent"][0],
        "slate": official["slate_docs/features"],
        "satisfaction": official["user_state/satisfaction"],
        "choice": official["user_response/choice"],
    }
    story = satisfaction(IntentUsers(5, 3), RandomSlates(5, 4, 3))
    found = recsim.log_prob(story, {name: jnp.asarray(value) for name, value in values.items()})
    assert float(found) == pytest.approx(-223.95068359375, rel=1e-4)


@pytest.mark.data
def test_the_official_log_probability_of_the_ecosystem_trajectory():
    official = _golden("ecosystem.npz")
    topics = jnp.asarray(_golden("ecosystem_provider_means.npy"), jnp.float32)
    values = {
        "interest": official["user_state/user_interests"][0],
        "maker": official["available_docs/provider_id"],
        "features": official["available_docs/doc_features"],
        "score": official["slate_docs/doc_scores"],
        "choice": official["user_response/choice"],
        # the official library books a step's utility on the next step
        "utility": np.concatenate([official["user_state/utilities"][1:], np.zeros((1, 3), np.float32)]),
    }
    story = ecosystem(Consumers(topics, 3), Providers(topics), Matchmaker(boost=1.2))
    weights = {"utility": jnp.array([[1.0] * 3, [0.0] * 3])}
    parts = recsim.site_log_probs(story, {name: jnp.asarray(v) for name, v in values.items()}, weights=weights)
    assert float(sum(parts.values())) == pytest.approx(-3505.46435546875, rel=1e-4)
    assert float(parts["interest"]) == pytest.approx(-32.691, abs=1e-3)
