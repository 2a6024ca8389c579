"""One meeting as a user asks for it: on a map of their own or of a suite, with starts given or chosen, or by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nonet.foundation.errors import UsageError
from nonet.rendezvous.agents.base import GoalAgent, Thought
from nonet.rendezvous.config import EvaluationConfig
from nonet.rendezvous.episode import Episode, run_episode
from nonet.rendezvous.evaluate import world_of
from nonet.rendezvous.maps.layout import WINDOW, Map, window
from nonet.rendezvous.maps.readers import read_map
from nonet.rendezvous.maps.suites import Setting, place_robots, setting, shortest_total
from nonet.rendezvous.meeting_config import Place
from nonet.rendezvous.observation import Observation
from nonet.rendezvous.roster import agents_for, chosen_methods
from nonet.rendezvous.team import Team

__all__ = ["meet_once"]


def meet_once(
    team: Team,
    config: EvaluationConfig,
    method: str,
    place: Place,
    *,
    keyboard: bool = False,
    data: Path | None = None,
) -> Episode:
    """Lets a team meet once.

    Args:
        team: what the robots learnt.
        config: number of robots, noise, time.
        method: how they meet.
        place: where.
        keyboard: whether a person drives the first robot.
        data: folder of the real maps.
    Raises:
        NonetError: if the map, the starts or the method cannot be.
    """
    world = world_of(team, config)
    radius = world.robot.radius_m
    begun = _begun(config, place, radius, data)
    chosen = chosen_methods(method, team)
    if len(chosen) != 1:
        raise UsageError("A meeting follows one method.", where=method, fix="Name one.")
    agents = list(agents_for(chosen[0], team, begun.map, world, mates=config.mates))
    about = {
        "method": method, "suite": str(place.map or place.suite), "episode": place.episode, "seed": config.seed,
    }  # fmt: skip
    seed = config.seed * 100_003 + place.episode
    if not keyboard:
        return run_episode(world, begun, agents, seed=seed, seconds=config.seconds, about=about)
    from nonet.rendezvous.control.drivers import Keyboard
    from nonet.rendezvous.terminal import in_real_time, keys

    with keys() as pressed:
        agents[0] = _ByHand(Keyboard(world.robot, pressed))
        paced = [in_real_time(agents[0], world.step_s), *agents[1:]]
        return run_episode(world, begun, paced, seed=seed, seconds=config.seconds, about=about)


def _begun(config: EvaluationConfig, place: Place, radius: float, data: Path | None) -> Setting:
    """The map, and where the robots stand on it."""
    if place.map is not None:
        rng = np.random.default_rng([8, config.seed, place.episode])
        own = read_map(place.map, resolution=place.resolution)
        return _on_own_map(own, config.robots, radius, place.starts, rng)
    found = setting(
        place.suite, place.episode, robots=config.robots, radius_m=radius, seed=config.seed, data=data
    )  # fmt: skip
    if place.starts is None:
        return found
    starts = parse_starts(place.starts, config.robots)
    return _with_starts(found.map, starts, radius, np.random.default_rng(config.seed))


class _ByHand(GoalAgent):
    """A person, who tells nobody where they go."""

    def __init__(self, controller: object) -> None:
        super().__init__(controller, np.inf)  # type: ignore[arg-type]

    def think(self, seen: Observation) -> Thought:
        return Thought()


def parse_starts(text: str, robots: int) -> np.ndarray:
    """Places from "x,y x,y".

    Raises:
        UsageError: if they are not that, or not one a robot.
    """
    try:
        points = np.array([[float(part) for part in pair.split(",")] for pair in text.split()])
    except ValueError as error:
        raise UsageError(f"These are not places: {text}", where="--starts", fix='Write "1,2 8.5,3".') from error
    if points.shape != (robots, 2) or not np.isfinite(points).all():
        raise UsageError(
            f"{robots} robots need {robots} places of two numbers.", where="--starts", fix='Write "1,2 8.5,3".'
        )
    return points


def _on_own_map(place: Map, robots: int, radius: float, starts: str | None, rng: np.random.Generator) -> Setting:
    if starts is not None:
        points = parse_starts(starts, robots)
        place.ground.check_starts(points, radius)
        part, shift = _part_around(place, points.mean(0))
        return _with_starts(part, points - shift, radius, rng)
    middle = place.ground.sample(rng, 1, radius + 0.15)[0]
    return place_robots(_part_around(place, middle)[0], robots, radius, rng)


def _part_around(place: Map, middle: np.ndarray) -> tuple[Map, np.ndarray]:
    """The part that is simulated, and its lower left corner in the whole map."""
    part = window(place, middle)
    rows, columns = place.ground.clearance.shape
    row, column = place.ground.cells(middle[None])[0]
    low = np.clip([column - WINDOW // 2, row - WINDOW // 2], 0, np.maximum(0, [columns - WINDOW, rows - WINDOW]))
    return part, low * place.ground.cell


def _with_starts(place: Map, points: np.ndarray, radius: float, rng: np.random.Generator) -> Setting:
    place.ground.check_starts(points, radius)
    headings = rng.uniform(-np.pi, np.pi, (len(points), 1))
    return Setting(place, np.concatenate([points, headings], axis=1), shortest_total(place, points, radius))
