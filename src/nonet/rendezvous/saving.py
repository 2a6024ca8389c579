"""Episodes as files: what a page or another program needs to show one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from nonet.foundation.errors import DataError
from nonet.foundation.files import replace_file
from nonet.foundation.reading import parse_json
from nonet.rendezvous.config import LidarConfig
from nonet.rendezvous.episode import Episode

__all__ = ["drawn", "episode_file", "read_episode", "write_episode"]

FORMAT = "nonet-rendezvous-episode"
_EVERY = 2


def episode_file(team: Path, *words: str) -> Path:
    """Where the team's folder keeps an episode that is named so; the page's addresses allow no blanks or slashes."""
    name = re.sub(r"[^\w.-]+", "-", "-".join(words))
    return team / "episodes" / f"{name[:120]}.json"


def drawn(episode: Episode, lidar: LidarConfig, radius_m: float) -> dict[str, Any]:
    """An episode in JSON's own types, every second step of it.

    Args:
        episode: what happened.
        lidar: of the robots.
        radius_m: of the robots.
    """
    chosen = slice(None, None, _EVERY)
    pictures = len(episode.goals[chosen])
    return {
        "format": FORMAT,
        "about": {**episode.about, "map": episode.map.name},
        "step_s": episode.step_s * _EVERY,
        "radius_m": radius_m,
        "beams": _rounded(np.array(lidar.angles), 4),
        "reach_m": lidar.reach_m,
        "bounds": list(episode.map.ground.bounds),
        "circles": _rounded(np.array(episode.map.circles).reshape(-1, 3)),
        "segments": _rounded(np.array(episode.map.segments).reshape(-1, 4)),
        "poses": _rounded(episode.poses[:-1][chosen]),
        "goals": _rounded(episode.goals[chosen], 2),
        "scans": _rounded(episode.scans[chosen], 2),
        "contacts": episode.contacts[chosen].astype(int).tolist(),
        "plans": [
            {
                "frame": min(pictures - 1, round(moment.time_s / (episode.step_s * _EVERY))),
                "robot": moment.robot,
                "proposals": [] if moment.thought.proposals is None else _rounded(moment.thought.proposals, 2),
                "paths": [] if moment.thought.paths is None else _rounded(moment.thought.paths, 2),
            }
            for moment in episode.moments
        ],
        "met_s": {f"{metres:g}": None if np.isinf(when) else round(when, 2) for metres, when in episode.met_s.items()},
        "collisions": episode.collisions.tolist(),
        "travelled_m": _rounded(episode.travelled_m, 2),
        "seconds": round(episode.seconds, 2),
    }


def _rounded(values: np.ndarray, digits: int = 3) -> list[Any]:
    """Nested lists; what is not finite becomes None, since JSON has no infinity."""
    short = np.round(np.asarray(values, float), digits).astype(object)
    short[~np.isfinite(np.asarray(values, float))] = None
    return short.tolist()


def write_episode(path: Path, episode: Episode, lidar: LidarConfig, radius_m: float) -> None:
    """Writes an episode as JSON."""
    replace_file(path, json.dumps(drawn(episode, lidar, radius_m), separators=(",", ":")) + "\n")


def read_episode(path: Path) -> dict[str, Any]:
    """Reads what `write_episode` wrote.

    Raises:
        DataError: if it is not an episode.
    """
    try:
        found = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError("The episode cannot be read.", where=path, fix="Run it again.") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT or not _is_whole(found):
        raise DataError("This is not an episode of robots.", where=path, fix="Name a file that nonet wrote.")
    return found


def _is_whole(found: dict[str, Any]) -> bool:
    """Whether a reader may rely on the kinds of its parts."""
    numbers = all(isinstance(found.get(name), int | float) for name in ("step_s", "radius_m", "reach_m", "seconds"))
    lists = ("beams", "bounds", "circles", "segments", "poses", "goals", "scans", "contacts", "plans", "collisions")
    objects = all(isinstance(found.get(name), dict) for name in ("about", "met_s"))
    return numbers and objects and all(isinstance(found.get(name), list) for name in (*lists, "travelled_m"))
