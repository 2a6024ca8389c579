"""The navigation policy: learnt from a planner that knows the map, by a robot that sees only its lidar.

DAgger (Ross, Gordon and Bagnell 2011): the policy drives, the planner says what it would have done, and the policy
learns that. The policy has no memory, so it stays imperfect where a lidar of five metres cannot tell the way; the
article's planner is made for such controllers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nonet.rendezvous import world as worlds
from nonet.rendezvous.config import PolicyConfig, WorldConfig
from nonet.rendezvous.control.steering import steer
from nonet.rendezvous.geodesic import UNREACHABLE, travel_field
from nonet.rendezvous.maps.layout import Map
from nonet.rendezvous.maps.suites import training_map
from nonet.rendezvous.model import Layers, fit_network, forward, goal_features, new_network, scan_features

__all__ = ["Lessons", "learn_policy", "lessons", "policy_inputs", "policy_shares", "policy_size", "success_rates"]

_FEATURES = 4 + 2
_KEEP_CLEAR = (0.5, 0.9)


class Lessons(eqx.Module):
    """Drives to learn from: a world, a goal and its field for each of many drives.

    Attributes:
        world: worlds, stacked.
        starts: of both robots, (drives, robots, 3).
        goals: of each robot.
        fields: travel fields to them, one a robot.
        corner: of the fields' cell (0, 0).
        cell: metres a cell.
    """

    world: worlds.World
    starts: Float[Array, "drives robots 3"]
    goals: Float[Array, "drives robots 2"]
    fields: Float[Array, "drives robots rows columns"]
    corner: Float[Array, " 2"]
    cell: Float[Array, ""]


def policy_size(beams: int) -> int:
    """How many numbers the policy is given."""
    return beams + _FEATURES


def policy_inputs(scan: Any, velocity: Any, offset: Any, heading: Any, reach: float, library: Any = jnp) -> Any:
    """What the policy sees: the scan, the goal from here, its own velocity. Any leading axes."""
    near = scan_features(scan, reach, library)
    return library.concatenate([near, goal_features(offset, heading, library), velocity], axis=-1)


def policy_shares(layers: Layers, inputs: Any, library: Any = jnp) -> Any:
    """What the policy does: shares in [-1, 1] of the greatest speed and turning rate, (…, 2)."""
    return library.clip(forward(layers, inputs), -1.0, 1.0)


def to_action(shares: Array, robots: worlds.Robots) -> Array:
    """Wanted speed and turning rate of each robot from its shares of the greatest."""
    return shares * jnp.stack([robots.speed[..., 1], robots.turn], axis=-1)


def lessons(
    config: WorldConfig, maps: list[Map], goals: int, rng: np.random.Generator, *, same_goal: np.ndarray | None = None
) -> Lessons:
    """Drives on maps, ``goals`` a map, every robot to a goal of its own.

    Args:
        config: of the world.
        maps: where.
        goals: drives a map.
        rng: draws starts, goals and noise.
        same_goal: for each drive whether all its robots are given the first one's goal.
    """
    count, radius = config.robots, config.robot.radius_m
    scenes, starts, targets, fields = [], [], [], []
    for number, place in enumerate(maps):
        for drive in range(goals):
            points = place.ground.sample(rng, count, radius + 0.15, apart_m=1.0)
            aims = place.ground.sample(rng, count, radius + 0.05)
            if same_goal is not None and same_goal[number * goals + drive]:
                aims[1:] = aims[0]
            scenes.append(place.scene)
            starts.append(np.concatenate([points, rng.uniform(-np.pi, np.pi, (count, 1))], axis=1))
            targets.append(aims)
            one = {tuple(aim): _filled(travel_field(place.ground, aim, radius)) for aim in aims}
            fields.append([one[tuple(aim)] for aim in aims])
    ground = maps[0].ground
    keys = jax.random.split(jax.random.key(int(rng.integers(2**31))), len(scenes))
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *scenes)
    world = jax.jit(jax.vmap(lambda scene, key: worlds.build(config, scene, key)))(stacked, keys)
    return Lessons(
        world, jnp.asarray(np.stack(starts), jnp.float32), jnp.asarray(np.stack(targets), jnp.float32),
        jnp.asarray(np.array(fields, np.float32)), jnp.asarray(ground.corner, jnp.float32), jnp.float32(ground.cell),
    )  # fmt: skip


def _filled(field: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(field), field, UNREACHABLE)


def planner_shares(
    field: Float[Array, "rows columns"], corner: Array, cell: Array, pose: Array, goal: Array, others: Array
) -> Float[Array, " 2"]:
    """What the planner does: down the travel field, slower behind another robot.

    Args:
        field: to the goal.
        corner: of the field.
        cell: of the field.
        pose: of the robot.
        goal: x, y.
        others: positions of the other robots, far away for none.
    """
    rows, columns = field.shape
    angles = jnp.linspace(-jnp.pi, jnp.pi, 17)[:-1]
    ring = pose[:2] + 0.35 * jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)
    place = jnp.round((ring - corner) / cell).astype(jnp.int32)
    values = field[jnp.clip(place[:, 1], 0, rows - 1), jnp.clip(place[:, 0], 0, columns - 1)]
    weights = jax.nn.softmax(-12.0 * (values - values.min()))
    direction = jnp.arctan2((weights * jnp.sin(angles)).sum(), (weights * jnp.cos(angles)).sum())
    offset = goal - pose[:2]
    distance = jnp.linalg.norm(offset)
    direction = jnp.where(distance < 0.5, jnp.arctan2(offset[1], offset[0]), direction)
    speed, turn = steer(direction, pose[2], distance)
    gap = others - pose[:2]
    apart = jnp.linalg.norm(gap, axis=-1)
    before = (gap @ jnp.stack([jnp.cos(pose[2]), jnp.sin(pose[2])])) > 0.3 * apart
    least, most = _KEEP_CLEAR
    slow = jnp.min(jnp.where(before, jnp.clip((apart - least) / (most - least), 0.0, 1.0), 1.0))
    return jnp.stack([speed * slow, turn])


def all_planners(lesson: Lessons, pose: Float[Array, "robots 3"]) -> Float[Array, "robots 2"]:
    """`planner_shares` of every robot of one drive."""
    count = pose.shape[0]
    away = jnp.where(jnp.eye(count, dtype=bool)[..., None], 1e6, pose[None, :, :2])
    return jax.vmap(planner_shares, (0, None, None, 0, 0, 0))(
        lesson.fields, lesson.corner, lesson.cell, pose, lesson.goals, away
    )


def _drive(lesson: Lessons, layers: Layers, share: Array, key: Array, steps: int) -> tuple[Array, Array, Array]:
    """One drive; the planner has the wheel in a share of steps. Inputs and the planner's advice, (steps, robots, …)."""
    world = lesson.world

    def advance(state: worlds.State, key: Array) -> tuple[worlds.State, tuple[Array, Array]]:
        moves, sees, chooses, errs = jax.random.split(key, 4)
        senses = worlds.observe(world, state, sees)
        own = jnp.diagonal(senses.team, axis1=0, axis2=1).T
        inputs = policy_inputs(senses.scan, senses.velocity, lesson.goals - own[:, :2], own[:, 2], world.reach)
        advice = all_planners(lesson, state.pose)
        does = policy_shares(layers, inputs)
        planner = jax.random.uniform(chooses, (len(own), 1)) < share
        shares = jnp.where(planner, advice, does) + 0.1 * jax.random.normal(errs, advice.shape)
        return worlds.step(world, state, to_action(shares, world.robots), moves), (inputs, advice)

    last, (inputs, advice) = jax.lax.scan(advance, worlds.reset(world, lesson.starts), jax.random.split(key, steps))
    return inputs, advice, jnp.linalg.norm(last.pose[:, :2] - lesson.goals, axis=1) < 0.6


