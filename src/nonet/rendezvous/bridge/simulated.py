"""A robot of the simulator behind the same interface as a real one; its team mates are agents of their own."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np

from nonet.rendezvous.agents.base import Agent
from nonet.rendezvous.bridge.io import Reading, Scan
from nonet.rendezvous.config import WorldConfig
from nonet.rendezvous.control.base import Wheels
from nonet.rendezvous.episode import advance, begin, build_world
from nonet.rendezvous.maps.suites import Setting
from nonet.rendezvous.observation import from_senses

__all__ = ["SimulatedRobot"]


class SimulatedRobot:
    """The first robot of a simulated team; time passes only while somebody waits.

    Args:
        config: the world.
        setting: map and starts.
        mates: agents of the other robots.
        names: of all robots, the first one's first.
        seed: of the noise.
    """

    def __init__(
        self, config: WorldConfig, setting: Setting, mates: Sequence[Agent], names: Sequence[str], seed: int = 0
    ) -> None:
        self.config, self.names, self.mates = config, tuple(names), list(mates)
        self._key = jax.random.key(seed)
        self._world = build_world(config, setting.map.scene, self._key)
        self._state, self._senses = begin(self._world, np.asarray(setting.starts, np.float32), self._key)
        self._wheels = np.zeros(2, np.float32)
        self._steps = 0
        for number, mate in enumerate(self.mates):
            mate.reset(seed * 1009 + number + 1)

    @property
    def poses(self) -> np.ndarray:
        """True poses of all, for whoever judges."""
        return np.array(self._state.pose)

    def read(self) -> Reading:
        """What the first robot senses now."""
        angles = np.asarray(self.config.lidar.angles)
        step = float(angles[1] - angles[0]) if len(angles) > 1 else 0.0
        scan = Scan(self.now(), np.array(self._senses.scan[0]), float(angles[0]), step, 0.0, self.config.lidar.reach_m)
        team = np.array(self._senses.team[0])
        return Reading(
            scan,
            0.0,
            np.array(self._senses.odometry[0]),
            np.array(self._senses.velocity[0]),
            dict(zip(self.names, team, strict=True)),
        )

    def command(self, wheels: Wheels) -> None:
        """Holds from now on."""
        self._wheels = np.asarray(wheels, np.float32)

    def now(self) -> float:
        """The world's time."""
        return self._steps * self.config.step_s

    def wait_until(self, time_s: float) -> None:
        """Lets the world go on until then."""
        while self.now() < time_s - 1e-9:
            seen = from_senses(self._senses, np.ones(self.config.robots, bool), self.now())
            action = np.stack(
                [self._wheels, *(mate.act(each)[0] for mate, each in zip(self.mates, seen[1:], strict=True))]
            )
            self._state, self._senses, _ = advance(self._world, self._state, action, self._key)
            self._steps += 1

    def close(self) -> None:
        """Nothing to let go of."""
