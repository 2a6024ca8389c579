"""MADDPG on a game whose best play is known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nonet.foundation.errors import UsageError
from nonet.rendezvous.config import LidarConfig, MaddpgConfig, TrainConfig, WorldConfig
from nonet.rendezvous.maddpg import Rates, _act, actor_inputs, new_learner, update
from nonet.rendezvous.maps.generators import generate
from nonet.rendezvous.observation import Observation
from nonet.rendezvous.roster import METHODS, agents_for
from nonet.rendezvous.team import Team


@pytest.mark.slow
def test_two_robots_learn_to_play_what_the_other_is_shown():
    """Each sees a number; a robot's act shall be the number that the other sees plus its own, halved."""
    config = MaddpgConfig(hidden=32, discount=0.0, actor_rate=3e-3, critic_rate=3e-3)
    learner = new_learner(jax.random.key(0), config, robots=2, seen=2, acts=1)
    rng, better = np.random.default_rng(0), jax.jit(partial(update, Rates.of(config)))
    for _ in range(600):
        own = rng.uniform(-0.8, 0.8, (128, 2, 1)).astype(np.float32)
        seen = np.concatenate([own, own[:, ::-1]], axis=2)
        acts = rng.uniform(-1, 1, (128, 2, 1)).astype(np.float32)
        reward = -((acts - own.mean(1, keepdims=True)) ** 2)[..., 0]
        told = (jnp.asarray(part) for part in (seen, acts, reward, seen, np.zeros(128, np.float32)))
        learner = better(learner, *told)
    own = rng.uniform(-0.8, 0.8, (200, 2, 1)).astype(np.float32)
    played = np.asarray(_act(learner.actor, jnp.concatenate([own, own[:, ::-1]], axis=2)))
    assert np.abs(played - own.mean(1, keepdims=True)).mean() < 0.08


def test_what_an_actor_sees_is_told_from_its_own_place():
    poses = np.array([[1.0, 1.0, np.pi / 2], [1.0, 4.0, np.pi]])
    seen = actor_inputs(np.array([5.0, np.inf]), np.array([0.3, 0.1]), poses, 10.0, np)
    assert np.allclose(seen, [0.5, 0.0, 0.3, 0.1, 1.0, 0.0, np.tanh(3.0), np.tanh(0.5), 0.0, 1.0], atol=1e-6)


def test_a_faulty_mate_is_one_for_maddpg_too():
    world = WorldConfig(lidar=LidarConfig(beams=4))
    actor = {"w0": np.zeros((12, 2), np.float32), "b0": np.full(2, 9.0, np.float32)}  # full speed, always
    team = Team(TrainConfig(world=world), {}, (), actor)
    seen = Observation(
        0.0, np.full(4, np.inf, np.float32), np.zeros(2, np.float32), np.zeros(3, np.float32),
        np.zeros((2, 3), np.float32), np.ones(2, bool), 0,
    )  # fmt: skip
    agents = agents_for(METHODS["maddpg"], team, generate("open", (0,)), world, mates="still")
    assert agents[0].act(seen)[0] == pytest.approx([1.0, 1.5]) and agents[1].act(seen)[0] == pytest.approx([0.0, 0.0])
    with pytest.raises(UsageError, match="no goals"):
        agents_for(METHODS["maddpg"], team, generate("open", (0,)), world, mates="orca")
