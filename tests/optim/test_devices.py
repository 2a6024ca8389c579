"""Every tensor is made where the start lies: here any tensor without a device of its own would hold no numbers."""

import math

import pytest
import torch

from nonet import eigen
from nonet.optim import LBFGS, Options, argmin, at_most, check_grad, equal, minimize, minimize_batch

START = torch.tensor([-1.0, 1.0], dtype=torch.float64)


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 5 * (x[1] - x[0] ** 2) ** 2


@pytest.fixture(autouse=True)
def _elsewhere():
    with torch.device("meta"):
        yield


@pytest.mark.slow
@pytest.mark.parametrize("history", [None, 3])
def test_minimize(history):
    options = Options(history=history)
    inside = at_most(lambda x: x.square().sum(), 1.0)
    assert minimize(rosenbrock, START, options=options).value < 1e-10
    assert minimize(rosenbrock, START, bounds=(-2, 0.5), options=options).value == pytest.approx(0.25)
    found = minimize(
        rosenbrock, START, bounds=(None, 2.0), constraints=[inside, equal(lambda x: x[:1], 0.3)], options=options
    )
    assert found.value == pytest.approx(0.49, abs=1e-7)


def test_the_optimizer_for_modules():
    x = START.clone().requires_grad_()
    optimizer = LBFGS([{"params": [x], "upper": 0.5}])

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(x)
        loss.backward()
        return loss

    assert float(optimizer.step(closure)) == pytest.approx(0.25)


def test_batches_gradient_checks_and_derivatives():
    assert float(minimize_batch(rosenbrock, torch.stack([START, START + 1])).value.max()) < 1e-10
    assert check_grad(rosenbrock, START).ok
    a = START.clone().requires_grad_()
    x = argmin(lambda x, a: (x - a).square().sum(), START, a, constraints=[equal(lambda x, a: x.sum() - a[0])])
    (slope,) = torch.autograd.grad(x.sum(), a)
    assert slope.tolist() == pytest.approx([1.0, 0.0], abs=1e-9)


def test_eigenvalues():
    x = torch.diag_embed(START).requires_grad_()
    assert eigen.eigvalsh(x).tolist() == [-1, 1]
    assert torch.autograd.grad(eigen.eigvals(x).abs().sum(), x)[0].tolist() == [[-1, 0], [0, 1]]
    assert eigen.eig(x).eigenvectors.abs().tolist() == eigen.schur(x).Z.abs().tolist() == [[1, 0], [0, 1]]
    assert float(eigen.ellipse(x @ x, level=1 - math.exp(-0.5)).major) == pytest.approx(1)
