"""Rules instead of thought: meet in the middle, or where one of us is, or at a known place.

Some of them know the map, or that all follow the same rule, which is more than the article's agent knows: they are
centralised baselines, and say so.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nonet.rendezvous.agents.base import GoalAgent, Thought
from nonet.rendezvous.control.base import Controller
from nonet.rendezvous.geodesic import geodesic_midpoint
from nonet.rendezvous.maps.layout import Map
from nonet.rendezvous.observation import Observation

__all__ = ["RULES", "RuleAgent"]

Rule = Callable[[Observation, Map, float], np.ndarray]


def midpoint(seen: Observation, place: Map, radius_m: float) -> np.ndarray:
    """The middle of where all are now, whatever stands there."""
    return seen.team[seen.present, :2].mean(0)


def free_midpoint(seen: Observation, place: Map, radius_m: float) -> np.ndarray:
    """The free place nearest to the middle of where all are now."""
    return place.ground.nearest_free(midpoint(seen, place, radius_m), radius_m + 0.05)


def geodesic_middle(seen: Observation, place: Map, radius_m: float) -> np.ndarray:
    """The place that the last of them reaches soonest around obstacles."""
    free = np.stack([place.ground.nearest_free(pose[:2], radius_m) for pose in seen.team[seen.present]])
    return geodesic_midpoint(place.ground, free, radius_m)


def one_waits(seen: Observation, place: Map, radius_m: float) -> np.ndarray:
    """Everybody goes to the first robot, which waits."""
    return seen.team[np.flatnonzero(seen.present)[0], :2]


def landmark(seen: Observation, place: Map, radius_m: float) -> np.ndarray:
    """A place fixed beforehand: the free place nearest to the middle of the map."""
    left, bottom, right, top = place.ground.bounds
    return place.ground.nearest_free(np.array([(left + right) / 2, (bottom + top) / 2]), radius_m + 0.05)


RULES: dict[str, tuple[Rule, str]] = {
    "midpoint": (midpoint, "rule: to the middle of all, whatever stands there"),
    "free-midpoint": (free_midpoint, "rule: to the free place of the map nearest to the middle"),
    "geodesic-midpoint": (geodesic_middle, "rule: to the middle of the way around the map's obstacles"),
    "one-waits": (one_waits, "rule: the first robot waits, all others come"),
    "landmark": (landmark, "rule: to the middle of the map, agreed on beforehand"),
}
"""Rules by name, and what they say."""


class RuleAgent(GoalAgent):
    """Follows a rule, which is applied once: all robots start from the same view, so they agree from the start.

    Args:
        rule: a name of `RULES`.
        controller: drives.
        place: the map.
        radius_m: of the robots.
    """

    def __init__(self, rule: str, controller: Controller, place: Map, radius_m: float) -> None:
        self.rule, self.place, self.radius_m = RULES[rule][0], place, radius_m
        super().__init__(controller, np.inf)

    def think(self, seen: Observation) -> Thought:
        """Applies the rule."""
        return Thought(np.asarray(self.rule(seen, self.place, self.radius_m), np.float32), True)
