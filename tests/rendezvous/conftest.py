import jax
import pytest

from nonet.rendezvous.config import LidarConfig, PlannerConfig, TrainConfig, WorldConfig, preset
from nonet.rendezvous.model import new_network, plain_layers
from nonet.rendezvous.predict import input_size, output_size
from nonet.rendezvous.team import Team, save_team

BEAMS = 8


@pytest.fixture(scope="module", autouse=True)
def hasty_compiler():
    """These programs run for moments: they are compiled without optimisation."""
    usual = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", usual)


@pytest.fixture(scope="session")
def untaught():
    """A team with networks that know nothing: right in shape, quick to make."""
    world = WorldConfig(lidar=LidarConfig(beams=BEAMS), noise=preset("lab"))
    config = TrainConfig(world=world, planner=PlannerConfig(goals=16, iterations=2, elites=4, horizon=3))
    policy = new_network(jax.random.key(0), (BEAMS + 6, 16, 16, 2))
    sizes = (input_size(BEAMS), 16, 16, output_size(BEAMS))
    members = tuple(plain_layers(new_network(jax.random.key(place), sizes)) for place in (1, 2))
    return Team(config, plain_layers(policy), members, curves={"predictors": [2.0, 1.0]}, figures={"seen": 0.5})


@pytest.fixture(scope="session")
def team_folder(untaught, tmp_path_factory):
    folder = tmp_path_factory.mktemp("teams") / "team"
    save_team(folder, untaught)
    return folder
