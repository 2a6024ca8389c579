"""MADDPG (Lowe et al. 2017): actors that see what one robot sees, a critic that sees all, learnt from random meetings.

Robots are alike, so they share one actor; the critic takes the joint observation and action with the robot's own first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from nonet.rendezvous import world as worlds
from nonet.rendezvous.config import HEADLINE_M, MaddpgConfig, WorldConfig
from nonet.rendezvous.maps.layout import Map
from nonet.rendezvous.maps.suites import training_map
from nonet.rendezvous.model import Layers, forward, goal_features, new_network, plain_layers, scan_features

__all__ = ["FRAME_SKIP", "Learner", "Learnt", "Rates", "actor_inputs", "learn_to_meet", "new_learner", "update"]

FRAME_SKIP = 4
"""World steps that an action is held."""

_GAIN, _PRIZE, _BUMP, _WAIT = 1.0, 2.0, 0.1, 0.02
_STARTS = 16
_EARLY = (1 / 8, 1 / 3)
_SIZES = ("worlds", "hidden", "batch", "replay", "episode")


class Learner(eqx.Module):
    """Networks, their slow copies, and the states of their optimisers."""

    actor: Layers
    critic: Layers
    slow_actor: Layers
    slow_critic: Layers
    actor_state: Any
    critic_state: Any


@dataclass(frozen=True)
class Learnt:
    """What came of a training.

    Attributes:
        actor: weights at the end.
        early: weights after an eighth and a third of the training, by world steps.
        curve: world steps, and the share of training episodes since the last that ended in a meeting.
    """

    actor: Layers
    early: dict[int, Layers]
    curve: dict[str, list[float]]


class Rates(NamedTuple):
    """What may change without compiling anew; see `config.MaddpgConfig`."""

    discount: float
    target: float
    actor: float
    critic: float

    @classmethod
    def of(cls, config: MaddpgConfig) -> Rates:
        """The rates of a configuration."""
        return cls(config.discount, config.target_rate, config.actor_rate, config.critic_rate)


def _optimisers(rates: Rates) -> tuple[Any, Any]:
    def optimiser(rate: float | Float[Array, ""]) -> optax.GradientTransformation:
        return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))

    return optimiser(rates.actor), optimiser(rates.critic)


def new_learner(key: Key[Array, ""], config: MaddpgConfig, robots: int, seen: int, acts: int) -> Learner:
    """Networks at their start.

    Args:
        key: the chances.
        config: widths and rates.
        robots: how many.
        seen: length of one robot's observation.
        acts: length of its action.
    """
    first, second = jax.random.split(key)
    actor = new_network(first, (seen, config.hidden, config.hidden, acts))
    critic = new_network(second, (robots * (seen + acts), config.hidden, config.hidden, 1))
    for_actor, for_critic = _optimisers(Rates.of(config))
    return Learner(actor, critic, actor, critic, for_actor.init(actor), for_critic.init(critic))


def _value(critic: Layers, seen: Array, acts: Array) -> Float[Array, "batch robots"]:
    """The critic's value for each robot, its own part first."""
    joint = jnp.concatenate([seen, acts], axis=-1)
    robots = joint.shape[1]
    own_first = jnp.stack([jnp.roll(joint, -robot, axis=1) for robot in range(robots)], axis=1)
    return forward(critic, own_first.reshape(*own_first.shape[:2], -1))[..., 0]


def _act(actor: Layers, seen: Array) -> Array:
    return jnp.tanh(forward(actor, seen))


def update(
    rates: Rates, learner: Learner, seen: Array, acts: Array, reward: Array, following: Array, ended: Array
) -> Learner:
    """One step of both networks.

    Args:
        rates: of learning, discount.
        learner: networks.
        seen: observations, (batch, robots, length).
        acts: actions in [-1, 1], (batch, robots, length).
        reward: (batch, robots).
        following: observations after.
        ended: whether nothing followed, (batch,).
    """
    goal = reward + rates.discount * (1 - ended[:, None]) * _value(
        learner.slow_critic, following, _act(learner.slow_actor, following)
    )
    critic_gradient = jax.grad(lambda critic: jnp.mean((_value(critic, seen, acts) - goal) ** 2))(learner.critic)

    def loss(actor: Layers) -> Array:
        wanted = _act(actor, seen)
        robots = wanted.shape[1]
        # each robot improves its own action while the others' stay as they were
        own = jnp.eye(robots, dtype=bool)[:, None, :, None]
        mixed = jnp.where(own, wanted[None], jax.lax.stop_gradient(acts)[None])
        values = jnp.stack([_value(learner.critic, seen, mixed[robot])[:, robot] for robot in range(robots)])
        return -values.mean() + 1e-3 * jnp.mean(forward(actor, seen) ** 2)

    actor_gradient = jax.grad(loss)(learner.actor)
    for_actor, for_critic = _optimisers(rates)
    step, critic_state = for_critic.update(critic_gradient, learner.critic_state)
    critic = optax.apply_updates(learner.critic, step)
    step, actor_state = for_actor.update(actor_gradient, learner.actor_state)
    actor = optax.apply_updates(learner.actor, step)
    follow = partial(jax.tree.map, lambda slow, fast: slow + rates.target * (fast - slow))
    slow_actor, slow_critic = follow(learner.slow_actor, actor), follow(learner.slow_critic, critic)
    # optax types what it updates as any tree of arrays
    return Learner(actor, critic, slow_actor, slow_critic, actor_state, critic_state)  # pyright: ignore[reportArgumentType]


