import json
import math
import re
import subprocess
import sys

import pytest

from nonet import cli
from nonet.eigen.lesson import explain, parse_matrix, spin
from nonet.foundation.errors import UsageError


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3 1; 4 1", (3, 1, 4, 1)),
        ("[[3, 1], [4, 1]]", None),
        ("-1,2;\t3 , -4e-3", (-1, 2, 3, -0.004)),
        ("1/3 0; 0 2/4", (1 / 3, 0, 0, 0.5)),
        ("1 2 3 4", (1, 2, 3, 4)),
        ("1 2\n3 4\n", (1, 2, 3, 4)),
    ],
)
def test_matrices_are_read(text, numbers):
    assert parse_matrix(text) == (numbers or (3, 1, 4, 1))


@pytest.mark.parametrize(
    "text", ["", "1 2 3", "1 2; 3", "a b; c d", "1/0 1; 1 1", "inf 0; 0 1", "nan 0; 0 1", "1 2; 3 4; 5 6"]
)
def test_what_is_no_matrix_is_refused(text):
    with pytest.raises(UsageError):
        parse_matrix(text)


def test_the_steps_name_mean_product_and_distance():
    found = explain(8, 4, 2, 6)
    assert (found.mean, found.product, found.spread) == (7, 40, 9)
    assert [value for value, _ in found.eigenvalues] == [4, 10]
    assert "m - s = 4 and m + s = 10" in found.steps[-1]
    assert "2 ± 3 i" in explain(2, -3, 3, 2).steps[-1]
    assert "defective" in explain(1, 1, 0, 1).steps[-1]
    assert "identity" in explain(2, 0, 0, 2).steps[-1]


def test_the_gauge_tells_the_formulas_apart():
    digits = explain(1, 1, 1, 1.0000000001).digits
    assert digits["plain formula"] < 12
    assert digits["nonet"] > 15.5


def test_extreme_numbers_are_explained_without_failing():
    for matrix in ((1e300, 1e300, 1e300, 1e300), (1e-320, 0, 0, 1), (0, 0, 0, 0), (1e308, 1, 1, 1e308)):
        found = explain(*matrix)
        assert len(found.steps) >= 4
        assert not any(math.isnan(count) for count in found.digits.values())
        assert not any(re.search(r"\b(inf|nan)\b", step) for step in found.steps)
    assert "s = √1e600 = 1e300" in explain(1e300, 1e300, 1e300, 1e300).steps[-1]
    assert "s² = m² - p = 2.49994433622e-641" in explain(1e-320, 0, 0, 2e-320).steps[2]


@pytest.mark.parametrize(("polar", "azimuth"), [(0, 0), (math.pi, 1), (0.9, -2.4), (math.pi / 2, math.pi)])
def test_a_spin_has_plus_and_minus_one_and_opposite_points_along_its_axis(polar, azimuth):
    found = spin(polar, azimuth)
    assert (found.mean, found.product) == (0, pytest.approx(-1, abs=1e-15))
    assert found.eigenvalues == pytest.approx([-1, 1], abs=1e-15)
    assert found.points[1] == pytest.approx(found.axis, abs=1e-14)
    assert found.points[0] == pytest.approx([-value for value in found.axis], abs=1e-14)


def test_the_command_explains(capsys):
    assert cli.run(["eigen", "3 1; 4 1"]) == 0
    assert "4.23606797749979" in capsys.readouterr().out
    assert cli.run(["eigen", "3 1; 4 1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["product"] == -1
    assert cli.run(["eigen", "-1 2; 3 4"]) == 0


def test_the_command_helps_where_it_is_called_wrongly(capsys):
    assert cli.run(["eigen"]) == 2
    assert "nonet eigen" in capsys.readouterr().err
    assert cli.run(["eigen", "1 2 3"]) == 2
    assert "two rows of two numbers" in capsys.readouterr().err
    assert cli.run(["eigen", "1 2; 3 4", "--accuracy"]) == 2
    assert cli.run(["eigen", "--accuracy", "--count", "0"]) == 2


def test_the_command_measures(capsys):
    assert cli.run(["eigen", "--accuracy", "--count", "3", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert max(row["units"]["nonet eigvals"] for row in rows) <= 4


def test_help_needs_nothing_heavy():
    code = (
        "import sys; from nonet import cli; cli.run(['eigen', '--help']); "
        "print([name for name in ('numba', 'torch', 'jax') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "nonet eigen" in done.stdout
    assert done.stdout.rstrip().endswith("[]"), done.stderr
