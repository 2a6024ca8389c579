"""Fatigue of recorded sessions: blocks, their progress, and what becomes of them when somebody is forgotten."""

import csv
import json
from datetime import UTC, datetime

import numpy as np
import pytest

from nonet import cli
from nonet.gaze.fatigue import FEATURES, PROOF_FEATURES, proof_features, recorded_blocks
from nonet.gaze.geometry import LAPTOP
from nonet.gaze.live import plan_of
from nonet.gaze.samples import Samples
from nonet.gaze.store.shelf import Store
from nonet.gaze.tasks.plan import dot_at
from nonet.gaze.tasks.stages import Pace

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PACE = Pace(dots=4, checks=4, tracking_blocks=3, tracking_s=4, proof_blocks=2)
SETTINGS = {
    "tasks": ["tracking", "proofreading"],
    "seed": 1,
    "pace": vars(PACE),
    "source": "camera",
    "distance_cm": 50.0,
    "pictures": [],
}
LAG_MS = (100.0, 180.0, 260.0)  # of the three blocks: the eyes fall behind


def recorded(store, name, answers=(0, 1, 3)):
    """A sitting of three blocks of tracking, ever later, and two of proofreading; times in ms."""
    session = store.begin(store.admit(name, "text", keep_frames=False, now=NOW), LAPTOP, SETTINGS, NOW)
    rng = np.random.default_rng(len(store.participants()))
    rows, events, t = [], [], 1000.0
    for number, stage in enumerate(plan_of(session).stages):
        if stage.task not in {"tracking", "proofreading"}:
            continue
        for trial, content in enumerate(stage.trials):
            ms = np.arange(0, 4000, 1000 / 30)
            if content.dot:
                px = dot_at(content, np.maximum(0, ms - LAG_MS[trial]))
            else:  # one line after the other
                lines = [item for item in content.items if item.role == "line"]
                px = np.array([[lines[i].x, lines[i].y] for i in (ms / 4000 * len(lines)).astype(int)])
            places = LAPTOP.to_cm(px) + rng.normal(0, 0.05, px.shape)
            about = {"stage": number, "trial": trial}
            events.append({"t": t, "kind": "trial", **about})
            rows += [
                {"t": t + at, "base": place.tolist(), "features": [0, 0, 0, 0], **about}
                for at, place in zip(ms, places, strict=True)
            ]
            t += 4000
            events += [
                {"t": t, "kind": "end", **about},
                {"t": t, "kind": "answer", "answer": answers[trial], **about},
            ]
            t += 56_000
    session.add_samples(rows)
    session.add_events(events)
    return session


@pytest.fixture
def store(tmp_path):
    shelf = Store(tmp_path / "store")
    for name in ("Ada", "Grace", "Emmy"):
        recorded(shelf, name)
    return shelf


@pytest.mark.slow
def test_blocks_are_compared_with_the_sittings_first(store):
    blocks = recorded_blocks(store.sessions(), "tracking")
    assert blocks.change.shape == (9, len(FEATURES))
    lag = blocks.change[:, FEATURES.index("lag, ms")].reshape(3, 3)
    np.testing.assert_allclose(lag, np.tile([0, 80, 160], (3, 1)), atol=12)
    np.testing.assert_allclose(blocks.minutes.reshape(3, 3), np.tile([0, 1, 2], (3, 1)))
    assert blocks.questionnaire.tolist() == [0, 1, 3] * 3
    proof = recorded_blocks(store.sessions(), "proofreading")
    assert proof.change.shape == (6, len(PROOF_FEATURES))
    assert (proof.change[::2] == 0).all()


@pytest.mark.slow
def test_blocks_without_answer_or_second_block_are_left_out_and_counted(store):
    session = store.sessions()[0]
    kept = [row for row in session.events() if not (row["kind"] == "answer" and row["trial"] > 0)]
    (session.folder / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    blocks = recorded_blocks(store.sessions(), "tracking")
    assert len(blocks) == 6
    assert blocks.left_out == {"no answer": 2, "no second block in the sitting": 1}


def test_proofreading_is_measured_line_by_line():
    lines = [(0.0, 2.0, 10.0, 3.0), (0.0, 1.0, 10.0, 2.0), (0.0, 0.0, 10.0, 1.0)]
    path = np.array([[1.0, 2.5], [5.0, 2.5], [3.0, 2.5], [8.0, 0.5]]).repeat(30, axis=0)  # a second each; one skipped
    path += np.random.default_rng(0).normal(0, 0.02, path.shape)
    t = np.arange(120) * 1000 / 30
    samples = Samples(t, path, np.full(120, 50.0), np.full(120, np.nan), [""] * 120)
    found = dict(zip(PROOF_FEATURES, proof_features(samples, lines, [(7.0, 0.0, 9.0, 1.0)]), strict=True))
    assert found["fixation, ms"] == pytest.approx(1000, rel=0.1)
    assert found["share of regressions"] == pytest.approx(1 / 2)
    assert found["share of lines skipped"] == pytest.approx(1 / 3)
    assert found["share of time on errors"] == pytest.approx(1 / 4, abs=0.03)
    assert found["time taken, s"] == pytest.approx(t[-1] / 1000)
    assert found["share lost"] == 0


@pytest.mark.slow
def test_the_command_shows_progress_and_forgetting_takes_the_rows(store, tmp_path, capsys):
    where = ["--store", str(store.root)]
    words = ["gaze", "fatigue", "--permutations", "9", "--out", str(tmp_path / "out"), *where]
    assert cli.run([*words, "--json"]) == 0
    told, kept = json.loads(capsys.readouterr().out), json.loads((tmp_path / "out" / "report.json").read_text())
    assert told["tables"] == kept["tables"] != []
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Progress: tracking" in page
    assert "Tracking: AUC" in page
    assert "diagnoses nobody" in page
    ada = store.participants()[0]
    assert not any(one in page for one in store.participants())  # by letters only
    table = store.root / "reports" / "fatigue.csv"
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == 9 * len(FEATURES) + 6 * len(PROOF_FEATURES)
    assert cli.run(["gaze", "forget", ada, *where]) == 0
    assert len(list(csv.DictReader(table.open()))) == len(rows) * 2 // 3
    assert ada not in table.read_text()
    capsys.readouterr()
    assert cli.run(["gaze", "fatigue", *where]) == 0
    assert "not judged: At least three participants" in " ".join(capsys.readouterr().out.split())


def test_a_study_without_such_tasks_says_what_to_run(tmp_path, capsys):
    shelf = Store(tmp_path / "store")
    shelf.admit("Ada", "text", keep_frames=False, now=NOW)
    assert cli.run(["gaze", "fatigue", "--store", str(shelf.root)]) != 0
    assert "--tasks tracking proofreading" in " ".join(capsys.readouterr().err.split())
