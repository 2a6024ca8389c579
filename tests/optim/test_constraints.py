"""Known constrained minima with their multipliers, and the article's penalty method."""

import itertools
import math

import pytest
import torch

from nonet.foundation.errors import DataError, UsageError
from nonet.optim import LBFGS, Options, Status, at_least, at_most, between, equal, minimize
from nonet.optim.penalty import penalty_method


def flower(x):
    return x.norm() + torch.sin(4 * torch.atan2(x[1], x[0]))


OUTSIDE = at_least(lambda x: x.square().sum(), 2.0)


@pytest.mark.parametrize("history", [None, 10])
def test_flower_outside_a_circle(history):
    result = minimize(flower, [0.5, 0.5], constraints=OUTSIDE, options=Options(history=history))
    eighth = 3 * math.pi / 8
    assert result.status is Status.CONVERGED
    assert result.value == pytest.approx(math.sqrt(2) - 1, abs=1e-8)
    assert result.x.tolist() == pytest.approx(
        [math.sqrt(2) * math.cos(eighth), math.sqrt(2) * math.sin(eighth)], abs=1e-7
    )
    assert float(result.multipliers[0]) == pytest.approx(-1 / (2 * math.sqrt(2)), abs=1e-6)
    assert result.violation <= 1e-7 and result.kkt_residual <= 1e-7


def test_hock_schittkowski_71():
    result = minimize(
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        torch.tensor([1.0, 5.0, 5.0, 1.0], dtype=torch.float64),
        bounds=(1.0, 5.0),
        constraints=[at_least(lambda x: x.prod(), 25.0), equal(lambda x: x.square().sum(), 40.0)],
    )
    assert result.value == pytest.approx(17.0140173, abs=1e-6)
    assert result.x.tolist() == pytest.approx([1.0, 4.7429994, 3.8211503, 1.3794082], abs=1e-5)
    assert float(result.bound_multipliers[0]) == pytest.approx(1.0878712, abs=1e-5)
    assert [float(m) for m in result.multipliers] == pytest.approx([-0.5522937, 0.1614686], abs=1e-5)


def test_a_function_that_falls_faster_than_a_weak_penalty_rises():
    """Hock and Schittkowski 24 without its scaling: cubic, so a fixed penalty alone would run to infinity."""
    result = minimize(
        lambda x: ((x[0] - 3) ** 2 - 9) * x[1] ** 3 / (27 * math.sqrt(3)),
        [1.0, 0.5],
        bounds=(0.0, None),
        constraints=[
            at_least(lambda x: x[0] / math.sqrt(3) - x[1]),
            between(lambda x: x[0] + math.sqrt(3) * x[1], 0.0, 6.0),
        ],
    )
    assert result.value == pytest.approx(-1, abs=1e-6) and result.success


def test_an_infeasible_problem_is_said_to_be_one():
    result = minimize(
        lambda x: (x - 1).square().sum(), [3.0, 3.0], constraints=[at_most(lambda x: x.square().sum(), -1.0, "ball")]
    )
    assert result.status is Status.INFEASIBLE and not result.success
    assert "ball is off by 1 " in result.message
    assert result.violation == pytest.approx(1, abs=1e-3)


