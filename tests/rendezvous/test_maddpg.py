"""MADDPG on a game whose best play is known."""

from functools import partial

import jax
import numpy as np
import pytest

from nonet.rendezvous.config import MaddpgConfig
from nonet.rendezvous.maddpg import Rates, _act, actor_inputs, new_learner, update


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
        learner = better(learner, seen, acts, reward, seen, np.zeros(128, np.float32))
    own = rng.uniform(-0.8, 0.8, (200, 2, 1)).astype(np.float32)
    played = np.asarray(_act(learner.actor, np.concatenate([own, own[:, ::-1]], axis=2)))
    assert np.abs(played - own.mean(1, keepdims=True)).mean() < 0.08


def test_what_an_actor_sees_is_told_from_its_own_place():
    poses = np.array([[1.0, 1.0, np.pi / 2], [1.0, 4.0, np.pi]])
    seen = actor_inputs(np.array([5.0, np.inf]), np.array([0.3, 0.1]), poses, 10.0, np)
    assert np.allclose(seen, [0.5, 0.0, 0.3, 0.1, 1.0, 0.0, np.tanh(3.0), np.tanh(0.5), 0.0, 1.0], atol=1e-6)
