"""Stages of a training are kept, and read again only for the same options."""

import numpy as np
import pytest

from nonet.rendezvous.train import _stage


def test_a_kept_stage_is_read_for_the_same_options_only(tmp_path):
    made = []

    def make():
        made.append(1)
        return [{"w0": np.full((2, 3), len(made), np.float32)}, {"b0": np.arange(2.0)}], {"loss": [3.0, 1.0]}

    first, curves = _stage(tmp_path, "policy", (1, 2), make)
    again, kept = _stage(tmp_path, "policy", (1, 2), make)
    assert made == [1] and curves == kept == {"loss": [3.0, 1.0]}
    for one, two in zip(first, again, strict=True):
        assert one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)
    assert _stage(tmp_path, "policy", (1, 3), make)[0][0]["w0"][0, 0] == 2
    assert len(made) == 2 and len(list(tmp_path.iterdir())) == 2


@pytest.mark.slow
def test_a_team_that_learns_a_little_is_judged_on_what_it_did_not_see(tmp_path):
    from nonet.rendezvous.config import (
        LidarConfig,
        PlannerConfig,
        PolicyConfig,
        PredictorConfig,
        TrainConfig,
        WorldConfig,
    )
    from nonet.rendezvous.sweeps import with_drives
    from nonet.rendezvous.train import train

    config = TrainConfig(
        world=WorldConfig(lidar=LidarConfig(beams=8)),
        policy=PolicyConfig(maps=6, goals=1, rounds=1, steps=30, hidden=8, epochs=1),
        predictor=PredictorConfig(episodes=16, seconds=6.0, hidden=8, epochs=2, sectors=4),
        planner=PlannerConfig(horizon=2),
    )
    told = []
    team = train(config, kept=tmp_path / "kept", told=lambda stage, step, value: told.append(stage))
    assert team.members[0]["w0"].shape == (4 + 8, 8) and team.spread is not None and (team.spread > 0).all()
    errors = team.figures["forecast of self, standing still, m"]
    assert len(errors) == 2 and 0 <= errors[0] <= errors[1] and not (tmp_path / "kept").exists()
    assert {"calibration", "predictor of self", "predictor of mate 1"} <= set(told)
    fewer = with_drives(team, 8, "same")
    assert not np.array_equal(fewer.members[0]["w0"], team.members[0]["w0"]) and fewer.spread is None
