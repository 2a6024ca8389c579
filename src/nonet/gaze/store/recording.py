"""One session on disk: what it is, its frames' features, what was shown, its calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from nonet.foundation.errors import ArtifactError, DataError
from nonet.foundation.reading import made_sense_of
from nonet.foundation.settings import rebuild
from nonet.gaze.geometry import Screen
from nonet.gaze.personal import RUNGS, Fit
from nonet.gaze.store.private import append_row, make_folder, read_json, read_rows, write_json, write_private

__all__ = ["VERSION", "Session", "SessionRecord"]

VERSION = 2  # proofreading has blocks since 2
MAX_SAMPLES_BYTES = 512 * 2**20  # of one session: days of recording


@dataclass(frozen=True)
class SessionRecord:
    """What a session is.

    Attributes:
        version: of this layout.
        session: its id.
        participant: whose it is.
        started: date and time, ISO.
        screen: that it ran on.
        settings: seed, tasks, source of gaze, distance, network.
        stage: the stage that comes next, for a session that goes on after a break.
    """

    version: int
    session: str
    participant: str
    started: str
    screen: Screen
    settings: dict[str, Any]
    stage: int = 0

    @staticmethod
    def new(session: str, participant: str, screen: Screen, settings: dict[str, Any], started: str) -> SessionRecord:
        """A session that begins."""
        return SessionRecord(VERSION, session, participant, started, screen, settings)


class Session:
    """The files of a session.

    Args:
        folder: where it is.
        record: what it is.
    """

    def __init__(self, folder: Path, record: SessionRecord) -> None:
        self.folder, self.record = folder, record

    @staticmethod
    def create(folder: Path, record: SessionRecord) -> Session:
        """A new session's folder."""
        make_folder(folder)
        write_json(folder / "session.json", asdict(record))
        return Session(folder, record)

    @staticmethod
    def open(folder: Path) -> Session:
        """An existing session.

        Raises:
            DataError: if the folder holds none.
            ArtifactError: if it was written by another version.
        """
        values = read_json(folder / "session.json")
        if values.get("version") != VERSION:
            raise ArtifactError(
                f"This session has layout {values.get('version')!r}; this nonet reads layout {VERSION}.",
                where=folder,
                fix="Use the version of nonet that recorded it.",
            )
        record = rebuild(SessionRecord, values)
        if not _is_number(record.settings.get("distance_cm")):
            raise ArtifactError("The distance of this session is no number.", where=folder / "session.json")
        return Session(folder, record)

    def set_stage(self, stage: int) -> None:
        """Remembers which stage comes next."""
        self.record = replace(self.record, stage=stage)
        write_json(self.folder / "session.json", asdict(self.record))

    def add_samples(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Appends frames' features; see `samples.Samples` for their fields."""
        path = self.folder / "samples.jsonl"
        if path.exists() and path.stat().st_size > MAX_SAMPLES_BYTES:
            raise DataError("This session is full.", where=self.record.session, fix="Start another one.")
        append_row(path, *rows)

    def add_events(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Appends what the display and the participant did: ``t`` in ms, ``kind``, and more."""
        append_row(self.folder / "events.jsonl", *rows)

    def samples(self) -> list[dict[str, Any]]:
        """All frames' features in the order they came; rows that cannot be of a frame are left out."""
        rows = [row for row in read_rows(self.folder / "samples.jsonl") if _is_sample(row)]
        width = next((len(row["features"]) for row in rows if row.get("base") is not None), 0)
        return [row for row in rows if row.get("base") is None or len(row["features"]) == width]

    def events(self) -> list[dict[str, Any]]:
        """All events in the order they came; rows that cannot be of an event are left out."""
        return [row for row in read_rows(self.folder / "events.jsonl") if _is_event(row)]

    def save_fit(self, fit: Fit, facts: Mapping[str, Any]) -> None:
        """Stores a calibration: arrays, errors, and what else is known of it."""
        arrays = {name: np.ascontiguousarray(value, dtype=np.float64) for name, value in fit.arrays.items()}
        write_private(self.folder / "calibration.safetensors", save(arrays or {"none": np.zeros(1)}))
        about = {"rung": fit.rung, "errors_cm": fit.errors_cm, "gamma": fit.gamma, **facts}
        write_json(self.folder / "calibration.json", about)

    def fit(self) -> Fit | None:
        """The stored calibration, if there is one.

        Raises:
            DataError: if its file is damaged.
        """
        if not (self.folder / "calibration.json").exists():
            return None
        about = self.calibration_facts()
        if about.get("rung") not in tuple(RUNGS):
            raise DataError("The calibration is of an unknown kind.", where=self.folder / "calibration.json")
        try:
            arrays = load_file(self.folder / "calibration.safetensors")
        except (SafetensorError, OSError) as error:
            path = self.folder / "calibration.safetensors"
            raise DataError("This calibration is damaged.", where=path, fix="Calibrate again.") from error
        with made_sense_of(
            self.folder / "calibration.json", what="This calibration is damaged", fix="Calibrate again."
        ):
            fit = Fit(about["rung"], arrays, dict(about["errors_cm"].items()), float(about["gamma"]))
            width = arrays["mean"].size if fit.rung == "svr" else 4
            if fit.predict(np.zeros((1, 2)), np.zeros((1, width))).shape != (1, 2):
                raise ValueError("its arrays do not give a place")
            if not all(map(_is_number, fit.errors_cm.values())):
                raise ValueError("an error in it is no number")
        return fit

    def calibration_facts(self) -> dict[str, Any]:
        """What is known of the calibration; empty before it."""
        path = self.folder / "calibration.json"
        return read_json(path) if path.exists() else {}


def _is_number(value: object) -> bool:
    """Whether it is a number that arrays can hold; NaN is one, it stands for what was not measured."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) > 1e300


def _is_sample(row: Mapping[str, Any]) -> bool:
    """Whether a row has the fields that `samples.Samples` is made of, in their kinds."""
    base, features = row.get("base"), row.get("features")
    optional = all(row.get(name) is None or _is_number(row[name]) for name in ("distance", "open"))
    seen = base is None or (
        isinstance(base, list)
        and isinstance(features, list)
        and len(base) == 2
        and all(map(_is_number, base + features))
    )
    return optional and seen and _is_number(row.get("t")) and isinstance(row.get("reason") or "", str)


def _is_event(row: Mapping[str, Any]) -> bool:
    """Whether a row says when something happened and what; a tap also where."""
    placed = row.get("kind") != "tap" or all(_is_number(row.get(axis)) for axis in "xy")
    answered = row.get("kind") != "answer" or "answer" in row
    return placed and answered and isinstance(row.get("kind"), str) and _is_number(row.get("t"))
