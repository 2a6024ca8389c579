"""A session for other tools: what is written is what was recorded, in the form that each tool asks for."""

import gzip
import json
from datetime import UTC, datetime

import numpy as np
import pytest

from nonet import cli
from nonet.foundation.errors import DataError, UsageError
from nonet.gaze.exports import to_bids, to_parquet, to_pymovements
from nonet.gaze.geometry import LAPTOP
from nonet.gaze.personal import Fit
from nonet.gaze.store.shelf import Store
from nonet.gaze.tasks.stages import Pace

SETTINGS = {
    "tasks": ["saccade"],
    "seed": 1,
    "pace": vars(Pace.quick()),
    "source": "camera",
    "distance_cm": 50.0,
    "pictures": [],
}
PLACES = LAPTOP.to_cm(np.array([[100.0, 80.0], [700.0, 400.0], [1300.0, 700.0]]))


@pytest.fixture
def session(tmp_path):
    """Three frames with gaze, one without, calibrated by an offset of a centimetre."""
    store = Store(tmp_path / "store")
    now = datetime(2026, 1, 2, tzinfo=UTC)
    participant = store.admit("Ada", "text", keep_frames=False, now=now)
    opened = store.begin(participant, LAPTOP, SETTINGS, now)
    rows = [
        {"t": 1000.0 + 33.3 * i, "stage": 0, "trial": 0, "base": (place - 1).tolist(), "features": [0, 0, 0, 0]}
        for i, place in enumerate(PLACES)
    ]
    opened.add_samples([*rows, {"t": 1100.0, "stage": 0, "trial": 0, "reason": "no face"}])
    opened.add_events(
        [
            {"t": 990.0, "kind": "trial", "stage": 0, "trial": 0},
            {"t": 1050.0, "kind": "tap", "stage": 0, "trial": 0, "x": 5.0, "y": 6.0},
            {"t": 1200.0, "kind": "end", "stage": 0, "trial": 0},
        ]
    )
    opened.save_fit(Fit("offset", {"offset": np.ones(2)}), {})
    return opened


def bids_files(folder):
    return {path.name.split("gaze_")[-1]: path for path in folder.rglob("*") if path.is_file()}


def test_bids_holds_gaze_in_pixels_and_gaps(session, tmp_path):
    files = bids_files(to_bids(session, tmp_path / "bids"))
    lines = gzip.decompress(files["recording-eye1_physio.tsv.gz"].read_bytes()).decode().splitlines()
    cells = [line.split("\t") for line in lines]
    facts = json.loads(files["recording-eye1_physio.json"].read_text())
    assert facts["Columns"] == ["timestamp", "x_coordinate", "y_coordinate"]
    assert facts["StartTime"] == 1.0
    assert facts["SamplingFrequency"] == pytest.approx(30, abs=0.1)
    np.testing.assert_allclose(np.array(cells[:3], float)[:, 1:], [[100, 80], [700, 400], [1300, 700]], atol=0.01)
    assert cells[3] == ["1.1000", "n/a", "n/a"]


def test_bids_events_are_those_of_the_display(session, tmp_path):
    files = bids_files(to_bids(session, tmp_path / "bids"))
    header, *rows = (line.split("\t") for line in files["events.tsv"].read_text().splitlines())
    assert header[:3] == ["onset", "duration", "trial_type"]
    assert [row[2] for row in rows] == ["trial", "tap", "end"]
    assert rows[1] == ["1.0500", "0", "tap", "0", "0", "5.0", "6.0", "n/a"]
    shown = json.loads(files["events.json"].read_text())["StimulusPresentation"]
    assert shown["ScreenDistance"] == 0.5
    assert shown["ScreenSize"] == pytest.approx([0.31, 0.174])


