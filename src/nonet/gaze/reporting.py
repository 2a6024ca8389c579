"""A session's report: errors per dot, what each task measured, drift, and what was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from nonet.foundation.errors import DataError
from nonet.foundation.report import Figure, Report, Table
from nonet.gaze.calibrate import Checked, check
from nonet.gaze.live import plan_of
from nonet.gaze.samples import Samples, from_rows
from nonet.gaze.store.recording import Session
from nonet.gaze.tasks.plan import Plan, Stage
from nonet.gaze.tasks.results import StageData, TrialData, task_tables

__all__ = ["session_data", "session_report"]


def session_report(session: Session) -> Report:
    """The report of a session, as far as it went.

    Raises:
        DataError: if nothing was recorded.
    """
    plan = plan_of(session)
    samples, stages = session_data(session, plan)
    checks = _checks(session, plan)
    tables = [_overview(session, samples), *_calibration_table(session), *_check_tables(checks)]
    figures = [_dots_figure(session, checked, title) for title, checked in checks[:1]]
    for stage in stages:
        more, drawn = task_tables(stage)
        tables += more
        figures += drawn
    return Report(
        title=f"Gaze session {session.record.session}",
        tables=tables,
        figures=figures,
        summary=_summary(session, checks),
        facts={
            "session": session.record.session,
            "started": session.record.started,
            "seed": plan.seed,
            "source": session.record.settings["source"],
            "command": f"nonet gaze report {session.record.session}",
        },
        made=session.record.started,
    )


def session_data(session: Session, plan: Plan | None = None) -> tuple[Samples, list[StageData]]:
    """All samples with the calibration applied, and the trials of each task with theirs.

    Raises:
        DataError: if nothing was recorded.
    """
    plan = plan or plan_of(session)
    distance = float(session.record.settings["distance_cm"])
    samples = from_rows(session.samples(), session.fit(), distance)
    events = session.events()
    stages = []
    for number, stage in enumerate(plan.stages):
        trials = _trials(number, stage, samples, events)
        if trials and stage.task not in {"calibration", "validation"}:
            stages.append(StageData(stage.task, session.record.screen, trials))
    return samples, stages


def _trials(number: int, stage: Stage, samples: Samples, events: Sequence[Mapping[str, Any]]) -> list[TrialData]:
    """The last showing of each trial that was brought to its end."""
    mine = [row for row in events if row.get("stage") == number]
    found = []
    for index, trial in enumerate(stage.trials):
        begins = [row["t"] for row in mine if row["kind"] == "trial" and row.get("trial") == index]
        ends = [row["t"] for row in mine if row["kind"] == "end" and row.get("trial") == index]
        if not begins or not ends or ends[-1] < begins[-1]:
            continue
        taps = [row for row in mine if row["kind"] == "tap" and row.get("trial") == index and row["t"] >= begins[-1]]
        answers = [row["answer"] for row in mine if row["kind"] == "answer" and row.get("trial") == index]
        found.append(
            TrialData(
                trial,
                begins[-1],
                ends[-1],
                samples.between(begins[-1], ends[-1]),
                (taps[0]["t"], taps[0]["x"], taps[0]["y"]) if taps else None,
                answers[-1] if answers else None,
            )
        )
    return found


def _checks(session: Session, plan: Plan) -> list[tuple[str, Checked]]:
    rows, events, fit = session.samples(), session.events(), session.fit()
    distance = float(session.record.settings["distance_cm"])
    found = []
    for number, stage in enumerate(plan.stages):
        if stage.task == "validation":
            try:
                found.append((stage.title, check(stage, number, session.record.screen, rows, events, fit, distance)))
            except DataError:  # not reached yet, or nothing was seen
                continue
    return found


def _summary(session: Session, checks: Sequence[tuple[str, Checked]]) -> str:
    simulated = " Gaze was simulated by the mouse." if session.record.settings["source"] == "mouse" else ""
    if not checks:
        return f"No validation was recorded, so the error is not known.{simulated}"
    first = checks[0][1]
    text = f"{first.cm:.2f} cm ({first.deg:.1f}° at {first.distance_cm:.0f} cm) off on dots that no calibration saw."
    if len(checks) > 1:
        text += f" At the end it was {checks[-1][1].cm:.2f} cm: a drift of {checks[-1][1].cm - first.cm:+.2f} cm."
    return text + simulated


def _overview(session: Session, samples: Samples) -> Table:
    reasons = Counter(reason for reason in samples.reason if reason)
    rows: list[tuple[str, object]] = [
        ("frames", len(samples)),
        ("frames a second", samples.rate_hz),
        ("without gaze", f"{100 * samples.lost:.1f} %"),
        ("distance, cm", float(np.nanmedian(samples.distance_cm))),
        ("from the first to the last frame, s", float(samples.t_ms[-1] - samples.t_ms[0]) / 1000),
    ]
    rows += [(f"frames with {reason}", count) for reason, count in reasons.most_common()]
    return Table("Recording", ("what", "value"), rows)


def _calibration_table(session: Session) -> list[Table]:
    fit = session.fit()
    if fit is None:
        return []
    rows = [(rung, error, rung == fit.rung) for rung, error in fit.errors_cm.items()]
    caption = "Errors on dots left out one after the other; the most flexible fit that is clearly better is used."
    return [Table("Calibration", ("fit", "error, cm", "used"), rows, caption)]


def _check_tables(checks: Sequence[tuple[str, Checked]]) -> list[Table]:
    tables = []
    for title, checked in checks:
        rows = [(d["x"], d["y"], d["gaze_x"], d["gaze_y"], d["error_cm"], int(d["frames"])) for d in checked.dots]
        columns = ("x, cm", "y, cm", "gaze x", "gaze y", "error, cm", "frames")
        caption = f"Mean {checked.cm:.2f} cm, {checked.deg:.1f}° at {checked.distance_cm:.0f} cm."
        tables.append(Table(f"Validation: {title}", columns, rows, caption))
    return tables


def _dots_figure(session: Session, checked: Checked, title: str) -> Figure:
    plot = go.Figure()
    for dot in checked.dots:
        plot.add_scatter(
            x=[dot["x"], dot["gaze_x"]], y=[dot["y"], dot["gaze_y"]], mode="lines", line={"color": "#b3261e"},
            showlegend=False, hoverinfo="skip",
        )  # fmt: skip
    for name, keys, colour in (("dots", ("x", "y"), "#1a7f4b"), ("gaze", ("gaze_x", "gaze_y"), "#b3261e")):
        x, y = ([dot[key] for dot in checked.dots] for key in keys)
        plot.add_scatter(x=x, y=y, mode="markers", name=name, marker={"color": colour, "size": 9})
    screen = session.record.screen
    left, top = screen.camera_x_cm, screen.camera_y_cm
    plot.update_xaxes(range=[left, left + screen.width_cm], title="cm from the camera")
    plot.update_yaxes(range=[top - screen.height_cm, top], scaleanchor="x")
    return Figure(f"Error per dot: {title}", plot, "Each line leads from a dot to the mean estimate for it.")
