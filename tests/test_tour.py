"""The tour with studies that are made up: what fails, what is interrupted, what is taken as it is, what it shows."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import nonet.tour
from nonet import __version__, cli, web
from nonet.foundation.errors import ResourceError, UsageError
from nonet.foundation.report import Report
from nonet.tour import TourConfig, TourState, read_state, tour
from nonet.tour.child import shares
from nonet.tour.running import LONGEST_FIRST
from nonet.wings import WINGS

NAMES = [wing.name for wing in WINGS]

STUDY = """
import json, os, shlex, signal, sys, time
from pathlib import Path
words = sys.argv[1:]
wing, out = words[0], Path(words[words.index("--out") + 1])
assert words[1] == "study"
play = json.loads((out.parent / "play.json").read_text()).get(wing, {})
with (out.parent / "starts.txt").open("a") as file:
    file.write(f"{wing} {os.getpid()}\\n")
out.mkdir(exist_ok=True)
def asked(*_):
    (out / "asked").touch()
    sys.exit(130)
signal.signal(signal.SIGTERM, asked)
time.sleep(play.get("sleep", 0))
hold = bytearray(play.get("mib", 0) * 2**20)
end = time.process_time() + play.get("cpu", 0)
while time.process_time() < end:
    pass
print("something that it says")
if play.get("fails"):
    print(f"Error: {play['fails']}", file=sys.stderr)
    sys.exit(2)
if play.get("killed"):
    os.kill(os.getpid(), signal.SIGKILL)
claim = {"text": f"{wing} works", "article": "Table 1", "measured": "0.5 of 1", "how": "by counting", "verdict": ""}
figure = {"title": "Curve", "caption": "rises", "plot": {"data": [{"type": "scatter", "y": [1, 2]}], "layout": {}}}
report = {
    "title": f"About {wing}", "summary": "Short.", "made": "2026-01-01", "machine": {"nonet": VERSION, "torch": "9.9"},
    "facts": {"command": shlex.join(["nonet", *words]), "scale": "minutes", "seed": 0},
    "claims": [{**claim, "holds": holds} for holds in play.get("claims", [True, False, None, True])],
    "figures": [figure], "tables": [{"title": "Rows", "columns": ["a"], "rows": [[1]], "caption": ""}], "sections": [],
}
(out / "report.json").write_text(json.dumps(report))
"""


@pytest.fixture
def play(tmp_path: Path) -> Any:
    """Writes what the studies do, and gives a tour of them."""
    script = tmp_path / "study.py"
    script.write_text(STUDY.replace("VERSION", repr(__version__)))
    folder = tmp_path / "tour"
    folder.mkdir()

    def prepared(acts: Mapping[str, Any] | None = None, **options: Any) -> TourConfig:
        (folder / "play.json").write_text(json.dumps(acts or {}))
        return TourConfig(folder, program=(sys.executable, str(script)), **options)

    return prepared


def starts(folder: Path) -> list[str]:
    path = folder / "starts.txt"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def states(state: TourState) -> dict[str, str]:
    return {wing.name: wing.state for wing in state.wings}


def test_every_study_runs_and_the_longest_begins_first(play):
    config = play(workers=1)
    state = tour(config)
    assert states(state) == dict.fromkeys(NAMES, "done")
    assert starts(config.out) == list(LONGEST_FIRST) and sorted(LONGEST_FIRST) == sorted(NAMES)
    assert all((w.claims.holds, w.claims.fails, w.claims.untold) == (2, 1, 1) for w in state.wings)


def test_a_study_that_fails_stops_no_other_and_says_why(play, monkeypatch, capsys):
    acts = {"cka": {"fails": "The disk is full.\nFree some space."}, "gaze": {"killed": True}, "optim": {"claims": []}}
    config = play(acts)
    monkeypatch.setattr(nonet.tour, "TourConfig", partial(TourConfig, program=config.program))
    assert cli.run(["tour", "--out", str(config.out)]) == 1
    found = states(read_state(config.out))
    assert [name for name, state in found.items() if state == "failed"] == ["cka", "gaze"]
    assert list(found.values()).count("done") == 7
    state = read_state(config.out)
    assert state.wing("cka").note == "The disk is full. Free some space."
    assert "SIGKILL" in state.wing("gaze").note and "memory" in state.wing("gaze").note
    assert "The disk is full." in capsys.readouterr().out
    # the next tour runs these two alone
    play({}, workers=2)
    assert cli.run(["tour", "--out", str(config.out)]) == 0
    assert sorted(starts(config.out)[9:]) == ["cka", "gaze"]


def test_the_state_has_the_agreed_form(play):
    config = play({"eigen": {"fails": "No."}}, only=("eigen", "optim"))
    tour(config)
    found = json.loads((config.out / "tour.json").read_text())
    assert (found["scale"], found["done"]) == ("minutes", True) and found["made"][:2] == "20"
    assert [wing["name"] for wing in found["wings"]] == NAMES
    optim, eigen, skipped = (found["wings"][NAMES.index(name)] for name in ("optim", "eigen", "cka"))
    assert {"name", "state", "seconds", "peak_mb", "claims", "note", "report"} <= set(optim)
    assert optim["claims"] == {"holds": 2, "fails": 1, "untold": 1}
    assert (optim["state"], optim["report"]) == ("done", "optim/report.html")
    assert (eigen["state"], eigen["note"], eigen["report"]) == ("failed", "No.", None)
    assert (skipped["state"], skipped["note"], skipped["seconds"]) == ("skipped", "not asked for (--only)", None)


@pytest.mark.slow
def test_time_and_memory_are_those_of_the_study(play):
    """In a process of its own: before a study begins it is a copy of the tour, and counts the tour's memory."""
    config = play({"eigen": {"mib": 300, "cpu": 0.4}})
    subprocess.run([sys.executable, "-c", as_process(config, "--only", "eigen", "optim")], check=True)
    state = read_state(config.out)
    large, small = state.wing("eigen"), state.wing("optim")
    assert large.peak_mb > 300 > small.peak_mb > 5
    assert 0.4 <= large.cpu_seconds < 5 and small.cpu_seconds < large.cpu_seconds
    assert large.seconds >= 0.4


