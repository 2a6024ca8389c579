"""The parts of a training step that are the same everywhere."""

import torch

from nonet.foundation.optimisation import restore


def test_a_restored_state_has_the_layout_of_its_parameter():
    weight = torch.randn(4, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    first = torch.nn.Parameter(weight.clone())
    before = torch.optim.AdamW([first], lr=0.1, fused=True)
    first.square().sum().backward()
    before.step()
    stored = before.state_dict()
    stored["state"] = {
        0: {name: value.clone(memory_format=torch.contiguous_format) for name, value in stored["state"][0].items()}
    }
    second = torch.nn.Parameter(first.detach().clone())
    after = torch.optim.AdamW([second], lr=0.1, fused=True)
    restore(after, stored)
    for parameter, optimizer in ((first, before), (second, after)):
        parameter.grad = torch.arange(48.0).reshape(4, 3, 2, 2).contiguous(memory_format=torch.channels_last)
        optimizer.step()
    assert torch.equal(first, second)
