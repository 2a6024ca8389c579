"""The world: robots that move, block and see each other. Pure functions of arrays; jit, vmap and scan them at will.

Positions are metres, headings radians counter-clockwise from the x axis, speeds m/s and rad/s. All arrays have room for
``N`` robots; robots that are not ``active`` are nowhere.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from nonet.rendezvous.config import MAX_DELAY, RobotConfig, WorldConfig
from nonet.rendezvous.lidar import clearance, ranges
from nonet.rendezvous.scene import Scene

__all__ = [
    "Noise",
    "Robots",
    "Senses",
    "State",
    "World",
    "build",
    "meeting_gap",
    "observe",
    "reset",
    "spread",
    "step",
    "turned",
]


class Noise(eqx.Module):
    """What is wrong in this episode (see `config.NoiseConfig`); numbers, so that one compiled world serves all."""

    range_sigma: Float[Array, "*worlds"]
    angle_sigma: Float[Array, "*worlds"]
    dropout: Float[Array, "*worlds"]
    pose_sigma: Float[Array, "*worlds"]
    heading_sigma: Float[Array, "*worlds"]
    pose_delay: Int[Array, "*worlds"]
    odometry_drift: Float[Array, "*worlds"]
    action_delay: Int[Array, "*worlds"]
    gains: Float[Array, "*worlds robots 2"]


class Robots(eqx.Module):
    """What each robot is: limits by robot, so that teams may be mixed."""

    radius: Float[Array, "*worlds robots"]
    speed: Float[Array, "*worlds robots 2"]
    turn: Float[Array, "*worlds robots"]
    acceleration: Float[Array, "*worlds robots 2"]


class World(eqx.Module):
    """All that stays the same in an episode.

    Attributes:
        scene: obstacles.
        robots: what each robot is.
        noise: what is wrong.
        active: which robots are there.
        beams: directions of the lidar's beams in the robot's frame, radians.
        reach: of the lidar, metres.
        step_s: seconds a step.
    """

    scene: Scene
    robots: Robots
    noise: Noise
    active: Bool[Array, "*worlds robots"]
    beams: Float[Array, "*worlds beams"]
    reach: float = eqx.field(static=True)
    step_s: float = eqx.field(static=True)
    noisy: bool = eqx.field(static=True)


class State(eqx.Module):
    """All that changes.

    Attributes:
        pose: x, y, heading.
        velocity: forward speed and turning rate.
        odometry: where each robot believes to be, from its wheels alone.
        seen_poses: the latest poses, newest first, from which delayed ones are observed.
        commands: the latest commands, newest first.
        travelled: metres moved so far.
        contact: whether the robot was stopped by something in the last step.
        collisions: contacts begun so far.
        time: steps done.
    """

    pose: Float[Array, "*worlds robots 3"]
    velocity: Float[Array, "*worlds robots 2"]
    odometry: Float[Array, "*worlds robots 3"]
    seen_poses: Float[Array, "*worlds delays robots 3"]
    commands: Float[Array, "*worlds delays robots 2"]
    travelled: Float[Array, "*worlds robots"]
    contact: Bool[Array, "*worlds robots"]
    collisions: Int[Array, "*worlds robots"]
    time: Int[Array, "*worlds"]


class Senses(eqx.Module):
    """What every robot senses.

    Attributes:
        scan: ranges, infinity for no return.
        velocity: own forward speed and turning rate.
        odometry: own pose by dead reckoning.
        team: row ``i`` has the poses of all as robot ``i`` observes them; its own among them is not delayed.
    """

    scan: Float[Array, "*worlds robots beams"]
    velocity: Float[Array, "*worlds robots 2"]
    odometry: Float[Array, "*worlds robots 3"]
    team: Float[Array, "*worlds robots robots 3"]


def build(
    config: WorldConfig,
    scene: Scene,
    key: Key[Array, ""] | None = None,
    *,
    active: int | None = None,
    robots: tuple[RobotConfig, ...] | None = None,
) -> World:
    """A world of one episode.

    Args:
        config: robots, sensors, noise.
        scene: obstacles.
        key: what the episode's share of noise is drawn with; None takes the configured values whole.
        active: how many robots are there; all if not given.
        robots: what each robot is, where they differ.
    """
    count = config.robots
    kinds = robots or (config.robot,) * count
    limits = Robots(
        jnp.array([kind.radius_m for kind in kinds]),
        jnp.array([kind.speed for kind in kinds]),
        jnp.array([kind.turn for kind in kinds]),
        jnp.array([(kind.acceleration, kind.turn_acceleration) for kind in kinds]),
    )
    present = jnp.arange(count) < (count if active is None else active)
    beams = jnp.array(config.lidar.angles)
    noisy = any(vars(config.noise).values())
    noise = _draw_noise(config, key)
    return World(scene, limits, noise, present, beams, config.lidar.reach_m, config.step_s, noisy)


def _draw_noise(config: WorldConfig, key: Key[Array, ""] | None) -> Noise:
    noise, count = config.noise, config.robots
    if key is None:
        share = jnp.ones(8)
        gains = jnp.ones((count, 2))
    else:
        amounts, motors = jax.random.split(key)
        share = jax.random.uniform(amounts, (8,), minval=1 - noise.randomise, maxval=1.0)
        gains = 1 + noise.action_scale * jax.random.uniform(motors, (count, 2), minval=-1.0, maxval=1.0)
    return Noise(
        noise.range_sigma_m * share[0], noise.angle_sigma * share[1], noise.dropout * share[2],
        noise.pose_sigma_m * share[3], noise.heading_sigma * share[4],
        jnp.round(noise.pose_delay_steps * share[5]).astype(jnp.int32), noise.odometry_drift * share[6],
        jnp.round(noise.action_delay_steps * share[7]).astype(jnp.int32), gains,
    )  # fmt: skip


def reset(world: World, pose: Float[Array, "robots 3"] | np.ndarray) -> State:
    """The state at the start.

    Args:
        world: the world.
        pose: where the robots stand.
    """
    pose = jnp.asarray(pose, jnp.float32)
    count = pose.shape[0]
    return State(
        pose=pose,
        velocity=jnp.zeros((count, 2)),
        odometry=pose,
        seen_poses=jnp.repeat(pose[None], MAX_DELAY + 1, axis=0),
        commands=jnp.zeros((MAX_DELAY + 1, count, 2)),
        travelled=jnp.zeros(count),
        contact=jnp.zeros(count, bool),
        collisions=jnp.zeros(count, jnp.int32),
        time=jnp.int32(0),
    )


def step(world: World, state: State, action: Float[Array, "robots 2"], key: Key[Array, ""]) -> State:
    """Moves every robot for one step.

    A robot that would touch something stops instead, and a contact is counted when it begins. It may still turn, and
    move where its distance to what it touches grows.

    Args:
        world: the world.
        state: now.
        action: wanted forward speed and turning rate; beyond the limits they are clipped.
        key: of this step's chances.
    """
    commands = jnp.concatenate([action[None], state.commands[:-1]])
    wanted = commands[world.noise.action_delay] * world.noise.gains
    wanted = jnp.stack(
        [
            jnp.clip(wanted[:, 0], world.robots.speed[:, 0], world.robots.speed[:, 1]),
            jnp.clip(wanted[:, 1], -world.robots.turn, world.robots.turn),
        ],
        axis=1,
    )
    most = world.robots.acceleration * world.step_s
    velocity = state.velocity + jnp.clip(wanted - state.velocity, -most, most)
    heading = state.pose[:, 2] + velocity[:, 1] * world.step_s
    middle = state.pose[:, 2] + 0.5 * velocity[:, 1] * world.step_s
    ahead = velocity[:, :1] * world.step_s * jnp.stack([jnp.cos(middle), jnp.sin(middle)], axis=1)
    moved = state.pose[:, :2] + ahead
    stopped = _blocked(world, state.pose[:, :2], moved) & world.active
    position = jnp.where((stopped | ~world.active)[:, None], state.pose[:, :2], moved)
    velocity = velocity.at[:, 0].set(jnp.where(stopped, 0.0, velocity[:, 0]))
    pose = jnp.concatenate([position, turned(heading)[:, None]], axis=1)
    length = jnp.linalg.norm(position - state.pose[:, :2], axis=1)
    return State(
        pose=pose,
        velocity=velocity,
        odometry=_drift(world, state, velocity, length, key) if world.noisy else pose,
        seen_poses=jnp.concatenate([pose[None], state.seen_poses[:-1]]),
        commands=commands,
        travelled=state.travelled + length,
        contact=stopped,
        collisions=state.collisions + (stopped & ~state.contact),
        time=state.time + 1,
    )


def _blocked(
    world: World, position: Float[Array, "robots 2"], moved: Float[Array, "robots 2"]
) -> Bool[Array, " robots"]:
    """Which robots may not go where they want: something is there, and nearer than before.

    A robot must keep clear of where others are and of where they want to be, so it does not matter who of them moves.
    """
    both = clearance(jnp.concatenate([position, moved]), world.scene) - jnp.tile(world.robots.radius, 2)
    before, after = jnp.split(both, 2)
    by_walls = (after < 0) & (after < before)
    apart = world.robots.radius[:, None] + world.robots.radius
    counts = world.active[:, None] & world.active & ~jnp.eye(len(apart), dtype=bool)

    def gap(one: Array, other: Array) -> Array:
        return jnp.linalg.norm(one[:, None] - other, axis=-1) - apart

    now, to_present, to_wanted = gap(position, position), gap(moved, position), gap(moved, moved)
    touches = ((to_present < 0) & (to_present < now)) | ((to_wanted < 0) & (to_wanted < now))
    return by_walls | jnp.any(touches & counts, axis=1)


def _drift(world: World, state: State, velocity: Array, length: Array, key: Key[Array, ""]) -> Float[Array, "robots 3"]:
    """Dead reckoning: the true motion with errors that grow with it."""
    errors = 1 + world.noise.odometry_drift * jax.random.normal(jax.random.fold_in(key, 1), (len(length), 2))
    heading = state.odometry[:, 2] + velocity[:, 1] * world.step_s * errors[:, 1]
    length = jnp.sign(velocity[:, 0]) * length * errors[:, 0]
    x, y = (state.odometry[:, 0] + length * jnp.cos(heading), state.odometry[:, 1] + length * jnp.sin(heading))
    return jnp.stack([x, y, turned(heading)], axis=1)


def observe(world: World, state: State, key: Key[Array, ""]) -> Senses:
    """What every robot senses now.

    Args:
        world: the world.
        state: now.
        key: of this observation's chances.
    """
    count = state.pose.shape[0]
    directions = state.pose[:, 2:] + world.beams
    if world.noisy:
        chances = _chances(key, (count, world.beams.shape[0]))
        directions = directions + world.noise.angle_sigma * chances[1]
    rays = jnp.stack([jnp.cos(directions), jnp.sin(directions)], axis=-1)
    bodies = jnp.concatenate([state.pose[:, :2], jnp.where(world.active, world.robots.radius, 0.0)[:, None]], axis=1)
    others = jnp.where(jnp.eye(count, dtype=bool)[..., None], jnp.array([1e6, 1e6, 0.0]), bodies[None])
    scan = jax.vmap(ranges, (0, 0, None, 0, None))(state.pose[:, :2], rays, world.scene, others, world.reach)
    if not world.noisy:
        return Senses(scan, state.velocity, state.odometry, jnp.repeat(state.pose[None], count, axis=0))
    scan = jnp.maximum(scan + world.noise.range_sigma * chances[0], 0.0)
    gone = (chances[2] < world.noise.dropout) | (scan > world.reach)
    scan = jnp.where(gone, jnp.inf, scan)
    return Senses(scan, state.velocity, state.odometry, _seen_team(world, state, jax.random.fold_in(key, 1)))


def _chances(key: Key[Array, ""], shape: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Two normal numbers and one uniform number in [0, 1) a place, from two words of noise (Box and Muller 1958).

    Drawing is what a noisy step spends most of its time on; the uniform one is made of bits that the others leave over.
    """
    words = jax.random.bits(key, (2, *shape))
    first, second = (words >> 8).astype(jnp.float32) * 2.0**-24
    size = jnp.sqrt(-2 * jnp.log1p(-first))
    left_over = ((words[0] & 0xFF) << 8) | (words[1] & 0xFF)
    return (
        size * jnp.cos(2 * jnp.pi * second), size * jnp.sin(2 * jnp.pi * second),
        left_over.astype(jnp.float32) * 2.0**-16,
    )  # fmt: skip


