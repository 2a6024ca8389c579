import json

import pytest

from nonet.cli import run

ROSENBROCK = "(1-x)**2 + 5*(y-x**2)**2"


def test_the_readme_s_command(capsys):
    assert run(["optim", ROSENBROCK, "--subject-to", "x**2+y**2<=1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == "CONVERGED"
    assert found["x"]["x"] ** 2 + found["x"]["y"] ** 2 == pytest.approx(1, abs=1e-7)
    assert found["value"] == pytest.approx(0.0446399705, abs=1e-8)
    assert found["multipliers"]["x**2+y**2<=1"] == pytest.approx(0.118693, abs=1e-5)


def test_the_page_s_command_with_bounds(capsys):
    words = ["(x-3)**2 + z**4 + w**2", "--lower", "0", "--upper", "2", "--start", "1", "1", "1", "--json"]
    assert run(["optim", *words]) == 0
    assert json.loads(capsys.readouterr().out)["x"] == pytest.approx({"x": 2, "z": 0, "w": 0}, abs=1e-2)


def test_trace_and_bounds(capsys):
    assert run(["optim", "(x-3)**2 + z**4 + w**2", "--upper", "2", "--trace"]) == 0
    shown = capsys.readouterr().out
    assert "Converged" in shown and "evaluations" in shown
    assert any(line.split() == ["x", "2"] for line in shown.splitlines())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sin(x"], "not a formula"),
        (["1+2"], "no variable"),
        (["x**2", "--start", "1", "2"], "2 of 1 numbers"),
        (["x**2", "--subject-to", "x+1"], "no comparison"),
        (["x**2", "--subject-to", "x**2<=-1"], "No feasible point"),
        (["-x**2"], "falls without bound"),
        ([], "There is no formula"),
        (["x**2", "--lower", "2", "--upper", "1"], "above the upper"),
        (["x**2", "--max-evaluations", "0"], "At least one evaluation"),
        (["log(x)", "--start", "-1"], "not finite at the starting point"),
        (["foo(x)"], "no function 'foo'"),
    ],
)
def test_mistakes_are_explained(arguments, message, capsys):
    assert run(["optim", *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
