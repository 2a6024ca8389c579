"""The class face: a drop-in for torch.optim.LBFGS."""

import math

import pytest
import torch

from nonet.foundation.errors import DataError, UsageError
from nonet.optim import LBFGS, Status
from nonet.optim.problems import PROBLEMS


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 5 * (x[1] - x[0] ** 2) ** 2


def closure_for(optimizer, loss):
    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure


def test_the_article_s_rosenbrock_in_two_steps():
    """The post reaches 4.5e-12 in two steps of its optimizer."""
    x = torch.tensor([-1.0, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer = LBFGS([x])
    closure = closure_for(optimizer, lambda: rosenbrock(x))
    for _ in range(2):
        loss = optimizer.step(closure)
    assert float(loss) <= 4.5e-12
    assert float(loss) == pytest.approx(float(rosenbrock(x).detach()), abs=1e-15)


def test_the_article_s_flower_from_far_away():
    """Without a line search the post's L-BFGS leaves for 1e19 from (20, 20); with one it falls to nearly -1."""
    x = torch.tensor([20.0, 20.0], requires_grad=True)
    optimizer = LBFGS([x])
    closure = closure_for(optimizer, lambda: x.norm() + torch.sin(4 * torch.atan2(x[1], x[0])))
    for _ in range(5):
        loss = optimizer.step(closure)
    assert float(loss) < -0.999


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "goal", "pairs"),
    [
        ("Powell singular", 1e-14, 10), ("Powell badly scaled", 1e-14, 10), ("Watson 9", 1.39977e-6, 10),
        ("Osborne 1", 5.4649e-5, 10), ("Discrete boundary", 1e-18, 10), ("Quadratic of condition", 1e-20, 30),
    ],
)  # fmt: skip
def test_where_torch_s_optimizer_stalls_this_one_goes_on(name, goal, pairs):
    problem = next(p for p in PROBLEMS if p.name.startswith(name))
    x = problem.x0().requires_grad_()
    optimizer = LBFGS([x], max_iter=2000, history_size=pairs, tolerance_grad=1e-14, tolerance_change=1e-25)
    loss = optimizer.step(closure_for(optimizer, lambda: problem(x)))
    assert float(loss) <= goal


def test_step_returns_the_new_loss_and_never_a_worse_one():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
    inputs = torch.randn(60, 4, dtype=torch.float64)
    targets = inputs[:, :1].sin() + inputs[:, 1:2]
    optimizer = LBFGS(model.parameters())
    closure = closure_for(optimizer, lambda: (model(inputs) - targets).square().mean())
    before = float(closure().detach())
    for _ in range(5):
        after = optimizer.step(closure)
        assert float(after) <= before
        assert float((model(inputs) - targets).square().mean()) == pytest.approx(float(after), rel=1e-12)
        before = float(after)
    assert before < 0.05


def test_solved_problems_cost_nothing_more_when_the_closure_is_deterministic():
    x = torch.tensor([-1.0, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer = LBFGS([x], max_iter=100, deterministic=True)
    closure = closure_for(optimizer, lambda: rosenbrock(x))
    optimizer.step(closure)
    assert optimizer.status is Status.CONVERGED
    spent = optimizer.evaluations
    optimizer.step(closure)
    assert optimizer.evaluations == spent


def test_groups_may_have_bounds():
    a = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    optimizer = LBFGS([{"params": [a]}, {"params": [b], "lower": 0.5}])
    optimizer.step(closure_for(optimizer, lambda: (a**2 + (b - a) ** 2 + b**2).sum()))
    assert float(a) == pytest.approx(0.25, abs=1e-7) and float(b) == 0.5


def test_a_saved_state_goes_on_alike():
    def run(saved):
        x = torch.tensor([-1.0, 1.0], dtype=torch.float64, requires_grad=True)
        optimizer = LBFGS([x], max_iter=4)
        optimizer.step(closure_for(optimizer, lambda: rosenbrock(x)))
        if saved:
            other = LBFGS([x], max_iter=4)
            other.load_state_dict(optimizer.state_dict())
            optimizer = other
        return float(optimizer.step(closure_for(optimizer, lambda: rosenbrock(x))))

    assert run(saved=True) == run(saved=False)


def test_closures_and_settings_that_cannot_work_are_refused():
    x = torch.tensor([1.0], requires_grad=True)
    with pytest.raises(UsageError, match="no gradient"):
        LBFGS([x]).step(lambda: (x**2).sum())
    optimizer = LBFGS([x])

    def vector():
        optimizer.zero_grad()
        (x**2).sum().backward()
        return torch.ones(2)

    with pytest.raises(UsageError, match="2 numbers"):
        optimizer.step(vector)
    with pytest.raises(UsageError, match="line search"):
        LBFGS([x], line_search_fn="backtracking")
    with pytest.raises(DataError, match="above"):
        LBFGS([{"params": [x], "lower": 1.0, "upper": 0.0}])


def test_a_loss_that_is_nan_at_the_start_is_named():
    x = torch.tensor([-1.0], requires_grad=True)
    optimizer = LBFGS([x])
    loss = optimizer.step(closure_for(optimizer, lambda: x.log().sum()))
    assert math.isnan(float(loss)) and optimizer.status is Status.NONFINITE_START
