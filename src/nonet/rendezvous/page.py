"""The team's page: meetings to look at, step by step, and to start; what was learnt."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from pydantic import BaseModel, Field

from nonet.foundation.errors import DataError, UsageError
from nonet.foundation.page import Mount, render
from nonet.foundation.sketch import disc, fitted, line, sketch
from nonet.rendezvous.config import EvaluationConfig
from nonet.rendezvous.saving import episode_file, read_episode, write_episode
from nonet.rendezvous.team import Team, load_team

__all__ = ["mount"]

_SHOWN_SUITES = ("open", "clutter", "rooms", "corridors", "maze", "trap")


class Listed(BaseModel):
    """One meeting in the list."""

    name: str
    about: dict[str, Any]
    met_s: float | None
    seconds: float


class Wanted(BaseModel):
    """A meeting to run now."""

    suite: Literal["open", "clutter", "rooms", "corridors", "maze", "trap"] = "trap"
    method: str = "hpp"
    episode: int = Field(0, ge=0, le=10_000)
    robots: int = Field(2, ge=2, le=5)
    noise: Literal["clean", "lab", "rough"] = "lab"
    mates: Literal["same", "slow", "faulty", "still", "pursuit"] = "same"


class Learnt(BaseModel):
    """What the team's training measured."""

    curves: dict[str, list[float]]
    figures: dict[str, float | list[float]]


def mount(source: Path | None) -> Mount:
    """The page of a team's folder.

    Raises:
        UsageError: if no folder is named.
        ArtifactError: if it holds no team.
    """
    if source is None:
        raise UsageError("The page needs a team.", fix="Name its folder: nonet serve --rendezvous team/")
    team = load_team(source)
    router = APIRouter()
    at_work = threading.Lock()

    @router.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        from nonet.rendezvous.roster import METHODS

        able = [m for m in METHODS.values() if team.maddpg is not None or not m.needs_maddpg]
        return render(request, "rendezvous/team.html", methods=able, suites=_SHOWN_SUITES)

    @router.get("/api/episodes")
    def episodes() -> list[Listed]:
        """Meetings that are kept with the team, newest first."""
        return _listed(source)

    @router.get("/api/episodes/{name}", responses={422: {"description": "No such meeting."}})
    def episode(name: Annotated[str, InPath(pattern=r"^[\w.-]{1,120}$")]) -> dict[str, Any]:
        """One meeting, as JSON."""
        path = source / "episodes" / f"{name}.json"
        if not path.is_file():
            raise DataError("There is no such meeting.", where=name, fix="Run it, or reload the list.")
        return read_episode(path)

    @router.post("/api/episodes", responses={422: {"description": "It cannot be run."}})
    def run(wanted: Wanted) -> Listed:
        """Runs a meeting and keeps it."""
        with at_work:  # one at a time: this machine may be small
            name = _run(source, team, wanted)
        return next(each for each in _listed(source) if each.name == name)

    @router.get("/api/learnt")
    def learnt() -> Learnt:
        """Curves and figures of the training."""
        return Learnt(curves=dict(team.curves), figures=dict(team.figures))

    def state() -> str:
        kept = len(_kept(source))
        return f"{kept:,} meeting{'s' * (kept != 1)} kept"

    return Mount(router, state, lambda: _drawing(source))


def _drawing(source: Path) -> Markup | None:
    """The ways that the robots drove in the newest meeting."""
    kept = _kept(source)
    if not kept:
        return None
    told = read_episode(kept[0])
    left, bottom, right, top = told["bounds"]
    place = fitted([(left, bottom), (right, top)], margin=4)
    scale = (place((right, bottom))[0] - place((left, bottom))[0]) / (right - left)
    shapes = [line([place((x, y)), place((u, v))], "faint") for x, y, u, v in told["segments"]]
    shapes += [disc(*place((x, y)), radius * scale, "faint") for x, y, radius in told["circles"]]
    for robot, kind in zip(
        range(len(told["poses"][0])), itertools.cycle(("accent", "bad", "good", "ink")), strict=False
    ):
        way = [place((poses[robot][0], poses[robot][1])) for poses in told["poses"]]
        shapes += [line(way, kind), disc(*way[-1], max(3.0, told["radius_m"] * scale), kind)]
    return sketch("The ways of robots to where they meet", shapes)


def _kept(source: Path) -> list[Path]:
    """Files of meetings, the newest first."""
    return sorted((source / "episodes").glob("*.json"), key=lambda path: -path.stat().st_mtime)


def _listed(source: Path) -> list[Listed]:
    found = []
    for path in _kept(source):
        try:
            told = read_episode(path)
        except DataError:  # somebody else's file
            continue
        found.append(Listed(name=path.stem, about=told["about"], met_s=told["met_s"].get("1"), seconds=told["seconds"]))
    return found


def _run(source: Path, team: Team, wanted: Wanted) -> str:
    from nonet.rendezvous.meeting import meet_once
    from nonet.rendezvous.meeting_config import Place

    config = EvaluationConfig(
        suite=wanted.suite, episodes=1, robots=wanted.robots, noise=wanted.noise, mates=wanted.mates
    )
    found = meet_once(team, config, wanted.method, Place(suite=config.suite, episode=wanted.episode))
    words = [wanted.suite, wanted.method, str(wanted.episode)]
    extra = {"robots": (wanted.robots, 2), "noise": (wanted.noise, "lab"), "mates": (wanted.mates, "same")}
    words += [
        f"{value}" if name != "robots" else f"{value}robots" for name, (value, usual) in extra.items() if value != usual
    ]
    path = episode_file(source, *words)
    world = team.config.world
    write_episode(path, found, world.lidar, world.robot.radius_m)
    return path.stem
