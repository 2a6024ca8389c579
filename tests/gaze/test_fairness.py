"""Errors by group on rendered people."""

import numpy as np
import pytest
import torch

from nonet.foundation.engine import Engine
from nonet.gaze.config import PRESETS
from nonet.gaze.fairness import fairness
from nonet.gaze.model import GazeNet

pytestmark = pytest.mark.slow


def test_every_person_is_in_one_group_of_each_kind_and_groups_make_up_the_whole():
    torch.manual_seed(0)
    report = fairness(GazeNet(PRESETS["64-half"]).eval(), people=14, frames=2, seed=5, engine=Engine(workers=1))
    (table,) = report.tables
    wholes = []
    for kind in ("skin tone", "eye colour", "glasses"):
        people, error = np.array([row[2:4] for row in table.rows if row[0] == kind], float).T
        assert people.sum() == 14
        wholes.append((people * error).sum() / 14)
    assert wholes == pytest.approx([wholes[0]] * 3)
    assert f"{wholes[0]:.2f} ±" in report.summary
