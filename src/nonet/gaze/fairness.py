"""Who is served worse: error by skin tone, eye colour and glasses, on new rendered people."""

from __future__ import annotations

import numpy as np

from nonet.foundation.engine import Engine
from nonet.foundation.errors import UsageError
from nonet.foundation.report import Report, Table
from nonet.gaze.evaluate import accuracy, distances, per_participant
from nonet.gaze.model import GazeNet
from nonet.gaze.synthetic.dataset import free_pictures
from nonet.gaze.synthetic.people import EYE_COLOURS, TONES, draw_people
from nonet.gaze.train import infer

__all__ = ["fairness"]

_UNSEEN = 104_729  # added to the seed, so that nobody was learnt from


def fairness(net: GazeNet, *, people: int, frames: int, seed: int, engine: Engine) -> Report:
    """Errors of a base network by group; rendered people look all over a phone in free poses.

    Args:
        net: the network.
        people: how many to render.
        frames: pictures of each.
        seed: decides them.
        engine: processes to render in.
    Raises:
        UsageError: if there is nobody to judge it on.
    """
    if people < 1 or frames < 1:
        raise UsageError("At least one person and one picture are needed.", where="--people, --frames")
    drawn = draw_people(people, seed + _UNSEEN)
    pictures = free_pictures(drawn, frames, device="phone", pixels=net.config.pixels, seed=seed, engine=engine)
    gaze, target = infer(net, pictures).gaze_cm.numpy(), pictures.target_cm.numpy()
    person = pictures.person.numpy()
    whole = accuracy(gaze, target, person, pictures.distance_cm.numpy())
    error, _ = per_participant(distances(gaze, target), person)
    groups = {
        "skin tone": (drawn.tone.numpy().round().astype(int), TONES),
        "eye colour": (drawn.eye_colour.numpy(), EYE_COLOURS),
        "glasses": (drawn.glasses.numpy().astype(int), ("without", "with")),
    }
    rows = [row for name, (group, labels) in groups.items() for row in _rows(name, group, labels, error)]
    caption = "Mean over participants ± s.e.m. The intervals of small groups are wide; people are rendered, not real."
    return Report(
        title="Error by group",
        summary=f"{whole} over {whole.participants} rendered people whom the network had not seen, no calibration.",
        tables=[Table("Error by group", ("by", "group", "people", "error, cm", "± s.e.m."), rows, caption)],
        facts={"people": people, "frames": frames, "seed": seed},
    )


def _rows(name: str, group: np.ndarray, labels: tuple[str, ...], error: np.ndarray) -> list[tuple]:
    rows = []
    for number, label in enumerate(labels):
        mine = error[group == number]
        if len(mine):
            sem = float(mine.std(ddof=1) / np.sqrt(len(mine))) if len(mine) > 1 else float("nan")
            rows.append((name, label, len(mine), float(mine.mean()), sem))
    return rows
