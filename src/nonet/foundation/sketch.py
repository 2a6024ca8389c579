"""Small drawings for the home page: SVG in the colours of the page, 160 wide and 90 high, y downwards.

Shapes are strings of markup; `sketch` puts them into one drawing. A kind names a colour by its use: ``ink``, ``faint``,
``accent``, ``good``, ``bad``; ``soft`` beside it lets shine through what lies below.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from markupsafe import Markup

__all__ = ["HEIGHT", "WIDTH", "area", "disc", "fitted", "line", "picture", "rectangle", "sketch"]

WIDTH, HEIGHT = 160, 90
Point = tuple[float, float]


def sketch(label: str, shapes: Iterable[Markup]) -> Markup:
    """A drawing.

    Args:
        label: says what is drawn, to those who cannot see it.
        shapes: from the bottom to the top.
    """
    frame = Markup('<svg class="sketch" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return frame.format(WIDTH, HEIGHT, label, Markup("").join(shapes))


def line(points: Iterable[Point], kind: str = "ink") -> Markup:
    """A line through points."""
    return Markup('<polyline class="{}" points="{}"/>').format(kind, _points(points))


def area(points: Iterable[Point], kind: str = "accent soft") -> Markup:
    """What a line through points encloses."""
    return Markup('<polygon class="{}" points="{}"/>').format(kind, _points(points))


def disc(x: float, y: float, radius: float, kind: str = "ink") -> Markup:
    """A disc."""
    return Markup('<circle class="{}" cx="{}" cy="{}" r="{}"/>').format(kind, *map(_short, (x, y, radius)))


def rectangle(x: float, y: float, width: float, height: float, kind: str = "ink") -> Markup:
    """A rectangle, placed by its upper left corner."""
    numbers = map(_short, (x, y, width, height))
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(kind, *numbers)


def picture(address: str, x: float, y: float, width: float, height: float, *, crisp: bool = False) -> Markup:
    """A picture of this application, or one held in its own address; whole, in the middle of the rectangle.

    Args:
        address: of the picture.
        x: left.
        y: upper.
        width: of the rectangle.
        height: of the rectangle.
        crisp: whether its pixels stay squares.
    """
    shape = Markup('<image{} href="{}" x="{}" y="{}" width="{}" height="{}"/>')
    return shape.format(Markup(' class="crisp"' if crisp else ""), address, *map(_short, (x, y, width, height)))


def fitted(points: Iterable[Point], *, equal: bool = True, margin: float = 8) -> Callable[[Point], Point]:
    """The map that brings points into the drawing, their y upwards.

    Args:
        points: all that is to be inside.
        equal: whether both directions keep one scale.
        margin: left free at each side.
    """
    xs, ys = zip(*(_finite(points) or [(0.0, 0.0)]), strict=True)
    left, bottom = min(xs), min(ys)
    across, up = max(xs) - left, max(ys) - bottom
    by_x, by_y = (WIDTH - 2 * margin) / (across or 1.0), (HEIGHT - 2 * margin) / (up or 1.0)
    if equal:
        by_x = by_y = min(by_x, by_y)
    offset_x, offset_y = (WIDTH - across * by_x) / 2, (HEIGHT + up * by_y) / 2
    return lambda point: (offset_x + (point[0] - left) * by_x, offset_y - (point[1] - bottom) * by_y)


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_short(x)},{_short(y)}" for x, y in _finite(points))


def _finite(points: Iterable[Point]) -> list[Point]:
    """What was not measured, or has diverged, is nowhere."""
    return [point for point in points if all(map(math.isfinite, point))]


def _short(value: float) -> str:
    return f"{float(value):.1f}".removesuffix(".0")
