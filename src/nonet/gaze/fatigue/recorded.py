"""Blocks of a study's sessions, each with what the participant answered after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nonet.foundation.errors import DataError
from nonet.gaze.fatigue.features import FEATURES, PROOF_FEATURES, block_features, normalised, proof_features
from nonet.gaze.reporting import session_data
from nonet.gaze.store.recording import Session
from nonet.gaze.tasks.results import StageData, TrialData, text_boxes, tracked

__all__ = ["TASKS", "Recorded", "recorded_blocks"]


@dataclass(frozen=True)
class Recorded:
    """Blocks of one task, one row each, sittings with a single block left out.

    Attributes:
        task: `tracking` or `proofreading`.
        features: names of the columns.
        change: against the sitting's first block, (b, f).
        participants: random ids, in the order of their numbers.
        participant: number of the participant, (b,).
        sitting: number of the sitting, (b,).
        block: number of the block in its sitting; 0 is the first, whose change is 0, (b,).
        minutes: from the sitting's first block, (b,).
        questionnaire: the answer after it, 0 (not tired at all) to 4, (b,).
        left_out: blocks that could not be used, by reason.
    """

    task: str
    features: tuple[str, ...]
    change: Float[np.ndarray, "b f"]
    participants: tuple[str, ...]
    participant: Int[np.ndarray, " b"]
    sitting: Int[np.ndarray, " b"]
    block: Int[np.ndarray, " b"]
    minutes: Float[np.ndarray, " b"]
    questionnaire: Float[np.ndarray, " b"]
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.block)


def recorded_blocks(sessions: Sequence[Session], task: str) -> Recorded:
    """The blocks of a task in all sessions; each sitting is compared with its own first block.

    Args:
        sessions: of any participants.
        task: `tracking` or `proofreading`.
    """
    names, measure = TASKS[task]
    participants = sorted({session.record.participant for session in sessions})
    rows, keys, left_out = [], [], Counter[str]()
    for sitting, session in enumerate(sessions):
        found, lost = _of_session(session, task, measure)
        left_out += lost
        if len(found) < 2:
            left_out["no second block in the sitting"] += len(found)
            continue
        who = participants.index(session.record.participant)
        for block, (at, features, answer) in enumerate(found):
            rows.append(features)
            keys.append((who, sitting, block, (at - found[0][0]) / 60_000, answer))
    who, sitting, block, minutes, answer = np.array(keys, float).reshape(-1, 5).T
    features = np.array(rows, float).reshape(-1, len(names))
    who, sitting, block = who.astype(int), sitting.astype(int), block.astype(int)
    change = normalised(features, sitting, block)
    return Recorded(task, names, change, tuple(participants), who, sitting, block, minutes, answer, dict(left_out))


_Measure = Callable[[StageData, TrialData], np.ndarray]


def _of_session(
    session: Session, task: str, measure: _Measure
) -> tuple[list[tuple[float, np.ndarray, int]], Counter[str]]:
    """Beginning, features and answer of each block, and why others are left out."""
    found, lost = [], Counter[str]()
    try:
        _, stages = session_data(session)
    except DataError:  # nothing was recorded
        return found, lost
    for stage in (one for one in stages if one.task == task):
        for run in stage.trials:
            if run.answer is None:
                lost["no answer"] += 1
                continue
            try:
                found.append((run.begun_ms, measure(stage, run), run.answer))
            except DataError:
                lost["too little gaze"] += 1
    return found, lost


def _tracking(stage: StageData, run: TrialData) -> np.ndarray:
    return block_features(run.samples, tracked(stage, run))


def _proofreading(stage: StageData, run: TrialData) -> np.ndarray:
    boxes = text_boxes(stage.screen, run.trial)
    return proof_features(run.samples, boxes.lines, boxes.errors)


TASKS: dict[str, tuple[tuple[str, ...], _Measure]] = {
    "tracking": (FEATURES, _tracking),
    "proofreading": (PROOF_FEATURES, _proofreading),
}
"""The tasks that tell fatigue: names of the features, and how a block is measured."""
