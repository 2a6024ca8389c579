"""A session's calibration fitted again: other options, or the network trained on for this participant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from nonet.foundation import console
from nonet.foundation.artifact import Card
from nonet.foundation.errors import DataError, UsageError
from nonet.gaze.calibrate import fit_calibration
from nonet.gaze.camera.reader import FaceReader, UnusableFrameError, decode
from nonet.gaze.config import Personal
from nonet.gaze.finetuning import Tuned, tuned_fit
from nonet.gaze.live import plan_of
from nonet.gaze.model import GazeNet, load, save
from nonet.gaze.personal import Fit
from nonet.gaze.store.private import write_private
from nonet.gaze.store.recording import Session
from nonet.gaze.synthetic.dataset import Pictures

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
    if finetuned:
        if session.record.settings["source"] == "mouse":
            raise UsageError("The mouse has no pictures to train on.", where=session.record.session)
        net = load(model)
        better = _tuned(session, net, fit, personal)
        if better is not None:
            fit = _with_new_rows(session, better)
    session.save_fit(fit, {"fitted": datetime.now(UTC).isoformat(timespec="seconds"), "finetuned": finetuned})
    return fit


def _tuned(session: Session, net: GazeNet, fit: Fit, personal: Personal) -> Tuned | None:
    from nonet.gaze.calibrate import dots_seen

    plan, screen = plan_of(session), session.record.screen
    seen = _kept_crops(session, net)
    rows = [row for row in session.samples() if row["t"] in seen]
    data, _ = dots_seen(plan.stages[0], 0, screen, rows, session.events())
    _, used = dots_seen(plan.stages[0], 0, screen, rows, session.events())
    crops = [seen[row["t"]] for row in used if row.get("base") is not None][: len(data)]
    if len(crops) < len(data) or not crops:
        raise DataError(
            "Fine-tuning needs the pictures of the calibration, and they were not kept.",
            where=session.record.session,
            fix="The participant must have allowed it; calibrate without --finetune.",
        )
    left, right, corners = (torch.stack(column) for column in zip(*crops, strict=True))
    pictures = Pictures(
        left,
        right,
        corners,
        torch.from_numpy(data.target_cm).float(),
        torch.zeros(len(data), dtype=torch.long),
        torch.full((len(data),), torch.nan),
    )
    console.note("Training the network on for this participant …")
    tuned = tuned_fit(net, pictures, data.dot, personal)
    return tuned if tuned.error_cm < min(fit.errors_cm.values()) else None


def _kept_crops(session: Session, net: GazeNet) -> dict[float, tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """The kept pictures, read again: crops and corners by their time in ms."""
    reader = FaceReader(net.config.pixels, iris_every=0)
    times = {int(row["t"] * 1000): row["t"] for row in session.samples()}
    found = {}
    for path in console.track(sorted((session.folder / "frames").glob("*.jpg")), "Reading pictures"):
        try:
            seen = reader.read(decode(path.read_bytes()))
        except UnusableFrameError:
            continue
        if int(path.stem) in times:
            crops = (torch.from_numpy(np.ascontiguousarray(side)) for side in (seen.left, seen.right))
            found[times[int(path.stem)]] = (*crops, torch.from_numpy(seen.corners).float())
    return found


def _with_new_rows(session: Session, tuned: Tuned) -> Fit:
    """Stores the weights, and the session's rows as the trained network sees them."""
    save(tuned.net, session.folder / "network", card=Card("one participant's gaze network"))
    for path in (session.folder / "network").iterdir():
        path.chmod(0o600)
    import json

    from nonet.gaze.model import as_input

    crops = _kept_crops(session, tuned.net)
    rows = session.samples()
    for row in rows:
        if row["t"] in crops:
            left, right, corners = crops[row["t"]]
            with torch.inference_mode():
                gaze, features = tuned.net(as_input(left[None]), as_input(right[None]), corners[None])
            row.update(base=gaze[0].tolist(), features=features[0].tolist())
    write_private(session.folder / "samples.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return replace(tuned.fit, errors_cm=tuned.errors_cm)
