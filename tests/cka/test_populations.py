import numpy as np
import pytest
import torch

from cka_networks import pictures, small_net
from nonet.cka.comparing import cka
from nonet.cka.evolution import evolution
from nonet.cka.populations import over_pairs
from nonet.cka.spectrum import principal
from nonet.foundation.errors import DataError, UsageError

LAYERS = ["0", "1.bn2", "5"]


def test_mean_and_deviation_are_those_of_the_pairs():
    data = pictures(48).split(16)
    nets = [small_net(seed=seed) for seed in range(3)]
    others = [small_net(blocks=3, seed=seed) for seed in (7, 8)]
    found = over_pairs({"a": nets, "b": others}, data, layers="*.bn2")
    assert {name: one.count for name, one in found.items()} == {
        "a": 3,
        "a, two seeds": 6,
        "b": 2,
        "b, two seeds": 2,
        "a and b": 6,
    }
    pairs = [cka(left, data, right, layers="*.bn2", other_layers="*.bn2").values for left in nets for right in others]
    between = found["a and b"]
    np.testing.assert_allclose(between.mean.values, np.mean(pairs, 0), atol=1e-6)
    np.testing.assert_allclose(between.deviation.values, np.std(pairs, 0, ddof=1), atol=1e-6)
    assert (between.mean.row_model, between.mean.values.shape) == ("a", (2, 3))
    assert between.matched == pytest.approx(np.mean([np.mean(pairs, 0)[0, 0], np.mean(pairs, 0)[1, 2]]), abs=1e-6)
    assert found["a"].matched == pytest.approx(1)
    own = found["a, two seeds"].mean.values
    np.testing.assert_allclose(own, own.T, atol=1e-12)  # both orders of every pair


def test_a_population_is_of_one_architecture():
    with pytest.raises(DataError, match="different layers"):
        over_pairs({"a": [small_net(blocks=1), small_net(blocks=2)]}, pictures(16).split(16))
    with pytest.raises(UsageError, match="no network"):
        over_pairs({"a": []}, pictures(16).split(16))


@pytest.mark.slow
def test_checkpoints_approach_the_end(tmp_path):
    first, last = small_net(seed=0), small_net(seed=1)
    states = {}
    for share in (0.0, 0.9, 1.0):
        net = small_net()
        for own, start, end in zip(net.parameters(), first.parameters(), last.parameters(), strict=True):
            own.data = torch.lerp(start.data, end.data, share)
        states[f"{share}"] = net
    data = pictures(48).split(16)
    found = evolution(states, data, layers=LAYERS)
    assert found.layers == ("0", "1.bn2", "5")
    assert (found.to_end[0] < found.to_end[1]).all()
    np.testing.assert_allclose(found.to_end[2], 1, atol=1e-6)
    expected = cka(states["0.0"], data, states["1.0"], layers=LAYERS, other_layers=LAYERS)
    np.testing.assert_allclose(found.to_end[0], np.diag(expected.values), atol=1e-6)
    np.testing.assert_allclose(found.share[1], principal(states["0.9"], data, layers=LAYERS, passes=2).share)
    assert found.kept[2] == 1
    report = found.report({"command": "…"})
    assert [row[0] for row in report.tables[0].rows] == ["0.0", "0.9", "1.0"]
    assert report.figures[0].plot.data[0].z[:, 0] == pytest.approx(found.to_end[0])
    assert "Similarity to the end" in report.save(tmp_path).read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="no evolution"):
        evolution({"end": first}, data)
    with pytest.raises(DataError, match="different layers"):
        evolution({"small": small_net(blocks=1), "end": first}, data)
