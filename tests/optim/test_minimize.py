"""Known minima, the stalls of other solvers, scale invariance, bad input."""

import inspect
import math

import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.foundation.errors import DataError, UsageError
from nonet.optim import Options, Status, check_grad, minimize
from nonet.optim.objective import box_from
from nonet.optim.problems import PROBLEMS

pytestmark = pytest.mark.slow  # each solves many problems

OPTIMA = {
    "Freudenstein": 48.98425, "Bard": 8.214877e-3, "Gaussian": 1.127933e-8, "Kowalik": 3.075056e-4,
    "Brown and Dennis": 85822.20, "Osborne 1": 5.464895e-5, "Osborne 2": 4.013774e-2, "Watson 9": 1.399760e-6,
    "Penalty I ": 7.087651e-5, "Penalty II": 2.936605e-4, "Trigonometric": 2.795056e-5,
}  # fmt: skip


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 5 * (x[1] - x[0] ** 2) ** 2


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_reaches_the_published_minimum(problem):
    result = minimize(problem, problem.x0(), options=Options(max_evaluations=1000))
    optimum = next((v for k, v in OPTIMA.items() if problem.name.startswith(k)), 0.0)
    start = float(problem(problem.x0()))
    allowed = 2e-6 * optimum + 1e-10 * start
    if problem.name.startswith("Biggs"):  # two minima are known
        assert min(result.value, abs(result.value - 5.655650e-3)) <= 1e-8
    else:
        assert result.value <= optimum + allowed
    assert result.success


@pytest.mark.parametrize("history", [3, 10])
def test_short_histories_pass_powell_singular_and_badly_scaled(history):
    for index in (2, 10):
        problem = PROBLEMS[index]
        result = minimize(problem, problem.x0(), options=Options(history=history, max_evaluations=2000))
        assert result.value < 1e-10


def test_no_convergence_is_claimed_half_way_along_a_flat_valley():
    problem = next(p for p in PROBLEMS if p.name.startswith("Penalty II "))
    result = minimize(problem, problem.x0())
    assert result.success and result.value == pytest.approx(2.936605e-4, rel=2e-7)


def test_a_domain_edge_is_no_trap():
    result = minimize(lambda x: (x - x.log()).sum(), torch.tensor([3.0], dtype=torch.float64))
    assert float(result.x) == pytest.approx(1, abs=1e-8)
    assert result.status is Status.CONVERGED


