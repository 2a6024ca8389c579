"""``nonet rendezvous run``, ``methods`` and ``evaluate``: one meeting to look at, and many to compare methods by."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from nonet.foundation import console
from nonet.foundation.errors import UsageError
from nonet.rendezvous.config import EvaluationConfig, Mates
from nonet.rendezvous.meeting_config import Place

if TYPE_CHECKING:
    from nonet.rendezvous.episode import Episode
    from nonet.rendezvous.team import Team

__all__ = ["evaluate", "methods", "run"]

_PLACE = Place()


def run(
    team: tyro.conf.Positional[Path],
    *,
    place: tyro.conf.OmitArgPrefixes[Place] = _PLACE,
    agents: int = 2,
    method: str = "hpp",
    mates: Mates = "same",
    noise: Literal["clean", "lab", "rough"] = "lab",
    seconds: float = 60.0,
    seed: int = 0,
    out: Path | None = None,
    video: Path | None = None,
    watch: bool = False,
    keyboard: bool = False,
    port: int = 8000,
    json: bool = False,
) -> None:
    """Let a team meet once, and look at it.

    Example: nonet rendezvous run team/ --map lab.yaml --agents 2 --watch

    Args:
        team: a folder made by `nonet rendezvous train`.
        place: where they meet.
        agents: how many robots.
        method: how they meet; `nonet rendezvous methods` lists them.
        mates: what drives the robots after the first.
        noise: what is wrong with sensors and motors.
        seconds: until they have failed.
        seed: of starts and noise.
        out: file for the episode (JSON); a file in the team's folder if not given.
        video: also write a film: .mp4 or .gif.
        watch: open the episode in the browser.
        keyboard: drive the first robot yourself with w, a, s, d on this terminal.
        port: of the page.
        json: print for other programs.
    """
    from nonet.rendezvous.compiled import keep_compiled
    from nonet.rendezvous.meeting import meet_once
    from nonet.rendezvous.saving import episode_file
    from nonet.rendezvous.team import load_team
    from nonet.rendezvous.watching import watch_episode

    if watch and out is not None:
        raise UsageError("The page shows meetings that are kept with the team.", fix="Leave out --out or --watch.")
    keep_compiled()
    config = EvaluationConfig(place.suite, 1, agents, seconds, noise, mates=mates, seed=seed)
    loaded = load_team(team)
    found = meet_once(loaded, config, method, place, keyboard=keyboard, data=_data())
    kept = out or episode_file(team, found.map.name, method, str(seed), str(place.episode))
    _keep_meeting(loaded, found, kept, video, as_json=json)
    if watch:
        watch_episode(team, kept, port)
    else:
        console.note(f"Look at it: nonet serve --rendezvous {team}")


def _keep_meeting(team: Team, found: Episode, kept: Path, video: Path | None, *, as_json: bool) -> None:
    """Writes an episode, and a film of it if one is wanted, and says what came of it."""
    from nonet.rendezvous.saving import write_episode

    world = team.config.world
    write_episode(kept, found, world.lidar, world.robot.radius_m)
    title = f"{found.about['method']} on {found.map.name}"
    console.summary(title, {**found.facts(), "kept in": kept}, as_json=as_json)
    if video is not None:
        from nonet.rendezvous.video import write_video

        write_video(video, found, world.lidar, world.robot.radius_m)
        console.wrote(video)


def methods(*, json: bool = False) -> None:
    """The ways to meet that can be compared.

    Example: nonet rendezvous methods

    Args:
        json: print for other programs.
    """
    from nonet.rendezvous.roster import METHODS

    rows = [(m.name, "yes" if m.centralised else "no", m.summary) for m in METHODS.values()]
    console.table(["method", "told more than a robot knows", "what it does"], rows, as_json=json)


def evaluate(
    team: tyro.conf.Positional[Path],
    *,
    suite: str = "unseen",
    episodes: int = 200,
    methods: str = "all",
    agents: int = 2,
    mates: Mates = "same",
    noise: Literal["clean", "lab", "rough"] = "lab",
    noise_factor: float = 1.0,
    seconds: float = 60.0,
    seed: int = 0,
    workers: int = 0,
    out: Path | None = None,
    json: bool = False,
) -> None:
    """Compare methods on maps that nothing learnt from, with intervals.

    Example: nonet rendezvous evaluate team/ --suite unseen --episodes 200

    Args:
        team: a folder made by `nonet rendezvous train`.
        suite: unseen, unseen-easy, unseen-medium, unseen-hard, train, real (maps in NONET_DATA), or one family: open,
            clutter, rooms, corridors, maze, trap.
        episodes: meetings of each method, under the same chances.
        methods: names with commas between, or all; `nonet rendezvous methods` lists them.
        agents: robots in each.
        mates: what drives the robots after the first.
        noise: what is wrong with sensors and motors.
        noise_factor: how many times that.
        seconds: until they have failed.
        seed: of maps, starts and noise.
        workers: processes; 0 for one per core.
        out: folder for a report with plots; `.partial` beside it keeps finished methods if it is interrupted.
            Nothing is kept without it.
        json: print for other programs.
    """
    import shutil

    from nonet.rendezvous.evaluate import Results
    from nonet.rendezvous.evaluate import evaluate as judged
    from nonet.rendezvous.plots import results_report
    from nonet.rendezvous.roster import chosen_methods
    from nonet.rendezvous.team import load_team

    config = EvaluationConfig(
        suite=suite, episodes=episodes, robots=agents, seconds=seconds, noise=noise, noise_factor=noise_factor,
        mates=mates, seed=seed, workers=workers,
    )  # fmt: skip
    loaded = load_team(team)
    kept = None if out is None else out.with_name(f"{out.name}.partial")
    results: Results = judged(loaded, config, chosen_methods(methods, loaded), data=_data(), kept=kept)
    report = results_report(results)
    report.publish(out, console.command_line(), as_json=json)
    if kept is not None:
        shutil.rmtree(kept, ignore_errors=True)


def _data() -> Path | None:
    """Where the maps of real places are."""
    named = os.environ.get("NONET_DATA")
    return Path(named) if named else None
