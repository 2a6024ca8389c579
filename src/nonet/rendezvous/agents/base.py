"""What an agent is: an object with ``act(observation) -> (wheels, thought)``, and no way to another agent's state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from nonet.foundation.errors import DataError
from nonet.rendezvous.control.base import Controller, Wheels
from nonet.rendezvous.observation import Observation

__all__ = ["Agent", "GoalAgent", "Thought"]


@dataclass(frozen=True)
class Thought:
    """What an agent tells of itself to whoever watches; no agent is told another's.

    Attributes:
        goal: where it goes, or None if it has no such notion.
        fresh: whether it planned in this step.
        proposals: meeting points that it considered, (any, 2).
        paths: predicted positions of the team, itself first, (horizon, robots, 2).
    """

    goal: Float[np.ndarray, " 2"] | None = None
    fresh: bool = False
    proposals: Float[np.ndarray, "any 2"] | None = None
    paths: Float[np.ndarray, "horizon robots 2"] | None = None


@runtime_checkable
class Agent(Protocol):
    """One robot's mind."""

    def reset(self, seed: int) -> None:
        """Begins an episode: forgets all of the last one."""

    def act(self, seen: Observation) -> tuple[Wheels, Thought]:
        """What the wheels shall do, and what was thought."""
        ...


class GoalAgent(ABC):
    """An agent that now and then chooses a goal, and lets a controller drive to it.

    Args:
        controller: drives.
        replan_s: seconds between choices.
    """

    def __init__(self, controller: Controller, replan_s: float) -> None:
        self.controller, self.replan_s = controller, replan_s
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forgets."""
        self.controller.reset(seed)
        self.thought = Thought()
        self.last_time, self.next_plan = -np.inf, -np.inf

    @abstractmethod
    def think(self, seen: Observation) -> Thought:
        """Chooses a goal."""

    def act(self, seen: Observation) -> tuple[Wheels, Thought]:
        """Thinks if it is time to, and drives.

        Raises:
            DataError: if the clock goes back, or nobody is there to meet.
        """
        if seen.time_s < self.last_time:
            raise DataError(
                f"The clock went back from {self.last_time:.2f} s to {seen.time_s:.2f} s.",
                where=f"robot {seen.me}",
                fix="Reset the agent when an episode or a recording begins again.",
            )
        if int(seen.present.sum()) < 2:
            raise DataError(
                "One robot has nobody to meet.", where=f"robot {seen.me}", fix="Give a team of two or more."
            )
        self.last_time = seen.time_s
        thought = self.thought
        if seen.time_s >= self.next_plan - 1e-6:
            thought = self.thought = self.think(seen)
            self.next_plan = seen.time_s + self.replan_s
        else:
            thought = Thought(goal=thought.goal)
        goal = thought.goal if thought.goal is not None else seen.pose[:2]
        return self.controller.drive(seen, goal), thought
