"""Where one meeting takes place; the command line is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Place"]


@dataclass(frozen=True)
class Place:
    """Where a team meets: on a map of the user's own, or on one of a suite."""

    map: Path | None = None
    """A map to meet on (ROS yaml, PNG, MovingAI, MRPT); a map of the suite if not given."""
    resolution: float | None = None
    """Metres a cell, for maps that do not say it."""
    suite: str = "unseen-hard"
    """Which maps, if none is given; see `nonet rendezvous evaluate --help`."""
    episode: int = 0
    """Number of the map and the starts in the suite."""
    starts: str | None = None
    """Places of the robots, as "x,y x,y", metres from the map's lower left corner; chosen if not given."""
