"""The eigenvalues as functions that torch can differentiate: once, twice, forward, and under ``torch.func.vmap``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nonet.eigen.namespaces import Namespace
from nonet.eigen.spectrum import (
    general_change,
    general_values,
    hermitian_change,
    hermitian_values,
    over,
)

__all__ = ["General", "Hermitian"]

_TORCH = Namespace("torch", torch)


def _batched(function: Any, info: Any, in_dims: tuple[int | None, ...], arrays: tuple[Tensor, ...]) -> Any:
    """The rule of ``vmap``: these functions work element by element, so a batch is one more axis in front."""
    arrays = tuple(
        array.expand(info.batch_size, *array.shape) if axis is None else array.movedim(axis, 0)
        for array, axis in zip(arrays, in_dims, strict=True)
    )
    return function.apply(*arrays), (0, 0, 0)


class General(torch.autograd.Function):
    """(a, b, c, d) to (low, high, half), all three complex."""

    @staticmethod
    def forward(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return general_values(_TORCH, a, b, c, d)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        ctx.save_for_backward(*inputs, output[2])
        ctx.save_for_forward(*inputs, output[2])

    @staticmethod
    def backward(ctx: Any, low: Tensor, high: Tensor, half: Tensor) -> tuple[Tensor, ...]:
        a, b, c, d, s = ctx.saved_tensors
        apart, together = high - low + half, 0.5 * (low + high)
        # of a complex function torch wants the conjugate derivative times the incoming gradient
        diagonal = over(_TORCH, (0.25 * (a - d)).conj() * apart, s.conj())
        found = (
            together + diagonal,
            over(_TORCH, 0.5 * c.conj() * apart, s.conj()),
            over(_TORCH, 0.5 * b.conj() * apart, s.conj()),
            together - diagonal,
        )
        return found if a.is_complex() else tuple(gradient.real for gradient in found)

    @staticmethod
    def jvp(ctx: Any, *change: Tensor) -> tuple[Tensor, ...]:
        *entries, s = ctx.saved_tensors
        apart = general_change(_TORCH, tuple(entries), s, change)
        centre = 0.5 * (change[0] + change[3])
        return centre - apart, centre + apart, apart

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *arrays: Tensor) -> Any:
        return _batched(General, info, in_dims, arrays)


class Hermitian(torch.autograd.Function):
    """(a, b, d) to (low, high, half), all three real."""

    @staticmethod
    def forward(a: Tensor, b: Tensor, d: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return hermitian_values(_TORCH, a, b, d)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        ctx.save_for_backward(*inputs, output[2])
        ctx.save_for_forward(*inputs, output[2])

    @staticmethod
    def backward(ctx: Any, low: Tensor, high: Tensor, half: Tensor) -> tuple[Tensor, ...]:
        a, b, d, s = ctx.saved_tensors
        apart, together = high - low + half, 0.5 * (low + high)
        diagonal = over(_TORCH, 0.25 * (a - d) * apart, s)
        if b.is_complex():
            across = torch.complex(over(_TORCH, b.real * apart, s), over(_TORCH, b.imag * apart, s))
        else:
            across = over(_TORCH, b * apart, s)
        return together + diagonal, across, together - diagonal

    @staticmethod
    def jvp(ctx: Any, *change: Tensor) -> tuple[Tensor, ...]:
        *entries, s = ctx.saved_tensors
        apart = hermitian_change(_TORCH, tuple(entries), s, change)
        centre = 0.5 * (change[0] + change[2])
        return centre - apart, centre + apart, apart

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *arrays: Tensor) -> Any:
        return _batched(Hermitian, info, in_dims, arrays)
