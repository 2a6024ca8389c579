"""The study's ladder in the small, and verdicts that follow from figures."""

import numpy as np
import pytest
import torch

from nonet.gaze.claims import personalisation
from nonet.gaze.claims.personalisation import LADDER, Ladder, climb, personalisation_claim
from nonet.gaze.config import PRESETS, Personal
from nonet.gaze.evaluate import accuracy
from nonet.gaze.model import GazeNet


@pytest.mark.slow
def test_an_interrupted_study_goes_on_and_measures_the_same(tmp_path, monkeypatch):
    for name, count in {"_CALIBRATION": 6, "_FRAMES": 6, "_TEST": 3, "_TEST_FRAMES": 1}.items():
        monkeypatch.setattr(personalisation, name, count)
    monkeypatch.setattr(personalisation, "Personal", lambda: Personal(finetune_steps=4))
    torch.manual_seed(0)
    net = GazeNet(PRESETS["64-half"]).eval()
    first = climb(net, 2, "stand", seed=3, folder=tmp_path)
    assert tuple(first.accuracy) == LADDER
    kept = sorted(tmp_path.rglob("*.safetensors"))
    assert len(kept) == 2
    kept[0].unlink()
    times = [kept[1].stat().st_mtime_ns]
    second = climb(net, 2, "stand", seed=3, folder=tmp_path)
    assert [kept[1].stat().st_mtime_ns] == times
    assert second.accuracy == first.accuracy
    assert second.chosen == first.chosen
    climb(net, 1, "stand", seed=4, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2  # another seed is another study


def ladder(base_cm, tuned_cm, people=6):
    """A ladder whose base and last rung are off by so much."""
    rng = np.random.default_rng(0)
    person = np.arange(people).repeat(10)
    target = np.zeros((len(person), 2))
    each, judged = {}, {}
    for rung, error in (("base", base_cm), ("fine-tuned + svr", tuned_cm)):
        gaze = np.column_stack([np.full(len(person), error), np.zeros(len(person))])
        gaze[:, 0] += (0.01 * rng.normal(size=people)).repeat(10)
        judged[rung] = accuracy(gaze, target, person, 30.0)
        each[rung] = np.hypot(*gaze.T).reshape(people, 10).mean(axis=1)
    return Ladder(judged, each, {"base": people})


@pytest.mark.parametrize(
    ("base_cm", "tuned_cm", "holds"), [(1.6, 0.4, True), (1.3, 0.3, False), (1.6, 0.6, False), (0.5, 1.6, False)]
)
def test_the_verdict_on_personalisation_is_that_of_its_bounds(base_cm, tuned_cm, holds):
    claim = personalisation_claim(ladder(base_cm, tuned_cm), "command")
    assert claim.holds is holds
    assert f"{base_cm / tuned_cm:.1f} times" in claim.measured
