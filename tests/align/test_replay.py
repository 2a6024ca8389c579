"""Chunked towers against all chunks in memory at once: the same gradients, bit for bit of the same random numbers."""

import copy
import weakref

import pytest
import torch

from align.tiny import tiny
from nonet.align.config import HeadConfig
from nonet.align.encoders import EfficientNetConfig, EfficientNetEncoder, Preparation
from nonet.align.loss import contrastive_loss
from nonet.align.replay import in_chunks


def model():
    """Stochastic depth, dropout and batch normalisation, all in training."""
    made = tiny(heads=HeadConfig(dim=16, hidden=24, dropout=0.4))
    made.image_encoder = EfficientNetEncoder(
        EfficientNetConfig(width=0.25, depth=0.6, drop_path=0.5), Preparation(40, 32)
    )
    return made.double().train()


def step(made, chunk, replayed):
    """Loss, gradients and averages of batch normalisation after a step on ten pairs."""
    torch.manual_seed(1)
    pixels = torch.randn(10, 3, 32, 32, dtype=torch.float64)
    ids, mask = torch.randint(5, 50, (10, 6)), torch.ones(10, 6, dtype=torch.bool)

    def encode(pixels, ids, mask):
        return made.heads(made.image_encoder(pixels), made.text_encoder(ids, mask))

    torch.manual_seed(2)
    if replayed:
        images, texts = in_chunks(encode, made, (pixels, ids, mask), chunk)
    else:
        parts = [encode(*(x[i : i + chunk] for x in (pixels, ids, mask))) for i in range(0, 10, chunk)]
        images, texts = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    loss = contrastive_loss(images, texts, made.heads.temperature)
    loss.backward()
    gradients = {name: p.grad for name, p in made.named_parameters() if p.grad is not None}
    return loss.item(), gradients, {name: b.clone() for name, b in made.named_buffers()}


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [2, 4, 10])
def test_every_gradient_is_that_of_the_whole_batch(chunk):
    first = model()
    loss, gradients, averages = step(first, chunk, replayed=True)
    want, wanted, want_averages = step(model_like(first), chunk, replayed=False)
    assert loss == pytest.approx(want, rel=1e-12)
    assert "heads.log_temperature" in gradients
    assert set(gradients) == set(wanted)
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, wanted[name], rtol=1e-9, atol=1e-12), name
    for name, average in averages.items():
        assert torch.equal(average, want_averages[name]), name


def test_a_tower_that_does_not_learn_gets_no_gradient_and_the_other_its_own():
    first, second = model(), model()
    for made in (first, second):
        made.text_encoder.requires_grad_(False)
    _, gradients, _ = step(first, 4, replayed=True)
    _, wanted, _ = step(second, 4, replayed=False)
    assert set(gradients) == set(wanted)
    assert not any(name.startswith("text_encoder") for name in gradients)
    assert all(torch.allclose(gradients[name], wanted[name], rtol=1e-9, atol=1e-12) for name in wanted)


def test_mixed_precision_is_replayed():
    torch.manual_seed(0)
    layer, rows = torch.nn.Linear(16, 4), torch.randn(8, 16)
    with torch.autocast("cpu", torch.bfloat16):
        (out,) = in_chunks(lambda x: (layer(x),), layer, (rows,), 4)
        want = torch.cat([layer(part) for part in rows.split(4)])
    assert out.dtype == torch.bfloat16
    out.float().square().sum().backward()  # outside, as a training loop does
    got = layer.weight.grad.clone()
    layer.zero_grad()
    want.float().square().sum().backward()
    assert torch.allclose(got, layer.weight.grad, rtol=1e-2)
    exact = torch.autograd.grad(layer(rows).square().sum(), layer.weight)[0]
    assert not torch.allclose(got, exact, rtol=1e-5)  # in full precision it would be this


def model_like(made):
    other = copy.deepcopy(made)
    other.zero_grad()
    fresh = model().state_dict()
    other.load_state_dict(
        {
            name: fresh[name] if "running" in name or "tracked" in name else tensor
            for name, tensor in made.state_dict().items()
        }
    )
    return other.train()


def test_other_random_numbers_would_be_noticed():
    """The test above could not fail if dropout did nothing."""
    made = model()
    torch.manual_seed(3)
    _, one, _ = step(made, 5, replayed=True)
    held = {name: gradient.clone() for name, gradient in one.items()}
    made.zero_grad()
    for block in made.image_encoder.network.modules():
        if hasattr(block, "drop_path"):
            block.drop_path = 0.0
    _, other, _ = step(made, 5, replayed=True)
    assert any(not torch.allclose(held[name], other[name]) for name in held)


def test_intermediate_results_of_one_chunk_are_kept_at_a_time():
    torch.manual_seed(0)
    layer = torch.nn.Sequential(torch.nn.Linear(4, 2000), torch.nn.ReLU(), torch.nn.Linear(2000, 4))
    alive = []
    layer[1].register_forward_hook(lambda *a: alive.append(weakref.ref(a[2])))
    (out,) = in_chunks(lambda x: (layer(x),), layer, (torch.randn(64, 4),), 8)
    assert sum(ref() is not None for ref in alive) == 0
    out.sum().backward()
    assert len(alive) == 16  # eight chunks, each computed twice
