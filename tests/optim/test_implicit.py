import pytest
import torch

from nonet.foundation.errors import DataError
from nonet.optim import argmin, at_least, at_most, equal

START = torch.zeros(3, dtype=torch.float64)


def tilted(x, a):
    return (x - a).square().sum() + 0.1 * (x**4).sum() + x[0] * x[1]


def leaf(*numbers):
    return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)


@pytest.mark.slow
def test_unconstrained_gradient():
    assert torch.autograd.gradcheck(lambda a: argmin(tilted, START, a), (leaf(1.0, 2.0, 0.3),))


@pytest.mark.slow
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


@pytest.mark.slow
def test_gradient_at_a_vertex_and_beside_a_constraint_that_does_not_hold():
    def solution(a):
        return argmin(
            lambda x, a: 3 * x[0] + a[0] * x[1],
            START[:2],
            a,
            constraints=[
                at_most(lambda x, a: torch.stack([-x[0] - x[1] * a[0], x[1] - a[1].square(), x[0] - 50]), -1.0),
                at_least(lambda x, a: x[0] * a[1], 0.25),
            ],
        )

    # x₁ = 1/(4 a₁) and x₁ + a₀ x₂ = 1 hold, x₂ < a₁² - 1 does not
    a = leaf(0.4, 2.1)
    assert solution(a).tolist() == pytest.approx([0.25 / 2.1, (1 - 0.25 / 2.1) / 0.4], abs=1e-6)
    assert torch.autograd.gradcheck(solution, (a,))


def test_an_inner_solution_feels_no_constraint():
    a = leaf(0.3, -0.2)
    x = argmin(
        lambda x, a: (x - a).square().sum() + (x**4).sum(),
        START[:2],
        a,
        constraints=[at_most(lambda x, a: x.square().sum() + a.sum(), 5.0)],
    )
    free = argmin(lambda x, a: (x - a).square().sum() + (x**4).sum(), START[:2], a)
    torch.testing.assert_close(x, free, rtol=0, atol=1e-9)
    ours, theirs = (torch.autograd.grad(y.sum(), a)[0] for y in (x, free))
    torch.testing.assert_close(ours, theirs)


def test_a_quadratic_has_the_derivative_of_the_formula():
    matrix = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    b = leaf(1.0, -2.0)
    x = argmin(lambda x, b: x @ matrix @ x / 2 - b @ x, torch.zeros(2, dtype=torch.float64), b)
    jacobian = torch.stack([torch.autograd.grad(x[i], b, retain_graph=True)[0] for i in range(2)])
    torch.testing.assert_close(jacobian, torch.linalg.inv(matrix))


def test_a_solution_that_is_not_isolated_is_refused():
    with pytest.raises(DataError, match="not isolated"):
        argmin(lambda x, a: (x.sum() - a.sum()) ** 2, START, leaf(1.0))
