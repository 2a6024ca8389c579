"""The pointer: attention of each token over all others, to the one that follows it (Mallinson et al., section 3.2).

It sees the encoder's states, the tags (gold ones in training, predicted ones afterwards) and positions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FORBIDDEN", "Pointer"]

FORBIDDEN = -1e9  # the score of what cannot be pointed to: padding, and a token itself


class Pointer(nn.Module):
    """Scores of pointing from each token to each.

    Args:
        hidden: width of the encoder's states.
        tags: how many classes the tagger has.
        positions: the longest input.
        heads: of the block that transforms queries.
        query_size: width of queries and keys.
        repeats: how often the block is applied, with the same weights.
        keeps: which classes keep a token.
        prior: what the score of the order of the source begins with: each kept token points to the next kept one, a
            deleted one to the first mark. It is learnt on. The article has none (0), and has to learn from pairs that
            texts mostly stay in order.
    """

    keeps: Tensor

    def __init__(
        self,
        hidden: int,
        keeps: Sequence[bool],
        positions: int,
        heads: int,
        *,
        query_size: int = 64,
        repeats: int = 2,
        prior: float = 0.0,
    ) -> None:
        super().__init__()
        tags = len(keeps)
        width = math.ceil(math.sqrt(tags))
        self.repeats = repeats
        self.prior = nn.Parameter(torch.tensor(prior)) if prior else None
        self.register_buffer("keeps", torch.tensor(keeps), persistent=False)
        self.tag_embedding = nn.Embedding(tags, width)
        self.position_embedding = nn.Embedding(positions, width)
        self.mixed = nn.Linear(hidden + 2 * width, hidden)
        self.block = _Block(hidden, heads)
        self.query = nn.Linear(hidden, query_size)
        self.key = nn.Linear(hidden, query_size)

    def forward(
        self,
        states: Float[Tensor, "batch tokens hidden"],
        tags: Int[Tensor, "batch tokens"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens tokens"]:
        """The scores, row by row: from one token to every other."""
        length = tags.shape[1]
        places = self.position_embedding(torch.arange(length, device=tags.device)).expand(tags.shape[0], -1, -1)
        mixed = F.gelu(self.mixed(torch.cat([states, self.tag_embedding(tags), places], dim=-1)))
        queried = mixed
        for _ in range(self.repeats):
            queried = self.block(queried, mask)
        scores = self.query(queried) @ self.key(mixed).transpose(1, 2)
        scores = scores.float()
        if self.prior is not None:
            scores = scores + self.prior * self._in_order(tags, mask)
        order = torch.arange(length, device=tags.device)
        itself = order[:, None] == order[None, :]
        return scores.masked_fill(itself | ~mask[:, None, :], FORBIDDEN)

    def _in_order(
        self, tags: Int[Tensor, "batch tokens"], mask: Bool[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch tokens tokens"]:
        """1 where a token would point if nothing moved, else 0."""
        places = torch.arange(tags.shape[1], device=tags.device)
        kept = self.keeps[tags] & mask
        rank = kept.long().cumsum(dim=1)  # the next kept token is the first of a rank one higher
        follows = (rank[:, None, :] == rank[:, :, None] + 1) & kept[:, None, :] & kept[:, :, None]
        last = rank == rank[:, -1:]
        ends = (~kept | last)[:, :, None] & (places == 0)[None, None, :]
        return (follows | ends).float()


class _Block(nn.Module):
    """One transformer block, normalised behind each half."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.projections = nn.Linear(hidden, 3 * hidden)
        self.output = nn.Linear(hidden, hidden)
        self.attention_norm = nn.LayerNorm(hidden)
        self.wide = nn.Linear(hidden, 4 * hidden)
        self.narrow = nn.Linear(4 * hidden, hidden)
        self.norm = nn.LayerNorm(hidden)

    def forward(
        self, x: Float[Tensor, "batch tokens hidden"], mask: Bool[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch tokens hidden"]:
        batch, length, hidden = x.shape
        parts = self.projections(x).view(batch, length, 3, self.heads, hidden // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        x = self.attention_norm(x + self.output(seen.transpose(1, 2).reshape(batch, length, hidden)))
        return self.norm(x + self.narrow(F.gelu(self.wide(x))))
