import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nonet import recsim
from nonet.recsim import evaluate, shelf
from nonet.recsim.config import RunConfig
from nonet.recsim.runtime import check_story
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
    return evaluate.compare(config, ["myopic", "provider-aware"])


def test_clicks_are_conserved_and_inequality_is_theirs(small):
    found = small.trajectories["myopic"]
    clicks = np.asarray(found["publishing.clicks"])
    # a step's clicks are booked on the next
    assert np.array_equal(clicks.sum(2), np.broadcast_to(100 * np.arange(40), (3, 40)))
    ordered = np.sort(clicks[0, -1])
    lorenz = np.concatenate([[0], ordered.cumsum() / ordered.sum()])
    area = ((lorenz[1:] + lorenz[:-1]) / 2).mean()
    assert float(found["measures.gini"][0, -1]) == pytest.approx(1 - 2 * area, abs=1e-5)


def test_care_for_providers_spreads_clicks(small):
    assert small.final("provider-aware", "measures.gini").value < small.final("myopic", "measures.gini").value


def test_chance_serves_badly():
    # the first step tells: users meet the same documents, and slates that are drawn from a hat
    def welfare(policy):
        story = shelf.cast(RunConfig(users=100, providers=10, policy=policy))[1]
        record = recsim.Record((), reduce={"welfare": lambda now: now["utility"].mean()})
        first = eqx.filter_jit(jax.vmap(lambda key: recsim.start(story, key, record)[1]["welfare"]))
        return np.asarray(first(jax.random.split(recsim.key(0), 20)))

    assert evaluate.mean_with_interval(welfare("random") - welfare("myopic")).high < 0


def test_providers_give_up_when_viability_is_asked_for():
    # in sizes that are compiled already
    config = RunConfig(users=100, providers=10, horizon=40, runs=3, viability=60.0)
    exhibit, story = shelf.cast(config)
    found = recsim.simulate(story, 40, runs=3, record=exhibit.record)
    alive = np.asarray(found["publishing.alive"])[0]
    assert alive[20].all() and not alive[-1].all()
    assert (alive[1:] <= alive[:-1]).all()  # nobody comes back


@pytest.mark.parametrize("exhibit", shelf.SHELF, ids=lambda exhibit: exhibit.name)
def test_every_story_on_the_shelf_starts_with_finite_measures_under_every_policy(exhibit):
    config = RunConfig(story=exhibit.name, users=12, providers=4)
    stories = [exhibit.cast(config, policy) for policy in exhibit.policies]
    for story in stories:
        check_story(story)  # the step has the shapes of the start
    first = eqx.filter_jit(recsim.start)(stories[0], recsim.key(0), exhibit.record)[1]
    assert first[exhibit.headline].shape == () and jnp.isfinite(first[exhibit.headline])


def test_shoppers_get_what_they_like_from_those_who_know_it():
    exhibit = shelf.find("shop")
    config = RunConfig(story="shop", users=40, items=12)
    found = recsim.simulate(exhibit.cast(config, "informed"), 5, runs=2, record=exhibit.record)
    assert float(jnp.abs(found["measures.regret"]).max()) < 1e-6
    assert float(found["measures.taken"].mean()) > 0.5


def test_intervals_cover():
    rng = np.random.default_rng(0)
    hits = [evaluate.mean_with_interval(rng.normal(3.0, 2.0, 10)) for _ in range(400)]
    assert 0.92 < np.mean([hit.low <= 3.0 <= hit.high for hit in hits]) < 0.98
