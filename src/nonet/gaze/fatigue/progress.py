"""Fatigue over time on task: a score that never saw the participant, beside what the participant answered."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from plotly.subplots import make_subplots

from nonet.foundation.errors import DataError
from nonet.foundation.report import Figure, Report, Table
from nonet.gaze.fatigue.recorded import Recorded
from nonet.gaze.fatigue.scoring import Fatigue, judge_fatigue
from nonet.gaze.store.private import write_private
from nonet.gaze.store.recording import Session
from nonet.gaze.store.shelf import Store

__all__ = ["TIRED_FROM", "fatigue_report", "judged", "progress_figure", "write_blocks"]

TIRED_FROM = 2  # answers from "somewhat" on count as tired
_COLOURS = ("#3451b2", "#b3541e", "#1a7f4b", "#8a3ab9", "#b3261e", "#5b6770")
_LIMITS = (
    "A score of people of one study and its tasks, learnt from their own answers: it diagnoses nobody and says nothing "
    "of fitness to drive or work."
)


def judged(blocks: Recorded, *, permutations: int = 100, seed: int = 0) -> Fatigue:
    """The model of one task, judged on participants that it has not seen; first blocks are not asked.

    Raises:
        DataError: if there are fewer than three participants, or all answers are alike.
    """
    later = blocks.block > 0
    asked = blocks.questionnaire[later]
    who = blocks.participant[later]
    return judge_fatigue(blocks.change[later], asked >= TIRED_FROM, asked, who, permutations=permutations, seed=seed)


def progress_figure(
    title: str, block: np.ndarray, sitting: np.ndarray, score: np.ndarray, questionnaire: np.ndarray, measure: str
) -> Figure:
    """What gaze says over the blocks of each sitting, and below it what the participant said.

    Args:
        title: of the figure.
        block: number of each block, (b,).
        sitting: whose, (b,).
        score: what gaze says, (b,).
        questionnaire: the answers, (b,).
        measure: what the score is.
    """
    plot = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    for number, one in enumerate(np.unique(sitting)):
        mine = np.flatnonzero(sitting == one)
        mine = mine[np.argsort(block[mine])]
        line = {"color": _COLOURS[number % len(_COLOURS)], "width": 1.5}
        for row, values in ((1, score), (2, questionnaire)):
            plot.add_scatter(
                x=block[mine] + 1, y=values[mine], mode="lines+markers", line=line, showlegend=False, row=row, col=1
            )
    plot.update_yaxes(title=measure, row=1, col=1)
    plot.update_yaxes(title="answer, 0 to 4", range=[-0.2, 4.2], row=2, col=1)
    plot.update_xaxes(title="block", dtick=1, row=2, col=1)
    return Figure(title, plot, "Each line is a sitting. Above: gaze; below: the participant's own answers.")


def fatigue_report(
    parts: Sequence[Recorded], sessions: Sequence[Session], *, permutations: int = 100, seed: int = 0
) -> Report:
    """Progress over time on task, and how well it is told, for each task with blocks.

    Participants are named by letters only, since a report may leave the store.

    Args:
        parts: blocks of tracking, of proofreading.
        sessions: that they are from.
        permutations: of labels, for the test against chance.
        seed: decides them.
    Raises:
        DataError: if there is no block at all.
    """
    used = [part for part in parts if len(part)]
    if not used:
        raise DataError(
            "No sitting has two answered blocks of tracking or proofreading.",
            fix="Run a study with the tasks tracking or proofreading: "
            "nonet gaze setup study/ --model model/ --tasks tracking proofreading",
        )
    tables, figures, said = [], [], []
    for part in used:
        try:
            found = judged(part, permutations=permutations, seed=seed)
        except DataError as error:
            found = None
            said.append(f"{part.task.capitalize()} is not judged: {error.what}")
        else:
            said.append(
                f"{part.task.capitalize()}: AUC {found.auc:.2f} on people left out, permutation p {found.p:.2g}."
            )
            tables.append(_judged_table(part, found))
        tables.append(_blocks_table(part))
        figures.append(_figure(part, found))
    simulated = any(session.record.settings["source"] == "mouse" for session in sessions)
    return Report(
        title="Fatigue over time on task",
        summary=" ".join([*said, "Some gaze was simulated by the mouse." if simulated else "", _LIMITS]),
        tables=tables,
        figures=figures,
        facts={"participants": len({one for part in used for one in part.participant}), "seed": seed},
        made=date.today().isoformat(),
    )


def write_blocks(store: Store, parts: Sequence[Recorded]) -> Path:
    """Writes all blocks as a table of the store, from which `forget` takes a participant's rows.

    Returns:
        The file: a row for each feature of each block, with the participant's random id.
    """
    path = store.root / "reports" / "fatigue.csv"
    with store.alone():
        there = set(store.participants())  # who was deleted since the recordings were read does not come back
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("participant", "task", "block", "minutes", "answer", "feature", "change"))
        writer.writerows(row for part in parts for row in _rows(part) if row[0] in there)
        write_private(path, text.getvalue())
    return path


def _rows(part: Recorded) -> Iterator[tuple[object, ...]]:
    for row in range(len(part)):
        who, block = part.participants[part.participant[row]], int(part.block[row]) + 1
        about = (who, part.task, block, round(float(part.minutes[row]), 2), int(part.questionnaire[row]))
        values = zip(part.features, part.change[row].round(6).tolist(), strict=True)
        yield from ((*about, *value) for value in values)


def _figure(part: Recorded, found: Fatigue | None) -> Figure:
    title = f"Progress: {part.task}"
    if found is None:
        return progress_figure(
            title, part.block, part.sitting, part.change[:, 0], part.questionnaire, f"change of {part.features[0]}"
        )
    later = part.block > 0
    rows = (part.block[later], part.sitting[later], found.score, part.questionnaire[later])
    return progress_figure(title, *rows, "chance of being tired")


def _judged_table(part: Recorded, found: Fatigue) -> Table:
    rows = [
        ("area under the curve", found.auc),
        ("balanced accuracy", found.balanced_accuracy),
        ("Spearman with the answers, mean over participants", found.spearman),
        ("permutation p", found.p),
        ("area under the curve with shuffled labels", found.chance_auc),
    ]
    caption = "Each participant is judged by a model of the others; changes are against the sitting's first block."
    return Table(f"Fatigue told from {part.task}", ("what", "value"), rows, caption)


def _blocks_table(part: Recorded) -> Table:
    letters = [chr(ord("A") + who) if who < 26 else f"P{who + 1}" for who in part.participant]
    rows = [
        (
            letters[row],
            int(part.block[row]) + 1,
            float(part.minutes[row]),
            int(part.questionnaire[row]),
            *part.change[row],
        )
        for row in range(len(part))
    ]
    left_out = ", ".join(f"{count} with {reason}" for reason, count in part.left_out.items() if count)
    caption = "Changes against the sitting's first block." + (f" Left out: {left_out}." if left_out else "")
    return Table(f"Blocks of {part.task}", ("who", "block", "minutes", "answer", *part.features), rows, caption)