def test_an_infeasible_start_is_no_obstacle():
    result = minimize(lambda x: x.square().sum(), [50.0, -80.0], constraints=[equal(lambda x: x.sum(), 1.0)])
    assert result.x.tolist() == pytest.approx([0.5, 0.5], abs=1e-7)
    assert float(result.multipliers[0]) == pytest.approx(-1.0, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_scale_of_the_function_does_not_matter(scale):
    plain = minimize(flower, [0.5, 0.5], constraints=OUTSIDE)
    scaled = minimize(lambda x: scale * flower(x), [0.5, 0.5], constraints=OUTSIDE)
    assert abs(plain.evaluations - scaled.evaluations) <= 2
    torch.testing.assert_close(plain.x, scaled.x, rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_minimum_that_no_constraint_holds_is_found_like_one_without(dtype):
    target = torch.tensor([0.3, -0.2], dtype=dtype)

    def fn(x):
        return (x - target).square().sum() + (x**4).sum()

    start = torch.zeros(2, dtype=dtype)
    free = minimize(fn, start)
    result = minimize(fn, start, constraints=at_most(lambda x: x.square().sum(), 5.0))
    assert result.status is Status.CONVERGED and result.evaluations <= 2 * free.evaluations
    torch.testing.assert_close(result.x, free.x, rtol=0, atol=10 * torch.finfo(dtype).eps ** 0.5)
    assert float(result.multipliers[0]) == 0


def test_the_trace_shows_the_function_itself_and_what_is_broken():
    seen = []
    result = minimize(flower, [0.5, 0.5], constraints=OUTSIDE, options=Options(trace=True), callback=seen.append)
    steps = result.trace
    assert [float(flower(s.x)) for s in steps] == pytest.approx([s.value for s in steps])
    assert [max(0.0, 2 - float(s.x @ s.x)) for s in steps] == pytest.approx([s.violation for s in steps], abs=1e-15)
    assert (steps[0].evaluations, steps[-1].evaluations) == (1, result.evaluations)
    assert all(a.evaluations < b.evaluations for a, b in itertools.pairwise(steps))
    assert [s.value for s in seen] == [s.value for s in steps]


@pytest.mark.parametrize("budget", [1, 2, 3, 5, 8])
def test_an_early_end_is_not_worse_than_the_start(budget):
    start = torch.tensor([1.2, 1.2], dtype=torch.float64)
    result = minimize(flower, start, constraints=OUTSIDE, options=Options(max_evaluations=budget))
    assert result.status is Status.BUDGET and result.evaluations <= budget
    assert result.value <= float(flower(start))


def test_unusable_constraints_are_refused():
    with pytest.raises(UsageError, match="returned float"):
        minimize(flower, [1.0, 1.0], constraints=[at_most(lambda x: 1.0)])
    with pytest.raises(DataError, match="above the upper"):
        minimize(flower, [1.0, 1.0], constraints=[between(lambda x: x.sum(), 2.0, 1.0)])
    with pytest.raises(DataError, match="shape"):
        minimize(flower, [1.0, 1.0], constraints=[at_most(lambda x: x, torch.zeros(3))])
    with pytest.raises(DataError, match="does not depend on x"):
        minimize(flower, [1.0, 1.0], constraints=[at_most(lambda x: x.detach())])
    with pytest.raises(UsageError, match="no number"):
        minimize(flower, [1.0, 1.0], constraints=[at_most(lambda x: x[:0])])


def test_a_stochastic_constraint_is_said_to_be_one():
    noise = torch.Generator().manual_seed(0)
    wobbling = equal(lambda x: x.sum() + 0.1 * torch.randn((), generator=noise, dtype=x.dtype), 1.0)
    result = minimize(lambda x: x.square().sum(), torch.tensor([2.0, 1.0], dtype=torch.float64), constraints=wobbling)
    assert result.status is Status.NOISY


def test_the_article_s_penalty_method_in_float32():
    """22 outer steps, weight 2,097,152, (0.5411962, 1.306563): the post's figures, with torch's optimizer as there."""
    path = penalty_method(flower, torch.tensor([0.5, 0.5]), OUTSIDE, optimizer=torch.optim.LBFGS)
    assert path.ended and len(path.rounds) - 1 == 22
    assert path.weight == 2_097_152
    assert path.x.tolist() == pytest.approx([0.5411962, 1.306563], abs=1e-6)
    assert path.rounds[-1].value == pytest.approx(0.4142135, abs=1e-6)


@pytest.mark.slow
def test_the_penalty_method_with_our_optimizer_ends_as_the_article_s():
    path = penalty_method(flower, torch.tensor([0.5, 0.5]), OUTSIDE)
    assert path.ended and 2**20 <= path.weight <= 2**23
    assert path.x.tolist() == pytest.approx([0.5411962, 1.306563], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [LBFGS, torch.optim.LBFGS])
def test_in_float64_the_penalty_never_becomes_zero(optimizer):
    path = penalty_method(flower, torch.tensor([0.5, 0.5], dtype=torch.float64), OUTSIDE, optimizer=optimizer)
    assert not path.ended and path.weight == 2.0**29
    assert 0 < path.rounds[-1].violation < 1e-8


@pytest.mark.slow
def test_the_augmented_lagrangian_needs_fewer_evaluations_and_is_more_exact():
    start = torch.tensor([0.5, 0.5], dtype=torch.float64)
    penalty = penalty_method(flower, start, OUTSIDE)
    lagrangian = minimize(flower, start, constraints=OUTSIDE)
    assert lagrangian.evaluations < penalty.rounds[-1].evaluations / 3
    assert lagrangian.violation < penalty.rounds[-1].violation