def test_what_this_version_made_by_the_same_command_is_taken_as_it_is(play):
    config = play(only=("eigen", "optim", "cka"))
    tour(config)
    for name, old, new in (("optim", __version__, "0.0.0"), ("cka", "--seed 0", "--seed 1")):
        path = config.out / name / "report.json"
        path.write_text(path.read_text().replace(old, new))
    again = tour(config)
    assert sorted(starts(config.out)[3:]) == ["cka", "optim"]
    assert again.wing("eigen").seconds is not None and again.wing("eigen").note == ""
    assert states(tour(play(only=("optim",))))["cka"] == "done"  # not asked for, but there
    assert len(starts(config.out)) == 5


def test_a_report_survives_the_loss_of_the_state(play):
    config = play(only=("eigen",))
    tour(config)
    (config.out / "tour.json").unlink()
    state = tour(config)
    assert (state.wing("eigen").state, state.wing("eigen").note) == ("done", "made before this tour")
    assert starts(config.out) == ["eigen"]


@pytest.fixture
def running(play) -> Iterator[tuple[TourConfig, subprocess.Popen]]:
    """A tour as a process of its own: the short studies are done, two long ones run."""
    config = play({name: {"sleep": 900} for name in ("rendezvous", "recsim")}, workers=3)
    process = subprocess.Popen([sys.executable, "-c", as_process(config, "--workers", "3")], env=os.environ)
    until(lambda: (config.out / "tour.json").exists() and len(read_state(config.out).of("done")) == 7)
    try:
        yield config, process
    finally:
        process.kill()
        process.wait()


def as_process(config: TourConfig, *words: str) -> str:
    """A program that makes the tour with the studies that are made up."""
    return (
        "import sys; from functools import partial; import nonet.tour; from nonet import cli\n"
        f"nonet.tour.TourConfig = partial(nonet.tour.TourConfig, program={config.program!r})\n"
        f"sys.exit(cli.run(['tour', '--out', {str(config.out)!r}, *{words!r}]))"
    )


def until(true: Any) -> None:
    end = time.monotonic() + 240
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pids(folder: Path) -> dict[str, int]:
    return {name: int(pid) for name, pid in (line.split() for line in (folder / "starts.txt").read_text().splitlines())}


@pytest.mark.slow
def test_a_killed_tour_leaves_nothing_running_and_the_next_goes_on(running, play):
    config, process = running
    assert states(read_state(config.out))["recsim"] == "running"
    with pytest.raises(ResourceError, match="Another tour"):
        tour(config)
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not any(is_alive(pids(config.out)[name]) for name in ("rendezvous", "recsim")))
    stopped = read_state(config.out)
    assert [wing.name for wing in stopped.of("waiting")] == ["recsim", "rendezvous"] and not stopped.done
    assert "the same command goes on" in stopped.wing("recsim").note
    state = tour(play())
    assert state.done and len(state.of("done")) == 9
    assert sorted(starts(config.out)[9:]) == ["recsim", "rendezvous"]
    assert "the last start" in state.wing("recsim").note and state.wing("eigen").note == ""


@pytest.mark.slow
def test_ctrl_c_asks_the_studies_to_save(running):
    config, process = running
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert (config.out / "recsim" / "asked").exists() and (config.out / "rendezvous" / "asked").exists()
    assert [wing.name for wing in read_state(config.out).of("waiting")] == ["recsim", "rendezvous"]
    assert not any(is_alive(pid) for pid in pids(config.out).values())


