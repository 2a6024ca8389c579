"""The commands as a person types them, on a team that knows nothing and for a second of its time."""

import json
import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nonet.cli import run
from nonet.rendezvous import config
from nonet.rendezvous.team import load_team

pytestmark = pytest.mark.slow  # programs are compiled
BRIEF = ["--seconds", "1"]


def test_every_method_is_listed(capsys):
    assert run(["rendezvous", "methods"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("hpp", "maddpg", "midpoint", "one-waits"))
    assert run(["rendezvous", "methods", "--json"]) == 0
    assert "hpp" in [row["method"] for row in json.loads(capsys.readouterr().out)]


def test_a_team_is_taught_and_saved(untaught, tmp_path, monkeypatch, capsys):
    asked = []

    def taught(config, *, kept, told):
        asked.append(config)
        told("policy", 1, 0.5)
        return untaught

    monkeypatch.setattr("nonet.rendezvous.teaching.train", taught)
    assert run(["rendezvous", "train", "--out", str(tmp_path / "team"), "--maps", "7", "--beams", "8"]) == 0
    assert (asked[0].policy.maps, asked[0].world.lidar.beams, asked[0].world.noise) == (7, 8, config.preset("lab"))
    assert load_team(tmp_path / "team").figures == {"seen": 0.5}
    assert "seen" in capsys.readouterr().out


def test_the_baseline_is_taught_and_kept_with_the_team(team_folder, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "team"
    shutil.copytree(team_folder, folder)
    small = partial(config.MaddpgConfig, worlds=4, hidden=8, batch=16, replay=512, episode=8)
    monkeypatch.setattr("nonet.rendezvous.teaching.MaddpgConfig", small)
    assert run(["rendezvous", "baseline", str(folder), "--steps", "64"]) == 0
    taught = load_team(folder)
    assert taught.maddpg is not None
    assert all(np.isfinite(layer).all() for layer in taught.maddpg.values())
    assert "meets within 1 m" in capsys.readouterr().out


def test_a_meeting_on_a_map_of_mine_is_watched(team_folder, tmp_path, monkeypatch):
    Image.new("L", (40, 40), 255).save(tmp_path / "lab.png")
    (tmp_path / "lab.yaml").write_text("image: lab.png\nresolution: 0.2\norigin: [0, 0, 0]\nnegate: 0\n")
    shown = []
    monkeypatch.setattr("nonet.rendezvous.watching.watch_episode", lambda *words: shown.append(words))
    words = ["--map", str(tmp_path / "lab.yaml"), "--agents", "2", "--watch", "--method", "midpoint", *BRIEF]
    assert run(["rendezvous", "run", str(team_folder), *words]) == 0
    ((folder, episode, port),) = shown
    assert (folder, port) == (team_folder, 8000)
    assert json.loads(episode.read_text())["about"]["map"] == "lab"


def test_a_meeting_is_filmed(team_folder, tmp_path, capsys):
    words = ["--suite", "trap", "--video", str(tmp_path / "meeting.mp4"), "--method", "midpoint", *BRIEF]
    assert run(["rendezvous", "run", str(team_folder), *words, "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)["kept in"]
    assert json.loads(Path(kept).read_text())["about"]["suite"] == "trap"
    assert b"ftyp" in (tmp_path / "meeting.mp4").read_bytes()[:16]


def test_methods_are_compared_and_reported(team_folder, tmp_path, capsys):
    words = [
        "--suite",
        "open",
        "--episodes",
        "2",
        "--methods",
        "midpoint",
        "--mates",
        "still",
        "--workers",
        "1",
        *BRIEF,
    ]
    assert run(["rendezvous", "evaluate", str(team_folder), *words, "--out", str(tmp_path / "report")]) == 0
    assert "midpoint" in json.dumps(json.loads((tmp_path / "report" / "report.json").read_text())["tables"])
    assert not (tmp_path / "report.partial").exists()


def test_a_simulated_robot_drives_and_its_bag_is_replayed(team_folder, tmp_path, capsys):
    bag = str(tmp_path / "bag")
    words = ["--robot", "robot_0", "--mates", "robot_1", "--seconds", "1", "--record", bag]
    assert run(["rendezvous", "drive", str(team_folder), *words]) == 0
    assert "commands" in capsys.readouterr().out
    assert run(["rendezvous", "replay", str(team_folder), bag, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ticks"] > 0
    assert told["largest difference of a command"] == pytest.approx(0, abs=1e-5)


def test_without_anybody_on_the_topics_the_robot_stands(team_folder, capsys):
    pytest.importorskip("cyclonedds", reason="cyclonedds is not installed")
    words = ["--robot", "robot_0", "--mates", "robot_1", "--dds", "--domain", "97", "--seconds", "0.5"]
    assert run(["rendezvous", "drive", str(team_folder), *words]) == 0
    assert re.search(r"stopped, old scan +[1-9]", capsys.readouterr().out)
