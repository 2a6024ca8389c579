import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nonet.align.loss import contrastive_loss


def naive(images, texts, temperature, smoothing, alike):
    """The loss written as sums over pairs."""
    n, total = len(images), 0.0
    for rows, columns in ((images, texts), (texts, images)):
        for i in range(n):
            allowed = [j for j in range(n) if j == i or not alike[i, j]]
            scores = {j: float(rows[i] @ columns[j]) / temperature for j in allowed}
            top = np.log(sum(np.exp(s) for s in scores.values()))
            target = {j: smoothing / len(allowed) + (1 - smoothing) * (j == i) for j in allowed}
            total -= sum(target[j] * (scores[j] - top) for j in allowed) / n
    return total


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 7), st.floats(0.05, 2), st.floats(0, 0.5), st.integers(0, 999))
def test_equals_the_sum_over_pairs(n, temperature, smoothing, seed):
    rng = np.random.default_rng(seed)
    images, texts = (torch.nn.functional.normalize(torch.tensor(rng.normal(size=(n, 5))), dim=1) for _ in range(2))
    groups = torch.tensor(rng.integers(0, 3, n))
    alike = groups[:, None] == groups[None, :]
    for mask in (None, alike):
        got = contrastive_loss(
            images, texts, torch.tensor(temperature, dtype=torch.float64), smoothing=smoothing, alike=mask
        )
        none = np.eye(n, dtype=bool)
        want = naive(images.numpy(), texts.numpy(), temperature, smoothing, none if mask is None else alike.numpy())
        assert float(got) == pytest.approx(want, rel=1e-9)


def test_gradients_are_right_with_a_mask_and_reach_the_temperature():
    torch.manual_seed(0)
    images, texts = (torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    temperature = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    alike = torch.zeros(4, 4, dtype=torch.bool)
    alike[0, 1] = alike[1, 0] = True
    assert torch.autograd.gradcheck(lambda *a: contrastive_loss(*a, alike=alike), (images, texts, temperature))


def test_identical_texts_are_no_negatives():
    one = torch.eye(3)
    images, texts = one[[0, 0, 1]], one[[0, 0, 1]]
    alike = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    sharp = torch.tensor(0.01)
    assert float(contrastive_loss(images, texts, sharp, smoothing=0.0, alike=alike)) == pytest.approx(0, abs=1e-6)
    assert float(contrastive_loss(images, texts, sharp, smoothing=0.0)) == pytest.approx(4 / 3 * np.log(2), rel=1e-5)
