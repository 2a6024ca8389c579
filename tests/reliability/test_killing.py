"""What was acknowledged outlives ``kill -9``; `bench/kill9.py` tries many more moments and more commands."""

from pathlib import Path

import pytest

from reliability.killing import JOBS, torment
from reliability.killing_servers import SERVERS, torment_server

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["training", "align index"])
def test_a_killed_job_loses_nothing_and_ends_as_if_it_had_not_been_killed(tmp_path: Path, name: str) -> None:
    found = torment(JOBS[name], tmp_path, kills=3, seed=1)
    assert (found.kills, found.lost, found.same) == (3, 0, True)
    assert found.kept > 0


@pytest.mark.parametrize("name", list(SERVERS))
def test_what_a_killed_server_acknowledged_is_on_the_disk(tmp_path: Path, name: str) -> None:
    found = torment_server(SERVERS[name], tmp_path, kills=2, seed=2)
    assert found.lost == 0
    assert found.kept > 0
