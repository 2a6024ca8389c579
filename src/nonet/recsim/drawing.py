"""A story as a picture: variables as boxes in the order of computation, dependencies as arrows."""

from __future__ import annotations

from html import escape

from nonet.recsim.network import Network

__all__ = ["svg"]

_WIDTH, _HEIGHT, _GAP = 150, 40, 36


def svg(network: Network, title: str) -> str:
    """Draws a network.

    Args:
        network: what to draw; columns are levels of dependency within a step.
        title: its name.
    Returns:
        An SVG document. Arrows from the step before are dashed.
    """
    places = _places(network)
    columns = 1 + max(column for column, _ in places.values())
    rows = 1 + max(row for _, row in places.values())
    width, height = columns * (_WIDTH + 2 * _GAP), rows * (_HEIGHT + _GAP) + _GAP
    corner = {
        name: (_GAP + column * (_WIDTH + 2 * _GAP), _GAP + row * (_HEIGHT + _GAP))
        for name, (column, row) in places.items()
    }
    arrows = "".join(_arrow(corner[start], corner[end], previous) for start, end, previous in network.edges())
    boxes = "".join(_box(name, corner[name], network) for name in places)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="Story {escape(title)}" font-family="system-ui, sans-serif" font-size="13">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0 L8 4 L0 8 z" fill="#667085"/></marker></defs>{arrows}{boxes}</svg>'
    )


def _places(network: Network) -> dict[str, tuple[int, int]]:
    """Column and row of each variable."""
    column: dict[str, int] = {}
    for name in (*network.first_order, *network.step_order):
        node = network.nodes[name]
        now = [edge.name for b in (node.first, node.step) if b for edge in b.parents if not edge.previous]
        column[name] = max((column.get(parent, -1) + 1 for parent in now), default=0)
    filled: dict[int, int] = {}
    places = {}
    for name, at in column.items():
        places[name] = (at, filled.get(at, 0))
        filled[at] = places[name][1] + 1
    return places


def _box(name: str, corner: tuple[int, int], network: Network) -> str:
    node = network.nodes[name]
    over = f" over {node.over.size:,} {node.over.name}" if node.over else ""
    how = " and ".join(dict.fromkeys(b.called for b in (node.first, node.step) if b))
    x, y = corner
    return (
        f'<g><title>{escape(name + over)}: {escape(how)}</title><rect x="{x}" y="{y}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" rx="8" fill="{"#e8ecf8" if node.over else "#f5f6f8"}" stroke="#667085"/>'
        f'<text x="{x + _WIDTH / 2}" y="{y + 25}" text-anchor="middle" fill="#16181d">{escape(name)}</text></g>'
    )


def _arrow(start: tuple[int, int], end: tuple[int, int], previous: bool) -> str:
    dash = ' stroke-dasharray="5 4"' if previous else ""
    if start == end:
        x, y = start[0] + _WIDTH / 2, start[1]
        path = f"M{x - 18} {y} C{x - 30} {y - 26} {x + 30} {y - 26} {x + 18} {y}"
    elif start[0] < end[0]:
        x, y, u, v = start[0] + _WIDTH, start[1] + _HEIGHT / 2, end[0], end[1] + _HEIGHT / 2
        path = f"M{x} {y} C{x + _GAP} {y} {u - _GAP} {v} {u} {v}"
    else:  # backwards in the picture: below the boxes
        x, y, u, v = start[0] + _WIDTH / 2, start[1] + _HEIGHT, end[0] + _WIDTH / 2, end[1] + _HEIGHT
        path = f"M{x} {y} C{x} {y + _GAP} {u} {v + _GAP} {u} {v}"
    return f'<path class="arrow" d="{path}" fill="none" stroke="#667085" marker-end="url(#tip)"{dash}/>'
