"""Sizes of the predictors: errors of predicted positions on a validation split, and what a tick of the planner costs.

    python bench/rendezvous_predictors.py team/

Drives are recorded with the team's own navigation policy; the held-out drives of its figures are not looked at.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from rendezvous_world import ticks

from nonet.foundation import console
from nonet.rendezvous.compiled import keep_compiled
from nonet.rendezvous.forecast import judge
from nonet.rendezvous.learning import Log, learn_predictors, record
from nonet.rendezvous.model import plain_layers
from nonet.rendezvous.predict import sectors
from nonet.rendezvous.team import load_team
from nonet.rendezvous.train import same_goal_drives

SIZES = ((64, 128), (64, 64), (16, 128), (16, 64))
_VALIDATION = 79
AHEAD = (1, 3, 5, 10)


def pooled(log: Log, count: int) -> Log:
    """The log as a predictor of fewer sectors is given it."""
    return replace(log, near=sectors(log.near, count, np))


def main(folder: Path) -> None:
    keep_compiled()
    team = load_team(folder)
    fine = replace(team.config.predictor, sectors=team.config.world.lidar.beams)
    team = replace(team, config=replace(team.config, predictor=fine))
    log = record(team.config.world, team.policy, fine, team.config.seed)
    validation = same_goal_drives(team, _VALIDATION)
    rows = []
    for count, hidden in SIZES:
        option = replace(fine, sectors=count, hidden=hidden)
        members = tuple(plain_layers(each) for each in learn_predictors(pooled(log, count), option, 0)[0])
        found = judge(pooled(validation, count), members, step_s=fine.step_s, most=800)
        errors = [" / ".join(f"{each.error_m['learnt'][ahead - 1]:.2f}" for each in found) for ahead in AHEAD]
        cpu = ticks(members, count)[0]
        rows.append((f"{count} / {hidden}", *errors, f"{np.median(cpu):.1f}", f"{np.quantile(cpu, 0.99):.1f}"))
    columns = ["sectors / hidden", *(f"{ahead} s" for ahead in AHEAD), "tick, CPU ms", "99 %"]
    console.table(columns, rows, title="Error of the own / a team mate's position, m; one training each")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
