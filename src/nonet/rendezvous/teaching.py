"""From nothing to a team's folder: for `nonet rendezvous train` and `baseline`, and for a study without a team."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from nonet.foundation import console
from nonet.rendezvous.config import MaddpgConfig, TrainConfig
from nonet.rendezvous.maddpg import learn_to_meet
from nonet.rendezvous.team import Team, load_team, save_team
from nonet.rendezvous.train import train

__all__ = ["teach_baseline", "teach_team"]


def teach_team(config: TrainConfig, out: Path) -> Team:
    """Teaches a team and writes its folder; `.partial` beside it keeps finished stages if it is interrupted."""
    with console.progress("Learning") as bar:

        def told(stage: str, step: int, value: float) -> None:
            bar.describe(f"{stage} {step}: {value:.3f}")
            bar.advance()

        team = train(config, kept=out.with_name(f"{out.name}.partial"), told=told)
    save_team(out, team, command=console.command_line(), made=date.today())
    return team


def teach_baseline(folder: Path, steps: int, seed: int) -> Mapping[str, list[float]]:
    """Teaches MADDPG in the world of a team's folder, and keeps it there.

    Returns:
        Its curves.
    """
    team = load_team(folder)
    with console.progress("MADDPG", total=steps) as bar:

        def told(done: int, share: float) -> None:
            bar.describe(f"meets in {share:.0%} of training episodes")
            bar.advance(done)

        learnt = learn_to_meet(team.config.world, MaddpgConfig(steps=steps), seed, told)
    curves = {**team.curves, **{f"maddpg {name}": values for name, values in learnt.curve.items()}}
    taught = replace(team, maddpg=learnt.actor, maddpg_early=learnt.early, curves=curves)
    save_team(folder, taught, command=console.command_line(), made=date.today())
    return learnt.curve
