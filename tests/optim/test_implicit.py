import pytest
import torch

from nonet.foundation.errors import DataError
from nonet.optim import argmin, at_most, equal

START = torch.zeros(3, dtype=torch.float64)


def tilted(x, a):
    return (x - a).square().sum() + 0.1 * (x**4).sum() + x[0] * x[1]


def leaf(*numbers):
    return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)


def test_unconstrained_gradient():
    assert torch.autograd.gradcheck(lambda a: argmin(tilted, START, a), (leaf(1.0, 2.0, 0.3),))


def test_gradient_at_a_kkt_point():
    def solution(a):
        return argmin(
            tilted,
            START,
            a,
            bounds=(None, 0.9),
            constraints=[equal(lambda x, a: x.sum() - a[0]), at_most(lambda x, a: x.square().sum(), 0.9)],
        )

    assert torch.autograd.gradcheck(solution, (leaf(1.0, 2.0, 0.3),))


def test_a_quadratic_has_the_derivative_of_the_formula():
    matrix = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    b = leaf(1.0, -2.0)
    x = argmin(lambda x, b: x @ matrix @ x / 2 - b @ x, torch.zeros(2, dtype=torch.float64), b)
    jacobian = torch.stack([torch.autograd.grad(x[i], b, retain_graph=True)[0] for i in range(2)])
    torch.testing.assert_close(jacobian, torch.linalg.inv(matrix))


def test_a_solution_that_is_not_isolated_is_refused():
    with pytest.raises(DataError, match="not isolated"):
        argmin(lambda x, a: (x.sum() - a.sum()) ** 2, START, leaf(1.0))
