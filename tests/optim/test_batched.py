import pytest
import scipy.optimize
import torch

from nonet.foundation.errors import DataError
from nonet.optim import Status, minimize_batch
from nonet.optim.problems import PROBLEMS


def decay(p, y):
    t = torch.linspace(0, 4, 20, dtype=p.dtype)
    return (p[0] * torch.exp(-p[1] * t) - y).square().sum()


def test_fits_agree_with_scipy():
    torch.manual_seed(0)
    true = torch.rand(40, 2, dtype=torch.float64) * 2 + 0.5
    t = torch.linspace(0, 4, 20, dtype=torch.float64)
    y = true[:, :1] * torch.exp(-true[:, 1:] * t) + 0.01 * torch.randn(40, 20, dtype=torch.float64)
    found = minimize_batch(decay, torch.ones(40, 2, dtype=torch.float64), y)
    assert bool(found.success.all())
    for row in range(0, 40, 8):
        peer = scipy.optimize.least_squares(
            lambda p, row=row: p[0] * torch.exp(-p[1] * t).numpy() - y[row].numpy(), [1.0, 1.0], xtol=1e-14, ftol=1e-14
        )
        assert found.x[row].tolist() == pytest.approx(peer.x.tolist(), abs=1e-6)


def test_problems_of_different_length_end_each_by_itself():
    starts = torch.tensor([[-1.2, 1.0], [1.0, 1.0], [5.0, -3.0], [0.0, 0.0]], dtype=torch.float64)
    found = minimize_batch(PROBLEMS[0], starts)
    assert bool(found.success.all())
    torch.testing.assert_close(found.x, torch.ones_like(starts), rtol=0, atol=1e-6)
    assert int(found.evaluations[1]) == 1 and found.evaluations.unique().numel() >= 3


def test_bad_rows_do_not_harm_good_ones():
    starts = torch.tensor([[-1.0], [3.0]], dtype=torch.float64)
    found = minimize_batch(lambda x: (x - x.log()).sum(), starts)
    assert found.status(0) is Status.NONFINITE_START
    assert found.status(1) is Status.CONVERGED and float(found.x[1]) == pytest.approx(1, abs=1e-7)


def test_rows_must_match():
    with pytest.raises(DataError, match="rows"):
        minimize_batch(decay, torch.ones(3, 2), torch.ones(2, 20))
    with pytest.raises(DataError, match="shape"):
        minimize_batch(decay, torch.ones(3))