@settings(max_examples=15, deadline=None)
@given(power=st.integers(-12, 12))
def test_scaling_the_function_changes_no_iterate(power):
    plain = minimize(rosenbrock, [-1.0, 1.0], options=Options(trace=True))
    scaled = minimize(lambda x: 2.0 ** (power * 10 // 3) * rosenbrock(x), [-1.0, 1.0], options=Options(trace=True))
    assert len(plain.trace) == len(scaled.trace)
    for a, b in zip(plain.trace, scaled.trace, strict=True):
        torch.testing.assert_close(a.x, b.x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_scaling_by_powers_of_ten_stops_at_the_same_point(scale):
    plain = minimize(rosenbrock, [-1.0, 1.0])
    scaled = minimize(lambda x: scale * rosenbrock(x), [-1.0, 1.0])
    torch.testing.assert_close(plain.x, scaled.x, rtol=0, atol=1e-7)
    assert scaled.status is Status.CONVERGED


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_boxed_quadratics_end_where_scipy_ends(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    root = rng.normal(size=(n, n))
    matrix, linear = root @ root.T + 0.1 * np.eye(n), rng.normal(size=n) * 3
    lower, upper = -rng.random(n), rng.random(n)
    a, b = torch.from_numpy(matrix), torch.from_numpy(linear)
    box = (torch.from_numpy(lower), torch.from_numpy(upper))
    ours = minimize(lambda x: x @ a @ x / 2 + b @ x, torch.zeros(n, dtype=torch.float64), bounds=box)
    theirs = scipy.optimize.minimize(
        lambda x: (x @ matrix @ x / 2 + linear @ x, matrix @ x + linear), np.zeros(n), jac=True, method="L-BFGS-B",
        bounds=list(zip(lower, upper, strict=True)), options={"ftol": 1e-15, "gtol": 1e-10},
    )  # fmt: skip
    assert ours.value == pytest.approx(theirs.fun, rel=1e-9, abs=1e-9)
    assert np.all(ours.x.numpy() >= lower) and np.all(ours.x.numpy() <= upper)
    np.testing.assert_allclose(ours.x.numpy(), theirs.x, atol=1e-5)


@pytest.mark.parametrize("history", [None, 5])
def test_bounds_hold_and_multipliers_show_what_they_cost(history):
    result = minimize(
        rosenbrock, [-1.0, 1.0], bounds=(None, torch.tensor([0.5, math.inf])), options=Options(history=history)
    )
    torch.testing.assert_close(result.x, torch.tensor([0.5, 0.25], dtype=torch.float64), rtol=0, atol=1e-7)
    assert float(result.bound_multipliers[0]) == pytest.approx(-1.0, abs=1e-6)


def concave(x):
    return -((x - 1) ** 2 * torch.arange(1, 6, dtype=x.dtype)).sum()


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_a_concave_function_goes_to_the_corner_of_its_box_at_once(scale):
    start = torch.full((5,), 0.5, dtype=torch.float64)
    result = minimize(lambda x: scale * concave(x), start, bounds=(-3.0, 4.0))
    assert result.x.tolist() == [-3.0] * 5 and result.evaluations <= 3
    given = minimize(lambda x: scale * concave(x), start, bounds=(-3.0, 4.0), options=Options(first_step=0.01))
    assert given.x.tolist() == [-3.0] * 5 and given.evaluations > 3


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_scale_of_a_function_changes_no_iterate_in_a_box(scale):
    bounds = (None, torch.tensor([0.5, 7.0]))
    plain = minimize(rosenbrock, [-1.0, 1.0], bounds=bounds, options=Options(trace=True))
    scaled = minimize(lambda x: scale * rosenbrock(x), [-1.0, 1.0], bounds=bounds, options=Options(trace=True))
    assert len(plain.trace) == len(scaled.trace)
    for a, b in zip(plain.trace, scaled.trace, strict=True):
        torch.testing.assert_close(a.x, b.x, rtol=0, atol=1e-7)


def test_absurdly_wide_bounds_cost_nothing():
    free = minimize(rosenbrock, [-1.0, 1.0])
    wide = minimize(rosenbrock, [-1.0, 1.0], bounds=(-1e12, 1e12))
    assert wide.evaluations <= 1.5 * free.evaluations and wide.value < 1e-10


def test_equal_bounds_fix_a_variable():
    result = minimize(rosenbrock, [-1.0, 1.0], bounds=(torch.tensor([0.3, -9.0]), torch.tensor([0.3, 9.0])))
    assert result.x.tolist() == pytest.approx([0.3, 0.09], abs=1e-6)
    everything = minimize(rosenbrock, [-1.0, 1.0], bounds=(2.0, 2.0))
    assert everything.x.tolist() == [2.0, 2.0] and everything.success


def test_a_start_outside_the_bounds_is_moved_in():
    result = minimize(rosenbrock, [5.0, 5.0], bounds=(-0.5, 0.5))
    assert result.x.tolist() == pytest.approx([0.5, 0.25], abs=1e-6)


def test_the_result_is_never_worse_than_the_start():
    for problem in PROBLEMS:
        for budget in (1, 2, 3, 5):
            result = minimize(problem, problem.x0(), options=Options(max_evaluations=budget))
            assert result.value <= float(problem(problem.x0()))
            assert result.evaluations <= budget


def test_float32_and_shapes_are_kept():
    result = minimize(lambda x: (x - 2).square().sum(), torch.zeros(2, 3))
    assert result.x.shape == (2, 3) and result.x.dtype == torch.float32
    torch.testing.assert_close(result.x, torch.full((2, 3), 2.0), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (torch.zeros(0), "empty"),
        (torch.zeros(2, dtype=torch.int64), "int64"),
        (torch.zeros(2, dtype=torch.complex64), "complex64"),
        (torch.tensor([math.nan, 1.0]), "NaN"),
        (torch.zeros(2, dtype=torch.float16), "coarse"),
    ],
)
def test_unusable_starts_are_refused(start, message):
    with pytest.raises(DataError, match=message):
        minimize(lambda x: x.sum(), start)


def test_unusable_functions_are_refused():
    with pytest.raises(UsageError, match="2 numbers"):
        minimize(lambda x: x, [1.0, 2.0])
    with pytest.raises(UsageError, match="not a tensor"):
        minimize(lambda x: 3.0, [1.0, 2.0])
    with pytest.raises(DataError, match="does not depend on x"):
        minimize(lambda x: x.detach().sum(), [1.0, 2.0])
    for gradient, message in ((lambda x: x.sum(), r"is \(\), "), (lambda x: None, "is NoneType, ")):
        with pytest.raises(UsageError, match=message):
            minimize(lambda x: x.sum(), [1.0, 2.0], gradient=gradient)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [((1.0, 0.0), "above the upper"), ((math.nan, None), "NaN"), ((torch.zeros(3), None), "shape")],
)
def test_unusable_bounds_are_refused(bounds, message):
    with pytest.raises(DataError, match=message):
        minimize(lambda x: x.square().sum(), [1.0, 2.0], bounds=bounds)


def test_bounds_of_another_form_are_refused():
    for bounds in ([(0.0, 1.0), (0.0, 1.0)], 3.0, (0.0, 1.0, 2.0)):
        with pytest.raises(UsageError, match="tuple of two"):
            inspect.unwrap(box_from)(bounds, torch.ones(2))  # the tests check annotations, users' programs do not


def test_ends_that_are_no_minimum_are_named():
    start = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert minimize(lambda x: -x.square().sum(), start).status is Status.UNBOUNDED
    assert minimize(lambda x: x.sum() * math.nan, start).status is Status.NONFINITE_START
    assert minimize(lambda x: x.square().sum(), start, gradient=lambda x: -2 * x).status is Status.WRONG_GRADIENT
    kink = minimize(lambda x: torch.maximum(2 * x[0], -x[0]) + x[1] ** 2, start)
    assert kink.value < 1e-6 and kink.status is Status.DISCONTINUOUS
    stopped = minimize(rosenbrock, start, callback=lambda step: step.evaluations > 3)
    assert stopped.status is Status.INTERRUPTED


def test_a_stochastic_function_is_said_to_be_one():
    noise = torch.Generator().manual_seed(0)
    result = minimize(
        lambda x: (x - torch.randn(2, generator=noise, dtype=x.dtype)).square().sum(),
        torch.ones(2, dtype=torch.float64),
    )
    assert result.status is Status.NOISY


def test_a_jump_is_said_to_be_one():
    result = minimize(
        lambda x: x.square().sum() + 10 * (x[0] < 0.5).to(x.dtype), torch.tensor([2.0, 1.0], dtype=torch.float64)
    )
    assert result.value <= 5.0
    assert result.status in {Status.DISCONTINUOUS, Status.STALLED} and float(result.x[0]) == pytest.approx(
        0.5, abs=1e-3
    )


def test_check_grad_tells_what_is_wrong():
    x = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)

    def cubic(x):
        return (x**3).sum()

    assert check_grad(cubic, x).ok
    assert "flipped" in check_grad(cubic, x, lambda x: -3 * x**2).message
    assert "0.5 times" in check_grad(cubic, x, lambda x: 1.5 * x**2).message
    assert "zero everywhere" in check_grad(cubic, x, torch.zeros_like).message
    one = check_grad(cubic, x, lambda x: 3 * x**2 + torch.tensor([0.0, 1.0, 0.0]))
    assert one.worst == 1 and "1 of 3 components" in one.message
    noise = torch.Generator().manual_seed(0)
    assert "same point" in check_grad(lambda x: cubic(x) + torch.rand((), generator=noise), x).message
