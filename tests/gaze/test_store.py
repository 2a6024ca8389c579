import json
import os
import stat
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from io import BytesIO

import numpy as np
import pytest

from nonet.foundation.errors import ArtifactError, DataError, NonetError, ResourceError, UsageError
from nonet.gaze.geometry import PHONE
from nonet.gaze.personal import Fit
from nonet.gaze.store import Session, Store, expired, export, forget, traces
from nonet.gaze.store.private import append_row, read_rows, write_private

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SETTINGS = {"source": "mouse", "distance_cm": 40.0}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def recorded(store, name, session=True):
    participant = store.admit(name, "text", keep_frames=True, now=NOW)
    if session:
        opened = store.begin(participant, PHONE, SETTINGS, NOW)
        opened.add_samples([{"t": 1.0, "stage": 0, "trial": 0, "base": [0, 0], "features": [1, 2, 3, 4]}])
        opened.add_events([{"t": 1.0, "kind": "trial", "stage": 0, "trial": 0}])
        opened.save_fit(Fit("offset", {"offset": np.array([1.0, 2.0])}, {"base": 1.0}), {})
        write_private(opened.folder / "frames" / "1.jpg", b"picture")
        write_private(opened.folder / "network" / "model.safetensors", b"weights")
    return participant


def test_a_name_is_only_in_the_consent_record(store):
    recorded(store, "Ada Lovelace")
    assert [path.parent.name for path in traces(store, ["Ada Lovelace"])] == ["consents"]


def test_nothing_can_be_recorded_of_somebody_who_has_not_signed(store):
    with pytest.raises(DataError, match="no such participant"):
        store.begin("p-" + "a" * 16, PHONE, SETTINGS, NOW)
    with pytest.raises(DataError, match="signature"):
        store.admit("  ", "text", keep_frames=False, now=NOW)


def test_only_the_owner_can_read_anything(store):
    recorded(store, "Ada")
    for path in [store.root, *store.root.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_forgetting_leaves_no_trace_and_keeps_the_others(store):
    ada, grace = recorded(store, "Ada Lovelace"), recorded(store, "Grace Hopper")
    session = store.sessions(ada)[0].record.session
    table = f"participant,error\n{ada},0.5\n{grace},0.6\n"
    write_private(store.root / "reports" / "errors.csv", table)
    receipt = forget(store, ada, NOW)
    assert receipt.verified
    assert receipt.rows == 1
    assert receipt.files >= 8
    everything = b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())
    names = "".join(str(path) for path in store.root.rglob("*"))
    for word in (ada, "Ada Lovelace", session):
        assert word.encode() not in everything
        assert word not in names
    assert (store.root / "reports" / "errors.csv").read_text() == f"participant,error\n{grace},0.6\n"
    assert len(store.sessions(grace)) == 1
    with pytest.raises(DataError, match="no such participant"):
        forget(store, ada, NOW)


def test_two_participants_of_one_name_do_not_hinder_each_other(store):
    first, second = recorded(store, "Ada"), recorded(store, "Ada")
    assert forget(store, first, NOW).verified
    assert store.participants() == [second]


def test_many_may_be_forgotten_at_once_while_others_are_recorded(store):
    leaving = [recorded(store, f"Participant number {number}") for number in range(24)]
    ada = recorded(store, "Ada")
    rows = "".join(f"{participant},0.5\n" for participant in (*leaving, ada))
    write_private(store.root / "reports" / "errors.csv", f"participant,error\n{rows}")
    going_on = threading.Event()

    def record():
        while not going_on.wait(0.001):
            store.begin(ada, PHONE, SETTINGS, NOW)

    recorder = threading.Thread(target=record)
    recorder.start()
    try:
        with ThreadPoolExecutor(6) as visitors:
            receipts = list(visitors.map(lambda one: forget(store, one, NOW), leaving))
    finally:
        going_on.set()
        recorder.join()
    assert all(receipt.verified and receipt.rows == 1 for receipt in receipts)
    assert (store.root / "reports" / "errors.csv").read_text() == f"participant,error\n{ada},0.5\n"
    assert store.participants() == [ada]


def test_a_trace_in_an_unknown_file_is_reported(store):
    ada = recorded(store, "Ada")
    write_private(store.root / "notes.txt", f"remember {ada}")
    with pytest.raises(ResourceError, match="trace") as raised:
        forget(store, ada, NOW)
    assert "notes.txt" in str(raised.value)


def test_a_file_whose_name_is_no_utf_8_is_in_the_archive_too(store):
    ada = recorded(store, "Ada")
    name = os.fsdecode(b"\xff\xfe")
    (store.folder(ada) / f"{name}.txt").write_bytes(b"strange")
    write_private(store.root / "reports" / f"{name}.csv", f"participant,error\n{ada},0.5\n")
    with zipfile.ZipFile(BytesIO(export(store, ada))) as archive:
        held = [archive.read(name) for name in archive.namelist()]
    assert b"strange" in held
    assert [{"participant": ada, "error": "0.5"}] in [json.loads(each) for each in held if each.startswith(b"[")]


def test_a_participant_gets_everything_about_them(store):
    ada = recorded(store, "Ada")
    recorded(store, "Grace")
    with zipfile.ZipFile(BytesIO(export(store, ada))) as archive:
        names = archive.namelist()
        assert json.loads(archive.read("consent.json"))["name"] == "Ada"
        assert any(name.endswith("samples.jsonl") for name in names)
        assert not any(b"Grace" in archive.read(name) for name in names)


def test_data_is_due_after_its_days(store):
    ada = store.admit("Ada", "text", keep_frames=False, now=NOW, days=10)
    recorded(store, "Grace")
    assert expired(store, date(2026, 1, 11)) == []
    assert expired(store, date(2026, 1, 12)) == [ada]


@pytest.mark.parametrize(
    "id", ["../../etc", "p-../../../../x", "p-" + "a" * 15 + "/", "", "s-" + "a" * 16, "P-" + "a" * 16]
)
def test_nothing_but_an_id_becomes_a_path(store, id):
    with pytest.raises(UsageError):
        store.folder(id)


def test_a_session_of_another_version_is_refused(store):
    recorded(store, "Ada")
    folder = store.sessions()[0].folder
    values = json.loads((folder / "session.json").read_text())
    (folder / "session.json").write_text(json.dumps({**values, "version": 99}))
    with pytest.raises(ArtifactError, match="layout 99"):
        Session.open(folder)
    (folder / "session.json").write_text("{")
    with pytest.raises(NonetError, match="JSON"):
        Session.open(folder)


def test_a_line_cut_off_by_a_kill_costs_that_line_alone(tmp_path):
    path = tmp_path / "rows.jsonl"
    append_row(path, {"t": 1})
    with path.open("a") as file:
        file.write('{"t": 2, "ba')
    append_row(path, {"t": 3})
    assert [row["t"] for row in read_rows(path)] == [1, 3]


def test_a_calibration_comes_back_and_a_damaged_one_is_refused(store):
    recorded(store, "Ada")
    session = store.sessions()[0]
    fit = session.fit()
    np.testing.assert_allclose(fit.predict(np.zeros((1, 2)), np.zeros((1, 4))), [[1.0, 2.0]])
    (session.folder / "calibration.safetensors").write_bytes(b"no tensors")
    with pytest.raises(DataError, match="damaged"):
        session.fit()
