"""Motion predictors: one network for each team member, itself included, learnt from one robot's own log.

A network is given the ego robot's scan by sectors, the member's pose as the ego sees it, and an assumed goal; it says
how the member will have moved and what the ego will then see. Applied again and again it rolls a team out into the
future. The motion is a Gaussian, so that a prediction knows how sure it is.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from nonet.rendezvous.model import Layers, forward, goal_features
from nonet.rendezvous.world import turned

__all__ = ["MOTION", "input_size", "inputs", "move", "outputs", "roll_out", "sectors", "sectors_of", "to_frame"]

MOTION = 3
"""Numbers of a motion: ahead and left in metres, and turn in radians, in the member's own frame."""

_LEAST_LOG_STD, _MOST_LOG_STD = -4.0, 0.7


_PLACES = 4 + 4


def input_size(sectors: int) -> int:
    """How many numbers a predictor is given: scan, the member's pose from here, the goal from the member."""
    return sectors + _PLACES


def output_size(sectors: int) -> int:
    """How many numbers a predictor says: mean and log deviation of the motion, and the next scan."""
    return 2 * MOTION + sectors


def sectors_of(layers: Layers) -> int:
    """Sectors of the scan that a predictor is given."""
    return layers["w0"].shape[0] - _PLACES


def sectors(near: Any, count: int, library: Any = jnp) -> Any:
    """The nearest thing in each sector of a scan, as nearness, (…, sectors).

    Args:
        near: the scan as nearness (`model.scan_features`), (…, beams).
        count: sectors of as many beams each; the last has fewer if they do not divide.
        library: NumPy or its JAX namesake.
    """
    beams = near.shape[-1]
    each = -(-beams // count)
    padded = library.pad(near, [(0, 0)] * (near.ndim - 1) + [(0, each * count - beams)])
    return padded.reshape(*near.shape[:-1], count, each).max(-1)


def to_frame(pose: Float[Array, "... 3"], frame: Float[Array, "... 3"]) -> Float[Array, "... 4"]:
    """A pose seen from another: ahead, left (metres), and cosine and sine of the turn between them."""
    dx, dy = pose[..., 0] - frame[..., 0], pose[..., 1] - frame[..., 1]
    cos, sin = jnp.cos(frame[..., 2]), jnp.sin(frame[..., 2])
    turn = pose[..., 2] - frame[..., 2]
    return jnp.stack([cos * dx + sin * dy, cos * dy - sin * dx, jnp.cos(turn), jnp.sin(turn)], axis=-1)


def inputs(
    near: Float[Array, "... sectors"],
    ego: Float[Array, "... 3"],
    member: Float[Array, "... 3"],
    goal: Float[Array, "... 2"],
) -> Float[Array, "... features"]:
    """What a predictor is given.

    Args:
        near: the ego's scan (`sectors`).
        ego: its pose.
        member: pose of the member.
        goal: that the member is assumed to have.
    """
    place = to_frame(member, ego)
    place = jnp.concatenate([jnp.tanh(place[..., :2] / 5.0), place[..., 2:]], axis=-1)
    return jnp.concatenate([near, place, goal_features(goal - member[..., :2], member[..., 2])], axis=-1)


def outputs(layers: Layers, given: Float[Array, "... features"]) -> tuple[Array, Array, Array]:
    """Mean and deviation of the motion, and the ego's next scan as nearness."""
    said = forward(layers, given)
    deviation = jnp.exp(jnp.clip(said[..., MOTION : 2 * MOTION], _LEAST_LOG_STD, _MOST_LOG_STD))
    count = said.shape[-1] - 2 * MOTION
    # the next scan is told as a change of this one
    near = jnp.clip(given[..., :count] + said[..., 2 * MOTION :], 0.0, 1.0)
    return said[..., :MOTION], deviation, near


def move(pose: Float[Array, "... 3"], motion: Float[Array, "... 3"]) -> Float[Array, "... 3"]:
    """The pose after a motion in its own frame."""
    cos, sin = jnp.cos(pose[..., 2]), jnp.sin(pose[..., 2])
    x = pose[..., 0] + cos * motion[..., 0] - sin * motion[..., 1]
    y = pose[..., 1] + sin * motion[..., 0] + cos * motion[..., 1]
    return jnp.stack([x, y, turned(pose[..., 2] + motion[..., 2])], axis=-1)


def _without_scan(layers: Layers) -> Layers:
    """The network without the outputs that only the ego's own needs."""
    last = len(layers) // 2 - 1
    return {**layers, f"w{last}": layers[f"w{last}"][:, : 2 * MOTION], f"b{last}": layers[f"b{last}"][: 2 * MOTION]}


def roll_out(
    members: tuple[Layers, ...],
    near: Float[Array, " sectors"],
    poses: Float[Array, "robots 3"],
    goals: Float[Array, "goals 2"],
    horizon: int,
    key: Key[Array, ""] | None = None,
) -> tuple[Float[Array, "horizon goals robots 3"], Float[Array, "horizon goals"]]:
    """What happens if the whole team goes to each of the proposed goals.

    Args:
        members: a network for each robot, the ego first; the last serves the rest of a larger team.
        near: the ego's scan (`sectors`).
        poses: of all robots, the ego first.
        goals: proposals.
        horizon: applications of the networks.
        key: draws motions from the Gaussians; None takes their means.
    Returns:
        Poses, and the nearest thing that the ego will see as nearness.
    """
    count = len(goals)
    networks: list[Any] = [members[0]]
    networks += [_without_scan(members[min(place, len(members) - 1)]) for place in range(1, len(poses))]
    keys = None if key is None else jax.random.split(key, horizon)

    def advance(carried: tuple[Array, Array], key: Array | None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        near, poses = carried
        ego, moved, seen = poses[:, 0], [], near
        for place, layers in enumerate(networks):
            given = inputs(near, ego, poses[:, place], goals)
            if place == 0:
                mean, deviation, seen = outputs(layers, given)
            else:
                said = forward(layers, given)
                mean = said[:, :MOTION]
                deviation = jnp.exp(jnp.clip(said[:, MOTION:], _LEAST_LOG_STD, _MOST_LOG_STD))
            if key is not None:
                mean = mean + deviation * jax.random.normal(jax.random.fold_in(key, place), mean.shape)
            moved.append(move(poses[:, place], mean))
        poses = jnp.stack(moved, axis=1)
        return (seen, poses), (poses, seen.max(-1))

    start = (jnp.tile(near, (count, 1)), jnp.tile(poses, (count, 1, 1)))
    return jax.lax.scan(advance, start, keys, length=horizon)[1]
