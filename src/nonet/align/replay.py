"""Large batches on small machines: towers see a chunk of pairs at a time, the loss sees all of them.

Each chunk is computed twice, first for its embeddings and again when its gradients are due, so that only one chunk's
intermediate results are in memory. The second time draws the same random numbers (dropout, stochastic depth), and
batch normalisation uses the statistics of the chunk both times, as the article's cores with 16 pairs each did (§5), but
counts them into its averages once. So every gradient, that of the temperature too, is that of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

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

    def contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), _averages_kept(module)

    parts = [
        checkpoint(
            encode,
            *(tensor[start : start + chunk] for tensor in inputs),
            use_reentrant=False,
            preserve_rng_state=True,
            context_fn=contexts,
        )
        for start in range(0, rows, chunk)
    ]
    return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))


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
