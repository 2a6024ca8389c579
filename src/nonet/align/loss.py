"""The normalised softmax loss of ALIGN (Jia et al. 2021, §4.1 and §5)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["contrastive_loss"]


def contrastive_loss(
    images: Float[Tensor, "pairs dim"],
    texts: Float[Tensor, "pairs dim"],
    temperature: Float[Tensor, ""],
    *,
    smoothing: float = 0.1,
    alike: Bool[Tensor, "pairs pairs"] | None = None,
) -> Float[Tensor, ""]:
    """Each picture must find its text among the texts of the batch, and each text its picture.

    The two directions are added, not averaged, as the article minimises their sum. Smoothing gives `smoothing / n` to
    each of a row's `n` candidates, the right one among them.

    Args:
        images: embeddings of length 1.
        texts: embeddings of length 1; row i belongs to row i of `images`.
        temperature: cosines are divided by it.
        smoothing: share of the target spread over all candidates.
        alike: true where two pairs are no negatives of each other (one picture twice, one text for two pictures):
            they leave each other's softmax. The diagonal does not matter. By default all pairs are negatives.
    Returns:
        The mean over pairs.
    """
    logits = images @ texts.T / temperature
    if alike is None:
        target = torch.arange(len(logits), device=logits.device)
        rows = torch.nn.functional.cross_entropy(logits, target, label_smoothing=smoothing)
        return rows + torch.nn.functional.cross_entropy(logits.T, target, label_smoothing=smoothing)
    left_out = alike & ~torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    return _masked_cross_entropy(logits, left_out, smoothing) + _masked_cross_entropy(logits.T, left_out.T, smoothing)


def _masked_cross_entropy(
    logits: Float[Tensor, "pairs pairs"], left_out: Bool[Tensor, "pairs pairs"], smoothing: float
) -> Float[Tensor, ""]:
    logs = logits.masked_fill(left_out, -torch.inf).log_softmax(1)
    spread = logs.masked_fill(left_out, 0).sum(1) / (~left_out).sum(1)
    return -((1 - smoothing) * logs.diagonal() + smoothing * spread).mean()
