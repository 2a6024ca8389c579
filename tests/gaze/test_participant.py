"""A rendered participant before the camera, from consent to report: frame by frame, and as chromium's camera."""

from io import BytesIO

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from gaze_film import DISTANCE_CM, SCREEN, acquainted, film
from nonet import cli, web
from nonet.gaze.calibrate import check
from nonet.gaze.model import save
from nonet.gaze.settings import StudySettings, write_settings
from nonet.gaze.store.shelf import Store
from nonet.gaze.tasks import make_plan
from nonet.gaze.tasks.plan import dot_at
from nonet.gaze.tasks.stages import SETTLE_MS, Pace

pytestmark = pytest.mark.slow

PACE = Pace(dots=8, dot_ms=1500, checks=4, saccades=2, rounds=1, repeats=0)
SEED = 5
PLAN = make_plan(SCREEN, ["saccade"], SEED, pace=PACE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study whose network knows the participant's eyes a little."""
    root = tmp_path_factory.mktemp("study")
    places = SCREEN.to_cm(np.random.default_rng(0).uniform(0.04, 0.96, (128, 2)) * [900, 650])
    save(acquainted(film(places), places), root / "model")
    write_settings(root, StudySettings(tasks=("saccade",), pace=PACE, seed=SEED, store=root / "store"))
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


def test_a_rendered_participant_is_measured_and_the_network_is_trained_on(folder, capsys):
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

    store = ["--store", str(folder / "store")]
    options = ["--finetune", "--personal.finetune-epochs", "6", "--personal.finetune-folds", "2"]
    assert cli.run(["gaze", "calibrate", str(folder / "model"), session, *store, *options]) == 0
    assert "svr" in capsys.readouterr().out
    opened = Store(folder / "store").session(session)
    assert opened.calibration_facts()["finetuned"]
    again = check(PLAN.stages[1], 1, SCREEN, opened.samples(), opened.events(), opened.fit(), DISTANCE_CM)
    assert again.cm < 2.5
    assert all(path.stat().st_mode & 0o077 == 0 for path in opened.folder.rglob("*"))
