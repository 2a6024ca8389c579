import pytest
import torch
from torch import nn
from transformers import AlignVisionConfig, AlignVisionModel

from nonet.align.encoders.efficientnet import VARIANTS, Block, EfficientNet, EfficientNetConfig
from nonet.align.encoders.folding import folded


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "width", "blocks"),
    [
        ("efficientnet-b0", 320, 16),
        ("efficientnet-b5", 512, 39),
        ("efficientnet-b7", 640, 55),
        ("efficientnet-l2", 1376, 88),
    ],
)
def test_paper_widths_and_published_depths(name, width, blocks):
    with torch.device("meta"):
        network = EfficientNet(VARIANTS[name])
    assert network.width == width
    assert sum(isinstance(module, Block) for module in network.modules()) == blocks


def peer_and_ours(width=0.5, depth=0.7):
    torch.manual_seed(0)
    config = AlignVisionConfig(width_coefficient=width, depth_coefficient=depth, hidden_dim=64, drop_connect_rate=0.0)
    peer = AlignVisionModel(config)
    ours = EfficientNet(EfficientNetConfig(width=width, depth=depth))
    with torch.no_grad():
        for module in peer.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                module.weight.uniform_(0.5, 2)
        theirs = list(peer.state_dict().values())
        for mine, tensor in zip(ours.state_dict().values(), theirs, strict=True):
            mine.copy_(tensor.reshape(mine.shape))
    return peer.eval(), ours.eval()


@pytest.mark.parametrize("side", [64, 97])
def test_features_equal_those_of_transformers(side):
    peer, ours = peer_and_ours()
    pixels = torch.randn(2, 3, side, side)
    with torch.no_grad():
        expected = peer(pixels).last_hidden_state.mean((2, 3))
        assert torch.allclose(ours(pixels), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_gradients_equal_those_of_transformers_where_maps_are_smaller_than_kernels():
    peer, ours = peer_and_ours()
    pixels = torch.randn(3, 3, 64, 64)  # the last maps have 2 x 2 cells, their kernels 5 x 5
    peer(pixels).last_hidden_state.mean((2, 3)).square().sum().backward()
    ours(pixels).square().sum().backward()
    for (name, mine), theirs in zip(ours.named_parameters(), peer.parameters(), strict=True):
        expected = theirs.grad.reshape(mine.shape)
        assert torch.allclose(mine.grad, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max())), name


def test_folded_network_gives_the_same_features_and_leaves_the_first_alone():
    _, network = peer_and_ours()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected, got = network(pixels), folded(network)(pixels)
    assert torch.allclose(got, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_pooled_stages_and_head_stand_side_by_side():
    network = EfficientNet(EfficientNetConfig(width=0.25, depth=0.3, head=64, pool_stages=(1, 4))).eval()
    assert network(torch.randn(1, 3, 32, 32)).shape == (1, network.width)
    assert network.width == network.config.channels(24) + network.config.channels(112) + 64


@pytest.mark.slow
def test_stochastic_depth_keeps_the_mean_and_acts_on_whole_pictures():
    network = EfficientNet(EfficientNetConfig(width=0.25, depth=0.7, drop_path=0.5))
    block = next(b for b in reversed(list(network.modules())) if isinstance(b, Block) and b.residual)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    maps = torch.randn(1, block.project.out_channels, 4, 4).expand(4000, -1, -1, -1)
    torch.manual_seed(0)
    branch = (block(maps) - maps).detach()
    dropped = (branch.flatten(1).abs().sum(1) == 0).float().mean()
    assert abs(float(dropped) - block.drop_path) < 0.03
    block.drop_path = 0.0
    kept = block(maps[:1])[0].detach() - maps[0]
    assert torch.allclose(branch.mean(0), kept, atol=0.1 * float(branch.abs().max()))
