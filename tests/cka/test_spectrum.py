import numpy as np
import pytest
import torch
from torch import nn

from cka_networks import pictures, reference_cka, small_net
from nonet.cka.comparing import accumulate, cka
from nonet.cka.config import CompareOptions
from nonet.cka.similarity import normalised
from nonet.cka.spectrum import principal
from nonet.foundation.errors import DataError


def table(seed=0, count=90, width=40):
    random = np.random.default_rng(seed)
    x = random.standard_normal((count, width)) * np.linspace(3, 0.5, width)
    x[7] *= 12  # a dominant example
    return (x + 100).astype(np.float32)


def exact(x):
    centred = x.astype(np.float64) - x.mean(0, dtype=np.float64)
    u, s, v = np.linalg.svd(centred, full_matrices=False)
    return u[:, 0], s[0] ** 2 / (s**2).sum(), centred - np.outer(u[:, 0] * s[0], v[0])


def test_share_and_scores_over_the_data_set():
    x = table()
    found = principal(nn.Sequential(nn.Identity()), torch.from_numpy(x).split(32), passes=8)
    scores, share, _ = exact(x)
    assert found.share[0] == pytest.approx(share, rel=1e-4)
    unit = found.scores[0] / np.linalg.norm(found.scores[0])
    assert abs(unit @ scores) == pytest.approx(1, abs=1e-4)
    assert found.settled[0] < 1e-3
    numbers, shares = found.dominant(count=3)
    assert numbers[0] == 7
    assert shares[0] == pytest.approx(scores[7] ** 2, rel=1e-3)


def test_the_article_s_shortcut_would_understate_it():
    """Large-norm examples after a ReLU: the mean over features is not the mean over examples."""
    random = np.random.default_rng(0)
    x = np.maximum(random.standard_normal((200, 300)), 0)
    x[:6] *= 12
    share = exact(x)[1]
    shortcut = x - x.mean(1, keepdims=True)
    values = np.linalg.svd(shortcut, compute_uv=False) ** 2
    found = principal(nn.Sequential(nn.Identity()), torch.from_numpy(x).float().split(50), passes=8)
    assert found.share[0] == pytest.approx(share, rel=1e-3)
    assert values[0] / values.sum() < 0.7 * share


def test_cosines_are_what_similarity_tends_to_when_one_component_dominates():
    random = np.random.default_rng(0)
    line = random.standard_normal((64, 1))
    x = line @ random.standard_normal((1, 30)) + 0.02 * random.standard_normal((64, 30))
    y = (line + 0.5 * random.standard_normal((64, 1))) @ random.standard_normal((1, 30))
    y += 0.02 * random.standard_normal((64, 30))

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Identity(), nn.Identity()

        def forward(self, both):
            self.a(both[:, :30]), self.b(both[:, 30:])

    data = torch.from_numpy(np.hstack([x, y])).float().split(64)
    found, similarity = principal(Two(), data), cka(Two(), data)
    assert found.cosines()[0, 1] == pytest.approx(similarity["a", "b"], abs=0.02)


def test_removing_the_component_of_the_data_set():
    x, y = table(0), table(1)

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Identity(), nn.Identity()

        def forward(self, both):
            self.a(both[:, :40]), self.b(both[:, 40:])

    data = torch.from_numpy(np.hstack([x, y])).split(45)
    found = principal(Two(), data, passes=12)
    sums = accumulate({"m": Two()}, data, directions={"m": found.directions}).total()
    left, right = exact(x)[2], exact(y)[2]
    expected = reference_cka([(left[:45], right[:45]), (left[45:], right[45:])])
    assert normalised(sums)[0, 1] == pytest.approx(expected, abs=2e-3)


def test_real_layers_and_constant_ones():
    found = principal(small_net(), pictures().split(16), options=CompareOptions(normalize=True))
    assert len(found.layers) == 16
    assert ((found.share > 0) & (found.share <= 1)).all()
    np.testing.assert_allclose(np.diag(found.cosines()), 1, atol=1e-5)
    flat = principal(nn.Sequential(nn.Identity()), torch.full((40, 3), 0.1).split(20))
    assert np.isnan(flat.share[0])


def test_a_shuffled_loader_is_refused():
    data = pictures()
    shuffled = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(data), 16, shuffle=True)
    with pytest.raises(DataError, match="shuffle=False"):
        principal(small_net(), shuffled)
