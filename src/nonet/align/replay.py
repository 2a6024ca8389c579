"""Large batches on small machines: towers see a chunk of pairs at a time, the loss sees all of them.

Each chunk is computed twice, first for its embeddings alone and again when its gradients are due, so that only one
chunk's intermediate results are ever in memory, and of the others not even the graph. The second time draws the same
random numbers (dropout, stochastic depth), and batch normalisation uses the statistics of the chunk both times, as the
article's cores with 16 pairs each did (§5), but counts them into its averages once. So every gradient, that of the
temperature too, is that of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import get_device_states, set_device_states

__all__ = ["in_chunks"]


def in_chunks(
    encode: Callable[..., tuple[Tensor, ...]], module: nn.Module, inputs: tuple[Tensor, ...], chunk: int
) -> tuple[Tensor, ...]:
    """What `encode` gives for all rows, computed a chunk of rows at a time, with exact gradients.

    Args:
        encode: takes a chunk of each input and gives tensors with one row a row.
        module: what `encode` computes with; the averages of its batch normalisations are updated once a chunk.
        inputs: tensors with the same number of rows.
        chunk: rows at a time; 0, or as many as there are, computes all at once and keeps what the gradients need.
    """
    rows = len(inputs[0])
    if not 0 < chunk < rows:
        return encode(*inputs)
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return cast("tuple[Tensor, ...]", _Replayed.apply(encode, module, inputs, chunk, *learning))


class _Replayed(torch.autograd.Function):
    """One node of the graph for all chunks; the parameters get the sum of the chunks' gradients at once."""

    @staticmethod
    def forward(
        ctx: Any, encode: Callable[..., tuple[Tensor, ...]], module: nn.Module, inputs: tuple[Tensor, ...], chunk: int,
        *parameters: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        device = inputs[0].device.type
        precision = {"dtype": torch.get_autocast_dtype(device), "enabled": torch.is_autocast_enabled(device)}
        ctx.encode, ctx.module, ctx.inputs, ctx.chunk = encode, module, inputs, chunk
        ctx.autocast = torch.autocast(device, **precision)
        ctx.randomness, parts = [], []
        for part in _parts(inputs, chunk):
            ctx.randomness.append((torch.get_rng_state(), *get_device_states(*part)))
            parts.append(encode(*part))
        ctx.save_for_backward(*parameters)
        return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        parameters = ctx.saved_tensors
        totals: list[Tensor | None] = [None] * len(parameters)
        chunks = zip(_parts(ctx.inputs, ctx.chunk), _parts(outer, ctx.chunk), ctx.randomness, strict=True)
        with _randomness_kept(ctx.inputs), _averages_kept(ctx.module):
            for part, above, (state, devices, states) in chunks:
                torch.set_rng_state(state)
                set_device_states(devices, states)
                with torch.enable_grad(), ctx.autocast:
                    made = ctx.encode(*part)
                learnt = [place for place, tensor in enumerate(made) if tensor.requires_grad]
                given = [made[place] for place in learnt], parameters, [above[place] for place in learnt]
                for place, gradient in enumerate(torch.autograd.grad(*given, allow_unused=True)):
                    total = totals[place]
                    if gradient is not None:  # one tensor may be the gradient of two: never added to in place
                        totals[place] = gradient if total is None else total + gradient
        return None, None, None, None, *totals


def _parts(tensors: tuple[Tensor, ...], chunk: int) -> Iterator[tuple[Tensor, ...]]:
    for start in range(0, len(tensors[0]), chunk):
        yield tuple(tensor[start : start + chunk] for tensor in tensors)


@contextmanager
def _randomness_kept(inputs: tuple[Tensor, ...]) -> Iterator[None]:
    """Leaves the generators as they were."""
    state, devices = torch.get_rng_state(), get_device_states(*inputs)
    try:
        yield
    finally:
        torch.set_rng_state(state)
        set_device_states(*devices)


@contextmanager
def _averages_kept(module: nn.Module) -> Iterator[None]:
    """Batch normalisation as in training, without a change of its running averages."""
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    before = [(norm.momentum, cast(Tensor, norm.num_batches_tracked).clone()) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # the share of the new statistics
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, before, strict=True):
            norm.momentum = momentum
            cast(Tensor, norm.num_batches_tracked).copy_(tracked)
