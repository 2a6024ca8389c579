"""A rendered participant before the camera, from consent to report: frame by frame, and as chromium's camera."""

from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image

from gaze_film import DISTANCE_CM, SCREEN, film
from nonet import cli, web
from nonet.gaze import recalibrate
from nonet.gaze.config import PRESETS
from nonet.gaze.finetuning import Tuned
from nonet.gaze.model import GazeNet, load
from nonet.gaze.personal import RUNGS, Fit
from nonet.gaze.settings import StudySettings, write_settings
from nonet.gaze.store import forget
from nonet.gaze.store.shelf import Store
from nonet.gaze.tasks import make_plan
from nonet.gaze.tasks.plan import dot_at
from nonet.gaze.tasks.stages import SETTLE_MS, Pace

pytestmark = pytest.mark.slow

PACE = Pace(dots=6, dot_ms=1300, checks=4, saccades=2, rounds=1, repeats=0)
SEED = 5
PLAN = make_plan(SCREEN, ["saccade"], SEED, pace=PACE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, acquainted_model):
    """A study whose network knows the participant's eyes a little."""
    root = tmp_path_factory.mktemp("study")
    settings = StudySettings(acquainted_model, tasks=("saccade",), pace=PACE, seed=SEED, store=root / "store")
    write_settings(root, settings)
    return root


def as_jpeg(frame: Image.Image) -> bytes:
    content = BytesIO()
    frame.save(content, "JPEG", quality=90)
    return content.getvalue()


def look(client: TestClient, session: str, stage: int) -> None:
    """Looks at each dot of a stage, ten frames a second once the eyes have arrived; off by what the network is off."""
    t, events, taken = 1000.0 + 100_000 * stage, [], []
    for number, trial in enumerate(PLAN.stages[stage].trials):
        events.append({"t": t, "kind": "trial", "stage": stage, "trial": number})
        at = np.arange(SETTLE_MS, trial.ms, 100.0)
        taken += [(t + ms, number, place) for ms, place in zip(at, SCREEN.to_cm(dot_at(trial, at)), strict=True)]
        t += trial.ms
        events.append({"t": t, "kind": "end", "stage": stage, "trial": number})
    assert client.post(f"/gaze/api/sessions/{session}/events", json={"rows": events}).status_code == 204
    for (at, number, _), frame in zip(taken, film(np.array([place for *_, place in taken]), stage), strict=True):
        place = {"t": at, "stage": stage, "trial": number}
        answer = client.post(f"/gaze/api/sessions/{session}/frames", params=place, content=as_jpeg(frame))
        assert answer.json()["reason"] == ""


def test_a_rendered_participant_is_measured_and_the_network_is_trained_on(
    folder, acquainted_model, capsys, monkeypatch
):
    client = TestClient(web.create_app({"gaze": folder}))
    participant = client.post("/gaze/api/consents", json={"name": "Ada", "agree": True, "keep_frames": True}).json()
    begin = {
        **participant,
        "width_px": 900,
        "height_px": 650,
        "px_per_cm": 40,
        "camera_x_cm": SCREEN.camera_x_cm,
        "camera_y_cm": SCREEN.camera_y_cm,
        "distance_cm": DISTANCE_CM,
    }
    session = client.post("/gaze/api/sessions", json=begin).json()["session"]
    look(client, session, 0)
    fitted = client.post(f"/gaze/api/sessions/{session}/calibration").json()
    assert fitted["errors_cm"][fitted["rung"]] <= fitted["errors_cm"]["base"]
    look(client, session, 1)
    found = client.get(f"/gaze/api/sessions/{session}/validation", params={"stage": 1}).json()
    assert found["cm"] < 2.5  # saying the middle of the screen would be 6 cm off
    assert found["distance_cm"] == pytest.approx(DISTANCE_CM, rel=0.05)
    assert found["lost"] == 0
    assert "Validation" in client.get(f"/gaze/api/sessions/{session}/report").text
    opened = Store(folder / "store").session(session)
    before = opened.samples()
    command = ["gaze", "calibrate", str(acquainted_model), session, "--store", str(folder / "store"), "--finetune"]
    # the network knows these eyes already: a single epoch cannot be better, and nothing is changed
    assert cli.run([*command, "--personal.finetune-epochs", "1", "--personal.finetune-folds", "2"]) == 0
    assert "did not help" in capsys.readouterr().err
    assert not opened.calibration_facts()["finetuned"]
    assert opened.samples() == before

    seen_by_another = GazeNet(PRESETS["64-half"], (1.0, -7.0)).eval()
    errors = dict.fromkeys(RUNGS, 0.0)
    monkeypatch.setattr(recalibrate, "tuned_fit", lambda *_: Tuned(seen_by_another, Fit("base"), errors))
    assert cli.run(command) == 0
    assert opened.calibration_facts()["finetuned"]
    stored = load(opened.folder / "network").state_dict()
    assert all(torch.equal(stored[name], value) for name, value in seen_by_another.state_dict().items())
    base = np.array([row["base"] for row in opened.samples()])
    assert len(base) == len(before)
    np.testing.assert_allclose(base, np.tile([1.0, -7.0], (len(base), 1)), atol=3)
    assert not np.allclose(base, [row["base"] for row in before])
    assert all(path.stat().st_mode & 0o077 == 0 for path in opened.folder.rglob("*"))
    assert forget(Store(folder / "store"), participant["participant"], datetime.now(UTC)).verified
