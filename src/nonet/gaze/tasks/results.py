"""What each task measured in one session, as tables and plots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from nonet.foundation.report import Figure, Table
from nonet.gaze.geometry import Screen
from nonet.gaze.measures.dispersion import contour_area, gaze_entropy
from nonet.gaze.measures.heatmaps import heatmap
from nonet.gaze.measures.latency import saccade_latency
from nonet.gaze.measures.pursuit import pursuit
from nonet.gaze.measures.reading import line_reading, share_on
from nonet.gaze.measures.search import fixations_of, search_slope, search_trial
from nonet.gaze.samples import Samples
from nonet.gaze.tasks.plan import Item, Trial, dot_at

__all__ = ["StageData", "TextBoxes", "TrialData", "task_tables", "text_boxes", "tracked"]

Shown = tuple[list[Table], list[Figure]]


@dataclass(frozen=True)
class TrialData:
    """A trial as it was run.

    Attributes:
        trial: what was shown.
        begun_ms: when.
        ended_ms: until when.
        samples: the gaze in between.
        tap: time and place (pixels) of the response, or None.
        answer: number of the chosen answer, or None.
    """

    trial: Trial
    begun_ms: float
    ended_ms: float
    samples: Samples
    tap: tuple[float, float, float] | None
    answer: int | None


@dataclass(frozen=True)
class StageData:
    """A task as it was run."""

    task: str
    screen: Screen
    trials: Sequence[TrialData]


@dataclass(frozen=True)
class TextBoxes:
    """Where a text is: left, bottom, right, top in cm.

    Attributes:
        lines: all lines from top to bottom.
        relevant: those that answer the question.
        errors: the misspelt words.
    """

    lines: Sequence[tuple[float, float, float, float]]
    relevant: Sequence[tuple[float, float, float, float]]
    errors: Sequence[tuple[float, float, float, float]]


def text_boxes(screen: Screen, trial: Trial) -> TextBoxes:
    """Where the lines and words of a trial are."""
    lines = [item for item in trial.items if item.kind == "text" and item.role != "error"]
    return TextBoxes(
        [_box(screen, item) for item in lines],
        [_box(screen, item) for item in lines if item.role == "relevant"],
        [_box(screen, item) for item in trial.items if item.role == "error"],
    )


def tracked(stage: StageData, run: TrialData) -> Float[np.ndarray, "n 2"]:
    """Where a trial's dot was at the times of its samples, cm."""
    return stage.screen.to_cm(dot_at(run.trial, run.samples.t_ms - run.begun_ms))


def task_tables(stage: StageData) -> Shown:
    """Tables and plots of one task; none for a task that measures nothing by itself."""
    show = _SHOWN.get(stage.task)
    return show(stage) if show else ([], [])


def _saccades(stage: StageData) -> Shown:
    rows, valid = [], []
    for number, run in enumerate(stage.trials):
        jump = float(run.trial.condition["jump_ms"])
        places = stage.screen.to_cm(dot_at(run.trial, np.array([0.0, jump + 1])))
        found = saccade_latency(run.samples.t_ms - run.begun_ms, run.samples.gaze_cm, jump, places[0], places[1])
        rows.append((number + 1, found.ms, found.gain, "yes" if found.valid else found.reason))
        if found.valid:
            valid.append(found.ms)
    middle = f"median {np.median(valid):.0f} ms, mean {np.mean(valid):.0f} ms" if valid else "none valid"
    caption = f"{len(valid)} of {len(rows)} trials are valid: {middle}. Display and camera delay are not taken off."
    table = Table("Saccade latency", ("trial", "latency, ms", "gain", "valid"), rows, caption)
    plot = go.Figure(go.Histogram(x=valid, xbins={"start": 0, "end": 600, "size": 25}))
    plot.update_xaxes(title="latency, ms", range=[0, 600])
    return [table], [Figure("Saccade latencies", plot, caption)] if valid else []


