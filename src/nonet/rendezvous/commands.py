"""``nonet rendezvous``: teach a team, let it meet, compare planners, drive a robot."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from nonet.foundation import console
from nonet.foundation.errors import UsageError
from nonet.rendezvous.config import EvaluationConfig, Goals, Mates, TrainConfig

if TYPE_CHECKING:
    from nonet.rendezvous.episode import Episode
    from nonet.rendezvous.team import Team

__all__ = ["COMMANDS"]


def train(
    *,
    out: Path,
    noise: Literal["clean", "lab", "rough"] = "lab",
    maps: int = 96,
    episodes: int = 1600,
    goals: Goals = "mix",
    labels: Literal["hindsight", "driven", "both"] = "both",
    mates: int = 1,
    beams: int = 64,
    seed: int = 0,
) -> None:
    """Teach a team: a navigation policy from lidar, then motion predictors (minutes on two cores).

    Example: nonet rendezvous train --out team/

    Args:
        out: folder of the team; `.partial` beside it keeps finished stages if it is interrupted.
        noise: what is wrong with sensors and motors while learning.
        maps: maps that the policy learns on.
        episodes: recorded drives that the predictors learn from.
        goals: whether recorded robots had the same goal, goals of their own, or half and half.
        labels: goals that predictors are conditioned on: seen in hindsight, known to the robot, or both.
        mates: predictors for team mates; the last serves the rest of a larger team.
        beams: of the lidar.
        seed: same seed, same team on this machine.
    """
    from dataclasses import replace

    from nonet.rendezvous.config import LidarConfig, PolicyConfig, PredictorConfig, WorldConfig, preset
    from nonet.rendezvous.teaching import teach_team

    _start_jax()
    config = replace(
        TrainConfig(seed=seed),
        world=WorldConfig(lidar=LidarConfig(beams=beams), noise=preset(noise)),
        policy=PolicyConfig(maps=maps),
        predictor=PredictorConfig(episodes=episodes, goals=goals, labels=labels, mates=mates),
    )
    team = teach_team(config, out)
    shown = {name: value for name, value in team.figures.items() if not isinstance(value, list)}
    shown |= {f"{name} (last)": value[-1] for name, value in team.figures.items() if isinstance(value, list)}
    console.summary(f"Team in {out}, measured on maps and drives that nothing learnt from", shown)


def baseline(
    team: tyro.conf.Positional[Path],
    *,
    steps: int = 1_000_000,
    seed: int = 0,
) -> None:
    """Teach the MADDPG baseline in the team's world and keep it with the team.

    Example: nonet rendezvous baseline team/ --steps 1000000

    Args:
        team: a folder made by `nonet rendezvous train`.
        steps: world steps to learn from.
        seed: of everything.
    """
    from nonet.rendezvous.teaching import teach_baseline

    _start_jax()
    share = teach_baseline(team, steps, seed)["meets"][-1]
    console.summary("MADDPG", {"world steps": steps, "meets within 1 m at the end of training": share})


def run(
    team: tyro.conf.Positional[Path],
    *,
    map: Path | None = None,
    resolution: float | None = None,
    suite: str = "unseen-hard",
    episode: int = 0,
    agents: int = 2,
    method: str = "hpp",
    mates: Mates = "same",
    noise: Literal["clean", "lab", "rough"] = "lab",
    starts: str | None = None,
    seconds: float = 60.0,
    seed: int = 0,
    out: Path | None = None,
    video: Path | None = None,
    watch: bool = False,
    keyboard: bool = False,
    port: int = 8000,
) -> None:
    """Let a team meet once, and look at it.

    Example: nonet rendezvous run team/ --map lab.yaml --agents 2 --watch

    Args:
        team: a folder made by `nonet rendezvous train`.
        map: a map to meet on (ROS yaml, PNG, MovingAI, MRPT); a map of the suite if not given.
        resolution: metres a cell, for maps that do not say it.
        suite: which maps, if none is given; see `nonet rendezvous evaluate --help`.
        episode: number of the map and the starts in the suite.
        agents: how many robots.
        method: how they meet; `nonet rendezvous methods` lists them.
        mates: what drives the robots after the first.
        noise: what is wrong with sensors and motors.
        starts: places of the robots, as "x,y x,y", metres from the map's lower left corner; chosen if not given.
        seconds: until they have failed.
        seed: of starts and noise.
        out: file for the episode (JSON); a file in the team's folder if not given.
        video: also write a film: .mp4 or .gif.
        watch: open the episode in the browser.
        keyboard: drive the first robot yourself with w, a, s, d on this terminal.
        port: of the page.
    """
    from nonet.rendezvous.meeting import meet_once
    from nonet.rendezvous.saving import episode_file
    from nonet.rendezvous.team import load_team
    from nonet.rendezvous.watching import watch_episode

    if watch and out is not None:
        raise UsageError("The page shows meetings that are kept with the team.", fix="Leave out --out or --watch.")
    _start_jax()
    config = EvaluationConfig(suite, 1, agents, seconds, noise, mates=mates, seed=seed)
    loaded = load_team(team)
    found = meet_once(
        loaded, config, method, episode=episode, map_path=map, resolution=resolution, starts=starts,
        keyboard=keyboard, data=_data(),
    )  # fmt: skip
    kept = out or episode_file(team, found.map.name, method, str(seed), str(episode))
    _keep_meeting(loaded, found, kept, video)
    if watch:
        watch_episode(team, kept, port)
    else:
        console.note(f"Look at it: nonet serve --rendezvous {team}")


def _keep_meeting(team: Team, found: Episode, kept: Path, video: Path | None) -> None:
    """Writes an episode, and a film of it if one is wanted, and says what came of it."""
    from nonet.rendezvous.saving import write_episode

    world = team.config.world
    write_episode(kept, found, world.lidar, world.robot.radius_m)
    title = f"{found.about['method']} on {found.map.name}"
    console.summary(title, {**found.facts(), "kept in": kept})
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


def drive(
    team: tyro.conf.Positional[Path],
    *,
    robot: str = "robot_0",
    mates: str = "robot_1",
    dds: bool = False,
    domain: int = 0,
    map: Path | None = None,
    rate_hz: float = 10.0,
    stale_s: float = 0.5,
    seconds: float | None = None,
    record: Path | None = None,
    seed: int = 0,
) -> None:
    """Drive one robot of a team over ROS 2 topics (DDS), or a simulated one.

    Listens to ROBOT/scan, ROBOT/odom, ROBOT/pose and MATE/pose, and commands ROBOT/cmd_vel.

    Example: nonet rendezvous drive team/ --robot robot_0 --dds

    Args:
        team: a folder made by `nonet rendezvous train`.
        robot: namespace of this robot's topics.
        mates: namespaces of the others, with commas between.
        dds: talk to real topics; without it a simulated world answers.
        domain: of DDS (ROS_DOMAIN_ID).
        map: of the simulated world.
        rate_hz: commands a second.
        stale_s: the robot is stopped if its last scan is older.
        seconds: how long; until Ctrl-C if not given.
        record: folder for a rosbag2 of all that came and went.
        seed: of the agent.
    """
    from nonet.rendezvous.bridge.driving import drive_robot
    from nonet.rendezvous.team import load_team

    _start_jax()
    report = drive_robot(
        load_team(team), robot=robot, mates=[name for name in mates.split(",") if name], dds=dds, domain=domain,
        map_path=map, rate_hz=rate_hz, stale_s=stale_s, seconds=seconds, record=record, seed=seed,
    )  # fmt: skip
    console.summary(f"{robot}", report.facts())


def replay(team: tyro.conf.Positional[Path], bag: tyro.conf.Positional[Path], *, robot: str = "robot_0") -> None:
    """Give a recorded rosbag2 to the agent again and compare its commands with the recorded ones.

    Example: nonet rendezvous replay team/ bag/

    Args:
        team: a folder made by `nonet rendezvous train`.
        bag: a folder recorded by `nonet rendezvous drive --record`.
        robot: namespace of the robot.
    """
    from nonet.rendezvous.bridge.driving import replay_bag
    from nonet.rendezvous.team import load_team

    _start_jax()
    console.summary(str(bag), replay_bag(load_team(team), bag, robot=robot))


def study(
    team: tyro.conf.Positional[Path | None] = None,
    *,
    out: Path,
    scale: Literal["minutes", "hours"] = "minutes",
    seed: int = 0,
    data: Path | None = None,
    episodes: int | None = None,
    fewer: int | None = None,
    workers: int = 0,
    json: bool = False,
) -> None:
    """Make the article's claims again with a team, each with its interval.

    Example: nonet rendezvous study team/ --out report/

    Args:
        team: a folder made by `nonet rendezvous train`, with the baseline in it; if none is given, one is taught in
            the folder of the report.
        out: folder for the report; `.partial` beside it keeps finished methods if it is interrupted.
        scale: how many meetings, and how much a team learns that is taught here.
        seed: of maps, starts and noise.
        data: a folder of real data sets, with maps/ in it; without it the maps of real places are left out.
        episodes: meetings of each method on hard maps, instead of 12 in minutes and 400 in hours.
        fewer: meetings of each on other maps and with other team mates, instead of 6 and 200.
        workers: processes; 0 for one per core.
        json: print for other programs.
    """
    import shutil
    from dataclasses import replace

    from nonet.rendezvous.study import SCALES, own_team
    from nonet.rendezvous.study import study as made
    from nonet.rendezvous.team import load_team

    _start_jax()
    config = replace(SCALES[scale], seed=seed, workers=workers)
    config = replace(config, episodes=episodes or config.episodes, fewer=fewer or config.fewer)
    kept = out.with_name(f"{out.name}.partial")
    met = load_team(team) if team is not None else own_team(config, out / f"team-{scale}-{seed}")
    report = made(met, config, command=console.command_line(), data=data, kept=kept)
    shutil.rmtree(kept, ignore_errors=True)
    report.publish(out, console.command_line(), as_json=json)


def _data() -> Path | None:
    named = os.environ.get("NONET_DATA")
    return Path(named) if named else None


def _start_jax() -> None:
    """Compiled programs are kept in the user's cache, so that only the first command waits for the compiler."""
    from nonet.rendezvous.compiled import keep_compiled

    keep_compiled()


COMMANDS = {
    "train": train,
    "baseline": baseline,
    "run": run,
    "methods": methods,
    "evaluate": evaluate,
    "drive": drive,
    "replay": replay,
    "study": study,
}