def test_the_report_tells_of_each_article_what_it_states_what_is_measured_and_how(play):
    config = play({"cka": {"fails": "No."}}, only=("eigen", "cka"), seed=7)
    tour(config)
    report = Report.load(config.out)
    assert [section.title for section in report.sections] == ["eigen: About eigen"]
    (claim, *_), (figure,) = report.sections[0].claims, report.sections[0].figures
    assert (claim.text, claim.article, claim.measured, claim.how) == (
        "eigen works", "Table 1", "0.5 of 1", "by counting",
    )  # fmt: skip
    assert list(figure.plot.data[0].y) == [1, 2]
    assert report.sections[0].facts["command"] == f"nonet {' '.join(config.words('eigen'))}"
    assert report.summary.startswith(
        "4 claims of 1 article at the scale of minutes: 2 hold here, 1 does not, and 1 cannot"
    )
    assert report.facts["seed"] == 7 and report.machine["torch"] == "9.9"
    assert report.sections[0].machine == {}  # told once
    rows = {str(row[0]): row for row in report.tables[0].rows}
    assert rows["eigen"][1:5] == ["done", 2, 1, 1] and rows["eigen"][7] > 5
    assert rows["cka"][1] == "failed" and rows["cka"][-1] == "No."
    page = (config.out / "report.html").read_text()
    assert '<a href="eigen/report.html">eigen</a>' in page and 'data-plot="0"' in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "eigen", "eigenn"], "There is no wing 'eigenn'. Choose from: align,"),
        (["--workers", "-1"], "-1 workers cannot run"),
        (["--data", "nowhere/at/all"], "There is no such folder"),
    ],
)
def test_mistakes_are_told_before_anything_runs(words, said, tmp_path, capsys):
    assert cli.run(["tour", "--out", str(tmp_path / "tour"), *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "tour").exists()


def test_a_folder_is_of_one_scale(play):
    tour(play(only=("eigen",)))
    with pytest.raises(UsageError, match="scale of minutes"):
        tour(play(only=("eigen",), scale="hours"))


def test_studies_share_the_cores(monkeypatch):
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system does not keep processes to cores")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {2, 3, 5, 7, 8})
    assert shares(2) == [{2, 5, 8}, {3, 7}]
    assert shares(1) == [{2, 3, 5, 7, 8}]
    assert [sorted(share) for share in shares(7)] == [[2], [3], [5], [7], [8], [2], [3]]


def test_data_reach_every_study(play, tmp_path):
    config = play(data=tmp_path, only=("optim",))
    assert config.words("cxc")[-2:] == ["--data", str(tmp_path)]
    assert states(tour(config))["optim"] == "done"


def test_the_application_shows_the_tour(play):
    config = play(only=("eigen",))
    with TestClient(web.create_app({}, tour=config.out)) as client:
        before = client.get("/tour/state").json()
        assert {wing["state"] for wing in before["wings"]} == {"waiting"} and not before["done"]
        assert client.get("/tour/").status_code == 404
        tour(config)
        assert client.get("/tour/state").json() == json.loads((config.out / "tour.json").read_text())
        whole, one = client.get("/tour/"), client.get("/tour/eigen/")
        assert "Nine articles, re-made" in whole.text and "<h2>eigen: About eigen</h2>" in whole.text
        assert "<h1>About eigen</h1>" in one.text and client.get("/tour/eigen/report.html").text == one.text
        assert "script-src" not in whole.headers["content-security-policy"]
        assert "<script>" not in whole.text and 'src="/static/frame/report.js"' in whole.text
        assert client.get("/tour/optim/").status_code == 404
        assert client.get("/tour/..%2f..%2fetc/").status_code == 404
    assert web.create_app({}).state.tour is None


def test_a_tour_that_is_not_there_is_not_served(tmp_path, capsys):
    assert cli.run(["serve", "--tour", str(tmp_path / "nowhere"), "--port", "0"]) == 2
    assert "There is no such folder" in capsys.readouterr().err


def test_serve_passes_on_all_that_it_was_told(monkeypatch, tmp_path):
    seen: dict[str, Any] = {}
    monkeypatch.setattr(web, "serve", lambda sources, **options: seen.update(options))
    assert cli.run(["serve", "--simulate", "--tour", str(tmp_path), "--port", "81", "--host", "::1"]) == 0
    assert seen == {"simulate": True, "tour": tmp_path, "port": 81, "host": "::1"}


@pytest.mark.parametrize("wing", NAMES)
def test_studies_take_the_same_options(wing):
    study = next(known for known in WINGS if known.name == wing).room("commands").COMMANDS["study"]
    taken = inspect.signature(study).parameters
    defaults = {name: taken[name].default for name in ("out", "scale", "seed", "data", "json")}
    assert defaults == {"out": inspect.Parameter.empty, "scale": "minutes", "seed": 0, "data": None, "json": False}
    assert taken["scale"].annotation.replace('"', "'").startswith("Literal['minutes', 'hours'")


@pytest.mark.slow
def test_a_real_study_goes_all_the_way(tmp_path):
    assert cli.run(["tour", "--out", str(tmp_path / "tour"), "--only", "eigen"]) == 0
    state = read_state(tmp_path / "tour")
    assert state.wing("eigen").state == "done" and state.wing("eigen").claims.holds >= 5
    assert state.wing("eigen").peak_mb > 50
    report = Report.load(tmp_path / "tour")
    assert "eigvals is faster than numpy.linalg.eigvals" in [claim.text for claim in report.sections[0].claims]
    assert "eigen: Eigenvalues of 2×2 matrices" in (tmp_path / "tour" / "report.html").read_text()
