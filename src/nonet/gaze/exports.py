"""A session's gaze for other tools: BIDS eye tracking, Parquet, and an object of pymovements."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nonet.foundation.errors import MissingError
from nonet.foundation.files import atomic_folder, replace_file
from nonet.gaze.reporting import session_data
from nonet.gaze.samples import Samples
from nonet.gaze.store.recording import Session

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["to_bids", "to_parquet", "to_pymovements"]

_TASK = "gaze"
_DESCRIPTION = "dataset_description.json"
_BIDS_COLUMNS = ("timestamp", "x_coordinate", "y_coordinate")


def to_bids(session: Session, folder: Path) -> Path:
    """Puts a session into a BIDS data set: gaze as physiological recording, and the events of the display.

    ``sub-ID/beh/…_recording-eye1_physio.tsv.gz`` has no header; its JSON says the columns, units and rate, as BIDS
    1.11 does for eye tracking. Frames without gaze are ``n/a``.

    Args:
        session: to export.
        folder: of the data set, made if absent; other sessions in it stay.
    Raises:
        DataError: if nothing was recorded.
        UsageError: if the folder holds something else than a BIDS data set.
    """
    samples, _ = session_data(session)
    subject = session.record.participant.removeprefix("p-")
    stem = f"sub-{subject}_ses-{session.record.session.removeprefix('s-')}_task-{_TASK}"
    with atomic_folder(folder, _DESCRIPTION) as partial:
        if folder.exists():
            shutil.copytree(folder, partial, dirs_exist_ok=True, ignore=shutil.ignore_patterns(f"{stem}_*"))
        place = partial / f"sub-{subject}" / f"ses-{session.record.session.removeprefix('s-')}" / "beh"
        place.mkdir(parents=True, exist_ok=True)
        about = {"Name": "nonet gaze session", "BIDSVersion": "1.11.0", "DatasetType": "raw"}
        if not (partial / _DESCRIPTION).exists():
            _write_json(partial / _DESCRIPTION, about)
        physio = place / f"{stem}_recording-eye1_physio"
        physio.with_name(physio.name + ".tsv.gz").write_bytes(_physio_table(session, samples))
        _write_json(physio.with_name(physio.name + ".json"), _physio_facts(session, samples))
        (place / f"{stem}_events.tsv").write_text(_events_table(session, samples), encoding="utf-8")
        _write_json(place / f"{stem}_events.json", _events_facts(session))
    return folder


def to_parquet(session: Session, path: Path) -> Path:
    """Writes all samples as a Parquet file: time, gaze in cm, pixels and degrees, distance, reason.

    Raises:
        DataError: if nothing was recorded.
    """
    import pyarrow.parquet as pq

    samples, _ = session_data(session)
    content = io.BytesIO()
    pq.write_table(table(session, samples), content)
    replace_file(path, content.getvalue())
    return path


def table(session: Session, samples: Samples) -> pa.Table:
    """The samples as an Arrow table, with session and screen in its metadata."""
    import pyarrow as pa

    px, degrees = session.record.screen.to_px(samples.gaze_cm), samples.to_degrees()
    columns = {
        "time_ms": samples.t_ms,
        "x_cm": samples.gaze_cm[:, 0],
        "y_cm": samples.gaze_cm[:, 1],
        "x_px": px[:, 0],
        "y_px": px[:, 1],
        "x_deg": degrees[:, 0],
        "y_deg": degrees[:, 1],
        "distance_cm": samples.distance_cm,
        "openness": samples.openness,
        "reason": list(samples.reason),
    }
    about = {"session": session.record.session, "screen": json.dumps(vars(session.record.screen))}
    return pa.table(columns).replace_schema_metadata(about)


def to_pymovements(session: Session) -> Any:
    """The samples as a ``pymovements.Gaze``: pixels and positions in degrees, with the experiment's geometry.

    Raises:
        MissingError: if pymovements is not installed.
        DataError: if nothing was recorded.
    """
    try:
        import polars as pl
        import pymovements as pm
    except ModuleNotFoundError as error:
        raise MissingError("The library 'pymovements' is not installed.", fix="Run: pip install pymovements") from error
    samples, _ = session_data(session)
    screen = session.record.screen
    experiment = pm.Experiment(
        screen_width_px=screen.width_px,
        screen_height_px=screen.height_px,
        screen_width_cm=screen.width_cm,
        screen_height_cm=screen.height_cm,
        distance_cm=float(np.nanmedian(samples.distance_cm)),
        origin="upper left",
        sampling_rate=samples.rate_hz,
    )
    px, degrees = screen.to_px(samples.gaze_cm), samples.to_degrees()
    frame = pl.DataFrame(
        {"time": samples.t_ms, "x": px[:, 0], "y": px[:, 1], "x_deg": degrees[:, 0], "y_deg": degrees[:, 1]}
    )
    return pm.Gaze(
        frame,
        experiment=experiment,
        time_column="time",
        time_unit="ms",
        pixel_columns=["x", "y"],
        position_columns=["x_deg", "y_deg"],
    )


def _physio_table(session: Session, samples: Samples) -> bytes:
    px = session.record.screen.to_px(samples.gaze_cm)
    lines = [
        "\t".join((f"{t / 1000:.4f}", *("n/a" if not np.isfinite(v) else f"{v:.2f}" for v in place)))
        for t, place in zip(samples.t_ms, px, strict=True)
    ]
    return gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)


def _physio_facts(session: Session, samples: Samples) -> dict[str, Any]:
    return {
        "TaskName": _TASK,
        "PhysioType": "eyetrack",
        "RecordedEye": "cyclopean",
        "SampleCoordinateSystem": "gaze-on-screen",
        "SamplingFrequency": round(samples.rate_hz, 3),
        "StartTime": round(float(samples.t_ms[0]) / 1000, 4),
        "Manufacturer": "nonet",
        "Columns": list(_BIDS_COLUMNS),
        "timestamp": {"Description": "time on the display's clock", "Units": "s"},
        "x_coordinate": {"Description": "from the left edge of the drawing area", "Units": "pixel"},
        "y_coordinate": {"Description": "from its upper edge", "Units": "pixel"},
        "CalibrationType": session.calibration_facts().get("rung", "none"),
    }


def _events_table(session: Session, samples: Samples) -> str:
    lines = ["onset\tduration\ttrial_type\tstage\ttrial\tx\ty\tanswer"]
    for row in session.events():
        cells = [row.get(key) for key in ("kind", "stage", "trial", "x", "y", "answer")]
        text = "\t".join("n/a" if cell is None else str(cell) for cell in cells)
        lines.append(f"{row['t'] / 1000:.4f}\t0\t{text}")
    return "\n".join(lines) + "\n"


def _events_facts(session: Session) -> dict[str, Any]:
    screen = session.record.screen
    return {
        "TaskName": _TASK,
        "StimulusPresentation": {
            "ScreenDistance": float(session.record.settings["distance_cm"]) / 100,
            "ScreenOrigin": ["top", "left"],
            "ScreenResolution": [screen.width_px, screen.height_px],
            "ScreenSize": [screen.width_cm / 100, screen.height_cm / 100],
        },
        "trial_type": {"Description": "what the display or the participant did"},
        "stage": {"Description": "number of the part of the session, from 0"},
        "trial": {"Description": "number of the trial in its part, from 0"},
        "x": {"Description": "place of a tap, from the left edge of the drawing area", "Units": "pixel"},
        "y": {"Description": "place of a tap, from its upper edge", "Units": "pixel"},
        "answer": {"Description": "number of the chosen answer, from 0"},
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
