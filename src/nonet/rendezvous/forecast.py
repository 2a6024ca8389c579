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

__all__ = ["Forecast", "calibrated", "judge"]

_DRAWS = 32
_REGION = 0.9
# the region of a Gaussian in the plane that holds a share p has squared radius -2 ln(1 - p) deviations
_RADIUS = float(np.sqrt(-2 * np.log(1 - _REGION)))


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


@dataclass(frozen=True)
class _Rolled:
    """Moments of a log, what the models said of them, and what came: (moments, horizon, robots, 2) each."""

    now: Float[np.ndarray, "moments robots 3"]
    before: Float[np.ndarray, "moments robots 3"]
    goals: Float[np.ndarray, "moments 2"]
    truth: np.ndarray
    mean: np.ndarray
    middle: np.ndarray
    std: np.ndarray

    @property
    def deviations(self) -> Float[np.ndarray, "moments horizon robots"]:
        """How far the truth lies from the middle of the drawn futures, in deviations of theirs."""
        return np.linalg.norm((self.truth - self.middle) / np.maximum(self.std, 1e-3), axis=-1)


def _roll_log(log: Log, members: tuple[Layers, ...], horizon: int, most: int, seed: int) -> _Rolled:
    rng = np.random.default_rng([5, seed])
    drives = rng.choice(np.flatnonzero(log.shared), most)
    times = rng.integers(1, log.poses.shape[1] - horizon, most)
    now, goals = log.poses[drives, times], log.goal[drives]
    truth = log.poses[drives[:, None], times[:, None] + np.arange(1, horizon + 1), :, :2]
    keys = jax.random.split(jax.random.key(seed), most)
    said = jax.vmap(partial(_rolled, horizon=horizon), (None, 0, 0, 0, 0))(
        members, log.near[drives, times], now, goals, keys
    )
    return _Rolled(now, log.poses[drives, times - 1], goals, truth, *(np.asarray(part) for part in said))


def calibrated(
    log: Log, members: tuple[Layers, ...], *, horizon: int = 10, most: int = 1500, seed: int = 0
) -> Float[np.ndarray, "members horizon"]:
    """Factors of the predicted deviations with which the 90 % regions hold 90 % of what came.

    A step's Gaussian knows nothing of errors that go on from step to step, so roll-outs are too sure of themselves.

    Args:
        log: of drives that neither the networks learnt from nor anything is judged on.
        members: the networks.
        horizon: applications.
        most: moments.
        seed: chooses the moments.
    """
    return (np.quantile(_roll_log(log, members, horizon, most, seed).deviations, _REGION, axis=0) / _RADIUS).T


def judge(
    log: Log,
    members: tuple[Layers, ...],
    *,
    step_s: float,
    horizon: int = 10,
    most: int = 1500,
    seed: int = 0,
    spread: Float[np.ndarray, "members horizon"] | None = None,
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
        spread: factors of the deviations, from `calibrated`; 1 if not given.
    """
    rolled = _roll_log(log, members, horizon, most, seed)
    now, ahead = rolled.now, np.arange(1, horizon + 1)
    lines = jax.vmap(lambda pose, goal: straight(pose, goal[None], horizon, step_s)[0])(now, rolled.goals)
    velocity = now[:, None, :, :2] + ahead[:, None, None] * (now - rolled.before)[:, None, :, :2]
    methods = {
        "learnt": rolled.mean,
        "constant velocity": velocity,
        "straight to the goal": np.asarray(lines)[:, :, 0, :, :2],
        "standing still": np.broadcast_to(now[:, None, :, :2], rolled.truth.shape),
    }
    factors = np.ones((now.shape[1], horizon)) if spread is None else spread
    inside = rolled.deviations < _RADIUS * factors.T
    return [
        Forecast(
            member,
            ahead * step_s,
            {name: np.linalg.norm(said - rolled.truth, axis=-1).mean(0)[:, member] for name, said in methods.items()},
            inside.mean(0)[:, member],
        )
        for member in range(now.shape[1])
    ]