def _axes(lesson: Lessons) -> Lessons:
    """Which leaves of stacked drives are stacked (the fields' frame is shared)."""
    shared = eqx.tree_at(lambda tree: (tree.corner, tree.cell), lesson, (None, None))
    return jax.tree.map(lambda _: 0, shared)


def learn_policy(
    world: WorldConfig,
    config: PolicyConfig,
    seed: int,
    told: Callable[[str, int, float], None] = lambda stage, step, value: None,
) -> tuple[Layers, dict[str, list[float]]]:
    """The navigation policy.

    Args:
        world: robots, sensors, noise.
        config: of the learning.
        seed: of everything.
        told: called with the stage, its step and its value.
    Returns:
        The weights; the losses of every epoch and the share of arrivals of every round.
    """
    rng = np.random.default_rng([1, seed])
    key = jax.random.key(seed)
    maps = [training_map(number, seed) for number in range(config.maps)]
    lesson = lessons(replace(world, robots=2), maps, config.goals, rng)
    layers = new_network(key, (policy_size(world.lidar.beams), config.hidden, config.hidden, 2))
    drive = jax.jit(jax.vmap(_drive, (_axes(lesson), None, None, 0, None)), static_argnums=4)
    seen: list[np.ndarray] = []
    advised: list[np.ndarray] = []
    curves: dict[str, list[float]] = {"loss": [], "arrived": []}
    for number in range(config.rounds):
        key, drives, order = jax.random.split(key, 3)
        share = jnp.float32(0.5**number if number else 1.0)
        keys = jax.random.split(drives, len(lesson.starts))
        inputs, advice, arrived = drive(lesson, layers, share, keys, config.steps)
        seen.append(np.asarray(inputs).reshape(-1, inputs.shape[-1]))
        advised.append(np.asarray(advice).reshape(-1, 2))
        curves["arrived"].append(float(arrived.mean()))
        told("policy", number + 1, curves["arrived"][-1])
        layers, losses = fit_network(
            layers, (np.concatenate(seen), np.concatenate(advised)), _imitation_loss, order,
            epochs=config.epochs, batch=config.batch, learning_rate=config.learning_rate,
        )  # fmt: skip
        curves["loss"] += losses
    return layers, curves


def _imitation_loss(layers: Layers, inputs: Array, advice: Array) -> Array:
    return jnp.mean((forward(layers, inputs) - advice) ** 2)


def success_rates(
    layers: Layers, world: WorldConfig, families: dict[str, list[Map]], seed: int, *, seconds: float = 40.0
) -> dict[str, float]:
    """Share of drives that end within 0.6 m of their goal, by family of maps.

    Args:
        layers: of the policy.
        world: robots, sensors, noise.
        families: maps by name; two drives a map.
        seed: of starts, goals and noise.
        seconds: time to arrive.
    """
    rng = np.random.default_rng([2, seed])
    maps = [place for places in families.values() for place in places]
    lesson = lessons(replace(world, robots=2), maps, 2, rng)
    keys = jax.random.split(jax.random.key(seed), len(lesson.starts))
    drive = jax.jit(jax.vmap(_drive, (_axes(lesson), None, None, 0, None)), static_argnums=4)
    arrived = np.asarray(drive(lesson, layers, jnp.float32(0), keys, round(seconds / world.step_s))[2]).mean(1)
    rates, start = {}, 0
    for name, places in families.items():
        rates[name] = float(arrived[start : start + 2 * len(places)].mean())
        start += 2 * len(places)
    return rates
