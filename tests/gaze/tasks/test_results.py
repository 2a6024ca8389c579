"""Every task in a report, for a participant whose gaze is known."""

from datetime import UTC, datetime

import numpy as np
import pytest

from nonet.gaze.geometry import LAPTOP
from nonet.gaze.live import plan_of
from nonet.gaze.reporting import session_report
from nonet.gaze.store.shelf import Store
from nonet.gaze.tasks import TASKS
from nonet.gaze.tasks.plan import dot_at
from nonet.gaze.tasks.stages import Pace

pytestmark = pytest.mark.slow

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PACE = Pace(
    dots=4, dot_ms=1000, checks=4, saccades=6, rounds=1, repeats=0, tracking_blocks=1, tracking_s=8, proof_blocks=1
)
SETTINGS = {
    "tasks": list(TASKS),
    "seed": 3,
    "pace": vars(PACE),
    "source": "camera",
    "distance_cm": 50.0,
    "pictures": ["a.png"],
}
LATE_MS = 180.0  # the eyes behind every dot
SACCADE_MS = 45.0  # that the eyes need for the way
LOOKED_MS, TAPPED_MS = 400.0, 1500.0


def looked(task, trial, ms):
    """Where the participant looks at these times, pixels."""
    if trial.dot:
        late = 0.0 if task in {"calibration", "validation"} else LATE_MS
        way = np.linspace(0, SACCADE_MS if task == "saccade" else 0, 10)
        return np.mean([dot_at(trial, np.maximum(0, ms - late - one)) for one in way], axis=0)
    first, then = np.array([450.0, 300.0]), np.array([450.0, 300.0])
    if task == "search":
        target = next(item for item in trial.items if item.role == "target")
        first, then = np.array(LAPTOP.to_px(np.array(LAPTOP.centre_cm))), np.array([target.x, target.y])
        if np.hypot(*(first - then)) < 4 * LAPTOP.px_per_cm:
            first = first + np.array([6 * LAPTOP.px_per_cm, 0])
    elif task == "reading":  # a quarter of the time on a line that does not matter
        kinds = [next(item for item in trial.items if item.role == role) for role in ("", "relevant")]
        first, then = (np.array([item.x, item.y]) for item in kinds)
    elif task == "proofreading":  # most of the time on a misspelt word
        wrong = next(item for item in trial.items if item.role == "error")
        first, then = np.array([wrong.x + 6 * LAPTOP.px_per_cm, wrong.y]), np.array([wrong.x, wrong.y])
    return np.where((ms < LOOKED_MS)[:, None], first, then)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("known") / "store")
    session = store.begin(store.admit("Ada", "text", keep_frames=False, now=NOW), LAPTOP, SETTINGS, NOW)
    rng, t, rows, events = np.random.default_rng(0), 1000.0, [], []
    for number, stage in enumerate(plan_of(session).stages):
        for index, trial in enumerate(stage.trials):
            about, length = {"stage": number, "trial": index}, trial.ms or TAPPED_MS
            ms = np.arange(0, length, 1000 / 30)
            places = LAPTOP.to_cm(looked(stage.task, trial, ms))
            places = places + rng.normal(0, 0.05, places.shape)
            events.append({"t": t, "kind": "trial", **about})
            rows += [
                {"t": t + at, "base": place, "features": [0, 0, 0, 0], **about}
                for at, place in zip(ms.tolist(), places.tolist(), strict=True)
            ]
            t += length
            if trial.respond == "tap":
                x, y = looked(stage.task, trial, np.array([length]))[0].tolist()
                events.append({"t": t, "kind": "tap", "x": x, "y": y, **about})
            events.append({"t": t, "kind": "end", **about})
            if trial.question:
                events.append({"t": t, "kind": "answer", "answer": max(0, trial.question.right), **about})
            t += 500
    session.add_samples(rows)
    session.add_events(events)
    report = session_report(session)
    return {table.title: [dict(zip(table.columns, row, strict=True)) for row in table.rows] for table in report.tables}


def test_saccades_and_pursuit_are_as_late_as_the_eyes(tables):
    saccades = tables["Saccade latency"]
    assert [row["valid"] for row in saccades] == ["yes"] * PACE.saccades
    assert np.mean([row["latency, ms"] for row in saccades]) == pytest.approx(LATE_MS, abs=15)
    assert [row["path"] for row in tables["Smooth pursuit"]] == ["circle", "box"]
    assert [row["path"] for row in tables["Object tracking"]] == ["block 1"]
    for row in tables["Smooth pursuit"] + tables["Object tracking"]:
        assert row["lag, ms"] == pytest.approx(LATE_MS, abs=10)
        assert row["gain"] == pytest.approx(1, abs=0.05)


def test_the_target_of_a_search_is_found_with_the_second_fixation(tables):
    found = tables["Visual search"]
    assert len(found) == 3
    for row in found:
        assert row["fixations"] == 2
        assert row["found after, ms"] == pytest.approx(LOOKED_MS, abs=70)
        assert row["answered after, ms"] == TAPPED_MS
        assert row["right"]


def test_one_place_of_a_picture_is_looked_at(tables):
    (row,) = tables["Free viewing"]
    assert row["fixations"] == 1
    blurred = np.log2(2 * np.pi * np.e * (1**2 + 0.05**2) * 8**2)  # of a normal distribution, 8 cells a centimetre
    assert row["entropy, bits"] == pytest.approx(blurred, abs=0.05)
    assert row["ellipse of 68 %, cm²"] < 0.05


def test_time_in_a_text_goes_where_the_eyes_went(tables):
    later = 100 * (1 - LOOKED_MS / TAPPED_MS)
    for row in tables["Reading"]:
        assert row["time on the relevant sentence, %"] == pytest.approx(later, abs=3)
        assert row["answered right"]
    (proof,) = tables["Proofreading"]
    assert proof["time on errors, %"] == pytest.approx(later, abs=5)
    assert proof["answered right"] is None
    assert proof["regressions, %"] == 100
