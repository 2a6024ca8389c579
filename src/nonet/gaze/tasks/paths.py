"""Where dots go: grids for calibration, jumps for saccades, circles and boxes for pursuit."""

from __future__ import annotations

import math

import numpy as np

from nonet.gaze.geometry import Screen

__all__ = ["around_box", "around_circle", "spread_dots"]

_EDGE = 0.09  # share of the screen that stays free at its edges
Keyframe = tuple[float, float, float]


def spread_dots(screen: Screen, count: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Dots all over the screen, one in each cell of a grid, in random order, pixels.

    Args:
        screen: where.
        count: how many.
        rng: decides places in the cells and order.
    """
    across = max(1, round(math.sqrt(count * screen.width_px / screen.height_px)))
    down = math.ceil(count / across)
    cells = [(i, j) for j in range(down) for i in range(across)]
    chosen = [cells[i] for i in rng.permutation(len(cells))[:count]]
    dots = []
    for i, j in chosen:
        x, y = (np.array([i, j]) + rng.uniform(0.2, 0.8, 2)) / (across, down)
        dots.append(
            (
                round(float(screen.width_px * (_EDGE + x * (1 - 2 * _EDGE))), 1),
                round(float(screen.height_px * (_EDGE + y * (1 - 2 * _EDGE))), 1),
            )
        )
    return dots


def around_circle(screen: Screen, radius_cm: float, period_s: float, rounds: float, phase: float) -> list[Keyframe]:
    """Keyframes of a dot on a circle around the middle, clockwise; 72 a round, off the true circle by a thousandth."""
    radius = min(radius_cm, 0.4 * min(screen.width_cm, screen.height_cm)) * screen.px_per_cm
    steps = math.ceil(72 * rounds)
    frames = []
    for step in range(steps + 1):
        angle = phase + 2 * math.pi * step / 72
        x = screen.width_px / 2 + radius * math.cos(angle)
        y = screen.height_px / 2 + radius * math.sin(angle)
        frames.append((1000 * period_s * step / 72, round(x, 2), round(y, 2)))
    return frames


def around_box(screen: Screen, side_cm: float, period_s: float, rounds: float) -> list[Keyframe]:
    """Keyframes of a dot on a square around the middle; it begins and ends in corners."""
    half = min(side_cm, 0.8 * min(screen.width_cm, screen.height_cm)) / 2 * screen.px_per_cm
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    frames = []
    for step in range(math.ceil(4 * rounds) + 1):
        sx, sy = corners[step % 4]
        x, y = screen.width_px / 2 + sx * half, screen.height_px / 2 + sy * half
        frames.append((1000 * period_s * step / 4, round(x, 2), round(y, 2)))
    return frames
