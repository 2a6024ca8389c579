"""How predictors learn: drives are recorded as one robot sees them, and goals are found in hindsight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from nonet.rendezvous import world as worlds
from nonet.rendezvous.config import PredictorConfig, WorldConfig
from nonet.rendezvous.imitation import Lessons, lessons, policy_inputs, policy_shares, to_action
from nonet.rendezvous.maps.suites import training_map
from nonet.rendezvous.model import Layers, fit_network, new_network, scan_features
from nonet.rendezvous.predict import MOTION, input_size, inputs, output_size, outputs, sectors, to_frame

__all__ = ["Log", "examples", "learn_predictors", "record"]

_SCAN_WEIGHT = 4.0
_DRIVES_A_MAP = 8


@dataclass(frozen=True)
class Log:
    """What one robot kept of its drives. Nothing in it needs a word from another robot.

    Attributes:
        near: its scans, the nearest thing in each sector as nearness.
        poses: of the team as it observed them, itself first.
        goal: where it went itself.
        shared: whether all were sent to the same goal.
    """

    near: Float[np.ndarray, "drives times sectors"]
    poses: Float[np.ndarray, "drives times robots 3"]
    goal: Float[np.ndarray, "drives 2"]
    shared: np.ndarray


def record(world: WorldConfig, layers: Layers, config: PredictorConfig, seed: int) -> Log:
    """Drives with random goals on training maps, as the first robot logs them.

    Args:
        world: robots, sensors, noise.
        layers: of the navigation policy that all drive with.
        config: how many, how long, which goals.
        seed: of everything.
    """
    rng = np.random.default_rng([3, seed])
    world = replace(world, robots=1 + config.mates)
    chance = {"same": 1.0, "independent": 0.0, "mix": 0.5}[config.goals]
    shared = rng.random(config.episodes) < chance
    maps = [training_map(10_000 + number, seed) for number in range(-(-config.episodes // _DRIVES_A_MAP))]
    lesson = lessons(world, maps, _DRIVES_A_MAP, rng, same_goal=np.resize(shared, len(maps) * _DRIVES_A_MAP))
    lesson = eqx.tree_at(lambda tree: tree.fields, lesson, lesson.fields[:, :, :1, :1])  # no planner drives here
    keys = jax.random.split(jax.random.key(seed + 1), len(lesson.starts))
    skip = round(config.step_s / world.step_s)
    times = int(config.seconds / config.step_s)
    axes = jax.tree.map(lambda _: 0, eqx.tree_at(lambda tree: (tree.corner, tree.cell), lesson, (None, None)))
    near, poses = jax.jit(jax.vmap(_logged, (axes, None, 0, None, None)), static_argnums=(3, 4))(
        lesson, layers, keys, skip, times
    )
    near = sectors(near, min(config.sectors, near.shape[-1]))
    rows = slice(0, config.episodes)
    return Log(np.asarray(near)[rows], np.asarray(poses)[rows], np.asarray(lesson.goals)[rows, 0], shared)


def _logged(lesson: Lessons, layers: Layers, key: Key[Array, ""], skip: int, times: int) -> tuple[Array, Array]:
    world = lesson.world

    def one_step(state: worlds.State, key: Array) -> tuple[worlds.State, None]:
        moves, sees = jax.random.split(key)
        senses = worlds.observe(world, state, sees)
        own = jnp.diagonal(senses.team, axis1=0, axis2=1).T
        given = policy_inputs(senses.scan, senses.velocity, lesson.goals - own[:, :2], own[:, 2], world.reach)
        action = to_action(policy_shares(layers, given), world.robots)
        return worlds.step(world, state, action, moves), None

    def one_note(state: worlds.State, key: Array) -> tuple[worlds.State, tuple[Array, Array]]:
        sees, drives = jax.random.split(key)
        senses = worlds.observe(world, state, sees)
        state, _ = jax.lax.scan(one_step, state, jax.random.split(drives, skip))
        return state, (scan_features(senses.scan[0], world.reach), senses.team[0])

    return jax.lax.scan(one_note, worlds.reset(world, lesson.starts), jax.random.split(key, times))[1]


def examples(log: Log, member: int, labels: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of one member's predictor.

    Args:
        log: of the ego robot.
        member: whose; 0 is the ego itself.
        labels: see `config.PredictorConfig`.
        rng: chooses the hindsight.
    Returns:
        Inputs (examples, features); motions and next scans (examples, 3 + sectors). Where the ego cannot know the goal,
        hindsight stands in for it.
    """
    drives, times = log.poses.shape[:2]
    now = np.broadcast_to(np.arange(times - 1), (drives, times - 1))
    later = now + 1 + (rng.random(now.shape) * (times - 1 - now)).astype(int)
    rows = np.arange(drives)[:, None]
    seen = log.poses[rows, later, member, :2]
    known = np.broadcast_to(log.shared[:, None] | (member == 0), now.shape)
    takes = {"hindsight": np.zeros(now.shape, bool), "driven": known, "both": known & (rng.random(now.shape) < 0.7)}
    goal = np.where(takes[labels][..., None], log.goal[:, None], seen)
    ego, pose, following = log.poses[:, :-1, 0], log.poses[:, :-1, member], log.poses[:, 1:, member]
    given = np.asarray(inputs(*(jnp.asarray(part) for part in (log.near[:, :-1], ego, pose, goal))))
    moved = np.asarray(to_frame(jnp.asarray(following), jnp.asarray(pose)))
    motion = np.stack([moved[..., 0], moved[..., 1], np.arctan2(moved[..., 3], moved[..., 2])], axis=-1)
    targets = np.concatenate([motion, log.near[:, 1:]], axis=-1)
    return given.reshape(-1, given.shape[-1]), targets.reshape(-1, targets.shape[-1])


def learn_predictors(
    log: Log,
    config: PredictorConfig,
    seed: int,
    told: Callable[[str, int, float], None] = lambda stage, step, value: None,
) -> tuple[tuple[Layers, ...], list[float]]:
    """A predictor for each member, the ego's own first.

    Args:
        log: what the ego recorded.
        config: of the learning.
        seed: of weights, hindsight and order.
        told: called with the stage, its epoch and its loss.
    Returns:
        The networks, and the losses of every epoch of all of them.
    """
    rng = np.random.default_rng([4, seed])
    seen = log.near.shape[-1]
    members, curve = [], []
    for member in range(log.poses.shape[2]):
        key = jax.random.fold_in(jax.random.key(seed + 2), member)
        sizes = (input_size(seen), config.hidden, config.hidden, output_size(seen))
        name = "self" if member == 0 else f"mate {member}"
        layers, losses = fit_network(
            new_network(key, sizes), examples(log, member, config.labels, rng), _prediction_loss, key,
            epochs=config.epochs, batch=config.batch, learning_rate=config.learning_rate,
            told=lambda epoch, value, name=name: told(f"predictor of {name}", epoch, value),
        )  # fmt: skip
        members.append(layers)
        curve += losses
    return tuple(members), curve


def _prediction_loss(layers: Any, given: Array, targets: Array) -> Array:
    """Minus the log-likelihood of the motion, and the squared error of the next scan."""
    mean, deviation, near = outputs(layers, given)
    error = targets[:, :MOTION] - mean
    error = error.at[:, 2].set(worlds.turned(error[:, 2]))
    likelihood = 0.5 * (error / deviation) ** 2 + jnp.log(deviation)
    return likelihood.sum(-1).mean() + _SCAN_WEIGHT * ((targets[:, MOTION:] - near) ** 2).mean()
