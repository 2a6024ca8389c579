"""How good the predictors are, on drives that nothing learnt from: error by horizon beside simple rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nonet.rendezvous.learning import Log
from nonet.rendezvous.model import Layers
from nonet.rendezvous.planner import straight
from nonet.rendezvous.predict import roll_out

__all__ = ["Forecast", "judge"]

_DRAWS = 32


@dataclass(frozen=True)
class Forecast:
    """Errors of one member's predicted positions.

    Attributes:
        member: whose; 0 is the ego itself.
        horizon_s: how far ahead, seconds.
        error_m: mean distance between predicted and true position, by method and horizon.
        coverage: share of true positions inside the 90 % region of the predicted ones, by horizon.
    """

    member: int
    horizon_s: Float[np.ndarray, " horizon"]
    error_m: dict[str, Float[np.ndarray, " horizon"]]
    coverage: Float[np.ndarray, " horizon"]


@partial(jax.jit, static_argnames=("horizon",))
def _rolled(members: tuple[Layers, ...], near: Array, poses: Array, goal: Array, key: Array, horizon: int) -> tuple:
    mean = roll_out(members, near, poses, goal[None], horizon)[0][:, 0]
    drawn = roll_out(members, near, poses, jnp.tile(goal, (_DRAWS, 1)), horizon, key)[0]
    return mean[..., :2], drawn[..., :2].mean(1), drawn[..., :2].std(1)


def judge(
    log: Log, members: tuple[Layers, ...], *, step_s: float, horizon: int = 10, most: int = 1500, seed: int = 0
) -> list[Forecast]:
    """Rolls the networks out from moments of a log and compares with what came.

    Only drives in which all had the same goal are used, since only there the ego knows what goal to assume.

    Args:
        log: of drives that nothing learnt from.
        members: the networks.
        step_s: seconds that a network spans.
        horizon: applications.
        most: moments.
        seed: chooses the moments.
    """
    rng = np.random.default_rng([5, seed])
    drives = rng.choice(np.flatnonzero(log.shared), most)
    times = rng.integers(1, log.poses.shape[1] - horizon, most)
    near, goals = log.near[drives, times], log.goal[drives]
    now, before = log.poses[drives, times], log.poses[drives, times - 1]
    ahead = np.arange(1, horizon + 1)
    truth = log.poses[drives[:, None], times[:, None] + ahead, :, :2]
    keys = jax.random.split(jax.random.key(seed), most)
    mean, middle, std = (
        np.asarray(part)
        for part in jax.vmap(partial(_rolled, horizon=horizon), (None, 0, 0, 0, 0))(members, near, now, goals, keys)
    )
    lines = np.asarray(jax.vmap(lambda pose, goal: straight(pose, goal[None], horizon, step_s)[0])(now, goals))[:, :, 0]
    velocity = now[:, None, :, :2] + ahead[:, None, None] * (now - before)[:, None, :, :2]
    methods = {"learnt": mean, "constant velocity": velocity, "straight to the goal": lines[..., :2],
               "standing still": np.broadcast_to(now[:, None, :, :2], truth.shape)}  # fmt: skip
    # the 90 % ellipse of a Gaussian in the plane has squared radius -2 ln 0.1
    inside = (((truth - middle) / np.maximum(std, 1e-3)) ** 2).sum(-1) < -2 * np.log(0.1)
    return [
        Forecast(
            member,
            ahead * step_s,
            {name: np.linalg.norm(said - truth, axis=-1).mean(0)[:, member] for name, said in methods.items()},
            inside.mean(0)[:, member],
        )
        for member in range(now.shape[1])
    ]
