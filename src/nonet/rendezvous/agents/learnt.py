"""The end-to-end baseline: one network from what a robot senses to its wheels."""

from __future__ import annotations

import numpy as np

from nonet.rendezvous.agents.base import Thought
from nonet.rendezvous.config import WorldConfig
from nonet.rendezvous.control.base import Controller, Goal, Wheels
from nonet.rendezvous.maddpg import FRAME_SKIP, actor_inputs
from nonet.rendezvous.model import Layers, forward
from nonet.rendezvous.observation import Observation

__all__ = ["MaddpgAgent", "MaddpgWheels"]


class MaddpgWheels:
    """Drives as the actor that MADDPG learnt; where to is its own affair.

    Args:
        actor: its weights.
        world: limits and sensors.
    """

    def __init__(self, actor: Layers, world: WorldConfig) -> None:
        self.actor, self.reach_m = actor, world.lidar.reach_m
        self.most = np.array([world.robot.speed[1], world.robot.turn], np.float32)
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forgets the action that is held."""
        self.held, self.left = np.zeros(2, np.float32), 0

    def drive(self, seen: Observation, goal: Goal) -> Wheels:
        """Holds an action for as many steps as in training."""
        if self.left == 0:
            poses, _ = seen.ego_first()
            given = actor_inputs(seen.scan, seen.velocity, poses, self.reach_m, np)
            self.held = np.tanh(forward(self.actor, given.astype(np.float32))) * self.most
            self.left = FRAME_SKIP
        self.left -= 1
        return self.held


class MaddpgAgent:
    """Does what its wheels do; it has no goal to show.

    Args:
        controller: `MaddpgWheels`, or those with a fault.
    """

    def __init__(self, controller: Controller) -> None:
        self.controller = controller

    def reset(self, seed: int) -> None:
        """Begins an episode."""
        self.controller.reset(seed)

    def act(self, seen: Observation) -> tuple[Wheels, Thought]:
        """Drives."""
        return self.controller.drive(seen, seen.pose[:2]), Thought()
