"""Random maps: open floors, clutter, rooms, corridors, mazes, and traps that mirror each other.

Every family is a function of a random generator; its maps are 12 m by 12 m and fit the room of `scene.CIRCLES` and
`scene.SEGMENTS`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from nonet.rendezvous.maps.layout import Map, from_shapes
from nonet.rendezvous.scene import box, rectangle

__all__ = ["FAMILIES", "SIDE", "generate"]

SIDE = 12.0
"""Metres a side of a generated map."""

_DOOR = 1.3
_OUTER = rectangle(0.0, 0.0, SIDE, SIDE)
Segments = list[tuple[float, float, float, float]]


def open_floor(rng: np.random.Generator) -> Map:
    """A hall with a few pillars."""
    return from_shapes("open", _pillars(rng, int(rng.integers(2, 5)), 0.2, 0.5), _OUTER, (0, 0, SIDE, SIDE))


def clutter(rng: np.random.Generator) -> Map:
    """Pillars and boxes, some of which make corners that hold a robot that goes straight."""
    segments: Segments = list(_OUTER)
    for _ in range(int(rng.integers(4, 8))):
        x, y = rng.uniform(1.8, SIDE - 1.8, 2)
        segments += box(x, y, rng.uniform(0.6, 2.4), rng.uniform(0.4, 1.2), rng.uniform(0, np.pi))
    return from_shapes("clutter", _pillars(rng, int(rng.integers(5, 10)), 0.2, 0.6), segments, (0, 0, SIDE, SIDE))


def rooms(rng: np.random.Generator) -> Map:
    """Four to nine rooms with doors."""
    across, up = (int(value) for value in rng.integers(2, 4, 2))
    segments: Segments = list(_OUTER)
    x_walls = [SIDE * k / across + rng.uniform(-0.6, 0.6) for k in range(1, across)]
    y_walls = [SIDE * k / up + rng.uniform(-0.6, 0.6) for k in range(1, up)]
    for x in x_walls:
        segments += _wall_with_doors(rng, x, [0.0, *y_walls, SIDE], upright=True)
    for y in y_walls:
        segments += _wall_with_doors(rng, y, [0.0, *x_walls, SIDE], upright=False)
    return from_shapes("rooms", (), segments, (0, 0, SIDE, SIDE))


def corridors(rng: np.random.Generator) -> Map:
    """Long parallel corridors joined by a few openings."""
    lanes = int(rng.integers(3, 6))
    segments: Segments = list(_OUTER)
    for number in range(1, lanes):
        level = SIDE * number / lanes
        doors = np.sort(rng.uniform(0.8, SIDE - 0.8 - _DOOR, int(rng.integers(1, 3))))
        start = 0.0
        for door in doors:
            if door > start:
                segments.append((start, level, float(door), level))
            start = float(door) + _DOOR
        segments.append((start, level, SIDE, level))
    if rng.random() < 0.5:
        segments = [(b, a, d, c) for a, b, c, d in segments]
    return from_shapes("corridors", (), segments, (0, 0, SIDE, SIDE))


def maze(rng: np.random.Generator) -> Map:
    """A maze of five by five cells with a few walls taken out."""
    size, side = 5, SIDE / 5
    open_walls: set[tuple[tuple[int, int], tuple[int, int]]] = set()
    seen, stack = {(0, 0)}, [(0, 0)]
    while stack:
        x, y = stack[-1]
        ways = [(x + dx, y + dy) for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        ways = [way for way in ways if min(way) >= 0 and max(way) < size and way not in seen]
        if not ways:
            stack.pop()
            continue
        way = ways[int(rng.integers(len(ways)))]
        first, second = sorted([(x, y), way])
        open_walls.add((first, second))
        seen.add(way)
        stack.append(way)
    segments: Segments = list(_OUTER)
    for x in range(size):
        for y in range(size):
            for other, wall in (
                ((x + 1, y), ((x + 1) * side, y * side, (x + 1) * side, (y + 1) * side)),
                ((x, y + 1), (x * side, (y + 1) * side, (x + 1) * side, (y + 1) * side)),
            ):
                inside = max(other) < size
                if inside and ((x, y), other) not in open_walls and rng.random() > 0.15:
                    segments.append(wall)
    return from_shapes("maze", (), segments, (0, 0, SIDE, SIDE))


def trap(rng: np.random.Generator) -> Map:
    """A wall between the robots, with a pocket on each side and equal ways around both ends.

    Whoever heads for the middle runs into its pocket; whoever decides alone may choose the other end. The map is its
    own mirror image, so nothing but chance or agreement breaks the tie.
    """
    middle, half = SIDE / 2, float(rng.uniform(2.6, 4.2))
    depth = float(rng.uniform(0.8, 2.0))
    segments: Segments = [*_OUTER, (middle, middle - half, middle, middle + half)]
    for end in (middle - half, middle + half):
        segments.append((middle - depth, end, middle + depth, end))
    pillars = []
    for _ in range(int(rng.integers(0, 4))):
        x, y, radius = rng.uniform(0.8, middle - depth - 1.0), rng.uniform(0.8, middle - 0.8), rng.uniform(0.2, 0.4)
        pillars += [(a, b, radius) for a in (x, SIDE - x) for b in (y, SIDE - y)][:4]
    away = float(rng.uniform(depth + 0.8, depth + 2.2))
    starts = ((middle - away, middle), (middle + away, middle))
    pillars = [p for p in pillars if min(np.hypot(p[0] - x, p[1] - y) for x, y in starts) > p[2] + 0.7]
    return from_shapes("trap", pillars[:16], segments, (0, 0, SIDE, SIDE), starts=starts)


FAMILIES: dict[str, Callable[[np.random.Generator], Map]] = {
    "open": open_floor,
    "clutter": clutter,
    "rooms": rooms,
    "corridors": corridors,
    "maze": maze,
    "trap": trap,
}
"""The families by name, from the easiest to the hardest."""


def generate(family: str, seed: tuple[int, ...]) -> Map:
    """A map of a family; the same seed gives the same map."""
    place = list(FAMILIES).index(family)
    return FAMILIES[family](np.random.default_rng([place, *seed]))


def _pillars(rng: np.random.Generator, count: int, least: float, most: float) -> list[tuple[float, float, float]]:
    return [
        (float(rng.uniform(1.0, SIDE - 1.0)), float(rng.uniform(1.0, SIDE - 1.0)), float(rng.uniform(least, most)))
        for _ in range(count)
    ]


def _wall_with_doors(rng: np.random.Generator, level: float, stops: list[float], *, upright: bool) -> Segments:
    """A wall along ``level`` with a door between every two stops."""
    found: Segments = []
    for start, end in itertools.pairwise(stops):
        door = float(rng.uniform(start + 0.4, end - 0.4 - _DOOR))
        found += [(level, start, level, door), (level, door + _DOOR, level, end)]
    return found if upright else [(b, a, d, c) for a, b, c, d in found]
