"""Which maps an evaluation uses: suites of rising difficulty, apart from those that teams learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from nonet.foundation.errors import DataError, UsageError
from nonet.rendezvous.geodesic import travel_field
from nonet.rendezvous.maps.generators import FAMILIES, generate
from nonet.rendezvous.maps.layout import WINDOW, Map, window
from nonet.rendezvous.maps.readers import read_map

__all__ = ["SUITES", "Setting", "place_robots", "setting", "suite_names", "training_map"]

SUITES: Mapping[str, tuple[str, ...]] = {
    "unseen-easy": ("open", "clutter"),
    "unseen-medium": ("rooms", "corridors"),
    "unseen-hard": ("maze", "trap"),
    "unseen": tuple(FAMILIES),
}
"""Families of the generated suites."""

_TRAIN, _UNSEEN = 0, 1

# Metres a cell of the pictures of real places, which do not say it themselves; our choice.
REAL: Mapping[str, float | None] = {
    "basement_fixed.map.yaml": None,
    "stage/cave.png": 0.04,
    "stage/simple_rooms.png": 0.04,
    "stage/hospital_section.png": 0.04,
    "stage/SRI-AIC-kwing.png": 0.04,
    "stage/uoa_robotics_lab.png": 0.04,
    "stage/frieburg.png": 0.03,
    "stage/SFU_1200x615.png": 0.1,
}

_MARGIN = 0.15
"""Metres that a start has around the robot."""


@dataclass(frozen=True)
class Setting:
    """Where one episode begins.

    Attributes:
        map: the place.
        starts: x, y, heading of the robots.
        shortest_m: least total way of all robots to one point.
    """

    map: Map
    starts: Float[np.ndarray, "robots 3"]
    shortest_m: float


def suite_names() -> list[str]:
    """Names that `setting` knows."""
    return ["train", *SUITES, *FAMILIES, "real"]


def training_map(number: int, seed: int) -> Map:
    """A map that teams learn from; the families take turns. Never one of a suite."""
    family = list(FAMILIES)[number % len(FAMILIES)]
    return generate(family, (_TRAIN, seed, number))


def setting(
    suite: str, episode: int, *, robots: int, radius_m: float, seed: int = 0, data: Path | None = None
) -> Setting:
    """The map and the starts of one episode of a suite: a function of its arguments alone.

    Args:
        suite: see `suite_names`.
        episode: its number.
        robots: how many start.
        radius_m: of a robot.
        seed: another seed, other maps and starts.
        data: folder of the real maps.
    Raises:
        UsageError: if there is no such suite.
        DataError: if the real maps are not there.
    """
    rng = np.random.default_rng([7, seed, episode])
    if suite == "real":
        place = _real_map(episode, rng, radius_m, data)
    elif suite == "train":
        place = training_map(episode, seed)
    elif suite in SUITES or suite in FAMILIES:
        families = SUITES.get(suite, (suite,))
        place = generate(families[episode % len(families)], (_UNSEEN, seed, episode))
    else:
        raise UsageError(f"There is no suite '{suite}'.", fix=f"Choose one of: {', '.join(suite_names())}.")
    return place_robots(place, robots, radius_m, rng)


def place_robots(place: Map, robots: int, radius_m: float, rng: np.random.Generator) -> Setting:
    """Starts on a map: where it suggests them, else anywhere connected, two and a half metres apart.

    Raises:
        DataError: if they do not find room.
    """
    if len(place.starts) >= robots:
        points = np.array(place.starts[:robots]) + rng.uniform(-0.15, 0.15, (robots, 2))
    else:
        points = place.ground.sample(rng, robots, radius_m + _MARGIN, apart_m=2.5)
    starts = np.concatenate([points, rng.uniform(-np.pi, np.pi, (robots, 1))], axis=1)
    return Setting(place, starts, shortest_total(place, points, radius_m))


def shortest_total(place: Map, points: Float[np.ndarray, "robots 2"], radius_m: float) -> float:
    """Least sum over robots of the way to one point, metres; infinity if they cannot meet."""
    total = sum(travel_field(place.ground, point, radius_m, comfort_m=0.0) for point in points)
    return float(np.min(total))


def _real_map(episode: int, rng: np.random.Generator, radius_m: float, data: Path | None) -> Map:
    if data is None or not (data / "maps").is_dir():
        raise DataError(
            "The real maps are not here.",
            where=data,
            fix="Set NONET_DATA to the folder that holds maps/, or choose another suite.",
        )
    names = list(REAL)
    name = names[episode % len(names)]
    whole = read_map(data / "maps" / name, resolution=REAL[name])
    for _ in range(50):
        part = window(whole, whole.ground.sample(rng, 1, radius_m + _MARGIN)[0])
        free = part.ground.components(radius_m + _MARGIN) == 1
        if free.sum() > 0.02 * WINDOW**2:
            return part
    raise DataError("No part of this map has room for robots.", where=name, fix="Check its resolution.")
