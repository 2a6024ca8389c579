import numpy as np
import pytest
import torch
from torch import nn

from cka_networks import small_net
from nonet.cka.blocks import find_blocks, largest_share, untrained
from nonet.cka.config import BlockOptions


def with_block(layers, first, last, inside=0.95, outside=0.3):
    values = np.full((layers, layers), outside)
    values[first : last + 1, first : last + 1] = inside
    np.fill_diagonal(values, 1)
    return values


def test_a_planted_block_is_found_with_its_controls():
    values, control = with_block(30, 8, 19), with_block(30, 0, 3)
    (block,) = find_blocks(values, control=control)
    assert (block.first, block.last, block.size) == (8, 19, 12)
    assert block.least == pytest.approx(0.95)
    assert block.outside == pytest.approx(0.3)
    assert block.excess == pytest.approx(0.65)
    assert block.p_value == pytest.approx(1 / 501)
    assert largest_share(values) == pytest.approx(12 / 30)


def test_blocks_do_not_overlap_and_the_longest_comes_first():
    values = with_block(40, 0, 9)
    values[20:36, 20:36] = 0.93
    found = find_blocks(values)
    assert [(block.first, block.last) for block in found] == [(20, 35), (0, 9)]


def test_overlapping_runs_give_the_rest_its_own_block():
    distance = np.abs(np.arange(30)[:, None] - np.arange(30)[None, :])
    found = find_blocks(1 - 0.01 * distance, BlockOptions(least=5))
    assert sorted((block.first, block.last) for block in found)[0][0] == 0
    covered = sum(block.size for block in found)
    assert covered == len({row for block in found for row in range(block.first, block.last + 1)}) == 30
    assert all(block.least >= 0.9 for block in found)


def test_brute_force_agrees_on_random_maps():
    random = np.random.default_rng(0)
    for _ in range(30):
        values = random.uniform(0.8, 1, (9, 9))
        values = np.maximum(values, values.T)
        np.fill_diagonal(values, 1)
        longest = max(j - i + 1 for i in range(9) for j in range(i, 9) if (values[i : j + 1, i : j + 1] >= 0.9).all())
        assert largest_share(values) == pytest.approx(longest / 9)


def test_layers_with_nan_belong_to_no_block_and_no_block_is_found_in_nothing():
    values = with_block(20, 5, 14)
    values[10, :] = values[:, 10] = np.nan
    assert [(b.first, b.last) for b in find_blocks(values)] == [(5, 9)]
    assert find_blocks(np.eye(12)) == []
    everything = find_blocks(np.ones((6, 6)))[0]
    assert np.isnan(everything.outside)
    assert everything.p_value == 1  # any order of equal layers is one block


def test_the_untrained_control_has_new_weights_and_leaves_the_model():
    net = small_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    fresh, kept = untrained(net, seed=1)
    assert kept == []
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert not torch.equal(fresh[0].weight, net[0].weight)
    assert torch.equal(fresh[0].weight, untrained(net, seed=1)[0][0].weight)

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))

    assert untrained(nn.Sequential(Scaled()))[1] == ["0"]
