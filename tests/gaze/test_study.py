"""The study as a user runs it, in the small."""

import json

import pytest
import torch

from nonet import cli
from nonet.gaze.claims import fatigue, personalisation
from nonet.gaze.claims.personalisation import LADDER
from nonet.gaze.config import PRESETS, Personal
from nonet.gaze.model import GazeNet, save

pytestmark = pytest.mark.slow


def test_the_study_ends_with_a_verdict_on_every_claim(tmp_path, monkeypatch, capsys):
    for name, count in {"_CALIBRATION": 5, "_FRAMES": 6, "_TEST": 3, "_TEST_FRAMES": 1}.items():
        monkeypatch.setattr(personalisation, name, count)
    monkeypatch.setattr(personalisation, "Personal", lambda: Personal(finetune_steps=2))
    monkeypatch.setattr(fatigue, "STRENGTHS", (0.0, 1.0))
    torch.manual_seed(0)
    save(GazeNet(PRESETS["64-half"]), tmp_path / "model")
    command = ["gaze", "study", "--out", str(tmp_path / "out"), "--model", str(tmp_path / "model"), "--workers", "1"]
    assert cli.run([*command, "--people", "2"]) != 0
    assert "at least 3 participants" in capsys.readouterr().err
    assert cli.run([*command, "--people", "3"]) == 0
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    holds = {claim["text"].split(" ")[0]: claim["holds"] for claim in found["claims"]}
    assert len(found["claims"]) == 9
    assert holds["A"] is False  # a network that has learnt nothing is not personalised to half a centimetre
    assert holds["Saccade"]
    assert all("--people 3" in claim["how"] for claim in found["claims"])
    assert [[row[0] for row in table["rows"]] for table in found["tables"]] == [list(LADDER)] * 2
    assert "simulated" in capsys.readouterr().out
