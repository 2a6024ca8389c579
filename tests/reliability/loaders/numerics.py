"""What optim and eigen read: formulae, constraints and matrices, here as text files."""

from pathlib import Path

import torch

from nonet.eigen.lesson import explain, parse_matrix
from nonet.optim import Options, minimize
from nonet.optim.expression import parse_constraint, parse_formula
from reliability.loaders import Loader


def _text(content: str):
    def make(folder: Path) -> Path:
        (folder / "it.txt").write_text(content)
        return folder / "it.txt"

    return make


def _read(path: Path) -> str:
    """As a shell hands it over: bytes that are no UTF-8 become lone surrogates."""
    return path.read_bytes().decode("utf-8", "surrogateescape")[:20_000]


def _formula(path: Path) -> None:
    formula = parse_formula(_read(path))
    names = formula.variables
    options = Options(max_evaluations=3)
    if names:
        minimize(formula.of(names), torch.ones(len(names), dtype=torch.float64), options=options)


def _constraint(path: Path) -> None:
    names, make = parse_constraint(_read(path))
    make(names)


LOADERS = [
    Loader("optim/formula", _text("(1-x)**2 + 5*(y - x**2)**2 + sin(x)/2"), _formula),
    Loader("optim/constraint", _text("x**2 + y**2 <= 1"), _constraint),
    Loader("eigen/matrix", _text("3 1; 4 1/3"), lambda path: explain(*parse_matrix(_read(path)))),
]
