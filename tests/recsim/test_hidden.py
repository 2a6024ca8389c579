"""Learning what was hidden: expectation and maximisation, variational inference, a critic."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints
from scipy import stats

from nonet import recsim
from nonet.foundation.errors import DataError, UsageError
from nonet.recsim import adversarial, em, infer, variational
from nonet.recsim.blocks.choice import MultinomialLogit
from nonet.recsim.blocks.states import FiniteMarkov, HiddenMarkov, Mixture

pytestmark = pytest.mark.slow  # each compiles a story of its own

SEEDS = 20
# an interval of 95 % that covers 15 of 20 times or fewer has a chance below 1 in 300
LEAST = 16


def _chain(users=60):
    chain = FiniteMarkov(users, jnp.array([0.6, 0.4]), jnp.array([[0.8, 0.2], [0.3, 0.7]]))
    return HiddenMarkov(chain, jnp.array([-1.0, 2.0]), 0.7)


def _shown(user, key, steps=12):
    first, rest, noise = jax.random.split(key, 3)
    state = user.begin().sample(first)

    def move(state, key):
        state = user.step(state).sample(key)
        return state, state

    _, later = jax.lax.scan(move, state, jax.random.split(rest, steps - 1))
    return user.show(jnp.concatenate([state[None], later])).sample(noise)


def test_the_likelihood_of_a_chain_is_the_sum_over_all_paths():
    import itertools

    user, seen = _chain(1), jnp.array([[0.3], [1.9], [-0.4]])
    whole = 0.0
    for path in itertools.product(range(2), repeat=3):
        chance = float(user.chain.initial[path[0]])
        for before, after in itertools.pairwise(path):
            chance *= float(user.chain.transition[before, after])
        whole += chance * np.prod(stats.norm(np.asarray(user.levels)[list(path)], 0.7).pdf(np.asarray(seen)[:, 0]))
    assert float(em.hidden_markov_likelihood(user, seen)) == pytest.approx(np.log(whole), rel=1e-5)


def test_em_recovers_hidden_chains_with_honest_errors_and_never_loses_likelihood():
    truth = _chain()
    start = HiddenMarkov(FiniteMarkov(60, jnp.full(2, 0.5), jnp.full((2, 2), 0.5)), jnp.array([-0.2, 0.5]), 1.5)

    def once(key):
        found = em.fit_hidden_markov(start, _shown(truth, key), iterations=60)
        return found.user, found.errors, found.log_likelihoods

    users, errors, values = jax.jit(jax.vmap(once))(jax.random.split(recsim.key(0), SEEDS))
    inside = np.abs(np.asarray(users.levels) - [-1.0, 2.0]) < 1.96 * np.asarray(errors["levels"])
    assert (inside.sum(0) >= LEAST).all() and np.median(errors["levels"]) < 0.06
    assert np.abs(np.asarray(users.chain.transition).mean(0) - truth.chain.transition).max() < 0.04
    assert (np.diff(values, axis=1) > -1e-2).all()  # float32 sums of hundreds


def test_em_recovers_kinds_of_users_with_honest_errors():
    means = jnp.array([[-2.0, 0.0], [1.0, 1.0], [1.0, -2.0]])
    truth = Mixture(300, means, jnp.array([0.5, 0.3, 0.2]), 0.6)
    start = Mixture(300, means + 0.7, jnp.full(3, 1 / 3), 1.5)

    def once(key):
        found = em.fit_mixture(start, truth.begin().sample(key), iterations=60)
        return found.user, found.errors, found.log_likelihoods

    users, errors, values = jax.jit(jax.vmap(once))(jax.random.split(recsim.key(1), SEEDS))
    inside = np.abs(np.asarray(users.means) - means) < 1.96 * np.asarray(errors["means"])
    assert (inside.sum(0) >= LEAST).all()
    scale = np.abs(np.asarray(users.scale) - 0.6) < 1.96 * np.asarray(errors["scale"])
    assert scale.sum() >= LEAST
    assert np.abs(np.asarray(users.weights).mean(0) - truth.weights).max() < 0.03
    assert (np.diff(values, axis=1) > -1e-2).all()


def test_the_likelihood_of_a_mixture_is_that_of_its_law():
    law = Mixture(5, jnp.array([[0.0], [3.0]]), jnp.array([0.3, 0.7]), 0.5)
    points = jnp.array([[0.1], [2.0], [3.3], [-1.0], [8.0]])
    assert float(em.mixture_likelihood(law, points)) == pytest.approx(
        float(law.begin().log_prob(points).sum()), rel=1e-5
    )


@pytest.mark.parametrize("seen", [jnp.zeros((1, 3)), jnp.full((4, 3), jnp.nan)])
def test_what_em_cannot_learn_from_is_refused(seen):
    with pytest.raises(DataError):
        em.fit_hidden_markov(_chain(3), seen)


class Sensor(eqx.Module):
    spread: float = recsim.parameter(constraints.positive, default=2.0)

    def truth(self):
        return dist.Normal(jnp.zeros(4), self.spread)

    def read(self, truth):
        return dist.Normal(truth, 1.0)


@recsim.story
def measuring(sensor):
    truth = recsim.Variable("truth").constant(sensor.truth)
    reading = recsim.Variable("reading").always(sensor.read, truth)
    return truth, reading


def test_a_normal_guide_finds_a_normal_posterior_and_covers_the_truth():
    precision = 1 / 4 + 5
    hits = []

    def once(truth, reading, seed):
        target = infer.target_of(measuring(Sensor()), {"reading": reading}, latents=["truth"])
        guide = variational.variational(target, seed=0, steps=600, learning_rate=0.3)
        return guide.mean["truth"], guide.scale["truth"], guide.bounds[-50:].mean()

    data = recsim.simulate(measuring(Sensor()), 5, runs=SEEDS)
    means, scales, bounds = jax.jit(jax.vmap(once, in_axes=(0, 0, None)))(data["truth"], data["reading"], 0)
    exact = np.asarray(data["reading"]).sum(1) / precision
    assert np.abs(np.asarray(means) - exact).max() < 0.1
    assert np.allclose(scales, precision**-0.5, rtol=0.1)
    hits = np.abs(np.asarray(means) - data["truth"]) < 1.96 * np.asarray(scales)
    assert stats.binomtest(int(hits.sum()), hits.size, 0.95).pvalue > 1e-3
    # a guide that is the posterior makes the bound the evidence
    law = stats.multivariate_normal(np.zeros(5), np.eye(5) + 4.0)
    evidence = [law.logpdf(np.asarray(reading).T).sum() for reading in data["reading"]]
    assert np.abs(np.asarray(bounds) - evidence).max() < 0.3


class Choosers(eqx.Module):
    keenness: float = recsim.parameter(constraints.positive, default=0.3)
    drift: float = recsim.parameter(default=0.0)

    def offer(self):
        return dist.Normal(jnp.zeros((400, 2)), 1.0)

    def choose(self, offer):
        return MultinomialLogit()(self.keenness * offer)

    def mood(self):
        return dist.Normal(jnp.full(400, self.drift), 0.5)


@recsim.story
def choosing(users):
    offer, choice, mood = recsim.variables("offer", "choice", "mood", over=recsim.Population("users", 400))
    offer.always(users.offer)
    choice.always(users.choose, offer)
    mood.always(users.mood)
    return offer, choice, mood


def _described(fields):
    better = fields["offer"].argmax(-1)
    margin = jnp.abs(fields["offer"][..., 0] - fields["offer"][..., 1])
    right = (fields["choice"] == better) - 0.5
    return jnp.stack([right.mean(0), (right * margin).mean(0), fields["mood"].mean(0)], axis=1)


def test_a_simulator_that_fools_the_critic_has_the_parameters_of_the_log():
    logs = recsim.simulate(choosing(Choosers(1.5, 0.8)), 8, runs=3)

    def once(offer, choice, mood):
        logged = {"offer": offer, "choice": choice, "mood": mood}
        found = adversarial.fit_adversarially(choosing(Choosers()), logged, _described, length=8, updates=300)
        return found.estimates, found.accuracy[-50:].mean()

    found, accuracy = jax.jit(jax.vmap(once))(logs["offer"], logs["choice"], logs["mood"])
    # stated error: a sixth of keenness and a tenth of drift, in every one of the logs
    assert np.abs(np.asarray(found["users.keenness"]) - 1.5).max() < 0.25
    assert np.abs(np.asarray(found["users.drift"]) - 0.8).max() < 0.08
    assert np.asarray(accuracy).max() < 0.58


def test_nothing_to_fit_is_refused():
    with pytest.raises(UsageError, match=r"no parameter 'users\.x'"):
        logged = {"mood": jnp.zeros((2, 400))}
        adversarial.fit_adversarially(choosing(Choosers()), logged, _described, ["users.x"], length=2)
