"""A session's calibration fitted again: other options, or the network trained on for this participant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from nonet.foundation import console
from nonet.foundation.artifact import Card
from nonet.foundation.errors import DataError, UsageError
from nonet.gaze.calibrate import dots_seen, fit_calibration
from nonet.gaze.camera.reader import FaceReader, UnusableFrameError, decode
from nonet.gaze.config import Personal
from nonet.gaze.finetuning import Tuned, tuned_fit
from nonet.gaze.live import plan_of
from nonet.gaze.model import GazeNet, as_input, load, save
from nonet.gaze.personal import Fit
from nonet.gaze.store.private import write_private
from nonet.gaze.store.recording import Session
from nonet.gaze.synthetic.dataset import Pictures
from nonet.gaze.tasks.plan import Plan

__all__ = ["recalibrate"]


def recalibrate(session: Session, model: Path, personal: Personal, *, finetuned: bool = False) -> Fit:
    """Fits and stores a session's calibration.

    Args:
        session: with a recorded calibration.
        model: the network's folder.
        personal: the options.
        finetuned: whether to train the network on. Kept pictures are read again then, the weights are stored with the
            session, and the rows of the session are computed anew with them if that is better on dots left out.
    Raises:
        DataError: if the calibration cannot be used, or fine-tuning lacks pictures.
        UsageError: if the session was recorded by the mouse, and fine-tuning is asked for.
    """
    plan, screen = plan_of(session), session.record.screen
    fit = fit_calibration(plan, screen, session.samples(), session.events(), personal)
    better = False
    if finetuned:
        if session.record.settings["source"] == "mouse":
            raise UsageError("The mouse has no pictures to train on.", where=session.record.session)
        net = load(model)
        crops = _kept_crops(session, net.config.pixels)
        tuned = _tuned(session, plan, net, crops, personal)
        better = tuned.error_cm < min(fit.errors_cm.values())
        if better:
            _write_rows(session, tuned.net, crops)
            fit = replace(tuned.fit, errors_cm=tuned.errors_cm)
        else:
            console.note("Training on did not help on dots left out; the network stays as it is.")
    session.save_fit(fit, {"fitted": datetime.now(UTC).isoformat(timespec="seconds"), "finetuned": better})
    return fit


Crops = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # left, right, corners


def _tuned(session: Session, plan: Plan, net: GazeNet, crops: Mapping[float, Crops], personal: Personal) -> Tuned:
    """The network trained on with the kept pictures of the calibration."""
    rows = [row for row in session.samples() if row["t"] in crops]
    seen = dots_seen(plan.stages[0], 0, session.record.screen, rows, session.events())
    if not len(seen.data):
        raise DataError(
            "Fine-tuning needs the pictures of the calibration, and they were not kept.",
            where=session.record.session,
            fix="The participant must have allowed it; calibrate without --finetune.",
        )
    left, right, corners = (torch.stack(column) for column in zip(*(crops[row["t"]] for row in seen.used), strict=True))
    pictures = Pictures(
        left,
        right,
        corners,
        torch.from_numpy(seen.data.target_cm).float(),
        torch.zeros(len(seen.data), dtype=torch.long),
        torch.full((len(seen.data),), torch.nan),
    )
    console.note("Training the network on for this participant …")
    return tuned_fit(net, pictures, seen.data.dot, personal)


def _kept_crops(session: Session, pixels: int) -> dict[float, Crops]:
    """The kept pictures, read again: crops and corners by their time in ms."""
    reader = FaceReader(pixels, iris_every=0)
    times = {int(row["t"] * 1000): row["t"] for row in session.samples()}
    found: dict[float, Crops] = {}
    for path in console.track(sorted((session.folder / "frames").glob("*.jpg")), "Reading pictures"):
        try:
            seen = reader.read(decode(path.read_bytes()))
        except UnusableFrameError:
            continue
        if int(path.stem) in times:
            left, right = (torch.from_numpy(np.ascontiguousarray(side)) for side in (seen.left, seen.right))
            found[times[int(path.stem)]] = (left, right, torch.from_numpy(seen.corners).float())
    return found


def _write_rows(session: Session, net: GazeNet, crops: Mapping[float, Crops]) -> None:
    """Stores the weights, and the session's rows as the trained network sees them."""
    save(net, session.folder / "network", card=Card("one participant's gaze network"))
    (session.folder / "network").chmod(0o700)
    for path in (session.folder / "network").iterdir():
        path.chmod(0o600)
    rows = session.samples()
    for row in rows:
        if row["t"] in crops:
            left, right, corners = crops[row["t"]]
            with torch.inference_mode():
                gaze, features = net(as_input(left[None]), as_input(right[None]), corners[None])
            row.update(base=gaze[0].tolist(), features=features[0].tolist())
    write_private(session.folder / "samples.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
