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


class _Spectral(torch.autograd.Function):
    """What both kinds share; the first entry given is a, the last one d, and the last result half the distance."""

    change: Any  # the change of half the distance, a function of `nonet.eigen.spectrum`

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        ctx.save_for_backward(*inputs, output[2])
        ctx.save_for_forward(*inputs, output[2])

    @classmethod
    def jvp(cls, ctx: Any, *change: Tensor) -> tuple[Tensor, ...]:
        *entries, s = ctx.saved_tensors
        apart = cls.change(_TORCH, tuple(entries), s, change)
        centre = 0.5 * (change[0] + change[-1])
        return centre - apart, centre + apart, apart

    @classmethod
    def vmap(cls, info: Any, in_dims: tuple[int | None, ...], *arrays: Tensor) -> Any:
        """These functions work element by element, so a batch is one more axis in front."""
        arrays = tuple(
            array.expand(info.batch_size, *array.shape) if axis is None else array.movedim(axis, 0)
            for array, axis in zip(arrays, in_dims, strict=True)
        )
        return cls.apply(*arrays), (0, 0, 0)


class General(_Spectral):
    """(a, b, c, d) to (low, high, half), all three complex."""

    change = staticmethod(general_change)

    @staticmethod
    def forward(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return general_values(_TORCH, a, b, c, d)

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


class Hermitian(_Spectral):
    """(a, b, d) to (low, high, half), all three real."""

    change = staticmethod(hermitian_change)

    @staticmethod
    def forward(a: Tensor, b: Tensor, d: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return hermitian_values(_TORCH, a, b, d)

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