def actor_inputs(scan: Any, velocity: Any, poses: Any, reach: float, library: Any = jnp) -> Any:
    """What the actor sees: its scan, its velocity, and where its (first) team mate is and looks.

    Args:
        scan: ranges.
        velocity: its own.
        poses: of all as it observes them, its own first.
        reach: of the lidar.
        library: NumPy or its JAX namesake.
    """
    near = scan_features(scan, reach, library)
    mates = poses[1:, :2].mean(0) - poses[0, :2]
    turn = poses[1, 2] - poses[0, 2]
    facing = library.stack([library.cos(turn), library.sin(turn)])
    return library.concatenate([near, velocity, goal_features(mates, poses[0, 2], library), facing])


class _Course(eqx.Module):
    """Worlds at work and the memory of what happened in them."""

    states: worlds.State
    seen: Array
    clock: Array
    memory: tuple[Array, ...]
    filled: Array
    learner: Learner


def _sense(world: worlds.World, state: worlds.State, key: Array) -> Array:
    senses = worlds.observe(world, state, key)
    rows = [
        actor_inputs(
            senses.scan[robot], senses.velocity[robot], jnp.roll(senses.team[robot], -robot, axis=0), world.reach
        )
        for robot in range(senses.scan.shape[0])
    ]
    return jnp.stack(rows)


def _decide(
    world: worlds.World, state: worlds.State, acts: Array, key: Array
) -> tuple[worlds.State, Array, Array, Array]:
    """Holds an action for some steps: the state after, what is seen, the reward, whether they met."""
    most = jnp.stack([world.robots.speed[:, 1], world.robots.turn], axis=-1)

    def advance(state: worlds.State, key: Array) -> tuple[worlds.State, None]:
        return worlds.step(world, state, acts * most, key), None

    moves, sees = jax.random.split(key)
    after, _ = jax.lax.scan(advance, state, jax.random.split(moves, FRAME_SKIP))
    nearer = worlds.spread(state.pose) - worlds.spread(after.pose)
    bumped = (after.collisions - state.collisions).astype(float)
    met = worlds.meeting_gap(world, after.pose) < HEADLINE_M
    return after, _sense(world, after, sees), _GAIN * nearer + _PRIZE * met - _BUMP * bumped - _WAIT, met


