import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
import pytest

from nonet import recsim
from nonet.foundation.errors import ArtifactError, DataError, ResourceError, UsageError
from nonet.recsim import simulation
from nonet.recsim.language import Variable
from nonet.recsim.stories import radio
from nonet.recsim.stories.radio import Listeners, world

pytestmark = pytest.mark.slow  # each compiles a story of its own

SCRIPT = """
import hashlib, sys
import numpy as np
from nonet import recsim
from nonet.recsim.stories.ecosystem import Consumers, Matchmaker, Providers, ecosystem, scattered_topics

topics = scattered_topics(recsim.key(1), clusters=4)
world = ecosystem(Consumers(topics, 128), Providers(topics), Matchmaker(boost=1.2))
record = recsim.Record(("interest", "publishing", "slate", "choice", "utility"))
found = recsim.simulate(world, 12, seed=3, record=record, devices=int(sys.argv[1]))
digest = hashlib.sha256()
for name in sorted(found.fields):
    digest.update(np.asarray(found[name]).tobytes())
print(digest.hexdigest())
"""


def test_the_trajectory_follows_its_equation():
    class Sure(Listeners):
        def drift(self, mood, song):
            return 0.5 * mood + song

    trajectory = recsim.simulate(world.replace(listeners=Sure()), 6)
    mood, song = trajectory["mood"], trajectory["song"]
    assert mood.shape == (6, 1000)
    assert jnp.array_equal(mood[1:], 0.5 * mood[:-1] + song[:-1])


def test_one_seed_gives_one_trajectory_and_runs_are_independent():
    one, again = recsim.simulate(world, 30, seed=4), recsim.simulate(world, 30, seed=4)
    many = recsim.simulate(world, 30, seed=4, runs=3)
    assert jnp.array_equal(one["mood"], again["mood"])
    assert jnp.array_equal(many["mood"][0], one["mood"])
    assert abs(float(jnp.corrcoef(many["song"][0, 5], many["song"][1, 5])[0, 1])) < 0.15


def test_a_longer_simulation_begins_like_a_shorter_one():
    assert jnp.array_equal(recsim.simulate(world, 25)["mood"], recsim.simulate(world, 60)["mood"][:25])


def test_thinned_and_reduced_records_are_those_of_the_whole():
    whole = recsim.simulate(world, 31)
    record = recsim.Record(("mood",), every=5, reduce={"mean": lambda now: now["song"].mean()})
    thin = recsim.simulate(world, 31, record=record)
    assert thin.steps.tolist() == [0, 5, 10, 15, 20, 25, 30]
    assert jnp.array_equal(thin["mood"], whole["mood"][::5])
    assert jnp.allclose(thin["mean"], whole["song"][::5].mean(1), atol=1e-6)
    with pytest.raises(UsageError, match="'song' was not recorded"):
        thin["song"]


def test_constants_are_recorded_once():
    @recsim.story
    def tiny():
        a = Variable("a").constant(lambda: dist.Normal(jnp.zeros(3), 1.0))
        b = Variable("b").always(lambda a: 2 * a, a)
        return a, b

    found = recsim.simulate(tiny(), 4)
    assert found["a"].shape == (3,) and found["b"].shape == (4, 3)
    assert jnp.array_equal(found["b"], jnp.broadcast_to(2 * found["a"], (4, 3)))


def test_nan_is_reported_with_variable_and_step():
    @recsim.story
    def sinking():
        level = Variable("level").starts(lambda: jnp.float32(3.0))
        level.becomes(lambda before: before - 1, level.previous)
        depth = Variable("depth").always(lambda level: jnp.log(level), level)
        return level, depth

    with pytest.raises(DataError, match="NaN for the first time at step 4") as caught:
        recsim.simulate(sinking(), 30)
    assert caught.value.where == "depth"


@pytest.mark.parametrize("options", [{"steps": 0}, {"steps": 5, "runs": 0}])
def test_nothing_to_simulate_is_refused(options):
    with pytest.raises(UsageError):
        recsim.simulate(world, **options)


def test_an_interrupted_simulation_goes_on_bit_for_bit(tmp_path: Path):
    folder = tmp_path / "keep"
    whole = recsim.simulate(world, 41, checkpoint=folder)
    portions = sorted(folder.glob("portion-*.npz"))
    for portion in portions[len(portions) // 2 :]:
        portion.unlink()
    resumed = recsim.simulate(world, 41, checkpoint=folder)
    assert jnp.array_equal(whole["mood"], resumed["mood"])
    with pytest.raises(ArtifactError, match="seed differ"):
        recsim.simulate(world, 41, checkpoint=folder, seed=1)
    with pytest.raises(ArtifactError, match="actors differ"):
        recsim.simulate(world.replace(listeners=Listeners(0.5)), 41, checkpoint=folder)
    portions[0].write_bytes(b"half")
    with pytest.raises(ArtifactError, match="damaged"):
        recsim.simulate(world, 41, checkpoint=folder)


@pytest.mark.parametrize(("steps", "every", "sizes"), [(300, 1, {13}), (61, 2, {4}), (7, 1, {1}), (60, 1, {2, 3})])
def test_a_simulation_is_cut_into_few_sizes(steps, every, sizes):
    portions = simulation._chunks(steps, every)
    assert sum(portions) == (steps - 1) // every * every and set(portions) == sizes


def test_more_devices_than_there_are_is_refused():
    with pytest.raises(ResourceError, match="xla_force_host_platform_device_count=99"):
        recsim.simulate(world, 3, devices=99)


def _digest(devices: int) -> str:
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(devices)], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_one_and_two_devices_in_fresh_processes_give_the_same_bytes():
    assert _digest(1) == _digest(2) != ""


def test_the_profile_names_every_moving_variable():
    costs = recsim.profile(world, repeats=2)
    assert set(costs) == {"mood", "song"} and all(cost > 0 for cost in costs.values())


def test_start_and_advance_are_pure_and_differentiable():
    def last(memory):
        story = world.with_parameters({"listeners.memory": memory})
        key = recsim.key(0)
        state, _ = recsim.start(story, key)
        return recsim.advance(story, key, state, 8)[0].values["mood"].mean()

    slope = jax.grad(last)(0.9)
    numeric = (last(0.9 + 1e-2) - last(0.9 - 1e-2)) / 2e-2
    assert float(slope) == pytest.approx(float(numeric), rel=1e-2)


def test_the_two_actor_story_is_short():
    source = Path(radio.__file__).read_text()
    code = [line for line in source.split("\n") if line.strip() and not line.startswith(("import", "from", '"""'))]
    assert len(code) < 25
