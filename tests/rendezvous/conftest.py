import jax
import pytest

from house import untaught_team
from nonet.rendezvous.team import save_team


@pytest.fixture(scope="module", autouse=True)
def hasty_compiler():
    """These programs run for moments: they are compiled without optimisation."""
    usual = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", usual)


@pytest.fixture(scope="session")
def untaught():
    """A team with networks that know nothing."""
    return untaught_team()


@pytest.fixture(scope="session")
def team_folder(untaught, tmp_path_factory):
    folder = tmp_path_factory.mktemp("teams") / "team"
    save_team(folder, untaught)
    return folder
