"""Stories as Gymnasium environments: one recommender, alone with one user or with many users side by side.

Importing this module registers ``nonet/InterestEvolution-v0``.
"""

from __future__ import annotations

from typing import Any, ClassVar

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from nonet.foundation.errors import UsageError
from nonet.recsim import random
from nonet.recsim.blocks.corpora import Catalogue, catalogue
from nonet.recsim.environment import Chair, Environment
from nonet.recsim.handlers import Slice
from nonet.recsim.stories.interest import MovingUsers, Nearest, interest_evolution

__all__ = ["RecommenderEnv", "VectorRecommenderEnv", "interest_environment"]

_HISTORY = 15


def interest_environment(horizon: int, *, slate: int = 2, documents: int = 100, world: int = 0) -> Environment:
    """The interest-evolution story with one user and the slate in the agent's hands.

    The agent sees the documents last taken and the time spent on them, and is rewarded by time spent.

    Args:
        horizon: steps of an episode.
        slate: documents shown.
        documents: size of the catalogue.
        world: seed of the catalogue.
    """
    shelf = catalogue(random.key(world), documents)
    story = interest_evolution(MovingUsers(1, shelf), Nearest(shelf, slate), _HISTORY)
    return Environment(story, ("slate",), _seen, _time, horizon)


class RecommenderEnv(gymnasium.Env[dict[str, np.ndarray], np.ndarray]):
    """One user, whose interests move with what is shown.

    Args:
        horizon: steps of an episode; it is truncated there.
        slate: documents shown.
        documents: size of the catalogue.
        world: seed of the catalogue; episodes of one world share it.
        render_mode: None; there is nothing to show.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(
        self,
        horizon: int = 60,
        slate: int = 2,
        documents: int = 100,
        world: int = 0,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = render_mode
        environment = interest_environment(horizon, slate=slate, documents=documents, world=world)
        self.observation_space: Any
        self.observation_space, self.action_space = _spaces(slate, documents)
        self._reset, self._step = eqx.filter_jit(environment.reset), eqx.filter_jit(environment.step)
        self._chair: Chair | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """A new user; the same seed gives the same user and the same chances."""
        super().reset(seed=seed)
        self._chair, seen = self._reset(random.key(int(self.np_random.integers(2**31))))
        return _first_row(seen), {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Shows a slate: indices of documents, one for each position."""
        if self._chair is None:
            raise UsageError("The environment has no episode yet.", where="step", fix="Call reset first.")
        if not self.action_space.contains(action):
            raise UsageError(f"{action} is no slate.", where="step", fix=f"Give an element of {self.action_space}.")
        moved = self._step(self._chair, np.asarray(action, np.int32)[None])
        self._chair = moved.chair
        return _first_row(moved.observation), float(moved.reward[0]), False, bool(moved.truncated), {}


class VectorRecommenderEnv(VectorEnv[dict[str, np.ndarray], np.ndarray, np.ndarray]):
    """Many users at once, each an episode of its own, in one compiled step.

    All episodes have the same length and end together; the step behind the end begins new ones (next-step autoreset).

    Args:
        num_envs: how many users.
        horizon: steps of an episode.
        slate: documents shown.
        documents: size of the catalogue.
        world: seed of the catalogue.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(
        self, num_envs: int = 64, horizon: int = 60, slate: int = 2, documents: int = 100, world: int = 0
    ) -> None:
        self.num_envs = num_envs
        environment = interest_environment(horizon, slate=slate, documents=documents, world=world)
        self.single_observation_space, self.single_action_space = _spaces(slate, documents)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._reset = eqx.filter_jit(lambda keys: jax.vmap(environment.reset)(keys))
        self._step = eqx.filter_jit(lambda chairs, actions: jax.vmap(environment.step)(chairs, actions))
        self._chairs: Chair | None = None
        self._over = False

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """New users.

        Args:
            seed: a number, or one for each environment, or None.
            options: not used.
        """
        super().reset(seed=seed if isinstance(seed, int) else None)
        seeds = seed if isinstance(seed, (list, tuple)) else self.np_random.integers(2**31, size=self.num_envs)
        keys = jnp.stack([random.key(int(number)) for number in seeds])
        self._chairs, seen = self._reset(keys)
        self._over = False
        return _rows(seen), {}

    def step(self, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Shows a slate to every user, or begins new episodes where the last step ended them."""
        if self._chairs is None:
            raise UsageError("The environment has no episode yet.", where="step", fix="Call reset first.")
        if not self.action_space.contains(actions):
            raise UsageError("These are no slates.", where="step", fix=f"Give an element of {self.action_space}.")
        none = np.zeros(self.num_envs, bool)
        if self._over:
            seen, info = self.reset()
            return seen, np.zeros(self.num_envs), none, none, info
        moved = self._step(self._chairs, np.asarray(actions, np.int32)[:, None])
        self._chairs, truncated = moved.chair, np.asarray(moved.truncated)
        self._over = bool(truncated.all())
        return _rows(moved.observation), np.asarray(moved.reward[:, 0], float), none, truncated, {}


def _seen(now: Slice) -> dict[str, Any]:
    return {"document": now["seen"].document, "time": now["seen"].time}


def _time(now: Slice) -> Any:
    return now["time"]


def _spaces(slate: int, documents: int) -> tuple[spaces.Space[Any], spaces.Space[Any]]:
    """A history of documents (``documents`` stands for none) with times, and a slate."""
    observation = spaces.Dict(
        {
            "document": spaces.MultiDiscrete(np.full(_HISTORY, documents + 1), dtype=np.int32),
            "time": spaces.Box(0.0, Catalogue.length, (_HISTORY,), np.float32),
        }
    )
    return observation, spaces.MultiDiscrete(np.full(slate, documents), dtype=np.int32)


def _first_row(seen: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value)[0] for name, value in seen.items()}


def _rows(seen: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value)[:, 0] for name, value in seen.items()}


gymnasium.register("nonet/InterestEvolution-v0", entry_point="nonet.recsim.gym:RecommenderEnv")
