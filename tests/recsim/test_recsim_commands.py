import contextlib
import io
import json
import shutil

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from nonet import cli
from nonet.foundation.errors import ArtifactError
from nonet.recsim.results import load_run, load_runs
from serving import served

pytestmark = pytest.mark.slow  # each compiles a story of its own

SMALL = ["--users", "40", "--providers", "6", "--horizon", "12", "--runs", "2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert cli.run(["recsim", "run", "ecosystem", *SMALL, "--policy", "provider-aware", "--out", str(folder)]) == 0
    return folder


def test_a_run_folder_holds_what_was_asked_for(folder):
    run = load_run(folder)
    assert (run.config.users, run.config.policy) == (40, "provider-aware")
    assert run.series.num_rows == 2 * 12 and run.providers.num_rows == 12 * 6 and run.users.num_rows == 12 * 32
    assert not folder.with_name("run.checkpoint").exists()
    assert json.loads((folder / "run.json").read_text())["horizon"] == 12


def test_its_tables_are_exported_as_csv(folder, tmp_path):
    assert cli.run(["recsim", "export", str(folder), "--out", str(tmp_path)]) == 0
    csv = pyarrow.csv.read_csv(tmp_path / "series.csv")
    parquet = pq.read_table(folder / "series.parquet")
    assert csv["welfare"].to_pylist() == pytest.approx(parquet["welfare"].to_pylist(), rel=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "nothing", "--out", "x"], "There is no story 'nothing'"),
        (["run", "ecosystem", "--policy", "kind", "--out", "x"], "not a policy of ecosystem"),
        (["run", "ecosystem", "--users", "0", "--out", "x"], "0 users"),
        (["run", "ecosystem", "--horizon", "0", "--out", "x"], "0 horizon"),
        (["run", "ecosystem", "--providers", "7", "--out", "x"], "7 providers"),
        (["run", "ecosystem", "--providers", "2", "--slate", "50", "--out", "x"], "slate of 50"),
        (["export", "nowhere", "--out", "x"], "not a run folder"),
        (["fit", "choice-model", "--log", "nowhere", "--out", "x"], "no such log"),
    ],
)
def test_wrong_words_are_told_in_one_paragraph(words, message, capsys):
    assert cli.run(["recsim", *words]) == 2
    assert message in capsys.readouterr().err


def test_another_policy_is_valued_from_a_log_with_propensities(capsys):
    pytest.importorskip("jax", reason="jax is not installed")
    assert cli.run(["recsim", "value", "--log", "open-bandit/random", "--target", "open-bandit/bts"]) == 0
    shown = capsys.readouterr().out
    assert "doubly robust" in shown and "measured in its own log" in shown and "0.0042" in shown


def test_the_list_names_every_story(capsys):
    assert cli.run(["recsim", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("ecosystem", "interest-evolution", "satisfaction", "bandit"))


def test_the_dashboard_answers_with_the_runs_numbers(folder):
    client = TestClient(served("--recsim", folder))
    page = client.get("/recsim/", headers={"accept": "text/html"})
    assert page.status_code == 200 and "ecosystem, provider-aware" in page.text
    board = client.get("/recsim/api/run").json()
    run = load_run(folder)
    welfare = next(series for series in board["series"] if series["name"] == "welfare")
    first = run.series.filter(pyarrow.compute.equal(run.series["step"], 0))["welfare"].to_pylist()
    assert welfare["mean"][0] == pytest.approx(sum(first) / 2, rel=1e-5)
    assert board["frames"][-1]["step"] == 11 and sum(board["frames"][-1]["clicks"]) == 40 * 11
    assert len(client.get("/recsim/api/users/3").json()["utility"]) == 12
    assert client.get("/recsim/api/users/99").status_code == 422


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    words = ["recsim", "compare", "ecosystem", "--policies", "myopic,provider-aware", *SMALL]
    with contextlib.redirect_stdout(io.StringIO()) as told:
        assert cli.run([*words, "--out", str(folder), "--json"]) == 0
    assert [row[0] for row in json.loads(told.getvalue())["tables"][0]["rows"]] == ["myopic", "provider-aware"]
    return folder


def test_runs_of_a_comparison_are_shown_side_by_side(compared):
    client = TestClient(served("--recsim", compared))
    page = client.get("/recsim/", headers={"accept": "text/html"})
    assert page.status_code == 200 and "more than myopic" in page.text
    found = client.get("/recsim/api/runs").json()
    assert list(found["boards"]) == ["myopic", "provider-aware"] and found["paired"]
    row = next(row for row in found["rows"] if row["measure"] == "welfare")
    means = [
        load_run(compared / "runs" / name).series["welfare"].to_numpy().reshape(2, 12).mean(1)
        for name in found["boards"]
    ]
    assert row["means"][1].startswith(f"{means[1].mean():.4g}")
    assert row["more"][0] == "" and row["more"][1].startswith(f"{(means[1] - means[0]).mean():.4g}")


def test_what_cannot_be_put_side_by_side_is_refused(compared, folder, tmp_path):
    with pytest.raises(ArtifactError, match="has 0 of them"):
        load_runs(tmp_path)
    shutil.copytree(compared / "runs" / "myopic", tmp_path / "a")
    shutil.copytree(folder, tmp_path / "b")
    config = json.loads((tmp_path / "b" / "run.json").read_text())
    (tmp_path / "b" / "run.json").write_text(json.dumps(config | {"runs": 1, "horizon": 24}))
    with pytest.raises(ArtifactError, match="not of one story and length"):
        load_runs(tmp_path)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="not a run folder"):
        load_run(tmp_path)
