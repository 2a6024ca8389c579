import numpy as np
import pytest
import torch
from torch import nn

from nonet.cka.config import ProbeOptions
from nonet.cka.probes import probe, softmax_regression


@pytest.mark.slow
def test_softmax_regression_is_at_its_optimum():
    random = np.random.default_rng(0)
    x = torch.from_numpy(random.standard_normal((80, 5))).float()
    labels = torch.from_numpy(random.integers(0, 3, 80))
    weights = softmax_regression(x, labels, 3, 0.1).double().requires_grad_()
    wide = torch.cat([x, torch.ones(80, 1)], 1).double()
    loss = nn.functional.cross_entropy(wide @ weights, labels) + 0.05 * weights[:-1].square().sum()
    loss.backward()
    assert weights.grad.abs().max() < 1e-3
    from sklearn.linear_model import LogisticRegression

    peer = LogisticRegression(C=1 / (0.1 * 80), tol=1e-8, max_iter=1000).fit(x.numpy(), labels.numpy())
    ours = (weights.detach()[:-1] - weights.detach()[:-1].mean(1, keepdim=True)).T.numpy()
    np.testing.assert_allclose(ours, peer.coef_, atol=3e-3)


def test_what_a_layer_throws_away_no_probe_finds():
    class Blind(nn.Module):
        def __init__(self):
            super().__init__()
            self.see, self.blind = nn.Identity(), nn.Identity()

        def forward(self, x):
            return self.blind(self.see(x) * torch.tensor([0.0, 1, 1, 1]))

    random = np.random.default_rng(0)
    x = torch.from_numpy(random.standard_normal((400, 4))).float()
    labels = (x[:, 0] > 0).long()
    sides = [(x[:300], labels[:300])], [(x[300:], labels[300:])]
    see, blind = probe(Blind(), *sides, options=ProbeOptions())
    assert (see.layer, blind.layer) == ("see", "blind")
    assert see.accuracy > 0.93
    assert blind.accuracy < 0.65
