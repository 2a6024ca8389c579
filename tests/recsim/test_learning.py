import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from nonet import recsim
from nonet.foundation.errors import DataError, UsageError
from nonet.recsim import infer, train
from nonet.recsim.checks import calibration_ranks
from nonet.recsim.stories.radio import world
from recsim_measuring import Sensor, measuring

pytestmark = pytest.mark.slow  # each compiles a story of its own


def test_the_memory_of_moods_is_recovered_with_honest_errors():
    inside = []
    start = world.with_parameters({"listeners.memory": 0.5})
    for seed in range(20):
        data = recsim.simulate(world, 3, seed=seed)
        found = train.fit(start, data, steps=15)
        error = float(found.errors["listeners.memory"])
        inside.append(abs(float(found.estimates["listeners.memory"]) - 0.9) < 1.96 * error)
        assert error < 0.02
    # 95 % intervals: 15 of 20 or fewer has a chance below 1 in 300
    assert sum(inside) >= 16


def test_least_squares_is_the_answer_by_hand():
    data = recsim.simulate(world, 10, seed=0)
    mood, song = np.asarray(data["mood"], float), np.asarray(data["song"], float)
    hand = (mood[:-1] * (mood[1:] - 0.1 * song[:-1])).sum() / (mood[:-1] ** 2).sum()
    for method in ("lbfgs", "adam"):
        found = train.fit(world, data, method=method, steps=60, learning_rate=0.01)
        assert float(found.estimates["listeners.memory"]) == pytest.approx(hand, abs=2e-3)


def test_nothing_to_fit_and_impossible_data_are_refused():
    with pytest.raises(UsageError, match="no parameters"):
        train.fit(measuring(Sensor()), {})
    data = {"mood": jnp.full((3, 1000), jnp.inf), "song": jnp.zeros((3, 1000))}
    with pytest.raises(DataError, match="impossible"):
        train.fit(world, data)


@pytest.mark.slow
def test_nuts_finds_the_conjugate_posterior():
    data = recsim.simulate(measuring(Sensor()), 5, seed=1)
    target = infer.target_of(measuring(Sensor()), {"reading": data["reading"]}, latents=["truth"])
    found = infer.posterior(target, chains=4, warmup=200, draws=400)
    precision = 1 / 4 + 5
    mean = np.asarray(data["reading"]).sum(0) / precision
    assert found.converged and found.draws["truth"].shape == (4, 400, 3)
    assert np.allclose(found.draws["truth"].mean((0, 1)), mean, atol=0.05)
    assert np.allclose(found.draws["truth"].std((0, 1)), precision**-0.5, rtol=0.1)


def test_what_cannot_be_inferred_is_refused():
    data = recsim.simulate(measuring(Sensor()), 2)
    for latents, message in (((), "Nothing is latent"), (("taste",), "no random field")):
        with pytest.raises(UsageError, match=message):
            infer.target_of(measuring(Sensor()), data, latents=latents)
    target = infer.target_of(measuring(Sensor()), data, latents=["truth"])
    with pytest.raises(UsageError, match="at least 2 chains"):
        infer.posterior(target, chains=1)


def test_ranks_of_right_posteriors_are_uniform_and_of_narrow_ones_are_not():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, 400)
    seen = truth + rng.normal(0, 1, 400)
    mean, sd = seen * 0.8, 0.8**0.5
    right = calibration_ranks(truth, mean[:, None] + sd * rng.normal(size=(400, 99)))
    narrow = calibration_ranks(truth, mean[:, None] + 0.4 * sd * rng.normal(size=(400, 99)))

    def pvalue(ranks):
        return stats.chisquare(np.histogram(ranks, 10, (0, 100))[0]).pvalue

    assert pvalue(right) > 1e-3 > pvalue(narrow)
