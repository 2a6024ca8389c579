"""The command line with right and with wrong words."""

import json
import zipfile
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from nonet import cli
from nonet.gaze.config import PRESETS
from nonet.gaze.geometry import LAPTOP
from nonet.gaze.live import plan_of
from nonet.gaze.model import GazeNet, save
from nonet.gaze.store.shelf import Store
from nonet.gaze.tasks.stages import Pace

SETTINGS = {"tasks": [], "seed": 1, "pace": vars(Pace.quick()), "source": "mouse", "distance_cm": 50.0, "pictures": []}


@pytest.fixture
def session(tmp_path):
    """Somebody who looked at every dot, seen with an error of a centimetre."""
    store, now = Store(tmp_path / "store"), datetime(2026, 1, 2, tzinfo=UTC)
    opened = store.begin(store.admit("Ada", "text", keep_frames=False, now=now, days=10), LAPTOP, SETTINGS, now)
    rng, t = np.random.default_rng(0), 0.0
    for number, stage in enumerate(plan_of(opened).stages):
        for trial, content in enumerate(stage.trials):
            about = {"stage": number, "trial": trial}
            opened.add_events([{"t": t, "kind": "trial", **about}, {"t": t + content.ms, "kind": "end", **about}])
            place = LAPTOP.to_cm(np.array([content.dot[0][1:]]))[0] + 1
            bases = place + rng.normal(0, 0.2, (content.ms // 33, 2))
            opened.add_samples(
                {"t": t + 33.0 * i, "base": base.tolist(), "features": [*np.abs(base), 1, 2], **about}
                for i, base in enumerate(bases)
            )
            t += content.ms
    return opened


@pytest.fixture
def network(tmp_path):
    """The folder of a network that has learnt nothing."""
    save(GazeNet(PRESETS["64-half"]), tmp_path / "network")
    return tmp_path / "network"


def run(*words, store):
    return cli.run(["gaze", *words, "--store", str(store)])


@pytest.mark.slow
def test_calibrate_and_report_say_what_is_left(session, tmp_path, capsys):
    store, name = session.folder.parents[3], session.record.session
    assert run("calibrate", "model", name, "--personal.gamma", "0.6", "--json", store=store) == 0
    rows = json.loads(capsys.readouterr().out)
    facts = session.calibration_facts()
    assert facts["gamma"] == 0.6
    assert facts["errors_cm"]["base"] == pytest.approx(2**0.5, abs=0.1)
    assert facts["errors_cm"][facts["rung"]] < 0.5
    assert [row["fit"] for row in rows if row["used"]] == [facts["rung"]]
    assert run("report", name, "--out", str(tmp_path / "out"), store=store) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "off on dots that no calibration saw" in page
    assert "simulated by the mouse" in page
    capsys.readouterr()
    assert run("report", str(session.folder), "--json", store=store) == 0
    assert json.loads(capsys.readouterr().out)["tables"]
    assert (session.folder / "report.html").stat().st_mode & 0o077 == 0
    capsys.readouterr()
    assert run("list", store=store) == 0
    assert name in capsys.readouterr().out
    assert run("list", "--json", store=store) == 0
    assert [row["session"] for row in json.loads(capsys.readouterr().out)] == [name]


def test_data_expiry_and_forgetting(session, tmp_path, capsys):
    store, who = session.folder.parents[3], session.record.participant
    assert run("data", who, "--out", str(tmp_path / "mine.zip"), store=store) == 0
    assert "consent.json" in zipfile.ZipFile(tmp_path / "mine.zip").namelist()
    assert run("expire", store=store) == 0
    assert f"{who}  due" in capsys.readouterr().out
    assert run("forget", who, store=store) == 0
    assert not session.folder.exists()
    assert run("forget", who, store=store) != 0
    assert "no such participant" in capsys.readouterr().err


def test_a_study_is_set_up_with_pictures(network, tmp_path):
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (20, 20), "red").save(tmp_path / "pictures" / "red.png")
    words = ["--model", str(network), "--pictures", str(tmp_path / "pictures"), "--tasks", "viewing"]
    assert cli.run(["gaze", "setup", str(tmp_path / "study"), *words]) == 0
    assert json.loads((tmp_path / "study" / "study.json").read_text())["tasks"] == ["viewing"]


@pytest.mark.slow
def test_a_network_learns_from_rendered_people_and_is_judged_on_others(tmp_path, capsys):
    model, few = str(tmp_path / "model"), ["--workers", "1"]
    people = ["--synthesis.people", "10", "--synthesis.frames", "2", "--learning.epochs", "1"]
    assert cli.run(["gaze", "train", "--synthetic", "--out", model, *people, *few]) == 0
    assert (tmp_path / "model" / "model.safetensors").is_file()
    capsys.readouterr()
    assert cli.run(["gaze", "evaluate", model, "--people", "14", "--frames", "1", "--seed", "1", "--json", *few]) == 0
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    assert {row[0] for row in table["rows"]} >= {"skin tone", "eye colour", "glasses"}


@pytest.mark.slow
def test_a_network_is_written_for_onnx_runtime(network, tmp_path):
    pytest.importorskip("onnx", reason="onnx is not installed")
    assert cli.run(["gaze", "onnx", str(network), "--out", str(tmp_path / "gaze.onnx")]) == 0
    assert (tmp_path / "gaze.onnx").stat().st_size > 10_000


def test_who_is_due_is_deleted_if_asked(session, capsys):
    store = session.folder.parents[3]
    assert run("expire", "--delete", store=store) == 0
    assert f"{session.record.participant}  deleted" in capsys.readouterr().out
    assert not session.folder.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "s-" + "a" * 16], "no such session"),
        (["report", "../../etc/passwd"], "session.json"),
        (["report", "Ada"], "id"),
        (["forget", "../x"], "id"),
        (["convert", "s-" + "a" * 16, "--out", "x"], "no such session"),
        (["data", "p-" + "a" * 16, "--out", "x"], "no such participant"),
        (["calibrate", "model", "SESSION", "--finetune"], "mouse has no pictures"),
    ],
)
def test_wrong_words_are_refused_with_the_reason(session, words, said, capsys):
    words = [session.record.session if word == "SESSION" else word for word in words]
    assert run(*words, store=session.folder.parents[3]) != 0
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--out", "x"], "choose --synthetic"),
        (["train", "GazeCapture", "--synthetic", "--out", "x"], "not both"),
        (["train", "nowhere", "--out", "x"], "No usable frame"),
        (["evaluate", "nowhere"], "nowhere"),
        (["list", "--store", "nowhere"], "Nothing is recorded there"),
        (["setup", "x", "--model", "m", "--tasks", "juggling"], "no task 'juggling'"),
        (["setup", "x", "--model", "nowhere"], "no such folder"),
    ],
)
def test_what_is_not_there_is_said(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["gaze", *words]) != 0
    assert said in " ".join(capsys.readouterr().err.split())
