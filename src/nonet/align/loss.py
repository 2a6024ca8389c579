"""The normalised softmax loss of ALIGN (Jia et al. 2021, §4.1 and §5), in memory that does not grow with its square.

The matrix of all cosines is never whole: it is computed a chunk of rows at a time, once for the sums and once more for
the gradients, and thrown away. Value and gradients are those of the whole matrix. Started by ``torchrun``, each process
holds the rows of its own pictures against the texts of all processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["contrastive_loss"]

_NUMBERS = 2**21  # of the matrix in memory at a time: what is summed lies in the cache, and BLAS still has work to do

Identities = Sequence[Int[Tensor, "pairs"]]


def contrastive_loss(
    images: Float[Tensor, "pairs dim"],
    texts: Float[Tensor, "pairs dim"],
    temperature: Float[Tensor, ""],
    *,
    smoothing: float = 0.1,
    identities: Identities = (),
    chunk: int = 0,
) -> Float[Tensor, ""]:
    """Each picture must find its text among all texts of the batch, and each text its picture.

    The two directions are added, not averaged, as the article minimises their sum. Smoothing gives `smoothing / n` to
    each of a row's `n` candidates, the right one among them.

    In several processes the batch is that of all of them: every process returns the same loss, and after the gradients
    are averaged over the processes (as `DistributedDataParallel` does) they are those of one process with all pairs,
    for any number of processes.

    Args:
        images: embeddings of length 1.
        texts: embeddings of length 1; row i belongs to row i of `images`.
        temperature: cosines are divided by it.
        smoothing: share of the target spread over all candidates.
        identities: numbers for each pair, such as that of its picture and that of its text: two pairs that agree in
            any of them are no negatives of each other and leave each other's softmax.
        chunk: rows of the matrix in memory at a time; 0 for as many as make two million numbers.
    Returns:
        The mean over the pairs of all processes. It can be differentiated once.
    """
    wide = torch.promote_types(torch.promote_types(images.dtype, texts.dtype), torch.float32)
    with torch.autocast(images.device.type, enabled=False):  # sums over thousands of pairs need their digits
        given = images.to(wide), texts.to(wide), temperature.to(wide)
        return _Contrastive.apply(*given, smoothing, tuple(identities), chunk)  # pyright: ignore[reportReturnType]


class _Contrastive(torch.autograd.Function):
    """Computes the gradients together with the value, so that nothing of the matrix must be kept."""

    @staticmethod
    def forward(
        ctx: Any,
        images: Tensor,
        texts: Tensor,
        temperature: Tensor,
        smoothing: float,
        identities: tuple[Tensor, ...],
        chunk: int,
    ) -> Tensor:
        rows = _Rows(images.detach(), texts.detach(), temperature.detach(), smoothing, identities, chunk)
        value = rows.value()
        if any(ctx.needs_input_grad[:3]):
            ctx.save_for_backward(*rows.gradients())
        return value

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        return (*(gradient * outer[0] for gradient in ctx.saved_tensors), None, None, None)


class _Rows:
    """The rows of this process's pictures in the matrix of all pairs, and the sums over its rows and columns."""

    def __init__(
        self,
        images: Float[Tensor, "own dim"],
        texts: Float[Tensor, "own dim"],
        temperature: Float[Tensor, ""],
        smoothing: float,
        identities: tuple[Tensor, ...],
        chunk: int,
    ) -> None:
        self.images, self.texts, self.temperature = images, _gathered(texts), temperature
        self.own_identities, self.identities = identities, tuple(map(_gathered, identities))
        self.smoothing, self.chunk = smoothing, chunk or max(1, _NUMBERS // len(self.texts))
        self.first = _rank() * len(images)  # the number of this process's first pair

    def value(self) -> Float[Tensor, ""]:
        """The loss; keeps the logarithms of the softmax's sums for the gradients."""
        own, pairs = len(self.images), len(self.texts)
        row_sums = self.images.new_empty(own)
        row_counts = self.images.new_empty(own)
        row_means = self.images.new_empty(own)
        right = self.images.new_empty(own)
        peaks = self.images.new_full((pairs,), -torch.inf)
        scaled = self.images.new_zeros(pairs)
        column_totals, column_counts = self.images.new_zeros(pairs), self.images.new_zeros(pairs)
        for rows in self._chunks():
            scores, left_out = self._scores(rows)
            right[rows] = scores.diagonal(self.first + rows.start)
            row_sums[rows] = scores.logsumexp(1)
            higher = torch.maximum(peaks, scores.amax(0))
            # where nothing is allowed yet the highest score is minus infinity
            shift = torch.where(higher.isfinite(), higher, 0)
            scaled = scaled * (peaks - shift).exp() + (scores - shift).exp_().sum(0)
            peaks = higher
            allowed = scores if left_out is None else scores.masked_fill_(left_out, 0)
            row_counts[rows] = pairs if left_out is None else (~left_out).sum(1).to(scores.dtype)
            row_means[rows] = allowed.sum(1) / row_counts[rows]
            column_totals += allowed.sum(0)
            column_counts += len(scores) if left_out is None else (~left_out).sum(0)
        self.row_sums, self.row_counts = row_sums, row_counts
        self.column_sums = _log_of_all(peaks, scaled)
        self.column_counts = _summed(column_counts)
        column_means = _summed(column_totals) / self.column_counts
        mine = slice(self.first, self.first + own)
        hit = 2 * (1 - self.smoothing) * right
        spread = self.smoothing * (row_means + column_means[mine])
        total = (row_sums + self.column_sums[mine] - hit - spread).sum()
        return _summed(total) / pairs

    def gradients(self) -> tuple[Tensor, Tensor, Tensor]:
        """With respect to this process's pictures and texts, and to the temperature.

        Those of pictures and texts are whole here and zero in the other processes, so they are multiplied by the
        number of processes, over which they will be averaged.
        """
        own, pairs = len(self.images), len(self.texts)
        of_images, of_texts = torch.empty_like(self.images), torch.zeros_like(self.texts)
        of_temperature = self.temperature.new_zeros(())
        for rows in self._chunks():
            scores, left_out = self._scores(rows)
            error = (scores - self.row_sums[rows, None]).exp_()
            error += (scores - self.column_sums).exp_()
            even = self.smoothing * (1 / self.row_counts[rows, None] + 1 / self.column_counts)
            error -= even if left_out is None else even.masked_fill(left_out, 0)
            error.diagonal(self.first + rows.start).sub_(2 * (1 - self.smoothing))
            error /= pairs
            finite = scores if left_out is None else scores.masked_fill(left_out, 0)
            of_temperature -= (error * finite).sum() / self.temperature
            error /= self.temperature
            of_images[rows] = error @ self.texts
            of_texts += error.T @ self.images[rows]
        of_texts = _summed(of_texts)[self.first : self.first + own]
        return of_images * _processes(), of_texts * _processes(), _summed(of_temperature)

    def _chunks(self) -> list[slice]:
        own = len(self.images)
        return [slice(start, min(start + self.chunk, own)) for start in range(0, own, self.chunk)]

    def _scores(self, rows: slice) -> tuple[Float[Tensor, "rows pairs"], Bool[Tensor, "rows pairs"] | None]:
        """Cosines over the temperature, minus infinity for what is left out, and what that is."""
        scores = self.images[rows] @ self.texts.T / self.temperature
        if not self.identities:
            return scores, None
        left_out = torch.zeros_like(scores, dtype=torch.bool)
        for own, everyone in zip(self.own_identities, self.identities, strict=True):
            left_out |= own[rows, None] == everyone
        left_out.diagonal(self.first + rows.start).fill_(False)
        return scores.masked_fill_(left_out, -torch.inf), left_out


def _processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _rank() -> int:
    return dist.get_rank() if _processes() > 1 else 0


def _gathered(own: Tensor) -> Tensor:
    """The rows of all processes, in their order."""
    if _processes() == 1:
        return own
    parts = [torch.empty_like(own) for _ in range(_processes())]
    dist.all_gather(parts, own.contiguous())
    return torch.cat(parts)


def _summed(own: Tensor) -> Tensor:
    if _processes() > 1:
        dist.all_reduce(own)
    return own


def _log_of_all(peaks: Float[Tensor, "pairs"], scaled: Float[Tensor, "pairs"]) -> Float[Tensor, "pairs"]:
    """The logarithm of a sum of exponentials, of which each process has a part as its peak and what is above it."""
    highest = peaks.clone()
    if _processes() > 1:
        dist.all_reduce(highest, dist.ReduceOp.MAX)
    return highest + _summed(scaled * (peaks - highest).exp()).log()
