"""The normalised softmax loss of ALIGN (Jia et al. 2021, §4.1 and §5)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["contrastive_loss"]


def contrastive_loss(
    images: Float[Tensor, "pairs dim"],
    texts: Float[Tensor, "pairs dim"],
    temperature: Float[Tensor, ""],
    *,
    smoothing: float = 0.1,
    groups: Int[Tensor, "pairs"] | None = None,
) -> Float[Tensor, ""]:
    """Each picture must find its text among the texts of the batch, and each text its picture.

    The two directions are added, not averaged, as the article minimises their sum. Smoothing gives `smoothing / n` to
    each of a row's `n` candidates, the right one among them.

    Args:
        images: embeddings of length 1.
        texts: embeddings of length 1; row i belongs to row i of `images`.
        temperature: cosines are divided by it.
        smoothing: share of the target spread over all candidates.
        groups: pairs of one group (the same picture, drawings of the same thing) are no negatives of each other: they
            leave each other's softmax. All pairs are negatives of each other by default.
    Returns:
        The mean over pairs.
    """
    logits = images @ texts.T / temperature
    if groups is None:
        target = torch.arange(len(logits), device=logits.device)
        rows = torch.nn.functional.cross_entropy(logits, target, label_smoothing=smoothing)
        return rows + torch.nn.functional.cross_entropy(logits.T, target, label_smoothing=smoothing)
    alike = groups[:, None] == groups[None, :]
    alike.fill_diagonal_(False)
    return _masked_cross_entropy(logits, alike, smoothing) + _masked_cross_entropy(logits.T, alike, smoothing)


def _masked_cross_entropy(
    logits: Float[Tensor, "pairs pairs"], left_out: Tensor, smoothing: float
) -> Float[Tensor, ""]:
    logs = logits.masked_fill(left_out, -torch.inf).log_softmax(1)
    spread = logs.masked_fill(left_out, 0).sum(1) / (~left_out).sum(1)
    return -((1 - smoothing) * logs.diagonal() + smoothing * spread).mean()
