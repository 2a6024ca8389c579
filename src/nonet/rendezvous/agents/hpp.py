"""The article's agent: it predicts everybody, and goes where it believes that all will go."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from nonet.rendezvous.agents.base import GoalAgent, Thought
from nonet.rendezvous.belief import Belief
from nonet.rendezvous.config import PlannerConfig
from nonet.rendezvous.control.base import Controller
from nonet.rendezvous.model import Layers, scan_features
from nonet.rendezvous.observation import Observation
from nonet.rendezvous.planner import NOWHERE, Plan, plan
from nonet.rendezvous.predict import sectors, sectors_of

__all__ = ["HppAgent"]

_PLACES = 4
_PROGRESS_M = 0.3


class HppAgent(GoalAgent):
    """Plans with its own predictors from its own observations.

    Args:
        members: predictors, its own first.
        controller: drives.
        config: of the search.
        reach_m: of the lidar.
        step_s: seconds that a predictor spans.
    """

    def __init__(
        self,
        members: tuple[Layers, ...],
        controller: Controller,
        config: PlannerConfig,
        *,
        reach_m: float,
        step_s: float,
    ) -> None:
        self.members, self.config, self.reach_m, self.step_s = members, config, reach_m, step_s
        super().__init__(controller, config.replan_s)

    def reset(self, seed: int) -> None:
        """Forgets its belief."""
        super().reset(seed)
        self.seed, self.round = seed, 0
        self.belief: Belief | None = None
        self.committed = np.full(2, np.nan, np.float32)
        self.before: tuple[float, np.ndarray] | None = None
        self.given_up = np.full((_PLACES, 2), NOWHERE, np.float32)
        self.rest: tuple[float, np.ndarray, float] | None = None

    def think(self, seen: Observation) -> Thought:
        """One round of planning."""
        poses, active = seen.ego_first()
        poses = poses.astype(np.float32)
        if self._held_up(seen.time_s, poses[active, :2]):
            self.given_up = np.concatenate([self.committed[None], self.given_up[:-1]])
            self.committed = np.full(2, np.nan, np.float32)
            self.belief = None
        found = self._plan(poses, active, seen)
        self.before = (seen.time_s, poses)
        self.belief, self.round = found.belief, self.round + 1
        self.committed = np.asarray(found.goal)
        return Thought(self.committed, True, np.asarray(found.proposals), np.asarray(found.paths))

    def _held_up(self, time_s: float, places: np.ndarray) -> bool:
        """Whether nothing has come of its goal for longer than it has patience; the clock then starts anew.

        Nothing has, while it stands (at a wall, or where it wanted to be) and the team comes no nearer to each other.
        """
        gap = float(np.linalg.norm(places[:, None] - places, axis=-1).max())
        if self.rest is not None and not np.isnan(self.committed[0]):
            since, place, gap_then = self.rest
            if float(np.hypot(*(places[0] - place))) < _PROGRESS_M and gap > gap_then - _PROGRESS_M:
                if not 0 < self.config.patience_s <= time_s - since:
                    return False
                self.rest = (time_s, places[0], gap)
                return True
        self.rest = (time_s, places[0], gap)
        return False

    def _sectors(self, seen: Observation) -> np.ndarray:
        near = scan_features(seen.scan, self.reach_m, np).astype(np.float32)
        return sectors(near, sectors_of(self.members[0]), np) if self.members else near

    def _plan(self, poses: np.ndarray, active: np.ndarray, seen: Observation) -> Plan:
        before: Any = poses
        if self.before is not None:
            passed = max(seen.time_s - self.before[0], 1e-3)
            before = poses - (poses - self.before[1]) * np.float32(self.step_s / passed)
        last = self.belief
        key = jax.random.fold_in(jax.random.key(self.seed), self.round)
        return plan(
            self.config,
            self.members,
            self._sectors(seen),
            poses,
            before,
            active,
            last,
            self.committed,
            self.given_up,
            key,
            reach=self.reach_m,
            step_s=self.step_s,
        )
