"""An activation as features: one row for each example, whatever its shape in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Positions", "batch_first", "flat", "outputs", "pooled"]

_DEEPEST = 4  # of nested outputs


def outputs(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """The tensors in a module's output, named ``name``, ``name[0]``, ``name.logits`` and so on.

    One tensor in a tuple is named as if it were alone.
    """
    if isinstance(value, Tensor):
        yield name, value
    elif depth < _DEEPEST and isinstance(value, Mapping):
        for key, item in value.items():
            yield from outputs(item, f"{name}.{key}", depth + 1)
    elif depth < _DEEPEST and isinstance(value, (tuple, list)):
        tensors = [item for item in value if item is not None]
        for number, item in enumerate(tensors):
            yield from outputs(item, name if len(tensors) == 1 else f"{name}[{number}]", depth + 1)


def batch_first(tensor: Tensor, module: nn.Module, examples: int) -> Tensor | str:
    """The tensor with examples first, or why that cannot be had."""
    if not tensor.is_floating_point() and not tensor.is_complex():
        return f"holds {str(tensor.dtype).removeprefix('torch.')}, not numbers to compare"
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    recurrent = isinstance(module, nn.RNNBase)
    if recurrent and tensor.ndim == 3 and not (module.batch_first and tensor.shape[0] == examples):
        tensor = tensor.movedim(1, 0)  # (time or layers, batch, dim)
    if tensor.ndim < 1 or tensor.shape[0] != examples:
        return f"has shape {tuple(tensor.shape)}, whose first dimension is not the {examples} examples"
    return tensor.unsqueeze(1) if tensor.ndim == 1 else tensor


class Positions:
    """Which positions of each layer are kept, drawn once so that every batch keeps the same.

    Args:
        count: how many; None for all.
        seed: of the draw.
    """

    def __init__(self, count: int | None, seed: int) -> None:
        self._count, self._seed = count, seed
        self._kept: dict[tuple[str, int], Tensor] = {}

    def keep(self, tensor: Tensor, name: str) -> Tensor:
        """(examples, channels, …positions) or (examples, tokens, dim) at the kept positions."""
        if self._count is None or tensor.ndim < 3:
            return tensor
        dim = 1 if tensor.ndim == 3 else 2
        places = tensor if tensor.ndim == 3 else tensor.flatten(2)
        total = places.shape[dim]
        if total <= self._count:
            return tensor
        key = (name, total)
        if key not in self._kept:
            generator = torch.Generator().manual_seed(self._seed)
            self._kept[key] = torch.randperm(total, generator=generator)[: self._count].sort().values
        return places.index_select(dim, self._kept[key].to(places.device))


def flat(tensor: Tensor) -> Tensor:
    """(examples, features), all features in the order that they have in memory.

    A permutation of features changes no Gram matrix, so channels-last pictures are flattened without a copy.
    """
    order = sorted(range(1, tensor.ndim), key=lambda dim: -tensor.stride(dim))
    return tensor.permute(0, *order).reshape(len(tensor), -1)


def pooled(tensor: Tensor, tokens: str, mask: Tensor | None) -> Tensor:
    """A sequence (examples, tokens, dim) as `CompareOptions.tokens` says; other tensors as they are."""
    if tensor.ndim != 3:
        return tensor
    if mask is not None and mask.shape != tensor.shape[:2]:
        mask = None  # not a sequence of the tokens that the mask speaks of
    if tokens == "first":
        return tensor[:, 0]
    if tokens == "last":
        if mask is None:
            return tensor[:, -1]
        places = torch.arange(mask.shape[1], device=mask.device)
        last = (mask.ne(0) * (places + 1)).argmax(1).to(tensor.device)
        return tensor[torch.arange(len(tensor), device=tensor.device), last]
    if mask is not None:
        weights = mask.to(tensor.device, tensor.dtype).unsqueeze(2)
        tensor = tensor * weights
        if tokens == "mean":
            return tensor.sum(1) / weights.sum(1).clamp(min=1)
    return tensor.mean(1) if tokens == "mean" else tensor