def _pursuit(stage: StageData) -> Shown:
    rows, figures = [], []
    for run in stage.trials:
        target = tracked(stage, run)
        found = pursuit(run.samples.t_ms, run.samples.gaze_cm, target)
        name = run.trial.condition.get("shape", f"block {run.trial.condition.get('block', 0) + 1}")
        if found is None:
            continue
        answer = "" if run.answer is None else run.answer
        rows.append((name, found.error_cm, found.lag_ms, found.gain, found.catch_up_hz, 100 * found.off_target, answer))
        plot = go.Figure()
        plot.add_scatter(x=target[:, 0], y=target[:, 1], mode="lines", name="dot", line={"color": "#1a7f4b"})
        x, y = run.samples.gaze_cm.T
        plot.add_scatter(x=x, y=y, mode="markers", name="gaze", marker={"color": "#3451b2", "size": 4, "opacity": 0.6})
        plot.update_yaxes(scaleanchor="x")
        figures.append(Figure(f"Pursuit: {name}", plot, "Gaze and the dot's path, cm from the camera."))
    columns = ("path", "error, cm", "lag, ms", "gain", "catch-up saccades a second", "off target, %", "answer")
    title = "Smooth pursuit" if stage.task == "pursuit" else "Object tracking"
    return [Table(title, columns, rows, "Lag includes the delay of display and camera.")], figures


def _search(stage: StageData) -> Shown:
    rows = []
    for run in stage.trials:
        target = next(item for item in run.trial.items if item.role == "target")
        place = stage.screen.to_cm(np.array([target.x, target.y]))
        answer = run.tap[0] if run.tap else float("nan")
        right = run.tap is not None and np.hypot(run.tap[1] - target.x, run.tap[2] - target.y) < target.width
        found = search_trial(run.samples, run.begun_ms, place, answer)
        kind = run.trial.condition
        level = f"contrast {kind['contrast']:g}" if kind["kind"] == "colour" else f"turn {kind['turn']}°"
        rows.append((level, int(kind["items"]), found.fixations, found.found_ms, found.answer_ms, right))
    columns = ("difference", "items", "fixations", "found after, ms", "answered after, ms", "right")
    tables = [Table("Visual search", columns, sorted(rows, key=lambda row: (row[0], row[1])))]
    slopes = []
    for level in sorted({row[0] for row in rows}):
        mine = [row for row in rows if row[0] == level]
        if len({row[1] for row in mine}) > 1:
            slopes.append((level, search_slope([row[1] for row in mine], [row[2] for row in mine])))
    if slopes:
        tables.append(Table("Search slopes", ("difference", "fixations for one item more"), slopes))
    return tables, []


def _viewing(stage: StageData) -> Shown:
    rows, figures = [], []
    for run in stage.trials:
        fixations = fixations_of(run.samples)
        density = heatmap(run.samples.gaze_cm, stage.screen)
        name = run.trial.condition["picture"]
        if density.sum() == 0:
            continue
        rows.append((name, len(fixations), gaze_entropy(density), contour_area(run.samples.gaze_cm)))
        plot = go.Figure(go.Heatmap(z=density[::-4][:, ::4], colorscale="Inferno", showscale=False))
        plot.update_yaxes(scaleanchor="x")
        figures.append(Figure(f"Heat map: {name}", plot, "Gaze blurred by 1 cm."))
    columns = ("picture", "fixations", "entropy, bits", "ellipse of 68 %, cm²")
    return [Table("Free viewing", columns, rows)], figures


def _reading(stage: StageData) -> Shown:
    rows = []
    for run in stage.trials:
        boxes = text_boxes(stage.screen, run.trial)
        lines = line_reading(fixations_of(run.samples), boxes.lines, boxes.errors)
        if lines is None:
            continue
        question = run.trial.question
        graded = question is not None and question.right >= 0 and run.answer is not None
        right = (run.answer == question.right) if graded and question else None
        share = share_on(run.samples, boxes.relevant, boxes.lines) if boxes.relevant else None
        rows.append(
            (
                run.trial.condition.get("kind", "proofreading"),
                None if share is None else 100 * share,
                right,
                lines.fixation_ms,
                100 * lines.regressions,
                100 * lines.skips,
                100 * lines.on_errors if boxes.errors else None,
            )
        )
    columns = ("text", "time on the relevant sentence, %", "answered right", "fixation, ms", "regressions, %",
               "lines skipped, %", "time on errors, %")  # fmt: skip
    return [Table("Reading" if stage.task == "reading" else "Proofreading", columns, rows)], []


def _box(screen: Screen, item: Item) -> tuple[float, float, float, float]:
    corners = np.array(
        [[item.x - item.width / 2, item.y + item.height / 2], [item.x + item.width / 2, item.y - item.height / 2]]
    )
    (left, bottom), (right, top) = screen.to_cm(corners)
    return float(left), float(bottom), float(right), float(top)


_SHOWN: dict[str, Callable[[StageData], Shown]] = {
    "saccade": _saccades,
    "pursuit": _pursuit,
    "tracking": _pursuit,
    "search": _search,
    "viewing": _viewing,
    "reading": _reading,
    "proofreading": _reading,
}