def _seen_team(world: World, state: State, key: Key[Array, ""]) -> Float[Array, "robots robots 3"]:
    """Poses of all as each robot observes them: others' are delayed, all have errors of the observer's own."""
    count = state.pose.shape[0]
    own = jnp.eye(count, dtype=bool)[..., None]
    old = state.seen_poses[world.noise.pose_delay]
    sigma = jnp.stack([world.noise.pose_sigma, world.noise.pose_sigma, world.noise.heading_sigma])
    team = jnp.where(own, state.pose[None], old[None]) + sigma * jax.random.normal(key, (count, count, 3))
    return team.at[..., 2].set(turned(team[..., 2]))


def spread(pose: Float[Array, "robots 3"]) -> Float[Array, ""]:
    """The largest distance between two robots, metres, whatever stands between them."""
    return jnp.linalg.norm(pose[:, None, :2] - pose[:, :2], axis=-1).max()


def meeting_gap(world: World, pose: Float[Array, "robots 3"]) -> Float[Array, ""]:
    """The largest distance between two robots, metres; infinity while an obstacle stands between any two.

    Robots on both sides of a wall have not met, however thin it is.
    """
    first, second = jnp.triu_indices(pose.shape[0], k=1)
    offset = pose[second, :2] - pose[first, :2]
    apart = jnp.linalg.norm(offset, axis=1)
    rays = offset / jnp.maximum(apart, 1e-6)[:, None]
    nobody = jnp.zeros((1, 3))
    free = jax.vmap(lambda origin, ray: ranges(origin, ray[None], world.scene, nobody, world.reach)[0])(
        pose[first, :2], rays
    )
    counts = world.active[first] & world.active[second]
    # beyond the lidar's reach nobody has met anyway
    return jnp.max(jnp.where(counts, jnp.where(free > apart, apart, jnp.inf), 0.0), initial=0.0)


def turned(angle: Array) -> Array:
    """The same direction in [-pi, pi)."""
    return (angle + jnp.pi) % (2 * jnp.pi) - jnp.pi
