import json
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st

from children import start
from nonet.align.loss import contrastive_loss


def by_sums(images, texts, temperature, smoothing, alike):
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


def whole(images, texts, temperature, smoothing=0.1, alike=None):
    """The loss with the whole matrix in memory, differentiated by torch."""
    logits = images @ texts.T / temperature
    target = torch.arange(len(logits))
    if alike is not None:
        logits = logits.masked_fill(alike & ~torch.eye(len(logits), dtype=torch.bool), -1e9)
    total = 0
    for scores in (logits, logits.T):
        if alike is None:
            total = total + torch.nn.functional.cross_entropy(scores, target, label_smoothing=smoothing)
        else:
            logs, allowed = scores.log_softmax(1), scores > -1e8
            even = (logs * allowed).sum(1) / allowed.sum(1)
            total = total - ((1 - smoothing) * logs.diagonal() + smoothing * even).mean()
    return total


def drawn(n, dim, seed):
    rng = np.random.default_rng(seed)
    return [torch.nn.functional.normalize(torch.tensor(rng.normal(size=(n, dim))), dim=1) for _ in range(2)]


def double(value):
    return torch.tensor(value, dtype=torch.float64)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 7), st.floats(0.05, 2), st.floats(0, 0.5), st.integers(1, 9), st.integers(0, 999))
def test_equals_the_sum_over_pairs(n, temperature, smoothing, chunk, seed):
    images, texts = drawn(n, 5, seed)
    groups = torch.tensor(np.random.default_rng(seed).integers(0, 3, n))
    for identities in ((), (groups,)):
        got = contrastive_loss(
            images, texts, double(temperature), smoothing=smoothing, identities=identities, chunk=chunk
        )
        alike = (groups[:, None] == groups[None, :]).numpy() if identities else np.eye(n, dtype=bool)
        assert float(got) == pytest.approx(
            by_sums(images.numpy(), texts.numpy(), temperature, smoothing, alike), rel=1e-9
        )


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.integers(1, 45), st.floats(0.02, 1), st.booleans(), st.integers(0, 999))
def test_value_and_gradients_are_those_of_the_whole_matrix(n, chunk, temperature, grouped, seed):
    groups = torch.tensor(np.random.default_rng(seed).integers(0, n, n))
    alike = groups[:, None] == groups[None, :] if grouped else None
    results = []
    for chunked in (True, False):
        leaves = [x.requires_grad_() for x in (*drawn(n, 6, seed), double(temperature))]
        loss = (
            contrastive_loss(*leaves, identities=(groups,) if grouped else (), chunk=chunk)
            if chunked
            else whole(*leaves, alike=alike)
        )
        (3 * loss).backward()
        results.append([loss.detach(), *(leaf.grad for leaf in leaves)])
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-6, atol=1e-9)


def test_gradients_agree_with_finite_differences():
    torch.manual_seed(0)
    images, texts = (torch.randn(5, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    temperature = double(0.5).requires_grad_()
    identities = (torch.tensor([0, 0, 1, 2, 3]), torch.tensor([0, 1, 2, 3, 2]))
    assert torch.autograd.gradcheck(
        lambda *a: contrastive_loss(*a, identities=identities, chunk=2), (images, texts, temperature)
    )


def test_identical_texts_are_no_negatives():
    one = torch.eye(3)
    images, texts, sharp = one[[0, 0, 1]], one[[0, 0, 1]], torch.tensor(0.01)
    same_text = (torch.tensor([7, 7, 8]),)
    assert float(contrastive_loss(images, texts, sharp, smoothing=0.0, identities=same_text)) == pytest.approx(
        0, abs=1e-6
    )
    assert float(contrastive_loss(images, texts, sharp, smoothing=0.0)) == pytest.approx(4 / 3 * np.log(2), rel=1e-5)


@pytest.mark.slow
def test_a_large_batch_needs_the_memory_of_a_chunk():
    """4,096 × 4,096 numbers would be 64 MB in single precision; the largest tensor made here has 32 rows of them."""
    images, texts = (torch.randn(4096, 8, requires_grad=True) for _ in range(2))
    made = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            made.extend(
                x.numel() for x in (result if isinstance(result, tuple) else [result]) if isinstance(x, torch.Tensor)
            )
            return result

    with Watch():
        contrastive_loss(images, texts, torch.tensor(0.1), chunk=32).backward()
    assert max(made) <= 32 * 4096 * 1.01


def _one_of_several(rank: int, processes: int, port: int, folder: Path):
    def work() -> None:
        dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=processes)
        torch.manual_seed(0)
        layer = torch.nn.Linear(5, 4).double()
        images, texts = drawn(12, 5, 3)
        groups, temperature = torch.arange(12) // 2, double(0.3).requires_grad_()
        own = slice(rank * 12 // processes, (rank + 1) * 12 // processes)
        loss = contrastive_loss(layer(images[own]), layer(texts[own]), temperature, identities=(groups[own],), chunk=3)
        loss.backward()
        gradients = [layer.weight.grad, layer.bias.grad, temperature.grad]
        for gradient in gradients:  # as DistributedDataParallel does
            dist.all_reduce(gradient)
            gradient /= processes
        told = [float(loss), *(gradient.tolist() for gradient in gradients)]
        (folder / f"{rank}.json").write_text(json.dumps(told))
        dist.destroy_process_group()

    return work


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_have_the_gradients_of_one(processes, tmp_path):
    torch.manual_seed(0)
    layer = torch.nn.Linear(5, 4).double()
    images, texts = drawn(12, 5, 3)
    groups, temperature = torch.arange(12) // 2, double(0.3).requires_grad_()
    loss = whole(layer(images), layer(texts), temperature, alike=groups[:, None] == groups)
    loss.backward()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = [start(_one_of_several(rank, processes, port, tmp_path)) for rank in range(processes)]
    for each in running:
        each.join()
    for rank in range(processes):
        value, weight, bias, of_temperature = json.loads((tmp_path / f"{rank}.json").read_text())
        assert value == pytest.approx(float(loss), rel=1e-9)
        assert torch.allclose(double(weight), layer.weight.grad, rtol=1e-8)
        assert torch.allclose(double(bias), layer.bias.grad, rtol=1e-8, atol=1e-12)
        assert of_temperature == pytest.approx(float(temperature.grad), rel=1e-9)
