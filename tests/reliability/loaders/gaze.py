"""Networks, GazeCapture, studies, sessions of participants, labelled recordings and frames."""

import io
import json
import tarfile
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.io import savemat

from nonet.gaze import model
from nonet.gaze.camera.reader import decode
from nonet.gaze.config import PRESETS
from nonet.gaze.data import CaptureFrames, read_capture
from nonet.gaze.events.andersson import read_recordings
from nonet.gaze.exports import to_bids, to_parquet
from nonet.gaze.geometry import LAPTOP
from nonet.gaze.personal import Fit
from nonet.gaze.reporting import session_report
from nonet.gaze.settings import StudySettings, read_settings, write_settings
from nonet.gaze.store import Store, expired, export, forget
from nonet.gaze.store.private import write_private
from nonet.gaze.store.shelf import require_store
from nonet.gaze.tasks.stages import Pace
from reliability.loaders import Loader

_NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _network(folder: Path) -> Path:
    torch.manual_seed(0)
    model.save(model.GazeNet(PRESETS["64-half"]), folder / "it")
    return folder / "it"


def _capture(folder: Path) -> Path:
    """Two sessions in the official layout; eye boxes are relative to the face's."""
    frames, ones = 3, [1] * 3
    for number, dataset in ((2, "train"), (3, "test")):
        session = folder / "it" / f"{number:05}"
        (session / "frames").mkdir(parents=True)
        names = [f"{i:05}.jpg" for i in range(frames)]
        for name in names:
            Image.new("RGB", (120, 160), "gray").save(session / "frames" / name)

        def table(x: int, y: int, side: int) -> dict:
            return {"X": [x] * 3, "Y": [y] * 3, "W": [side] * 3, "H": [side] * 3, "IsValid": [1] * 3}

        files = {
            "frames": names,
            "info": {"TotalFrames": frames, "Dataset": dataset, "DeviceName": "iPhone 6s"},
            "screen": {"H": [568] * frames, "W": [320] * frames, "Orientation": ones},
            "appleFace": table(20, 30, 70),
            "appleLeftEye": table(40, 20, 22),
            "appleRightEye": table(10, 22, 22),
            "dotInfo": {"DotNum": [0, 1, 2], "XCam": [0.5, 1.0, -1.0], "YCam": [-2.0, -3.0, -4.0]},
        }
        for name, value in files.items():
            (session / f"{name}.json").write_text(json.dumps(value))
    columns = "DeviceName,DeviceCameraToScreenXMm,DeviceCameraToScreenYMm,DeviceScreenWidthMm,DeviceScreenHeightMm"
    (folder / "it" / "apple_device_data.csv").write_text(f"{columns}\niPhone 6s,18.61,8.04,58.5,104.05\n")
    return folder / "it"


def _load_capture(path: Path) -> None:
    capture = read_capture(path)
    frames = CaptureFrames(capture, np.arange(len(capture.paths)), 32)
    for row in range(len(frames)):
        frames[row]
    read_capture(path, split="dot")


def _study(folder: Path) -> Path:
    home = folder / "it"
    _network(home).rename(home / "model")
    (home / "pictures").mkdir()
    Image.new("RGB", (20, 20), "red").save(home / "pictures" / "red.png")
    settings = StudySettings(tasks=("saccade",), pictures=Path("pictures"), pace=Pace.quick(), store=Path("store"))
    write_settings(home, settings)
    return home


def _load_study(path: Path) -> None:
    settings = read_settings(path)
    settings.picture_names()
    model.load(settings.model)


def _store(folder: Path) -> Path:
    store = Store(folder / "it")
    participant = store.admit("Ada Lovelace", "text", keep_frames=True, now=_NOW)
    told = {"tasks": ["saccade"], "seed": 1, "pace": vars(Pace.quick()), "source": "camera"}
    opened = store.begin(participant, LAPTOP, {**told, "distance_cm": 50.0, "pictures": []}, _NOW)
    opened.add_samples(
        {"t": 1000.0 + 33.3 * i, "stage": 0, "trial": 0, "base": [1.0 * i, -2.0], "features": [0, 0, 0, 0]}
        for i in range(4)
    )
    opened.add_events(
        [
            {"t": 990.0, "kind": "trial", "stage": 0, "trial": 0},
            {"t": 1050.0, "kind": "tap", "stage": 0, "trial": 0, "x": 5.0, "y": 6.0},
            {"t": 1200.0, "kind": "end", "stage": 0, "trial": 0},
        ]
    )
    opened.save_fit(Fit("offset", {"offset": np.ones(2)}, {"base": 1.0}), {})
    write_private(opened.folder / "frames" / "1.jpg", b"picture")
    write_private(store.root / "reports" / "errors.csv", f"participant,error\n{participant},0.5\n")
    return folder / "it"


def _load_store(path: Path) -> None:
    """All that is done with a session; what cannot be read of one thing must not stop a look at the next."""
    store = require_store(path)
    for number, session in enumerate(store.sessions()):
        session_report(session)
        to_parquet(session, path.parent / "out" / f"{number}.parquet")
        to_bids(session, path.parent / "out" / f"bids-{number}")


def _load_rights(path: Path) -> None:
    store = require_store(path)
    expired(store, date(2030, 1, 1))
    for participant in store.participants():
        export(store, participant)
        forget(store, participant, _NOW)


def _recordings(folder: Path) -> Path:
    file = io.BytesIO()
    pos = np.column_stack([np.arange(20)] * 3 + [np.linspace(100, 500, 20)] * 2 + [np.ones(20)])
    told = {"pos": pos, "screenDim": np.array([0.38, 0.3]), "screenRes": np.array([1024, 768])}
    savemat(file, {"ETdata": {**told, "viewDist": 0.67, "sampFreq": 500}})
    with tarfile.open(folder / "it.tar", "w") as archive:
        for who in ("MN", "RA"):
            entry = tarfile.TarInfo(f"img/UH21_img_labelled_{who}.mat")
            entry.size = len(file.getvalue())
            archive.addfile(entry, io.BytesIO(file.getvalue()))
    return folder / "it.tar"


def _frame(folder: Path) -> Path:
    Image.effect_noise((64, 48), 60).convert("RGB").save(folder / "it.jpg")
    return folder / "it.jpg"


LOADERS = [
    Loader("gaze/network", _network, model.load),
    Loader("gaze/capture", _capture, _load_capture),
    Loader("gaze/study", _study, _load_study),
    Loader("gaze/store", _store, _load_store),
    Loader("gaze/rights", _store, _load_rights),
    Loader("gaze/recordings", _recordings, read_recordings),
    Loader("gaze/frame", _frame, lambda path: decode(path.read_bytes())),
]
