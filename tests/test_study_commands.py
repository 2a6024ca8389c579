"""`nonet WING study` as the pages show it: what reaches the study, and where its report goes. The studies' own tests
run them; here each is stood in for."""

import json
from types import SimpleNamespace

import pytest

from nonet import cli
from nonet.foundation.report import Report

pytestmark = pytest.mark.slow  # imports every engine


@pytest.fixture
def stand_in(monkeypatch):
    """Puts a study aside; returns what it was called with."""

    def put_aside(wing: str) -> list[tuple]:
        called = []

        def study(*given, **named):
            called.append((given, named))
            return Report(f"{wing}, stood in for")

        monkeypatch.setattr(f"nonet.{wing}.study.study", study)
        return called

    return put_aside


def report_of(folder) -> dict:
    return json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize("parts", [("arithmetic", "zero-shot"), ("data", "width", "temperature", "negatives")])
def test_align(stand_in, tmp_path, parts):
    called = stand_in("align")
    for split in ("train", "test"):
        (tmp_path / "cifar10" / split).mkdir(parents=True)
    words = ["--out", str(tmp_path / "study"), "--seeds", "3", "--labelled", str(tmp_path / "cifar10")]
    words += ["--parts", *parts]
    assert cli.run(["align", "study", *words]) == 0
    (config,), _ = called[0]
    assert (config.parts, config.labelled, config.scale) == (parts, tmp_path / "cifar10", "minutes")
    assert report_of(tmp_path / "study")["title"] == "align, stood in for"


def test_cka(stand_in, tmp_path):
    called = stand_in("cka")
    words = ["--pictures", "mnist", "--scale", "hours", "--out", str(tmp_path / "study"), "--seeds", "4"]
    assert cli.run(["cka", "study", *words]) == 0
    given, named = called[0]
    assert "mnist" in given or named.get("data") == "mnist"
    assert named["seeds"] == 4
    assert report_of(tmp_path / "study")["title"] == "cka, stood in for"


def test_felix(stand_in, tmp_path):
    called = stand_in("felix")
    assert cli.run(["felix", "study", "--out", str(tmp_path / "study"), "--seed", "3"]) == 0
    assert called[0][0][0].learning.seed == 3
    assert report_of(tmp_path / "study")["title"] == "felix, stood in for"


@pytest.mark.parametrize(("scale", "users"), [("minutes", 200), ("paper", 2000)])
def test_recsim(stand_in, tmp_path, scale, users):
    called = stand_in("recsim")
    assert cli.run(["recsim", "study", "--scale", scale, "--out", str(tmp_path / "study")]) == 0
    assert called[0][0][0].users == users
    assert report_of(tmp_path / "study")["title"] == "recsim, stood in for"


def test_rendezvous(stand_in, tmp_path, monkeypatch):
    called = stand_in("rendezvous")
    monkeypatch.setattr("nonet.rendezvous.team.load_team", lambda folder: f"the team of {folder}")
    assert cli.run(["rendezvous", "study", "team", "--out", str(tmp_path / "study"), "--workers", "1"]) == 0
    (team, config), _ = called[0]
    assert team == "the team of team"
    assert config.workers == 1
    assert report_of(tmp_path / "study")["title"] == "rendezvous, stood in for"


def test_a_tour_on_real_data(tmp_path, monkeypatch):
    called = []

    def tour(config):
        called.append(config)
        return SimpleNamespace(wings=[], of=lambda state: [])

    monkeypatch.setattr("nonet.tour.tour", tour)
    words = ["--out", str(tmp_path / "tour"), "--scale", "minutes", "--only", "eigen", "optim"]
    words += ["--data", str(tmp_path)]
    assert cli.run(["tour", *words]) == 0
    assert (called[0].only, called[0].data) == (("eigen", "optim"), tmp_path)
