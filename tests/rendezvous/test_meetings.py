"""Whole meetings, with a team that knows nothing: what is kept, shown, refused and the same again."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fastapi.testclient import TestClient
from pettingzoo.test import parallel_api_test, parallel_seed_test

from nonet import cli
from nonet.foundation.errors import ArtifactError, UsageError
from nonet.rendezvous.config import EvaluationConfig, LidarConfig, WorldConfig
from nonet.rendezvous.evaluate import evaluate, meeting
from nonet.rendezvous.interfaces.functional import MEETING_REWARD, RendezvousTask
from nonet.rendezvous.interfaces.pettingzoo import EgoEnv, RendezvousEnv
from nonet.rendezvous.maps.layout import from_shapes
from nonet.rendezvous.roster import METHODS, chosen_methods
from nonet.rendezvous.saving import episode_file
from nonet.rendezvous.scene import rectangle
from nonet.rendezvous.team import load_team
from serving import served

pytestmark = pytest.mark.slow  # compiles


def test_a_team_comes_back_from_its_folder(team_folder, untaught):
    found = load_team(team_folder)
    assert found.config == untaught.config and found.curves == {"predictors": [2.0, 1.0]}
    assert np.array_equal(found.members[1]["w2"], untaught.members[1]["w2"])


def test_a_team_of_another_lidar_is_refused(team_folder, tmp_path):
    from nonet.rendezvous.team import save_team

    team = load_team(team_folder)
    other = dataclasses.replace(team.config, world=WorldConfig(lidar=LidarConfig(beams=32)))
    save_team(tmp_path / "odd", dataclasses.replace(team, config=other))
    with pytest.raises(ArtifactError, match="lidar of 32 beams"):
        load_team(tmp_path / "odd")


def test_methods_meet_under_the_same_chances_and_the_same_again(untaught):
    config = EvaluationConfig("open", 2, seconds=3.0, workers=1)
    chosen = chosen_methods("hpp,midpoint", untaught)
    first, again = evaluate(untaught, config, chosen), evaluate(untaught, config, chosen)
    assert [o.map for o in first.outcomes["hpp"]] == [o.map for o in first.outcomes["midpoint"]] == ["open", "open"]
    for name in first.outcomes:
        assert [o.met_s for o in first.outcomes[name]] == [o.met_s for o in again.outcomes[name]]
        assert [o.collisions for o in first.outcomes[name]] == [o.collisions for o in again.outcomes[name]]
    assert len(first.rows()) == 2
    # all robots of the rule see the same, but for noise
    assert np.nanmax(first.disagreement("midpoint")) < 0.5


def test_an_interrupted_evaluation_goes_on_where_it_stopped(untaught, tmp_path):
    config, chosen = EvaluationConfig("open", 1, seconds=1.0, workers=1), chosen_methods("midpoint", untaught)
    first = evaluate(untaught, config, chosen, kept=tmp_path)
    (page,) = tmp_path.iterdir()
    told = json.loads(page.read_text())
    told[0]["collisions"] = 77
    page.write_text(json.dumps(told))
    again = evaluate(untaught, config, chosen, kept=tmp_path).outcomes["midpoint"][0]
    before = first.outcomes["midpoint"][0]
    assert again.collisions == 77 and again.met_s == before.met_s
    assert np.array_equal(again.disagreement_m, before.disagreement_m, equal_nan=True)
    other = evaluate(untaught, dataclasses.replace(config, seed=1), chosen, kept=tmp_path)
    assert other.outcomes["midpoint"][0].collisions != 77


def test_larger_teams_meet_with_the_predictors_of_a_pair(untaught):
    config = EvaluationConfig("open", 1, robots=5, seconds=1.0, workers=1)
    found = meeting(untaught, config, "hpp", 0)
    assert found.goals.shape == (10, 5, 2) and np.isfinite(found.goals).all()


def test_unknown_methods_and_lone_robots_are_refused(untaught):
    with pytest.raises(UsageError, match="no method 'telepathy'"):
        chosen_methods("telepathy", untaught)
    with pytest.raises(UsageError, match="not learnt the MADDPG"):
        chosen_methods("maddpg", untaught)
    with pytest.raises(UsageError, match="nobody to meet"):
        EvaluationConfig(robots=1)
    assert len(chosen_methods("all", untaught)) == len(METHODS) - 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--suite", "moon"], "There is no suite 'moon'"),
        (["--agents", "1"], "nobody to meet"),
        (["--map", "nowhere.yaml"], "There is no such map"),
        (["--suite", "open", "--starts", "1,1"], "need 2 places"),
        (["--watch", "--out", "elsewhere.json"], "Leave out --out or --watch"),
        (["--suite", "open", "--starts", "0,0 3,3"], "inside a wall"),
    ],
)
def test_wrong_words_are_told_in_one_paragraph(team_folder, words, message, capsys):
    assert cli.run(["rendezvous", "run", str(team_folder), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_meeting_is_kept_and_the_page_shows_it(team_folder):
    words = ["--suite", "open", "--seconds", "2", "--method", "hpp", "--mates", "still"]
    assert cli.run(["rendezvous", "run", str(team_folder), *words]) == 0
    client = TestClient(served("--rendezvous", team_folder))
    assert "Where do we meet?" in client.get("/rendezvous/", headers={"accept": "text/html"}).text
    listed = client.get("/rendezvous/api/episodes").json()
    assert listed[0]["about"]["map"] == "open"
    told = client.get(f"/rendezvous/api/episodes/{listed[0]['name']}").json()
    assert len(told["poses"]) == 10 and len(told["poses"][0]) == 2 and len(told["scans"][0][0]) == 8
    # the team mate stood there for ever
    assert np.allclose(told["poses"][0][1], told["poses"][-1][1], atol=1e-3)
    assert told["poses"][0][0] != told["poses"][-1][0]
    assert len(told["plans"]) == 4 and len(told["plans"][0]["proposals"]) == 16
    assert json.dumps(told).count("Infinity") == 0
    assert client.get("/rendezvous/api/episodes/none").status_code == 422
    assert client.get("/rendezvous/api/learnt").json()["curves"] == {"predictors": [2.0, 1.0]}


def test_an_episode_of_a_map_with_blanks_has_an_address(tmp_path):
    assert episode_file(tmp_path, "our lab/2", "hpp", "0") == tmp_path / "episodes" / "our-lab-2-hpp-0.json"


def test_the_functional_task_rewards_what_brings_robots_together():
    world = WorldConfig(lidar=LidarConfig(beams=8))
    place = from_shapes("hall", [], rectangle(0, 0, 8, 4), (0, 0, 8, 4))
    task = RendezvousTask(world, place, np.array([[[1.0, 2.0, 0.0], [6.0, 2.0, np.pi]]]), seconds=10.0)
    seen, state = task.reset(jax.random.key(0))
    assert task.agents == ["agent_0", "agent_1"] and seen["agent_0"].shape == (task.observation_size,)
    ahead, total, done = dict.fromkeys(task.agents, jnp.array([1.0, 0.0])), 0.0, {"__all__": False}
    while not done["__all__"]:
        seen, state, reward, done, info = task.step(jax.random.key(1), state, ahead)
        total += float(reward["agent_0"])
    # they are five metres apart, drive at each other, and meet within one
    apart = float(seen["agent_0"][-3] - seen["agent_0"][-6])
    assert bool(info["met"]) and 0.7 < apart < 1.0 and total == pytest.approx(5.0 - apart + MEETING_REWARD, abs=0.01)


def test_the_interfaces_pass_their_owners_tests():
    def make():
        return RendezvousEnv(WorldConfig(lidar=LidarConfig(beams=8)), suite="open", seconds=3.0)

    parallel_api_test(make(), num_cycles=60)
    parallel_seed_test(make, num_cycles=20)
    alone = EgoEnv(make(), others=lambda seen: np.zeros(2, np.float32))
    seen, _ = alone.reset(seed=1)
    assert alone.observation_space.contains(seen)
    assert alone.step(np.ones(2, np.float32))[4]["collisions"] >= 0
