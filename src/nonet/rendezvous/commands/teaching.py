"""``nonet rendezvous train``, ``baseline`` and ``study``: what a team learns, and the article's claims with it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import tyro

from nonet.foundation import console
from nonet.rendezvous.config import Goals, TrainConfig

__all__ = ["baseline", "study", "train"]


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
    json: bool = False,
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
        json: print for other programs.
    """
    from dataclasses import replace

    from nonet.rendezvous.compiled import keep_compiled
    from nonet.rendezvous.config import LidarConfig, PolicyConfig, PredictorConfig, WorldConfig, preset
    from nonet.rendezvous.teaching import teach_team

    keep_compiled()
    config = replace(
        TrainConfig(seed=seed),
        world=WorldConfig(lidar=LidarConfig(beams=beams), noise=preset(noise)),
        policy=PolicyConfig(maps=maps),
        predictor=PredictorConfig(episodes=episodes, goals=goals, labels=labels, mates=mates),
    )
    team = teach_team(config, out)
    shown = {name: value for name, value in team.figures.items() if not isinstance(value, list)}
    shown |= {f"{name} (last)": value[-1] for name, value in team.figures.items() if isinstance(value, list)}
    console.summary(f"Team in {out}, measured on maps and drives that nothing learnt from", shown, as_json=json)


def baseline(
    team: tyro.conf.Positional[Path],
    *,
    steps: int = 1_000_000,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Teach the MADDPG baseline in the team's world and keep it with the team.

    Example: nonet rendezvous baseline team/ --steps 1000000

    Args:
        team: a folder made by `nonet rendezvous train`.
        steps: world steps to learn from.
        seed: of everything.
        json: print for other programs.
    """
    from nonet.rendezvous.compiled import keep_compiled
    from nonet.rendezvous.teaching import teach_baseline

    keep_compiled()
    share = teach_baseline(team, steps, seed)["meets"][-1]
    facts = {"world steps": steps, "meets within 1 m at the end of training": share}
    console.summary("MADDPG", facts, as_json=json)


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

    from nonet.rendezvous.compiled import keep_compiled
    from nonet.rendezvous.study import SCALES, own_team
    from nonet.rendezvous.study import study as made
    from nonet.rendezvous.team import load_team

    keep_compiled()
    config = replace(SCALES[scale], seed=seed, workers=workers)
    config = replace(config, episodes=episodes or config.episodes, fewer=fewer or config.fewer)
    kept = out.with_name(f"{out.name}.partial")
    met = load_team(team) if team is not None else own_team(config, out / f"team-{scale}-{seed}")
    report = made(met, config, command=console.command_line(), data=data, kept=kept)
    shutil.rmtree(kept, ignore_errors=True)
    report.publish(out, console.command_line(), as_json=json)
