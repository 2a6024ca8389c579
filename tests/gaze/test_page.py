import json
from io import BytesIO

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image

from nonet.gaze.config import PRESETS
from nonet.gaze.model import GazeNet, save
from nonet.gaze.settings import StudySettings, write_settings
from nonet.gaze.store import traces
from nonet.gaze.store.shelf import Store
from nonet.gaze.tasks.stages import Pace
from nonet.web import create_app
from serving import served

SCREEN = {
    "width_px": 1000,
    "height_px": 700,
    "px_per_cm": 40,
    "camera_x_cm": -12.5,
    "camera_y_cm": -1,
    "distance_cm": 50,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    torch.manual_seed(0)
    save(GazeNet(PRESETS["64-half"]), root / "model")
    (root / "pictures").mkdir()
    Image.new("RGB", (20, 20), "red").save(root / "pictures" / "red.png")
    (root / "secret.png").write_bytes(b"secret")
    settings = StudySettings(
        tasks=("saccade",), pictures=root / "pictures", pace=Pace.quick(), seed=1, store=root / "store"
    )
    write_settings(root, settings)
    return root


@pytest.fixture(scope="module")
def client(folder):
    return TestClient(served("--gaze", folder, "--simulate"))


def signed(client, name="Ada", **more):
    return client.post("/gaze/api/consents", json={"name": name, "agree": True, **more}).json()["participant"]


def begun(client, source="mouse"):
    participant = signed(client)
    answer = client.post("/gaze/api/sessions", json={"participant": participant, "source": source, **SCREEN})
    return participant, answer.json()["session"], answer.json()["plan"]


def look(client, session, plan, stage):
    """A participant who looks at each dot with the mouse; the simulated tracker is off by a centimetre."""
    t, events, points = 1000.0, [], []
    for number, trial in enumerate(plan["stages"][stage]["trials"]):
        events.append({"t": t, "kind": "trial", "stage": stage, "trial": number})
        x, y = trial["dot"][0][1:]
        points += [{"t": t + ms, "x": x, "y": y, "stage": stage, "trial": number} for ms in range(0, trial["ms"], 33)]
        t += trial["ms"]
        events.append({"t": t, "kind": "end", "stage": stage, "trial": number})
    assert client.post(f"/gaze/api/sessions/{session}/events", json={"rows": events}).status_code == 204
    assert client.post(f"/gaze/api/sessions/{session}/mouse", json={"points": points}).status_code == 200


def test_the_page_is_served_and_simulates_if_asked(client):
    page = client.get("/gaze/").text
    assert "Sign and begin" in page
    assert 'data-simulate="yes"' in page
    for name in ("study.js", "stage.js", "api.js", "trackers.js", "study.css"):
        assert client.get(f"/static/gaze/{name}").status_code == 200


def test_nothing_is_recorded_before_consent(client):
    nobody = "p-" + "a" * 16
    assert client.post("/gaze/api/sessions", json={"participant": nobody, **SCREEN}).status_code == 404
    assert client.post("/gaze/api/consents", json={"name": "Ada", "agree": False}).status_code == 422
    assert client.post("/gaze/api/consents", json={"name": " ", "agree": True}).status_code == 422


@pytest.mark.slow
def test_a_calibration_removes_the_trackers_error_and_states_what_is_left(client):
    _, session, plan = begun(client)
    assert "right" not in json.dumps(plan["stages"])
    look(client, session, plan, 0)
    fitted = client.post(f"/gaze/api/sessions/{session}/calibration").json()
    assert fitted["errors_cm"]["base"] == pytest.approx(1.0, abs=0.2)
    assert fitted["rung"] != "base"
    look(client, session, plan, 1)
    found = client.get(f"/gaze/api/sessions/{session}/validation", params={"stage": 1}).json()
    assert found["cm"] < 0.5
    assert found["deg"] == pytest.approx(np.degrees(2 * np.arctan(found["cm"] / 100)))
    report = client.get(f"/gaze/api/sessions/{session}/report")
    assert "simulated by the mouse" in report.text
    assert "default-src 'none'" in report.headers["content-security-policy"]


@pytest.mark.slow
def test_a_session_goes_on_after_the_server_was_started_anew(client, folder):
    _, session, plan = begun(client)
    look(client, session, plan, 0)
    client.post(f"/gaze/api/sessions/{session}/calibration")
    client.put(f"/gaze/api/sessions/{session}/stage", json={"stage": 1})
    other = TestClient(create_app({"gaze": folder}))
    fetched = other.get(f"/gaze/api/sessions/{session}").json()
    assert fetched["stage"] == 1
    assert fetched["calibrated"]
    assert fetched["plan"] == plan


def test_an_unusable_calibration_is_refused_with_the_reason(client):
    _, session, _ = begun(client)
    answer = client.post(f"/gaze/api/sessions/{session}/calibration")
    assert answer.status_code == 422
    assert "No frame came" in answer.json()["detail"]


def test_withdrawal_in_mid_study_deletes_and_stops(client, folder):
    participant, session, plan = begun(client)
    look(client, session, plan, 0)
    receipt = client.post(f"/gaze/api/participants/{participant}/withdraw").json()
    assert receipt["verified"]
    assert participant not in json.dumps(receipt)
    assert traces(Store(folder / "store"), [participant, session]) == []
    point = {"t": 1, "x": 1, "y": 1, "stage": 0, "trial": 0}
    assert client.post(f"/gaze/api/sessions/{session}/mouse", json={"points": [point]}).status_code == 404
    assert client.get(f"/gaze/api/sessions/{session}").status_code == 404


def test_a_participant_takes_their_data_along(client):
    participant, *_ = begun(client)
    answer = client.get(f"/gaze/api/participants/{participant}/data")
    assert answer.content[:2] == b"PK"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/gaze/pictures/red.png", 200),
        ("/gaze/pictures/..%2Fsecret.png", 404),
        ("/gaze/pictures/secret.png", 404),
        ("/gaze/api/sessions/..%2F..%2Fx", 404),
        ("/gaze/api/sessions/s-..aaaaaaaaaaaaaa", 422),
        ("/gaze/api/participants/p-aaaaaaaaaaaaaaaa/data", 404),
    ],
)
def test_tricks_with_paths_lead_nowhere(client, path, status):
    assert client.get(path).status_code == status


def frame(client, session, content, t="1"):
    return client.post(f"/gaze/api/sessions/{session}/frames", params={"t": t, "stage": 0, "trial": 0}, content=content)


def test_bad_frames_are_refused_and_the_session_goes_on(client):
    _, session, _ = begun(client, "camera")
    assert frame(client, session, b"no picture").status_code == 422
    assert frame(client, session, bytes(50 * 2**20)).status_code == 413
    assert frame(client, session, b"", t="nan").status_code == 422
    assert frame(client, "s-" + "b" * 16, b"").status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("keep", [False, True])
def test_pictures_are_dropped_unless_they_may_be_kept(client, folder, keep):
    participant = signed(client, keep_frames=keep)
    begin = {"participant": participant, "source": "camera", **SCREEN}
    session = client.post("/gaze/api/sessions", json=begin).json()["session"]
    content = BytesIO()
    Image.new("RGB", (320, 240)).save(content, "JPEG")
    answer = frame(client, session, content.getvalue()).json()
    assert answer["reason"] == "too dark"
    assert "lamp" in answer["advice"]
    opened = Store(folder / "store").session(session)
    assert opened.samples() == [{"t": 1.0, "stage": 0, "trial": 0, "reason": "too dark"}]
    assert bool(list(opened.folder.rglob("*.jpg"))) == keep
