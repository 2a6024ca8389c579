import math

import pytest
import torch

from nonet.foundation.errors import DataError
from nonet.optim.expression import parse_constraint, parse_formula


def at(text, **values):
    tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()}
    return float(parse_formula(text).evaluate(tensors))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(1-x)**2 + 5*(y-x**2)**2", (1 - 0.5) ** 2 + 5 * (2 - 0.25) ** 2),
        ("x^2 - -y", 0.25 + 2),
        ("sqrt(x**2+y**2)+sin(4*atan2(y,x))", math.hypot(0.5, 2) + math.sin(4 * math.atan2(2, 0.5))),
        ("max(x, y) / pi * e", 2 / math.pi * math.e),
        ("-x**2", -0.25),
    ],
)
def test_values(text, value):
    assert at(text, x=0.5, y=2.0) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('ls')", "x.real", "x[0]", "lambda: 1", "[1,2]", "exec('1')", "'a'*9", "x if y else 1",
        "x and y", "f'{x}'", "sin", "sin(x, y)", "sin(x=1)", "", "  ", "x +", "x := 2", "True", "1j", "x; y", "x,y",
        "(" * 100 + "x" + ")" * 100 + "+" * 3, "x" * 501, "+".join(["x"] * 60), "1e999",
    ],
)  # fmt: skip
def test_everything_else_is_refused(text):
    with pytest.raises(DataError):
        parse_formula(text)


def test_towers_of_powers_end_at_once():
    assert at("9**9**9**9") == math.inf


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("x**2+y**2<=1", (0.5, 0.5), (1.0, 1.0)), ("x >= y", (1.0, 0.0), (0.0, 1.0)),
     ("0 <= x*y <= 2", (1.0, 1.0), (3.0, 1.0)),
     ("2 >= x+y >= 1", (1.0, 0.5), (0.0, 0.5)), ("x == 2*y", (2.0, 1.0), (2.0, 2.0))],
)  # fmt: skip
def test_constraints(text, inside, outside):
    names, make = parse_constraint(text)
    constraint = make(("x", "y"))

    def holds(point):
        value = float(constraint.fn(torch.tensor(point, dtype=torch.float64)))
        return constraint.lower <= value <= constraint.upper

    assert names == ("x", "y")
    assert holds(inside) and not holds(outside)


@pytest.mark.parametrize("text", ["x + y", "x != y", "x < y < 1", "1 < x > 0", "x in y"])
def test_what_is_no_constraint(text):
    with pytest.raises(DataError):
        parse_constraint(text)
