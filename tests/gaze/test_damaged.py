"""Damage that is refused in words, or passed over where a killed writer may have left it."""

import json
from datetime import date

import numpy as np
import pytest
from safetensors.numpy import save_file

from nonet.foundation.errors import ArtifactError, DataError, NonetError
from nonet.gaze.reporting import session_report
from nonet.gaze.store import Store, expired
from reliability.loaders import loaders_of


@pytest.fixture
def session(tmp_path):
    return Store(loaders_of("gaze")["gaze/store"].make(tmp_path)).sessions()[0]


def test_rows_that_cannot_be_of_a_frame_or_an_event_are_left_out(session):
    wrong = [
        {"t": None},
        {"t": 1, "base": [1], "features": [0, 0, 0, 0]},
        {"t": 1, "base": ["a", 2], "features": [0, 0, 0, 0]},
        {"t": 1, "base": [1, 2], "features": [0, 0, 0]},
        {"t": 1, "base": [1, 2]},
        {"t": 1, "reason": 3},
    ]
    unmeasured = {"t": 2000, "base": [1, 2], "features": [0, 0, 0, 0], "distance": float("nan"), "open": None}
    session.add_samples([unmeasured])
    whole = session.samples()
    assert len(whole) == 5
    session.add_samples(wrong)
    assert len(session.samples()) == 5
    events = session.events()
    session.add_events(
        [{"kind": 3, "t": 1}, {"kind": "tap", "t": 1, "x": "far"}, {"kind": "end"}, {"kind": "answer", "t": 1}]
    )
    assert session.events() == events
    assert session_report(session).title.startswith("Gaze session")


@pytest.mark.parametrize(
    ("name", "value"),
    [("tasks", 3), ("pace", {"more": 1}), ("pace", None), ("seed", "x"), ("tasks", ["nothing"])],
)
def test_a_session_whose_settings_are_of_another_kind(session, name, value):
    path = session.folder / "session.json"
    told = json.loads(path.read_text())
    told["settings"][name] = value
    path.write_text(json.dumps(told))
    reopened = type(session).open(session.folder)
    with pytest.raises(NonetError, match=r"session\.json|no task 'nothing'|fits none|Pace"):
        session_report(reopened)


def test_a_session_at_no_distance(session):
    path = session.folder / "session.json"
    told = json.loads(path.read_text())
    told["settings"]["distance_cm"] = "near"
    path.write_text(json.dumps(told))
    with pytest.raises(ArtifactError, match="no number"):
        type(session).open(session.folder)


@pytest.mark.parametrize("arrays", [{"none": np.zeros(1)}, {"offset": np.zeros(3)}, {"offset": np.zeros((2, 2))}])
def test_a_calibration_whose_arrays_give_no_place(session, arrays):
    save_file(arrays, session.folder / "calibration.safetensors")
    with pytest.raises(DataError, match="calibration is damaged"):
        session.fit()


@pytest.mark.parametrize("errors", [[], 3, {"base": "small"}])
def test_a_calibration_whose_errors_are_of_another_kind(session, errors):
    path = session.folder / "calibration.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "errors_cm": errors}))
    for read in (session.fit, lambda: session_report(session)):
        with pytest.raises(DataError, match="calibration is damaged"):
            read()


def test_a_day_of_deletion_that_is_none(session):
    store = Store(session.folder.parents[3])
    path = next(store.root.glob("participants/*/participant.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "delete_after": "soon"}))
    with pytest.raises(DataError, match="cannot be read"):
        expired(store, date(2030, 1, 1))