def learn_to_meet(
    world: WorldConfig,
    config: MaddpgConfig,
    seed: int,
    told: Callable[[int, float], None] = lambda done, share: None,
) -> Learnt:
    """Teaches the baseline on training maps.

    Args:
        world: robots, sensors, noise.
        config: how.
        seed: of everything.
        told: called with the world steps since the last call, and the share of episodes that ended in a meeting.
    """
    world = replace(world, robots=2)
    rng = np.random.default_rng([6, seed])
    places = [training_map(20_000 + number, seed) for number in range(config.worlds)]
    scenes = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(place.scene for place in places))
    starts = jnp.asarray(np.stack([_starts(place, world.robot.radius_m, rng) for place in places]), jnp.float32)
    keys = jax.random.split(jax.random.key(seed), config.worlds)
    bound = jax.jit(jax.vmap(lambda scene, key: worlds.build(world, scene, key)))(scenes, keys)
    key = jax.random.key(seed + 5)
    chunk = 250
    rounds = -(-config.steps // (config.worlds * FRAME_SKIP * chunk))
    # one program serves all rates
    sizes = replace(MaddpgConfig(), **{name: getattr(config, name) for name in _SIZES})
    course = _begin(sizes, bound, starts, key)
    curve: dict[str, list[float]] = {"steps": [], "meets": []}
    early: dict[int, Layers] = {}
    pauses = [max(1, round(rounds * share)) for share in _EARLY]
    for number in range(rounds):
        noise = config.exploration * max(0.2, 1 - number / max(1, 0.7 * rounds))
        course, ended, met = _practise(
            sizes, Rates.of(config), bound, starts, course, jax.random.fold_in(key, number), jnp.float32(noise), chunk
        )
        share = float(met) / max(1.0, float(ended))
        done = config.worlds * FRAME_SKIP * chunk
        curve["steps"].append(float((number + 1) * done))
        curve["meets"].append(share)
        told(done, share)
        if number + 1 in pauses and number + 1 < rounds:
            # copies, for the course's memory is used again
            early[(number + 1) * done] = jax.tree.map(np.array, plain_layers(course.learner.actor))
    return Learnt(plain_layers(course.learner.actor), early, curve)


def _starts(place: Map, radius_m: float, rng: np.random.Generator) -> Float[np.ndarray, "starts 2 3"]:
    """Pairs of places on a map; where the map suggests some, half of the pairs are those."""
    found = []
    for number in range(_STARTS):
        if len(place.starts) >= 2 and number % 2:
            points = np.array(place.starts[:2]) + rng.uniform(-0.15, 0.15, (2, 2))
        else:
            points = place.ground.sample(rng, 2, radius_m + 0.15, apart_m=2.0)
        found.append(np.concatenate([points, rng.uniform(-np.pi, np.pi, (2, 1))], axis=1))
    return np.stack(found)


@partial(jax.jit, static_argnums=0)
def _begin(sizes: MaddpgConfig, bound: worlds.World, starts: Array, key: Array) -> _Course:
    states = jax.vmap(worlds.reset)(bound, starts[:, 0])
    seen = jax.vmap(_sense)(bound, states, jax.random.split(key, sizes.worlds))
    robots, length = seen.shape[1:]
    memory = (
        jnp.zeros((sizes.replay, robots, length)), jnp.zeros((sizes.replay, robots, 2)), jnp.zeros(sizes.replay),
        jnp.zeros((sizes.replay, robots, length)), jnp.zeros(sizes.replay),
    )  # fmt: skip
    learner = new_learner(key, sizes, robots, length, 2)
    return _Course(states, seen, jnp.zeros(sizes.worlds, jnp.int32), memory, jnp.int32(0), learner)


@partial(jax.jit, static_argnums=(0, 7), donate_argnums=4)
def _practise(
    sizes: MaddpgConfig, rates: Rates, bound: worlds.World, starts: Array, course: _Course, key: Array, noise: Array,
    chunk: int,
) -> tuple[_Course, Array, Array]:  # fmt: skip
    """Some rounds of acting and learning; also how many episodes ended, and how many of them in a meeting."""

    def one(course: _Course, key: Array) -> tuple[_Course, tuple[Array, Array]]:
        explores, moves, begins, samples, turns = jax.random.split(key, 5)
        wanted = _act(course.learner.actor, course.seen)
        acts = jnp.clip(wanted + noise * jax.random.normal(explores, wanted.shape), -1, 1)
        after, seen, reward, met = jax.vmap(_decide)(bound, course.states, acts, jax.random.split(moves, sizes.worlds))
        clock = course.clock + 1
        over = met | (clock >= sizes.episode)
        place = (course.filled + jnp.arange(sizes.worlds)) % sizes.replay
        fresh = (course.seen, acts, reward.mean(-1), seen, met.astype(float))
        memory = tuple(column.at[place].set(new) for column, new in zip(course.memory, fresh, strict=True))
        filled = course.filled + sizes.worlds
        chosen = jax.random.randint(turns, (sizes.worlds,), 0, starts.shape[1])
        again = starts[jnp.arange(sizes.worlds), chosen]
        heading = jax.random.uniform(begins, again.shape[:2], minval=-jnp.pi, maxval=jnp.pi)
        begun = jax.vmap(worlds.reset)(bound, again.at[..., 2].set(heading))
        states = jax.tree.map(
            lambda new, old: jnp.where(over.reshape(-1, *[1] * (new.ndim - 1)), new, old), begun, after
        )
        sensed = jax.vmap(_sense)(bound, states, jax.random.split(begins, sizes.worlds))
        rows_of_batch = jax.random.randint(samples, (sizes.batch,), 0, jnp.minimum(filled, sizes.replay))
        batch = tuple(column[rows_of_batch] for column in memory)
        rewards = jnp.repeat(batch[2][:, None], batch[0].shape[1], axis=1)
        learner = update(rates, course.learner, batch[0], batch[1], rewards, batch[3], batch[4])
        clock = jnp.where(over, 0, clock)
        return _Course(states, sensed, clock, memory, filled, learner), (over.sum(), met.sum())

    course, (ended, met) = jax.lax.scan(one, course, jax.random.split(key, chunk))
    return course, ended.sum(), met.sum()
