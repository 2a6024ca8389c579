"""What every controller is: given an observation and a goal, it drives."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from nonet.rendezvous.observation import Observation

__all__ = ["Controller", "Goal", "Wheels"]

Goal = Float[np.ndarray, " 2"]
Wheels = Float[np.ndarray, " 2"]
"""Wanted forward speed, m/s, and turning rate, rad/s."""


@runtime_checkable
class Controller(Protocol):
    """Drives one robot to a point; whatever it does there is its own business, and may be bad at it."""

    def reset(self, seed: int) -> None:
        """Begins an episode."""

    def drive(self, seen: Observation, goal: Goal) -> Wheels:
        """What the wheels shall do now."""
        ...
