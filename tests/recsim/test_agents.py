"""Recommenders that learn: each against the myopic one under chances that it has not met."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from nonet import cli, recsim
from nonet.foundation.errors import ArtifactError, UsageError
from nonet.recsim import shelf
from nonet.recsim.agents.reinforce import discounted
from nonet.recsim.agents.slateq import SlateQ
from nonet.recsim.agents.training import TrainConfig, load_agent, save_agent, train_agent
from nonet.recsim.config import RunConfig
from nonet.recsim.stories.interest import Seen

pytestmark = pytest.mark.slow  # each trains


def test_returns_are_discounted_from_behind():
    found = discounted(jnp.array([[1.0], [2.0], [4.0]]), 0.5)
    assert found[:, 0].tolist() == [1 + 0.5 * (2 + 0.5 * 4), 2 + 0.5 * 4, 4]


@pytest.fixture(scope="module")
def reinforced():
    return train_agent(TrainConfig("reinforce", users=256, horizon=60, updates=60, test_runs=4))


def test_reinforce_beats_the_myopic_recommender(reinforced):
    assert reinforced.gain.low > 0
    assert reinforced.rewards[-5:].mean() > reinforced.rewards[:5].mean()


def test_a_trained_recommender_is_kept_and_cast_by_its_folder(reinforced, tmp_path):
    save_agent(tmp_path / "agent", reinforced)
    config, agent = load_agent(tmp_path / "agent")
    seen = Seen(jnp.full((3, 15), 100, jnp.int32).at[:, -1].set(7), jnp.zeros((3, 15)).at[:, -1].set(1.0))
    assert config == reinforced.config
    assert jnp.array_equal(agent.scores(seen), reinforced.agent.scores(seen))
    exhibit, story = shelf.cast(RunConfig("interest-evolution", str(tmp_path / "agent"), users=9))
    assert exhibit.name == "interest-evolution" and story.actors["users"].size == 9
    assert type(story.actors["recommender"]).__name__ == "Proposer"
    with pytest.raises(ArtifactError):
        load_agent(tmp_path)


def test_the_dqn_shows_what_is_worth_most_when_shown_alone():
    agent = SlateQ.fresh(recsim.key(0), 6, slate_size=2)
    seen = Seen(jnp.full((4, 15), 6, jnp.int32).at[:, -1].set(jnp.arange(4)), jnp.ones((4, 15)))
    values, pulls = (np.asarray(part, float) for part in agent.judge(seen))
    odds = np.exp(pulls[:, :-1])
    worth = (values[:, -1:] + odds * values[:, :-1]) / (1 + odds)
    assert np.allclose(agent.worth(seen), worth, atol=1e-5)
    assert np.array_equal(agent.show(seen), np.argsort(-worth, axis=1, kind="stable")[:, :2])


def test_the_bandit_finds_what_is_watched_longest():
    found = train_agent(TrainConfig("bandit", users=64, horizon=10, updates=30, documents=12, test_runs=2))
    shown = np.asarray(found.agent.shown)
    assert (shown > 0).all() and found.rewards[-8:].mean() > found.rewards[:6].mean()


@pytest.mark.parametrize(
    "wrong", [{"users": 0}, {"slate": 0}, {"updates": 0}, {"horizon": 1}], ids=lambda wrong: str(wrong)
)
def test_what_cannot_be_trained_is_refused(wrong):
    with pytest.raises(UsageError):
        TrainConfig(**wrong)


def test_a_slate_longer_than_the_catalogue_is_told_in_one_paragraph(tmp_path, capsys):
    words = ["recsim", "train", "interest-evolution", "--agent", "bandit", "--documents", "2", "--slate", "5"]
    assert cli.run([*words, "--updates", "1", "--out", str(tmp_path / "a")]) == 2
    assert "slate of 5" in capsys.readouterr().err


def test_the_command_trains_and_keeps_a_recommender(tmp_path, capsys):
    small = ["--users", "8", "--horizon", "3", "--updates", "2", "--documents", "5"]
    words = ["recsim", "train", "interest-evolution", "--agent", "reinforce", "--out", str(tmp_path / "agent")]
    assert cli.run([*words, *small, "--json"]) == 0
    assert [row[0] for row in json.loads(capsys.readouterr().out)["tables"][1]["rows"]] == ["reinforce over myopic"]
    config, _ = load_agent(tmp_path / "agent")
    assert (config.agent, config.users, config.updates) == ("reinforce", 8, 2)