@pytest.mark.slow
def test_sessions_share_a_bids_data_set_and_nothing_else_is_replaced(session, tmp_path):
    folder = to_bids(session, tmp_path / "bids")
    (folder / "dataset_description.json").write_text('{"Name": "mine", "BIDSVersion": "1.11.0"}')
    other = folder / "sub-else" / "ses-1" / "beh" / "sub-else_ses-1_task-gaze_events.tsv"
    other.parent.mkdir(parents=True)
    other.write_text("kept")
    to_bids(session, folder)
    assert other.read_text() == "kept"
    assert "mine" in (folder / "dataset_description.json").read_text()
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("years")
    with pytest.raises(UsageError, match="something else"):
        to_bids(session, tmp_path / "papers")
    assert (tmp_path / "papers" / "thesis.txt").read_text() == "years"


def test_names_and_fields_are_those_of_the_bids_schema(session, tmp_path):
    """The official schema, as data: paths by its rules, and the fields that it requires of eye tracking."""
    pytest.importorskip("bidsschematools", reason="bidsschematools is not installed")
    from bidsschematools.schema import load_schema
    from bidsschematools.validator import validate_bids

    folder = to_bids(session, tmp_path / "bids")
    found = validate_bids(str(folder), dummy_paths=False)
    assert found["path_tracking"] == []
    schema = load_schema()
    facts = json.loads(bids_files(folder)["recording-eye1_physio.json"].read_text())
    for rule in (schema.rules.sidecars.continuous.EyeTrack, schema.rules.sidecars.continuous.Continuous):
        needed = {name for name, level in rule.fields.items() if level == "required"}
        assert needed <= set(facts)
    columns = schema.rules.tabular_data.physio.PhysioEyeTracking.columns
    assert {name.split("__")[0] for name, level in columns.items() if level == "required"} <= set(facts["Columns"])
    assert facts["RecordedEye"] in schema.objects.metadata.RecordedEye.enum


def test_parquet_comes_back_as_it_was(session, tmp_path):
    import pyarrow.parquet as pq

    table = pq.read_table(to_parquet(session, tmp_path / "gaze.parquet"))
    rows = table.to_pydict()
    np.testing.assert_allclose(np.column_stack([rows["x_cm"], rows["y_cm"]])[:3], PLACES)
    assert np.isnan(rows["x_cm"][3])
    assert rows["reason"] == ["", "", "", "no face"]
    assert rows["time_ms"] == pytest.approx([1000, 1033.3, 1066.6, 1100])
    assert json.loads(table.schema.metadata[b"screen"])["width_px"] == LAPTOP.width_px


@pytest.mark.slow
def test_pymovements_gets_pixels_and_degrees_that_fit_its_own_geometry(session):
    pytest.importorskip("pymovements", reason="pymovements is not installed")
    gaze = to_pymovements(session)
    frame = gaze.samples if hasattr(gaze, "samples") else gaze.frame
    pixels = np.array(frame["pixel"].to_list(), float)
    np.testing.assert_allclose(pixels[:3], [[100, 80], [700, 400], [1300, 700]], atol=1e-6)
    assert gaze.experiment.screen.distance_cm == 50
    assert gaze.experiment.sampling_rate == pytest.approx(30, abs=0.1)


def test_the_command_writes_both_and_refuses_what_is_not_there(session, tmp_path, capsys):
    store = ["--store", str(session.folder.parents[3])]
    name = session.record.session
    assert cli.run(["gaze", "convert", name, "--out", str(tmp_path / "bids"), *store]) == 0
    assert (tmp_path / "bids" / "dataset_description.json").exists()
    assert cli.run(["gaze", "convert", name, "--to", "parquet", "--out", str(tmp_path / "g.parquet"), *store]) == 0
    assert (tmp_path / "g.parquet").exists()
    missing = "s-" + "b" * 16
    assert cli.run(["gaze", "convert", missing, "--out", str(tmp_path / "no"), *store]) != 0
    assert "no such session" in capsys.readouterr().err


def test_a_session_without_frames_cannot_be_written(session, tmp_path):
    (session.folder / "samples.jsonl").unlink()
    with pytest.raises(DataError, match="no frames"):
        to_bids(session, tmp_path / "bids")
    assert not (tmp_path / "bids").exists()
