import jax.numpy as jnp
import numpy as np
import pytest

from nonet import recsim
from nonet.recsim import evaluate, shelf
from nonet.recsim.config import RunConfig
from nonet.recsim.stories.ecosystem import Consumers, Matchmaker, Providers, ecosystem

pytestmark = pytest.mark.slow  # each compiles a story of its own


def test_the_ecosystem_has_the_mean_that_the_official_tests_expect():
    # four providers, 2,000 users: the official test demands a mean utility of -14 within 5 %
    topics = jnp.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    world = ecosystem(Consumers(topics, 2000), Providers(topics), Matchmaker(boost=1.2))
    record = recsim.Record((), reduce={"welfare": lambda now: now["utility"].mean()})
    found = recsim.simulate(world, 1, runs=4, record=record)["welfare"]
    assert float(found.mean()) == pytest.approx(-14, rel=0.05)


@pytest.fixture(scope="module")
def small():
    config = RunConfig(users=100, providers=10, horizon=40, runs=3)
    return evaluate.compare(config, ["myopic", "provider-aware", "random"])


def test_clicks_are_conserved_and_inequality_is_theirs(small):
    found = small.trajectories["myopic"]
    clicks = np.asarray(found["publishing.clicks"])
    # a step's clicks are booked on the next
    assert np.array_equal(clicks.sum(2), np.broadcast_to(100 * np.arange(40), (3, 40)))
    ordered = np.sort(clicks[0, -1])
    lorenz = np.concatenate([[0], ordered.cumsum() / ordered.sum()])
    area = ((lorenz[1:] + lorenz[:-1]) / 2).mean()
    assert float(found["measures.gini"][0, -1]) == pytest.approx(1 - 2 * area, abs=1e-5)


def test_care_for_providers_spreads_clicks_and_chance_serves_badly(small):
    def last(policy):
        return small.final(policy, "measures.gini").value

    assert last("provider-aware") < last("myopic")
    assert small.gain("random", "myopic").high < 0


def test_providers_give_up_when_viability_is_asked_for():
    config = RunConfig(users=60, providers=10, horizon=60, runs=1, viability=40.0)
    exhibit, story = shelf.cast(config)
    found = recsim.simulate(story, 60, record=exhibit.record)
    alive = np.asarray(found["publishing.alive"])
    assert alive[20].all() and not alive[-1].all()
    assert (alive[1:] <= alive[:-1]).all()  # nobody comes back


@pytest.mark.parametrize("exhibit", shelf.SHELF, ids=lambda exhibit: exhibit.name)
def test_every_story_on_the_shelf_runs_with_finite_measures(exhibit):
    config = RunConfig(story=exhibit.name, users=12, providers=4, horizon=5, runs=2)
    for policy in exhibit.policies[-1:]:
        found = recsim.simulate(exhibit.cast(config, policy), 5, runs=2, record=exhibit.record)
        assert found[exhibit.headline].shape == (2, 5)
        assert jnp.isfinite(found[exhibit.headline]).all()


def test_intervals_cover():
    rng = np.random.default_rng(0)
    hits = [evaluate.mean_with_interval(rng.normal(3.0, 2.0, 10)) for _ in range(400)]
    assert 0.92 < np.mean([hit.low <= 3.0 <= hit.high for hit in hits]) < 0.98
